/*
 * Asking the controller for another ISR, as service/replica/isr_changes.c does: what is proposed is sent when
 * nothing else is out, all together, and again after a moment while there is no answer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sim/node.h"
#include "wire/codec.h"

#define VERSION    3
#define RETRY_MS   50
#define TIMEOUT_US (3000 * SIM_MS)

/* What was asked, to be compared with when the answer comes. */
struct asked {
    struct proc *proc;
    bool has[SIM_PARTS_MAX];
    int32_t leader_epoch[SIM_PARTS_MAX];
    int32_t partition_epoch[SIM_PARTS_MAX];
    struct uuid topic_id[SIM_PARTS_MAX];
};

static void send_now(struct sim *sim, void *arg)
{
    (void)sim;
    struct proc *proc = arg;
    proc->asking = false;
    isr_send(proc);
}

static void send_later(struct proc *proc)
{
    sim_after(proc->sim, RETRY_MS * SIM_MS, proc->id, "isr_again", send_now, NULL, proc);
}

/* --- the request -------------------------------------------------------------------------------------- */

static void put_change(struct part *part, struct wire_alter_partition_request_topic_data *to,
                       struct arena *arena)
{
    struct wire_alter_partition_request_partition_data *data =
        wire_new(&wire_alter_partition_request_partition_data_desc, arena, 1);
    data->partition_index = part->index;
    data->leader_epoch = part->proposed_leader_epoch;
    data->partition_epoch = part->proposed_partition_epoch;
    data->new_isr_with_epochs =
        wire_new(&wire_alter_partition_request_broker_state_desc, arena, (size_t)part->proposed.count);
    data->new_isr_with_epochs_count = part->proposed.count;
    for (int32_t i = 0; i < part->proposed.count; i++)
        data->new_isr_with_epochs[i] = (struct wire_alter_partition_request_broker_state){
            .broker_id = part->proposed.ids[i], .broker_epoch = part->proposed_epochs[i]};
    to->topic_id = log_topic_id(part->log);
    to->partitions = data;
    to->partitions_count = 1;
}

static bool put_changes(struct proc *proc, struct asked *asked, struct arena *arena, struct buf *body)
{
    struct wire_alter_partition_request *request = wire_new(&wire_alter_partition_request_desc, arena, 1);
    request->broker_id = proc->id;
    request->broker_epoch = atomic_load(&proc->broker.epoch);
    request->topics = wire_new(&wire_alter_partition_request_topic_data_desc, arena, SIM_PARTS_MAX);
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        struct part *part = proc->parts[i];
        if (!part || !part->proposes || !part->log)
            continue;
        asked->has[i] = true;
        asked->leader_epoch[i] = part->proposed_leader_epoch;
        asked->partition_epoch[i] = part->proposed_partition_epoch;
        asked->topic_id[i] = log_topic_id(part->log);
        put_change(part, &request->topics[request->topics_count++], arena);
        part->proposes = false;
    }
    ASSERT(wire_encode(&wire_alter_partition_request_desc, VERSION, request, body, NULL) == ERR_NONE);
    return request->topics_count > 0;
}

/* --- the answer --------------------------------------------------------------------------------------- */

static void again(struct part *part, int32_t leader_epoch, int32_t partition_epoch)
{
    if (part->proposed_leader_epoch == leader_epoch && part->proposed_partition_epoch == partition_epoch)
        part->proposes = true;
}

static const struct wire_alter_partition_response_partition_data *
find_answer(const struct wire_alter_partition_response *answer, struct uuid topic_id, int32_t index)
{
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++)
            if (uuid_equal(answer->topics[t].topic_id, topic_id) &&
                answer->topics[t].partitions[p].partition_index == index)
                return &answer->topics[t].partitions[p];
    return NULL;
}

/* True when it is to be asked again. */
static bool tell(struct part *part, const struct asked *asked,
                 const struct wire_alter_partition_response_partition_data *found)
{
    struct replica_isr_answer answer = {.err = ERR_UNKNOWN_SERVER_ERROR,
                                        .asked_leader_epoch = asked->leader_epoch[part->number],
                                        .asked_partition_epoch = asked->partition_epoch[part->number]};
    if (found) {
        answer.err = (enum err)found->error_code;
        answer.leader_epoch = found->leader_epoch;
        answer.partition_epoch = found->partition_epoch;
        answer.isr = (struct replica_ids){found->isr, found->isr_count};
    }
    if (!part->log)
        return false;
    enum replica_isr_next next = replica_isr_answered(&part->replica, &answer);
    sim_trace(part->proc->sim, "%d hears of %s isr: %s, version=%d, %s", part->proc->id, part->name,
              err_name(answer.err), answer.partition_epoch,
              next == REPLICA_ISR_TAKEN   ? "taken"
              : next == REPLICA_ISR_BACK  ? "back"
              : next == REPLICA_ISR_AGAIN ? "again"
                                          : "nothing");
    part_touch(part);
    part_advance(part);
    if (next == REPLICA_ISR_AGAIN)
        again(part, answer.asked_leader_epoch, answer.asked_partition_epoch);
    return next == REPLICA_ISR_AGAIN;
}

static void answered(struct sim *sim, void *arg, enum err err, struct view bytes)
{
    struct asked *asked = arg;
    struct proc *proc = asked->proc;
    if (err == ERR_CLOSED) {
        free(asked);
        return;
    }
    struct arena arena = {0};
    struct wire_alter_partition_response answer = {0};
    if (err == ERR_NONE)
        ASSERT(wire_decode(&wire_alter_partition_response_desc, VERSION, bytes, NULL, &arena, &answer,
                           NULL) == ERR_NONE);
    bool whole = err == ERR_NONE && answer.error_code == 0;
    bool later = !whole;
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        struct part *part = proc->parts[i];
        if (!asked->has[i] || !part)
            continue;
        if (whole)
            later |= tell(part, asked, find_answer(&answer, asked->topic_id[i], part->index));
        else
            again(part, asked->leader_epoch[i], asked->partition_epoch[i]);
    }
    arena_close(&arena);
    free(asked);
    if (later)
        send_later(proc);
    else
        send_now(sim, proc);
}

/* --- sending ------------------------------------------------------------------------------------------ */

void isr_send(struct proc *proc)
{
    int controller = proc->metadata->controller_id;
    if (proc->asking || controller < 1 || controller > SIM_BROKERS_MAX)
        return;
    struct arena arena = {0};
    struct buf body = {0};
    struct asked *asked = MEM_NEW(struct asked);
    asked->proc = proc;
    if (put_changes(proc, asked, &arena, &body)) {
        proc->asking = true;
        if (!proc->to_controller[controller])
            proc->to_controller[controller] = net_conn_new(proc->sim, proc->id, controller);
        net_call(proc->to_controller[controller], NET_ALTER_PARTITION, buf_view(&body), TIMEOUT_US, answered,
                 asked);
    } else {
        free(asked);
    }
    buf_close(&body);
    arena_close(&arena);
}

void isr_propose(struct part *part)
{
    const struct replica *replica = &part->replica;
    part->proposes = true;
    part->proposed_leader_epoch = replica->leader_epoch;
    part->proposed_partition_epoch = replica->partition_epoch;
    replica_ids_copy(&part->proposed, &replica->pending);
    free(part->proposed_epochs);
    part->proposed_epochs = mem_zalloc(sizeof *part->proposed_epochs * (size_t)(part->proposed.count + 1));
    for (int32_t i = 0; i < part->proposed.count; i++)
        part->proposed_epochs[i] = part->proposed.ids[i] == part->proc->id
                                       ? atomic_load(&part->proc->broker.epoch)
                                       : replica_follower_epoch(replica, part->proposed.ids[i]);
    isr_send(part->proc);
}
