#include "sim/produce.h"

#include <stdlib.h>

#include "base/be.h"
#include "base/mem.h"
#include "sim/checker.h"
#include "sim/plants.h"

struct waiting_append {
    struct list node;
    uint64_t number; /* of the process */
    struct produce_op op;
    int64_t base_offset;
    int64_t last_offset;
    bool for_flush;
};

/* --- waiting ------------------------------------------------------------------------------------------ */

static bool is_committed(const struct part *part, int64_t last_offset)
{
    return log_high_watermark(part->log).offset > last_offset;
}

static bool is_synced(const struct part *part, int64_t last_offset)
{
    return log_recovery_point(part->log) > last_offset;
}

static void end_wait(struct part *part, struct waiting_append *wait, enum err err)
{
    struct sim *sim = part->proc->sim;
    list_remove(&wait->node);
    part->waiting_count--;
    if (err == ERR_NONE)
        checker_acknowledged(sim, part, wait->base_offset, wait->last_offset);
    wait->op.done(part->proc, wait->op.id, err, err == ERR_NONE ? wait->base_offset : -1);
    free(wait);
}

static enum err outcome(const struct part *part, const struct waiting_append *wait)
{
    if (!part->log)
        return ERR_KAFKA_STORAGE_ERROR;
    if (plant_is(PLANT_WAIT_OUTLIVES_LEADER) && is_committed(part, wait->last_offset))
        return ERR_NONE;
    if (!part->is_leader || !is_committed(part, wait->last_offset) ||
        (wait->for_flush && !is_synced(part, wait->last_offset)))
        return ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    if (!replica_has_min_maximal_isr(&part->replica, part->proc->sim->shape.min_isr))
        return ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    return ERR_NONE;
}

void produce_complete(struct part *part)
{
    if (!part->log)
        return;
    LIST_EACH_SAFE (node, &part->waiting) {
        struct waiting_append *wait = CONTAINER_OF(node, struct waiting_append, node);
        if (is_committed(part, wait->last_offset) && (!wait->for_flush || is_synced(part, wait->last_offset)))
            end_wait(part, wait, outcome(part, wait));
    }
}

void produce_complete_all(struct part *part)
{
    while (!list_is_empty(&part->waiting)) {
        struct waiting_append *wait = CONTAINER_OF(part->waiting.next, struct waiting_append, node);
        end_wait(part, wait, outcome(part, wait));
    }
}

void produce_drop_waiting(struct part *part)
{
    struct list *node;
    while ((node = list_pop_front(&part->waiting)))
        free(CONTAINER_OF(node, struct waiting_append, node));
    part->waiting_count = 0;
}

struct deadline {
    int node;
    int part;
    uint64_t number;
};

static void timed_out(struct sim *sim, void *arg)
{
    struct deadline deadline = *(struct deadline *)arg;
    free(arg);
    struct part *part = sim->nodes[deadline.node]->proc->parts[deadline.part];
    if (!part)
        return;
    LIST_EACH (node, &part->waiting) {
        struct waiting_append *waiting = CONTAINER_OF(node, struct waiting_append, node);
        if (waiting->number == deadline.number) {
            end_wait(part, waiting, ERR_REQUEST_TIMED_OUT);
            return;
        }
    }
}

static void free_deadline(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

static void wait_for_commit(struct part *part, const struct produce_op *op,
                            const struct log_append_result *result, bool for_flush)
{
    struct sim *sim = part->proc->sim;
    struct waiting_append *entry = MEM_NEW(struct waiting_append);
    *entry = (struct waiting_append){.number = ++part->proc->last_wait,
                                     .op = *op,
                                     .base_offset = result->first_offset,
                                     .last_offset = result->last_offset,
                                     .for_flush = for_flush};
    list_push_back(&part->waiting, &entry->node);
    part->waiting_count++;
    struct deadline *deadline = MEM_NEW(struct deadline);
    *deadline = (struct deadline){part->proc->id, part->number, entry->number};
    sim_after(sim, op->timeout_ms * SIM_MS, part->proc->id, "produce_timeout", timed_out, free_deadline,
              deadline);
}

/* --- the append --------------------------------------------------------------------------------------- */

/* See service/partition/append.c. */
static enum err doubt(const struct part *part, enum err err)
{
    if (err != ERR_OUT_OF_ORDER_SEQUENCE_NUMBER ||
        replica_is_followed(&part->replica, part->proc->id, sim_now_ms(part->proc->sim),
                            part_sure_to_lead_ms(part)))
        return err;
    return ERR_NOT_LEADER_OR_FOLLOWER;
}

static enum err prepare(struct part *part, struct buf *records, struct append_plan *plan, struct errmsg *why)
{
    struct append_rules rules = APPEND_RULES_DEFAULT;
    struct records_summary summary;
    enum err err = records_analyze(buf_view(records), &rules, &summary, why);
    if (err == ERR_NONE)
        err = records_prepare(plan, records->data, &summary, &rules, proc_wall_ms(part->proc), NULL, why);
    return err;
}

static enum err append(struct part *part, struct buf *records, const struct produce_op *op,
                       int64_t *base_offset, bool *waits)
{
    struct sim *sim = part->proc->sim;
    if (!part->log || part->proc->failing)
        return ERR_KAFKA_STORAGE_ERROR;
    if (!part->is_leader)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (op->waits && !replica_has_min_isr(&part->replica, sim->shape.min_isr))
        return ERR_NOT_ENOUGH_REPLICAS;
    struct append_plan plan = {0};
    struct errmsg why;
    struct log_append_result result;
    const struct batch_info *sent = &plan.info.batch;
    enum err err = prepare(part, records, &plan, &why);
    if (err == ERR_NONE) {
        struct log_append_args args = {.now_ms = proc_wall_ms(part->proc),
                                       .leader_epoch = part->replica.leader_epoch,
                                       .origin = op->origin};
        err = log_append_as_leader(part->log, &plan, &args, &result, &why);
    }
    if (err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER)
        checker_refused(part, sent->producer_id, sent->base_sequence);
    append_plan_close(&plan);
    part_touch(part);
    if (err == ERR_KAFKA_STORAGE_ERROR)
        proc_fail_storage(part->proc, &why);
    if (err != ERR_NONE) {
        sim_trace(sim, "%d refuses %s: %s", part->proc->id, err_name(err), why.text);
        return doubt(part, err);
    }
    *base_offset = result.first_offset;
    if (result.moved) {
        part_announce(part);
        part_advance(part);
    }
    bool flush_due = result.flush_due || (result.duplicate && sim->shape.flush_each);
    if (flush_due || result.sealed_up_to >= 0)
        upkeep_flush(part);
    if (!op->waits)
        return ERR_NONE;
    bool must_sync = flush_due && !is_synced(part, result.last_offset);
    *waits =
        (!is_committed(part, result.last_offset) && !plant_is(PLANT_ACKNOWLEDGED_TOO_EARLY)) || must_sync;
    if (*waits)
        wait_for_commit(part, op, &result, must_sync);
    else
        checker_acknowledged(sim, part, result.first_offset, result.last_offset);
    return ERR_NONE;
}

void produce_append(struct part *part, struct buf *records, const struct produce_op *op)
{
    int64_t base_offset = -1;
    bool waits = false;
    enum err err = append(part, records, op, &base_offset, &waits);
    if (!waits)
        op->done(part->proc, op->id, err, err == ERR_NONE ? base_offset : -1);
}

/* --- of clients --------------------------------------------------------------------------------------- */

static void answer(struct proc *proc, uint64_t id, enum err err, int64_t base_offset)
{
    struct buf out = {0};
    buf_put_i16(&out, (int16_t)err);
    buf_put_i64(&out, base_offset);
    net_answer(proc->sim, id, buf_view(&out));
    buf_close(&out);
}

void serve_produce(struct proc *proc, uint64_t id, struct view body)
{
    struct part *part = proc->parts[be_get_i32(body.ptr)];
    struct produce_op op = {
        .origin = APPEND_CLIENT, .waits = true, .timeout_ms = PRODUCE_TIMEOUT_MS, .done = answer, .id = id};
    if (!part) {
        answer(proc, id, ERR_UNKNOWN_TOPIC_OR_PARTITION, -1);
        return;
    }
    struct buf records = {0};
    buf_put(&records, body.ptr + 4, body.len - 4);
    produce_append(part, &records, &op);
    buf_close(&records);
}
