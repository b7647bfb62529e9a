/*
 * Following, as service/fetcher has it: a link to each leader, its requests, and what follows from answers.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sim/node.h"
#include "sim/plants.h"
#include "storage/leader_epochs.h"
#include "storage/log_trim.h"
#include "wire/codec.h"

#define FETCH_VERSION   17
#define OFFSETS_VERSION 9
#define MAX_WAIT_MS     500
#define BACKOFF_MS      200

static void kick(struct follow_link *link);

static struct follower_log log_of(const struct part *part)
{
    return (struct follower_log){.start = log_start_offset(part->log),
                                 .end = log_end(part->log).offset,
                                 .latest_epoch = leader_epochs_latest_epoch(log_leader_epochs(part->log))};
}

static struct follow_link *link_to(struct proc *proc, int leader)
{
    if (proc->links[leader])
        return proc->links[leader];
    struct follow_link *link = MEM_NEW(struct follow_link);
    link->proc = proc;
    link->leader = leader;
    link->link = fetch_link_new(&(struct fetch_link_config){.broker_id = proc->id,
                                                            .leader_id = leader,
                                                            .max_wait_ms = MAX_WAIT_MS,
                                                            .min_bytes = 1,
                                                            .max_bytes = 4000,
                                                            .partition_bytes = 1500,
                                                            .backoff_ms = BACKOFF_MS,
                                                            .fetch_version = FETCH_VERSION,
                                                            .offsets_version = OFFSETS_VERSION});
    link->conn = net_conn_new(proc->sim, proc->id, leader);
    return proc->links[leader] = link;
}

/* --- actions ------------------------------------------------------------------------------------------ */

struct doing {
    struct follow_link *link;
    struct part *part;
    struct fetch_link_action action;
    enum fetch_link_outcome outcome;
    struct follower_log log;
};

static bool still_follows(struct doing *doing)
{
    const struct part *part = doing->part;
    doing->outcome = FETCH_LINK_FAILED;
    if (!part->log || part->proc->failing)
        return false;
    doing->outcome = FETCH_LINK_RETRY;
    return part->replica.role == REPLICA_ROLE_FOLLOWER &&
           part->replica.leader_epoch == doing->action.leader_epoch;
}

static void fail(struct doing *doing, const struct errmsg *why)
{
    doing->outcome = FETCH_LINK_FAILED;
    proc_fail_storage(doing->part->proc, why);
}

static void succeed(struct doing *doing)
{
    doing->outcome = FETCH_LINK_OK;
    doing->log = log_of(doing->part);
}

static void take_high_watermark(struct part *part, int64_t of_leader)
{
    if (of_leader < 0)
        return;
    part->leader_high_watermark = of_leader;
    int64_t next = replica_high_watermark_of_follower(log_high_watermark(part->log).offset, of_leader);
    log_set_high_watermark(part->log, LOG_POSITION_OF_OFFSET(next));
}

static void append(struct doing *doing)
{
    struct part *part = doing->part;
    const struct fetch_link_action *action = &doing->action;
    struct errmsg why;
    if (log_end(part->log).offset == action->fetch_offset) {
        struct log_append_result result;
        enum err err = ERR_NONE;
        if (action->records.len > 0)
            err = log_append_as_follower(part->log, action->records, action->leader_epoch,
                                         proc_wall_ms(part->proc), &result, &why);
        if (err == ERR_KAFKA_STORAGE_ERROR) {
            fail(doing, &why);
            return;
        }
        if (err != ERR_NONE) {
            bool again = err == ERR_CORRUPT_MESSAGE || err == ERR_INVALID_RECORD || err == ERR_WOULD_BLOCK;
            doing->outcome = again ? FETCH_LINK_RETRY : FETCH_LINK_FAILED;
            sim_trace(part->proc->sim, "%d cannot append to %s: %s", part->proc->id, part->name,
                      err_name(err));
            return;
        }
        if (action->records.len > 0 && (result.flush_due || result.sealed_up_to >= 0))
            upkeep_flush(part);
        take_high_watermark(part, action->high_watermark);
        bool raised;
        if (action->leader_start > log_start_offset(part->log) &&
            log_raise_start_offset(part->log, action->leader_start, &raised, &why) ==
                ERR_KAFKA_STORAGE_ERROR) {
            fail(doing, &why);
            return;
        }
        part_announce(part);
    }
    succeed(doing);
}

static int64_t cut_point(const struct doing *doing)
{
    const struct part *part = doing->part;
    const struct fetch_link_action *action = &doing->action;
    int64_t end = log_end(part->log).offset;
    if (action->kind == FETCH_LINK_TRUNCATE)
        return leader_epochs_truncation_point(log_leader_epochs(part->log), action->epoch, action->end_offset,
                                              end, action->fetch_offset)
            .offset;
    return action->end_offset;
}

static void cut(struct doing *doing, int64_t offset)
{
    struct part *part = doing->part;
    struct log_doomed doomed = {0};
    struct errmsg why;
    bool truncated;
    bool anew = doing->action.kind == FETCH_LINK_START_AT;
    int64_t end = log_end(part->log).offset;
    sim_trace(part->proc->sim, "%d cuts %s from %lld to %lld hw=%lld%s", part->proc->id, part->name,
              (long long)end, (long long)offset, (long long)log_high_watermark(part->log).offset,
              anew ? " anew" : "");
    int64_t wall_ms = proc_wall_ms(part->proc);
    enum err err = anew || offset < end ? upkeep_lower(part, offset, &why) : ERR_NONE;
    if (err == ERR_NONE)
        err = anew ? log_truncate_fully_and_start_at(part->log, offset, -1, wall_ms, &doomed, &why)
                   : log_truncate_to(part->log, offset, wall_ms, &doomed, &truncated, &why);
    if (err == ERR_NONE)
        err = log_doomed_unlink(&doomed, part->proc->dir.disk, &why);
    log_doomed_close(&doomed);
    if (err != ERR_NONE) {
        fail(doing, &why);
        return;
    }
    part_announce(part);
    succeed(doing);
}

static void report(struct doing *doing)
{
    struct follow_link *link = doing->link;
    fetch_link_done(link->link, &doing->action, doing->outcome, &doing->log, sim_now_ms(link->proc->sim));
    part_touch(doing->part);
    free(doing);
    if (--link->away == 0)
        kick(link);
}

static void free_doing(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

/* flush.messages=1: over when what is there is synced. */
static void await_sync(struct sim *sim, void *arg)
{
    struct doing *doing = arg;
    if (doing->outcome == FETCH_LINK_OK) {
        if (!still_follows(doing)) {
            report(doing);
            return;
        }
        succeed(doing);
        if (sim->shape.flush_each && log_recovery_point(doing->part->log) < doing->log.end) {
            upkeep_flush(doing->part);
            sim_after(sim, SIM_MS, doing->part->proc->id, "follow_sync", await_sync, free_doing, doing);
            return;
        }
    }
    report(doing);
}

static void carry_out(struct sim *sim, void *arg)
{
    struct doing *doing = arg;
    if (still_follows(doing)) {
        if (doing->action.kind == FETCH_LINK_APPEND)
            append(doing);
        else
            cut(doing, cut_point(doing));
    }
    part_touch(doing->part);
    await_sync(sim, doing);
}

static void take_actions(struct follow_link *link, const struct fetch_link_actions *actions)
{
    struct sim *sim = link->proc->sim;
    link->away += actions->count;
    for (int32_t i = 0; i < actions->count; i++) {
        struct doing *doing = MEM_NEW(struct doing);
        *doing = (struct doing){.link = link, .part = actions->items[i].user, .action = actions->items[i]};
        sim_after(sim, sim_between(sim, SIM_RNG_DISK, 0, SIM_MS), link->proc->id, "follow", carry_out,
                  free_doing, doing);
    }
}

/* --- requests and answers ----------------------------------------------------------------------------- */

static void answered(struct sim *sim, void *arg, enum err err, struct view answer)
{
    struct follow_link *link = arg;
    enum fetch_link_wish out = link->out;
    link->out = FETCH_LINK_NOTHING;
    if (err == ERR_CLOSED)
        return;
    struct fetch_link_actions actions = {0};
    int64_t now_ms = sim_now_ms(sim);
    if (err != ERR_NONE) {
        fetch_link_take_failure(link->link, now_ms);
    } else {
        buf_clear(&link->answer);
        buf_put_view(&link->answer, answer);
        const struct wire_message *desc =
            out == FETCH_LINK_FETCH ? &wire_fetch_response_desc : &wire_list_offsets_response_desc;
        void *decoded = arena_alloc(&link->arena, desc->size);
        ASSERT(wire_decode(desc, out == FETCH_LINK_FETCH ? FETCH_VERSION : OFFSETS_VERSION,
                           buf_view(&link->answer), NULL, &link->arena, decoded, NULL) == ERR_NONE);
        if (out == FETCH_LINK_FETCH)
            fetch_link_take_fetch(link->link, decoded, now_ms, &link->arena, &actions);
        else
            fetch_link_take_offsets(link->link, decoded, now_ms, &link->arena, &actions);
        take_actions(link, &actions);
    }
    kick(link);
}

static void fired(struct sim *sim, void *arg)
{
    (void)sim;
    kick(arg);
}

static void ask(struct follow_link *link, enum fetch_link_wish wish, const struct fetch_link_plan *plan)
{
    struct buf body = {0};
    bool fetch = wish == FETCH_LINK_FETCH;
    const struct wire_message *desc = fetch ? &wire_fetch_request_desc : &wire_list_offsets_request_desc;
    ASSERT(plan->version == (fetch ? FETCH_VERSION : OFFSETS_VERSION));
    ASSERT(wire_encode(desc, plan->version, fetch ? (const void *)plan->fetch : plan->offsets, &body, NULL) ==
           ERR_NONE);
    link->out = wish;
    net_call(link->conn, fetch ? NET_FETCH : NET_LIST_OFFSETS, buf_view(&body), 3000 * SIM_MS, answered,
             link);
    buf_close(&body);
}

static void go_on(struct sim *sim, void *arg)
{
    struct follow_link *link = arg;
    link->kicked = false;
    if (link->proc->failing || link->away > 0 || link->out != FETCH_LINK_NOTHING ||
        fetch_link_count(link->link) == 0)
        return;
    if (!proc_sees_alive(link->proc, link->leader)) {
        sim_after(sim, BACKOFF_MS * SIM_MS, link->proc->id, "follow_later", fired, NULL, link);
        return;
    }
    arena_reset(&link->arena);
    struct fetch_link_plan plan;
    struct fetch_link_moment moment = {.broker_epoch = atomic_load(&link->proc->broker.epoch),
                                       .now_ms = sim_now_ms(sim)};
    enum fetch_link_wish wish = fetch_link_plan(link->link, &moment, &link->arena, &plan);
    if (wish != FETCH_LINK_NOTHING)
        ask(link, wish, &plan);
    else if (plan.until_ms != INT64_MAX)
        sim_after(sim, (plan.until_ms - moment.now_ms) * SIM_MS, link->proc->id, "follow_later", fired, NULL,
                  link);
}

static void kick(struct follow_link *link)
{
    if (link->kicked)
        return;
    link->kicked = true;
    sim_after(link->proc->sim, 0, link->proc->id, "follow_go_on", go_on, NULL, link);
}

void follow_kick_all(struct proc *proc)
{
    for (int i = 1; i <= SIM_BROKERS_MAX; i++)
        if (proc->links[i])
            kick(proc->links[i]);
}

/* --- who follows whom --------------------------------------------------------------------------------- */

static void remove_from_links(struct part *part, int32_t leader_epoch, const struct follow_link *except)
{
    for (int i = 1; i <= SIM_BROKERS_MAX; i++) {
        struct follow_link *link = part->proc->links[i];
        if (!link || link == except)
            continue;
        fetch_link_remove(link->link, view_str(part->topic), part->index, leader_epoch);
        kick(link);
    }
}

struct start {
    struct part *part;
    int leader;
    int32_t leader_epoch;
};

/* Without epochs no leader can tell where the logs part: what is not known to be committed goes. */
static bool cut_unknown(struct part *part)
{
    bool known = leader_epochs_latest_epoch(log_leader_epochs(part->log)) >= 0;
    if ((known && !plant_is(PLANT_CUT_TO_HIGH_WATERMARK)) ||
        log_high_watermark(part->log).offset >= log_end(part->log).offset)
        return true;
    struct doing doing = {.part = part, .action = {.kind = FETCH_LINK_TRUNCATE_TO}};
    cut(&doing, log_high_watermark(part->log).offset);
    return doing.outcome == FETCH_LINK_OK;
}

static void begin(struct sim *sim, void *arg)
{
    (void)sim;
    struct start start = *(struct start *)arg;
    free(arg);
    struct part *part = start.part;
    if (!part->log || part->proc->failing || part->replica.role != REPLICA_ROLE_FOLLOWER ||
        part->replica.leader_epoch != start.leader_epoch || !cut_unknown(part))
        return;
    struct follow_link *link = link_to(part->proc, start.leader);
    remove_from_links(part, start.leader_epoch, link);
    struct follower_log log = log_of(part);
    fetch_link_set(link->link, view_str(part->topic), log_topic_id(part->log), part->index,
                   start.leader_epoch, &log, part);
    kick(link);
}

void follow_begin(struct part *part, int leader, int32_t leader_epoch)
{
    struct sim *sim = part->proc->sim;
    remove_from_links(part, leader_epoch, NULL);
    if (leader < 0)
        return;
    struct start *start = MEM_NEW(struct start);
    *start = (struct start){part, leader, leader_epoch};
    sim_after(sim, sim_between(sim, SIM_RNG_DISK, 0, SIM_MS), part->proc->id, "follow_begin", begin,
              free_doing, start);
}

void follow_leave(struct part *part, int32_t leader_epoch)
{
    remove_from_links(part, leader_epoch, NULL);
}

void follow_free(struct proc *proc)
{
    for (int i = 1; i <= SIM_BROKERS_MAX; i++) {
        struct follow_link *link = proc->links[i];
        if (!link)
            continue;
        net_conn_free(link->conn);
        fetch_link_free(link->link, NULL);
        arena_close(&link->arena);
        buf_close(&link->answer);
        free(link);
        proc->links[i] = NULL;
    }
}
