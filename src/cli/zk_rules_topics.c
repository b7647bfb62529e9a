/*
 * What /brokers/topics/T must hold together: ids, partitions, replicas, and the
 * lists of a reassignment in progress.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "cli/zk_cluster.h"

#define REPAIR                                                                                               \
    "write its replicas as they are, without it, then delete /controller so that another one reads it"

static void check_id(const struct zk_cluster_topic *topic, struct map *ids, struct zk_findings *out)
{
    char text[UUID_TEXT_SIZE];
    if (uuid_is_zero(topic->value.topic_id)) {
        zk_findings_add(out, ZNODE_NOTE, "topic-without-id", topic->node->path,
                        "the next controller gives it one", "has no topic_id");
        return;
    }
    uuid_to_text(topic->value.topic_id, text);
    const struct zk_cluster_topic *other = map_put_str(ids, text, (void *)(uintptr_t)topic);
    if (other)
        zk_findings_add(out, ZNODE_ERROR, "topic-id-twice", topic->node->path,
                        "set each to the topic_id in partition.metadata of its replicas",
                        "has the topic_id %s, as %s does", text, other->name);
}

static void check_numbers(const struct zk_cluster_topic *topic, struct zk_findings *out)
{
    if (topic->value.partitions_count == 0)
        zk_findings_add(out, ZNODE_ERROR, "topic-empty", topic->node->path,
                        "delete it, or write its partitions again", "has no partitions");
    for (int32_t i = 0; i < topic->value.partitions_count; i++) {
        if (topic->value.partitions[i].partition != i) {
            zk_findings_add(out, ZNODE_ERROR, "partition-numbers", topic->node->path,
                            "write the partition that is missing with the replicas that hold it",
                            "has no partition %" PRId32 ", but %" PRId32, i,
                            topic->value.partitions[i].partition);
            return;
        }
    }
}

/* What the lists of one partition say of one another. */
static void check_lists(const struct zk_cluster *cluster, const struct zk_cluster_topic *topic,
                        const struct znode_assignment *partition, struct zk_findings *out)
{
    const char *path = topic->node->path;
    const char *replicas = zk_ids_text(&partition->replicas, cluster->arena);
    const char *adding = zk_ids_text(&partition->adding, cluster->arena);
    const char *removing = zk_ids_text(&partition->removing, cluster->arena);
    int32_t number = partition->partition;
    if (partition->replicas.count == 0)
        zk_findings_add(
            out, ZNODE_ERROR, "replicas-empty", path,
            "write the brokers that hold it, then delete /controller so that another one reads it",
            "partition %" PRId32 " has no replicas", number);
    if (zk_ids_repeat(&partition->replicas))
        zk_findings_add(out, ZNODE_ERROR, "replicas-repeat", path,
                        "write each broker once, then delete /controller so that another one reads it",
                        "partition %" PRId32 " names a broker twice: %s", number, replicas);
    if (!zk_ids_within(&partition->adding, &partition->replicas))
        zk_findings_add(out, ZNODE_ERROR, "adding-not-replicas", path, REPAIR,
                        "partition %" PRId32 " adds %s, not all of which are in its replicas %s", number,
                        adding, replicas);
    if (!zk_ids_within(&partition->removing, &partition->replicas))
        zk_findings_add(out, ZNODE_ERROR, "removing-not-replicas", path, REPAIR,
                        "partition %" PRId32 " removes %s, not all of which are in its replicas %s", number,
                        removing, replicas);
    for (int32_t i = 0; i < partition->adding.count; i++) {
        if (zk_ids_have(&partition->removing, partition->adding.ids[i])) {
            zk_findings_add(out, ZNODE_ERROR, "adding-and-removing", path, REPAIR,
                            "partition %" PRId32 " adds %s and removes %s: broker %" PRId32 " is in both",
                            number, adding, removing, partition->adding.ids[i]);
            break;
        }
    }
    if (partition->replicas.count > 0 && partition->removing.count > 0 &&
        zk_ids_within(&partition->replicas, &partition->removing))
        zk_findings_add(out, ZNODE_ERROR, "removing-all", path, REPAIR,
                        "partition %" PRId32 " removes all of its replicas %s", number, replicas);
}

/* Reassignments of partitions that the topic does not have: the decoder passes over them. */
static void check_strangers(const struct zk_cluster_topic *topic, struct zk_findings *out)
{
    static const char *const fields[] = {"adding_replicas", "removing_replicas"};
    json_t *root =
        json_loadb((const char *)topic->node->data.ptr, topic->node->data.len, JSON_ALLOW_NUL, NULL);
    const json_t *partitions = json_object_get(root, "partitions");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        json_t *map = json_object_get(root, fields[i]);
        const char *key;
        json_t *value;
        json_object_foreach(map, key, value)
        {
            if (!json_object_get(partitions, key))
                zk_findings_add(out, ZNODE_ERROR, "reassigned-partition-missing", topic->node->path, REPAIR,
                                "%s names partition %.20s, which the topic does not have", fields[i], key);
        }
    }
    json_decref(root);
}

void zk_rules_topics(const struct zk_cluster *cluster, struct zk_findings *out)
{
    struct map ids = {0};
    for (int i = 0; i < cluster->topics_count; i++) {
        const struct zk_cluster_topic *topic = &cluster->topics[i];
        if (!topic->node)
            continue;
        check_id(topic, &ids, out);
        check_numbers(topic, out);
        for (int32_t k = 0; k < topic->value.partitions_count; k++)
            check_lists(cluster, topic, &topic->value.partitions[k], out);
        check_strangers(topic, out);
    }
    map_close(&ids);
}
