/*
 * Orders of tools to the controller (/admin), and messages that it should have
 * read: what contradicts the topics, what cannot be done, what was left behind.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/zk_cluster.h"
#include "zk/znode_json.h"

/* How old a message to the controller may get before it is worth a word. */
#define MESSAGE_AGE_MAX_MS 60000

/* --- reassignments ---------------------------------------------------------------------------------- */

static bool ids_equal_sets(const struct znode_ids *a, const struct znode_ids *b)
{
    return zk_ids_within(a, b) && zk_ids_within(b, a);
}

/* Where the reassignment that goes on leads: the replicas without those that go. */
static struct znode_ids target_of(const struct znode_assignment *partition, struct arena *arena)
{
    struct znode_ids target = {arena_alloc(arena, sizeof(int32_t) * (size_t)(partition->replicas.count + 1)),
                               0};
    for (int32_t i = 0; i < partition->replicas.count; i++)
        if (!zk_ids_have(&partition->removing, partition->replicas.ids[i]))
            target.ids[target.count++] = partition->replicas.ids[i];
    return target;
}

static void check_reassigned(const struct zk_cluster *cluster, const struct znode_partition *item,
                             struct zk_findings *out)
{
    const char *path = "/admin/reassign_partitions";
    const struct zk_cluster_topic *topic = zk_cluster_topic(cluster, item->topic);
    const struct znode_assignment *partition =
        topic && topic->node ? zk_cluster_partition(topic, item->partition) : NULL;
    const char *wanted = zk_ids_text(&item->replicas, cluster->arena);
    if (item->replicas.count == 0 || zk_ids_repeat(&item->replicas)) {
        zk_findings_add(out, ZNODE_ERROR, "reassignment-impossible", path,
                        "delete it and ask again with each broker once",
                        "partition %s-%" PRId32 " cannot have the replicas %s", item->topic, item->partition,
                        wanted);
        return;
    }
    if (!partition) {
        if (!topic || topic->node)
            zk_findings_add(out, ZNODE_NOTE, "reassignment-unknown", path, "delete it if it stays",
                            "names partition %s-%" PRId32 ", which does not exist", item->topic,
                            item->partition);
        return;
    }
    struct znode_ids target = target_of(partition, cluster->arena);
    bool going_on = partition->adding.count + partition->removing.count > 0;
    if (going_on && !ids_equal_sets(&target, &item->replicas))
        zk_findings_add(out, ZNODE_ERROR, "reassignment-contradicts", path,
                        "delete it, let the reassignment end, ask again",
                        "wants %s for partition %s-%" PRId32 ", but a reassignment to %s is in progress",
                        wanted, item->topic, item->partition, zk_ids_text(&target, cluster->arena));
    else if (!going_on && ids_equal_sets(&target, &item->replicas))
        zk_findings_add(out, ZNODE_NOTE, "reassignment-left", path, "delete it if it stays",
                        "partition %s-%" PRId32 " has the replicas %s already", item->topic, item->partition,
                        wanted);
    else if (!going_on)
        zk_findings_add(out, ZNODE_NOTE, "reassignment-waits", path,
                        "delete it and ask again: only its creation is noticed",
                        "the reassignment of partition %s-%" PRId32 " to %s has not begun", item->topic,
                        item->partition, wanted);
}

static void check_reassignments(const struct zk_cluster *cluster, struct zk_findings *out)
{
    const struct zk_node *node = zk_tree_find(cluster->tree, "/admin/reassign_partitions");
    struct znode_partitions list;
    if (!node || znode_decode_reassignment(node->data, cluster->arena, &list, NULL) != ERR_NONE)
        return;
    for (int32_t i = 0; i < list.count; i++) {
        for (int32_t k = 0; k < i; k++)
            if (list.items[k].partition == list.items[i].partition &&
                strcmp(list.items[k].topic, list.items[i].topic) == 0)
                zk_findings_add(out, ZNODE_ERROR, "reassignment-twice", node->path,
                                "delete it and ask again with each partition once",
                                "names partition %s-%" PRId32 " twice", list.items[i].topic,
                                list.items[i].partition);
        check_reassigned(cluster, &list.items[i], out);
    }
    if (list.count == 0)
        zk_findings_add(out, ZNODE_NOTE, "reassignment-empty", node->path,
                        "delete it: it keeps others from being asked for", "names no partition");
}

/* --- elections, deletions --------------------------------------------------------------------------- */

static void check_elections(const struct zk_cluster *cluster, struct zk_findings *out)
{
    const struct zk_node *node = zk_tree_find(cluster->tree, "/admin/preferred_replica_election");
    struct znode_partitions list;
    if (!node || znode_decode_partitions(node->data, cluster->arena, &list, NULL) != ERR_NONE)
        return;
    for (int32_t i = 0; i < list.count; i++) {
        const struct zk_cluster_topic *topic = zk_cluster_topic(cluster, list.items[i].topic);
        if (!topic || (topic->node && !zk_cluster_partition(topic, list.items[i].partition)))
            zk_findings_add(out, ZNODE_NOTE, "election-unknown", node->path, "delete it if it stays",
                            "names partition %s-%" PRId32 ", which does not exist", list.items[i].topic,
                            list.items[i].partition);
    }
}

static void check_deletions(const struct zk_cluster *cluster, struct zk_findings *out)
{
    int first, end = zk_tree_below(cluster->tree, "/admin/delete_topics", &first);
    for (int i = first; i < end; i++) {
        const struct zk_node *node = &cluster->tree->nodes[i];
        const struct zk_cluster_topic *topic = zk_cluster_topic(cluster, zk_node_name(node));
        if (!topic) {
            zk_findings_add(out, ZNODE_NOTE, "deletion-unknown", node->path, "delete it if it stays",
                            "there is no such topic");
            continue;
        }
        for (int32_t k = 0; topic->node && k < topic->value.partitions_count; k++) {
            const struct znode_ids *replicas = &topic->value.partitions[k].replicas;
            int32_t n = 0;
            while (n < replicas->count && zk_cluster_is_live(cluster, replicas->ids[n]))
                n++;
            if (n < replicas->count) {
                zk_findings_add(out, ZNODE_NOTE, "deletion-waits", node->path, "start it",
                                "waits for broker %" PRId32 ", which is not registered", replicas->ids[n]);
                break;
            }
        }
    }
}

/* --- messages --------------------------------------------------------------------------------------- */

static void check_messages(const struct zk_cluster *cluster, const char *parent, struct zk_findings *out)
{
    int first, end = zk_tree_below(cluster->tree, parent, &first);
    for (int i = first; i < end; i++) {
        const struct zk_node *node = &cluster->tree->nodes[i];
        int64_t age_ms = cluster->tree->now_ms - node->ctime_ms;
        if (age_ms > MESSAGE_AGE_MAX_MS)
            zk_findings_add(out, ZNODE_NOTE, "message-left", node->path,
                            "delete /controller if it stays: the next one reads them all",
                            "is %" PRId64 " s old, and no controller has read it", age_ms / 1000);
    }
}

void zk_rules_orders(const struct zk_cluster *cluster, struct zk_findings *out)
{
    check_reassignments(cluster, out);
    check_elections(cluster, out);
    check_deletions(cluster, out);
    check_messages(cluster, "/isr_change_notification", out);
    check_messages(cluster, "/log_dir_event_notification", out);
}
