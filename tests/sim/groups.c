#include "sim/groups.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sim/checker.h"
#include "sim/groups_check.h"
#include "sim/plants.h"
#include "sim/produce.h"

#define COMMIT_TIMEOUT_MS 2000

void groups_enter(struct groups *groups)
{
    groups->now.mono_ms = sim_now_ms(groups->proc->sim);
    groups->now.wall_ms = proc_wall_ms(groups->proc);
}

bool groups_may_be_late(const struct groups *groups)
{
    return groups->proc->job_runs || !list_is_empty(&groups->news) || checker_is_deposed(groups->part);
}

/* --- appends ------------------------------------------------------------------------------------------ */

struct group_append {
    struct list node;
    struct groups *groups;
    uint64_t number;
    uint64_t term;
    uint64_t ticket;
    enum err err;
    int64_t base_offset;
};

/* What became of it is never told in the middle of a call. */
static void append_settled(struct sim *sim, void *arg)
{
    struct group_append append = *(struct group_append *)arg;
    struct groups *groups = append.groups;
    list_remove(&((struct group_append *)arg)->node);
    free(arg);
    if (append.err != ERR_NONE)
        sim_trace(sim, "%d did not append for its group: %s", groups->proc->id, err_name(append.err));
    if (!groups->coordinator || append.ticket == 0 || append.term != groups->term)
        return;
    groups_enter(groups);
    group_appended(groups->coordinator, append.ticket, append.err, append.base_offset, &groups->now,
                   &groups->effects);
    groups_carry_out(groups);
}

static void append_came_home(struct proc *proc, uint64_t id, enum err err, int64_t base_offset)
{
    struct sim *sim = proc->sim;
    LIST_EACH (node, &proc->groups->appends) {
        struct group_append *append = CONTAINER_OF(node, struct group_append, node);
        if (append->number != id)
            continue;
        append->err = err;
        append->base_offset = base_offset;
        sim_after(sim, sim_between(sim, SIM_RNG_GROUP, 0, SIM_MS / 2), proc->id, "group_append",
                  append_settled, NULL, append);
        return;
    }
}

static void append_begin(struct groups *groups, const struct group_append_wish *wish)
{
    struct part *part = groups->part;
    struct group_append *append = MEM_NEW(struct group_append);
    append->groups = groups;
    append->number = ++groups->last_append;
    append->term = groups->term;
    append->ticket = wish->ticket;
    list_push_back(&groups->appends, &append->node);
    struct produce_op op = {.origin = APPEND_COORDINATOR,
                            .waits = wish->ticket != 0 && !plant_is(PLANT_COMMIT_ANSWERED_EARLY),
                            .timeout_ms = COMMIT_TIMEOUT_MS,
                            .done = append_came_home,
                            .id = append->number};
    struct buf records = {0};
    buf_put_view(&records, wish->batch);
    int64_t base = part->log ? log_end(part->log).offset : 0;
    produce_append(part, &records, &op);
    /* Where the disk failed in the middle of it, it may be there after the next start. */
    if (part->log && (log_end(part->log).offset > base || part->proc->failing))
        groups_check_appended(groups, wish->batch, base);
    buf_close(&records);
}

/* --- effects ------------------------------------------------------------------------------------------ */

static void tick(struct sim *sim, void *arg)
{
    struct groups *groups = arg;
    if (sim_now_ms(sim) < groups->tick_ms)
        return; /* it came earlier, and comes again */
    groups->tick_ms = INT64_MAX;
    if (!groups->coordinator)
        return;
    groups_enter(groups);
    group_tick(groups->coordinator, &groups->now, &groups->effects);
    groups_carry_out(groups);
}

static void arm_tick(struct groups *groups)
{
    struct sim *sim = groups->proc->sim;
    int64_t at_ms = groups->coordinator ? group_coordinator_deadline(groups->coordinator) : INT64_MAX;
    if (at_ms >= groups->tick_ms)
        return;
    groups->tick_ms = at_ms;
    sim_after(sim, (at_ms - sim_now_ms(sim)) * SIM_MS, groups->proc->id, "group_tick", tick, NULL, groups);
}

void groups_carry_out(struct groups *groups)
{
    for (int32_t i = 0; i < groups->effects.count; i++) {
        const struct group_effect *effect = &groups->effects.items[i];
        if (effect->kind == GROUP_EFFECT_APPEND)
            append_begin(groups, &effect->append);
        else
            groups_settle(groups, (struct groups_ask *)(uintptr_t)effect->token, effect);
    }
    group_effects_reset(&groups->effects);
    arm_tick(groups);
}

/* --- terms -------------------------------------------------------------------------------------------- */

static void end_term(struct groups *groups)
{
    if (!groups->coordinator)
        return;
    sim_trace(groups->proc->sim, "%d coordinates no more, term %d", groups->proc->id, (int)groups->term);
    group_coordinator_resign(groups->coordinator, &groups->now, &groups->effects);
    groups_carry_out(groups);
    group_coordinator_free(groups->coordinator);
    groups->coordinator = NULL;
    groups->part = NULL;
}

static void begin_term(struct groups *groups, struct part *part)
{
    struct group_config config = groups->config;
    config.seed = sim_below(part->proc->sim, SIM_RNG_GROUP, UINT64_MAX);
    groups->term++;
    groups->part = part;
    groups->coordinator = group_coordinator_new(&config);
    sim_trace(part->proc->sim, "%d coordinates, term %d", part->proc->id, (int)groups->term);
    groups_load(groups);
}

/* --- news --------------------------------------------------------------------------------------------- */

struct role_news {
    struct list node;
    struct part *part;
    bool leads;
    bool goes_on;
};

static void take_role(struct groups *groups, const struct role_news *news)
{
    groups_enter(groups);
    if (!news->leads) {
        if (groups->part == news->part && !plant_is(PLANT_COORDINATOR_NOT_UNLOADED))
            end_term(groups);
        return;
    }
    if (news->goes_on && groups->part == news->part)
        return;
    end_term(groups);
    begin_term(groups, news->part);
}

static void hear(struct sim *sim, void *arg)
{
    (void)sim;
    struct groups *groups = arg;
    struct role_news *news = CONTAINER_OF(list_pop_front(&groups->news), struct role_news, node);
    take_role(groups, news);
    free(news);
}

static void post(struct part *part, bool leads, bool goes_on)
{
    struct proc *proc = part->proc;
    struct sim *sim = proc->sim;
    if (part->number != sim->shape.offsets)
        return;
    struct role_news *news = MEM_NEW(struct role_news);
    *news = (struct role_news){.part = part, .leads = leads, .goes_on = goes_on};
    list_push_back(&proc->groups->news, &news->node);
    sim_after(sim, sim_between(sim, SIM_RNG_GROUP, 0, SIM_MS), proc->id, "group_role", hear, NULL,
              proc->groups);
}

void groups_led(struct part *part, bool goes_on)
{
    post(part, true, goes_on);
}

void groups_lost(struct part *part)
{
    post(part, false, false);
}

/* --- life --------------------------------------------------------------------------------------------- */

void groups_begin(struct proc *proc)
{
    if (proc->sim->shape.offsets < 0)
        return;
    struct groups *groups = MEM_NEW(struct groups);
    proc->groups = groups;
    groups->proc = proc;
    groups->config = GROUP_CONFIG_DEFAULT;
    groups->config.min_session_ms = 1000;
    groups->config.initial_delay_ms = 300;
    groups->tick_ms = INT64_MAX;
    list_init(&groups->news);
    list_init(&groups->appends);
    list_init(&groups->asks);
}

void groups_free(struct proc *proc)
{
    struct groups *groups = proc->groups;
    struct list *node;
    if (!groups)
        return;
    group_coordinator_free(groups->coordinator);
    group_effects_close(&groups->effects);
    while ((node = list_pop_front(&groups->news)))
        free(CONTAINER_OF(node, struct role_news, node));
    while ((node = list_pop_front(&groups->appends)))
        free(CONTAINER_OF(node, struct group_append, node));
    while ((node = list_pop_front(&groups->asks)))
        free(CONTAINER_OF(node, struct groups_ask, node));
    free(groups);
}
