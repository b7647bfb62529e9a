/*
 * One partition, as service/partition and service/replica/replica_state.c keep it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/checker.h"
#include "sim/faults.h"
#include "sim/node.h"
#include "sim/produce.h"

struct part *part_new(struct proc *proc, int number)
{
    struct part *part = MEM_NEW(struct part);
    const struct sim_part_name *name = &proc->sim->parts[number];
    part->proc = proc;
    part->number = number;
    part->topic = name->topic;
    part->index = name->index;
    snprintf(part->name, sizeof part->name, "%s-%d", name->topic, name->index);
    part->leader_high_watermark = -1;
    list_init(&part->waiting);
    replica_init(&part->replica);
    proc->parts[number] = part;
    return part;
}

void part_free(struct part *part)
{
    if (!part)
        return;
    produce_drop_waiting(part);
    log_free(part->log);
    replica_close(&part->replica);
    replica_ids_close(&part->proposed);
    free(part->proposed_epochs);
    free(part);
}

void part_touch(struct part *part)
{
    part->proc->touched |= 1u << part->number;
}

void part_announce(struct part *part)
{
    part_touch(part);
    serve_wake(part);
}

bool proc_sees_alive(const struct proc *proc, int broker_id)
{
    return metadata_broker(proc->metadata, broker_id) != NULL;
}

static bool is_alive(const void *arg, int32_t broker_id)
{
    return proc_sees_alive(arg, broker_id);
}

static int64_t own_end(const struct part *part)
{
    int64_t end = log_end(part->log).offset;
    if (!part->proc->sim->shape.flush_each)
        return end;
    int64_t synced = log_recovery_point(part->log);
    return synced < end ? synced : end;
}

void part_advance(struct part *part)
{
    if (!part->log)
        return;
    struct sim *sim = part->proc->sim;
    if (part->replica.role == REPLICA_ROLE_LEADER) {
        struct log_position end = log_end(part->log);
        int64_t present = log_high_watermark(part->log).offset;
        struct replica_lag lag = {
            .now_ms = sim_now_ms(sim), .max_ms = sim->shape.lag_ms, .is_alive = is_alive, .arg = part->proc};
        int64_t next =
            replica_high_watermark(&part->replica, own_end(part), present, sim->shape.min_isr, &lag);
        if (next > present) {
            log_set_high_watermark(part->log, next == end.offset ? end : LOG_POSITION_OF_OFFSET(next));
            part_announce(part);
        }
    }
    produce_complete(part);
}

void part_fail_waiting(struct part *part)
{
    produce_complete_all(part);
}

/* --- followers ---------------------------------------------------------------------------------------- */

int64_t part_sure_to_lead_ms(const struct part *part)
{
    return part->proc->sim->shape.session_ms / 2;
}

enum err part_note_fetch(struct part *part, const struct replica_fetch *fetch)
{
    struct replica_progress progress;
    if (!replica_note_fetch(&part->replica, fetch, &progress))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (replica_may_join(&part->replica, fetch->broker_id, log_high_watermark(part->log).offset) &&
        proc_sees_alive(part->proc, fetch->broker_id)) {
        checker_joins(part->proc->sim, part, fetch->broker_id, fetch->offset);
        replica_propose_join(&part->replica, fetch->broker_id);
        sim_trace(part->proc->sim, "%d proposes %s isr +%d", part->proc->id, part->name, fetch->broker_id);
        isr_propose(part);
        faults_join_proposed(part->proc->sim, part->number, part->proc->id, fetch->broker_id);
    }
    if (progress.end_moved)
        part_advance(part);
    return ERR_NONE;
}

/* --- leaving ------------------------------------------------------------------------------------------ */

static bool must_sync_first(struct part *part, int32_t stay)
{
    if (stay >= replica_effective_min_isr(&part->replica, part->proc->sim->shape.min_isr) ||
        log_recovery_point(part->log) >= log_high_watermark(part->log).offset)
        return false;
    part->leaves_when_flushed = true;
    upkeep_flush(part);
    return true;
}

void part_flushed(struct part *part)
{
    if (!part->leaves_when_flushed)
        return;
    part->leaves_when_flushed = false;
    part_shrink_isr(part);
}

void part_shrink_isr(struct part *part)
{
    struct sim *sim = part->proc->sim;
    int32_t ids[SIM_BROKERS_MAX + 1];
    if (!part->log || part->replica.role != REPLICA_ROLE_LEADER || part->replica.isr.count < 2)
        return;
    int32_t count = replica_laggards(&part->replica, part->proc->id, log_end(part->log).offset,
                                     sim_now_ms(sim), sim->shape.lag_ms, ids);
    if (count == 0 || must_sync_first(part, part->replica.isr.count - count))
        return;
    replica_propose_leave(&part->replica, ids, count);
    sim_trace(sim, "%d proposes %s isr without %d of them, first %d", part->proc->id, part->name, count,
              ids[0]);
    isr_propose(part);
}
