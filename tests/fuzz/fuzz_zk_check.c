/*
 * Any bytes as the data of every znode of a small tree, and as a path: the checker tells what it thinks of
 * it, prints it, and comes back.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cli/zk_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

/* One path of each kind of data; those of one topic meet in the rules. */
static const char *const paths[] = {
    "/admin/preferred_replica_election",
    "/admin/reassign_partitions",
    "/brokers/ids/1",
    "/brokers/topics/t",
    "/brokers/topics/t/partitions/0/state",
    "/cluster/id",
    "/config/brokers/<default>",
    "/config/changes/config_change_0000000001",
    "/config/topics/t",
    "/config/users/u",
    "/consumers/g/offsets/t/0",
    "/controller",
    "/controller_epoch",
    "/delegation_token/tokens/t",
    "/feature",
    "/isr_change_notification/isr_change_0000000001",
    "/kafka-acl-changes/acl_changes_0000000001",
    "/kafka-acl-extended-changes/acl_changes_0000000001",
    "/kafka-acl/Topic/t",
    "/latest_producer_id_block",
    "/log_dir_event_notification/log_dir_event_0000000001",
    "/migration",
};

static const char *const SEEDS[] = {
    "{\"version\":5,\"host\":\"kafka1\",\"port\":9092,\"jmx_port\":-1,\"timestamp\":\"1\",\"endpoints\":["
    "\"PLAINTEXT://kafka1:9092\",\"SSL://[::1]:9093\"],\"rack\":null,\"listener_security_protocol_map\":{"
    "\"PLAINTEXT\":\"PLAINTEXT\",\"SSL\":\"SSL\"},\"features\":{\"f\":{\"min_version\":1,\"max_version\":2}}"
    "}",
    "{\"version\":3,\"topic_id\":\"Zt5cB0p1T4mC0uK3q2c9bA\",\"partitions\":{\"0\":[1,2,3],\"1\":[2,3,1]},"
    "\"adding_replicas\":{\"1\":[4]},\"removing_replicas\":{\"7\":[1]}}",
    "{\"controller_epoch\":1,\"leader\":2,\"version\":1,\"leader_epoch\":1,\"isr\":[2,3],"
    "\"leader_recovery_state\":1,\"more\":{}}",
    "{\"version\":2,\"brokerid\":2,\"timestamp\":\"1731430000000\",\"kraftControllerEpoch\":-1}",
    "7",
    "TOPIC:t",
    "{\"version\":1,\"broker\":1,\"block_start\":\"9\",\"block_end\":\"0\"}",
    "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[4,5,6]},{\"topic\":\"t\","
    "\"partition\":0,\"replicas\":[]}]}",
    "{\"version\":1,\"config\":{\"SCRAM-SHA-256\":\"salt=a,stored_key=b,server_key=c,iterations=1\"}}",
    "{\"version\":2,\"entity_path\":\"topics/t\"}",
    "{\"version\":1,\"broker\":3,\"event\":1}",
    "{\"version\":2,\"status\":1,\"features\":{\"f\":{\"max_version_level\":3}}}",
    "{\"version\":\"1\",\"id\":\"p2Jw0hGbQ4WcYb0mJt3aZw\"}",
    "{\"version\":1,\"acls\":[{\"principal\":\"User:alice\",\"permissionType\":\"Allow\",\"operation\":"
    "\"READ\","
    "\"host\":\"*\"}]}",
    "{\"version\":3,\"owner\":\"o\",\"tokenRequester\":\"r\",\"renewers\":[],\"issueTimestamp\":1,"
    "\"maxTimestamp\":2,\"expiryTimestamp\":2,\"tokenId\":\"x\"}",
    "/brokers/topics/other/partitions/3/state",
    "/config/users/a/clients/<default>",
};

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    for (size_t i = 0; i < ARRAY_LEN(SEEDS); i++)
        add(seeds, view_str(SEEDS[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct zk_node nodes[ARRAY_LEN(paths) + 1];
    struct zk_tree tree = {.nodes = nodes, .count = ARRAY_LEN(nodes), .now_ms = INT64_MAX};
    struct zk_findings findings = {.arena = &arena};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        nodes[i] = (struct zk_node){.path = paths[i], .data = view_of(data, size)};
    /* ZooKeeper's paths begin with a slash, hold no NUL and no empty part; ours is whatever follows the
     * first. */
    nodes[ARRAY_LEN(paths)] =
        (struct zk_node){.path = arena_printf(&arena, "/%.*s", (int)size, (const char *)data)};
    zk_tree_sort(&tree);
    zk_check_tree(&tree, &findings);
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    zk_findings_print_text(&findings, tree.count, to);
    zk_findings_print_json(&findings, tree.count, to);
    fclose(to);
    free(text);
    int lines = 0;
    for (int i = 0; i < findings.count; i++)
        lines += findings.items[i].what[0] != '\0' && findings.items[i].path[0] == '/';
    ASSERT(lines == findings.count);
    zk_findings_close(&findings);
    arena_close(&arena);
    return 0;
}
