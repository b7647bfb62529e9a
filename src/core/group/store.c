/*
 * Appends: batches that become effects, the list of those on their way, and what the log's errors mean.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "core/group/internal.h"
#include "wire/record_builder.h"

#define SCRATCH_MAX ((size_t)1024 * 1024)

struct grp_append *grp_append_new(struct grp_group *g, enum grp_append_kind kind, int32_t entries_count)
{
    struct group_coordinator *c = g->c;
    struct grp_append *a = mem_zalloc(sizeof *a + (size_t)entries_count * sizeof a->entries[0]);
    a->kind = kind;
    a->entries_count = entries_count;
    a->ticket = ++c->last_ticket;
    a->group = g;
    a->generation = g->generation;
    a->producer_id = NO_PRODUCER_ID;
    list_push_back(&g->appends, &a->of_group);
    map_put_int(&c->appends, (int64_t)a->ticket, a);
    return a;
}

void grp_append_free(struct group_coordinator *c, struct grp_append *a)
{
    map_remove_int(&c->appends, (int64_t)a->ticket);
    if (a->group)
        list_remove(&a->of_group);
    grp_drop(&a->fixed.old_id);
    grp_drop(&a->fixed.new_id);
    free(a->fixed.protocols.bytes);
    for (int32_t i = 0; i < a->entries_count; i++)
        free(a->entries[i].metadata);
    free(a);
}

/* --- batches ---------------------------------------------------------------------------------------------
 */

static void begin(struct grp_batch *b)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = b->c->config.codec;
    spec.max_bytes = b->c->config.batch_max;
    if (b->producer_id != NO_PRODUCER_ID) {
        spec.producer_id = b->producer_id;
        spec.producer_epoch = b->producer_epoch;
        spec.base_sequence = 0;
        spec.transactional = true;
    }
    b->builder = arena_alloc(&b->c->out->arena, sizeof *b->builder);
    buf_clear(&b->c->batch);
    record_builder_open(b->builder, &spec, NULL, &b->c->batch);
}

void grp_batch_put(struct grp_batch *b, struct view key, struct view value)
{
    if (!b->builder)
        begin(b);
    record_builder_put(b->builder, b->c->now.wall_ms, key, value);
}

size_t grp_batch_bytes(const struct grp_batch *b)
{
    return b->builder ? b->c->batch.len : 0;
}

/* One large group is no reason to keep so much for ever, in every coordinator. */
static void rest(struct group_coordinator *c)
{
    struct buf *const scratch[] = {&c->key, &c->value, &c->batch};
    for (size_t i = 0; i < ARRAY_LEN(scratch); i++)
        if (scratch[i]->cap > SCRATCH_MAX)
            buf_close(scratch[i]);
}

void grp_batch_wish(struct grp_batch *b, uint64_t ticket)
{
    if (!b->builder)
        return;
    struct record_built built = {0};
    enum err err = record_builder_finish(b->builder, &built);
    ASSERT(err == ERR_NONE || err == ERR_MESSAGE_TOO_LARGE);
    b->builder = NULL;
    struct group_effect *effect = group_effects_add(b->c->out, GROUP_EFFECT_APPEND);
    effect->append = (struct group_append_wish){
        .ticket = ticket,
        .batch = err ? VIEW_NULL : arena_dup_view(&b->c->out->arena, buf_view(&b->c->batch)),
        .record_count = built.record_count,
        .producer_id = b->producer_id,
        .producer_epoch = b->producer_epoch,
    };
    rest(b->c);
}

/* Of the key. The topic takes batches of some size only, and there may be many. */
static void put_tombstone(struct grp_batch *b)
{
    grp_batch_put(b, buf_view(&b->c->key), VIEW_NULL);
    if (grp_batch_bytes(b) >= b->c->config.tombstones_bytes)
        grp_batch_wish(b, 0);
}

void grp_tombstone_offset(struct grp_batch *b, struct view group, struct view topic, int32_t partition)
{
    buf_clear(&b->c->key);
    group_key_put_offset(&b->c->key, group, topic, partition);
    put_tombstone(b);
}

void grp_tombstone_group(struct grp_batch *b, struct view group)
{
    buf_clear(&b->c->key);
    group_key_put_group(&b->c->key, group);
    put_tombstone(b);
}

/* --- a group's record --------------------------------------------------------------------------------------
 */

static void put_member(struct wire_group_metadata_value_member_metadata *out, const struct grp_member *m)
{
    *out = (struct wire_group_metadata_value_member_metadata){
        .member_id = m->id,
        .group_instance_id = m->instance_id,
        .client_id = m->client_id,
        .client_host = m->client_host,
        .rebalance_timeout = m->rebalance_timeout_ms,
        .session_timeout = m->session_timeout_ms,
        .subscription = grp_member_metadata(m, m->group->protocol_name),
        .assignment = view_is_null(m->assignment) ? VIEW_LIT("") : m->assignment,
    };
}

void grp_store_group(struct grp_append *a)
{
    const struct grp_group *g = a->group;
    struct group_coordinator *c = g->c;
    struct wire_group_metadata_value value = {
        .protocol_type = view_is_null(g->protocol_type) ? VIEW_LIT("") : g->protocol_type,
        .generation = g->generation,
        .protocol = g->protocol_name,
        .leader = g->leader ? g->leader->id : VIEW_NULL,
        .current_state_timestamp = g->state_since_ms,
        .members_count = grp_member_count(g),
    };
    value.members = wire_new(&wire_group_metadata_value_member_metadata_desc, &c->out->arena,
                             (size_t)value.members_count);
    int32_t i = 0;
    GRP_EACH_MEMBER (m, g)
        put_member(&value.members[i++], m);
    buf_clear(&c->key);
    buf_clear(&c->value);
    group_key_put_group(&c->key, g->id);
    group_value_put(&c->value, &value, c->config.group_version);
    struct grp_batch batch = {.c = c, .producer_id = NO_PRODUCER_ID, .producer_epoch = NO_PRODUCER_EPOCH};
    grp_batch_put(&batch, buf_view(&c->key), buf_view(&c->value));
    grp_batch_wish(&batch, a->ticket);
}

/* --- errors (5.6, 5.8)
 * --------------------------------------------------------------------------------------- */

enum err grp_store_error(enum err err)
{
    switch ((int)err) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
        return ERR_NOT_COORDINATOR;
    case ERR_REQUEST_TIMED_OUT:
        return ERR_REBALANCE_IN_PROGRESS;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_INVALID_FETCH_SIZE:
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    return err;
}

enum err group_commit_error(enum err err)
{
    switch ((int)err) {
    case ERR_NETWORK_EXCEPTION:
        return ERR_COORDINATOR_LOAD_IN_PROGRESS;
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
        return ERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_INVALID_FETCH_SIZE:
        return ERR_INVALID_COMMIT_OFFSET_SIZE;
    }
    return err;
}
