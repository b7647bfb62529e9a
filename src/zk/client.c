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
 */
#include "zk/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "zk/session.h"

#define REOPEN_BACKOFF_MS 1000
/* A close waits so long for answers that are on their way. */
#define CLOSE_PATIENCE_MS 1000
/* In the library's words: names are resolved when it connects, never while there is a connection. Else it
 * does so at each turn of its thread, with two dozen system calls for each answer. */
#define RESOLVE_WHEN_CONNECTING (-1)

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
    struct list sent;    /* calls the library has, or whose answer is in the mailbox */
    int64_t at_library_count;
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

    /* zk_client_close waits for the loop to let go of the handle. */
    struct loop_message close_message;
    struct loop_timer close_timer;
    bool closing;                       /* the loop is about to let go */
    struct loop_message closed_message; /* the handle's last word is over */
    pthread_mutex_t close_lock;
    pthread_cond_t close_cond;
    bool close_done;
    zhandle_t *close_handle;
};

struct zk_call {
    struct loop_message message; /* carries the answer to the loop */
    struct list node;
    struct zk_client *client;
    int64_t handle_number;
    bool at_library;    /* no answer of the library has come home yet */
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

static bool op_only_reads(const struct zk_op *op)
{
    return op->kind == ZK_OP_GET || op->kind == ZK_OP_EXISTS || op->kind == ZK_OP_CHILDREN;
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

/* Gives the answer and ends the call. */
static void call_finish(struct zk_call *call)
{
    list_remove(&call->node);
    struct clock *clock = loop_clock(call->client->loop);
    int64_t us = (clock->mono_ns(clock) - call->submitted_ns) / 1000;
    histogram_add(&call->client->latency, us > 0 ? (uint64_t)us : 0);
    if (call->done)
        call->done(call->arg, &call->result);
    call_free(call);
}

static void call_fail(struct zk_call *call, enum err err)
{
    call->result = (struct zk_result){.err = err};
    call_finish(call);
}

static void call_send(struct zk_call *call);
static void client_let_go_if_quiet(struct zk_client *client);

static void call_leaves_library(struct zk_call *call)
{
    if (!call->at_library)
        return;
    call->at_library = false;
    call->client->at_library_count--;
    client_let_go_if_quiet(call->client);
}

/* On the loop: the library's answer has arrived. */
static void call_answer(struct loop_message *msg, bool discard)
{
    struct zk_call *call = CONTAINER_OF(msg, struct zk_call, message);
    struct zk_client *client = call->client;
    (void)discard;
    call_leaves_library(call);
    if (call->result.err == ERR_CONNECTION_LOSS && op_only_reads(&call->op) &&
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
    call->at_library = true;
    client->at_library_count++;
    int rc = send_to_library(client->handle, call);
    if (rc != ZOK) {
        /* Refused without being queued; answered by the mailbox, never from inside submit. */
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
 * Fails what the library has and will not answer, because the handle that it was given to is closed. All that
 * it did answer has come home before: its threads have ended.
 */
static void client_fail_unanswered(struct zk_client *client, int64_t live_handle, enum err err)
{
    struct list batch;
    list_init(&batch);
    struct list *node;
    while ((node = list_pop_front(&client->sent)))
        list_push_back(&batch, node);
    while ((node = list_pop_front(&batch))) {
        struct zk_call *call = CONTAINER_OF(node, struct zk_call, node);
        if (!call->at_library || call->handle_number == live_handle) {
            list_push_back(&client->sent, node);
            continue;
        }
        call_leaves_library(call);
        call_fail(call, err);
    }
}

/* --- sessions --------------------------------------------------------------------------------------- */

static void client_begin_open(struct zk_client *client, zhandle_t *dead);

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
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) {
        word->session_id = zoo_client_id(handle)->client_id;
        zoo_set_servers_resolution_delay(handle, RESOLVE_WHEN_CONNECTING);
    }
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
}

/* On the loop. */
static void open_done(struct work *work, bool discard)
{
    struct zk_client *client = CONTAINER_OF(work, struct zk_client, open_work);
    zhandle_t *handle = client->opening_handle;
    client->opening_handle = NULL;
    client->opening = false;
    if (client->state == CLIENT_CLOSED || discard) {
        /* zk_client_free closes it, unless zk_client_close had heard of it by its first event. */
        client->handle = handle != client->closed_handle ? handle : NULL;
        return;
    }
    client_fail_unanswered(client, client->context->number, ERR_SESSION_EXPIRED);
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

/* --- closing -------------------------------------------------------------------------------------------- */

/* Lets go of the handle, so that another thread may close it. */
static void client_let_go(struct zk_client *client)
{
    client->closing = false;
    loop_timer_cancel(client->loop, &client->close_timer);
    pthread_mutex_lock(&client->close_lock);
    client->close_handle = client->closed_handle = client->handle;
    client->handle = NULL;
    client->close_done = true;
    pthread_cond_signal(&client->close_cond);
    pthread_mutex_unlock(&client->close_lock);
}

/* The server does not read that a session ends when its client closes the connection over answers that it has
 * not read: that resets it. So what is on its way is waited for. */
static void client_let_go_if_quiet(struct zk_client *client)
{
    if (client->closing && client->at_library_count == 0)
        client_let_go(client);
}

static void on_close_timer(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    client_let_go(CONTAINER_OF(timer, struct zk_client, close_timer));
}

static void on_close_message(struct loop_message *msg, bool discard)
{
    struct zk_client *client = CONTAINER_OF(msg, struct zk_client, close_message);
    (void)discard;
    client->state = CLIENT_CLOSED;
    client->connected = false;
    client->session_id = 0;
    loop_timer_cancel(client->loop, &client->reopen_timer);
    client_fail_waiting(client, ERR_CLOSED);
    client->closing = true;
    loop_timer_arm(client->loop, &client->close_timer, loop_now_ms(client->loop) + CLOSE_PATIENCE_MS);
    client_let_go_if_quiet(client);
}

static void on_closed_message(struct loop_message *msg, bool discard)
{
    struct zk_client *client = CONTAINER_OF(msg, struct zk_client, closed_message);
    if (!discard)
        client_fail_unanswered(client, 0, ERR_CLOSED);
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
    client->close_timer.fire = on_close_timer;
    client->open_message = (struct loop_message){.run = on_open_message, .label = "zk_open"};
    list_init(&client->waiting);
    list_init(&client->sent);
    list_init(&client->contexts);
    pthread_mutex_init(&client->close_lock, NULL);
    pthread_cond_init(&client->close_cond, NULL);
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

void zk_client_close(struct zk_client *client)
{
    ASSERT(!loop_is_current(client->loop));
    client->close_message = (struct loop_message){.run = on_close_message, .label = "zk_close"};
    loop_post(client->loop, &client->close_message);
    pthread_mutex_lock(&client->close_lock);
    while (!client->close_done)
        pthread_cond_wait(&client->close_cond, &client->close_lock);
    zhandle_t *handle = client->close_handle;
    client->close_handle = NULL;
    pthread_mutex_unlock(&client->close_lock);
    if (!handle)
        return;
    zookeeper_close(handle);
    client->closed_message = (struct loop_message){.run = on_closed_message, .label = "zk_closed"};
    loop_post(client->loop, &client->closed_message);
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
    pthread_mutex_destroy(&client->close_lock);
    pthread_cond_destroy(&client->close_cond);
    free(client->connect);
    free(client);
}
