/*
 * The session's events arrive on a loop of its own; the main thread waits for
 * the first of them, then calls zk_sync_*. When the connection is lost and does
 * not come back, a worker closes the session: every call that waits is answered
 * ERR_CLOSED then.
 */
#include "cli/zk_admin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cli/addresses.h"
#include "cli/connection.h"
#include "disk/posix_clock.h"
#include "loop/loop.h"
#include "loop/workers.h"
#include "zk/client.h"
#include "zk/znode_json.h"

#define SESSION_TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 10000
#define PROBE_TIMEOUT_MS   3000
#define LOST_TIMEOUT_MS    30000
#define MS_PER_S           1000

struct zk_admin {
    struct clock clock;
    struct loop *loop;
    struct workers *workers;
    struct zk_client *client;
    struct zk_sync sync;
    struct loop_timer lost;
    struct work give_up;
    pthread_mutex_t lock;
    pthread_cond_t opened_cond;
    bool opened; /* under the lock */
    bool closed; /* under the lock: the client was closed, by whomever */
};

/* --- the session ------------------------------------------------------------------------------------ */

static void close_client(struct zk_admin *admin)
{
    pthread_mutex_lock(&admin->lock);
    bool first = !admin->closed;
    admin->closed = true;
    pthread_mutex_unlock(&admin->lock);
    if (first)
        zk_client_close(admin->client);
}

static void run_give_up(struct work *work)
{
    close_client(CONTAINER_OF(work, struct zk_admin, give_up));
}

static void done_give_up(struct work *work, bool discard)
{
    (void)work;
    (void)discard;
}

static void on_lost(struct loop_timer *timer, int64_t now_ms)
{
    struct zk_admin *admin = CONTAINER_OF(timer, struct zk_admin, lost);
    (void)now_ms;
    workers_submit(admin->workers, &admin->give_up);
}

static void on_session(void *arg, enum zk_session_event event, int64_t session_id)
{
    struct zk_admin *admin = arg;
    (void)session_id;
    switch (event) {
    case ZK_SESSION_CONNECTED:
    case ZK_SESSION_OPENED:
        loop_timer_cancel(admin->loop, &admin->lost);
        pthread_mutex_lock(&admin->lock);
        admin->opened = true;
        pthread_cond_signal(&admin->opened_cond);
        pthread_mutex_unlock(&admin->lock);
        break;
    case ZK_SESSION_DISCONNECTED:
    case ZK_SESSION_EXPIRED:
        if (!loop_timer_is_armed(&admin->lost))
            loop_timer_arm(admin->loop, &admin->lost, loop_now_ms(admin->loop) + LOST_TIMEOUT_MS);
        break;
    }
}

static void on_watch(void *arg, enum zk_watch_kind kind, const char *path)
{
    (void)arg;
    (void)kind;
    (void)path;
}

/* The library tries for ever and without a word, so one look beforehand tells what is wrong. */
static bool probe(const char *connect, struct errmsg *why)
{
    struct addresses servers;
    char *hosts = view_to_cstr(view_of(connect, strcspn(connect, "/")));
    bool fine = false;
    if (addresses_parse(hosts, "zookeeper.connect", &servers, why)) {
        for (int i = 0; i < servers.count && !fine; i++)
            fine = connection_probe(servers.items[i].host, servers.items[i].port, PROBE_TIMEOUT_MS, why);
        if (!fine)
            errmsg_prefix(why, "ZooKeeper");
        addresses_close(&servers);
    }
    free(hosts);
    return fine;
}

static bool wait_opened(struct zk_admin *admin)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += CONNECT_TIMEOUT_MS / MS_PER_S;
    int rc = 0;
    pthread_mutex_lock(&admin->lock);
    while (!admin->opened && rc == 0)
        rc = pthread_cond_timedwait(&admin->opened_cond, &admin->lock, &at);
    bool opened = admin->opened;
    pthread_mutex_unlock(&admin->lock);
    return opened;
}

static void init_lock(struct zk_admin *admin)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&admin->lock, NULL);
    pthread_cond_init(&admin->opened_cond, &attr);
    pthread_condattr_destroy(&attr);
}

struct zk_admin *zk_admin_open(const char *connect, struct errmsg *why)
{
    if (!probe(connect, why))
        return NULL;
    struct zk_admin *admin = MEM_NEW(struct zk_admin);
    admin->clock = clock_posix();
    init_lock(admin);
    admin->lost.fire = on_lost;
    admin->give_up = (struct work){.run = run_give_up, .done = done_give_up, .label = "zk_admin"};
    admin->loop = loop_new("zk-admin", &admin->clock, why);
    if (admin->loop == NULL) {
        free(admin);
        return NULL;
    }
    /* Two: one may be opening the session while the other gives it up. */
    admin->workers = workers_new(2);
    struct zk_client_config config = {.connect = connect, .session_timeout_ms = SESSION_TIMEOUT_MS};
    struct zk_events events = {.arg = admin, .watch = on_watch, .session = on_session};
    admin->client = zk_client_new(&config, admin->loop, admin->workers, &events);
    admin->sync = (struct zk_sync){zk_client_port(admin->client), admin->loop};
    loop_start(admin->loop);
    zk_client_open(admin->client);
    if (wait_opened(admin))
        return admin;
    errmsg_set(why, "ZooKeeper at %.120s opens no session in %d s (is a quorum of its servers up?)", connect,
               CONNECT_TIMEOUT_MS / MS_PER_S);
    zk_admin_close(admin);
    return NULL;
}

void zk_admin_close(struct zk_admin *admin)
{
    if (admin == NULL)
        return;
    close_client(admin);
    workers_stop(admin->workers);
    loop_stop(admin->loop);
    loop_join(admin->loop);
    zk_client_free(admin->client);
    workers_free(admin->workers);
    loop_free(admin->loop);
    pthread_cond_destroy(&admin->opened_cond);
    pthread_mutex_destroy(&admin->lock);
    free(admin);
}

struct zk_sync *zk_admin_sync(struct zk_admin *admin)
{
    return &admin->sync;
}

/* --- reading ---------------------------------------------------------------------------------------- */

enum err zk_admin_exists(struct zk_admin *admin, const char *path, bool *out, struct errmsg *why)
{
    struct zk_op op = {.kind = ZK_OP_EXISTS, .path = path};
    struct zk_result result;
    enum err err = zk_sync_call(&admin->sync, &op, NULL, &result, why);
    *out = err == ERR_NONE;
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

enum err zk_admin_broker_ids(struct zk_admin *admin, struct arena *arena, struct znode_ids *out,
                             struct errmsg *why)
{
    const struct view *names;
    int count;
    enum err err = zk_sync_children(&admin->sync, "/brokers/ids", false, arena, &names, &count, why);
    if (err == ERR_NOT_FOUND)
        errmsg_set(why, "There is no /brokers/ids: no broker was ever started here (is the chroot right?)");
    *out = (struct znode_ids){arena_zalloc(arena, (size_t)count * sizeof(int32_t)), count};
    for (int i = 0; i < count; i++)
        out->ids[i] = (int32_t)strtol(arena_cstr(arena, names[i]), NULL, 10);
    qsort(out->ids, (size_t)count, sizeof *out->ids, compare_ids);
    return err;
}

/* --- settings --------------------------------------------------------------------------------------- */

enum err zk_admin_read_config(struct zk_admin *admin, const char *entity, struct arena *arena,
                              struct znode_config *out, int32_t *version, struct errmsg *why)
{
    const char *path = arena_printf(arena, "/config/%s", entity);
    struct view data;
    struct zk_stat stat;
    *out = (struct znode_config){0};
    *version = ZK_ADMIN_ABSENT;
    enum err err = zk_sync_get(&admin->sync, path, false, arena, &data, &stat, why);
    if (err == ERR_NOT_FOUND)
        return ERR_NONE;
    if (err != ERR_NONE)
        return err;
    *version = stat.version;
    return znode_decode_config(data, arena, out, why);
}

static enum err make_parent(struct zk_admin *admin, const char *path, struct errmsg *why)
{
    char *parent = view_to_cstr(view_of(path, (size_t)(strrchr(path, '/') - path)));
    enum err err = zk_sync_create_path(&admin->sync, parent, VIEW_NULL, why);
    free(parent);
    return err == ERR_EXISTS ? ERR_NONE : err;
}

enum err zk_admin_write_config(struct zk_admin *admin, const char *entity, const struct znode_config *config,
                               int32_t version, struct errmsg *why)
{
    struct buf data = {0}, change = {0};
    char *path = mem_printf("/config/%s", entity);
    znode_encode_config(config, &data);
    znode_encode_config_change(entity, &change);
    enum err err = make_parent(admin, path, why);
    if (err == ERR_NONE)
        err = make_parent(admin, "/config/changes/config_change_", why);
    if (err == ERR_NONE) {
        struct zk_op ops[] = {
            {.kind = version == ZK_ADMIN_ABSENT ? ZK_OP_CREATE : ZK_OP_SET,
             .path = path,
             .data = buf_view(&data),
             .version = version},
            {.kind = ZK_OP_CREATE,
             .path = "/config/changes/config_change_",
             .data = buf_view(&change),
             .sequential = true},
        };
        struct zk_op multi = {.kind = ZK_OP_MULTI, .ops = ops, .ops_count = ARRAY_LEN(ops)};
        struct zk_result result;
        err = zk_sync_call(&admin->sync, &multi, NULL, &result, why);
    }
    free(path);
    buf_close(&data);
    buf_close(&change);
    return err;
}

static bool is_removed(const char *name, const struct zk_admin_edits *edits)
{
    for (int i = 0; i < edits->remove_count; i++)
        if (strcmp(name, edits->remove[i]) == 0)
            return true;
    return false;
}

static struct znode_config_entry *find_entry(struct znode_config *config, const char *name)
{
    for (int32_t i = 0; i < config->count; i++)
        if (strcmp(config->entries[i].name, name) == 0)
            return &config->entries[i];
    return NULL;
}

void zk_admin_edit_config(const struct znode_config *from, const struct zk_admin_edits *edits,
                          struct arena *arena, struct znode_config *out)
{
    size_t room = (size_t)from->count + (size_t)edits->set_count + 1;
    *out = (struct znode_config){arena_zalloc(arena, room * sizeof *out->entries), 0};
    for (int32_t i = 0; i < from->count; i++)
        if (!is_removed(from->entries[i].name, edits))
            out->entries[out->count++] = from->entries[i];
    for (int i = 0; i < edits->set_count; i++) {
        if (is_removed(edits->set[i].name, edits))
            continue;
        struct znode_config_entry *entry = find_entry(out, edits->set[i].name);
        if (entry == NULL)
            entry = &out->entries[out->count++];
        *entry = edits->set[i];
    }
}
