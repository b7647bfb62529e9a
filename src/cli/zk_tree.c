/*
 * The reader lives on the session's loop: a GET for each znode, a CHILDREN for
 * those that have some, as many at a time as IN_FLIGHT; the main thread waits.
 */
#include "cli/zk_tree.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"

#define IN_FLIGHT 1000
#define MS_PER_S  1000
#define NS_PER_MS 1000000

/* --- reading ---------------------------------------------------------------------------------------- */

struct reader;

/* One question about one znode. */
struct job {
    struct job *next;
    struct reader *reader;
    enum zk_op_kind kind;
    struct zk_node *node;
};

struct reader {
    struct loop_message message;
    struct zk_sync *sync;
    struct arena *arena;
    bool (*descend)(const char *path);
    struct zk_node **nodes; /* each in the arena */
    int count;
    int cap;
    struct job *waiting;
    int in_flight;
    enum err err; /* the first, after which nothing more is asked */
    const char *failed;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished; /* under the lock */
};

static void ask(struct reader *reader, enum zk_op_kind kind, struct zk_node *node)
{
    struct job *job = arena_alloc(reader->arena, sizeof *job);
    *job = (struct job){reader->waiting, reader, kind, node};
    reader->waiting = job;
}

static void add_node(struct reader *reader, const char *path)
{
    struct zk_node *node = arena_zalloc(reader->arena, sizeof *node);
    node->path = path;
    if (reader->count == reader->cap) {
        reader->cap = reader->cap ? 2 * reader->cap : 256;
        reader->nodes = mem_resize(reader->nodes, (size_t)reader->cap * sizeof(struct zk_node *));
    }
    reader->nodes[reader->count++] = node;
    ask(reader, ZK_OP_GET, node);
}

static void take_data(struct job *job, const struct zk_result *result)
{
    struct zk_node *node = job->node;
    node->data = arena_dup_view(job->reader->arena, result->data);
    node->ephemeral = result->stat.ephemeral_owner != 0;
    node->version = result->stat.version;
    node->ctime_ms = result->stat.ctime_ms;
    if (result->stat.children_count > 0 && (!job->reader->descend || job->reader->descend(node->path)))
        ask(job->reader, ZK_OP_CHILDREN, node);
}

static void take_children(struct job *job, const struct zk_result *result)
{
    const char *parent = strcmp(job->node->path, "/") == 0 ? "" : job->node->path;
    for (int i = 0; i < result->children_count; i++)
        if (*parent || !view_equal_str(result->children[i], "zookeeper"))
            add_node(job->reader,
                     arena_printf(job->reader->arena, "%s/%.*s", parent, VIEW_FMT(result->children[i])));
}

static void pump(struct reader *reader);

static void answered(void *arg, const struct zk_result *result)
{
    struct job *job = arg;
    struct reader *reader = job->reader;
    reader->in_flight--;
    if (result->err == ERR_NONE && job->kind == ZK_OP_GET)
        take_data(job, result);
    else if (result->err == ERR_NONE)
        take_children(job, result);
    else if (result->err == ERR_NOT_FOUND || result->err == ERR_NO_AUTH)
        job->node->err = result->err;
    else if (reader->err == ERR_NONE) {
        reader->err = result->err;
        reader->failed = job->node->path;
    }
    pump(reader);
}

static void finish(struct reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    reader->finished = true;
    pthread_cond_signal(&reader->cond);
    pthread_mutex_unlock(&reader->lock);
}

static void pump(struct reader *reader)
{
    while (reader->waiting && reader->in_flight < IN_FLIGHT && reader->err == ERR_NONE) {
        struct job *job = reader->waiting;
        struct zk_op op = {.kind = job->kind, .path = job->node->path};
        reader->waiting = job->next;
        reader->in_flight++;
        zk_submit(reader->sync->zk, &op, answered, job);
    }
    if (reader->in_flight == 0)
        finish(reader);
}

static void begin(struct loop_message *message, bool discard)
{
    struct reader *reader = CONTAINER_OF(message, struct reader, message);
    if (discard) {
        reader->err = ERR_CLOSED;
        reader->failed = "/";
        finish(reader);
        return;
    }
    add_node(reader, "/");
    pump(reader);
}

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

enum err zk_tree_read(struct zk_sync *sync, bool (*descend)(const char *path), struct arena *arena,
                      struct zk_tree *out, struct errmsg *why)
{
    ASSERT(loop_current() == NULL);
    struct reader reader = {
        .message = {.run = begin, .label = "zk_tree"}, .sync = sync, .arena = arena, .descend = descend};
    pthread_mutex_init(&reader.lock, NULL);
    pthread_cond_init(&reader.cond, NULL);
    loop_post(sync->loop, &reader.message);
    pthread_mutex_lock(&reader.lock);
    while (!reader.finished)
        pthread_cond_wait(&reader.cond, &reader.lock);
    pthread_mutex_unlock(&reader.lock);
    pthread_mutex_destroy(&reader.lock);
    pthread_cond_destroy(&reader.cond);
    *out = (struct zk_tree){arena_alloc(arena, sizeof *out->nodes * (size_t)(reader.count + 1)), 0,
                            wall_clock_ms()};
    for (int i = 0; i < reader.count; i++)
        if (reader.nodes[i]->err != ERR_NOT_FOUND)
            out->nodes[out->count++] = *reader.nodes[i];
    free(reader.nodes);
    zk_tree_sort(out);
    if (reader.err != ERR_NONE)
        errmsg_set(why, "reading %s in ZooKeeper: %s", reader.failed, err_meaning(reader.err));
    return reader.err;
}

/* --- looking ---------------------------------------------------------------------------------------- */

/* The order of bytes, '/' before all others. */
static int compare_paths(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    int x = *a == '\0' ? -2 : *a == '/' ? -1 : (unsigned char)*a;
    int y = *b == '\0' ? -2 : *b == '/' ? -1 : (unsigned char)*b;
    return (x > y) - (x < y);
}

static int compare_nodes(const void *a, const void *b)
{
    return compare_paths(((const struct zk_node *)a)->path, ((const struct zk_node *)b)->path);
}

void zk_tree_sort(struct zk_tree *tree)
{
    qsort(tree->nodes, (size_t)tree->count, sizeof *tree->nodes, compare_nodes);
}

/* The first node that is not before `path`. */
static int lower_bound(const struct zk_tree *tree, const char *path)
{
    int low = 0, high = tree->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (compare_paths(tree->nodes[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct zk_node *zk_tree_find(const struct zk_tree *tree, const char *path)
{
    int at = lower_bound(tree, path);
    return at < tree->count && strcmp(tree->nodes[at].path, path) == 0 ? &tree->nodes[at] : NULL;
}

int zk_tree_below(const struct zk_tree *tree, const char *path, int *first)
{
    size_t len = strlen(path);
    int at = lower_bound(tree, path);
    if (at < tree->count && strcmp(tree->nodes[at].path, path) == 0)
        at++;
    *first = at;
    while (at < tree->count && strncmp(tree->nodes[at].path, path, len) == 0 &&
           tree->nodes[at].path[len] == '/')
        at++;
    return at;
}

const char *zk_node_name(const struct zk_node *node)
{
    const char *slash = strrchr(node->path, '/');
    return slash ? slash + 1 : node->path;
}
