/*
 * Fetch and ListOffsets, as api/fetch.c and service/partition/read.c serve them, and Metadata of our own.
 *
 * A Fetch looks at its partitions in one pass; when there is too little it is parked, and looks again when
 * one of them has news or its time is over.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sim/node.h"
#include "sim/plants.h"
#include "storage/leader_epochs.h"
#include "storage/log_lookup.h"
#include "wire/codec.h"

#define FETCH_VERSION   17
#define OFFSETS_VERSION 9

struct fetch_part {
    struct fetch_session_part *session_part;
    int number; /* -1 = not known */
    struct uuid topic_id;
    int32_t index;
    struct wire_fetch_request_fetch_partition asked;
    /* What a look found. */
    enum err err;
    int32_t diverging_epoch;
    int64_t diverging_end_offset;
    int64_t high_watermark;
    int64_t log_start;
    struct buf records;
};

struct fetch_state {
    struct list node; /* while it waits */
    struct proc *proc;
    uint64_t id;
    uint64_t number; /* tells one from others that had its memory */
    struct arena arena;
    struct wire_fetch_request request;
    struct buf body;
    struct fetch_session *session;
    bool incremental;
    bool is_first;
    bool woken;
    bool timed_out;
    struct fetch_part *parts;
    int count;
};

static void fetch_state_free(struct fetch_state *state)
{
    for (int i = 0; i < state->count; i++)
        buf_close(&state->parts[i].records);
    if (state->session)
        fetch_session_let_go(state->session);
    if (list_is_linked(&state->node)) {
        list_remove(&state->node);
        state->proc->fetches_count--;
    }
    arena_close(&state->arena);
    buf_close(&state->body);
    free(state);
}

static int32_t replica_of(const struct fetch_state *state)
{
    return state->request.replica_state.replica_id;
}

/* --- one look ----------------------------------------------------------------------------------------- */

static enum err check_role(const struct fetch_state *state, const struct part *part, int32_t leader_epoch)
{
    if (!part->log || part->proc->failing)
        return ERR_KAFKA_STORAGE_ERROR;
    enum err err = replica_check_epoch(&part->replica, leader_epoch);
    if (err != ERR_NONE)
        return err;
    bool may_follow = replica_of(state) < 0 && part->replica.role == REPLICA_ROLE_FOLLOWER;
    if (!part->is_leader && !may_follow)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (replica_of(state) >= 0 && !replica_has_follower(&part->replica, replica_of(state)))
        return leader_epoch >= 0 ? ERR_UNKNOWN_LEADER_EPOCH : ERR_NOT_LEADER_OR_FOLLOWER;
    return ERR_NONE;
}

/* See service/partition/followers.c. */
static enum err epoch_end(const struct fetch_state *state, struct part *part, int32_t epoch,
                          struct leader_epoch *out)
{
    if (replica_of(state) >= 0 && !replica_ids_contain(&part->replica.isr, replica_of(state)))
        return log_epoch_end_for_follower(part->log, epoch, false, out, NULL);
    *out = leader_epochs_end_offset_for(log_leader_epochs(part->log), epoch, log_end(part->log).offset);
    return ERR_NONE;
}

static enum err check_divergence(const struct fetch_state *state, struct fetch_part *look, struct part *part)
{
    look->diverging_epoch = -1;
    int32_t epoch = look->asked.last_fetched_epoch;
    if (epoch < 0)
        return ERR_NONE;
    struct leader_epoch end;
    enum err err = epoch_end(state, part, epoch, &end);
    if (err != ERR_NONE)
        return err;
    if (end.epoch == LEADER_EPOCH_UNDEFINED || end.start_offset == LEADER_EPOCH_UNDEFINED ||
        look->asked.fetch_offset < log_start_offset(part->log))
        return ERR_OFFSET_OUT_OF_RANGE;
    if (end.epoch < epoch || end.start_offset < look->asked.fetch_offset) {
        look->diverging_epoch = end.epoch;
        look->diverging_end_offset = end.start_offset;
    }
    return ERR_NONE;
}

static enum err note_replica(const struct fetch_state *state, const struct fetch_part *look,
                             struct part *part)
{
    int64_t end = log_end(part->log).offset;
    if (look->asked.fetch_offset < log_start_offset(part->log) || look->asked.fetch_offset > end)
        return ERR_NONE;
    struct replica_fetch fetch = {.broker_id = replica_of(state),
                                  .broker_epoch = state->request.replica_state.replica_epoch,
                                  .offset = look->asked.fetch_offset,
                                  .start_offset = look->asked.log_start_offset,
                                  .now_ms = sim_now_ms(part->proc->sim),
                                  .gap_ms = part_sure_to_lead_ms(part),
                                  .leader_end = end};
    return part_note_fetch(part, &fetch);
}

static enum err read_records(const struct fetch_state *state, struct fetch_part *look, struct part *part)
{
    struct log_slice slice = {0};
    struct errmsg why;
    struct log_read_args args = {.offset = look->asked.fetch_offset,
                                 .max_bytes = look->asked.partition_max_bytes,
                                 .bound = replica_of(state) >= 0 ? LOG_BOUND_END : LOG_BOUND_HIGH_WATERMARK,
                                 .min_one = true};
    enum err err = log_read(part->log, &args, &slice, &why);
    if (err == ERR_NONE && slice.file) {
        size_t got = 0;
        uint8_t *to = buf_extend(&look->records, (size_t)slice.len);
        if (DISK_FILE(slice.file, pread, to, (size_t)slice.len, slice.pos, &got, &why) != ERR_NONE)
            err = ERR_KAFKA_STORAGE_ERROR;
    }
    log_slice_close(&slice);
    if (err == ERR_KAFKA_STORAGE_ERROR)
        proc_fail_storage(part->proc, &why);
    else if (err != ERR_NONE && err != ERR_OFFSET_OUT_OF_RANGE)
        sim_fail(part->proc->sim, "I13", "%d cannot read %s at %lld: %s: %s", part->proc->id, part->name,
                 (long long)look->asked.fetch_offset, err_name(err), why.text);
    return err;
}

static void look_at(struct fetch_state *state, struct fetch_part *look)
{
    struct part *part = look->number < 0 ? NULL : state->proc->parts[look->number];
    buf_clear(&look->records);
    look->diverging_epoch = -1;
    look->err = ERR_UNKNOWN_TOPIC_ID;
    if (!part) {
        if (look->number >= 0)
            look->err = ERR_NOT_LEADER_OR_FOLLOWER;
        return;
    }
    part_touch(part);
    look->err = check_role(state, part, look->asked.current_leader_epoch);
    if (look->err == ERR_NONE)
        look->err = check_divergence(state, look, part);
    if (look->err == ERR_NONE && state->is_first && replica_of(state) >= 0 &&
        (look->diverging_epoch < 0 || plant_is(PLANT_DIVERGING_IS_PROGRESS)))
        look->err = note_replica(state, look, part);
    if (look->err != ERR_NONE)
        return;
    look->high_watermark = log_high_watermark(part->log).offset;
    look->log_start = log_start_offset(part->log);
    if (look->diverging_epoch < 0)
        look->err = read_records(state, look, part);
}

/* --- the answer --------------------------------------------------------------------------------------- */

static bool is_told(const struct fetch_state *state, struct fetch_part *part)
{
    bool good = part->err == ERR_NONE;
    if (!part->session_part)
        return true;
    return fetch_session_part_has_news(
        part->session_part, state->incremental, good ? (int64_t)part->records.len : 0, part->err,
        good && part->diverging_epoch >= 0, good ? part->high_watermark : -1, good ? part->log_start : -1);
}

static void put_partition(const struct fetch_part *part, struct wire_fetch_response_partition_data *to)
{
    to->partition_index = part->index;
    to->records = VIEW_LIT("");
    to->high_watermark = to->last_stable_offset = to->log_start_offset = -1;
    to->preferred_read_replica = -1;
    to->aborted_transactions_count = -1;
    to->error_code = err_wire_code(part->err);
    if (part->err != ERR_NONE)
        return;
    to->high_watermark = to->last_stable_offset = part->high_watermark;
    to->log_start_offset = part->log_start;
    if (part->diverging_epoch >= 0) {
        to->diverging_epoch.epoch = part->diverging_epoch;
        to->diverging_epoch.end_offset = part->diverging_end_offset;
    } else {
        to->records = buf_view(&part->records);
    }
}

static void answer_fetch(struct fetch_state *state)
{
    struct wire_fetch_response *answer = wire_new(&wire_fetch_response_desc, &state->arena, 1);
    answer->session_id = state->session && !state->session->closed ? state->session->id : FETCH_SESSION_NONE;
    answer->responses =
        wire_new(&wire_fetch_response_fetchable_topic_response_desc, &state->arena, (size_t)state->count);
    struct wire_fetch_response_partition_data *data =
        wire_new(&wire_fetch_response_partition_data_desc, &state->arena, (size_t)state->count);
    for (int i = 0; i < state->count; i++) {
        struct fetch_part *part = &state->parts[i];
        if (!is_told(state, part))
            continue;
        put_partition(part, &data[answer->responses_count]);
        answer->responses[answer->responses_count] = (struct wire_fetch_response_fetchable_topic_response){
            .topic = VIEW_LIT(""),
            .topic_id = part->topic_id,
            .partitions = &data[answer->responses_count],
            .partitions_count = 1};
        answer->responses_count++;
        if (part->session_part && part->err == ERR_NONE && part->records.len > 0)
            fetch_session_part_served(state->session, part->session_part);
    }
    struct buf out = {0};
    ASSERT(wire_encode(&wire_fetch_response_desc, FETCH_VERSION, answer, &out, NULL) == ERR_NONE);
    net_answer(state->proc->sim, state->id, buf_view(&out));
    buf_close(&out);
    fetch_state_free(state);
}

/* --- passes ------------------------------------------------------------------------------------------- */

static void pass(struct fetch_state *state)
{
    size_t bytes = 0;
    bool must_answer = state->count == 0;
    for (int i = 0; i < state->count; i++) {
        look_at(state, &state->parts[i]);
        must_answer |= state->parts[i].err != ERR_NONE || state->parts[i].diverging_epoch >= 0;
        bytes += state->parts[i].records.len;
    }
    state->is_first = false;
    if (must_answer || state->timed_out || bytes >= (size_t)state->request.min_bytes) {
        answer_fetch(state);
        return;
    }
    if (!list_is_linked(&state->node)) {
        list_push_back(&state->proc->fetches, &state->node);
        state->proc->fetches_count++;
    }
}

struct recall {
    struct proc *proc;
    uint64_t number;
    bool timed_out;
};

static void look_again(struct sim *sim, void *arg)
{
    (void)sim;
    struct recall recall = *(struct recall *)arg;
    free(arg);
    LIST_EACH (node, &recall.proc->fetches) {
        struct fetch_state *state = CONTAINER_OF(node, struct fetch_state, node);
        if (state->number != recall.number)
            continue;
        state->woken = false;
        state->timed_out |= recall.timed_out;
        pass(state);
        return;
    }
}

static void free_recall(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

static void look_later(struct fetch_state *state, int64_t delay_us, bool times_out)
{
    struct recall *recall = MEM_NEW(struct recall);
    *recall = (struct recall){state->proc, state->number, times_out};
    sim_after(state->proc->sim, delay_us, state->proc->id, times_out ? "fetch_timeout" : "fetch_again",
              look_again, free_recall, recall);
}

void serve_wake(struct part *part)
{
    LIST_EACH (node, &part->proc->fetches) {
        struct fetch_state *state = CONTAINER_OF(node, struct fetch_state, node);
        for (int i = 0; i < state->count && !state->woken; i++)
            if (state->parts[i].number == part->number) {
                state->woken = true;
                look_later(state, 0, false);
            }
    }
}

/* --- the request -------------------------------------------------------------------------------------- */

static int number_of(const struct proc *proc, struct uuid topic_id, int32_t index)
{
    const struct metadata_topic *topic = metadata_topic_by_id(proc->metadata, topic_id);
    return topic ? sim_part_find(proc->sim, topic->name, strlen(topic->name), index) : -1;
}

static void take_request(struct fetch_state *state)
{
    const struct wire_fetch_request *request = &state->request;
    for (int32_t t = 0; t < request->topics_count; t++)
        for (int32_t p = 0; p < request->topics[t].partitions_count && state->count < SIM_PARTS_MAX; p++)
            state->parts[state->count++] =
                (struct fetch_part){.topic_id = request->topics[t].topic_id,
                                    .index = request->topics[t].partitions[p].partition,
                                    .asked = request->topics[t].partitions[p]};
}

static void take_session(struct fetch_state *state)
{
    LIST_EACH (node, &state->session->order) {
        struct fetch_session_part *from = CONTAINER_OF(node, struct fetch_session_part, node);
        ASSERT(state->count < SIM_PARTS_MAX);
        state->parts[state->count++] =
            (struct fetch_part){.session_part = from,
                                .topic_id = from->topic_id,
                                .index = from->partition,
                                .asked = {.partition = from->partition,
                                          .current_leader_epoch = from->current_leader_epoch,
                                          .fetch_offset = from->fetch_offset,
                                          .last_fetched_epoch = from->last_fetched_epoch,
                                          .log_start_offset = from->log_start_offset,
                                          .partition_max_bytes = from->max_bytes}};
    }
}

static void refuse_session(struct fetch_state *state, enum err err)
{
    struct wire_fetch_response *answer = wire_new(&wire_fetch_response_desc, &state->arena, 1);
    struct buf out = {0};
    answer->error_code = err_wire_code(err);
    ASSERT(wire_encode(&wire_fetch_response_desc, FETCH_VERSION, answer, &out, NULL) == ERR_NONE);
    net_answer(state->proc->sim, state->id, buf_view(&out));
    buf_close(&out);
    fetch_state_free(state);
}

void serve_fetch(struct proc *proc, uint64_t id, struct view body)
{
    struct sim *sim = proc->sim;
    struct fetch_state *state = MEM_NEW(struct fetch_state);
    state->proc = proc;
    state->id = id;
    state->number = ++proc->last_fetch;
    state->is_first = true;
    list_node_init(&state->node);
    buf_put_view(&state->body, body);
    ASSERT(wire_decode(&wire_fetch_request_desc, FETCH_VERSION, buf_view(&state->body), NULL, &state->arena,
                       &state->request, NULL) == ERR_NONE);
    state->parts = arena_zalloc(&state->arena, sizeof *state->parts * SIM_PARTS_MAX);
    bool full = true;
    enum err err = fetch_sessions_begin(&proc->sessions, &state->request, true, replica_of(state) >= 0,
                                        sim_now_ms(sim), &state->session, &full);
    if (err != ERR_NONE) {
        refuse_session(state, err);
        return;
    }
    state->incremental = !full;
    if (state->session)
        take_session(state);
    else
        take_request(state);
    for (int i = 0; i < state->count; i++)
        state->parts[i].number = number_of(proc, state->parts[i].topic_id, state->parts[i].index);
    state->timed_out = state->request.max_wait_ms <= 0;
    if (!state->timed_out)
        look_later(state, state->request.max_wait_ms * SIM_MS, true);
    pass(state);
}

void serve_free(struct proc *proc)
{
    while (!list_is_empty(&proc->fetches))
        fetch_state_free(CONTAINER_OF(proc->fetches.next, struct fetch_state, node));
}

/* --- ListOffsets -------------------------------------------------------------------------------------- */

typedef struct wire_list_offsets_response_list_offsets_partition_response listed;

/* `debugging`: also who does not lead says where its log ends, and of which epoch the last records are. */
static void list_one(struct proc *proc, struct view topic, bool debugging,
                     const struct wire_list_offsets_request_list_offsets_partition *asked, listed *to)
{
    int number = sim_part_find(proc->sim, (const char *)topic.ptr, topic.len, asked->partition_index);
    const struct part *part = number < 0 ? NULL : proc->parts[number];
    enum err err = part ? ERR_NONE : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (part && (!part->log || proc->failing))
        err = ERR_KAFKA_STORAGE_ERROR;
    if (err == ERR_NONE)
        err = replica_check_epoch(&part->replica, asked->current_leader_epoch);
    if (err == ERR_NONE && !part->is_leader && !debugging)
        err = ERR_NOT_LEADER_OR_FOLLOWER;
    to->partition_index = asked->partition_index;
    to->error_code = err_wire_code(err);
    to->timestamp = -1;
    to->offset = -1;
    if (err != ERR_NONE)
        return;
    to->offset = asked->timestamp == -1 ? log_end(part->log).offset : log_start_offset(part->log);
    to->leader_epoch = part->replica.role == REPLICA_ROLE_LEADER
                           ? part->replica.leader_epoch
                           : leader_epochs_latest_epoch(log_leader_epochs(part->log));
}

static struct wire_list_offsets_response *
list(struct proc *proc, bool debugging, const struct wire_list_offsets_request *request, struct arena *arena)
{
    struct wire_list_offsets_response *answer = wire_new(&wire_list_offsets_response_desc, arena, 1);
    answer->topics = wire_new(&wire_list_offsets_response_list_offsets_topic_response_desc, arena,
                              (size_t)request->topics_count);
    answer->topics_count = request->topics_count;
    for (int32_t t = 0; t < request->topics_count; t++) {
        int32_t count = request->topics[t].partitions_count;
        answer->topics[t].name = request->topics[t].name;
        answer->topics[t].partitions =
            wire_new(&wire_list_offsets_response_list_offsets_partition_response_desc, arena, (size_t)count);
        answer->topics[t].partitions_count = count;
        for (int32_t p = 0; p < count; p++)
            list_one(proc, request->topics[t].name, debugging, &request->topics[t].partitions[p],
                     &answer->topics[t].partitions[p]);
    }
    return answer;
}

const struct wire_list_offsets_response *
serve_log_ends(struct proc *proc, const struct wire_list_offsets_request *request, struct arena *arena)
{
    return list(proc, true, request, arena);
}

void serve_list_offsets(struct proc *proc, uint64_t id, struct view body)
{
    struct arena arena = {0};
    struct wire_list_offsets_request request;
    ASSERT(wire_decode(&wire_list_offsets_request_desc, OFFSETS_VERSION, body, NULL, &arena, &request,
                       NULL) == ERR_NONE);
    struct buf out = {0};
    ASSERT(wire_encode(&wire_list_offsets_response_desc, OFFSETS_VERSION, list(proc, false, &request, &arena),
                       &out, NULL) == ERR_NONE);
    net_answer(proc->sim, id, buf_view(&out));
    buf_close(&out);
    arena_close(&arena);
}

/* --- Metadata ----------------------------------------------------------------------------------------- */

/* Controller i32; for each of our partitions leader i32, leader epoch i32, topic id. */
void serve_metadata(struct proc *proc, uint64_t id)
{
    struct buf out = {0};
    buf_put_i32(&out, proc->metadata->controller_id);
    for (int i = 0; i < proc->sim->shape.parts; i++) {
        struct view topic = view_str(proc->sim->parts[i].topic);
        const struct metadata_topic *known = metadata_topic(proc->metadata, topic);
        const struct metadata_partition *part =
            metadata_partition(proc->metadata, topic, proc->sim->parts[i].index);
        struct uuid none = {0};
        buf_put_i32(&out, part ? part->leader : -1);
        buf_put_i32(&out, part ? part->leader_epoch : -1);
        buf_put(&out, (known ? known->id : none).bytes, sizeof none.bytes);
    }
    net_answer(proc->sim, id, buf_view(&out));
    buf_close(&out);
}
