/*
 * The controller's requests, as api/control.c, service/replica/replica_roles.c and replica_create.c carry
 * them out: one after the other, in two halves. In the first the role is taken over; in the second, a moment
 * later, its epoch is made durable, and only then a leader serves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "service/controller/controller_translate.h"
#include "sim/checker.h"
#include "sim/groups.h"
#include "sim/node.h"
#include "sim/plants.h"
#include "storage/atomic_file.h"
#include "storage/leader_epochs.h"
#include "storage/log_load.h"
#include "storage/log_trim.h"
#include "storage/new_partitions.h"
#include "storage/partition_dir.h"
#include "wire/api.h"
#include "wire/codec.h"

enum { KEY_LIST_OFFSETS = 2, KEY_LEADER_AND_ISR = 4, KEY_STOP_REPLICA = 5, KEY_UPDATE_METADATA = 6 };

typedef struct wire_leader_and_isr_request_leader_and_isr_partition_state role_state;

/* One partition of a LeaderAndIsr on its way. */
struct change {
    const role_state *state;
    struct uuid topic_id;
    struct part *part;
    int number;
    enum err err;
    bool was_leader;
    bool became_leader;
    bool epochs_changed;
    struct buf epochs_text;
};

struct job {
    struct list node;
    struct proc *proc;
    uint64_t id;
    int64_t connection;
    struct buf frame;
    struct arena arena;
    const struct wire_api *api;
    int16_t version;
    int32_t correlation_id;
    void *request;
    struct change *changes;
    int count;
};

static void job_free(struct job *job)
{
    for (int i = 0; i < job->count; i++)
        buf_close(&job->changes[i].epochs_text);
    arena_close(&job->arena);
    buf_close(&job->frame);
    free(job);
}

static void next_job(struct proc *proc);

static void answer(struct job *job, const void *answer)
{
    struct buf out = {0};
    wire_encode_response_header(job->api, job->version, job->correlation_id, &out);
    ASSERT(wire_encode(job->api->response, job->version, answer, &out, NULL) == ERR_NONE);
    net_answer(job->proc->sim, job->id, buf_view(&out));
    buf_close(&out);
}

static void end_job(struct job *job, const void *response)
{
    struct proc *proc = job->proc;
    if (response)
        answer(job, response);
    list_remove(&job->node);
    job_free(job);
    proc->job_runs = false;
    next_job(proc);
}

/* --- LeaderAndIsr: judge and take over ---------------------------------------------------------------- */

static struct replica_command command_of(const struct proc *proc, const role_state *state)
{
    return (struct replica_command){
        .controller_epoch = state->controller_epoch,
        .leader_id = state->leader,
        .leader_epoch = state->leader_epoch,
        .partition_epoch = state->partition_epoch,
        .isr = {state->isr, state->isr_count},
        .assigned = {state->replicas, state->replicas_count},
        .adding = {state->adding_replicas, state->adding_replicas_count},
        .removing = {state->removing_replicas, state->removing_replicas_count},
        .is_new = state->is_new,
        .leader_unknown = state->leader != proc->id && !proc_sees_alive(proc, state->leader),
    };
}

static enum err make_log(struct part *part, struct uuid topic_id, int32_t leader_epoch, struct errmsg *why)
{
    struct proc *proc = part->proc;
    struct sim *sim = proc->sim;
    struct uuid stage;
    for (size_t i = 0; i < sizeof stage.bytes; i++)
        stage.bytes[i] = (uint8_t)(1 + sim_below(sim, SIM_RNG_NODE + (unsigned)proc->id, 255));
    struct new_partitions batch;
    new_partitions_init(&batch, &proc->dir, stage);
    enum err err = new_partitions_add(&batch, part->name, topic_id, leader_epoch, 0, why);
    if (err == ERR_NONE)
        err = new_partitions_commit(&batch, why);
    new_partitions_close(&batch);
    char *path = log_dir_join(&proc->dir, part->name);
    struct log_settings settings = node_log_settings(sim, part->number);
    struct log_load_args args = {
        .disk = proc->dir.disk, .dir = path, .settings = &settings, .now_ms = proc_wall_ms(proc), .seed = 1};
    if (err == ERR_NONE)
        err = log_create(&args, topic_id, leader_epoch, &part->log, why);
    free(path);
    return err;
}

static enum err create(struct proc *proc, struct change *change)
{
    struct errmsg why;
    bool leads = change->state->leader == proc->id;
    change->part = part_new(proc, change->number);
    enum err err = make_log(change->part, change->topic_id,
                            leads ? change->state->leader_epoch : LEADER_EPOCH_UNDEFINED, &why);
    if (err == ERR_NONE) {
        checker_log_opened(proc->sim, change->part);
        return ERR_NONE;
    }
    proc_fail_storage(proc, &why);
    return ERR_KAFKA_STORAGE_ERROR;
}

static enum err judge(struct proc *proc, struct change *change)
{
    struct replica_command command = command_of(proc, change->state);
    change->part = proc->parts[change->number];
    if (change->part) {
        if (!change->part->log)
            return ERR_KAFKA_STORAGE_ERROR;
        struct uuid known = log_topic_id(change->part->log);
        if (!uuid_is_zero(known) && !uuid_equal(known, change->topic_id))
            return ERR_INCONSISTENT_TOPIC_ID;
        return replica_judge(&change->part->replica, &command, proc->id);
    }
    struct replica fresh;
    replica_init(&fresh);
    enum err err = replica_judge(&fresh, &command, proc->id);
    replica_close(&fresh);
    return err == ERR_NONE ? create(proc, change) : err;
}

static void take_role(struct proc *proc, struct change *change)
{
    struct part *part = change->part;
    struct sim *sim = proc->sim;
    struct replica_command command = command_of(proc, change->state);
    int64_t end = log_end(part->log).offset;
    change->was_leader = part->replica.role == REPLICA_ROLE_LEADER;
    replica_apply(&part->replica, &command, proc->id, end, sim_now_ms(sim));
    part->proposes = false;
    change->became_leader = part->replica.role == REPLICA_ROLE_LEADER;
    sim_trace(sim, "%d %s %s epoch=%d version=%d end=%lld hw=%lld", proc->id,
              change->became_leader ? "leads" : "follows", part->name, command.leader_epoch,
              command.partition_epoch, (long long)end, (long long)log_high_watermark(part->log).offset);
    if (change->became_leader) {
        struct leader_epochs *epochs = log_leader_epochs(part->log);
        change->epochs_changed = leader_epochs_assign(epochs, command.leader_epoch, end);
        if (change->epochs_changed) {
            leader_epochs_format(epochs, &change->epochs_text);
            epochs->dirty = false;
        }
        checker_leads(sim, part);
    } else {
        part->is_leader = false;
    }
    if ((!change->was_leader || !change->became_leader) && !plant_is(PLANT_WAIT_OUTLIVES_LEADER))
        part_fail_waiting(part);
    part_announce(part);
    part->leader_high_watermark = -1;
    if (change->became_leader)
        follow_leave(part, command.leader_epoch);
    else
        follow_begin(part, command.leader_id, command.leader_epoch);
}

static void take_over(struct proc *proc, struct change *change)
{
    change->err = judge(proc, change);
    if (change->err != ERR_NONE)
        return;
    /* Nobody to follow: as with Kafka there is the log, and nothing is adopted. */
    if (change->state->leader < 0)
        return;
    take_role(proc, change);
}

/* --- LeaderAndIsr: record and serve ------------------------------------------------------------------- */

static enum err record(struct job *job, struct errmsg *why)
{
    struct proc *proc = job->proc;
    struct atomic_batch batch;
    atomic_batch_init(&batch, proc->dir.disk);
    enum err err = ERR_NONE;
    for (int i = 0; i < job->count && err == ERR_NONE; i++) {
        const struct change *change = &job->changes[i];
        if (change->err != ERR_NONE || !change->epochs_changed)
            continue;
        char *dir = log_dir_join(&proc->dir, change->part->name);
        char *path = atomic_file_join(dir, LEADER_EPOCH_FILE_NAME);
        err = atomic_batch_add(&batch, path, buf_view(&change->epochs_text), why);
        free(path);
        free(dir);
    }
    if (err == ERR_NONE)
        err = atomic_batch_commit(&batch, why);
    atomic_batch_close(&batch);
    return err;
}

static void begin_to_serve(const struct change *change)
{
    struct part *part = change->part;
    struct sim *sim = part->proc->sim;
    if (!part->log || part->replica.leader_epoch != change->state->leader_epoch ||
        part->replica.role != REPLICA_ROLE_LEADER)
        return;
    part->is_leader = true;
    part_advance(part);
    part_announce(part);
    if (sim->shape.flush_each && log_recovery_point(part->log) < log_end(part->log).offset)
        upkeep_flush(part);
}

/* Whoever follows coordinates no groups. */
static void tell_groups(const struct change *change)
{
    if (change->err == ERR_NONE && change->became_leader)
        groups_led(change->part, change->was_leader);
    else if (change->err == ERR_NONE)
        groups_lost(change->part);
}

static void answer_roles(struct job *job)
{
    const struct wire_leader_and_isr_request *request = job->request;
    struct wire_leader_and_isr_response *response =
        wire_new(&wire_leader_and_isr_response_desc, &job->arena, 1);
    response->topics = wire_new(&wire_leader_and_isr_response_leader_and_isr_topic_error_desc, &job->arena,
                                (size_t)request->topic_states_count);
    response->topics_count = request->topic_states_count;
    int n = 0;
    for (int32_t t = 0; t < request->topic_states_count; t++) {
        int32_t count = request->topic_states[t].partition_states_count;
        response->topics[t].topic_id = request->topic_states[t].topic_id;
        response->topics[t].partition_errors = wire_new(
            &wire_leader_and_isr_response_leader_and_isr_partition_error_desc, &job->arena, (size_t)count);
        response->topics[t].partition_errors_count = count;
        for (int32_t p = 0; p < count; p++) {
            response->topics[t].partition_errors[p].partition_index = job->changes[n].state->partition_index;
            response->topics[t].partition_errors[p].error_code = err_wire_code(job->changes[n++].err);
        }
    }
    end_job(job, response);
}

static void second_half(struct sim *sim, void *arg)
{
    (void)sim;
    struct job *job = arg;
    struct errmsg why;
    if (job->proc->failing || record(job, &why) != ERR_NONE) {
        if (!job->proc->failing)
            proc_fail_storage(job->proc, &why);
        return; /* the process ends */
    }
    for (int i = 0; i < job->count; i++)
        if (job->changes[i].err == ERR_NONE && job->changes[i].became_leader)
            begin_to_serve(&job->changes[i]);
    for (int i = 0; i < job->count; i++)
        tell_groups(&job->changes[i]);
    answer_roles(job);
}

static void leader_and_isr(struct job *job)
{
    const struct wire_leader_and_isr_request *request = job->request;
    struct sim *sim = job->proc->sim;
    int count = 0;
    for (int32_t t = 0; t < request->topic_states_count; t++)
        count += request->topic_states[t].partition_states_count;
    job->changes = arena_zalloc(&job->arena, sizeof *job->changes * (size_t)(count + 1));
    for (int32_t t = 0; t < request->topic_states_count; t++)
        for (int32_t p = 0; p < request->topic_states[t].partition_states_count; p++) {
            struct change *change = &job->changes[job->count++];
            struct view topic = request->topic_states[t].topic_name;
            change->state = &request->topic_states[t].partition_states[p];
            change->topic_id = request->topic_states[t].topic_id;
            change->number =
                sim_part_find(sim, (const char *)topic.ptr, topic.len, change->state->partition_index);
            take_over(job->proc, change);
        }
    sim_after(sim, sim_between(sim, SIM_RNG_DISK, 0, 5 * SIM_MS), job->proc->id, "roles_recorded",
              second_half, NULL, job);
}

/* --- UpdateMetadata ----------------------------------------------------------------------------------- */

static void update_metadata(struct job *job)
{
    struct proc *proc = job->proc;
    const struct wire_update_metadata_request *request = job->request;
    struct metadata *next = metadata_apply(proc->metadata, request);
    char brokers[40] = "";
    for (int32_t i = 0; i < request->live_brokers_count; i++)
        snprintf(brokers + strlen(brokers), sizeof brokers - strlen(brokers), " %d",
                 request->live_brokers[i].id);
    sim_trace(proc->sim, "%d is told by %d of brokers%s", proc->id, request->controller_id, brokers);
    metadata_free(proc->metadata);
    proc->metadata = next;
    follow_kick_all(proc);
    isr_send(proc);
    end_job(job, wire_new(&wire_update_metadata_response_desc, &job->arena, 1));
}

/* --- StopReplica -------------------------------------------------------------------------------------- */

/* Epochs of StopReplica that need no comparison: topic being deleted, and unknown. */
#define EPOCH_DURING_DELETE (-2)
#define EPOCH_UNKNOWN       (-1)

static enum err stop_replica(struct proc *proc, int number, int32_t leader_epoch, bool deletes)
{
    struct part *part = number < 0 ? NULL : proc->parts[number];
    if (!part)
        return ERR_NONE;
    if (!part->log)
        return ERR_KAFKA_STORAGE_ERROR;
    if (leader_epoch != EPOCH_DURING_DELETE && leader_epoch != EPOCH_UNKNOWN &&
        leader_epoch < part->replica.leader_epoch)
        return ERR_FENCED_LEADER_EPOCH;
    sim_trace(proc->sim, "%d stops %s epoch=%d%s", proc->id, part->name, leader_epoch,
              deletes ? " deleted" : "");
    part->is_leader = false;
    follow_leave(part, INT32_MAX);
    replica_stop(&part->replica, leader_epoch);
    part_fail_waiting(part);
    part_announce(part);
    groups_lost(part);
    return ERR_NONE;
}

static void stop_replicas(struct job *job)
{
    const struct wire_stop_replica_request *request = job->request;
    struct wire_stop_replica_response *response = wire_new(&wire_stop_replica_response_desc, &job->arena, 1);
    response->partition_errors =
        wire_new(&wire_stop_replica_response_stop_replica_partition_error_desc, &job->arena, SIM_PARTS_MAX);
    for (int32_t t = 0; t < request->topic_states_count; t++)
        for (int32_t p = 0; p < request->topic_states[t].partition_states_count; p++) {
            struct view topic = request->topic_states[t].topic_name;
            int32_t index = request->topic_states[t].partition_states[p].partition_index;
            int number = sim_part_find(job->proc->sim, (const char *)topic.ptr, topic.len, index);
            enum err err =
                stop_replica(job->proc, number, request->topic_states[t].partition_states[p].leader_epoch,
                             request->topic_states[t].partition_states[p].delete_partition);
            response->partition_errors[response->partition_errors_count++] =
                (struct wire_stop_replica_response_stop_replica_partition_error){
                    .topic_name = topic, .partition_index = index, .error_code = err_wire_code(err)};
        }
    end_job(job, response);
}

/* --- the queue ---------------------------------------------------------------------------------------- */

static void refuse(struct job *job, enum err err)
{
    int16_t code = err_wire_code(err);
    sim_trace(job->proc->sim, "%d refuses %s: %s", job->proc->id, job->api->name, err_name(err));
    if (err == ERR_CONNECTION_REPLACED) { /* nobody listens at its other end */
        end_job(job, NULL);
        return;
    }
    void *response = wire_new(job->api->response, &job->arena, 1);
    if (job->api->key == KEY_LEADER_AND_ISR)
        ((struct wire_leader_and_isr_response *)response)->error_code = code;
    else if (job->api->key == KEY_STOP_REPLICA)
        ((struct wire_stop_replica_response *)response)->error_code = code;
    else
        ((struct wire_update_metadata_response *)response)->error_code = code;
    end_job(job, response);
}

static struct control_sender sender_of(const struct job *job)
{
    struct control_sender sender = {.connection = job->connection};
    if (job->api->key == KEY_LEADER_AND_ISR) {
        const struct wire_leader_and_isr_request *request = job->request;
        sender.controller_epoch = request->controller_epoch;
        sender.broker_epoch = request->broker_epoch;
    } else if (job->api->key == KEY_STOP_REPLICA) {
        const struct wire_stop_replica_request *request = job->request;
        sender.controller_epoch = request->controller_epoch;
        sender.broker_epoch = request->broker_epoch;
    } else {
        const struct wire_update_metadata_request *request = job->request;
        sender.controller_epoch = request->controller_epoch;
        sender.broker_epoch = request->broker_epoch;
    }
    return sender;
}

static void run_job(struct sim *sim, void *arg)
{
    struct job *job = arg;
    struct proc *proc = job->proc;
    struct control_sender sender = sender_of(job);
    enum err err = control_fence_check(&proc->fence, &proc->broker, &sender);
    if (err != ERR_NONE) {
        refuse(job, err);
        return;
    }
    checker_controlled(sim, proc, &sender);
    if (job->api->key == KEY_LEADER_AND_ISR)
        leader_and_isr(job);
    else if (job->api->key == KEY_STOP_REPLICA)
        stop_replicas(job);
    else
        update_metadata(job);
}

static void next_job(struct proc *proc)
{
    if (proc->job_runs || list_is_empty(&proc->jobs))
        return;
    proc->job_runs = true;
    sim_after(proc->sim, sim_between(proc->sim, SIM_RNG_NODE + (unsigned)proc->id, 0, SIM_MS), proc->id,
              "control", run_job, NULL, CONTAINER_OF(proc->jobs.next, struct job, node));
}

void roles_serve(struct proc *proc, const struct net_request *request)
{
    struct job *job = MEM_NEW(struct job);
    struct wire_request_header header;
    size_t used;
    job->proc = proc;
    job->id = request->id;
    job->connection = request->connection;
    buf_put(&job->frame, request->body.ptr + 4, request->body.len - 4); /* without its size */
    ASSERT(wire_decode_request_header(buf_view(&job->frame), &header, &job->api, &used, NULL) == ERR_NONE);
    job->version = header.request_api_version;
    job->correlation_id = header.correlation_id;
    job->request = arena_alloc(&job->arena, job->api->request->size);
    struct view body = view_of(job->frame.data + used, job->frame.len - used);
    ASSERT(wire_decode(job->api->request, job->version, body, NULL, &job->arena, job->request, NULL) ==
           ERR_NONE);
    if (job->api->key == KEY_LIST_OFFSETS) { /* no word, but a question: it does not queue */
        answer(job, serve_log_ends(proc, job->request, &job->arena));
        job_free(job);
        return;
    }
    list_push_back(&proc->jobs, &job->node);
    next_job(proc);
}

void roles_free(struct proc *proc)
{
    struct list *node;
    while ((node = list_pop_front(&proc->jobs)))
        job_free(CONTAINER_OF(node, struct job, node));
}
