#include "core/group/history.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/* Clients choose these texts; what is kept of them is bounded. */
#define MEMBER_MAX 200
#define REASON_MAX 120

const char *group_cause_name(enum group_cause cause)
{
    switch (cause) {
    case GROUP_CAUSE_JOIN:
        return "join";
    case GROUP_CAUSE_LEAVE:
        return "leave";
    case GROUP_CAUSE_SESSION_TIMEOUT:
        return "session-timeout";
    case GROUP_CAUSE_SYNC_TIMEOUT:
        return "sync-timeout";
    case GROUP_CAUSE_METADATA:
        return "metadata";
    case GROUP_CAUSE_LEADER:
        return "leader-rejoined";
    case GROUP_CAUSE_STATIC_MEMBER:
        return "static-member";
    case GROUP_CAUSE_WRITE_FAILED:
        return "write-failed";
    case GROUP_CAUSE_OVER_CAPACITY:
        return "over-capacity";
    }
    return "unknown";
}

const char *group_outcome_name(enum group_outcome outcome)
{
    switch (outcome) {
    case GROUP_OUTCOME_RUNNING:
        return "running";
    case GROUP_OUTCOME_STABLE:
        return "stable";
    case GROUP_OUTCOME_EMPTY:
        return "empty";
    case GROUP_OUTCOME_RESTARTED:
        return "restarted";
    }
    return "unknown";
}

/* Both texts of one rebalance are one allocation, which its `member` points at. */
static void drop_texts(struct group_rebalance *r)
{
    free((void *)(uintptr_t)r->member.ptr);
    r->member = r->reason = VIEW_NULL;
}

void group_history_close(struct group_history *history)
{
    for (int32_t i = 0; i < history->cap; i++)
        drop_texts(&history->items[i]);
    free(history->items);
    *history = (struct group_history){0};
}

static void set_texts(struct group_rebalance *r, struct view member, struct view reason)
{
    size_t member_len = member.len < MEMBER_MAX ? member.len : MEMBER_MAX;
    size_t reason_len = reason.len < REASON_MAX ? reason.len : REASON_MAX;
    uint8_t *text = mem_alloc(member_len + reason_len + 1);
    if (member_len)
        memcpy(text, member.ptr, member_len);
    if (reason_len)
        memcpy(text + member_len, reason.ptr, reason_len);
    r->member = view_of(text, member_len);
    r->reason = view_of(text + member_len, reason_len);
}

/* The ring grows until it holds `limit`; until then nothing has wrapped. */
static struct group_rebalance *next_place(struct group_history *history, int32_t limit)
{
    if (history->count == history->cap && history->cap < limit) {
        int32_t cap = history->cap ? history->cap * 2 : 1;
        cap = cap < limit ? cap : limit;
        history->items = mem_resize(history->items, (size_t)cap * sizeof *history->items);
        memset(history->items + history->cap, 0, (size_t)(cap - history->cap) * sizeof *history->items);
        history->cap = cap;
        history->next = history->count;
    }
    struct group_rebalance *r = &history->items[history->next];
    drop_texts(r);
    history->next = (history->next + 1) % history->cap;
    if (history->count < history->cap)
        history->count++;
    return r;
}

void group_history_begin(struct group_history *history, int32_t limit, enum group_cause cause,
                         struct view member, struct view reason, int32_t generation, int64_t mono_ms,
                         int64_t wall_ms)
{
    history->phase_ms = mono_ms;
    struct group_rebalance *r = next_place(history, limit);
    *r = (struct group_rebalance){.cause = cause,
                                  .outcome = GROUP_OUTCOME_RUNNING,
                                  .began_ms = wall_ms,
                                  .generation = generation,
                                  .join_ms = -1,
                                  .assign_ms = -1,
                                  .write_ms = -1};
    set_texts(r, member, reason);
}

struct group_rebalance *group_history_running(struct group_history *history)
{
    if (history->count == 0)
        return NULL;
    struct group_rebalance *r = &history->items[(history->next + history->cap - 1) % history->cap];
    return r->outcome == GROUP_OUTCOME_RUNNING ? r : NULL;
}

int64_t group_history_phase(struct group_history *history, int64_t mono_ms)
{
    int64_t took = mono_ms - history->phase_ms;
    history->phase_ms = mono_ms;
    return took;
}

const struct group_rebalance *group_history_at(const struct group_history *history, int32_t i)
{
    ASSERT(i >= 0 && i < history->count);
    int32_t oldest = history->count < history->cap ? 0 : history->next;
    return &history->items[(oldest + i) % history->cap];
}
