/*
 * Life of an operation:
 *
 *   zk_submit --> call (copies the op) --> library --> completion thread --> loop: call_answer
 *        \--> waiting, while there is no connection        (copy, post)         done(arg, result)
 *
 * Life of a session: a worker runs zookeeper_init; the library reports CONNECTED
 * through the same completion thread. On EXPIRED the loop fails what waits, and a
 * worker closes the dead handle and opens the next. Handles are numbered, so that
 * a late word of a dead handle finds nothing.
 *
 * Closing a handle: the library's completion thread ends where it stands, and what was
 * queued for it is never answered. So whatever of a handle is still open when
 * zookeeper_close has returned is failed here. And it closes the socket right behind its
 * farewell: had an answer come meanwhile that nobody read, the kernel resets the
 * connection, and the server may never see the farewell; the session would then end by
 * its timeout. So a client that closes waits for its answers first.
 */
#include "zk/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/latch.h"
#include "zk/session.h"

#define REOPEN_BACKOFF_MS 1000
/* How long a client that closes waits for what it asked. */
#define FAREWELL_MS 1000
/* How long one that hurries waits for a connection. */
#define HURRY_MS 5000
/* handle_number of a call whose answer is in the loop's mailbox already. */
#define ANSWERED_HERE (-1)
/* In the library's words: names are never resolved while there is a connection. */
#define RESOLVE_WHEN_CONNECTING (-1)

#ifdef __SANITIZE_ADDRESS__
/* The library does not free what it leaves unanswered when a handle is closed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libzookeeper_mt\n";
}
#endif

enum client_state { CLIENT_IDLE, CLIENT_OPENING, CLIENT_UP, CLIENT_CLOSED };

/* Passed to the library as the handle's context; outlives every word of its handle. */
struct handle_context {
    struct list node; /* in client->contexts until the client is freed */
    struct zk_client *client;
    int64_t number;
};

struct zk_client {
    struct zk zk; /* first: the port */
    struct loop *loop;
    struct workers *workers;
    struct zk_events events;
    char *connect;
    int session_timeout_ms;

    enum client_state state;
    bool connected;
    int64_t session_id; /* last one announced by OPENED; 0 = none */
    zhandle_t *handle;
    struct handle_context *context;
    int64_t handles_count;
    struct list waiting; /* calls to send when connected */
    struct list sent;    /* calls the library has */
    struct list contexts;
    struct histogram latency;
    struct loop_timer reopen_timer;

    struct work open_work;
    bool opening;              /* open_work is away */
    bool expired_meanwhile;    /* what it opened is over already */
    zhandle_t *closed_handle;  /* what zk_client_close took */
    zhandle_t *opening_dead;   /* to be closed by the worker first */
    zhandle_t *opening_handle; /* what it opened */
    struct loop_message open_message;
    struct loop_message refuse_message;

    bool hurrying;
    struct loop_timer hurry_timer; /* while it hurries and there is no connection */
    struct loop_message hurry_message;

    /* zk_client_close waits for the loop, first to let go of the handle, then to answer what is left. */
    bool closing; /* as soon as nobody opens and everything is answered, or the time for answers is over */
    bool farewell_over;
    struct loop_timer farewell_timer;
    struct loop_message close_message;
    struct latch let_go;
};

struct zk_call {
    struct loop_message message; /* carries the answer to the loop */
    struct list node;
    struct zk_client *client;
    int64_t handle_number;
    struct arena arena; /* the op's copy and the answer's copy */
    struct zk_op op;
    int64_t submitted_ns;
    zk_done_fn done;
    void *arg;
    zoo_op_t *zoo_ops; /* of a multi, as the library wants them */
    zoo_op_result_t *zoo_results;
    struct zk_result result;
};

struct watch_message {
    struct loop_message message;
    struct zk_client *client;
    int64_t handle_number;
    int type;
    int state;
    zhandle_t *handle;
    int64_t session_id;
    char path[];
};

/* --- errors ---------------------------------------------------------------------------------------- */

static enum err err_of_zoo(int rc)
{
    switch (rc) {
    case ZOK:
        return ERR_NONE;
    case ZNONODE:
        return ERR_NOT_FOUND;
    case ZNODEEXISTS:
        return ERR_EXISTS;
    case ZBADVERSION:
        return ERR_BAD_VERSION;
    case ZNOTEMPTY:
        return ERR_NOT_EMPTY;
    case ZNOAUTH:
    case ZAUTHFAILED:
    case ZINVALIDACL:
        return ERR_NO_AUTH;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZSESSIONMOVED:
    case ZTHROTTLEDOP:
        return ERR_CONNECTION_LOSS;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE:
        return ERR_SESSION_EXPIRED;
    case ZCLOSING:
        return ERR_CLOSED;
    default:
        return ERR_IO;
    }
}

/* --- calls ------------------------------------------------------------------------------------------ */

static void copy_op(struct arena *arena, struct zk_op *to, const struct zk_op *from)
{
    *to = *from;
    to->path = from->path ? arena_strdup(arena, from->path) : NULL;
    to->data = arena_dup_view(arena, from->data);
    if (from->ops_count > 0) {
        struct zk_op *ops = arena_zalloc(arena, (size_t)from->ops_count * sizeof *ops);
        for (int i = 0; i < from->ops_count; i++)
            copy_op(arena, &ops[i], &from->ops[i]);
        to->ops = ops;
    }
}

static void call_free(struct zk_call *call)
{
    arena_close(&call->arena);
    free(call);
}

static void client_let_go_if_ready(struct zk_client *client);

/* Gives the answer and ends the call. */
static void call_finish(struct zk_call *call)
{
    struct zk_client *client = call->client;
    list_remove(&call->node);
    struct clock *clock = loop_clock(client->loop);
    int64_t us = (clock->mono_ns(clock) - call->submitted_ns) / 1000;
    histogram_add(&client->latency, us > 0 ? (uint64_t)us : 0);
    if (call->done)
        call->done(call->arg, &call->result);
    call_free(call);
    client_let_go_if_ready(client);
}

static void call_fail(struct zk_call *call, enum err err)
{
    call->result = (struct zk_result){.err = err};
    call_finish(call);
}

static void call_send(struct zk_call *call);

/* On the loop: the library's answer has arrived. */
static void call_answer(struct loop_message *msg, bool discard)
{
    struct zk_call *call = CONTAINER_OF(msg, struct zk_call, message);
    struct zk_client *client = call->client;
    (void)discard;
    if (call->result.err == ERR_CONNECTION_LOSS && zk_op_only_reads(&call->op) &&
        client->state != CLIENT_CLOSED) {
        list_remove(&call->node);
        if (client->connected)
            call_send(call); /* the connection is back already, or a new session stands */
        else
            list_push_back(&client->waiting, &call->node);
        return;
    }
    call_finish(call);
}

static void stat_copy(struct zk_stat *to, const struct Stat *from)
{
    if (!from)
        return;
    *to = (struct zk_stat){.czxid = from->czxid,
                           .mzxid = from->mzxid,
                           .ctime_ms = from->ctime,
                           .mtime_ms = from->mtime,
                           .ephemeral_owner = from->ephemeralOwner,
                           .version = from->version,
                           .cversion = from->cversion,
                           .children_count = from->numChildren,
                           .data_len = from->dataLength};
}

static void call_post(struct zk_call *call, int rc)
{
    call->result.err = err_of_zoo(rc);
    loop_post(call->client->loop, &call->message);
}

/* The completions below run on the library's thread. */

static void on_void(int rc, const void *data)
{
    call_post((struct zk_call *)(uintptr_t)data, rc);
}

static void on_string(int rc, const char *value, const void *data)
{
    struct zk_call *call = (struct zk_call *)(uintptr_t)data;
    if (rc == ZOK && value)
        call->result.path = view_str(arena_strdup(&call->arena, value));
    call_post(call, rc);
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    struct zk_call *call = (struct zk_call *)(uintptr_t)data;
    if (rc == ZOK)
        stat_copy(&call->result.stat, stat);
    call_post(call, rc);
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data)
{
    struct zk_call *call = (struct zk_call *)(uintptr_t)data;
    if (rc == ZOK) {
        if (value && len >= 0)
            call->result.data = arena_dup_view(&call->arena, view_of(value, (size_t)len));
        stat_copy(&call->result.stat, stat);
    }
    call_post(call, rc);
}

static int compare_views(const void *a, const void *b)
{
    return view_compare(*(const struct view *)a, *(const struct view *)b);
}

static void on_children(int rc, const struct String_vector *names, const struct Stat *stat, const void *data)
{
    struct zk_call *call = (struct zk_call *)(uintptr_t)data;
    if (rc == ZOK && names) {
        struct view *children = arena_zalloc(&call->arena, (size_t)names->count * sizeof *children + 1);
        for (int i = 0; i < names->count; i++)
            children[i] = view_str(arena_strdup(&call->arena, names->data[i]));
        qsort(children, (size_t)names->count, sizeof *children, compare_views);
        call->result.children = children;
        call->result.children_count = names->count;
        stat_copy(&call->result.stat, stat);
    }
    call_post(call, rc);
}

static void on_multi(int rc, const void *data)
{
    struct zk_call *call = (struct zk_call *)(uintptr_t)data;
    int count = call->op.ops_count;
    struct zk_result *results = arena_zalloc(&call->arena, (size_t)count * sizeof *results + 1);
    for (int i = 0; i < count; i++) {
        results[i].err = err_of_zoo(call->zoo_results[i].err);
        /* Nothing of a multi that failed was done; the library leaves zeros where the server said nothing. */
        if (rc != ZOK && results[i].err == ERR_NONE)
            results[i].err = ERR_IO;
        stat_copy(&results[i].stat, call->zoo_results[i].stat);
    }
    call->result.results = results;
    call->result.results_count = count;
    call_post(call, rc);
}

static int op_flags(const struct zk_op *op)
{
    return (op->ephemeral ? ZOO_EPHEMERAL : 0) | (op->sequential ? ZOO_SEQUENCE : 0);
}

static const char *op_bytes(const struct zk_op *op)
{
    return (const char *)op->data.ptr;
}

/* The library takes -1 as the length of null data. */
static int op_len(const struct zk_op *op)
{
    return op->data.ptr ? (int)op->data.len : -1;
}

static int send_multi(zhandle_t *handle, struct zk_call *call)
{
    int count = call->op.ops_count;
    zoo_op_t *ops = arena_zalloc(&call->arena, (size_t)count * sizeof *ops);
    call->zoo_ops = ops;
    call->zoo_results = arena_zalloc(&call->arena, (size_t)count * sizeof *call->zoo_results);
    for (int i = 0; i < count; i++) {
        const struct zk_op *op = &call->op.ops[i];
        /* The library writes the created path into a buffer of ours; a sequence number adds ten digits. */
        size_t path_len = strlen(op->path) + 32;
        switch (op->kind) {
        case ZK_OP_CREATE:
            zoo_create_op_init(&ops[i], op->path, op_bytes(op), op_len(op), &ZOO_OPEN_ACL_UNSAFE,
                               op_flags(op), arena_alloc(&call->arena, path_len), (int)path_len);
            break;
        case ZK_OP_SET:
            zoo_set_op_init(&ops[i], op->path, op_bytes(op), op_len(op), op->version,
                            arena_zalloc(&call->arena, sizeof(struct Stat)));
            break;
        case ZK_OP_DELETE:
            zoo_delete_op_init(&ops[i], op->path, op->version);
            break;
        case ZK_OP_CHECK:
            zoo_check_op_init(&ops[i], op->path, op->version);
            break;
        case ZK_OP_GET:
        case ZK_OP_EXISTS:
        case ZK_OP_CHILDREN:
        case ZK_OP_MULTI:
            UNREACHABLE();
        }
    }
    return zoo_amulti(handle, count, ops, call->zoo_results, on_multi, call);
}

static int send_to_library(zhandle_t *handle, struct zk_call *call)
{
    const struct zk_op *op = &call->op;
    switch (op->kind) {
    case ZK_OP_CREATE:
        return zoo_acreate(handle, op->path, op_bytes(op), op_len(op), &ZOO_OPEN_ACL_UNSAFE, op_flags(op),
                           on_string, call);
    case ZK_OP_SET:
        return zoo_aset(handle, op->path, op_bytes(op), op_len(op), op->version, on_stat, call);
    case ZK_OP_DELETE:
        return zoo_adelete(handle, op->path, op->version, on_void, call);
    case ZK_OP_GET:
        return zoo_aget(handle, op->path, op->watch, on_data, call);
    case ZK_OP_EXISTS:
        return zoo_aexists(handle, op->path, op->watch, on_stat, call);
    case ZK_OP_CHILDREN:
        return zoo_aget_children2(handle, op->path, op->watch, on_children, call);
    case ZK_OP_MULTI:
        return send_multi(handle, call);
    case ZK_OP_CHECK:
        break; /* only inside a multi */
    }
    UNREACHABLE();
}

static void call_send(struct zk_call *call)
{
    struct zk_client *client = call->client;
    call->handle_number = client->context->number;
    call->result = (struct zk_result){0};
    list_push_back(&client->sent, &call->node);
    int rc = send_to_library(client->handle, call);
    if (rc != ZOK) {
        /* Refused without being queued; answered by the mailbox, never from inside submit. */
        call->handle_number = ANSWERED_HERE;
        call->result.err = err_of_zoo(rc);
        loop_post(client->loop, &call->message);
    }
}

static void client_submit(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    struct zk_client *client = CONTAINER_OF(zk, struct zk_client, zk);
    ASSERT_ON_LOOP(client->loop);
    struct zk_call *call = MEM_NEW(struct zk_call);
    call->client = client;
    call->message = (struct loop_message){.run = call_answer, .label = "zk_answer"};
    call->submitted_ns = loop_clock(client->loop)->mono_ns(loop_clock(client->loop));
    call->done = done;
    call->arg = arg;
    copy_op(&call->arena, &call->op, op);
    list_node_init(&call->node);
    if (client->state == CLIENT_CLOSED) {
        list_push_back(&client->sent, &call->node);
        call->handle_number = ANSWERED_HERE;
        call->result.err = ERR_CLOSED;
        loop_post(client->loop, &call->message);
    } else if (client->connected) {
        call_send(call);
    } else {
        list_push_back(&client->waiting, &call->node);
    }
}

static int64_t client_session_id(struct zk *zk)
{
    return CONTAINER_OF(zk, struct zk_client, zk)->session_id;
}

static const struct zk_ops CLIENT_OPS = {.submit = client_submit, .session_id = client_session_id};

static void client_send_waiting(struct zk_client *client)
{
    struct list batch;
    list_init(&batch);
    struct list *node;
    while ((node = list_pop_front(&client->waiting)))
        list_push_back(&batch, node);
    while ((node = list_pop_front(&batch)))
        call_send(CONTAINER_OF(node, struct zk_call, node));
}

static void client_fail_waiting(struct zk_client *client, enum err err)
{
    struct list batch;
    list_init(&batch);
    struct list *node;
    while ((node = list_pop_front(&client->waiting)))
        list_push_back(&batch, node);
    while ((node = list_pop_front(&batch)))
        call_fail(CONTAINER_OF(node, struct zk_call, node), err);
}

/*
 * Fails what the library will never answer: calls of handles before `number`, which are closed. All that it
 * did answer was posted before they were, and has been taken from the mailbox by now.
 */
static void client_fail_unanswered(struct zk_client *client, int64_t number, enum err err)
{
    struct list batch;
    list_init(&batch);
    struct list *next;
    for (struct list *node = client->sent.next; node != &client->sent; node = next) {
        next = node->next;
        struct zk_call *call = CONTAINER_OF(node, struct zk_call, node);
        if (call->handle_number == ANSWERED_HERE || call->handle_number >= number)
            continue;
        list_remove(node);
        list_push_back(&batch, node);
    }
    struct list *node;
    while ((node = list_pop_front(&batch)))
        call_fail(CONTAINER_OF(node, struct zk_call, node), err);
}

/* --- sessions --------------------------------------------------------------------------------------- */

static void client_begin_open(struct zk_client *client, zhandle_t *dead);
static void on_farewell_over(struct loop_timer *timer, int64_t now_ms);
static void on_hurry_over(struct loop_timer *timer, int64_t now_ms);

static void client_count_hurry(struct zk_client *client)
{
    if (client->connected)
        loop_timer_cancel(client->loop, &client->hurry_timer);
    else if (client->hurrying && !loop_timer_is_armed(&client->hurry_timer))
        loop_timer_arm(client->loop, &client->hurry_timer, loop_now_ms(client->loop) + HURRY_MS);
}

static void client_on_session(struct zk_client *client, int state, zhandle_t *handle, int64_t session_id)
{
    if (state == ZOO_CONNECTED_STATE) {
        client->handle = handle; /* the worker that opened it may not have reported yet */
        client->connected = true;
        bool opened = client->session_id != session_id;
        client->session_id = session_id;
        client->state = CLIENT_UP;
        client_send_waiting(client);
        if (opened)
            client->events.session(client->events.arg, ZK_SESSION_OPENED, session_id);
        client->events.session(client->events.arg, ZK_SESSION_CONNECTED, session_id);
    } else if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE) {
        log_warn("zk", state == ZOO_AUTH_FAILED_STATE ? "authentication_failed" : "session_expired",
                 "session=0x%llx", (unsigned long long)client->session_id);
        zhandle_t *dead = client->handle;
        int64_t lost_id = client->session_id;
        client->connected = false;
        client->session_id = 0;
        client->handle = NULL;
        client->state = CLIENT_OPENING;
        client_fail_waiting(client, ERR_SESSION_EXPIRED);
        client->events.session(client->events.arg, ZK_SESSION_EXPIRED, lost_id);
        if (client->opening)
            client->expired_meanwhile = true; /* the worker that opened it has yet to report */
        else
            client_begin_open(client, dead);
    } else if (client->connected) {
        client->connected = false;
        client->events.session(client->events.arg, ZK_SESSION_DISCONNECTED, client->session_id);
    }
    client_count_hurry(client);
}

static void client_on_watch(struct zk_client *client, int type, const char *path)
{
    enum zk_watch_kind kind;
    if (type == ZOO_CREATED_EVENT)
        kind = ZK_WATCH_CREATED;
    else if (type == ZOO_DELETED_EVENT)
        kind = ZK_WATCH_DELETED;
    else if (type == ZOO_CHANGED_EVENT)
        kind = ZK_WATCH_CHANGED;
    else if (type == ZOO_CHILD_EVENT)
        kind = ZK_WATCH_CHILDREN;
    else
        return; /* a watch that the library gave up; the next session reads again */
    client->events.watch(client->events.arg, kind, path);
}

static void on_watch_message(struct loop_message *msg, bool discard)
{
    struct watch_message *word = CONTAINER_OF(msg, struct watch_message, message);
    struct zk_client *client = word->client;
    /* What zk_client_free closes still has its say: then the client is gone before the word is discarded. */
    bool current = !discard && client->context && word->handle_number == client->context->number &&
                   client->state != CLIENT_CLOSED;
    if (current) {
        if (word->type == ZOO_SESSION_EVENT)
            client_on_session(client, word->state, word->handle, word->session_id);
        else
            client_on_watch(client, word->type, word->path);
    }
    free(word);
}

/* On the library's thread. */
static void on_library_event(zhandle_t *handle, int type, int state, const char *path, void *arg)
{
    struct handle_context *context = arg;
    const char *name = path ? path : "";
    size_t size = strlen(name) + 1;
    struct watch_message *word = mem_zalloc(sizeof *word + size);
    word->message = (struct loop_message){.run = on_watch_message, .label = "zk_event"};
    word->client = context->client;
    word->handle_number = context->number;
    word->type = type;
    word->state = state;
    word->handle = handle;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
        word->session_id = zoo_client_id(handle)->client_id;
    memcpy(word->path, name, size);
    loop_post(context->client->loop, &word->message);
}

/* On a worker. */
static void open_run(struct work *work)
{
    struct zk_client *client = CONTAINER_OF(work, struct zk_client, open_work);
    if (client->opening_dead)
        zookeeper_close(client->opening_dead);
    client->opening_dead = NULL;
    client->opening_handle = zookeeper_init(client->connect, on_library_event, client->session_timeout_ms,
                                            NULL, client->context, 0);
    /* Else the library resolves the names at each turn of its thread: two dozen system calls for each answer.
     */
    if (client->opening_handle)
        zoo_set_servers_resolution_delay(client->opening_handle, RESOLVE_WHEN_CONNECTING);
}

/* On the loop. */
static void open_done(struct work *work, bool discard)
{
    struct zk_client *client = CONTAINER_OF(work, struct zk_client, open_work);
    zhandle_t *handle = client->opening_handle;
    client->opening_handle = NULL;
    client->opening = false;
    client_fail_unanswered(client, client->context->number, ERR_SESSION_EXPIRED);
    if (client->state == CLIENT_CLOSED || discard) {
        /* zk_client_close waits for it; when the loop is gone, zk_client_free closes what nobody has. */
        client->handle = handle != client->closed_handle ? handle : NULL;
        client_let_go_if_ready(client);
        return;
    }
    if (client->expired_meanwhile) {
        client->expired_meanwhile = false;
        client_begin_open(client, handle);
        return;
    }
    if (!handle) {
        log_warn("zk", "cannot_open", "connect=%s error=\"%s\" retry_ms=%d", client->connect, strerror(errno),
                 REOPEN_BACKOFF_MS);
        loop_timer_arm(client->loop, &client->reopen_timer, loop_now_ms(client->loop) + REOPEN_BACKOFF_MS);
        return;
    }
    client->handle = handle;
}

static void client_begin_open(struct zk_client *client, zhandle_t *dead)
{
    struct handle_context *context = MEM_NEW(struct handle_context);
    context->client = client;
    context->number = ++client->handles_count;
    list_push_back(&client->contexts, &context->node);
    client->context = context;
    client->opening = true;
    client->opening_dead = dead;
    client->open_work =
        (struct work){.home = client->loop, .run = open_run, .done = open_done, .label = "zk_open_session"};
    workers_submit(client->workers, &client->open_work);
}

static void on_reopen(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct zk_client *client = CONTAINER_OF(timer, struct zk_client, reopen_timer);
    if (client->state != CLIENT_CLOSED)
        client_begin_open(client, NULL);
}

static void on_open_message(struct loop_message *msg, bool discard)
{
    struct zk_client *client = CONTAINER_OF(msg, struct zk_client, open_message);
    if (discard || client->state != CLIENT_IDLE)
        return;
    client->state = CLIENT_OPENING;
    client_begin_open(client, NULL);
}

/* --- lifecycle -------------------------------------------------------------------------------------- */

struct zk_client *zk_client_new(const struct zk_client_config *config, struct loop *loop,
                                struct workers *workers, const struct zk_events *events)
{
    struct zk_client *client = MEM_NEW(struct zk_client);
    client->zk.ops = &CLIENT_OPS;
    client->loop = loop;
    client->workers = workers;
    client->events = *events;
    client->connect = mem_strdup(config->connect);
    client->session_timeout_ms = config->session_timeout_ms;
    client->reopen_timer.fire = on_reopen;
    client->farewell_timer.fire = on_farewell_over;
    client->hurry_timer.fire = on_hurry_over;
    client->open_message = (struct loop_message){.run = on_open_message, .label = "zk_open"};
    list_init(&client->waiting);
    list_init(&client->sent);
    list_init(&client->contexts);
    zk_session_silence_library();
    return client;
}

void zk_client_open(struct zk_client *client)
{
    loop_post(client->loop, &client->open_message);
}

struct zk *zk_client_port(struct zk_client *client)
{
    return &client->zk;
}

bool zk_client_credentials(const struct zk_client *client, int64_t *id, uint8_t password[ZK_PASSWORD_BYTES])
{
    ASSERT_ON_LOOP(client->loop);
    if (!client->handle || client->session_id == 0)
        return false;
    const clientid_t *credentials = zoo_client_id(client->handle);
    *id = credentials->client_id;
    memcpy(password, credentials->passwd, ZK_PASSWORD_BYTES);
    return true;
}

const struct histogram *zk_client_latency(const struct zk_client *client)
{
    return &client->latency;
}

static void client_refuse(struct zk_client *client)
{
    client->state = CLIENT_CLOSED;
    client->connected = false;
    client->session_id = 0;
    loop_timer_cancel(client->loop, &client->reopen_timer);
    loop_timer_cancel(client->loop, &client->hurry_timer);
    client_fail_waiting(client, ERR_CLOSED);
}

static void on_refuse_message(struct loop_message *msg, bool discard)
{
    struct zk_client *client = CONTAINER_OF(msg, struct zk_client, refuse_message);
    if (!discard && client->state != CLIENT_CLOSED)
        client_refuse(client);
}

void zk_client_refuse(struct zk_client *client)
{
    client->refuse_message = (struct loop_message){.run = on_refuse_message, .label = "zk_refuse"};
    loop_post(client->loop, &client->refuse_message);
}

static void on_hurry_over(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct zk_client *client = CONTAINER_OF(timer, struct zk_client, hurry_timer);
    log_warn("zk", "given_up", "connect=%s waited_ms=%d reason=\"the broker stops, and no server answers\"",
             client->connect, HURRY_MS);
    client_refuse(client);
}

static void on_hurry_message(struct loop_message *msg, bool discard)
{
    struct zk_client *client = CONTAINER_OF(msg, struct zk_client, hurry_message);
    client->hurrying = true;
    if (!discard && client->state != CLIENT_CLOSED)
        client_count_hurry(client);
}

void zk_client_hurry(struct zk_client *client)
{
    client->hurry_message = (struct loop_message){.run = on_hurry_message, .label = "zk_hurry"};
    loop_post(client->loop, &client->hurry_message);
}

/* On the loop: gives the handle to zk_client_close, which waits for it. */
static void client_let_go(struct zk_client *client)
{
    client->closing = false;
    client->connected = false;
    client->session_id = 0;
    loop_timer_cancel(client->loop, &client->farewell_timer);
    client->closed_handle = client->handle;
    client->handle = NULL;
    latch_open(&client->let_go);
}

static void client_let_go_if_ready(struct zk_client *client)
{
    bool answered = !client->connected || list_is_empty(&client->sent);
    if (client->closing && !client->opening && (answered || client->farewell_over))
        client_let_go(client);
}

static void on_farewell_over(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct zk_client *client = CONTAINER_OF(timer, struct zk_client, farewell_timer);
    client->farewell_over = true;
    client_let_go_if_ready(client);
}

static void on_close_message(struct loop_message *msg, bool discard)
{
    struct zk_client *client = CONTAINER_OF(msg, struct zk_client, close_message);
    client->state = CLIENT_CLOSED;
    loop_timer_cancel(client->loop, &client->reopen_timer);
    loop_timer_cancel(client->loop, &client->hurry_timer);
    client_fail_waiting(client, ERR_CLOSED);
    if (discard) {
        client_let_go(client);
        return;
    }
    client->closing = true;
    loop_timer_arm(client->loop, &client->farewell_timer, loop_now_ms(client->loop) + FAREWELL_MS);
    client_let_go_if_ready(client);
}

static void fail_all_unanswered(void *arg, bool discard)
{
    (void)discard;
    client_fail_unanswered(arg, INT64_MAX, ERR_CLOSED);
}

void zk_client_close(struct zk_client *client)
{
    ASSERT(!loop_is_current(client->loop));
    client->close_message = (struct loop_message){.run = on_close_message, .label = "zk_close"};
    latch_init(&client->let_go);
    loop_post(client->loop, &client->close_message);
    latch_await(&client->let_go);
    if (client->closed_handle)
        zookeeper_close(
            client->closed_handle); /* answers some of what is open by ZCLOSING, through the loop */
    loop_call(client->loop, fail_all_unanswered, client, "zk_sweep");
}

void zk_client_free(struct zk_client *client)
{
    if (!client)
        return;
    if (client->handle) /* opened by a worker after the close */
        zookeeper_close(client->handle);
    struct list *node;
    while ((node = list_pop_front(&client->sent)))
        call_free(CONTAINER_OF(node, struct zk_call, node));
    while ((node = list_pop_front(&client->waiting)))
        call_free(CONTAINER_OF(node, struct zk_call, node));
    while ((node = list_pop_front(&client->contexts)))
        free(CONTAINER_OF(node, struct handle_context, node));
    free(client->connect);
    free(client);
}
