/*
 * What the znodes of the cluster as a whole say of one another: what must be
 * there, the controller, the brokers, producer ids.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/zk_cluster.h"
#include "zk/znode_json.h"

static void check_roots(const struct zk_cluster *cluster, struct zk_findings *out)
{
    for (int i = 0; i < znode_row_count; i++)
        if (znode_rows[i].at_start && !zk_tree_find(cluster->tree, znode_rows[i].pattern))
            zk_findings_add(out, ZNODE_ERROR, "root-missing", znode_rows[i].pattern,
                            "restart any broker, it makes it again",
                            "is missing: every broker makes it at its start");
}

static void check_cluster_id(const struct zk_cluster *cluster, struct zk_findings *out)
{
    if (cluster->brokers_count > 0 && !zk_tree_find(cluster->tree, "/cluster/id"))
        zk_findings_add(
            out, ZNODE_ERROR, "cluster-id-missing", "/cluster/id",
            "make it with the cluster.id in meta.properties of any log directory, or no broker starts",
            "is missing, though brokers are registered");
}

static void check_controller(const struct zk_cluster *cluster, struct zk_findings *out)
{
    const struct zk_node *node = cluster->controller_node;
    const char *path = "/controller";
    if (!node) {
        if (cluster->brokers_count > 0 && !zk_tree_find(cluster->tree, path))
            zk_findings_add(out, ZNODE_NOTE, "controller-missing", path,
                            "wait, or restart a broker if it stays so",
                            "there is no controller, though brokers are registered");
        return;
    }
    bool kraft = cluster->controller.kraft_controller_epoch >= 0;
    int32_t id = cluster->controller.broker_id;
    if (!kraft && !node->ephemeral)
        zk_findings_add(out, ZNODE_ERROR, "controller-persistent", path,
                        "delete it; the brokers elect a controller",
                        "is persistent, though no KRaft controller wrote it: no controller will ever follow");
    if (!kraft && !zk_cluster_is_live(cluster, id))
        zk_findings_add(out, ZNODE_ERROR, "controller-not-registered", path,
                        "restart that broker, or delete /controller so that another is elected",
                        "names broker %" PRId32 ", which is not registered", id);
    if (!zk_tree_find(cluster->tree, "/controller_epoch"))
        zk_findings_add(
            out, ZNODE_ERROR, "controller-epoch-missing", "/controller_epoch",
            "make it with a number above the controller_epoch of every partition state, then delete "
            "/controller",
            "is missing, though there is a controller: it can write nothing");
}

static void check_endpoints(const struct zk_cluster *cluster, struct zk_findings *out)
{
    struct map seen = {0};
    for (int i = 0; i < cluster->brokers_count; i++) {
        const struct zk_cluster_broker *broker = &cluster->brokers[i];
        for (int32_t k = 0; broker->decoded && k < broker->value.endpoints_count; k++) {
            const struct znode_endpoint *endpoint = &broker->value.endpoints[k];
            const char *address = arena_printf(cluster->arena, "%s:%" PRId32, endpoint->host, endpoint->port);
            const struct zk_cluster_broker *other = map_get_str(&seen, address);
            if (other && other != broker)
                zk_findings_add(out, ZNODE_NOTE, "endpoint-twice", broker->node->path,
                                "give each broker advertised.listeners of its own",
                                "advertises %s, as broker %" PRId32 " does", address, other->id);
            map_put_str(&seen, address, (void *)(uintptr_t)broker);
        }
    }
    map_close(&seen);
}

static void check_producer_ids(const struct zk_cluster *cluster, struct zk_findings *out)
{
    const struct zk_node *node = zk_tree_find(cluster->tree, "/latest_producer_id_block");
    struct znode_producer_id_block block;
    if (node && znode_decode_producer_id_block(node->data, cluster->arena, &block, NULL) == ERR_NONE &&
        block.block_start > block.block_end)
        zk_findings_add(out, ZNODE_ERROR, "producer-ids-reversed", node->path,
                        "set block_end above every producer id in use",
                        "its block ends at %" PRId64 ", before it starts at %" PRId64, block.block_end,
                        block.block_start);
}

void zk_rules_cluster(const struct zk_cluster *cluster, struct zk_findings *out)
{
    check_roots(cluster, out);
    check_cluster_id(cluster, out);
    check_controller(cluster, out);
    check_endpoints(cluster, out);
    check_producer_ids(cluster, out);
}
