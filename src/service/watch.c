/*
 * What can be away: the op that lists the watch, the listed entry (which comes home by a
 * message when it fires), and the op that cancels it. done runs when none is.
 */
#include "service/watch.h"

#include "base/mem.h"

static void one_is_home(struct watch *watch)
{
    if (--watch->away == 0) {
        partition_release(watch->part);
        watch->done(watch, watch->has_news);
    }
}

static int64_t bound_offset(const struct partition *part, enum log_bound bound)
{
    switch (bound) {
    case LOG_BOUND_END:
        return log_end(part->log).offset;
    case LOG_BOUND_HIGH_WATERMARK:
        return log_high_watermark(part->log).offset;
    case LOG_BOUND_LAST_STABLE:
        return log_last_stable(part->log).offset;
    }
    return -1;
}

static bool differs(const struct watch *watch, const struct partition *part)
{
    return !part->log || part->replica.leader_epoch != watch->seen_epoch ||
           bound_offset(part, watch->bound) != watch->seen_offset;
}

static enum op_outcome list_run(struct partition_op *op, struct partition *part)
{
    struct watch *watch = CONTAINER_OF(op, struct watch, op);
    watch->has_news = watch->has_news_fn ? watch->has_news_fn(watch, part) : differs(watch, part);
    if (!watch->has_news) {
        list_push_back(&part->watches[watch->news], &watch->entry.node);
        watch->listed = true;
    }
    return OP_DONE;
}

static void list_done(struct partition_op *op)
{
    struct watch *watch = CONTAINER_OF(op, struct watch, op);
    if (!watch->listed)
        watch->away--; /* the entry was never sent out */
    one_is_home(watch);
}

static void entry_fired(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct watch *watch = CONTAINER_OF(msg, struct watch, entry.message);
    watch->has_news = true;
    one_is_home(watch);
}

static enum op_outcome cancel_run(struct partition_op *op, struct partition *part)
{
    (void)part;
    struct watch *watch = CONTAINER_OF(op, struct watch, cancel);
    /* A fired entry is on its way home by itself. */
    watch->cancelled = watch->listed && !watch->entry.fired;
    if (watch->cancelled)
        list_remove(&watch->entry.node);
    return OP_DONE;
}

static void cancel_done(struct partition_op *op)
{
    struct watch *watch = CONTAINER_OF(op, struct watch, cancel);
    if (watch->cancelled)
        watch->away--; /* the entry */
    one_is_home(watch);
}

void watch_submit(struct watch *watch)
{
    struct loop *loop = loop_current();
    partition_share(watch->part);
    watch->away = 2;
    watch->listed = false;
    watch->has_news = false;
    watch->cancelled = false;
    watch->cancel.run = NULL;
    if (!watch->has_news_fn)
        watch->news = watch->bound == LOG_BOUND_END ? PARTITION_NEWS_END : PARTITION_NEWS_COMMITTED;
    watch->entry = (struct partition_watch){.home = loop};
    watch->entry.message = (struct loop_message){.run = entry_fired, .label = "watch"};
    list_node_init(&watch->entry.node);
    watch->op = (struct partition_op){.home = loop, .run = list_run, .done = list_done, .label = "watch"};
    partition_submit(watch->part, &watch->op);
}

void watch_cancel(struct watch *watch)
{
    if (watch->away == 0 || watch->cancel.run)
        return;
    watch->away++;
    watch->cancel = (struct partition_op){
        .home = loop_current(), .run = cancel_run, .done = cancel_done, .label = "unwatch"};
    partition_submit(watch->part, &watch->cancel);
}
