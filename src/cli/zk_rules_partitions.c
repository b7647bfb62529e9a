/*
 * Partition states against the assignments they belong to, the brokers that are
 * alive, and the controller's epoch. A topic that is being deleted is left alone:
 * its states go one by one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/zk_cluster.h"
#include "zk/znode_json.h"

/* A broker that assignments name and that is not registered. */
struct absentee {
    int32_t id;
    int partitions;
    const char *example;
};

struct partitions_check {
    const struct zk_cluster *cluster;
    struct zk_findings *out;
    struct map absent; /* id to struct absentee */
};

/* --- one state -------------------------------------------------------------------------------------- */

static void check_leader(struct partitions_check *check, const char *path, const struct znode_state *state)
{
    const struct zk_cluster *cluster = check->cluster;
    const char *isr = zk_ids_text(&state->isr, cluster->arena);
    if (state->leader >= 0 && !zk_ids_have(&state->isr, state->leader))
        zk_findings_add(check->out, ZNODE_ERROR, "leader-not-in-isr", path,
                        "stop the replicas and set leader to one of the isr",
                        "its leader %" PRId32 " is not in its isr %s", state->leader, isr);
    else if (state->leader >= 0 && !zk_cluster_is_live(cluster, state->leader))
        zk_findings_add(check->out, ZNODE_NOTE, "leader-not-alive", path, "start that broker",
                        "its leader %" PRId32 " is not registered", state->leader);
    else if (state->leader < 0 && zk_cluster_any_live(cluster, &state->isr))
        zk_findings_add(check->out, ZNODE_NOTE, "leader-missing", path,
                        "ask for an election, or delete /controller so that another one holds it",
                        "it has no leader, though some of its isr %s are registered", isr);
    else if (state->leader < 0)
        zk_findings_add(check->out, ZNODE_NOTE, "partition-offline", path,
                        "start one of them; an unclean election would lose messages",
                        "it has no leader, and none of its isr %s is registered", isr);
}

static void check_isr(struct partitions_check *check, const char *path, const struct znode_state *state,
                      const struct znode_assignment *partition)
{
    struct arena *arena = check->cluster->arena;
    const char *isr = zk_ids_text(&state->isr, arena);
    if (state->isr.count == 0)
        zk_findings_add(check->out, ZNODE_ERROR, "isr-empty", path,
                        "stop the replicas and set isr to one that holds all that was acknowledged",
                        "its isr is empty: no leader can ever be elected cleanly");
    if (zk_ids_repeat(&state->isr))
        zk_findings_add(check->out, ZNODE_ERROR, "isr-repeats", path,
                        "stop the replicas and set isr to each of them once",
                        "its isr %s names a broker twice", isr);
    if (!zk_ids_within(&state->isr, &partition->replicas))
        zk_findings_add(check->out, ZNODE_ERROR, "isr-not-replicas", path,
                        "ask for a reassignment to the brokers that hold it",
                        "its isr %s is not within its replicas %s", isr,
                        zk_ids_text(&partition->replicas, arena));
}

static void check_state(struct partitions_check *check, const struct zk_node *node,
                        const struct znode_assignment *partition)
{
    const struct zk_cluster *cluster = check->cluster;
    struct znode_state state;
    if (node->err != ERR_NONE || znode_decode_state(node->data, cluster->arena, &state, NULL) != ERR_NONE)
        return;
    check_isr(check, node->path, &state, partition);
    if (state.isr.count > 0)
        check_leader(check, node->path, &state);
    if (cluster->epoch_node && state.controller_epoch > cluster->epoch)
        zk_findings_add(check->out, ZNODE_ERROR, "controller-epoch-behind", node->path,
                        "set /controller_epoch above it, then delete /controller",
                        "its controller_epoch %" PRId32 " is above /controller_epoch, which is %" PRId32
                        ": no controller will ever write it",
                        state.controller_epoch, cluster->epoch);
}

static void tell_no_state(struct partitions_check *check, const char *path,
                          const struct znode_assignment *partition)
{
    const char *replicas = zk_ids_text(&partition->replicas, check->cluster->arena);
    if (!check->cluster->controller_node)
        zk_findings_add(check->out, ZNODE_NOTE, "state-missing", path, "wait for a controller",
                        "is missing: there is no controller to elect a leader");
    else if (!zk_cluster_any_live(check->cluster, &partition->replicas))
        zk_findings_add(check->out, ZNODE_NOTE, "state-missing", path, "start one of them",
                        "is missing: none of the replicas %s was registered since the partition was made",
                        replicas);
    else
        zk_findings_add(check->out, ZNODE_ERROR, "state-missing", path,
                        "delete /controller so that another one elects a leader",
                        "is missing, though replicas of %s are registered", replicas);
}

/* --- a topic ---------------------------------------------------------------------------------------- */

static void count_absentees(struct partitions_check *check, const char *path,
                            const struct znode_ids *replicas)
{
    for (int32_t i = 0; i < replicas->count; i++) {
        int32_t id = replicas->ids[i];
        if (zk_cluster_is_live(check->cluster, id))
            continue;
        struct absentee *absentee = map_get_int(&check->absent, id);
        if (!absentee) {
            absentee = arena_zalloc(check->cluster->arena, sizeof *absentee);
            *absentee = (struct absentee){id, 0, path};
            map_put_int(&check->absent, id, absentee);
        }
        absentee->partitions++;
    }
}

static void check_assigned(struct partitions_check *check, const struct zk_cluster_topic *topic)
{
    for (int32_t i = 0; i < topic->value.partitions_count; i++) {
        const struct znode_assignment *partition = &topic->value.partitions[i];
        const char *path = arena_printf(check->cluster->arena, "%s/partitions/%" PRId32 "/state",
                                        topic->node->path, partition->partition);
        const struct zk_node *node = zk_tree_find(check->cluster->tree, path);
        if (node)
            check_state(check, node, partition);
        else
            tell_no_state(check, path, partition);
        count_absentees(check, topic->node->path, &partition->replicas);
    }
}

/* States that belong to no partition of the topic. */
static void check_orphans(struct partitions_check *check, const struct zk_cluster_topic *topic)
{
    const struct zk_tree *tree = check->cluster->tree;
    const char *parent = arena_printf(check->cluster->arena, "%s/partitions", topic->node->path);
    int first, end = zk_tree_below(tree, parent, &first);
    for (int i = first; i < end; i++) {
        const char *name = tree->nodes[i].path + strlen(parent) + 1;
        char *name_end;
        long number = strtol(name, &name_end, 10);
        if (*name_end || number < 0 || number > INT32_MAX)
            continue;
        if (!zk_cluster_partition(topic, (int32_t)number))
            zk_findings_add(
                check->out, ZNODE_ERROR, "partition-orphaned", tree->nodes[i].path,
                "delete it and what is below, or write the partition into the topic's znode again",
                "is of a partition that %s does not have", topic->name);
    }
}

static void tell_absentees(struct partitions_check *check)
{
    const struct map_slot *slot;
    size_t it = 0;
    int count = 0;
    struct absentee **list = arena_zalloc(check->cluster->arena, (check->absent.count + 1) * sizeof *list);
    while ((slot = map_next(&check->absent, &it)) != NULL)
        list[count++] = slot->value;
    /* By id: the map has no order of its own. */
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && list[k - 1]->id > list[k]->id; k--) {
            struct absentee *swap = list[k];
            list[k] = list[k - 1];
            list[k - 1] = swap;
        }
    for (int i = 0; i < count; i++)
        zk_findings_add(check->out, ZNODE_NOTE, "replica-not-registered",
                        arena_printf(check->cluster->arena, "/brokers/ids/%" PRId32, list[i]->id),
                        "start the broker, or reassign what it holds",
                        "is not registered, but replica of %d partition%s (%s)", list[i]->partitions,
                        list[i]->partitions == 1 ? "" : "s", list[i]->example);
}

void zk_rules_partitions(const struct zk_cluster *cluster, struct zk_findings *out)
{
    struct partitions_check check = {.cluster = cluster, .out = out};
    for (int i = 0; i < cluster->topics_count; i++) {
        const struct zk_cluster_topic *topic = &cluster->topics[i];
        if (!topic->node || topic->deleting)
            continue;
        check_assigned(&check, topic);
        check_orphans(&check, topic);
    }
    tell_absentees(&check);
    map_close(&check.absent);
}
