#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/group/internal.h"
#include "core/group/loader.h"
#include "wire/record_iter.h"

/* Complaints of one load that are worth a line each. */
#define COMPLAINTS_MAX 20

struct group_loader {
    struct grp_tables tables;
    struct grp_group *last; /* records of a group lie together */
    struct codec_ctx *codecs;
    struct arena arena;
    int32_t offsets_partition;
    int64_t next_offset;
    int complaints;
    uint64_t unknown_versions; /* bits of those that were said */
    bool is_finished;
    struct group_load_counts counts;
};

struct group_loader *group_loader_new(int32_t offsets_partition)
{
    struct group_loader *l = MEM_NEW(struct group_loader);
    l->offsets_partition = offsets_partition;
    l->codecs = codec_ctx_new();
    grp_tables_init(&l->tables);
    return l;
}

void group_loader_free(struct group_loader *l)
{
    if (!l)
        return;
    grp_tables_close(&l->tables);
    codec_ctx_free(l->codecs);
    arena_close(&l->arena);
    free(l);
}

int64_t group_loader_next_offset(const struct group_loader *l)
{
    return l->next_offset;
}

void group_loader_counts(const struct group_loader *l, struct group_load_counts *out)
{
    *out = l->counts;
}

struct grp_tables *grp_loader_tables(struct group_loader *l)
{
    ASSERT(l->is_finished);
    return &l->tables;
}

static void complain(struct group_loader *l, int64_t offset, const char *what, const char *why)
{
    if (l->complaints++ < COMPLAINTS_MAX)
        log_error("group", "load_damaged",
                  "partition=__consumer_offsets-%d offset=%lld what=%s: passed over: %s",
                  l->offsets_partition, (long long)offset, what, why);
}

static struct grp_group *find(struct group_loader *l, struct view id)
{
    if (!l->last || !view_equal(l->last->id, id)) {
        struct grp_group *g = grp_find(&l->tables, id);
        if (!g)
            return NULL;
        l->last = g;
    }
    return l->last;
}

static struct grp_group *find_or_new(struct group_loader *l, struct view id)
{
    struct grp_group *g = find(l, id);
    return g ? g : (l->last = grp_group_new(&l->tables, id, -1));
}

/* --- records
 * ------------------------------------------------------------------------------------------------- */

/* A record on its way into the tables. */
struct loading {
    struct group_loader *l;
    const struct batch_info *batch;
    int64_t batch_offset; /* of its first record, as Kafka has it: compaction may have taken others */
    const struct record *record;
};

static void drop_committed(const struct loading *at, const struct group_key *key)
{
    struct grp_group *g = find(at->l, key->group);
    struct offset_topic *topic = g ? offset_table_topic(&g->offsets, key->topic) : NULL;
    struct offset_entry *entry = topic ? offset_topic_entry(topic, key->partition) : NULL;
    if (!entry)
        return;
    offset_entry_unset(&g->offsets, entry);
    offset_entry_release(&g->offsets, topic, entry);
}

static void drop_pending(const struct loading *at, const struct group_key *key)
{
    struct grp_group *g = find(at->l, key->group);
    struct grp_txn_part *part = g ? grp_txn_part_find(&at->l->tables, at->batch->producer_id, g) : NULL;
    struct offset_topic *topic = part ? offset_table_topic(&part->offsets, key->topic) : NULL;
    struct offset_entry *entry = topic ? offset_topic_entry(topic, key->partition) : NULL;
    if (!entry)
        return;
    offset_entry_unset(&part->offsets, entry);
    grp_txn_entry_release(&at->l->tables, part, topic, entry);
}

static void keep_offset(const struct loading *at, const struct group_key *key,
                        const struct offset_value *value)
{
    struct grp_group *g = find_or_new(at->l, key->group);
    struct offset_table *table = &g->offsets;
    struct offset_entry *entry;
    if (at->batch->transactional) {
        struct grp_txn_part *part = grp_txn_part_add(&at->l->tables, at->batch->producer_id, g);
        table = &part->offsets;
        entry = grp_txn_entry_add(part, key->topic, key->partition, NULL);
    } else {
        entry = offset_table_add(table, key->topic, key->partition, NULL);
    }
    offset_entry_set(table, entry, value, offset_metadata_dup(value->metadata), at->batch_offset);
}

static enum err load_offset(const struct loading *at, const struct group_key *key, struct errmsg *why)
{
    at->l->counts.offsets++;
    if (view_is_null(at->record->value)) {
        if (at->batch->transactional)
            drop_pending(at, key);
        else
            drop_committed(at, key);
        return ERR_NONE;
    }
    struct offset_value value;
    enum err err = offset_value_parse(at->record->value, &value, why);
    if (!err)
        keep_offset(at, key, &value);
    return err;
}

/* The last one that can be read counts; members are made of it when all is read. */
static enum err load_group(const struct loading *at, const struct group_key *key, struct errmsg *why)
{
    struct view value = at->record->value;
    at->l->counts.groups++;
    struct grp_group *g = view_is_null(value) ? find(at->l, key->group) : NULL;
    if (!view_is_null(value)) {
        struct wire_group_metadata_value parsed;
        arena_reset(&at->l->arena);
        enum err err = group_value_parse(value, &at->l->arena, &parsed, why);
        if (err)
            return err;
        g = find_or_new(at->l, key->group);
    }
    if (g) {
        grp_drop(&g->loaded);
        g->loaded = grp_dup(value);
    }
    return ERR_NONE;
}

static void note_unknown(struct group_loader *l, int16_t version, int64_t offset)
{
    l->counts.unknown_keys++;
    uint64_t bit = 1ull << (version & 63);
    if (l->unknown_versions & bit)
        return;
    l->unknown_versions |= bit;
    log_warn(
        "group", "load_unknown_key",
        "partition=__consumer_offsets-%d offset=%lld version=%d: records of this version are passed over; "
        "they are of another group protocol, or left by an upgrade that was taken back",
        l->offsets_partition, (long long)offset, version);
}

static void load_record(const struct loading *at)
{
    const struct record *record = at->record;
    struct group_loader *l = at->l;
    struct group_key key;
    struct errmsg why = {""};
    l->counts.records++;
    enum err err = ERR_MALFORMED;
    if (view_is_null(record->key))
        errmsg_set(&why, "it has no key");
    else
        err = group_key_parse(record->key, &key, &why);
    if (!err && key.kind == GROUP_KEY_OFFSET)
        err = load_offset(at, &key, &why);
    else if (!err && key.kind == GROUP_KEY_GROUP)
        err = load_group(at, &key, &why);
    else if (!err)
        note_unknown(l, key.version, record->offset);
    if (err) {
        l->counts.damaged_records++;
        complain(l, record->offset, "record", why.text);
    }
}

/* --- batches
 * --------------------------------------------------------------------------------------------------- */

static void load_marker(struct group_loader *l, const struct batch_info *info, struct view entry)
{
    struct control_marker marker;
    enum err err = control_batch_parse(entry, &marker);
    if (err) {
        l->counts.damaged_batches++;
        complain(l, info->base_offset, "marker", err_name(err));
        return;
    }
    grp_txn_mark(&l->tables, info->producer_id, marker.type == CONTROL_COMMIT, info->base_offset);
}

static void load_batch(struct group_loader *l, const struct batch_info *info, struct view entry)
{
    l->counts.batches++;
    enum err err = batch_check_crc(entry);
    if (!err && info->control && info->record_count > 0) {
        load_marker(l, info, entry);
        return;
    }
    struct record_iter it;
    struct record record;
    struct loading at = {.l = l, .batch = info, .batch_offset = -1, .record = &record};
    if (!err && !info->control) {
        record_iter_open(&it, entry, RECORD_VIEW, NULL, l->codecs);
        while (record_iter_next(&it, &record)) {
            if (at.batch_offset < 0)
                at.batch_offset = record.offset;
            load_record(&at);
        }
        err = record_iter_close(&it);
    }
    if (err) {
        l->counts.damaged_batches++;
        complain(l, info->last_offset, "batch", err_name(err));
    }
}

size_t group_loader_add(struct group_loader *l, struct view entries)
{
    struct view rest = entries;
    for (;;) {
        struct batch_info info;
        struct view entry;
        enum err err = batch_next(&rest, &info, &entry);
        if (err == ERR_WOULD_BLOCK)
            break;
        if (err) {
            /* Its size cannot be trusted, so nothing behind it can be found in these bytes. */
            l->counts.damaged_batches++;
            complain(l, l->next_offset, "batch", err_name(err));
            return entries.len;
        }
        load_batch(l, &info, entry);
        l->next_offset = info.last_offset + 1;
    }
    return entries.len - rest.len;
}

/* --- the groups of it
 * -------------------------------------------------------------------------------------------- */

static void load_member(struct group_loader *l, struct grp_group *g,
                        const struct wire_group_metadata_value_member_metadata *from)
{
    if (grp_member_find(g, from->member_id) || grp_static_find(g, from->group_instance_id)) {
        complain(l, -1, "member", "the group's record holds it twice");
        return;
    }
    struct grp_member m = {
        .id = grp_dup(from->member_id),
        .instance_id = grp_dup(from->group_instance_id),
        .client_id = grp_dup(from->client_id),
        .client_host = grp_dup(from->client_host),
        .protocols = grp_protocols_one(g->protocol_name, from->subscription),
        .rebalance_timeout_ms = from->rebalance_timeout,
        .session_timeout_ms = from->session_timeout,
    };
    grp_member_set_assignment(grp_member_add(g, &m), from->assignment);
}

static void build_group(struct group_loader *l, struct grp_group *g)
{
    struct wire_group_metadata_value value;
    arena_reset(&l->arena);
    enum err err = group_value_parse(g->loaded, &l->arena, &value, NULL);
    ASSERT(err == ERR_NONE); /* was read once already */
    g->generation = value.generation;
    g->state_since_ms = value.current_state_timestamp;
    if (value.protocol_type.len)
        g->protocol_type = grp_dup(value.protocol_type);
    g->protocol_name =
        grp_dup(view_is_null(value.protocol) && value.members_count > 0 ? VIEW_LIT("") : value.protocol);
    for (int32_t i = 0; i < value.members_count; i++)
        load_member(l, g, &value.members[i]);
    struct grp_member *leader = view_is_null(value.leader) ? NULL : grp_member_find(g, value.leader);
    if (leader)
        g->leader = leader;
    if (grp_member_count(g) > 0) {
        l->tables.counts[GROUP_EMPTY]--;
        l->tables.counts[GROUP_STABLE]++;
        g->state = GROUP_STABLE;
    }
    grp_drop(&g->loaded);
}

void group_loader_finish(struct group_loader *l, int64_t wall_ms)
{
    LIST_EACH_SAFE (node, &l->tables.list) {
        struct grp_group *g = CONTAINER_OF(node, struct grp_group, node);
        if (!view_is_null(g->loaded))
            build_group(l, g);
        else if (g->offsets.count == 0)
            grp_group_free(&l->tables, g);
        else
            g->state_since_ms = wall_ms;
    }
    l->last = NULL;
    l->is_finished = true;
    if (l->complaints > COMPLAINTS_MAX)
        log_error("group", "load_damaged", "partition=__consumer_offsets-%d more=%d", l->offsets_partition,
                  l->complaints - COMPLAINTS_MAX);
}
