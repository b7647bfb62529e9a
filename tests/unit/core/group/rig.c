#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/record_builder.h"

void rig_open(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    memset(rig->answer_of, 0xff, sizeof rig->answer_of);
    rig->config = GROUP_CONFIG_DEFAULT;
    rig->config.initial_delay_ms = 0;
    rig->config.offsets_partition = 7;
    rig->config.seed = 42;
    rig->now = (struct group_time){.mono_ms = 1000, .wall_ms = RIG_NOON_MS};
}

/* --- effects
 * ------------------------------------------------------------------------------------------------ */

static int64_t put_batch(struct rig *rig, struct view batch, int32_t record_count)
{
    int64_t base = rig->log_end;
    rig->last_batch_at = (int64_t)rig->log.len;
    buf_put_view(&rig->log, batch);
    batch_set_base_offset(rig->log.data + rig->last_batch_at, base);
    rig->log_end += record_count;
    rig->appended++;
    return base;
}

static void append(struct rig *rig, const struct group_append_wish *wish)
{
    ck_assert(wish->record_count > 0 || view_is_null(wish->batch));
    enum err err = rig->refuse;
    rig->refuse = ERR_NONE;
    if (!err && view_is_null(wish->batch))
        err = ERR_RECORD_LIST_TOO_LARGE; /* as the shell has it */
    int64_t base = err ? -1 : put_batch(rig, wish->batch, wish->record_count);
    if (wish->ticket == 0)
        return;
    if (!rig->holds || err) {
        group_appended(rig->c, wish->ticket, err, base, &rig->now, &rig->out);
        return;
    }
    ck_assert_int_lt(rig->held_count, RIG_HELD_MAX);
    rig->held[rig->held_count++] = (struct rig_held){wish->ticket, base};
}

/* Every token once. */
static void note_answer(struct rig *rig, uint64_t token, int32_t at)
{
    if (token == 0 || token > rig->tokens || rig->answer_of[token] != -1)
        ck_abort_msg("token %llu is answered twice, or was never given", (unsigned long long)token);
    rig->answer_of[token] = at;
}

static void look(struct rig *rig)
{
    for (; rig->seen < rig->out.count; rig->seen++) {
        struct group_effect effect = rig->out.items[rig->seen]; /* a copy: more may come */
        if (effect.kind == GROUP_EFFECT_APPEND)
            append(rig, &effect.append);
        else
            note_answer(rig, effect.token, rig->seen);
    }
}

static uint64_t new_token(struct rig *rig)
{
    ck_assert_uint_lt(rig->tokens + 1, RIG_TOKENS_MAX);
    return ++rig->tokens;
}

static const struct group_effect *answer_of(const struct rig *rig, uint64_t token)
{
    return rig->answer_of[token] < 0 ? NULL : &rig->out.items[rig->answer_of[token]];
}

int rig_waiting(const struct rig *rig)
{
    int waiting = 0;
    for (uint64_t token = 1; token <= rig->tokens; token++)
        waiting += rig->answer_of[token] < 0;
    return waiting;
}

void rig_ack(struct rig *rig, enum err err)
{
    ck_assert_int_gt(rig->held_count, 0);
    struct rig_held held = rig->held[0];
    memmove(rig->held, rig->held + 1, (size_t)--rig->held_count * sizeof *rig->held);
    group_appended(rig->c, held.ticket, err, err ? -1 : held.base_offset, &rig->now, &rig->out);
    look(rig);
}

void rig_ack_all(struct rig *rig)
{
    while (rig->held_count > 0)
        rig_ack(rig, ERR_NONE);
}

/* --- the term
 * ------------------------------------------------------------------------------------------------ */

void rig_start(struct rig *rig)
{
    rig->c = group_coordinator_new(&rig->config);
    struct group_loader *loader = group_loader_new(rig->config.offsets_partition);
    ck_assert_uint_eq(group_loader_add(loader, buf_view(&rig->log)), rig->log.len);
    group_loader_finish(loader, rig->now.wall_ms);
    group_coordinator_loaded(rig->c, loader, &rig->now, &rig->out);
    group_loader_free(loader);
    look(rig);
}

void rig_begin(struct rig *rig)
{
    rig_open(rig);
    rig_start(rig);
}

static void stop(struct rig *rig)
{
    group_coordinator_resign(rig->c, &rig->now, &rig->out);
    look(rig);
    ck_assert_msg(rig_waiting(rig) == 0, "%d requests were never answered", rig_waiting(rig));
    ck_assert_int_eq(group_coordinator_deadline(rig->c), INT64_MAX);
    group_coordinator_free(rig->c);
    rig->held_count = 0;
}

void rig_close(struct rig *rig)
{
    stop(rig);
    group_effects_close(&rig->out);
    arena_close(&rig->arena);
    buf_close(&rig->log);
}

void rig_restart(struct rig *rig)
{
    stop(rig);
    rig->config.seed++;
    rig_start(rig);
}

void rig_wait(struct rig *rig, int64_t ms)
{
    int64_t end_ms = rig->now.mono_ms + ms;
    for (;;) {
        int64_t next_ms = group_coordinator_deadline(rig->c);
        int64_t at_ms = next_ms < end_ms ? next_ms : end_ms;
        if (at_ms > rig->now.mono_ms) {
            rig->now.wall_ms += at_ms - rig->now.mono_ms;
            rig->now.mono_ms = at_ms;
        }
        group_tick(rig->c, &rig->now, &rig->out);
        look(rig);
        if (next_ms > end_ms)
            return;
    }
}

/* --- members
 * -------------------------------------------------------------------------------------------------- */

static const char * or (const char *text, const char *other)
{
    return text ? text : other;
}

static void set_protocol(struct wire_join_group_request_join_group_request_protocol *out, const char *text)
{
    const char *equals = strchr(text, '=');
    out->name = equals ? view_of(text, (size_t)(equals - text)) : view_str(text);
    out->metadata = view_str(equals ? equals + 1 : "");
}

uint64_t rig_join(struct rig *rig, struct rig_join join)
{
    struct wire_join_group_request_join_group_request_protocol protocols[4];
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = view_str(or (join.group, "g"));
    request.member_id = view_str(or (join.member, ""));
    request.group_instance_id = view_str(join.instance);
    request.protocol_type = view_str(or (join.type, "consumer"));
    request.reason = view_str(join.reason);
    request.session_timeout_ms = join.session_ms ? join.session_ms : 10000;
    if (join.version != -1)
        request.rebalance_timeout_ms = join.rebalance_ms ? join.rebalance_ms : 60000;
    if (!join.protocols[0])
        join.protocols[0] = "range=m";
    request.protocols = protocols;
    while (request.protocols_count < 4 && join.protocols[request.protocols_count]) {
        set_protocol(&protocols[request.protocols_count], join.protocols[request.protocols_count]);
        request.protocols_count++;
    }
    struct group_client client = {view_str(or (join.client, "client")), VIEW_LIT("/10.0.0.1")};
    int16_t version = join.version == 0 ? 9 : join.version == -1 ? 0 : join.version;
    uint64_t token = new_token(rig);
    group_join(rig->c, &request, version, &client, token, &rig->now, &rig->out);
    look(rig);
    return token;
}

const struct wire_join_group_response *rig_joined(const struct rig *rig, uint64_t token)
{
    const struct group_effect *effect = answer_of(rig, token);
    ck_assert(!effect || effect->kind == GROUP_EFFECT_JOINED);
    return effect ? effect->joined : NULL;
}

uint64_t rig_enter(struct rig *rig, struct rig_join join, char id[100])
{
    const struct wire_join_group_response *given = rig_joined(rig, rig_join(rig, join));
    ck_assert(given && given->error_code == ERR_MEMBER_ID_REQUIRED);
    snprintf(id, 100, "%.*s", VIEW_FMT(given->member_id));
    join.member = id;
    return rig_join(rig, join);
}

static void set_assignments(struct wire_sync_group_request *request, char *text)
{
    for (char *save, *part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
        char *equals = strrchr(part, '=');
        struct wire_sync_group_request_sync_group_request_assignment *a =
            &request->assignments[request->assignments_count++];
        a->member_id = view_of(part, (size_t)(equals - part));
        a->assignment = view_str(equals + 1);
    }
}

uint64_t rig_sync(struct rig *rig, const char *group, const char *member, int32_t generation,
                  const char *assignments)
{
    struct wire_sync_group_request_sync_group_request_assignment items[16];
    struct wire_sync_group_request request;
    wire_init(&wire_sync_group_request_desc, &request);
    request.group_id = view_str(group);
    request.member_id = view_str(member);
    request.generation_id = generation;
    request.assignments = items;
    char *copy = mem_strdup(or (assignments, ""));
    set_assignments(&request, copy);
    uint64_t token = new_token(rig);
    group_sync(rig->c, &request, 3, token, &rig->now, &rig->out);
    look(rig);
    free(copy);
    return token;
}

const struct wire_sync_group_response *rig_synced(const struct rig *rig, uint64_t token)
{
    const struct group_effect *effect = answer_of(rig, token);
    ck_assert(!effect || effect->kind == GROUP_EFFECT_SYNCED);
    return effect ? effect->synced : NULL;
}

enum err rig_heartbeat(struct rig *rig, const char *group, const char *member, int32_t generation)
{
    struct wire_heartbeat_request request;
    wire_init(&wire_heartbeat_request_desc, &request);
    request.group_id = view_str(group);
    request.member_id = view_str(member);
    request.generation_id = generation;
    return group_heartbeat(rig->c, &request, &rig->now);
}

enum err rig_leave(struct rig *rig, const char *group, const char *member, const char *instance)
{
    struct wire_leave_group_request_member_identity who = {
        .member_id = view_str(member), .group_instance_id = view_str(instance), .reason = VIEW_LIT("bye")};
    struct wire_leave_group_request request;
    wire_init(&wire_leave_group_request_desc, &request);
    request.group_id = view_str(group);
    request.members = &who;
    request.members_count = 1;
    struct wire_leave_group_response answer;
    group_leave(rig->c, &request, 5, &rig->now, &rig->arena, &answer, &rig->out);
    look(rig);
    return answer.error_code ? (enum err)answer.error_code : (enum err)answer.members[0].error_code;
}

int32_t rig_stable(struct rig *rig, const char *group, int count, char ids[][100])
{
    uint64_t tokens[16] = {0};
    for (int i = 0; i < count; i++)
        tokens[i] = rig_enter(rig, (struct rig_join){.group = group}, ids[i]);
    rig_wait(rig, rig->config.initial_delay_ms);
    const struct wire_join_group_response *joined = rig_joined(rig, tokens[0]);
    ck_assert(joined && joined->error_code == 0);
    ck_assert(view_equal_str(joined->leader, ids[0]));
    struct buf text = {0};
    for (int i = 0; i < count; i++)
        buf_printf(&text, "%s%s=%d", i ? "," : "", ids[i], i);
    for (int i = count - 1; i >= 0; i--)
        tokens[i] = rig_sync(rig, group, ids[i], joined->generation_id, i ? NULL : buf_cstr(&text));
    for (int i = 0; i < count; i++)
        ck_assert(rig_synced(rig, tokens[i]) && rig_synced(rig, tokens[i])->error_code == 0);
    buf_close(&text);
    return joined->generation_id;
}

/* --- offsets
 * ---------------------------------------------------------------------------------------------------- */

uint64_t rig_commit(struct rig *rig, struct rig_commit commit)
{
    struct group_commit_offset offset = {
        .topic = view_str(or (commit.topic, "t")),
        .partition = commit.partition,
        .offset = commit.offset,
        .leader_epoch = -1,
        .commit_ms = commit.commit_ms ? commit.commit_ms : -1,
        .metadata = view_str(commit.metadata),
    };
    struct group_commit_request request = {
        .group_id = view_str(or (commit.group, "g")),
        .member_id = view_str(or (commit.member, "")),
        .instance_id = view_str(commit.instance),
        .generation = commit.generation ? commit.generation : -1,
        .retention_ms = commit.retention_ms ? commit.retention_ms : -1,
        .producer_id = commit.producer_id ? commit.producer_id : -1,
        .producer_epoch = commit.producer_id ? 0 : -1,
        .offsets = &offset,
        .offsets_count = 1,
    };
    uint64_t token = new_token(rig);
    group_commit(rig->c, &request, token, &rig->now, &rig->out);
    look(rig);
    return token;
}

bool rig_is_committed(const struct rig *rig, uint64_t token)
{
    return answer_of(rig, token) != NULL;
}

enum err rig_commit_err(const struct rig *rig, uint64_t token)
{
    const struct group_effect *effect = answer_of(rig, token);
    ck_assert(effect && effect->kind == GROUP_EFFECT_COMMITTED && effect->committed.count == 1);
    return effect->committed.errs[0];
}

void rig_commit_ok(struct rig *rig, struct rig_commit commit)
{
    ck_assert_int_eq(rig_commit_err(rig, rig_commit(rig, commit)), ERR_NONE);
}

void rig_end_txn(struct rig *rig, int64_t producer_id, bool committed)
{
    struct control_batch marker = {.type = committed ? CONTROL_COMMIT : CONTROL_ABORT,
                                   .producer_id = producer_id,
                                   .timestamp_ms = rig->now.wall_ms};
    struct buf batch = {0};
    control_batch_build(&marker, &batch);
    int64_t at = put_batch(rig, buf_view(&batch), 1);
    buf_close(&batch);
    group_txn_ended(rig->c, producer_id, committed, at);
}

static struct group_fetched_offset fetch(struct rig *rig, const char *group, const char *topic,
                                         int32_t partition, bool stable)
{
    struct group_topic_partitions topics = {view_str(topic), &partition, 1};
    struct group_fetched_topic *fetched;
    int32_t count;
    enum err err = group_fetch_offsets(rig->c, view_str(group), &topics, 1, stable, &rig->arena, SIZE_MAX,
                                       &fetched, &count);
    if (err || count != 1 || fetched->offsets_count != 1 || fetched->offsets->partition != partition)
        ck_abort_msg("OffsetFetch of %s: %s, %d topics", group, err_name(err), count);
    return fetched->offsets[0];
}

int64_t rig_fetch(struct rig *rig, const char *group, const char *topic, int32_t partition)
{
    return fetch(rig, group, topic, partition, false).offset;
}

enum err rig_fetch_err(struct rig *rig, const char *group, const char *topic, int32_t partition, bool stable)
{
    return fetch(rig, group, topic, partition, stable).err;
}

/* --- groups
 * ------------------------------------------------------------------------------------------------------ */

struct wire_describe_groups_response_described_group *rig_describe(struct rig *rig, const char *group)
{
    struct wire_describe_groups_response_described_group *answer = arena_alloc(&rig->arena, sizeof *answer);
    group_describe(rig->c, view_str(group), &rig->arena, answer);
    return answer;
}

const char *rig_state(struct rig *rig, const char *group)
{
    return arena_cstr(&rig->arena, rig_describe(rig, group)->group_state);
}

void rig_log_record(struct rig *rig, struct view key, struct view value)
{
    struct record_builder builder;
    struct buf batch = {0};
    record_builder_open(&builder, &RECORD_BUILDER_V2, NULL, &batch);
    record_builder_put(&builder, rig->now.wall_ms, key, value);
    ck_assert_int_eq(record_builder_finish(&builder, NULL), ERR_NONE);
    put_batch(rig, buf_view(&batch), 1);
    buf_close(&batch);
}

struct view rig_last_batch(const struct rig *rig)
{
    return view_of(rig->log.data + rig->last_batch_at, rig->log.len - (size_t)rig->last_batch_at);
}
