/*
 * Start, stop and death of a broker, as server/server.c and service/replica/replica_load.c order them.
 */
#include "sim/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "sim/checker.h"
#include "sim/groups.h"
#include "sim/recovery.h"
#include "storage/clean_shutdown.h"
#include "storage/log_load.h"

/* --- the process -------------------------------------------------------------------------------------- */

int64_t proc_wall_ms(const struct proc *proc)
{
    return sim_now_ms(proc->sim) + proc->node->wall_ahead_ms;
}

struct log_settings node_log_settings(const struct sim *sim, int number)
{
    struct log_settings settings;
    log_settings_init(&settings);
    settings.segment_bytes = sim->shape.segment_bytes;
    settings.index_interval_bytes = 200;
    settings.retention_ms = -1;
    settings.cleanup_compact = sim->parts[number].compacted;
    if (sim->shape.flush_each)
        settings.flush_messages = 1;
    return settings;
}

static void ends_by_itself(struct sim *sim, void *arg)
{
    (void)sim;
    struct broker_node *node = arg;
    node_end(node, NODE_END_KILLED);
}

void proc_fail_storage(struct proc *proc, const struct errmsg *why)
{
    if (proc->failing)
        return;
    sim_trace(proc->sim, "%d storage failed: %s", proc->id, why->text);
    proc->failing = true;
    for (int i = 0; i < SIM_PARTS_MAX; i++)
        if (proc->parts[i]) {
            proc->parts[i]->is_leader = false;
            part_fail_waiting(proc->parts[i]);
        }
    sim_after(proc->sim, 0, proc->id, "storage_failed", ends_by_itself, NULL, proc->node);
}

/* --- ZooKeeper's session ------------------------------------------------------------------------------ */

static void on_session(void *arg, enum zk_news news, int64_t session_id)
{
    struct proc *proc = arg;
    if (news == ZK_NEWS_OPENED) {
        proc->session_id = session_id;
        register_opened(proc, session_id);
    } else if (news == ZK_NEWS_EXPIRED) {
        proc->session_id = 0;
        conductor_expired(proc);
    }
}

static void on_watch(void *arg, const char *path, bool children)
{
    conductor_watch(arg, path, children);
}

/* --- loading ------------------------------------------------------------------------------------------ */

static int64_t checkpointed(const struct proc *proc, enum log_dir_checkpoint kind, const struct part *part)
{
    int64_t offset = 0;
    offset_map_get(&proc->dir.checkpoints[kind], view_str(part->topic), part->index, &offset);
    return offset;
}

static enum err load_part(struct proc *proc, const struct log_dir_found *found, struct errmsg *why)
{
    struct sim *sim = proc->sim;
    int number = sim_part_find(sim, (const char *)found->parsed.topic.ptr, found->parsed.topic.len,
                               found->parsed.partition);
    ASSERT(number >= 0);
    struct part *part = part_new(proc, number);
    char *path = log_dir_join(&proc->dir, found->name);
    struct log_settings settings = node_log_settings(sim, number);
    struct log_load_args args = {.disk = proc->dir.disk,
                                 .dir = path,
                                 .settings = &settings,
                                 .recovery_point = checkpointed(proc, LOG_DIR_RECOVERY_POINT, part),
                                 .log_start_offset = checkpointed(proc, LOG_DIR_LOG_START, part),
                                 .now_ms = proc_wall_ms(proc),
                                 .seed = 1,
                                 .power_lost = proc->power_lost,
                                 .clean = proc->was_clean};
    struct log_load_report report = {0};
    enum err err = log_load(&args, &part->log, &report, why);
    free(path);
    if (err != ERR_NONE)
        return err;
    log_set_high_watermark(part->log,
                           LOG_POSITION_OF_OFFSET(checkpointed(proc, LOG_DIR_HIGH_WATERMARK, part)));
    sim_trace(sim, "%d loaded %s %lld..%lld hw=%lld recovery_point=%lld cut=%lld", proc->id, part->name,
              (long long)log_start_offset(part->log), (long long)log_end(part->log).offset,
              (long long)log_high_watermark(part->log).offset, (long long)args.recovery_point,
              (long long)report.bytes_cut);
    checker_log_opened(sim, part);
    return ERR_NONE;
}

static enum err load_all(struct proc *proc, struct errmsg *why)
{
    struct log_dir_found *found;
    size_t count;
    enum err err = log_dir_scan(&proc->dir, &found, &count, why);
    if (err != ERR_NONE)
        return err;
    for (size_t i = 0; i < count && err == ERR_NONE; i++)
        err = found[i].parsed.kind == PARTITION_DIR_CURRENT
                  ? load_part(proc, &found[i], why)
                  : log_dir_delete_partition(&proc->dir, found[i].name, why);
    log_dir_found_free(found, count);
    return err;
}

static enum err open_dir(struct proc *proc, struct errmsg *why)
{
    log_dir_init(&proc->dir, crash_disk_port(proc->node->disk), NODE_DIR);
    enum err err = log_dir_open(&proc->dir, why);
    for (int kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT && err == ERR_NONE; kind++) {
        err = log_dir_load_checkpoint(&proc->dir, (enum log_dir_checkpoint)kind, why);
        if (err == ERR_CORRUPT_FILE && (kind == LOG_DIR_RECOVERY_POINT || kind == LOG_DIR_LOG_START))
            err = ERR_NONE;
    }
    if (err == ERR_NONE)
        err = clean_shutdown_take(proc->dir.disk, NODE_DIR, &proc->was_clean, why);
    return err;
}

static void start_late(struct sim *sim, void *arg)
{
    struct proc *proc = arg;
    struct errmsg why;
    proc->power_lost = !proc->was_clean && proc->node->last_session_boot != 0 &&
                       proc->node->last_session_boot != proc->node->boot;
    if (load_all(proc, &why) != ERR_NONE) {
        proc_fail_storage(proc, &why);
        return;
    }
    checker_loaded(sim, proc);
    struct zk_client_events events = {.arg = proc, .watch = on_watch, .session = on_session};
    proc->zk = zk_client_new(sim, proc->id, &events);
    upkeep_begin(proc);
    cleaner_begin(proc);
}

void node_start(struct broker_node *node)
{
    struct sim *sim = node->sim;
    ASSERT(!node->proc);
    sim_set_up(sim, node->id, true);
    sim_trace(sim, "%d starts, boot=%d", node->id, node->boot);
    if (node->ended == NODE_END_POWER)
        recovery_check(sim, node);
    struct proc *proc = MEM_NEW(struct proc);
    node->proc = proc;
    proc->sim = sim;
    proc->node = node;
    proc->id = node->id;
    proc->broker.id = node->id;
    atomic_store(&proc->broker.epoch, -1);
    proc->metadata = metadata_new();
    fetch_sessions_init(&proc->sessions, 20, sim_below(sim, SIM_RNG_NODE + (unsigned)node->id, UINT64_MAX));
    list_init(&proc->fetches);
    list_init(&proc->jobs);
    conductor_new(proc);
    groups_begin(proc);
    struct errmsg why;
    if (open_dir(proc, &why) != ERR_NONE) {
        proc_fail_storage(proc, &why);
        return;
    }
    sim_after(sim, sim_between(sim, SIM_RNG_DISK, SIM_MS, 300 * SIM_MS), node->id, "start", start_late, NULL,
              proc);
}

/* --- the end ------------------------------------------------------------------------------------------ */

/* Logs, checkpoints, the marker. */
static enum err close_dir(struct proc *proc, struct errmsg *why)
{
    struct log_flush flush = {0};
    enum err err = ERR_NONE;
    for (int i = 0; i < SIM_PARTS_MAX && err == ERR_NONE; i++) {
        struct part *part = proc->parts[i];
        if (!part || !part->log)
            continue;
        err = log_close(part->log, &flush, why);
        offset_map_put(&proc->dir.checkpoints[LOG_DIR_RECOVERY_POINT], view_str(part->topic), part->index,
                       log_end(part->log).offset);
        offset_map_put(&proc->dir.checkpoints[LOG_DIR_LOG_START], view_str(part->topic), part->index,
                       log_start_offset(part->log));
        offset_map_put(&proc->dir.checkpoints[LOG_DIR_HIGH_WATERMARK], view_str(part->topic), part->index,
                       log_high_watermark(part->log).offset);
    }
    if (err == ERR_NONE)
        err = log_flush_run(&flush, why);
    log_flush_close(&flush);
    if (err == ERR_NONE)
        err = log_dir_save_checkpoints(
            &proc->dir, 1u << LOG_DIR_RECOVERY_POINT | 1u << LOG_DIR_LOG_START | 1u << LOG_DIR_HIGH_WATERMARK,
            why);
    if (err == ERR_NONE)
        err = clean_shutdown_write(proc->dir.disk, NODE_DIR, -1, why);
    return err;
}

static void free_proc(struct proc *proc, bool in_order)
{
    conductor_free(proc);
    cleaner_free(proc);
    groups_free(proc);
    follow_free(proc);
    roles_free(proc);
    serve_free(proc);
    for (int i = 1; i <= SIM_BROKERS_MAX; i++)
        net_conn_free(proc->to_controller[i]);
    zk_client_free(proc->zk, in_order);
    for (int i = 0; i < SIM_PARTS_MAX; i++)
        part_free(proc->parts[i]);
    fetch_sessions_close(&proc->sessions);
    metadata_free(proc->metadata);
    log_dir_close(&proc->dir);
    free(proc);
}

static void lose_power(struct broker_node *node, enum node_end how)
{
    struct sim *sim = node->sim;
    node->boot++;
    checker_power_lost(sim, node, how);
    if (how == NODE_END_WIPED) {
        crash_disk_free(node->disk);
        node->disk = crash_disk_new();
        return;
    }
    enum crash_kind kind = sim_chance(sim, SIM_RNG_DISK, 400) ? CRASH_KEEP_NONE : CRASH_KEEP_SEEDED;
    crash_disk_power_cut(node->disk, kind, sim_below(sim, SIM_RNG_DISK, UINT64_MAX));
}

void node_end(struct broker_node *node, enum node_end how)
{
    static const char *const NAMES[] = {"stopped", "killed", "power lost", "power lost, disk replaced"};
    struct sim *sim = node->sim;
    struct proc *proc = node->proc;
    if (!proc && how < NODE_END_POWER)
        return;
    sim_trace(sim, "%d %s", node->id, NAMES[how]);
    if (proc) {
        struct errmsg why;
        bool in_order = how == NODE_END_STOPPED && !proc->failing && close_dir(proc, &why) == ERR_NONE;
        sim_set_up(sim, node->id, false);
        checker_ended(sim, node, how);
        node->proc = NULL;
        free_proc(proc, in_order);
        net_process_gone(sim, node->id);
    }
    node->ended = how;
    crash_disk_forgive(node->disk); /* docs/durability.md: not covered */
    if (how >= NODE_END_POWER)
        lose_power(node, how);
}

/* --- a stop in order ---------------------------------------------------------------------------------- */

static void ask_to_stop(struct sim *sim, void *arg);

static void may_stop(struct sim *sim, void *arg, enum err err, struct view answer)
{
    struct proc *proc = arg;
    if (err == ERR_CLOSED)
        return;
    bool done = err == ERR_NONE && be_get_i16(answer.ptr) == ERR_NONE && be_get_i32(answer.ptr + 2) == 0;
    int64_t pause_us = done ? 0 : 300 * SIM_MS;
    if (done)
        proc->stop_tries = 0;
    sim_after(sim, pause_us, proc->id, "stop", ask_to_stop, NULL, proc);
}

static void ask_to_stop(struct sim *sim, void *arg)
{
    struct proc *proc = arg;
    int controller = proc->metadata->controller_id;
    if (proc->stop_tries-- <= 0) {
        if (proc->job_runs) /* what the controller wants is carried out first (replica_manager_drain) */
            sim_after(sim, SIM_MS, proc->id, "stop", ask_to_stop, NULL, proc);
        else
            node_end(proc->node, NODE_END_STOPPED);
        return;
    }
    if (controller < 1) {
        sim_after(sim, 300 * SIM_MS, proc->id, "stop", ask_to_stop, NULL, proc);
        return;
    }
    struct buf body = {0};
    buf_put_i32(&body, proc->id);
    buf_put_i64(&body, atomic_load(&proc->broker.epoch));
    if (!proc->to_controller[controller])
        proc->to_controller[controller] = net_conn_new(sim, proc->id, controller);
    net_call(proc->to_controller[controller], NET_CONTROLLED_SHUTDOWN, buf_view(&body), 3000 * SIM_MS,
             may_stop, proc);
    buf_close(&body);
}

void node_stop(struct broker_node *node)
{
    struct proc *proc = node->proc;
    if (!proc || proc->stopping || !proc->ready)
        return;
    sim_trace(node->sim, "%d is to stop", node->id);
    proc->stopping = true;
    proc->stop_tries = 4;
    sim_after(node->sim, 0, node->id, "stop", ask_to_stop, NULL, proc);
}

/* --- requests ----------------------------------------------------------------------------------------- */

struct early {
    int to;
    struct net_request request; /* its body is `body` */
    struct buf body;
};

static void early_free(struct sim *sim, void *arg)
{
    (void)sim;
    struct early *early = arg;
    buf_close(&early->body);
    free(early);
}

static void serve_early(struct sim *sim, void *arg)
{
    struct early *early = arg;
    broker_serve(sim, early->to, &early->request);
    early_free(sim, early);
}

/* Its listener is bound, but nobody accepts yet. */
static void hold_back(struct sim *sim, int to, const struct net_request *request)
{
    struct early *early = MEM_NEW(struct early);
    *early = (struct early){.to = to, .request = *request};
    buf_put_view(&early->body, request->body);
    early->request.body = buf_view(&early->body);
    sim_after(sim, 20 * SIM_MS, to, "not_ready", serve_early, early_free, early);
}

void broker_serve(struct sim *sim, int to, const struct net_request *request)
{
    struct proc *proc = sim->nodes[to]->proc;
    uint64_t id = request->id;
    struct view body = request->body;
    if (!proc->ready) {
        hold_back(sim, to, request);
        return;
    }
    switch (request->api) {
    case NET_CONTROL:
        roles_serve(proc, request);
        return;
    case NET_FETCH:
        serve_fetch(proc, id, body);
        return;
    case NET_LIST_OFFSETS:
        serve_list_offsets(proc, id, body);
        return;
    case NET_PRODUCE:
        serve_produce(proc, id, body);
        return;
    case NET_METADATA:
        serve_metadata(proc, id);
        return;
    case NET_ALTER_PARTITION:
    case NET_CONTROLLED_SHUTDOWN:
    case NET_CREATE_TOPICS:
        conductor_ask(proc, id, request->api, body);
        return;
    case NET_JOIN_GROUP:
    case NET_SYNC_GROUP:
    case NET_HEARTBEAT:
    case NET_LEAVE_GROUP:
    case NET_OFFSET_COMMIT:
    case NET_OFFSET_FETCH:
        groups_serve(proc, request);
        return;
    }
}

/* --- the machine -------------------------------------------------------------------------------------- */

void node_init(struct sim *sim, int id)
{
    struct broker_node *node = MEM_NEW(struct broker_node);
    node->sim = sim;
    node->id = id;
    node->boot = 1;
    node->disk = crash_disk_new();
    node->wall_ahead_ms = sim_between(sim, SIM_RNG_SHAPE, -500, 500);
    sim->nodes[id] = node;
}

void node_free(struct broker_node *node)
{
    if (!node)
        return;
    if (node->proc)
        node_end(node, NODE_END_KILLED);
    crash_disk_free(node->disk);
    free(node);
}
