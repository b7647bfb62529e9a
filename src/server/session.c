#include "server/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/controller/controller_loop.h"
#include "service/count.h"
#include "service/identity/registration.h"
#include "service/identity/suspected.h"
#include "service/settings/config_changes.h"

#define RETRY_MS 1000

struct session {
    struct broker *broker;
    struct zk_client *client;
    struct config_changes *changes;

    /* ZooKeeper loop. */
    int64_t id;
    bool following;
    bool registering;
    bool again; /* another session was opened meanwhile */
    bool closed;
    char *own_path; /* the registration's znode; NULL until the session is followed */
    struct suspected *suspected;
    struct loop_timer retry;
    struct work work;
    enum err result;
    struct errmsg why;
    int64_t epoch;
    struct loop_message follow_message;
};

static void begin_registering(struct session *session);

/* --- the registration's znode ---------------------------------------------------------------------------
 *
 * It may be deleted by hand, or by a script that takes this broker for dead, while the session lives on.
 * Kafka's broker stays unknown to its cluster then until it is restarted. And another broker with this id may
 * have made it meanwhile: only one of them can be that broker (registration_register).
 */

static void own_znode_seen(void *arg, const struct zk_result *result)
{
    struct session *session = arg;
    bool gone = result->err == ERR_NOT_FOUND;
    bool taken = result->err == ERR_NONE && result->stat.ephemeral_owner != session->id;
    if ((!gone && !taken) || session->id == 0 || session->closed)
        return;
    if (gone)
        log_warn("registration", "registration_gone",
                 "path=%s reason=\"somebody else deleted it\" effect=\"it is made again\"",
                 session->own_path);
    else
        log_error("registration", "registration_taken",
                  "path=%s session=0x%llx reason=\"somebody else deleted it and made it\" effect=\"this "
                  "broker ends unless that session does\"",
                  session->own_path, (unsigned long long)result->stat.ephemeral_owner);
    begin_registering(session);
}

static void watch_own_znode(struct session *session)
{
    struct zk_op op = {.kind = ZK_OP_EXISTS, .path = session->own_path, .watch = true};
    zk_submit(session->broker->zk, &op, own_znode_seen, session);
}

static void watch_znodes(struct session *session)
{
    watch_own_znode(session);
    suspected_watch(session->suspected, session->epoch);
}

/* --- registering again ---------------------------------------------------------------------------------- */

static void register_run(struct work *work)
{
    struct session *session = CONTAINER_OF(work, struct session, work);
    session->result = registration_register(session->broker->registration, &session->epoch, &session->why);
}

static void register_done(struct work *work, bool discard)
{
    struct session *session = CONTAINER_OF(work, struct session, work);
    session->registering = false;
    if (discard || session->closed)
        return;
    if (session->again) {
        session->again = false;
        begin_registering(session);
    } else if (session->result == ERR_NONE) {
        atomic_store(&session->broker->registered, session->id != 0);
        watch_znodes(session);
        controller_loop_registered(session->broker->controller, session->id, session->epoch);
        config_changes_kick(session->changes);
    } else if (session->result == ERR_EXISTS) {
        /* Never go on as a broker that the cluster does not know (KAFKA-14845). */
        log_error("registration", "id_taken", "error=\"%s\" effect=\"the broker ends\"", session->why.text);
        _Exit(1);
    } else if (session->result != ERR_SESSION_EXPIRED) {
        log_warn("registration", "not_registered", "error=\"%s\" retry_ms=%d", session->why.text, RETRY_MS);
        loop_timer_arm(session->broker->zk_loop, &session->retry,
                       loop_now_ms(session->broker->zk_loop) + RETRY_MS);
    }
}

static void begin_registering(struct session *session)
{
    if (session->registering) {
        session->again = true;
        return;
    }
    session->registering = true;
    session->work = (struct work){
        .home = session->broker->zk_loop, .run = register_run, .done = register_done, .label = "register"};
    workers_submit(session->broker->workers, &session->work);
}

static void retry_fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct session *session = CONTAINER_OF(timer, struct session, retry);
    if (session->id != 0 && !session->closed)
        begin_registering(session);
}

/* --- events --------------------------------------------------------------------------------------------- */

static void on_opened(struct session *session, int64_t id)
{
    session->id = id;
    log_info("zk", "session_opened", "session=0x%llx", (unsigned long long)id);
    if (session->following)
        begin_registering(session);
}

static void on_session(void *arg, enum zk_session_event event, int64_t id)
{
    struct session *session = arg;
    struct metrics_shard *shard = count_shard(session->broker);
    switch (event) {
    case ZK_SESSION_OPENED:
        on_opened(session, id);
        break;
    case ZK_SESSION_EXPIRED:
        session->id = 0;
        atomic_store(&session->broker->registered, false);
        metrics_add(shard, METRIC_ZK_EXPIRES, 1);
        loop_timer_cancel(session->broker->zk_loop, &session->retry);
        if (session->following) {
            suspected_forget(session->suspected);
            controller_loop_expired(session->broker->controller);
        }
        break;
    case ZK_SESSION_CONNECTED:
        metrics_add(shard, METRIC_ZK_CONNECTS, 1);
        metrics_set(shard, METRIC_ZK_CONNECTED, 1);
        log_info("zk", "connected", "session=0x%llx", (unsigned long long)id);
        break;
    case ZK_SESSION_DISCONNECTED:
        metrics_add(shard, METRIC_ZK_DISCONNECTS, 1);
        metrics_set(shard, METRIC_ZK_CONNECTED, 0);
        log_warn("zk", "disconnected", "session=0x%llx", (unsigned long long)id);
        break;
    }
}

static void on_watch(void *arg, enum zk_watch_kind kind, const char *path)
{
    struct session *session = arg;
    if (!session->following)
        return;
    if (strcmp(path, CONFIG_CHANGES_PATH) == 0) {
        config_changes_kick(session->changes);
        return;
    }
    if (strcmp(path, session->own_path) == 0 && kind != ZK_WATCH_CHILDREN)
        watch_own_znode(session);
    suspected_on_watch(session->suspected, path);
    controller_loop_watch(session->broker->controller, kind, path);
}

/* --- lifecycle ------------------------------------------------------------------------------------------ */

struct session *session_new(struct broker *broker, const char *connect, int timeout_ms)
{
    struct session *session = MEM_NEW(struct session);
    session->broker = broker;
    session->retry.fire = retry_fired;
    struct zk_client_config config = {.connect = connect, .session_timeout_ms = timeout_ms};
    struct zk_events events = {.arg = session, .watch = on_watch, .session = on_session};
    session->client = zk_client_new(&config, broker->zk_loop, broker->workers, &events);
    zk_client_open(session->client);
    return session;
}

struct zk_client *session_client(struct session *session)
{
    return session->client;
}

static void follow_on_loop(struct loop_message *msg, bool discard)
{
    struct session *session = CONTAINER_OF(msg, struct session, follow_message);
    if (discard)
        return;
    session->following = true;
    bool registered = session->id != 0 && session->id == registration_session(session->broker->registration);
    atomic_store(&session->broker->registered, registered);
    if (session->id == 0)
        return; /* expired meanwhile: the next one registers */
    if (!registered) {
        begin_registering(session); /* expired, and another opened, between the registration and now */
        return;
    }
    watch_znodes(session);
    controller_loop_registered(session->broker->controller, session->id, session->epoch);
}

void session_follow(struct session *session, struct config_changes *changes, int64_t epoch)
{
    session->changes = changes;
    session->epoch = epoch;
    session->own_path = mem_printf("/brokers/ids/%d", session->broker->id);
    session->suspected = suspected_new(session->broker);
    session->follow_message = (struct loop_message){.run = follow_on_loop, .label = "zk_follow"};
    loop_post(session->broker->zk_loop, &session->follow_message);
}

void session_refuse(struct session *session)
{
    zk_client_refuse(session->client);
}

void session_hurry(struct session *session)
{
    if (session)
        zk_client_hurry(session->client);
}

void session_close(struct session *session)
{
    if (session)
        zk_client_close(session->client);
}

void session_free(struct session *session)
{
    if (!session)
        return;
    zk_client_free(session->client);
    free(session->own_path);
    suspected_free(session->suspected);
    free(session);
}
