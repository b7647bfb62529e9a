/*
 * Fetch (1).
 *
 *   api_fetch --> pass: one read_op after the other, within the limits of the request
 *                   |-- enough, an error, or no time left --> answer
 *                   `-- too little --> a watch per partition; news or timeout --> pass again
 *
 * Reads find where bytes are; the answer then carries small ones in its own buffer and
 * large ones as ranges of the segment's file (sendfile).
 */
#include "api/fetch.h"

#include <string.h>

#include "api/leader_hint.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "core/metadata/metadata.h"
#include "service/count.h"
#include "service/fetcher/replication_quotas.h"
#include "service/metadata_cache.h"
#include "service/partition/partition_settings.h"
#include "service/replica/replica_manager.h"

/* Up to this many bytes are copied into the answer; beyond it sendfile is cheaper. */
#define COPY_MAX_BYTES (16 * 1024)

/* --- one pass of reads ---------------------------------------------------------------------------------- */

static void pass_is_over(struct fetch_state *state);
static void read_is_done(struct read_op *op);

/* Gives back what a pass took for the part. */
static void fetch_part_close(struct fetch_part *part)
{
    read_op_close(&part->read);
    partition_release(part->part);
    part->part = NULL;
}

static enum err find_partition(struct fetch_state *state, struct fetch_part *part)
{
    if (part->err != ERR_NONE)
        return part->err;
    struct partition *found;
    enum err err =
        replica_manager_find_or_error(state->call->broker->replicas, part->topic, part->partition, &found);
    if (err != ERR_NONE)
        return err;
    if (part->max_bytes < 0)
        return ERR_UNKNOWN_SERVER_ERROR; /* as Kafka, which has no code for it */
    part->part = partition_share(found);
    const struct partition_settings *settings =
        atomic_load_explicit(&part->part->settings, memory_order_acquire);
    if (settings->zstd_configured && state->call->version < 10)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    return ERR_NONE;
}

static bool fetch_of_follower(const struct fetch_state *state)
{
    return state->replica_id >= 0;
}

static void begin_read(struct fetch_state *state, struct fetch_part *part)
{
    struct read_op *op = &part->read;
    int64_t left = state->bytes_left > 0 ? state->bytes_left : 0;
    *op = (struct read_op){.broker = state->call->broker,
                           .part = part->part,
                           .topic_id = part->topic_id,
                           .fetch_offset = part->fetch_offset,
                           .max_bytes = part->max_bytes < left ? part->max_bytes : (int32_t)left,
                           .current_leader_epoch = part->current_leader_epoch,
                           .last_fetched_epoch = part->last_fetched_epoch,
                           .replica_id = state->replica_id,
                           .replica_epoch = state->replica_epoch,
                           .replica_start_offset = part->log_start_offset,
                           .note_replica = state->is_first && fetch_of_follower(state),
                           .now_ms = loop_now_ms(state->call->req->loop),
                           .read_committed = state->read_committed,
                           .min_one = state->call->version >= 3 && state->bytes == 0,
                           .rack = state->rack.count > 0 ? &state->rack : NULL,
                           .followers_serve = state->call->version >= 11,
                           .max_magic = state->call->version < 2   ? 0
                                        : state->call->version < 4 ? 1
                                                                   : 2,
                           .copy_max_bytes = COPY_MAX_BYTES,
                           .arena = &state->call->req->arena,
                           .done = read_is_done,
                           .arg = state};
    state->reading = true;
    read_submit(op);
}

/* Takes the outcome of the read that just came home. */
static void take_read(struct fetch_state *state, struct fetch_part *part)
{
    struct read_op *op = &part->read;
    part->read_err = op->err;
    bool news = op->err != ERR_NONE || op->diverging_epoch >= 0 || op->preferred_replica >= 0;
    state->must_answer |= news;
    if (op->err == ERR_NONE) {
        state->bytes += op->slice.len;
        state->bytes_left -= op->slice.len;
    }
}

/* Reads until one is away; reads that come home at once do not nest. */
static void continue_pass(struct fetch_state *state)
{
    while (state->next < state->count) {
        struct fetch_part *part = &state->parts[state->next];
        part->read_err = find_partition(state, part);
        if (part->read_err != ERR_NONE) {
            fetch_part_close(part);
            state->must_answer = true;
            state->next++;
            continue;
        }
        state->in_pass = true;
        begin_read(state, part);
        state->in_pass = false;
        if (state->reading)
            return;
        take_read(state, part);
        state->next++;
    }
    pass_is_over(state);
}

static void read_is_done(struct read_op *op)
{
    struct fetch_state *state = op->arg;
    state->reading = false;
    if (state->in_pass)
        return; /* continue_pass goes on by itself */
    take_read(state, &state->parts[state->next]);
    state->next++;
    continue_pass(state);
}

static void begin_pass(struct fetch_state *state)
{
    for (int i = 0; i < state->count; i++)
        fetch_part_close(&state->parts[i]);
    state->next = 0;
    state->bytes = 0;
    state->bytes_left = state->max_bytes;
    state->must_answer = false;
    continue_pass(state);
}

/* --- waiting -------------------------------------------------------------------------------------------- */

static enum log_bound bound_of(const struct fetch_state *state)
{
    if (state->replica_id >= 0)
        return LOG_BOUND_END;
    return state->read_committed ? LOG_BOUND_LAST_STABLE : LOG_BOUND_HIGH_WATERMARK;
}

static void cancel_watches(struct fetch_state *state)
{
    for (int i = 0; i < state->count; i++)
        if (state->parts[i].part)
            watch_cancel(&state->parts[i].watch);
}

static void watch_is_home(struct watch *watch, bool news)
{
    struct fetch_state *state = watch->arg;
    state->watches_away--;
    if (news && !state->woken) {
        state->woken = true;
        if (!state->arming)
            cancel_watches(state);
    }
    if (state->watches_away == 0 && !state->arming)
        loop_defer(state->call->req->loop, &state->again);
}

/* Passes after a wait begin from here, so that a busy partition cannot nest them. */
static void pass_again(struct loop_deferred *deferred)
{
    begin_pass(CONTAINER_OF(deferred, struct fetch_state, again));
}

/* What is held back is not to be read again with each append: it waits for the time, or for another role. */
static bool has_other_role(const struct watch *watch, const struct partition *part)
{
    return !part->log || part->replica.leader_epoch != watch->seen_epoch;
}

static void wait_for_news(struct fetch_state *state)
{
    state->arming = true;
    state->woken = false;
    for (int i = 0; i < state->count && !state->woken; i++) {
        struct fetch_part *part = &state->parts[i];
        const struct read_op *read = &part->read;
        enum log_bound bound = bound_of(state);
        part->watch.part = part->part;
        part->watch.bound = bound;
        part->watch.seen_offset = read->bound_offset;
        part->watch.seen_epoch = read->leader_epoch;
        part->watch.has_news_fn = read->held_back ? has_other_role : NULL;
        part->watch.news = PARTITION_NEWS_START;
        part->watch.done = watch_is_home;
        part->watch.arg = state;
        state->watches_away++;
        watch_submit(&part->watch);
    }
    state->arming = false;
    if (state->woken || state->timed_out)
        cancel_watches(state);
    if (state->watches_away == 0)
        loop_defer(state->call->req->loop, &state->again);
}

static void timed_out(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct fetch_state *state = CONTAINER_OF(timer, struct fetch_state, timeout);
    state->timed_out = true;
    if (state->watches_away > 0)
        cancel_watches(state);
}

static void peer_is_gone(struct request *req)
{
    struct fetch_state *state = req->state;
    state->timed_out = true;
    if (state->watches_away > 0)
        cancel_watches(state);
}

static void pass_is_over(struct fetch_state *state)
{
    bool enough = state->bytes >= state->min_bytes || state->must_answer || state->count == 0;
    struct metrics_shard *shard = count_shard(state->call->broker);
    if (state->waits && !enough && state->timed_out)
        metrics_add(shard,
                    fetch_of_follower(state) ? METRIC_FETCH_EXPIRES_FOLLOWER : METRIC_FETCH_EXPIRES_CONSUMER,
                    1);
    if (enough || state->timed_out) {
        loop_timer_cancel(state->call->req->loop, &state->timeout);
        fetch_answer(state);
        return;
    }
    for (int i = 0; i < state->count; i++)
        read_op_close(&state->parts[i].read);
    state->is_first = false;
    if (!state->waits)
        metrics_add(shard, METRIC_WAITING_FETCH, 1);
    state->waits = true;
    wait_for_news(state);
}

/* --- the request ---------------------------------------------------------------------------------------- */

/* Finds the name of a topic that was asked for by id (v13+). */
static void resolve_topic(struct fetch_state *state, struct fetch_part *part)
{
    if (state->call->version < 13)
        return;
    const struct metadata *metadata = metadata_cache_get(state->call->broker->metadata);
    const struct metadata_topic *known = metadata_topic_by_id(metadata, part->topic_id);
    if (known)
        part->topic = view_str(arena_strdup(&state->call->req->arena, known->name));
    else
        part->err = ERR_UNKNOWN_TOPIC_ID;
}

static void take_from_request(struct fetch_state *state, const struct wire_fetch_request *request)
{
    int count = 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        count += request->topics[t].partitions_count > 0 ? request->topics[t].partitions_count : 0;
    state->parts = arena_zalloc(&state->call->req->arena, sizeof *state->parts * (size_t)(count + 1));
    for (int32_t t = 0; t < request->topics_count; t++)
        for (int32_t p = 0; p < request->topics[t].partitions_count; p++) {
            const struct wire_fetch_request_fetch_partition *from = &request->topics[t].partitions[p];
            struct fetch_part *to = &state->parts[state->count++];
            to->topic = request->topics[t].topic;
            to->topic_id = request->topics[t].topic_id;
            to->partition = from->partition;
            to->fetch_offset = from->fetch_offset;
            to->log_start_offset = from->log_start_offset;
            to->max_bytes = from->partition_max_bytes;
            to->current_leader_epoch = from->current_leader_epoch;
            to->last_fetched_epoch = from->last_fetched_epoch;
            resolve_topic(state, to);
        }
}

static void take_from_session(struct fetch_state *state)
{
    struct fetch_session *session = state->session;
    state->parts =
        arena_zalloc(&state->call->req->arena, sizeof *state->parts * (size_t)(session->count + 1));
    LIST_EACH (node, &session->order) {
        struct fetch_session_part *from = CONTAINER_OF(node, struct fetch_session_part, node);
        struct fetch_part *to = &state->parts[state->count++];
        to->session_part = from;
        to->topic = view_str(from->topic); /* stays while the session is held */
        to->topic_id = from->topic_id;
        to->partition = from->partition;
        to->fetch_offset = from->fetch_offset;
        to->log_start_offset = from->log_start_offset;
        to->max_bytes = from->max_bytes;
        to->current_leader_epoch = from->current_leader_epoch;
        to->last_fetched_epoch = from->last_fetched_epoch;
        resolve_topic(state, to);
    }
}

/* The sessions of the request's loop. */
static struct fetch_sessions *sessions_of(const struct api_call *call)
{
    return &call->broker->fetch_sessions[loop_index(call->req->loop)];
}

static void count_sessions(const struct api_call *call)
{
    const struct fetch_sessions *sessions = sessions_of(call);
    struct metrics_shard *shard = count_shard(call->broker);
    metrics_set(shard, METRIC_FETCH_SESSIONS, (int64_t)sessions->by_id.count);
    metrics_set(shard, METRIC_FETCH_SESSION_PARTITIONS, sessions->parts_count);
    metrics_set(shard, METRIC_FETCH_SESSION_EVICTIONS, sessions->evicted_count);
}

/* Which partitions are meant: those of the request, or of the session it goes on with. */
static enum err take_parts(struct fetch_state *state, const struct wire_fetch_request *request)
{
    struct api_call *call = state->call;
    bool full = true;
    enum err err = ERR_NONE;
    if (call->version >= 7)
        err = fetch_sessions_begin(sessions_of(call), request, call->version >= 13, state->replica_id >= 0,
                                   loop_now_ms(call->req->loop), &state->session, &full);
    count_sessions(call);
    if (err != ERR_NONE)
        return err;
    state->incremental = !full;
    if (state->session)
        take_from_session(state);
    else
        take_from_request(state, request);
    return ERR_NONE;
}

/* Those that the consumer can reach by the listener it came in by (KIP-392). */
static void find_rack(struct fetch_state *state, struct view rack)
{
    const struct api_call *call = state->call;
    if (rack.len == 0 || fetch_of_follower(state) || !config_selects_by_rack(broker_config(call->broker)))
        return;
    const struct metadata *metadata = metadata_cache_get(call->broker->metadata);
    state->rack.ids =
        arena_alloc(&call->req->arena, sizeof *state->rack.ids * (size_t)(metadata->brokers_count + 1));
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        const struct metadata_broker *broker = &metadata->brokers[i];
        if (broker->rack && view_equal(rack, view_str(broker->rack)) &&
            metadata_broker_endpoint(broker, call_listener(call)))
            state->rack.ids[state->rack.count++] = broker->id;
    }
}

static void answer_session_error(struct api_call *call, enum err err)
{
    struct wire_fetch_response *answer = call_new_answer(call);
    answer->error_code = call_error(call, err);
    call_answer(call, answer);
}

void api_fetch(struct api_call *call)
{
    struct wire_fetch_request *request = CALL_ALLOC(call, struct wire_fetch_request);
    struct errmsg why;
    if (fetch_codec_decode_request(call->version, call->body, NULL, &call->req->arena, request, &why) !=
        ERR_NONE) {
        call_close(call, why.text);
        return;
    }
    struct fetch_state *state = CALL_ALLOC(call, struct fetch_state);
    state->call = call;
    state->replica_id = call->version >= 15 ? request->replica_state.replica_id : request->replica_id;
    state->replica_epoch = call->version >= 15 ? request->replica_state.replica_epoch : -1;
    state->is_first = true;
    call->req->of_follower = fetch_of_follower(state);
    state->read_committed = request->isolation_level == 1;
    state->min_bytes = request->min_bytes;
    find_rack(state, request->rack_id);
    int32_t limit = config_int(broker_config(call->broker), CONFIG_FETCH_MAX_BYTES);
    state->max_bytes = call->version >= 3 && request->max_bytes < limit ? request->max_bytes : limit;
    state->again.run = pass_again;
    list_node_init(&state->again.node);
    enum err err = take_parts(state, request);
    if (err != ERR_NONE) {
        answer_session_error(call, err);
        return;
    }
    call->req->state = state;
    call->req->abandoned = peer_is_gone;
    if (request->max_wait_ms <= 0) {
        state->timed_out = true;
    } else {
        state->timeout.fire = timed_out;
        loop_timer_arm(call->req->loop, &state->timeout, loop_now_ms(call->req->loop) + request->max_wait_ms);
    }
    begin_pass(state);
}

/* --- the answer ----------------------------------------------------------------------------------------- */

static void put_partition(struct fetch_state *state, struct fetch_part *part,
                          struct wire_fetch_response_partition_data *to)
{
    struct api_call *call = state->call;
    const struct read_op *read = &part->read;
    enum err err = part->read_err;
    to->partition_index = part->partition;
    to->records = VIEW_LIT("");
    to->high_watermark = -1;
    to->last_stable_offset = -1;
    to->log_start_offset = -1;
    to->preferred_read_replica = -1;
    to->aborted_transactions_count = -1;
    if (err == ERR_KAFKA_STORAGE_ERROR && call->version <= 5)
        err = ERR_NOT_LEADER_OR_FOLLOWER;
    to->error_code = call_error(call, err);
    if (err != ERR_NONE) {
        bool hinted = err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_FENCED_LEADER_EPOCH;
        if (hinted && call->version >= 12) {
            struct leader_hint hint = leader_hint_of(call, part->topic, part->partition);
            to->current_leader.leader_id = hint.leader_id;
            to->current_leader.leader_epoch = hint.leader_epoch;
        }
        return;
    }
    to->high_watermark = read->high_watermark;
    to->last_stable_offset = read->last_stable_offset;
    to->log_start_offset = read->log_start_offset;
    to->preferred_read_replica = read->preferred_replica;
    if (read->diverging_epoch >= 0) {
        to->diverging_epoch.epoch = read->diverging_epoch;
        to->diverging_epoch.end_offset = read->diverging_end_offset;
        return;
    }
    if (state->read_committed) {
        const struct aborted_list *aborted = &read->slice.aborted;
        to->aborted_transactions_count = (int32_t)aborted->count;
        to->aborted_transactions =
            wire_new(&wire_fetch_response_aborted_transaction_desc, &call->req->arena, aborted->count);
        for (size_t i = 0; i < aborted->count; i++) {
            to->aborted_transactions[i].producer_id = aborted->items[i].producer_id;
            to->aborted_transactions[i].first_offset = aborted->items[i].first_offset;
        }
    }
    if (read->slice.len > 0)
        to->records = view_of("", (size_t)read->slice.len); /* only the length counts: see fill_holes */
}

/* The part whose records a hole is for. */
static struct fetch_part *hole_part(const struct fetch_state *state, const struct fetch_hole *hole)
{
    const struct wire_fetch_response_fetchable_topic_response *topic = &state->answer->responses[hole->topic];
    return state->answered[topic->partitions + hole->partition - state->answer->responses[0].partitions];
}

/*
 * Puts the records into their holes: bytes that were read are copied in, from the last hole to the first so
 * that each byte of the answer moves once; ranges of files are noted where they belong.
 */
static void fill_holes(struct fetch_state *state, struct buf *out, const struct fetch_holes *holes)
{
    size_t copied = 0;
    for (size_t i = 0; i < holes->count; i++)
        copied += hole_part(state, &holes->items[i])->read.bytes.len;
    size_t from = out->len; /* end of what is yet to be moved */
    size_t to = from + copied;
    buf_extend(out, copied);
    for (size_t i = holes->count; i-- > 0 && copied > 0;) {
        const struct fetch_hole *hole = &holes->items[i];
        struct view bytes = hole_part(state, hole)->read.bytes;
        size_t chunk = from - hole->pos;
        to -= chunk;
        from = hole->pos;
        memmove(out->data + to, out->data + from, chunk);
        to -= bytes.len;
        memcpy(out->data + to, bytes.ptr ? bytes.ptr : (const uint8_t *)"", bytes.len);
    }
    copied = 0;
    for (size_t i = 0; i < holes->count; i++) {
        const struct read_op *read = &hole_part(state, &holes->items[i])->read;
        copied += read->bytes.len;
        if (read->slice.file)
            reply_insert_range(&state->call->req->reply, holes->items[i].pos + copied,
                               disk_file_share(read->slice.file), read->slice.pos, read->slice.len,
                               read->now_ms);
    }
}

/* In a session, what has no news is left out. */
static bool is_told(struct fetch_state *state, struct fetch_part *part)
{
    const struct read_op *read = &part->read;
    if (!part->session_part)
        return true;
    bool good = part->read_err == ERR_NONE;
    return fetch_session_part_has_news(part->session_part, state->incremental, good ? read->slice.len : 0,
                                       part->read_err,
                                       good && (read->diverging_epoch >= 0 || read->preferred_replica >= 0),
                                       good ? read->high_watermark : -1, good ? read->log_start_offset : -1);
}

/* The topics of the request, in its order; neighbours of one topic stand together. */
static void put_topics(struct fetch_state *state, struct wire_fetch_response *answer)
{
    struct arena *arena = &state->call->req->arena;
    answer->responses =
        wire_new(&wire_fetch_response_fetchable_topic_response_desc, arena, (size_t)state->count);
    struct wire_fetch_response_partition_data *data =
        wire_new(&wire_fetch_response_partition_data_desc, arena, (size_t)state->count);
    state->answered = arena_alloc(arena, sizeof *state->answered * (size_t)(state->count + 1));
    struct wire_fetch_response_fetchable_topic_response *topic = NULL;
    int count = 0;
    for (int i = 0; i < state->count; i++) {
        struct fetch_part *part = &state->parts[i];
        if (!is_told(state, part))
            continue;
        bool same =
            topic && view_equal(topic->topic, part->topic) && uuid_equal(topic->topic_id, part->topic_id);
        if (!same) {
            topic = &answer->responses[answer->responses_count++];
            topic->topic = part->topic;
            topic->topic_id = part->topic_id;
            topic->partitions = &data[count];
        }
        put_partition(state, part, &data[count]);
        state->answered[count++] = part;
        topic->partitions_count++;
    }
}

static void count_records(const struct fetch_state *state, const struct read_op *read)
{
    count_sent(read);
    if (read->on_throttled_list)
        replication_quota_record(state->call->broker->quotas, REPLICATION_QUOTA_LEADER, read->slice.len,
                                 loop_now_ms(state->call->req->loop));
}

static void let_go(struct fetch_state *state)
{
    for (int i = 0; i < state->count; i++) {
        struct fetch_part *part = &state->parts[i];
        if (part->session_part && part->read_err == ERR_NONE && part->read.slice.len > 0)
            fetch_session_part_served(state->session, part->session_part);
        if (part->part && part->read_err == ERR_NONE && part->read.slice.len > 0)
            count_records(state, &part->read);
        fetch_part_close(part);
    }
    if (state->session)
        fetch_session_let_go(state->session);
}

void fetch_answer(struct fetch_state *state)
{
    struct api_call *call = state->call;
    call->req->abandoned = NULL;
    if (state->waits)
        metrics_add(count_shard(call->broker), METRIC_WAITING_FETCH, -1);
    struct wire_fetch_response *answer = call_new_answer(call);
    state->answer = answer;
    answer->session_id = state->session && !state->session->closed ? state->session->id : FETCH_SESSION_NONE;
    put_topics(state, answer);
    struct buf *out = call_begin_answer(call);
    struct errmsg why;
    struct fetch_holes holes = {0};
    enum err err = fetch_codec_encode_response(call->version, answer, out, &call->req->arena, &holes, &why);
    if (err == ERR_NONE)
        fill_holes(state, out, &holes);
    let_go(state);
    if (err != ERR_NONE) {
        log_error("api", "answer_not_encodable", "api=Fetch version=%d error=\"%s\"", call->version,
                  why.text);
        call_close(call, "internal error");
        return;
    }
    call_send(call);
}
