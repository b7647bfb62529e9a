/* Log files: batches, and the records in them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/be.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/dump.h"
#include "wire/record_iter.h"
#include "wire/record_layout.h"

/* Bytes that one wrapper of old messages may expand to. */
#define WRAPPER_MAX_BYTES ((size_t)1 << 30)
#define CONTROL_KEY_BYTES 4

/* Where a file stands: offsets should follow each other without a gap. */
struct walk {
    struct dump *dump;
    int64_t last_offset; /* -1: none seen */
};

static const char *timestamp_type(const struct batch_info *info)
{
    return info->magic == 0 ? "NoTimestampType" : info->log_append_time ? "LogAppendTime" : "CreateTime";
}

/* --- text ------------------------------------------------------------------------------------------ */

static void put_code_point(struct buf *out, uint32_t point)
{
    if (point < 0x80) {
        buf_put_i8(out, (int8_t)point);
    } else if (point < 0x800) {
        buf_put_i8(out, (int8_t)(0xC0 | point >> 6));
        buf_put_i8(out, (int8_t)(0x80 | (point & 0x3F)));
    } else if (point < 0x10000) {
        buf_put_i8(out, (int8_t)(0xE0 | point >> 12));
        buf_put_i8(out, (int8_t)(0x80 | (point >> 6 & 0x3F)));
        buf_put_i8(out, (int8_t)(0x80 | (point & 0x3F)));
    } else {
        buf_put_i8(out, (int8_t)(0xF0 | point >> 18));
        buf_put_i8(out, (int8_t)(0x80 | (point >> 12 & 0x3F)));
        buf_put_i8(out, (int8_t)(0x80 | (point >> 6 & 0x3F)));
        buf_put_i8(out, (int8_t)(0x80 | (point & 0x3F)));
    }
}

/* As Java prints bytes that it read as UTF-8: what is malformed becomes U+FFFD. */
static void put_text(struct buf *out, struct view bytes)
{
    for (size_t pos = 0; pos < bytes.len;) {
        if (bytes.ptr[pos] < 0x80) {
            buf_put_i8(out, (int8_t)bytes.ptr[pos++]);
            continue;
        }
        put_code_point(out, utf8_next(bytes, &pos));
    }
}

static bool put_decoded(struct buf *out, enum dump_decoder decoder, struct view bytes, struct errmsg *why)
{
    if (decoder == DUMP_STRING) {
        put_text(out, bytes);
        return true;
    }
    size_t wanted = decoder == DUMP_LONG ? sizeof(int64_t) : sizeof(int32_t);
    if (bytes.len != wanted) {
        errmsg_set(why, "a key or value of %zu bytes is no number of %zu", bytes.len, wanted);
        return false;
    }
    if (decoder == DUMP_LONG)
        buf_printf(out, "%" PRId64, be_get_i64(bytes.ptr));
    else
        buf_printf(out, "%" PRId32, be_get_i32(bytes.ptr));
    return true;
}

/* --- batches --------------------------------------------------------------------------------------- */

static void print_batch(struct dump *dump, const struct batch_info *info, struct view entry, int64_t pos)
{
    struct buf *out = &dump->line;
    if (info->magic >= 2) {
        buf_printf(out, "baseOffset: %" PRId64 " lastOffset: %" PRId64 " count: %" PRId32, info->base_offset,
                   info->last_offset, info->record_count);
        buf_printf(out, " baseSequence: %" PRId32 " lastSequence: %" PRId32 " producerId: %" PRId64,
                   info->base_sequence, info->last_sequence, info->producer_id);
        buf_printf(out, " producerEpoch: %d partitionLeaderEpoch: %" PRId32 " isTransactional: %s",
                   info->producer_epoch, info->leader_epoch, info->transactional ? "true" : "false");
        buf_printf(out, " isControl: %s deleteHorizonMs: OptionalLong", info->control ? "true" : "false");
        if (info->has_delete_horizon)
            buf_printf(out, "[%" PRId64 "]", info->base_timestamp);
        else
            buf_put_str(out, ".empty");
    } else {
        buf_printf(out, "offset: %" PRId64, info->last_offset);
    }
    buf_printf(out, " position: %" PRId64 " %s: %" PRId64 " size: %" PRId32, pos, timestamp_type(info),
               info->max_timestamp, info->size_bytes);
    buf_printf(out, " magic: %d compresscodec: %s crc: %" PRIu32 " isvalid: %s", info->magic,
               codec_name(info->codec), info->crc, batch_check_crc(entry) == ERR_NONE ? "true" : "false");
    dump_print(dump);
}

/* --- records --------------------------------------------------------------------------------------- */

static const char *control_name(int16_t type)
{
    static const char *const names[] = {"ABORT",           "COMMIT",          "LEADER_CHANGE",
                                        "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION",
                                        "KRAFT_VOTERS"};
    return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : "UNKNOWN";
}

static bool put_control(struct buf *out, struct view entry, const struct record *record, struct errmsg *why)
{
    struct control_marker marker;
    if (record->key.len < CONTROL_KEY_BYTES || control_batch_parse(entry, &marker) != ERR_NONE) {
        errmsg_set(why, "the record of the control batch at offset %" PRId64 " is malformed", record->offset);
        return false;
    }
    if (marker.type == CONTROL_OTHER)
        buf_printf(out, " controlType: %s(%d)", control_name(marker.raw_type), marker.raw_type);
    else
        buf_printf(out, " endTxnMarker: %s coordinatorEpoch: %" PRId32, control_name(marker.raw_type),
                   marker.coordinator_epoch);
    return true;
}

static void put_header_keys(struct buf *out, struct view headers)
{
    struct record_header header;
    const char *separator = "";
    buf_put_str(out, " headerKeys: [");
    while (record_header_next(&headers, &header)) {
        buf_put_str(out, separator);
        put_text(out, header.key);
        separator = ",";
    }
    buf_put_str(out, "]");
}

/* Key and value; `first` tells that nothing stands on the line yet. */
static bool put_contents(struct dump *dump, bool first, const struct record *record, struct errmsg *why)
{
    struct buf *out = &dump->line;
    if (!view_is_null(record->key)) {
        buf_put_str(out, first ? "| key: " : " key: ");
        if (!put_decoded(out, dump->options.key_decoder, record->key, why))
            return false;
    }
    if (view_is_null(record->value))
        return true;
    buf_put_str(out, " payload: ");
    return put_decoded(out, dump->options.value_decoder, record->value, why);
}

/* A message of magic 0 or 1 shows its own checksum. */
struct legacy_check {
    bool valid;
    uint32_t crc;
};

static bool print_record(struct walk *walk, const struct batch_info *info, struct view entry,
                         const struct record *record, const struct legacy_check *legacy, struct errmsg *why)
{
    struct dump *dump = walk->dump;
    struct buf *out = &dump->line;
    if (walk->last_offset != -1 && record->offset != walk->last_offset + 1)
        dump_report(dump, DUMP_NON_CONSECUTIVE, walk->last_offset, record->offset);
    walk->last_offset = record->offset;
    bool metadata = !dump->options.skip_metadata;
    if (metadata) {
        buf_printf(out, "| offset: %" PRId64 " %s: %" PRId64 " keySize: %" PRId32 " valueSize: %" PRId32,
                   record->offset, timestamp_type(info), record->timestamp, record->key_size,
                   record->value_size);
        if (info->magic >= 2) {
            buf_printf(out, " sequence: %" PRId32, record->sequence);
            put_header_keys(out, record->headers);
        }
        /* The brace that closes nothing is Kafka's, and scripts have it in their expressions. */
        if (legacy != NULL)
            buf_printf(out, " isValid: %s crc: %" PRIu32 "}", legacy->valid ? "true" : "false", legacy->crc);
        if (info->control && !put_control(out, entry, record, why))
            return false;
    }
    if (dump->options.print_data && !info->control && !put_contents(dump, !metadata, record, why))
        return false;
    dump_print(dump);
    return true;
}

static bool say_broken(const struct batch_info *info, enum err err, struct errmsg *why)
{
    errmsg_set(why, "the records of the batch that ends at offset %" PRId64 " are broken: %s",
               info->last_offset, err_meaning(err));
    return false;
}

static bool print_batch_records(struct walk *walk, const struct batch_info *info, struct view entry,
                                struct errmsg *why)
{
    struct record_iter it;
    struct record record;
    struct legacy_check legacy = {batch_check_crc(entry) == ERR_NONE, info->crc};
    bool fine = true;
    record_iter_open(&it, entry, RECORD_VIEW, NULL, walk->dump->codec);
    while (fine && record_iter_next(&it, &record))
        fine = print_record(walk, info, entry, &record, info->magic < 2 ? &legacy : NULL, why);
    enum err err = record_iter_close(&it);
    return fine && err != ERR_NONE ? say_broken(info, err, why) : fine;
}

/* --- compressed sets of old messages ---------------------------------------------------------------- */

/* Offset of the last message of a set; -1 when there is none. */
static int64_t last_inner_offset(struct view set)
{
    struct batch_info info;
    int64_t last = -1;
    while (batch_next(&set, &info, NULL) == ERR_NONE)
        last = info.last_offset;
    return last;
}

/*
 * The inner messages one by one, with their own checksums, whether these are right or not. In magic 1 their
 * offsets are relative, unless the wrapper has none of its own yet, and the wrapper's time stands for theirs
 * if it is the broker's.
 */
static bool print_inner(struct walk *walk, const struct batch_info *info, struct view set, struct errmsg *why)
{
    int64_t base = info->magic == 1 ? info->last_offset - last_inner_offset(set) : 0;
    struct batch_info inner;
    struct view entry;
    if (base < 0)
        base = 0;
    while (batch_next(&set, &inner, &entry) == ERR_NONE) {
        struct record_iter it;
        struct record record;
        struct legacy_check legacy = {batch_check_crc(entry) == ERR_NONE, inner.crc};
        if (inner.codec != CODEC_NONE) {
            errmsg_set(why, "Inner messages must not be compressed");
            return false;
        }
        record_iter_open(&it, entry, RECORD_VIEW, NULL, NULL);
        bool fine = record_iter_next(&it, &record);
        if (fine) {
            record.offset += base;
            if (info->log_append_time)
                record.timestamp = info->max_timestamp;
            fine = print_record(walk, info, entry, &record, &legacy, why);
        }
        enum err err = record_iter_close(&it);
        if (err != ERR_NONE)
            return say_broken(info, err, why);
        if (!fine)
            return false;
    }
    return true;
}

static bool print_wrapper(struct walk *walk, const struct batch_info *info, struct view entry,
                          struct errmsg *why)
{
    /* Key and value stand at the end, each behind its size. */
    size_t at = info->magic == 0 ? LEGACY_V0_KEY : LEGACY_V1_KEY;
    int32_t key_size = at + sizeof key_size <= entry.len ? be_get_i32(entry.ptr + at) : -1;
    at += sizeof key_size + (size_t)(key_size > 0 ? key_size : 0);
    int32_t value_size = at + sizeof value_size <= entry.len ? be_get_i32(entry.ptr + at) : -1;
    at += sizeof value_size;
    if (value_size < 0 || at > entry.len || (size_t)value_size > entry.len - at) {
        errmsg_set(why, "Found invalid compressed record set with null value (magic = %d)", info->magic);
        return false;
    }
    struct buf set = {0};
    enum err err = decompress_all(walk->dump->codec, (enum codec)info->codec, info->magic,
                                  view_of(entry.ptr + at, (size_t)value_size), WRAPPER_MAX_BYTES, &set);
    bool fine = err == ERR_NONE ? print_inner(walk, info, buf_view(&set), why) : say_broken(info, err, why);
    buf_close(&set);
    return fine;
}

/* --- the file --------------------------------------------------------------------------------------- */

static bool print_entry(struct walk *walk, const struct batch_info *info, struct view entry, int64_t pos,
                        struct errmsg *why)
{
    if (info->codec >= CODEC_COUNT) {
        errmsg_set(why, "Unknown compression type id: %d", info->codec);
        return false;
    }
    print_batch(walk->dump, info, entry, pos);
    if (!walk->dump->options.deep)
        return true;
    if (info->magic < 2 && info->codec != CODEC_NONE)
        return print_wrapper(walk, info, entry, why);
    return print_batch_records(walk, info, entry, why);
}

bool dump_records(struct dump *dump, const char *path, struct errmsg *why)
{
    struct walk walk = {.dump = dump, .last_offset = -1};
    struct dump_log log;
    int64_t start;
    if (!dump_base_offset(path, &start, why))
        return false;
    buf_printf(&dump->line, "Log starting offset: %" PRId64, start);
    dump_print(dump);
    if (!dump_log_open(&log, path, why))
        return false;
    int64_t end = log.size < dump->options.max_bytes ? log.size : dump->options.max_bytes;
    int64_t pos = 0;
    enum dump_step step;
    for (;;) {
        struct batch_info info;
        struct view entry;
        step = dump_log_read(&log, pos, end, true, &info, &entry, why);
        if (step != DUMP_ENTRY)
            break;
        if (!print_entry(&walk, &info, entry, pos, why)) {
            step = DUMP_BROKEN;
            break;
        }
        pos += info.size_bytes;
        progress_step(&dump->progress, info.size_bytes);
    }
    if (step == DUMP_END && end > pos && dump->options.max_bytes == DUMP_NO_LIMIT) {
        buf_printf(&dump->line, "Found %" PRId64 " invalid bytes at the end of %s", end - pos,
                   dump_file_name(path));
        dump_print(dump);
    }
    dump_log_close(&log);
    return step == DUMP_END;
}
