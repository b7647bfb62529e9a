#include "zk/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "loop/latch.h"

/* Operations that a thread waits for; it is the loop's until all are answered. */
struct sync_calls {
    struct loop_message message;
    struct zk_sync *sync;
    const struct zk_op *ops;
    int count;
    struct arena *arena;
    struct zk_result *results;
    struct sync_call *each;
    int open; /* not answered yet; the loop's */
    struct latch answered;
};

struct sync_call {
    struct sync_calls *calls;
    int index;
};

static const char *const KIND_NAMES[] = {
    [ZK_OP_CREATE] = "create", [ZK_OP_SET] = "set",       [ZK_OP_DELETE] = "delete",
    [ZK_OP_CHECK] = "check",   [ZK_OP_GET] = "get",       [ZK_OP_EXISTS] = "exists",
    [ZK_OP_CHILDREN] = "ls",   [ZK_OP_MULTI] = "multi of"};

static void copy_result(struct zk_result *to, const struct zk_result *from, struct arena *arena)
{
    *to = (struct zk_result){.err = from->err, .stat = from->stat};
    if (!arena)
        return;
    to->data = arena_dup_view(arena, from->data);
    to->path = arena_dup_view(arena, from->path);
    struct view *children = arena_alloc(arena, sizeof *children * (size_t)(from->children_count + 1));
    for (int i = 0; i < from->children_count; i++)
        children[i] = arena_dup_view(arena, from->children[i]);
    to->children = children;
    to->children_count = from->children_count;
    struct zk_result *results = arena_alloc(arena, sizeof *results * (size_t)(from->results_count + 1));
    for (int i = 0; i < from->results_count; i++)
        copy_result(&results[i], &from->results[i], arena);
    to->results = results;
    to->results_count = from->results_count;
}

static void call_answered(void *arg, const struct zk_result *result)
{
    const struct sync_call *call = arg;
    struct sync_calls *calls = call->calls;
    const struct zk_op *op = &calls->ops[call->index];
    if (result->err == ERR_SESSION_EXPIRED && zk_op_only_reads(op)) {
        zk_submit(calls->sync->zk, op, call_answered, arg); /* it waits for the next session */
        return;
    }
    copy_result(&calls->results[call->index], result, calls->arena);
    if (--calls->open > 0)
        return;
    latch_open(&calls->answered);
}

static void calls_arrived(struct loop_message *msg, bool discard)
{
    struct sync_calls *calls = CONTAINER_OF(msg, struct sync_calls, message);
    static const struct zk_result closed = {.err = ERR_CLOSED};
    for (int i = 0, count = calls->count; i < count; i++) { /* the last answer ends `calls` */
        if (discard)
            call_answered(&calls->each[i], &closed);
        else
            zk_submit(calls->sync->zk, &calls->ops[i], call_answered, &calls->each[i]);
    }
}

void zk_sync_calls(struct zk_sync *sync, const struct zk_op *ops, int count, struct arena *arena,
                   struct zk_result *results)
{
    ASSERT(loop_current() == NULL);
    if (count == 0)
        return;
    struct sync_calls calls = {.message = {.run = calls_arrived, .label = "zk_sync"},
                               .sync = sync,
                               .ops = ops,
                               .count = count,
                               .arena = arena,
                               .results = results,
                               .each = mem_zalloc(sizeof *calls.each * (size_t)count),
                               .open = count};
    for (int i = 0; i < count; i++)
        calls.each[i] = (struct sync_call){&calls, i};
    latch_init(&calls.answered);
    loop_post(sync->loop, &calls.message);
    latch_await(&calls.answered);
    free(calls.each);
}

enum err zk_sync_call(struct zk_sync *sync, const struct zk_op *op, struct arena *arena,
                      struct zk_result *out, struct errmsg *why)
{
    zk_sync_calls(sync, op, 1, arena, out);
    if (out->err != ERR_NONE)
        zk_sync_explain(op, out->err, why);
    return out->err;
}

void zk_sync_explain(const struct zk_op *op, enum err err, struct errmsg *why)
{
    errmsg_set(why, "%s %s in ZooKeeper: %s", KIND_NAMES[op->kind],
               op->path            ? op->path
               : op->ops_count > 0 ? op->ops[0].path
                                   : "",
               err_meaning(err));
}

enum err zk_sync_get(struct zk_sync *sync, const char *path, bool watch, struct arena *arena,
                     struct view *data, struct zk_stat *stat, struct errmsg *why)
{
    struct zk_op op = {.kind = ZK_OP_GET, .path = path, .watch = watch};
    struct zk_result result;
    enum err err = zk_sync_call(sync, &op, arena, &result, why);
    if (data)
        *data = result.data;
    if (stat)
        *stat = result.stat;
    return err;
}

enum err zk_sync_children(struct zk_sync *sync, const char *path, bool watch, struct arena *arena,
                          const struct view **names, int *count, struct errmsg *why)
{
    struct zk_op op = {.kind = ZK_OP_CHILDREN, .path = path, .watch = watch};
    struct zk_result result;
    enum err err = zk_sync_call(sync, &op, arena, &result, why);
    *names = result.children;
    *count = err == ERR_NONE ? result.children_count : 0;
    return err;
}

enum err zk_sync_create_path(struct zk_sync *sync, const char *path, struct view data, struct errmsg *why)
{
    struct zk_result result;
    struct zk_op op = {.kind = ZK_OP_CREATE, .path = path, .data = data};
    enum err err = zk_sync_call(sync, &op, NULL, &result, why);
    if (err != ERR_NOT_FOUND)
        return err;
    char *parents = mem_strdup(path);
    for (char *slash = strchr(parents + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        struct zk_op parent = {.kind = ZK_OP_CREATE, .path = parents};
        err = zk_sync_call(sync, &parent, NULL, &result, why);
        *slash = '/';
        if (err != ERR_NONE && err != ERR_EXISTS)
            break;
        err = ERR_NONE;
    }
    free(parents);
    return err == ERR_NONE ? zk_sync_call(sync, &op, NULL, &result, why) : err;
}
