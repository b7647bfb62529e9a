/*
 * What a coordinator wants appended. It hears of each outcome at the end of a turn, never in the middle of a
 * call: an append may be through before append_submit returns.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/group/groups_internal.h"
#include "service/partition/append.h"

struct group_append {
    struct append_op op;
    struct groups *groups;
    struct list node; /* among those that are home */
    struct loop_timer timeout;
    struct buf batch;
    int32_t index;
    uint64_t term;
    uint64_t ticket;
    bool is_home;
};

static void came_home(struct append_op *op)
{
    struct group_append *append = op->arg;
    struct groups *groups = append->groups;
    append->is_home = true;
    loop_timer_cancel(groups->loop, &append->timeout);
    list_push_back(&groups->appended, &append->node);
    loop_defer(groups->loop, &groups->settle_appends);
}

static void timed_out(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    append_time_out(&CONTAINER_OF(timer, struct group_append, timeout)->op);
}

void group_append_begin(struct groups_slot *slot, const struct group_append_wish *wish)
{
    struct groups *groups = slot->groups;
    struct group_append *append = MEM_NEW(struct group_append);
    append->groups = groups;
    append->index = slot->index;
    append->term = slot->term;
    append->ticket = wish->ticket;
    list_node_init(&append->node);
    buf_put_view(&append->batch, wish->batch);
    append->op.broker = groups->broker;
    append->op.part = slot->part;
    append->op.records = buf_view(&append->batch);
    append->op.produce_version = -1;
    append->op.acks = wish->ticket == 0 ? 0 : groups->commit_acks;
    append->op.origin = APPEND_COORDINATOR;
    append->op.done = came_home;
    append->op.arg = append;
    append_submit(&append->op);
    if (append->is_home)
        return;
    append->timeout.fire = timed_out;
    loop_timer_arm(groups->loop, &append->timeout, loop_now_ms(groups->loop) + groups->commit_timeout_ms);
}

static void append_free(struct group_append *append)
{
    append_op_close(&append->op);
    buf_close(&append->batch);
    free(append);
}

/* What nobody waits for is not tried again: tombstones come with the next expiry. */
static void report(const struct group_append *append)
{
    if (append->op.err != ERR_NONE)
        log_warn("group", "append_failed", "partition=" GROUPS_TOPIC "-%d error=%s why=\"%s\"", append->index,
                 err_name(append->op.err), append->op.why.text);
}

void group_appends_settle(struct loop_deferred *deferred)
{
    struct groups *groups = CONTAINER_OF(deferred, struct groups, settle_appends);
    struct list *node;
    groups_enter(groups);
    while ((node = list_pop_front(&groups->appended))) {
        struct group_append *append = CONTAINER_OF(node, struct group_append, node);
        struct groups_slot *slot = groups_slot_of_term(groups, append->index, append->term);
        if (slot)
            report(append);
        if (slot && append->ticket != 0) {
            group_appended(slot->coordinator, append->ticket, append->op.err, append->op.base_offset,
                           &groups->now, &groups->effects);
            groups_carry_out(groups, slot);
        }
        append_free(append);
    }
}

void group_appends_drop(struct groups *groups)
{
    struct list *node;
    while ((node = list_pop_front(&groups->appended)))
        append_free(CONTAINER_OF(node, struct group_append, node));
}
