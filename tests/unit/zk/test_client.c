/*
 * The ZooKeeper port on the C client, against a real server that is stopped, killed and started again.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix_clock.h"
#include "server.h"
#include "suites.h"
#include "zk/client.h"
#include "zk/session.h"
#include "zk/sync.h"

#define SESSION_MS    3000
#define OUTLASTING_MS 30000 /* a session that neither a slow machine nor a restart of the server ends */
#define PATIENCE_S    60

static struct zk_server server;

/* One session with its loop. */
struct rig {
    struct clock clock;
    struct loop *loop;
    struct workers *workers;
    struct zk_client *client;
    struct zk_sync sync;
    struct arena arena;
    struct errmsg why;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int events[4]; /* by kind of session event */
    int64_t session_id;
    int watches;
    enum zk_watch_kind last_kind;
    char last_path[128];
};

static void on_session(void *arg, enum zk_session_event event, int64_t session_id)
{
    struct rig *rig = arg;
    pthread_mutex_lock(&rig->lock);
    rig->events[event]++;
    if (event == ZK_SESSION_OPENED)
        rig->session_id = session_id;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static void on_watch(void *arg, enum zk_watch_kind kind, const char *path)
{
    struct rig *rig = arg;
    pthread_mutex_lock(&rig->lock);
    rig->watches++;
    rig->last_kind = kind;
    snprintf(rig->last_path, sizeof rig->last_path, "%s", path);
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static void await(struct rig *rig, const int *counter, int wanted)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    int rc = 0;
    pthread_mutex_lock(&rig->lock);
    while (*counter < wanted && rc == 0)
        rc = pthread_cond_timedwait(&rig->changed, &rig->lock, &deadline);
    ck_assert_int_ge(*counter, wanted);
    pthread_mutex_unlock(&rig->lock);
}

static char *connect_text(const char *chroot)
{
    return mem_printf("127.0.0.1:%d%s", server.port, chroot);
}

static void rig_open_for(struct rig *rig, const char *chroot, int session_ms)
{
    *rig = (struct rig){.clock = clock_posix()};
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig->loop = loop_new("zk", &rig->clock, &rig->why);
    ck_assert_ptr_nonnull(rig->loop);
    rig->workers = workers_new(2);
    char *connect = connect_text(chroot);
    struct zk_client_config config = {.connect = connect, .session_timeout_ms = session_ms};
    struct zk_events events = {.arg = rig, .watch = on_watch, .session = on_session};
    rig->client = zk_client_new(&config, rig->loop, rig->workers, &events);
    free(connect);
    rig->sync = (struct zk_sync){zk_client_port(rig->client), rig->loop};
    loop_start(rig->loop);
    zk_client_open(rig->client);
}

static void rig_open(struct rig *rig, const char *chroot)
{
    rig_open_for(rig, chroot, OUTLASTING_MS);
}

/* What is left after zk_client_close. */
static void rig_close_rest(struct rig *rig)
{
    workers_stop(rig->workers);
    loop_stop(rig->loop);
    loop_join(rig->loop);
    zk_client_free(rig->client);
    workers_free(rig->workers);
    loop_free(rig->loop);
    arena_close(&rig->arena);
    pthread_mutex_destroy(&rig->lock);
    pthread_cond_destroy(&rig->changed);
}

static void rig_close(struct rig *rig)
{
    zk_client_close(rig->client);
    rig_close_rest(rig);
}

static enum err call(struct rig *rig, struct zk_op op, struct zk_result *result)
{
    return zk_sync_call(&rig->sync, &op, &rig->arena, result, &rig->why);
}

static enum err create(struct rig *rig, const char *path, const char *data, bool ephemeral)
{
    struct zk_result result;
    return call(rig,
                (struct zk_op){.kind = ZK_OP_CREATE,
                               .path = path,
                               .data = data ? view_str(data) : VIEW_NULL,
                               .ephemeral = ephemeral},
                &result);
}

static enum err exists(struct rig *rig, const char *path, bool watch)
{
    struct zk_result result;
    return call(rig, (struct zk_op){.kind = ZK_OP_EXISTS, .path = path, .watch = watch}, &result);
}

/* A path of this test alone. */
static const char *own(struct rig *rig, const char *name)
{
    return arena_printf(&rig->arena, "/%s-%d", name, (int)getpid());
}

/* --- operations -------------------------------------------------------------------------------------------
 */

START_TEST(operations_answer_as_the_port_says)
{
    struct rig rig;
    rig_open(&rig, "");
    const char *path = own(&rig, "ops");
    struct zk_result result;
    ck_assert_int_eq(exists(&rig, path, false), ERR_NOT_FOUND);
    ck_assert_int_eq(create(&rig, path, "one", false), ERR_NONE);
    ck_assert_int_eq(create(&rig, path, "one", false), ERR_EXISTS);
    ck_assert_int_eq(call(&rig, (struct zk_op){.kind = ZK_OP_GET, .path = path}, &result), ERR_NONE);
    ck_assert(view_equal_str(result.data, "one"));
    ck_assert_int_eq(result.stat.version, 0);
    ck_assert_int_eq(
        call(&rig, (struct zk_op){.kind = ZK_OP_SET, .path = path, .data = VIEW_NULL, .version = 0}, &result),
        ERR_NONE);
    ck_assert_int_eq(result.stat.version, 1);
    ck_assert_int_eq(
        call(&rig, (struct zk_op){.kind = ZK_OP_SET, .path = path, .data = VIEW_NULL, .version = 0}, &result),
        ERR_BAD_VERSION);
    ck_assert_int_eq(call(&rig, (struct zk_op){.kind = ZK_OP_GET, .path = path}, &result), ERR_NONE);
    ck_assert_uint_eq(result.data.len, 0);
    const char *b = arena_printf(&rig.arena, "%s/b", path);
    const char *a = arena_printf(&rig.arena, "%s/a", path);
    ck_assert_int_eq(create(&rig, b, NULL, true), ERR_NONE);
    ck_assert_int_eq(create(&rig, a, NULL, true), ERR_NONE);
    ck_assert_int_eq(call(&rig, (struct zk_op){.kind = ZK_OP_CHILDREN, .path = path}, &result), ERR_NONE);
    ck_assert_int_eq(result.children_count, 2);
    ck_assert(view_equal_str(result.children[0], "a"));
    ck_assert_int_eq(
        call(&rig, (struct zk_op){.kind = ZK_OP_DELETE, .path = path, .version = ZK_ANY_VERSION}, &result),
        ERR_NOT_EMPTY);
    struct zk_op numbered = {.kind = ZK_OP_CREATE, .path = b, .sequential = true};
    ck_assert_int_eq(call(&rig, numbered, &result), ERR_NONE);
    ck_assert_uint_eq(result.path.len, strlen(b) + 10);
    rig_close(&rig);
}
END_TEST

START_TEST(multi_is_all_or_nothing_and_tells_which_failed)
{
    struct rig rig;
    rig_open(&rig, "");
    const char *path = own(&rig, "multi");
    const char *child = arena_printf(&rig.arena, "%s/child", path);
    struct zk_op ops[] = {{.kind = ZK_OP_CREATE, .path = path, .data = VIEW_LIT("x")},
                          {.kind = ZK_OP_SET, .path = path, .data = VIEW_LIT("y"), .version = 0},
                          {.kind = ZK_OP_CREATE, .path = child},
                          {.kind = ZK_OP_CHECK, .path = path, .version = 1}};
    struct zk_op multi = {.kind = ZK_OP_MULTI, .ops = ops, .ops_count = 4};
    struct zk_result result;
    ops[3].version = 7;
    ck_assert_int_eq(call(&rig, multi, &result), ERR_BAD_VERSION);
    ck_assert_int_eq(result.results_count, 4);
    ck_assert_int_eq(result.results[0].err, ERR_IO);
    ck_assert_int_eq(result.results[3].err, ERR_BAD_VERSION);
    ck_assert_int_eq(exists(&rig, path, false), ERR_NOT_FOUND);
    ops[3].version = 1;
    ck_assert_int_eq(call(&rig, multi, &result), ERR_NONE);
    ck_assert_int_eq(result.results[1].stat.version, 1);
    ck_assert_int_eq(result.results[1].stat.data_len, 1);
    rig_close(&rig);
}
END_TEST

START_TEST(watches_fire_once_and_name_their_path)
{
    struct rig rig;
    rig_open(&rig, "");
    const char *path = own(&rig, "watch");
    const char *child = arena_printf(&rig.arena, "%s/child", path);
    struct zk_result result;
    ck_assert_int_eq(exists(&rig, path, true), ERR_NOT_FOUND);
    ck_assert_int_eq(create(&rig, path, NULL, false), ERR_NONE);
    await(&rig, &rig.watches, 1);
    ck_assert_int_eq(rig.last_kind, ZK_WATCH_CREATED);
    ck_assert_str_eq(rig.last_path, path);
    ck_assert_int_eq(call(&rig, (struct zk_op){.kind = ZK_OP_CHILDREN, .path = path, .watch = true}, &result),
                     ERR_NONE);
    ck_assert_int_eq(create(&rig, child, NULL, false), ERR_NONE);
    await(&rig, &rig.watches, 2);
    ck_assert_int_eq(rig.last_kind, ZK_WATCH_CHILDREN);
    ck_assert_int_eq(call(&rig, (struct zk_op){.kind = ZK_OP_GET, .path = child, .watch = true}, &result),
                     ERR_NONE);
    struct zk_op set = {.kind = ZK_OP_SET, .path = child, .data = VIEW_LIT("x"), .version = ZK_ANY_VERSION};
    ck_assert_int_eq(call(&rig, set, &result), ERR_NONE);
    await(&rig, &rig.watches, 3);
    ck_assert_int_eq(rig.last_kind, ZK_WATCH_CHANGED);
    ck_assert_int_eq(call(&rig, set, &result), ERR_NONE); /* nobody watches any more */
    ck_assert_int_eq(exists(&rig, child, true), ERR_NONE);
    ck_assert_int_eq(
        call(&rig, (struct zk_op){.kind = ZK_OP_DELETE, .path = child, .version = ZK_ANY_VERSION}, &result),
        ERR_NONE);
    await(&rig, &rig.watches, 4);
    ck_assert_int_eq(rig.last_kind, ZK_WATCH_DELETED);
    ck_assert_int_eq(rig.watches, 4);
    rig_close(&rig);
}
END_TEST

START_TEST(chroot_is_made_and_paths_are_relative_to_it)
{
    struct rig rig;
    char chroot[64];
    snprintf(chroot, sizeof chroot, "/deep-%d/er", (int)getpid());
    char *connect = connect_text(chroot);
    struct errmsg why;
    ck_assert_int_eq(zk_session_ensure_chroot(connect, 5000, &why), ERR_NONE);
    ck_assert_int_eq(zk_session_ensure_chroot(connect, 5000, &why), ERR_NONE);
    free(connect);
    rig_open(&rig, chroot);
    ck_assert_int_eq(zk_sync_create_path(&rig.sync, "/a/b/c", VIEW_LIT("x"), &rig.why), ERR_NONE);
    ck_assert_int_eq(zk_sync_create_path(&rig.sync, "/a/b/c", VIEW_LIT("x"), &rig.why), ERR_EXISTS);
    ck_assert_int_eq(exists(&rig, "/a", true), ERR_NONE);
    struct zk_op numbered = {.kind = ZK_OP_CREATE, .path = "/a/n", .sequential = true};
    struct zk_result result;
    ck_assert_int_eq(call(&rig, numbered, &result), ERR_NONE);
    ck_assert(view_equal_str(result.path, "/a/n0000000001"));
    struct zk_op set = {.kind = ZK_OP_SET, .path = "/a", .data = VIEW_LIT("x"), .version = ZK_ANY_VERSION};
    ck_assert_int_eq(call(&rig, set, &result), ERR_NONE);
    await(&rig, &rig.watches, 1);
    ck_assert_str_eq(rig.last_path, "/a");
    rig_close(&rig);
}
END_TEST

START_TEST(operations_submitted_together_are_done_in_order_and_each_has_its_outcome)
{
    struct rig rig;
    rig_open(&rig, "");
    char path[64], below[80];
    snprintf(path, sizeof path, "/together-%d", (int)getpid());
    snprintf(below, sizeof below, "%s/child", path);
    const struct zk_op ops[] = {
        {.kind = ZK_OP_GET, .path = path},
        {.kind = ZK_OP_CREATE, .path = path, .data = VIEW_LIT("parent")},
        {.kind = ZK_OP_CREATE, .path = path},
        {.kind = ZK_OP_CREATE, .path = below},
        {.kind = ZK_OP_GET, .path = path},
        {.kind = ZK_OP_CHILDREN, .path = path},
    };
    struct zk_result results[ARRAY_LEN(ops)];
    zk_sync_calls(&rig.sync, ops, ARRAY_LEN(ops), &rig.arena, results);
    ck_assert_int_eq(results[0].err, ERR_NOT_FOUND);
    ck_assert_int_eq(results[1].err, ERR_NONE);
    ck_assert_int_eq(results[2].err, ERR_EXISTS);
    ck_assert_int_eq(results[3].err, ERR_NONE);
    ck_assert_int_eq(results[4].err, ERR_NONE);
    ck_assert(view_equal_str(results[4].data, "parent"));
    ck_assert_int_eq(results[5].children_count, 1);
    ck_assert(view_equal_str(results[5].children[0], "child"));
    zk_sync_explain(&ops[0], results[0].err, &rig.why);
    ck_assert_ptr_nonnull(strstr(rig.why.text, path));
    rig_close(&rig);
}
END_TEST

/* --- trouble
 * ------------------------------------------------------------------------------------------------ */

struct pending {
    struct rig *rig;
    int answered;
    enum err err;
};

static void pending_answered(void *arg, const struct zk_result *result)
{
    struct pending *pending = arg;
    pthread_mutex_lock(&pending->rig->lock);
    pending->answered++;
    pending->err = result->err;
    pthread_cond_broadcast(&pending->rig->changed);
    pthread_mutex_unlock(&pending->rig->lock);
}

struct submission {
    struct loop_message message;
    struct rig *rig;
    struct zk_op op;
    struct pending *pending;
};

static void submission_run(struct loop_message *msg, bool discard)
{
    struct submission *submission = CONTAINER_OF(msg, struct submission, message);
    ck_assert(!discard);
    zk_submit(zk_client_port(submission->rig->client), &submission->op, pending_answered,
              submission->pending);
    free(submission);
}

/* Submits without waiting for the answer. */
static void begin(struct rig *rig, struct pending *pending, struct zk_op op)
{
    struct submission *submission = MEM_NEW(struct submission);
    *pending = (struct pending){.rig = rig};
    *submission = (struct submission){
        .message = {.run = submission_run, .label = "submit"}, .rig = rig, .op = op, .pending = pending};
    loop_post(rig->loop, &submission->message);
}

/* A server that is away for less than a session lasts: the reads go on by themselves, the session stays. */
START_TEST(lost_connection_comes_back_with_its_session)
{
    struct rig rig;
    rig_open_for(&rig, "", OUTLASTING_MS);
    const char *path = own(&rig, "lost");
    ck_assert_int_eq(create(&rig, path, "x", true), ERR_NONE);
    int64_t before = rig.session_id;
    zk_server_kill(&server);
    await(&rig, &rig.events[ZK_SESSION_DISCONNECTED], 1);
    struct pending read, write;
    begin(&rig, &read, (struct zk_op){.kind = ZK_OP_GET, .path = path});
    begin(&rig, &write, (struct zk_op){.kind = ZK_OP_SET, .path = path, .version = ZK_ANY_VERSION});
    ck_assert(zk_server_start(&server));
    await(&rig, &read.answered, 1);
    await(&rig, &write.answered, 1);
    ck_assert_int_eq(read.err, ERR_NONE);
    ck_assert_int_eq(write.err, ERR_NONE); /* it had waited for a connection: it was never under way */
    ck_assert_int_eq(rig.session_id, before);
    ck_assert_int_eq(rig.events[ZK_SESSION_EXPIRED], 0);
    rig_close(&rig);
}
END_TEST

/* What was under way when the connection broke: a write's outcome is unknown, a read is asked again. */
START_TEST(write_under_way_is_lost_and_read_is_asked_again)
{
    struct rig rig;
    rig_open_for(&rig, "", SESSION_MS);
    const char *path = own(&rig, "underway");
    ck_assert_int_eq(create(&rig, path, "x", false), ERR_NONE);
    zk_server_pause(&server);
    struct pending read, write;
    begin(&rig, &read, (struct zk_op){.kind = ZK_OP_GET, .path = path});
    begin(&rig, &write, (struct zk_op){.kind = ZK_OP_SET, .path = path, .version = ZK_ANY_VERSION});
    await(&rig, &rig.events[ZK_SESSION_DISCONNECTED], 1);
    await(&rig, &write.answered, 1);
    ck_assert_int_eq(write.err, ERR_CONNECTION_LOSS);
    ck_assert_int_eq(read.answered, 0);
    zk_server_resume(&server);
    await(&rig, &read.answered, 1);
    ck_assert(read.err == ERR_NONE || read.err == ERR_SESSION_EXPIRED);
    rig_close(&rig);
}
END_TEST

START_TEST(nothing_waits_for_a_server_that_is_gone_when_its_client_hurries)
{
    struct rig rig;
    struct zk_result result;
    struct pending read;
    rig_open_for(&rig, "", OUTLASTING_MS);
    ck_assert_int_eq(exists(&rig, "/", false), ERR_NONE);
    zk_client_hurry(rig.client);
    ck_assert_int_eq(exists(&rig, "/", false), ERR_NONE);
    zk_server_kill(&server);
    begin(&rig, &read, (struct zk_op){.kind = ZK_OP_GET, .path = "/"});
    await(&rig, &read.answered, 1);
    ck_assert_int_eq(read.err, ERR_CLOSED);
    ck_assert_int_eq(call(&rig, (struct zk_op){.kind = ZK_OP_GET, .path = "/"}, &result), ERR_CLOSED);
    rig_close(&rig);
}
END_TEST

struct credentials {
    struct loop_message message;
    struct rig *rig;
    int taken;
    bool known;
    int64_t id;
    uint8_t password[ZK_PASSWORD_BYTES];
};

static void take_credentials(struct loop_message *msg, bool discard)
{
    struct credentials *credentials = CONTAINER_OF(msg, struct credentials, message);
    ck_assert(!discard);
    credentials->known =
        zk_client_credentials(credentials->rig->client, &credentials->id, credentials->password);
    pthread_mutex_lock(&credentials->rig->lock);
    credentials->taken = 1;
    pthread_cond_broadcast(&credentials->rig->changed);
    pthread_mutex_unlock(&credentials->rig->lock);
}

/* The same as an expiry to the session's owner, and what a restarted broker does to its predecessor. */
START_TEST(session_taken_over_is_ended_and_its_owner_opens_another)
{
    struct rig rig, observer;
    rig_open(&rig, "");
    rig_open_for(&observer, "", OUTLASTING_MS);
    const char *path = own(&rig, "taken");
    ck_assert_int_eq(create(&rig, path, "x", true), ERR_NONE);
    int64_t before = rig.session_id;
    struct credentials credentials = {.message = {.run = take_credentials, .label = "credentials"},
                                      .rig = &rig};
    loop_post(rig.loop, &credentials.message);
    await(&rig, &credentials.taken, 1);
    ck_assert(credentials.known);
    ck_assert_int_eq(credentials.id, before);
    char *connect = connect_text("");
    ck_assert_int_eq(exists(&observer, path, true), ERR_NONE);
    ck_assert_int_eq(zk_session_end(connect, 5000, credentials.id, credentials.password, &rig.why), ERR_NONE);
    await(&observer, &observer.watches, 1); /* the server is told, it does not answer */
    ck_assert_int_eq(observer.last_kind, ZK_WATCH_DELETED);
    await(&rig, &rig.events[ZK_SESSION_EXPIRED], 1);
    await(&rig, &rig.events[ZK_SESSION_OPENED], 2);
    ck_assert_int_ne(rig.session_id, before);
    ck_assert_int_eq(create(&rig, path, "x", true), ERR_NONE);
    /* It is over already: ending it again is no error, and a wrong password ends nothing. */
    ck_assert_int_eq(zk_session_end(connect, 5000, credentials.id, credentials.password, &rig.why), ERR_NONE);
    ck_assert_int_eq(exists(&observer, path, false), ERR_NONE);
    free(connect);
    rig_close(&rig);
    rig_close(&observer);
}
END_TEST

START_TEST(close_answers_everything_and_ends_the_ephemerals_at_once)
{
    struct rig rig, observer;
    rig_open_for(&observer, "", OUTLASTING_MS);
    const char *path = own(&observer, "closed");
    rig_open(&rig, "");
    ck_assert_int_eq(create(&rig, path, "x", true), ERR_NONE);
    struct pending pending[50];
    for (int i = 0; i < 50; i++)
        begin(&rig, &pending[i], (struct zk_op){.kind = ZK_OP_GET, .path = path});
    ck_assert_int_eq(exists(&observer, path, true), ERR_NONE);
    zk_client_close(rig.client);
    await(&observer, &observer.watches, 1);
    ck_assert_int_eq(observer.last_kind, ZK_WATCH_DELETED);
    for (int i = 0; i < 50; i++) {
        await(&rig, &pending[i].answered, 1);
        ck_assert(pending[i].err == ERR_NONE || pending[i].err == ERR_CLOSED);
    }
    struct zk_result result;
    ck_assert_int_eq(call(&rig, (struct zk_op){.kind = ZK_OP_GET, .path = path}, &result), ERR_CLOSED);
    rig_close_rest(&rig);
    rig_close(&observer);
}
END_TEST

/* The library drops some of what it had: its thread may end before its queue does. */
START_TEST(close_answers_what_the_server_never_did)
{
    enum { READS = 500 };
    struct rig rig;
    rig_open_for(&rig, "", OUTLASTING_MS);
    ck_assert_int_eq(exists(&rig, "/", false), ERR_NONE);
    zk_server_pause(&server);
    struct pending *pending = mem_zalloc(sizeof *pending * READS);
    for (int i = 0; i < READS; i++)
        begin(&rig, &pending[i], (struct zk_op){.kind = ZK_OP_GET, .path = "/"});
    zk_client_close(rig.client);
    for (int i = 0; i < READS; i++) {
        await(&rig, &pending[i].answered, 1);
        ck_assert_int_eq(pending[i].err, ERR_CLOSED);
    }
    zk_server_resume(&server);
    free(pending);
    rig_close_rest(&rig);
}
END_TEST

START_TEST(close_while_it_opens_leaves_nothing)
{
    for (int i = 0; i < 20; i++) {
        struct rig rig;
        rig_open(&rig, "");
        usleep((useconds_t)(i * 500));
        rig_close(&rig);
    }
}
END_TEST

START_TEST(servers_that_are_not_there_are_said_so)
{
    struct errmsg why;
    ck_assert_int_eq(zk_session_ensure_chroot("127.0.0.1:1/x", 300, &why), ERR_REQUEST_TIMED_OUT);
    ck_assert_ptr_nonnull(strstr(why.text, "127.0.0.1:1"));
    ck_assert_int_eq(zk_session_ensure_chroot("no.such.host.invalid:1/x", 300, &why), ERR_NOT_FOUND);
}
END_TEST

static void open_server(void)
{
    ck_assert(zk_server_open(&server));
}

static void close_server(void)
{
    zk_server_close(&server);
}

Suite *client_suite(void)
{
    Suite *suite = suite_create("zk/client");
    if (!zk_server_can_run()) {
        fprintf(stderr,
                "zk/client is skipped: no java, or no /usr/share/java/zookeeper.jar (package zookeeper)\n");
        return suite;
    }
    TCase *tc = tcase_create("quiet");
    tcase_set_timeout(tc, 120);
    tcase_add_unchecked_fixture(tc, open_server, close_server);
    tcase_add_test(tc, operations_answer_as_the_port_says);
    tcase_add_test(tc, multi_is_all_or_nothing_and_tells_which_failed);
    tcase_add_test(tc, watches_fire_once_and_name_their_path);
    tcase_add_test(tc, chroot_is_made_and_paths_are_relative_to_it);
    tcase_add_test(tc, operations_submitted_together_are_done_in_order_and_each_has_its_outcome);
    tcase_add_test(tc, session_taken_over_is_ended_and_its_owner_opens_another);
    tcase_add_test(tc, close_answers_everything_and_ends_the_ephemerals_at_once);
    tcase_add_test(tc, close_while_it_opens_leaves_nothing);
    tcase_add_test(tc, servers_that_are_not_there_are_said_so);
    suite_add_tcase(suite, tc);
    tc = tcase_create("trouble");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, open_server, close_server); /* each kills its own */
    tcase_add_test(tc, lost_connection_comes_back_with_its_session);
    tcase_add_test(tc, write_under_way_is_lost_and_read_is_asked_again);
    tcase_add_test(tc, nothing_waits_for_a_server_that_is_gone_when_its_client_hurries);
    tcase_add_test(tc, close_answers_what_the_server_never_did);
    suite_add_tcase(suite, tc);
    return suite;
}
