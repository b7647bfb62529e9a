#include "server/partition_sweep.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "service/partition/partition_settings.h"
#include "storage/producer_state.h"

#define SLICE_COUNT 512

/* --- one partition, by its holder ----------------------------------------------------------------------- */

static void look_at_log(const struct partition *part, struct partition_numbers *out)
{
    struct log *log = part->log;
    out->segments = log_segment_count(log);
    out->size_bytes = log_size_bytes(log);
    out->start_offset = log_start_offset(log);
    out->end_offset = log_end(log).offset;
    out->stable_lag = log_high_watermark(log).offset - log_last_stable(log).offset;
    int64_t lag = part->leader_high_watermark - out->end_offset;
    if (part->replica.role == REPLICA_ROLE_FOLLOWER)
        out->leader_lag = lag > 0 ? lag : 0;
    out->producer_ids = (int64_t)producer_state_count(log_producers(log));
}

static enum op_outcome look(struct partition_op *op, struct partition *part)
{
    struct partition_numbers *out = &CONTAINER_OF(op, struct sweep_item, op)->found;
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    const struct replica *replica = &part->replica;
    *out = (struct partition_numbers){.known = !part->deleted, .offline = part->log == NULL};
    out->leads = replica->role == REPLICA_ROLE_LEADER && part->log != NULL;
    if (out->leads) {
        out->replicas = replica->assigned.count;
        out->isr = replica->isr.count;
        out->min_isr = settings ? replica_effective_min_isr(replica, settings->min_insync_replicas) : 1;
        out->reassigning = replica->adding.count > 0 || replica->removing.count > 0;
    }
    if (part->log)
        look_at_log(part, out);
    return OP_DONE;
}

/* --- all of them ---------------------------------------------------------------------------------------- */

static void sweep_free(struct partition_sweep *sweep)
{
    for (int i = 0; i < sweep->count; i++)
        partition_release(sweep->items[i].part);
    free(sweep->items);
    free(sweep);
}

/* `done` may let go of the sweep, so nothing of it is touched afterwards. */
static void finish(struct partition_sweep *sweep)
{
    loop_timer_cancel(sweep->loop, &sweep->deadline);
    sweep->finished = true;
    sweep->done(sweep);
}

static void came_home(struct partition_op *op)
{
    struct sweep_item *item = CONTAINER_OF(op, struct sweep_item, op);
    struct partition_sweep *sweep = item->sweep;
    item->home = true;
    sweep->away--;
    if (sweep->let_go && sweep->away == 0)
        sweep_free(sweep);
    else if (sweep->away == 0 && sweep->next == sweep->count && !sweep->finished)
        finish(sweep);
}

/* The slice itself counts as away, so that ops that come home at once do not end the sweep under it. */
static void run_slice(struct loop_message *msg, bool discard)
{
    struct partition_sweep *sweep = CONTAINER_OF(msg, struct partition_sweep, slice);
    int end = sweep->next + SLICE_COUNT < sweep->count ? sweep->next + SLICE_COUNT : sweep->count;
    sweep->finished |= discard;
    if (sweep->finished)
        end = sweep->next = sweep->count;
    while (sweep->next < end) {
        struct sweep_item *item = &sweep->items[sweep->next++];
        item->op = (struct partition_op){
            .home = sweep->loop, .run = look, .done = came_home, .label = "partition_sweep"};
        sweep->away++;
        partition_submit(item->part, &item->op);
    }
    if (sweep->next < sweep->count) {
        loop_post(sweep->loop, &sweep->slice);
        return;
    }
    sweep->away--;
    if (sweep->let_go && sweep->away == 0)
        sweep_free(sweep);
    else if (sweep->away == 0 && !sweep->finished)
        finish(sweep);
}

static void time_is_over(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    finish(CONTAINER_OF(timer, struct partition_sweep, deadline));
}

struct partition_sweep *partition_sweep_begin(const struct partition_table *table, int64_t timeout_ms,
                                              void (*done)(struct partition_sweep *sweep), void *arg)
{
    struct partition_sweep *sweep = MEM_NEW(struct partition_sweep);
    sweep->loop = loop_current();
    ASSERT(sweep->loop);
    sweep->done = done;
    sweep->arg = arg;
    sweep->count = table->count;
    sweep->items = mem_zalloc(sizeof *sweep->items * (size_t)(table->count + 1));
    for (int i = 0; i < table->count; i++) {
        sweep->items[i].sweep = sweep;
        sweep->items[i].part = partition_share(table->items[i]);
    }
    sweep->away = 1;
    sweep->slice = (struct loop_message){.run = run_slice, .label = "partition_sweep"};
    sweep->deadline.fire = time_is_over;
    struct clock *clock = loop_clock(sweep->loop); /* the turn's time may be old in a callback of libevent */
    loop_timer_arm(sweep->loop, &sweep->deadline, clock_mono_ms(clock) + timeout_ms);
    loop_post(sweep->loop, &sweep->slice);
    return sweep;
}

const struct partition_numbers *partition_sweep_found(const struct partition_sweep *sweep, int index)
{
    const struct sweep_item *item = &sweep->items[index];
    return item->home && item->found.known ? &item->found : NULL;
}

int partition_sweep_missing(const struct partition_sweep *sweep)
{
    int missing = 0;
    for (int i = 0; i < sweep->count; i++)
        missing += !sweep->items[i].home;
    return missing;
}

void partition_sweep_end(struct partition_sweep *sweep)
{
    sweep->let_go = true;
    if (sweep->away == 0)
        sweep_free(sweep);
}
