/*
 * Settings, credentials and tokens: whose they are, and what the values of some
 * must look like.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cli/zk_cluster.h"
#include "zk/znode_json.h"

/* Kafka deletes changes that are older, at the next one. */
#define CHANGE_AGE_MAX_MS (15 * 60 * 1000)
#define MS_PER_S          1000

static void check_topic_settings(const struct zk_cluster *cluster, struct zk_findings *out)
{
    int first, end = zk_tree_below(cluster->tree, "/config/topics", &first);
    for (int i = first; i < end; i++) {
        const struct zk_node *node = &cluster->tree->nodes[i];
        const char *name = zk_node_name(node);
        if (!zk_cluster_topic(cluster, name) &&
            !zk_tree_find(cluster->tree, arena_printf(cluster->arena, "/admin/delete_topics/%s", name)))
            zk_findings_add(out, ZNODE_ERROR, "settings-orphaned", node->path,
                            "delete it: a topic of that name would inherit its settings",
                            "there is no such topic");
    }
}

/* salt=...,stored_key=...,server_key=...,iterations=N, in any order. */
static bool is_credential(const char *value)
{
    static const char *const keys[] = {"salt=", "stored_key=", "server_key=", "iterations=", NULL};
    int found = 0;
    for (const char *at = value; *at;) {
        size_t len = strcspn(at, ",");
        for (int i = 0; keys[i]; i++)
            if (len > strlen(keys[i]) && strncmp(at, keys[i], strlen(keys[i])) == 0)
                found |= 1 << i;
        at += len + (at[len] == ',');
    }
    return found == 15;
}

static void check_credentials(const struct zk_cluster *cluster, struct zk_findings *out)
{
    int first, end = zk_tree_below(cluster->tree, "/config/users", &first);
    for (int i = first; i < end; i++) {
        const struct zk_node *node = &cluster->tree->nodes[i];
        struct znode_config config;
        if (znode_decode_config(node->data, cluster->arena, &config, NULL) != ERR_NONE)
            continue;
        for (int32_t k = 0; k < config.count; k++)
            if (strncmp(config.entries[k].name, "SCRAM-", 6) == 0 && !is_credential(config.entries[k].value))
                zk_findings_add(
                    out, ZNODE_ERROR, "credential-malformed", node->path, "set the user's password again",
                    "%.40s is not salt=,stored_key=,server_key=,iterations=", config.entries[k].name);
    }
}

static void check_changes(const struct zk_cluster *cluster, struct zk_findings *out)
{
    int first, end = zk_tree_below(cluster->tree, "/config/changes", &first);
    int old = 0;
    for (int i = first; i < end; i++)
        old += cluster->tree->now_ms - cluster->tree->nodes[i].ctime_ms > CHANGE_AGE_MAX_MS;
    if (old > 0)
        zk_findings_add(out, ZNODE_NOTE, "changes-left", "/config/changes",
                        "nothing: they go with the next change of a setting",
                        "%d change%s older than %d minutes, for which no broker waits any more", old,
                        old == 1 ? " is" : "s are", CHANGE_AGE_MAX_MS / MS_PER_S / 60);
}

static void check_tokens(const struct zk_cluster *cluster, struct zk_findings *out)
{
    int first, end = zk_tree_below(cluster->tree, "/delegation_token/tokens", &first);
    for (int i = first; i < end; i++) {
        const struct zk_node *node = &cluster->tree->nodes[i];
        json_t *root = json_loadb((const char *)node->data.ptr, node->data.len, 0, NULL);
        const char *id = json_string_value(json_object_get(root, "tokenId"));
        if (id && strcmp(id, zk_node_name(node)) != 0)
            zk_findings_add(out, ZNODE_ERROR, "token-misnamed", node->path,
                            "delete it; its owner makes another", "its tokenId is another: %.60s", id);
        json_decref(root);
    }
}

void zk_rules_settings(const struct zk_cluster *cluster, struct zk_findings *out)
{
    check_topic_settings(cluster, out);
    check_credentials(cluster, out);
    check_changes(cluster, out);
    check_tokens(cluster, out);
}
