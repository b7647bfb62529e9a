/*
 * What a coordinator wants appended. Its outcome is an op of its own, never in the middle of a call: an
 * append may be through before append_submit returns.
 *
 * Runs on: the loop that held when it was wished for.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/group/groups_internal.h"
#include "service/partition/append.h"

struct group_append {
    struct append_op op;
    struct groups_op home; /* what became of it */
    struct groups *groups;
    struct loop *loop;
    struct loop_timer timeout;
    int32_t index;
    uint64_t term;
    uint64_t ticket;
    bool is_home;
    uint8_t batch[];
};

static void append_free(struct group_append *append)
{
    append_op_close(&append->op);
    free(append);
}

/* What nobody waits for is not tried again: tombstones come with the next expiry. */
static void report(const struct group_append *append)
{
    if (append->op.err != ERR_NONE)
        log_warn("group", "append_failed", "partition=" GROUPS_TOPIC "-%d error=%s why=\"%s\"", append->index,
                 err_name(append->op.err), append->op.why.text);
}

/* By the holder. */
static void settle(struct groups_op *op)
{
    struct group_append *append = CONTAINER_OF(op, struct group_append, home);
    struct groups *groups = append->groups;
    struct groups_slot *slot = groups_slot_of_term(groups, append->index, append->term);
    if (slot)
        report(append);
    if (slot && append->ticket != 0) {
        groups_enter(groups);
        group_appended(slot->coordinator, append->ticket, append->op.err, append->op.base_offset,
                       &groups->now, &groups->effects);
        groups_carry_out(groups, slot);
    }
    append_free(append);
}

static void came_home(struct append_op *op)
{
    struct group_append *append = op->arg;
    append->is_home = true;
    loop_timer_cancel(append->loop, &append->timeout);
    groups_hold_submit(&append->groups->hold, &append->home);
}

static void timed_out(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    append_time_out(&CONTAINER_OF(timer, struct group_append, timeout)->op);
}

void group_append_begin(struct groups_slot *slot, const struct group_append_wish *wish)
{
    struct groups *groups = slot->groups;
    /* The batch may be large, and is not to be zeroed before. */
    struct group_append *append = mem_alloc(sizeof *append + wish->batch.len);
    *append = (struct group_append){.home = {.run = settle},
                                    .groups = groups,
                                    .loop = loop_current(),
                                    .index = slot->index,
                                    .term = slot->term,
                                    .ticket = wish->ticket};
    if (view_is_null(wish->batch)) {
        append->op.err = ERR_RECORD_LIST_TOO_LARGE;
        errmsg_set(&append->op.why, "the record is larger than a batch can be");
        groups_hold_submit(&groups->hold, &append->home);
        return;
    }
    memcpy(append->batch, wish->batch.ptr, wish->batch.len);
    append->op.broker = groups->broker;
    append->op.part = slot->part;
    append->op.records = view_of(append->batch, wish->batch.len);
    append->op.produce_version = -1;
    append->op.acks = wish->ticket == 0 ? 0 : groups->commit_acks;
    append->op.origin = APPEND_COORDINATOR;
    append->op.done = came_home;
    append->op.arg = append;
    append_submit(&append->op);
    /* Where it is home, its outcome waits for the hold, which is the caller's. */
    if (append->is_home)
        return;
    append->timeout.fire = timed_out;
    loop_timer_arm(append->loop, &append->timeout, loop_now_ms(append->loop) + groups->commit_timeout_ms);
}
