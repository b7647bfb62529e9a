/*
 * OffsetCommit and TxnOffsetCommit (storage-replication-coordinators 5.8): who may commit, the batch, and
 * what becomes of it. An offset is the group's when the log has it as durably as a commit must be.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/utf8.h"
#include "core/group/internal.h"
#include "wire/record_batch.h"

static bool is_txn(const struct group_commit_request *request)
{
    return request->producer_id != NO_PRODUCER_ID;
}

/* Kafka counts UTF-16 units, of which there are never more than bytes. */
static bool is_too_long(struct view metadata, int32_t max)
{
    if (metadata.len <= (size_t)max)
        return false;
    size_t units = 0;
    for (size_t at = 0; at < metadata.len;)
        units += utf8_next(metadata, &at) > 0xffff ? 2 : 1;
    return units > (size_t)max;
}

static void answer_all(struct group_effects *out, uint64_t token, int32_t count, enum err err)
{
    enum err *errs = arena_alloc(&out->arena, ((size_t)count + 1) * sizeof *errs);
    for (int32_t i = 0; i < count; i++)
        errs[i] = err;
    struct group_effect *effect = group_effects_add(out, GROUP_EFFECT_COMMITTED);
    effect->token = token;
    effect->committed.errs = errs;
    effect->committed.count = count;
}

/* Whether it may; *m is the member that speaks, if one does. */
static enum err validate(const struct grp_group *g, const struct group_commit_request *request,
                         struct grp_member **m)
{
    *m = NULL;
    bool names_member =
        request->generation >= 0 || request->member_id.len > 0 || !view_is_null(request->instance_id);
    if (request->generation < 0 && g->state == GROUP_EMPTY)
        return ERR_NONE; /* an administrator, or a consumer that is assigned by hand */
    if (names_member) {
        enum err err = grp_member_identify(g, request->member_id, request->instance_id, m);
        if (err)
            return err;
        if (request->generation != g->generation)
            return ERR_ILLEGAL_GENERATION;
    } else if (!is_txn(request)) {
        return ERR_UNKNOWN_MEMBER_ID; /* old transactional producers name no member */
    }
    /* The member has the new generation's number, but not its assignment: it commits what it reads no more.
     */
    return g->state == GROUP_COMPLETING && !is_txn(request) ? ERR_REBALANCE_IN_PROGRESS : ERR_NONE;
}

/* Both kinds in one generation: nobody can say which is newer in the client's mind. */
static void warn_of_mixture(struct grp_group *g, bool txn)
{
    bool was_mixed = g->had_member_commit && g->had_txn_commit;
    g->had_member_commit |= !txn;
    g->had_txn_commit |= txn;
    if (!was_mixed && g->had_member_commit && g->had_txn_commit)
        log_warn(
            "group", "mixed_commits",
            "group=\"%.*s\" generation=%d: consumers and transactional producers both commit its offsets",
            VIEW_FMT(g->id), g->generation);
}

/* Whoever wishes for more than there is of time means for ever. */
static int64_t expiry_of(const struct group_coordinator *c, int64_t retention_ms)
{
    int64_t at_ms;
    if (retention_ms == -1)
        return -1;
    return __builtin_add_overflow(c->now.wall_ms, retention_ms, &at_ms) ? INT64_MAX : at_ms;
}

static struct offset_value value_of(const struct group_coordinator *c,
                                    const struct group_commit_request *request,
                                    const struct group_commit_offset *o)
{
    return (struct offset_value){
        .offset = o->offset,
        .leader_epoch = o->leader_epoch,
        .commit_ms = o->commit_ms == -1 ? c->now.wall_ms : o->commit_ms,
        .expire_ms = expiry_of(c, request->retention_ms),
        .metadata = view_is_null(o->metadata) ? VIEW_LIT("") : o->metadata,
    };
}

/* Notes one offset as being on its way and puts its record. */
static void put_offset(struct grp_append *a, struct grp_commit_entry *entry, struct grp_txn_part *part,
                       const struct group_commit_offset *o, struct grp_batch *batch)
{
    struct group_coordinator *c = batch->c;
    struct offset_entry *noted =
        part ? grp_txn_entry_add(part, o->topic, o->partition, &entry->topic)
             : offset_table_add(&a->group->offsets, o->topic, o->partition, &entry->topic);
    noted->appends++;
    entry->metadata = offset_metadata_dup(entry->value.metadata);
    buf_clear(&c->key);
    buf_clear(&c->value);
    group_key_put_offset(&c->key, a->group->id, o->topic, o->partition);
    offset_value_put(&c->value, &entry->value, c->config.offset_version);
    entry->value.metadata = VIEW_NULL; /* was the request's */
    grp_batch_put(batch, buf_view(&c->key), buf_view(&c->value));
}

static void store(struct grp_group *g, const struct group_commit_request *request, uint64_t token)
{
    struct group_coordinator *c = g->c;
    struct grp_batch batch = {
        .c = c, .producer_id = request->producer_id, .producer_epoch = request->producer_epoch};
    struct grp_append *a = grp_append_new(g, GRP_APPEND_COMMIT, request->offsets_count);
    a->token = token;
    a->producer_id = request->producer_id;
    struct grp_txn_part *part =
        is_txn(request) ? grp_txn_part_add(&c->tables, request->producer_id, g) : NULL;
    for (int32_t i = 0; i < request->offsets_count; i++) {
        const struct group_commit_offset *o = &request->offsets[i];
        a->entries[i].partition = o->partition;
        a->entries[i].value = value_of(c, request, o);
        a->entries[i].is_refused = is_too_long(o->metadata, c->config.metadata_max);
        if (!a->entries[i].is_refused)
            put_offset(a, &a->entries[i], part, o, &batch);
    }
    grp_batch_wish(&batch, a->ticket);
}

static bool is_any_storable(const struct group_coordinator *c, const struct group_commit_request *request)
{
    for (int32_t i = 0; i < request->offsets_count; i++)
        if (!is_too_long(request->offsets[i].metadata, c->config.metadata_max))
            return true;
    return false;
}

void group_commit(struct group_coordinator *c, const struct group_commit_request *request, uint64_t token,
                  const struct group_time *now, struct group_effects *out)
{
    /* TxnOffsetCommit is of groups that are coordinated; OffsetCommit was there before they were. */
    enum err err = grp_check(c, request->group_id, !is_txn(request));
    if (!err && !is_txn(request))
        err = grp_check_instance(c, request->instance_id);
    if (err) {
        answer_all(out, token, request->offsets_count, err);
        return;
    }
    grp_enter(c, now, out);
    struct grp_group *g = grp_find(&c->tables, request->group_id);
    if (!g && request->generation >= 0 && !is_txn(request)) {
        answer_all(out, token, request->offsets_count, ERR_ILLEGAL_GENERATION);
        return;
    }
    if (!g)
        g = grp_find_or_new(c, request->group_id);
    struct grp_member *m;
    err = validate(g, request, &m);
    if (err) {
        answer_all(out, token, request->offsets_count, err);
        return;
    }
    if (m && !is_txn(request))
        grp_session_renew(m);
    warn_of_mixture(g, is_txn(request));
    if (is_any_storable(c, request))
        store(g, request, token);
    else
        answer_all(out, token, request->offsets_count, ERR_OFFSET_METADATA_TOO_LARGE);
}

/* --- what became of it -------------------------------------------------------------------------------------
 */

static void settle(struct grp_append *a, struct grp_commit_entry *entry, bool is_stored, int64_t base_offset)
{
    struct grp_group *g = a->group;
    struct offset_entry *noted = offset_topic_entry(entry->topic, entry->partition);
    noted->appends--;
    if (is_stored && a->ticket > noted->fence) {
        grp_offset_install(g, noted, &entry->value, entry->metadata, base_offset);
        entry->metadata = NULL;
    }
    offset_entry_release(&g->offsets, entry->topic, noted);
}

/* The part lives until its last append is home. True when this was that. */
static bool settle_txn(struct grp_append *a, struct grp_txn_part *part, struct grp_commit_entry *entry,
                       bool is_stored, int64_t base_offset)
{
    struct offset_entry *noted = offset_topic_entry(entry->topic, entry->partition);
    noted->appends--;
    if (is_stored && a->ticket > noted->fence) {
        offset_entry_set(&part->offsets, noted, &entry->value, entry->metadata, base_offset);
        entry->metadata = NULL;
    }
    return grp_txn_entry_release(&a->group->c->tables, part, entry->topic, noted);
}

static void settle_all(struct grp_append *a, bool is_stored, int64_t base_offset)
{
    struct grp_group *g = a->group;
    bool is_txn = a->producer_id != NO_PRODUCER_ID;
    struct grp_txn_part *part = is_txn ? grp_txn_part_find(&g->c->tables, a->producer_id, g) : NULL;
    bool is_over = false;
    for (int32_t i = 0; i < a->entries_count; i++) {
        if (a->entries[i].is_refused)
            continue;
        if (is_txn)
            is_over = settle_txn(a, part, &a->entries[i], is_stored, base_offset);
        else
            settle(a, &a->entries[i], is_stored, base_offset);
    }
    /* The marker was told of before the commit that it is about. */
    if (is_txn && is_stored && !is_over && part->txn->marker_offset > base_offset)
        grp_txn_mark(&g->c->tables, a->producer_id, part->txn->marker_committed, part->txn->marker_offset);
}

void grp_commit_stored(struct group_coordinator *c, struct grp_append *a, enum err err, int64_t base_offset)
{
    if (a->group)
        settle_all(a, err == ERR_NONE, base_offset);
    c->counted.commits += err == ERR_NONE;
    if (err)
        err = group_commit_error(err);
    enum err *errs = arena_alloc(&c->out->arena, (size_t)a->entries_count * sizeof *errs);
    for (int32_t i = 0; i < a->entries_count; i++)
        errs[i] = a->entries[i].is_refused ? ERR_OFFSET_METADATA_TOO_LARGE : err;
    struct group_effect *effect = group_effects_add(c->out, GROUP_EFFECT_COMMITTED);
    effect->token = a->token;
    effect->committed.errs = errs;
    effect->committed.count = a->entries_count;
}
