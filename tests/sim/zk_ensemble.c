#include "sim/zk_ensemble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "fake/fake_zk_tree.h"
#include "sim/checker.h"
#include "sim/plants.h"

#define FOLLOWERS 2

struct zk_entry {
    struct arena arena;
    int64_t session_id;
    bool closes;
    struct controller_op op;
};

struct zk_session {
    int64_t id;
    int owner;
    int follower;
    int64_t heard_us;
    bool closed;
    struct zk_client *client;
    struct fake_watch *missed;
    int missed_count;
};

struct zk_ensemble {
    struct sim *sim;
    struct fake_zk *leader;
    struct fake_zk *followers[FOLLOWERS];
    int64_t applied[FOLLOWERS]; /* entries */
    struct zk_entry **log;
    int64_t log_count;
    int64_t log_cap;
    struct zk_session *sessions;
    int sessions_count;
    int sessions_cap;
    bool forgives;
};

static struct zk_session *find_session(const struct zk_ensemble *zk, int64_t id)
{
    for (int i = 0; i < zk->sessions_count; i++)
        if (zk->sessions[i].id == id)
            return &zk->sessions[i];
    return NULL;
}

/* --- followers ---------------------------------------------------------------------------------------- */

static void keep(struct zk_session *session, const struct fake_watch *watch)
{
    session->missed =
        mem_resize(session->missed, (size_t)(session->missed_count + 1) * sizeof *session->missed);
    session->missed[session->missed_count++] = *watch;
}

void zk_ensemble_keep(struct zk_ensemble *zk, const struct fake_watch *watch)
{
    struct zk_session *session = find_session(zk, watch->session);
    if (session && !session->closed)
        keep(session, watch);
}

static void deliver_watches(struct zk_ensemble *zk, struct fake_zk *tree)
{
    struct fake_watch watch;
    while (fake_zk_take_watch(tree, &watch)) {
        struct zk_session *session = find_session(zk, watch.session);
        if (!session || session->closed)
            continue;
        if (session->client)
            zk_client_send_watch(session->client, &watch);
        else
            keep(session, &watch);
    }
}

static void catch_up(struct zk_ensemble *zk, int follower, int64_t up_to)
{
    struct fake_zk *tree = zk->followers[follower];
    while (zk->applied[follower] < up_to) {
        const struct zk_entry *entry = zk->log[zk->applied[follower]++];
        struct arena scratch = {0};
        struct controller_op_result ignored;
        if (entry->closes)
            fake_zk_close_session(tree, entry->session_id);
        else
            fake_zk_apply(tree, entry->session_id, &entry->op, &scratch, &ignored);
        arena_close(&scratch);
        deliver_watches(zk, tree);
    }
}

struct catching_up {
    int follower;
    int64_t up_to;
};

static void catch_up_now(struct sim *sim, void *arg)
{
    struct catching_up *task = arg;
    catch_up(sim->zk, task->follower, task->up_to);
    free(task);
}

static void free_task(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

static struct zk_entry *append(struct zk_ensemble *zk, int64_t session_id)
{
    struct sim *sim = zk->sim;
    if (zk->log_count == zk->log_cap) {
        zk->log_cap = zk->log_cap ? 2 * zk->log_cap : 64;
        zk->log = mem_resize(zk->log, (size_t)zk->log_cap * sizeof(struct zk_entry *));
    }
    struct zk_entry *entry = MEM_NEW(struct zk_entry);
    entry->session_id = session_id;
    zk->log[zk->log_count++] = entry;
    for (int i = 0; i < FOLLOWERS; i++) {
        int64_t lag_us = sim_between(sim, SIM_RNG_ZK, 0, SIM_MS);
        if (sim_chance(sim, SIM_RNG_ZK, 50))
            lag_us += sim_between(sim, SIM_RNG_ZK, 0, 300 * SIM_MS);
        struct catching_up *task = MEM_NEW(struct catching_up);
        *task = (struct catching_up){i, zk->log_count};
        sim_after(sim, lag_us, SIM_WORLD, "zk_catch_up", catch_up_now, free_task, task);
    }
    return entry;
}

/* --- operations --------------------------------------------------------------------------------------- */

bool zk_is_read(const struct controller_op *op)
{
    return op->kind == CONTROLLER_OP_GET || op->kind == CONTROLLER_OP_EXISTS ||
           op->kind == CONTROLLER_OP_CHILDREN;
}

struct controller_op zk_copy_op(struct arena *arena, const struct controller_op *op)
{
    struct controller_op copy = *op;
    copy.path = op->path ? arena_strdup(arena, op->path) : NULL;
    fake_zk_copy_value(arena, &op->value, &copy.value);
    if (plant_is(PLANT_OLD_CONTROLLER_WRITES) && op->kind == CONTROLLER_OP_CHECK)
        copy.version = CONTROLLER_ANY_VERSION;
    if (op->ops_count > 0) {
        copy.ops = arena_alloc(arena, sizeof *copy.ops * (size_t)op->ops_count);
        for (int32_t i = 0; i < op->ops_count; i++)
            copy.ops[i] = zk_copy_op(arena, &op->ops[i]);
    }
    return copy;
}

void zk_ensemble_apply(struct zk_ensemble *zk, int64_t session_id, const struct controller_op *op,
                       int32_t epoch, struct arena *arena, struct controller_op_result *out)
{
    struct zk_session *session = find_session(zk, session_id);
    if (zk_is_read(op)) {
        fake_zk_apply(zk->followers[session->follower], session_id, op, arena, out);
        return;
    }
    struct zk_entry *entry = append(zk, session_id);
    entry->op = zk_copy_op(&entry->arena, op);
    fake_zk_apply(zk->leader, session_id, op, arena, out);
    catch_up(zk, session->follower, zk->log_count);
    if (out->err == ERR_NONE)
        checker_zk_written(zk->sim, session->owner, &entry->op, epoch);
}

const struct controller_value *zk_ensemble_value(struct zk_ensemble *zk, const char *path)
{
    return fake_zk_value(zk->leader, path);
}

int32_t zk_ensemble_version(struct zk_ensemble *zk, const char *path)
{
    return fake_zk_version(zk->leader, path);
}

int64_t zk_ensemble_czxid(struct zk_ensemble *zk, const char *path)
{
    return fake_zk_czxid(zk->leader, path);
}

/* --- sessions ----------------------------------------------------------------------------------------- */

int64_t zk_ensemble_open(struct zk_ensemble *zk, int owner)
{
    if (zk->sessions_count == zk->sessions_cap) {
        zk->sessions_cap = zk->sessions_cap ? 2 * zk->sessions_cap : 16;
        zk->sessions = mem_resize(zk->sessions, (size_t)zk->sessions_cap * sizeof *zk->sessions);
    }
    int64_t id = fake_zk_open_session(zk->leader);
    for (int i = 0; i < FOLLOWERS; i++)
        ASSERT(fake_zk_open_session(zk->followers[i]) == id);
    zk->sessions[zk->sessions_count++] =
        (struct zk_session){.id = id,
                            .owner = owner,
                            .follower = (int)sim_below(zk->sim, SIM_RNG_ZK, FOLLOWERS),
                            .heard_us = zk->sim->now_us};
    return id;
}

bool zk_ensemble_is_open(const struct zk_ensemble *zk, int64_t session_id)
{
    const struct zk_session *session = find_session(zk, session_id);
    return session && !session->closed;
}

void zk_ensemble_heard(struct zk_ensemble *zk, int64_t session_id)
{
    struct zk_session *session = find_session(zk, session_id);
    if (session)
        session->heard_us = zk->sim->now_us;
}

void zk_ensemble_attach(struct zk_ensemble *zk, int64_t session_id, struct zk_client *client)
{
    struct zk_session *session = find_session(zk, session_id);
    if (!session)
        return;
    session->client = client;
    if (!client)
        return;
    for (int i = 0; i < session->missed_count; i++)
        zk_client_send_watch(client, &session->missed[i]);
    session->missed_count = 0;
}

void zk_ensemble_end_session(struct zk_ensemble *zk, int64_t session_id)
{
    struct zk_session *session = find_session(zk, session_id);
    if (!session || session->closed)
        return;
    session->closed = true;
    sim_trace(zk->sim, "zk session of %d ends", session->owner);
    append(zk, session_id)->closes = true;
    fake_zk_close_session(zk->leader, session_id);
}

static void look_for_silence(struct sim *sim, void *arg)
{
    struct zk_ensemble *zk = arg;
    for (int i = 0; i < zk->sessions_count; i++) {
        struct zk_session *session = &zk->sessions[i];
        if (zk->forgives)
            session->heard_us = sim->now_us;
        if (!session->closed && sim->now_us - session->heard_us > sim->shape.session_ms * SIM_MS)
            zk_ensemble_end_session(zk, session->id);
    }
    zk->forgives = false;
    sim_after(sim, 100 * SIM_MS, SIM_WORLD, "zk_sessions", look_for_silence, NULL, zk);
}

void zk_ensemble_forgive(struct zk_ensemble *zk)
{
    zk->forgives = true;
}

/* --- life --------------------------------------------------------------------------------------------- */

static struct fake_zk *tree_new(void)
{
    static const char *const PATHS[] = {"/brokers/ids",
                                        "/brokers/topics",
                                        "/config/changes",
                                        "/admin/delete_topics",
                                        "/isr_change_notification",
                                        "/latest_producer_id_block",
                                        "/log_dir_event_notification",
                                        "/config/topics",
                                        "/barnabas/brokers",
                                        "/barnabas/trusted",
                                        "/barnabas/standing",
                                        "/barnabas/suspects",
                                        "/barnabas/silent"};
    struct fake_zk *tree = fake_zk_new();
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++)
        fake_zk_put(tree, PATHS[i], &(struct controller_value){.kind = CONTROLLER_VALUE_NULL});
    return tree;
}

struct zk_ensemble *zk_ensemble_new(struct sim *sim)
{
    struct zk_ensemble *zk = MEM_NEW(struct zk_ensemble);
    zk->sim = sim;
    sim->zk = zk;
    zk->leader = tree_new();
    for (int i = 0; i < FOLLOWERS; i++)
        zk->followers[i] = tree_new();
    sim_after(sim, 100 * SIM_MS, SIM_WORLD, "zk_sessions", look_for_silence, NULL, zk);
    return zk;
}

void zk_ensemble_free(struct zk_ensemble *zk)
{
    fake_zk_free(zk->leader);
    for (int i = 0; i < FOLLOWERS; i++)
        fake_zk_free(zk->followers[i]);
    for (int64_t i = 0; i < zk->log_count; i++) {
        arena_close(&zk->log[i]->arena);
        free(zk->log[i]);
    }
    free(zk->log);
    for (int i = 0; i < zk->sessions_count; i++)
        free(zk->sessions[i].missed);
    free(zk->sessions);
    free(zk);
}
