/*
 * Removes a topic from ZooKeeper: everything under /brokers/topics/T, level by level, then
 * its config, then the marker that asked for it. In this order a controller that dies on the
 * way leaves the marker, and the next one goes on.
 */
#include "base/assert.h"
#include "core/controller/internal.h"

#define ROUNDS_MAX 8

enum { TREE_LIST, TREE_LISTED, TREE_DELETED, TREE_REST_DELETED };

static void add_path(struct controller *c, struct ctl_delete_tree *tree, const char *path)
{
    tree->paths = ctl_grow(&c->arena, tree->paths, tree->paths_count, &tree->paths_cap, sizeof *tree->paths);
    tree->paths[tree->paths_count++] = path;
}

static enum ctl_next list_level(struct controller *c, struct ctl_delete_tree *tree)
{
    for (int32_t i = tree->level_begin; i < tree->paths_count; i++)
        ctl_children(c, false, tree->paths[i]);
    tree->frame.phase = TREE_LISTED;
    return ctl_submit(c);
}

static enum ctl_next take_level(struct controller *c, struct ctl_delete_tree *tree)
{
    int32_t begin = tree->level_begin;
    tree->level_begin = tree->paths_count;
    for (int32_t i = 0; i < c->results_count; i++) {
        const struct controller_op_result *list = &c->results[i];
        for (int32_t j = 0; j < list->children_count; j++)
            add_path(c, tree, ctl_path(c, "%s/%s", tree->paths[begin + i], list->children[j]));
    }
    if (tree->level_begin < tree->paths_count) {
        tree->frame.phase = TREE_LIST;
        return CTL_AGAIN;
    }
    for (int32_t i = tree->paths_count - 1; i >= 0; i--) /* children before parents */
        ctl_writes_add(c, &tree->writes, CONTROLLER_OP_DELETE, tree->paths[i]);
    ctl_call_writes(c, &tree->writes);
    tree->frame.phase = TREE_DELETED;
    return CTL_AGAIN;
}

static enum ctl_next take_deletes(struct controller *c, struct ctl_delete_tree *tree)
{
    bool not_empty = false;
    for (int32_t i = 0; i < tree->writes.count; i++)
        not_empty |= tree->writes.items[i].err == ERR_NOT_EMPTY;
    tree->writes = (struct ctl_writes){0};
    if (not_empty) { /* something appeared underneath meanwhile */
        if (++tree->rounds == ROUNDS_MAX) {
            tree->failed = true;
            return CTL_DONE;
        }
        tree->paths_count = 1;
        tree->level_begin = 0;
        tree->frame.phase = TREE_LIST;
        return CTL_AGAIN;
    }
    const struct ctl_topic *topic = ctl_topic_find(&c->ctx, tree->topic);
    for (int32_t i = 0; topic && i < topic->partitions_count; i++) {
        if (topic->partitions[i]->standing)
            ctl_writes_add(c, &tree->writes, CONTROLLER_OP_DELETE,
                           ctl_standing_path(c, topic->partitions[i]));
    }
    ctl_writes_add(c, &tree->writes, CONTROLLER_OP_DELETE, ctl_path(c, "/config/topics/%s", tree->topic));
    ctl_writes_add(c, &tree->writes, CONTROLLER_OP_DELETE,
                   ctl_path(c, "/admin/delete_topics/%s", tree->topic));
    ctl_call_writes(c, &tree->writes);
    tree->frame.phase = TREE_REST_DELETED;
    return CTL_AGAIN;
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct ctl_delete_tree *tree = (struct ctl_delete_tree *)frame;
    switch (frame->phase) {
    case TREE_LIST:
        return list_level(c, tree);
    case TREE_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        return take_level(c, tree);
    case TREE_DELETED:
        return take_deletes(c, tree);
    case TREE_REST_DELETED:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

struct ctl_delete_tree *ctl_call_delete_znodes(struct controller *c, const char *topic)
{
    struct ctl_delete_tree *tree = ctl_call(c, sizeof *tree, run);
    tree->topic = arena_strdup(&c->arena, topic);
    add_path(c, tree, ctl_path(c, "/brokers/topics/%s", topic));
    return tree;
}
