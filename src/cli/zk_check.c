#include "cli/zk_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/zk_cluster.h"

/* --- single znodes ---------------------------------------------------------------------------------- */

struct faulty {
    struct zk_findings *out;
    const struct zk_node *node;
    const struct znode_row *row;
};

static void take_fault(void *arg, enum znode_severity severity, const char *what)
{
    const struct faulty *faulty = arg;
    const char *remedy = severity == ZNODE_NOTE ? "nothing, if a newer version wrote it"
                         : faulty->row->remedy  ? faulty->row->remedy
                                                : "delete it, if no program of yours uses it";
    zk_findings_add(faulty->out, severity, "znode", faulty->node->path, remedy, "%s", what);
}

/* A path that the description does not have. Strangers at the top may be another program's. */
static void tell_unknown(const struct zk_node *node, const struct znode_type *misnamed,
                         struct zk_findings *out)
{
    if (misnamed)
        zk_findings_add(out, ZNODE_ERROR, "name", node->path, "delete it, if no program of yours uses it",
                        "a part of its path is not %s (%s)", misnamed->name, misnamed->meaning);
    else if (!strchr(node->path + 1, '/'))
        zk_findings_add(out, ZNODE_NOTE, "stranger", node->path, NULL,
                        "is not of this cluster; what is below it was not looked at");
    else
        zk_findings_add(out, ZNODE_ERROR, "unknown-path", node->path,
                        "delete it, if no program of yours uses it", "no broker has a znode there");
}

/* What is below an unknown path was told of with it. */
static bool parent_is_known(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == path)
        return true;
    char *parent = view_to_cstr(view_of(path, (size_t)(slash - path)));
    bool known = znode_row_of(parent, NULL) != NULL;
    free(parent);
    return known;
}

static void check_node(const struct zk_node *node, struct zk_findings *out)
{
    const struct znode_type *misnamed;
    const struct znode_row *row = znode_row_of(node->path, &misnamed);
    if (!row) {
        if (parent_is_known(node->path))
            tell_unknown(node, misnamed, out);
        return;
    }
    if (node->err != ERR_NONE) {
        zk_findings_add(out, ZNODE_NOTE, "unreadable", node->path, "check as a user who may",
                        "may not be read: its ACL keeps us out");
        return;
    }
    struct faulty faulty = {out, node, row};
    znode_row_check(row, node->ephemeral, node->data, take_fault, &faulty);
}

/* --- all of them ------------------------------------------------------------------------------------ */

void zk_check_tree(const struct zk_tree *tree, struct zk_findings *out)
{
    struct zk_cluster cluster;
    for (int i = 0; i < tree->count; i++)
        if (strcmp(tree->nodes[i].path, "/") != 0)
            check_node(&tree->nodes[i], out);
    zk_cluster_load(&cluster, tree, out->arena);
    zk_rules_cluster(&cluster, out);
    zk_rules_topics(&cluster, out);
    zk_rules_partitions(&cluster, out);
    zk_rules_orders(&cluster, out);
    zk_rules_settings(&cluster, out);
    zk_cluster_close(&cluster);
}

bool zk_check_is_cluster(const struct zk_tree *tree)
{
    return zk_tree_find(tree, "/brokers") != NULL;
}

bool zk_check_descends(const char *path)
{
    return strcmp(path, "/") == 0 || znode_row_of(path, NULL) != NULL;
}
