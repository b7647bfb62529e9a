#include "cli/zk_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "zk/znode_json.h"

/* --- lists of ids ----------------------------------------------------------------------------------- */

bool zk_ids_have(const struct znode_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

bool zk_ids_within(const struct znode_ids *ids, const struct znode_ids *others)
{
    for (int32_t i = 0; i < ids->count; i++)
        if (!zk_ids_have(others, ids->ids[i]))
            return false;
    return true;
}

bool zk_ids_repeat(const struct znode_ids *ids)
{
    for (int32_t i = 0; i < ids->count; i++)
        for (int32_t k = 0; k < i; k++)
            if (ids->ids[i] == ids->ids[k])
                return true;
    return false;
}

const char *zk_ids_text(const struct znode_ids *ids, struct arena *arena)
{
    struct buf text = {0};
    buf_put_str(&text, "[");
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(&text, "%s%d", i ? "," : "", ids->ids[i]);
    buf_put_str(&text, "]");
    const char *copy = arena_cstr(arena, buf_view(&text));
    buf_close(&text);
    return copy;
}

/* --- loading ---------------------------------------------------------------------------------------- */

/* "/brokers/ids/1" is one, "/brokers/ids/1/x" is not. */
static bool is_child(const char *path, const char *parent)
{
    return strchr(path + strlen(parent) + 1, '/') == NULL;
}

static void load_brokers(struct zk_cluster *cluster)
{
    const char *parent = "/brokers/ids";
    int first, end = zk_tree_below(cluster->tree, parent, &first);
    cluster->brokers = arena_zalloc(cluster->arena, sizeof *cluster->brokers * (size_t)(end - first + 1));
    for (int i = first; i < end; i++) {
        const struct zk_node *node = &cluster->tree->nodes[i];
        char *digits_end;
        long id = strtol(zk_node_name(node), &digits_end, 10);
        if (!is_child(node->path, parent) || *digits_end || id < 0 || id > INT32_MAX)
            continue;
        struct zk_cluster_broker *broker = &cluster->brokers[cluster->brokers_count++];
        broker->id = (int32_t)id;
        broker->node = node;
        broker->decoded = znode_decode_broker(node->data, cluster->arena, &broker->value, NULL) == ERR_NONE;
        map_put_int(&cluster->live, id, broker);
    }
}

static void load_topics(struct zk_cluster *cluster)
{
    const char *parent = "/brokers/topics";
    int first, end = zk_tree_below(cluster->tree, parent, &first);
    cluster->topics = arena_zalloc(cluster->arena, sizeof *cluster->topics * (size_t)(end - first + 1));
    for (int i = first; i < end; i++) {
        const struct zk_node *node = &cluster->tree->nodes[i];
        struct zk_cluster_topic *topic = &cluster->topics[cluster->topics_count];
        if (!is_child(node->path, parent))
            continue;
        *topic = (struct zk_cluster_topic){.name = zk_node_name(node), .node = node};
        if (node->err != ERR_NONE || node->data.len == 0 ||
            znode_decode_topic(node->data, cluster->arena, &topic->value, NULL) != ERR_NONE)
            topic->node = NULL;
        topic->deleting = zk_tree_find(cluster->tree, arena_printf(cluster->arena, "/admin/delete_topics/%s",
                                                                   topic->name)) != NULL;
        map_put_str(&cluster->topics_by_name, topic->name, topic);
        cluster->topics_count++;
    }
}

void zk_cluster_load(struct zk_cluster *cluster, const struct zk_tree *tree, struct arena *arena)
{
    *cluster = (struct zk_cluster){.tree = tree, .arena = arena};
    load_brokers(cluster);
    load_topics(cluster);
    const struct zk_node *node = zk_tree_find(tree, "/controller");
    if (node && znode_decode_controller(node->data, arena, &cluster->controller, NULL) == ERR_NONE)
        cluster->controller_node = node;
    node = zk_tree_find(tree, "/controller_epoch");
    if (node && znode_decode_controller_epoch(node->data, &cluster->epoch, NULL) == ERR_NONE)
        cluster->epoch_node = node;
}

void zk_cluster_close(struct zk_cluster *cluster)
{
    map_close(&cluster->live);
    map_close(&cluster->topics_by_name);
}

/* --- questions -------------------------------------------------------------------------------------- */

bool zk_cluster_is_live(const struct zk_cluster *cluster, int32_t broker)
{
    return map_get_int(&cluster->live, broker) != NULL;
}

bool zk_cluster_any_live(const struct zk_cluster *cluster, const struct znode_ids *ids)
{
    for (int32_t i = 0; i < ids->count; i++)
        if (zk_cluster_is_live(cluster, ids->ids[i]))
            return true;
    return false;
}

struct zk_cluster_topic *zk_cluster_topic(const struct zk_cluster *cluster, const char *name)
{
    return map_get_str(&cluster->topics_by_name, name);
}

const struct znode_assignment *zk_cluster_partition(const struct zk_cluster_topic *topic, int32_t partition)
{
    /* They ascend. */
    int32_t low = 0, high = topic->value.partitions_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (topic->value.partitions[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low < topic->value.partitions_count && topic->value.partitions[low].partition == partition
               ? &topic->value.partitions[low]
               : NULL;
}
