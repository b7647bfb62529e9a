#include "zk/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zookeeper/zookeeper.h>

#include "base/log.h"
#include "base/mem.h"

/* A start that waits longer than this says so. */
#define QUIET_MS         1000
#define RESOLVE_PAUSE_MS 1000
#define SLICE_MS         100
/* How often a session is taken up and closed before its owner, who takes it up again, is believed to live. */
#define END_TURNS 20

/* A handle that a blocking caller waits for. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int state; /* last session state, 0 = none yet */
};

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *arg)
{
    (void)handle;
    (void)path;
    struct waiter *waiter = arg;
    if (type != ZOO_SESSION_EVENT)
        return;
    pthread_mutex_lock(&waiter->lock);
    waiter->state = state;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
}

static void waiter_init(struct waiter *waiter)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&waiter->lock, NULL);
    pthread_cond_init(&waiter->changed, &attr);
    pthread_condattr_destroy(&attr);
    waiter->state = 0;
}

static void waiter_close(struct waiter *waiter)
{
    pthread_mutex_destroy(&waiter->lock);
    pthread_cond_destroy(&waiter->changed);
}

static bool is_final(int state)
{
    return state == ZOO_CONNECTED_STATE || state == ZOO_EXPIRED_SESSION_STATE ||
           state == ZOO_AUTH_FAILED_STATE;
}

static struct timespec after_ms(int ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/*
 * The final state, or 0 when none came in time. What counts is time in which this process ran: one that was
 * stopped finds the clock gone on, and nothing asked meanwhile.
 */
static int waiter_wait(struct waiter *waiter, int timeout_ms)
{
    pthread_mutex_lock(&waiter->lock);
    for (int left_ms = timeout_ms; left_ms > 0 && !is_final(waiter->state); left_ms -= SLICE_MS) {
        struct timespec deadline = after_ms(left_ms < SLICE_MS ? left_ms : SLICE_MS);
        while (!is_final(waiter->state) &&
               pthread_cond_timedwait(&waiter->changed, &waiter->lock, &deadline) == 0)
            ;
    }
    int state = is_final(waiter->state) ? waiter->state : 0;
    pthread_mutex_unlock(&waiter->lock);
    return state;
}

void zk_session_silence_library(void)
{
    zoo_set_debug_level((ZooLogLevel)0);
}

static void say_waiting(const char *hosts, int left_ms, const char *reason)
{
    log_warn("zk", "waiting", "for=\"ZooKeeper at %s\" reason=\"%s\" up_to_ms=%d", hosts, reason, left_ms);
}

/* Opens a session (an old one when `old` is given) and waits for its state. Gives *handle (zookeeper_close).
 */
static enum err open_and_wait(const char *hosts, int timeout_ms, const clientid_t *old, struct waiter *waiter,
                              zhandle_t **handle, int *state, struct errmsg *why)
{
    zk_session_silence_library();
    int left_ms = timeout_ms;
    while (!(*handle = zookeeper_init(hosts, on_event, timeout_ms, old, waiter, 0))) {
        errmsg_set_errno(why, errno, "zookeeper.connect=%s: none of its hosts can be resolved", hosts);
        if (left_ms <= 0)
            return ERR_NOT_FOUND;
        say_waiting(hosts, left_ms, why->text);
        /* The name may come: containers get theirs when they are started. Nothing wakes this wait early. */
        int pause_ms = left_ms < RESOLVE_PAUSE_MS ? left_ms : RESOLVE_PAUSE_MS;
        waiter_wait(waiter, pause_ms);
        left_ms -= pause_ms;
    }
    int quiet_ms = left_ms < QUIET_MS ? left_ms : QUIET_MS;
    *state = waiter_wait(waiter, quiet_ms);
    if (*state == 0 && left_ms > quiet_ms) {
        say_waiting(hosts, left_ms - quiet_ms, "no answer yet");
        *state = waiter_wait(waiter, left_ms - quiet_ms);
    }
    if (*state == 0) {
        errmsg_set(why,
                   "no ZooKeeper server of %s answered within %d ms; is it running? "
                   "(zookeeper.connect, zookeeper.connection.timeout.ms)",
                   hosts, timeout_ms);
        return ERR_REQUEST_TIMED_OUT;
    }
    return ERR_NONE;
}

static enum err create_parents(zhandle_t *handle, const char *chroot, struct errmsg *why)
{
    char *path = mem_strdup(chroot);
    int rc = ZOK;
    for (char *slash = path; slash && (rc == ZOK || rc == ZNODEEXISTS);) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        rc = zoo_create(handle, path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
        if (slash)
            *slash = '/';
    }
    free(path);
    if (rc == ZOK || rc == ZNODEEXISTS)
        return ERR_NONE;
    errmsg_set(why, "create the chroot %s of zookeeper.connect: %s", chroot, zerror(rc));
    bool lost = rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZSESSIONEXPIRED ||
                rc == ZSESSIONMOVED || rc == ZINVALIDSTATE;
    return lost ? ERR_CONNECTION_LOSS : ERR_IO;
}

/* `chroot` NULL: a look whether ZooKeeper answers. ERR_CONNECTION_LOSS: again. */
static enum err ensure_once(const char *hosts, const char *chroot, int timeout_ms, struct errmsg *why)
{
    struct waiter waiter;
    waiter_init(&waiter);
    zhandle_t *handle = NULL;
    int state;
    enum err err = open_and_wait(hosts, timeout_ms, NULL, &waiter, &handle, &state, why);
    if (err == ERR_NONE && state != ZOO_CONNECTED_STATE) {
        errmsg_set(why, "ZooKeeper at %s refused the session", hosts);
        err = state == ZOO_EXPIRED_SESSION_STATE ? ERR_CONNECTION_LOSS : ERR_NO_AUTH;
    }
    if (err == ERR_NONE && chroot)
        err = create_parents(handle, chroot, why);
    if (handle)
        zookeeper_close(handle);
    waiter_close(&waiter);
    return err;
}

enum err zk_session_ensure_chroot(const char *connect, int timeout_ms, struct errmsg *why)
{
    const char *slash = strchr(connect, '/');
    bool has_chroot = slash && slash[1] != '\0';
    char *hosts = slash ? strndup(connect, (size_t)(slash - connect)) : mem_strdup(connect);
    enum err err;
    do
        err = ensure_once(hosts, has_chroot ? slash : NULL, timeout_ms, why);
    while (err == ERR_CONNECTION_LOSS);
    free(hosts);
    return err;
}

/* One turn: takes the session up and closes it. *over = the server did not know it any more. */
static enum err end_once(const char *connect, int timeout_ms, const clientid_t *old, bool *over,
                         struct errmsg *why)
{
    struct waiter waiter;
    waiter_init(&waiter);
    zhandle_t *handle = NULL;
    int state;
    enum err err = open_and_wait(connect, timeout_ms, old, &waiter, &handle, &state, why);
    *over = err == ERR_NONE && state != ZOO_CONNECTED_STATE;
    if (handle)
        zookeeper_close(handle); /* the library tells the server when connected; it does not wait */
    waiter_close(&waiter);
    return err;
}

enum err zk_session_end(const char *connect, int timeout_ms, int64_t id,
                        const uint8_t password[ZK_PASSWORD_BYTES], struct errmsg *why)
{
    clientid_t old = {.client_id = id};
    memcpy(old.passwd, password, ZK_PASSWORD_BYTES);
    bool over = false;
    enum err err = ERR_NONE;
    for (int turn = 0; turn < END_TURNS && err == ERR_NONE && !over; turn++)
        err = end_once(connect, timeout_ms, &old, &over, why);
    if (err != ERR_NONE || over)
        return err;
    errmsg_set(why,
               "the session 0x%llx was taken up and closed %d times and is alive still: "
               "whoever holds it comes back each time",
               (unsigned long long)id, END_TURNS);
    return ERR_LOCKED;
}
