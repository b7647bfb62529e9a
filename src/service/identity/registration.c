/*
 * register:
 *   multi [create, set, set the incarnation]  -> done; czxid is the epoch
 *       one transaction: the incarnation is of this registration if it was written in it
 *   the znode is there   -> whose is it?
 *       my present session      done (the answer to our own write was lost)
 *       a session of this process, or one that may be ended
 *                               end it, again
 *       somebody else's         wait as long as a session may last, then give up
 *
 * The session may expire at any time. Of a start it does not matter when: it begins anew under the next one
 * (registration_begin). Later the owner of the session does that (server/session.c).
 */
#include "service/identity/registration.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/latch.h"
#include "service/identity/session_record.h"
#include "zk/session.h"
#include "zk/znode_json.h"

#define PROBE_TIMEOUT_MS 1000
#define RETRY_PAUSE_MS   250
#define START_PAUSE_MS   1000
/* Sessions of this process that may have left a znode behind. */
#define OWN_SESSIONS_MAX 64

struct registration {
    struct broker *broker;
    struct zk_client *client;
    char *connect;
    int session_timeout_ms;
    char **dirs;
    int dirs_count;
    struct arena arena; /* holds znode */
    struct znode_broker znode;
    char *path;
    struct znode_incarnation incarnation;
    char *incarnation_path;
    int64_t own_sessions[OWN_SESSIONS_MAX]; /* of this process, newest last, cyclic */
    int own_sessions_count;
    _Atomic int64_t registered_session;
};

struct registration *registration_new(struct broker *broker, struct zk_client *client,
                                      const struct registration_config *config)
{
    struct registration *reg = MEM_NEW(struct registration);
    reg->broker = broker;
    reg->client = client;
    reg->connect = mem_strdup(config->connect);
    reg->session_timeout_ms = config->session_timeout_ms;
    reg->dirs = mem_zalloc(sizeof *reg->dirs * (size_t)(config->dirs_count + 1));
    reg->dirs_count = config->dirs_count;
    for (int i = 0; i < config->dirs_count; i++)
        reg->dirs[i] = mem_strdup(config->dirs[i]);
    const struct znode_broker *from = &config->znode;
    reg->znode = *from;
    reg->znode.host = from->host ? arena_strdup(&reg->arena, from->host) : NULL;
    reg->znode.rack = from->rack ? arena_strdup(&reg->arena, from->rack) : NULL;
    reg->znode.endpoints =
        arena_zalloc(&reg->arena, sizeof *reg->znode.endpoints * (size_t)(from->endpoints_count + 1));
    for (int32_t i = 0; i < from->endpoints_count; i++)
        reg->znode.endpoints[i] = (struct znode_endpoint){
            arena_strdup(&reg->arena, from->endpoints[i].listener),
            arena_strdup(&reg->arena, from->endpoints[i].protocol),
            arena_strdup(&reg->arena, from->endpoints[i].host), from->endpoints[i].port};
    reg->path = mem_printf("/brokers/ids/%d", broker->id);
    reg->incarnation = config->incarnation;
    reg->incarnation_path = mem_printf("/barnabas/brokers/%d", broker->id);
    return reg;
}

void registration_free(struct registration *reg)
{
    if (!reg)
        return;
    for (int i = 0; i < reg->dirs_count; i++)
        free(reg->dirs[i]);
    free(reg->dirs);
    free(reg->connect);
    free(reg->path);
    free(reg->incarnation_path);
    arena_close(&reg->arena);
    free(reg);
}

static struct zk_sync sync_of(struct registration *reg)
{
    return (struct zk_sync){reg->broker->zk, reg->broker->zk_loop};
}

/* --- what others advertise ------------------------------------------------------------------------------ */

static bool same_address(const struct znode_endpoint *a, const struct znode_endpoint *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static enum err check_other(const struct registration *reg, const struct zk_op *op,
                            const struct zk_result *found, struct arena *arena, struct errmsg *why)
{
    struct znode_broker other;
    if (found->err == ERR_NOT_FOUND)
        return ERR_NONE;
    if (found->err != ERR_NONE) {
        zk_sync_explain(op, found->err, why);
        return found->err;
    }
    if (znode_decode_broker(found->data, arena, &other, why) != ERR_NONE) {
        log_warn("registration", "broker_znode_unreadable", "path=%s error=\"%s\"", op->path, why->text);
        return ERR_NONE;
    }
    for (int32_t i = 0; i < other.endpoints_count; i++)
        for (int32_t k = 0; k < reg->znode.endpoints_count; k++)
            if (same_address(&other.endpoints[i], &reg->znode.endpoints[k])) {
                errmsg_set(why,
                           "broker %s advertises %s:%d already; change listeners or advertised.listeners",
                           strrchr(op->path, '/') + 1, other.endpoints[i].host, other.endpoints[i].port);
                return ERR_EXISTS;
            }
    return ERR_NONE;
}

enum err registration_check_endpoints(struct registration *reg, struct errmsg *why)
{
    struct zk_sync sync = sync_of(reg);
    struct arena arena = {0};
    const struct view *ids;
    int count;
    enum err err = zk_sync_children(&sync, "/brokers/ids", false, &arena, &ids, &count, why);
    char mine[16];
    snprintf(mine, sizeof mine, "%d", reg->broker->id);
    struct zk_op *ops = arena_zalloc(&arena, sizeof *ops * (size_t)(count + 1));
    struct zk_result *found = arena_zalloc(&arena, sizeof *found * (size_t)(count + 1));
    int others = 0;
    for (int i = 0; i < count; i++)
        if (!view_equal_str(ids[i], mine))
            ops[others++] = (struct zk_op){
                .kind = ZK_OP_GET, .path = arena_printf(&arena, "/brokers/ids/%.*s", VIEW_FMT(ids[i]))};
    zk_sync_calls(&sync, ops, others, &arena, found);
    for (int i = 0; i < others && err == ERR_NONE; i++)
        err = check_other(reg, &ops[i], &found[i], &arena, why);
    arena_close(&arena);
    return err;
}

/* --- sessions of before --------------------------------------------------------------------------------- */

static bool is_own_session(const struct registration *reg, int64_t session_id)
{
    int count = reg->own_sessions_count < OWN_SESSIONS_MAX ? reg->own_sessions_count : OWN_SESSIONS_MAX;
    for (int i = 0; i < count; i++)
        if (reg->own_sessions[i] == session_id)
            return true;
    return false;
}

struct credentials {
    struct registration *reg;
    struct session_record record;
    bool known;
};

static void ask_credentials(void *arg, bool discard)
{
    struct credentials *ask = arg;
    ask->known =
        !discard && zk_client_credentials(ask->reg->client, &ask->record.session_id, ask->record.password);
}

/* The present session; false when there is none. */
static bool ask_session(struct registration *reg, struct session_record *out)
{
    struct credentials ask = {.reg = reg};
    loop_call(reg->broker->zk_loop, ask_credentials, &ask, "zk_credentials");
    *out = ask.record;
    return ask.known;
}

/* Remembered before the znode is made: the answer to that write may be lost. */
static int64_t remember_session(struct registration *reg)
{
    struct session_record present;
    if (!ask_session(reg, &present))
        return 0;
    if (!is_own_session(reg, present.session_id))
        reg->own_sessions[reg->own_sessions_count++ % OWN_SESSIONS_MAX] = present.session_id;
    return present.session_id;
}

/* For the next process, should this one die. */
static void record_session(struct registration *reg)
{
    struct session_record present;
    if (!ask_session(reg, &present))
        return;
    session_record_of_self(&present);
    present.broker_id = reg->broker->id;
    for (int i = 0; i < reg->dirs_count; i++) {
        struct errmsg why;
        if (!session_record_write(reg->dirs[i], &present, &why))
            log_warn("registration", "session_not_recorded",
                     "error=\"%s\" effect=\"a restart after a crash waits for the session to expire\"",
                     why.text);
    }
}

int64_t registration_session(const struct registration *reg)
{
    return atomic_load(&reg->registered_session);
}

/* Does anything accept connections at this address? A doubt counts as yes. */
static bool address_answers(const char *host, int port)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return true;
    bool answers = false;
    for (const struct addrinfo *at = found; at && !answers; at = at->ai_next) {
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            answers = true;
            break;
        }
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
            answers = true;
        } else {
            struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
            int error = 0;
            socklen_t len = sizeof error;
            bool settled = poll(&poll_fd, 1, PROBE_TIMEOUT_MS) == 1 &&
                           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0;
            answers = !settled || error != ECONNREFUSED;
        }
        close(fd);
    }
    freeaddrinfo(found);
    return answers;
}

/* May the session that holds our znode be ended? Finds its record if so. */
static bool may_take_over(struct registration *reg, int64_t owner, const struct znode_broker *registered,
                          struct session_record *record)
{
    bool found = false;
    for (int i = 0; i < reg->dirs_count && !found; i++)
        found = session_record_read(reg->dirs[i], record) && record->session_id == owner &&
                record->broker_id == reg->broker->id;
    if (!found || !session_record_is_orphaned(record))
        return false;
    /* Our own listeners are bound already where the address is the same: only a foreign one can be probed. */
    for (int32_t i = 0; i < registered->endpoints_count; i++) {
        bool ours = false;
        for (int32_t k = 0; k < reg->znode.endpoints_count; k++)
            ours |= same_address(&registered->endpoints[i], &reg->znode.endpoints[k]);
        if (!ours && address_answers(registered->endpoints[i].host, registered->endpoints[i].port))
            return false;
    }
    return true;
}

/* --- registering ---------------------------------------------------------------------------------------- */

/* ERR_CONNECTION_LOSS: again. */
static enum err create_znode(struct registration *reg, int64_t *epoch, struct errmsg *why)
{
    struct zk_sync sync = sync_of(reg);
    struct buf json = {0};
    reg->znode.timestamp_ms = clock_wall_ms(reg->broker->clock);
    znode_encode_broker(&reg->znode, &json);
    struct buf incarnation = {0};
    bool publishes = !uuid_is_zero(reg->incarnation.id);
    if (publishes)
        znode_encode_incarnation(&reg->incarnation, &incarnation);
    struct zk_op ops[3] = {
        {.kind = ZK_OP_CREATE, .path = reg->path, .ephemeral = true},
        {.kind = ZK_OP_SET, .path = reg->path, .data = buf_view(&json), .version = 0},
        {.kind = ZK_OP_SET,
         .path = reg->incarnation_path,
         .data = buf_view(&incarnation),
         .version = ZK_ANY_VERSION},
    };
    struct zk_op multi = {.kind = ZK_OP_MULTI, .ops = ops, .ops_count = publishes ? 3 : 2};
    struct arena arena = {0};
    struct zk_result result;
    enum err err = zk_sync_call(&sync, &multi, &arena, &result, why);
    if (err == ERR_NONE)
        *epoch = result.results[1].stat.czxid;
    if (err == ERR_NOT_FOUND && publishes) { /* deleted by hand; the caller tries again */
        err = zk_sync_create_path(&sync, reg->incarnation_path, buf_view(&incarnation), why);
        err = err == ERR_NONE || err == ERR_EXISTS ? ERR_CONNECTION_LOSS : err;
    }
    arena_close(&arena);
    buf_close(&incarnation);
    buf_close(&json);
    return err;
}

static enum err delete_znode(struct registration *reg, struct errmsg *why)
{
    struct zk_sync sync = sync_of(reg);
    struct zk_op op = {.kind = ZK_OP_DELETE, .path = reg->path, .version = ZK_ANY_VERSION};
    struct zk_result result;
    enum err err = zk_sync_call(&sync, &op, NULL, &result, why);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum owner_kind { OWNER_NOBODY, OWNER_ME, OWNER_GHOST, OWNER_ORPHAN, OWNER_STRANGER };

/* Who holds the znode, and what to do about it. */
static enum err find_owner(struct registration *reg, int64_t session_id, enum owner_kind *kind,
                           struct session_record *record, int64_t *epoch, struct errmsg *why)
{
    struct zk_sync sync = sync_of(reg);
    struct arena arena = {0};
    struct view json;
    struct zk_stat stat;
    enum err err = zk_sync_get(&sync, reg->path, false, &arena, &json, &stat, why);
    *kind = OWNER_STRANGER;
    if (err == ERR_NOT_FOUND) {
        *kind = OWNER_NOBODY;
        err = ERR_NONE;
    } else if (err == ERR_NONE) {
        struct znode_broker registered = {0};
        bool readable = znode_decode_broker(json, &arena, &registered, NULL) == ERR_NONE;
        *epoch = stat.czxid;
        if (stat.ephemeral_owner == session_id)
            *kind = OWNER_ME;
        else if (is_own_session(reg, stat.ephemeral_owner))
            *kind = OWNER_GHOST;
        else if (readable && may_take_over(reg, stat.ephemeral_owner, &registered, record))
            *kind = OWNER_ORPHAN;
    }
    arena_close(&arena);
    return err;
}

static void pause_ms(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* The znode is somebody else's. */
struct patience {
    int64_t deadline_ms; /* 0 = not begun */
    int64_t looked_ms;   /* when it was last found there */
};

/*
 * Until when shall we wait? A turn that took long says that ZooKeeper was away, or this process stopped: the
 * other session's time began anew, or there was nobody to see it end.
 */
static enum err wait_for_expiry(struct registration *reg, struct patience *patience, struct errmsg *why)
{
    int64_t now_ms = clock_mono_ms(reg->broker->clock);
    bool was_away = now_ms - patience->looked_ms > reg->session_timeout_ms / 2;
    patience->looked_ms = now_ms;
    if (patience->deadline_ms == 0 || was_away) {
        patience->deadline_ms = now_ms + reg->session_timeout_ms + reg->session_timeout_ms / 2;
        log_warn("registration", "id_is_registered",
                 "path=%s effect=\"waiting up to %d ms for that session to expire; it is not one that this "
                 "broker may end\"",
                 reg->path, reg->session_timeout_ms + reg->session_timeout_ms / 2);
    }
    if (now_ms >= patience->deadline_ms) {
        errmsg_set(why, "%s belongs to a live session: another broker with broker.id=%d is running",
                   reg->path, reg->broker->id);
        return ERR_EXISTS;
    }
    pause_ms(RETRY_PAUSE_MS);
    return ERR_NONE;
}

static enum err resolve_conflict(struct registration *reg, int64_t session_id, bool *registered,
                                 int64_t *epoch, struct patience *patience, struct errmsg *why)
{
    enum owner_kind kind;
    struct session_record record;
    enum err err = find_owner(reg, session_id, &kind, &record, epoch, why);
    if (err != ERR_NONE)
        return err == ERR_CONNECTION_LOSS ? ERR_NONE : err;
    switch (kind) {
    case OWNER_NOBODY:
        return ERR_NONE;
    case OWNER_ME:
        *registered = true;
        return ERR_NONE;
    case OWNER_GHOST:
        log_info("registration", "ghost_removed",
                 "path=%s reason=\"left by an earlier session of this process\"", reg->path);
        err = delete_znode(reg, why);
        return err == ERR_CONNECTION_LOSS ? ERR_NONE : err;
    case OWNER_ORPHAN:
        log_info("registration", "old_session_ended",
                 "path=%s session=0x%llx reason=\"its process %d is gone\"", reg->path,
                 (unsigned long long)record.session_id, (int)record.pid);
        return zk_session_end(reg->connect, reg->session_timeout_ms, record.session_id, record.password, why);
    case OWNER_STRANGER:
        return wait_for_expiry(reg, patience, why);
    }
    return ERR_NONE;
}

enum err registration_register(struct registration *reg, int64_t *epoch, struct errmsg *why)
{
    bool registered = false;
    struct patience patience = {0};
    int64_t session_id = 0;
    while (!registered) {
        session_id = remember_session(reg);
        enum err err = create_znode(reg, epoch, why);
        if (err == ERR_NONE)
            break;
        if (err == ERR_CONNECTION_LOSS)
            continue;
        if (err != ERR_EXISTS)
            return err;
        err = resolve_conflict(reg, session_id, &registered, epoch, &patience, why);
        if (err != ERR_NONE)
            return err;
    }
    record_session(reg);
    atomic_store(&reg->registered_session, session_id);
    atomic_store(&reg->broker->epoch, *epoch);
    log_info("registration", "registered", "path=%s epoch=%lld", reg->path, (long long)*epoch);
    return ERR_NONE;
}

/* Will it be otherwise when ZooKeeper answers again? */
static bool passes(enum err err)
{
    return zk_sync_is_unclear(err) || err == ERR_REQUEST_TIMED_OUT || err == ERR_NOT_FOUND;
}

enum err registration_begin(struct registration *reg, int64_t *epoch, struct errmsg *why)
{
    for (;;) {
        enum err err = registration_check_endpoints(reg, why);
        if (err == ERR_NONE)
            err = registration_register(reg, epoch, why);
        if (!passes(err))
            return err;
        log_warn("registration", "not_registered", "error=\"%s\" retry_ms=%d", why->text, START_PAUSE_MS);
        pause_ms(START_PAUSE_MS);
    }
}
