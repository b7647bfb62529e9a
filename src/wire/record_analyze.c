/* The shallow half of validation: what the entries' heads and checksums tell. */
#include "wire/record_layout.h"
#include "wire/record_validate.h"

#define PRODUCE_FIRST_V2_VERSION   3 /* exactly one v2 batch per partition */
#define PRODUCE_FIRST_ZSTD_VERSION 7

/* Event loops should not compute longer than this at a time. */
#define HEAVY_WORK_US 500
/* Typical ratio of data that was worth compressing. */
#define EXPANSION_GUESS 4

const struct append_rules APPEND_RULES_DEFAULT = {
    .origin = APPEND_CLIENT,
    .produce_version = -1,
    .max_message_bytes = 1048588,
    .timestamp_before_max_ms = INT64_MAX,
    .timestamp_after_max_ms = INT64_MAX,
    .target_codec = CODEC_PRODUCER,
    .target_level = CODEC_LEVEL_DEFAULT,
    .zstd_allowed = true,
    .leader_epoch = NO_LEADER_EPOCH,
};

static const char *where(const struct append_rules *rules)
{
    return rules->topic_partition ? rules->topic_partition : "the partition";
}

static enum err structure_error(struct errmsg *why, const struct append_rules *rules)
{
    errmsg_set(why, "%s: a record batch has an impossible size or an unknown magic", where(rules));
    return ERR_CORRUPT_MESSAGE;
}

/* Since v3 a Produce request carries exactly one v2 batch per partition. */
static enum err check_produce_version(struct view records, const struct append_rules *rules,
                                      struct errmsg *why)
{
    struct batch_info info;
    int version = rules->produce_version;
    enum err err = batch_next(&records, &info, NULL);
    if (err == ERR_WOULD_BLOCK) {
        errmsg_set(why, "%s: Produce v%d needs a record batch for every partition", where(rules), version);
        return ERR_INVALID_RECORD;
    }
    if (err)
        return structure_error(why, rules);
    if (info.magic != 2) {
        errmsg_set(why, "%s: Produce v%d needs magic 2, not %d", where(rules), version, info.magic);
        return ERR_INVALID_RECORD;
    }
    if (version < PRODUCE_FIRST_ZSTD_VERSION && info.codec == CODEC_ZSTD) {
        errmsg_set(why, "%s: zstd is not allowed in Produce v%d", where(rules), version);
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    }
    err = batch_next(&records, &info, NULL);
    if (err == ERR_WOULD_BLOCK)
        return ERR_NONE;
    if (err)
        return structure_error(why, rules);
    errmsg_set(why, "%s: Produce v%d carries one record batch per partition, not several", where(rules),
               version);
    return ERR_INVALID_RECORD;
}

static enum err check_entry(const struct batch_info *info, struct view entry,
                            const struct append_rules *rules, struct errmsg *why)
{
    if (rules->origin == APPEND_CLIENT && info->magic == 2 && info->base_offset != 0) {
        errmsg_set(why, "%s: a produced batch must have base offset 0, not %lld", where(rules),
                   (long long)info->base_offset);
        return ERR_INVALID_RECORD;
    }
    if (rules->origin != APPEND_REPLICATION && info->size_bytes > rules->max_message_bytes) {
        errmsg_set(why, "%s: a batch of %d bytes is larger than max.message.bytes=%d", where(rules),
                   info->size_bytes, rules->max_message_bytes);
        return ERR_MESSAGE_TOO_LARGE;
    }
    if (batch_check_crc(entry)) {
        errmsg_set(why, "%s: a record batch does not match its stored CRC %u", where(rules), info->crc);
        return ERR_CORRUPT_MESSAGE;
    }
    if (info->codec >= CODEC_COUNT) {
        errmsg_set(why, "%s: there is no compression codec %d", where(rules), info->codec);
        return ERR_MALFORMED;
    }
    return ERR_NONE;
}

static void add_entry(struct records_summary *out, const struct batch_info *info)
{
    if (out->entry_count == 0) {
        out->first = *info;
        out->first_offset = info->magic == 2 ? info->base_offset : -1;
        out->last_offset_of_first_entry = info->last_offset;
    } else if (info->last_offset <= out->last_offset) {
        out->offsets_rise = false;
    }
    out->entry_count++;
    out->last_offset = info->last_offset;
    out->last_leader_epoch = info->leader_epoch;
    if (info->max_timestamp > out->max_timestamp) {
        out->max_timestamp = info->max_timestamp;
        out->offset_of_max_timestamp = info->last_offset;
    }
    if (info->codec != CODEC_NONE)
        out->codec = (int8_t)info->codec;
}

enum err records_analyze(struct view records, const struct append_rules *rules, struct records_summary *out,
                         struct errmsg *why)
{
    *out = (struct records_summary){
        .bytes = view_of(records.ptr, 0),
        .first_offset = -1,
        .last_offset_of_first_entry = -1,
        .last_offset = -1,
        .max_timestamp = NO_TIMESTAMP,
        .offset_of_max_timestamp = -1,
        .last_leader_epoch = NO_LEADER_EPOCH,
        .offsets_rise = true,
    };
    if (rules->produce_version >= PRODUCE_FIRST_V2_VERSION) {
        enum err err = check_produce_version(records, rules, why);
        if (err)
            return err;
    }
    struct view rest = records, entry;
    struct batch_info info;
    enum err err;
    while (!(err = batch_next(&rest, &info, &entry))) {
        /* A leader that was deposed may still be sending what its successor never had. */
        if (rules->origin == APPEND_REPLICATION && rules->leader_epoch != NO_LEADER_EPOCH &&
            info.leader_epoch > rules->leader_epoch)
            return ERR_NONE;
        err = check_entry(&info, entry, rules, why);
        if (err)
            return err;
        add_entry(out, &info);
        out->bytes.len += entry.len;
    }
    return err == ERR_WOULD_BLOCK ? ERR_NONE : structure_error(why, rules);
}

uint32_t records_work_us(const struct records_summary *summary, const struct append_rules *rules)
{
    /* Nanoseconds per byte of uncompressed data, rounded up from measurements. */
    static const uint32_t read_ns[CODEC_COUNT] = {1, 4, 2, 1, 2};
    static const uint32_t write_ns[CODEC_COUNT] = {1, 40, 4, 4, 8};

    uint64_t bytes = summary->bytes.len;
    int source = summary->codec;
    int target = rules->target_codec == CODEC_PRODUCER ? source : rules->target_codec;
    if (source != CODEC_NONE)
        bytes *= EXPANSION_GUESS;
    uint64_t ns = bytes * read_ns[source];
    if (source != target || (summary->entry_count > 0 && summary->first.magic != 2))
        ns += bytes * write_ns[target];
    return ns / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ns / 1000);
}

bool records_needs_heavy_work(const struct records_summary *summary, const struct append_rules *rules)
{
    int target = rules->target_codec == CODEC_PRODUCER ? summary->codec : rules->target_codec;
    bool in_place = summary->codec == CODEC_NONE && target == CODEC_NONE && summary->first.magic == 2;
    return !in_place && records_work_us(summary, rules) > HEAVY_WORK_US;
}
