/*
 * The queue is one pointer: NULL when the partition is free, HELD when it is held and
 * nothing is queued, else the newest of the queued ops, whose chain ends in HELD. A
 * submitter either swings NULL to HELD and is the holder, or pushes its op. The holder
 * takes the whole chain at once and turns it round, so ops run in the order they came.
 */
#include "service/partition/partition.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "service/broker.h"
#include "service/partition/partition_settings.h"
#include "service/replica/log_dirs.h"

static struct partition_op held_mark;
#define HELD (&held_mark)

struct partition *partition_new(const char *topic, int32_t index, struct broker *broker)
{
    struct partition *part = MEM_NEW(struct partition);
    part->broker = broker;
    part->topic = mem_strdup(topic);
    part->index = index;
    part->broker_id = broker->id;
    part->counts = metrics_topic_get(broker->metrics, topic);
    part->name = mem_printf("%s-%d", topic, index);
    atomic_init(&part->shares, 1);
    atomic_init(&part->leader_epoch_hint, -1);
    atomic_init(&part->sealed_up_to, -1);
    for (int i = 0; i < PARTITION_NEWS_COUNT; i++)
        list_init(&part->watches[i]);
    part->followed.leader_id = part->followed.leader_epoch = -1;
    part->leader_high_watermark = -1;
    list_node_init(&part->members);
    replica_init(&part->replica);
    return part;
}

struct partition *partition_share(struct partition *part)
{
    atomic_fetch_add_explicit(&part->shares, 1, memory_order_relaxed);
    return part;
}

void partition_release(struct partition *part)
{
    if (!part || atomic_fetch_sub_explicit(&part->shares, 1, memory_order_acq_rel) != 1)
        return;
    ASSERT(part->waiting_commit.count == 0 && part->waiting_flush.count == 0);
    for (int i = 0; i < PARTITION_NEWS_COUNT; i++)
        ASSERT(list_is_empty(&part->watches[i]));
    log_free(part->log);
    heap_close(&part->waiting_commit);
    heap_close(&part->waiting_flush);
    replica_close(&part->replica);
    partition_settings_free(atomic_load(&part->settings));
    free(part->note);
    metrics_topic_release(part->counts);
    free(part->topic);
    free(part->name);
    free(part);
}

static void op_came_home(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct partition_op *op = CONTAINER_OF(msg, struct partition_op, message);
    struct partition *part = op->part;
    op->done(op);
    partition_release(part);
}

void partition_send_home(struct partition_op *op)
{
    op->message = (struct loop_message){.run = op_came_home, .label = op->label};
    if (op->home)
        loop_post(op->home, &op->message);
    else
        op_came_home(&op->message, false);
}

/* A plain look, nearly always: segments are sealed seldom. */
static void note_sealed(struct partition *part)
{
    int64_t sealed = part->log ? log_active_base_offset(part->log) : -1;
    if (atomic_load_explicit(&part->sealed_up_to, memory_order_relaxed) != sealed)
        atomic_store_explicit(&part->sealed_up_to, sealed, memory_order_relaxed);
}

/* Runs one op; ops of the holder's own loop are kept in *mine until the partition is free again. */
static void run_op(struct partition *part, struct partition_op *op, struct partition_op **mine,
                   const struct loop *here)
{
    struct log_dir_state *dir = here ? NULL : atomic_load_explicit(&part->dir, memory_order_relaxed);
    if (dir && dir->writer)
        log_dir_state_begin(dir);
    const enum op_outcome outcome = op->run(op, part);
    if (dir && dir->writer)
        log_dir_state_end(dir);
    note_sealed(part);
    if (outcome == OP_WAITING)
        return;
    if (!op->home || op->home == here) {
        op->next = *mine;
        *mine = op;
    } else {
        partition_send_home(op);
    }
}

static struct partition_op *reversed(struct partition_op *newest, const struct partition_op *end)
{
    struct partition_op *oldest = NULL;
    while (newest != end) {
        struct partition_op *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* --- handing over ------------------------------------------------------------------------------------
 *
 * With several log directories one that hangs must not hold up what is on the others, so there a loop does
 * not write by itself: when it comes to an op that does, it gives the hold, with what is still queued, to a
 * the directory's writer. Nobody waits for that thread: the partition is held, ops are queued. It waits for
 * nothing but the disk, so those who do wait for a partition (partition_call) wait for the disk alone.
 */

struct hand_over {
    struct work work;
    struct partition *part;
    struct partition_op *rest; /* oldest first */
};

static bool must_hand_over(const struct partition *part, const struct partition_op *op,
                           const struct loop *here)
{
    return op->may_hang && here && part->dir && part->dir->writer;
}

static void run_queue(struct partition *part, struct partition_op **mine, const struct loop *here);
static bool run_chain(struct partition *part, struct partition_op *op, struct partition_op **mine,
                      const struct loop *here);
static void finish(struct partition *part, struct partition_op *mine);

static void handed_run(struct work *work)
{
    struct hand_over *given = CONTAINER_OF(work, struct hand_over, work);
    struct partition_op *mine = NULL;
    if (run_chain(given->part, given->rest, &mine, NULL))
        run_queue(given->part, &mine, NULL);
    finish(given->part, mine);
}

static void handed_done(struct work *work, bool discard)
{
    struct hand_over *given = CONTAINER_OF(work, struct hand_over, work);
    if (discard) /* the workers are stopping: whoever stops them may wait for the disk */
        handed_run(work);
    free(given);
}

static void hand_over(struct partition *part, struct partition_op *rest)
{
    struct hand_over *given = MEM_NEW(struct hand_over);
    given->part = partition_share(part);
    given->rest = rest;
    given->work = (struct work){.run = handed_run, .done = handed_done, .label = "partition_writes"};
    workers_submit(part->dir->writer, &given->work);
}

/* --- running ---------------------------------------------------------------------------------------- */

/* False when the hold was given away. */
static bool run_chain(struct partition *part, struct partition_op *op, struct partition_op **mine,
                      const struct loop *here)
{
    while (op) {
        struct partition_op *next = op->next;
        if (must_hand_over(part, op, here)) {
            hand_over(part, op);
            return false;
        }
        run_op(part, op, mine, here);
        op = next;
    }
    return true;
}

/* Home with the holder's own; lets go of the holder's share. */
static void finish(struct partition *part, struct partition_op *mine)
{
    for (struct partition_op *op = reversed(mine, NULL); op;) {
        struct partition_op *next = op->next;
        op->done(op);
        partition_release(part);
        op = next;
    }
    partition_release(part);
}

static void run_queue(struct partition *part, struct partition_op **mine, const struct loop *here)
{
    for (;;) {
        struct partition_op *expected = HELD;
        if (atomic_compare_exchange_strong_explicit(&part->queue, &expected, NULL, memory_order_acq_rel,
                                                    memory_order_acquire))
            return;
        struct partition_op *newest = atomic_exchange_explicit(&part->queue, HELD, memory_order_acq_rel);
        if (!run_chain(part, reversed(newest, HELD), mine, here))
            return;
    }
}

void partition_submit(struct partition *part, struct partition_op *op)
{
    op->part = partition_share(part);
    struct partition_op *seen = atomic_load_explicit(&part->queue, memory_order_acquire);
    for (;;) {
        if (seen) {
            op->next = seen;
            if (atomic_compare_exchange_weak_explicit(&part->queue, &seen, op, memory_order_acq_rel,
                                                      memory_order_acquire))
                return;
        } else if (atomic_compare_exchange_weak_explicit(&part->queue, &seen, HELD, memory_order_acq_rel,
                                                         memory_order_acquire)) {
            break;
        }
    }
    const struct loop *here = loop_current();
    struct partition_op *mine = NULL;
    partition_share(part); /* done() of the last op may let go of the partition */
    op->next = NULL;
    if (run_chain(part, op, &mine, here))
        run_queue(part, &mine, here);
    finish(part, mine);
}

bool partition_hangs(const struct partition *part)
{
    struct log_dir_state *dir = atomic_load_explicit(&part->dir, memory_order_acquire);
    return dir && log_dir_state_hangs(dir);
}

void partition_announce_of(struct partition *part, enum partition_news news)
{
    struct list *node;
    while ((node = list_pop_front(&part->watches[news]))) {
        struct partition_watch *watch = CONTAINER_OF(node, struct partition_watch, node);
        watch->fired = true;
        loop_post(watch->home, &watch->message);
    }
}

void partition_announce(struct partition *part)
{
    for (int i = 0; i < PARTITION_NEWS_COUNT; i++)
        partition_announce_of(part, (enum partition_news)i);
}

static void complete_below(struct partition *part, struct heap *waiters, int64_t offset)
{
    struct heap_node *node;
    while ((node = heap_peek(waiters)) && node->key < offset) {
        heap_pop(waiters);
        struct partition_op *op = CONTAINER_OF(node, struct partition_op, wait);
        if (!op->settle || op->settle(op, part) == OP_DONE)
            partition_send_home(op);
    }
}

/* The flush first: an op that waits for both goes on to wait for the commit. */
void partition_complete_waiters(struct partition *part)
{
    if (!part->log)
        return;
    complete_below(part, &part->waiting_flush, log_recovery_point(part->log));
    complete_below(part, &part->waiting_commit, log_high_watermark(part->log).offset);
}

void partition_fail_waiters(struct partition *part)
{
    complete_below(part, &part->waiting_flush, INT64_MAX);
    complete_below(part, &part->waiting_commit, INT64_MAX);
}
