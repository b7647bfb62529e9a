#include "fake/fake_zk.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* Under the lock. */
static struct fake_znode *find(struct fake_zk *fake, const char *path)
{
    for (int i = 0; i < FAKE_ZK_NODES; i++)
        if (fake->nodes[i].path && strcmp(fake->nodes[i].path, path) == 0)
            return &fake->nodes[i];
    return NULL;
}

static void drop(struct fake_znode *node)
{
    free(node->path);
    free(node->data);
    *node = (struct fake_znode){0};
}

static int compare_names(const void *a, const void *b)
{
    return view_compare(*(const struct view *)a, *(const struct view *)b);
}

/* Names of the children of a path, sorted. */
static int children_of(struct fake_zk *fake, const char *path, struct view *names)
{
    size_t len = strlen(path);
    int count = 0;
    for (int i = 0; i < FAKE_ZK_NODES; i++) {
        const char *at = fake->nodes[i].path;
        if (at && strncmp(at, path, len) == 0 && at[len] == '/' && !strchr(at + len + 1, '/'))
            names[count++] = view_str(at + len + 1);
    }
    qsort(names, (size_t)count, sizeof *names, compare_names);
    return count;
}

static void submit(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    struct fake_zk *fake = CONTAINER_OF(zk, struct fake_zk, zk);
    struct view names[FAKE_ZK_NODES];
    struct zk_result result = {.err = ERR_NOT_FOUND};
    pthread_mutex_lock(&fake->lock);
    struct fake_znode *node = find(fake, op->path);
    if (op->kind == ZK_OP_CHILDREN) {
        result = (struct zk_result){.children = names, .children_count = children_of(fake, op->path, names)};
    } else if (op->kind == ZK_OP_GET && node) {
        node->gets++;
        result = (struct zk_result){.err = node->err,
                                    .data = node->err ? VIEW_NULL : view_str(node->data),
                                    .stat = {.ctime_ms = node->ctime_ms}};
    } else if (op->kind == ZK_OP_DELETE && node) {
        drop(node);
        result.err = ERR_NONE;
    } else {
        ASSERT(op->kind == ZK_OP_GET || op->kind == ZK_OP_DELETE);
    }
    if (done)
        done(arg, &result); /* under the lock, for the views are ours */
    pthread_mutex_unlock(&fake->lock);
}

static int64_t no_session(struct zk *zk)
{
    (void)zk;
    return 0;
}

static const struct zk_ops OPS = {.submit = submit, .session_id = no_session};

void fake_zk_init(struct fake_zk *fake)
{
    *fake = (struct fake_zk){.zk = {.ops = &OPS}};
    pthread_mutex_init(&fake->lock, NULL);
}

void fake_zk_close(struct fake_zk *fake)
{
    for (int i = 0; i < FAKE_ZK_NODES; i++)
        drop(&fake->nodes[i]);
    pthread_mutex_destroy(&fake->lock);
}

void fake_zk_put(struct fake_zk *fake, const char *path, const char *data, int64_t ctime_ms)
{
    pthread_mutex_lock(&fake->lock);
    struct fake_znode *node = find(fake, path);
    for (int i = 0; !node; i++) {
        ASSERT(i < FAKE_ZK_NODES);
        if (!fake->nodes[i].path)
            node = &fake->nodes[i];
    }
    char *copy = mem_strdup(path);
    int gets = node->gets;
    drop(node);
    *node = (struct fake_znode){.path = copy, .data = mem_strdup(data), .ctime_ms = ctime_ms, .gets = gets};
    pthread_mutex_unlock(&fake->lock);
}

void fake_zk_fail(struct fake_zk *fake, const char *path, enum err err)
{
    pthread_mutex_lock(&fake->lock);
    find(fake, path)->err = err;
    pthread_mutex_unlock(&fake->lock);
}

bool fake_zk_has(struct fake_zk *fake, const char *path)
{
    pthread_mutex_lock(&fake->lock);
    bool found = find(fake, path) != NULL;
    pthread_mutex_unlock(&fake->lock);
    return found;
}

int fake_zk_gets(struct fake_zk *fake, const char *path)
{
    pthread_mutex_lock(&fake->lock);
    struct fake_znode *node = find(fake, path);
    int gets = node ? node->gets : 0;
    pthread_mutex_unlock(&fake->lock);
    return gets;
}
