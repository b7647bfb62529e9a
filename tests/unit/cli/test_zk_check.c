/*
 * The checker by value. One good tree, and what becomes of it by one change: exactly the finding that belongs
 * to it. Every rule has its row; the good tree has none of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/zk_check.h"
#include "suites.h"

#define NOW_MS     1731430000000
#define HOUR_MS    3600000
#define NODES_MAX  100
#define CHANGE_MAX 4

#define BROKER(host)                                                                                         \
    "{\"version\":5,\"host\":\"" host "\",\"port\":9092,\"jmx_port\":-1,\"timestamp\":\"1\",\"endpoints\":[" \
    "\"PLAINTEXT://" host ":9092\"],\"listener_security_protocol_map\":{\"PLAINTEXT\":\"PLAINTEXT\"},"       \
    "\"features\":{}}"
#define TOPIC(id, partitions, adding, removing)                                                              \
    "{\"version\":3,\"topic_id\":\"" id "\",\"partitions\":" partitions ",\"adding_replicas\":" adding       \
    ",\"removing_replicas\":" removing "}"
#define STATE(leader, isr)                                                                                   \
    "{\"version\":1,\"leader\":" leader ",\"leader_epoch\":0,\"controller_epoch\":3,\"isr\":" isr "}"
#define CONFIG(entries) "{\"version\":1,\"config\":{" entries "}}"
#define ID_A            "Zt5cB0p1T4mC0uK3q2c9bA"
#define ID_B            "p2Jw0hGbQ4WcYb0mJt3aZw"

#define T0 "/brokers/topics/a"
#define S0 "/brokers/topics/a/partitions/0/state"
#define S1 "/brokers/topics/a/partitions/1/state"

struct line {
    const char *path;
    const char *data;
    bool ephemeral;
    int64_t age_ms;
};

static const struct line good[] = {
    {"/", NULL, false, 0},
    {"/admin", NULL, false, 0},
    {"/admin/delete_topics", NULL, false, 0},
    {"/brokers", NULL, false, 0},
    {"/brokers/ids", NULL, false, 0},
    {"/brokers/ids/1", BROKER("kafka1"), true, 0},
    {"/brokers/ids/2", BROKER("kafka2"), true, 0},
    {"/brokers/seqid", NULL, false, 0},
    {"/brokers/topics", NULL, false, 0},
    /* Partition 1 is on its way from 2 to 1. */
    {T0, TOPIC(ID_A, "{\"0\":[1,2],\"1\":[1,2]}", "{\"1\":[1]}", "{\"1\":[2]}"), false, 0},
    {"/brokers/topics/a/partitions", NULL, false, 0},
    {"/brokers/topics/a/partitions/0", NULL, false, 0},
    {S0, STATE("1", "[1,2]"), false, 0},
    {"/brokers/topics/a/partitions/1", NULL, false, 0},
    {S1, STATE("2", "[2]"), false, 0},
    {"/cluster", NULL, false, 0},
    {"/cluster/id", "{\"version\":\"1\",\"id\":\"" ID_B "\"}", false, 0},
    {"/config", NULL, false, 0},
    {"/config/brokers", NULL, false, 0},
    {"/config/brokers/<default>", CONFIG("\"log.cleaner.threads\":\"2\""), false, 0},
    {"/config/changes", NULL, false, 0},
    {"/config/changes/config_change_0000000007", "{\"version\":2,\"entity_path\":\"topics/gone\"}", false, 0},
    {"/config/clients", NULL, false, 0},
    {"/config/ips", NULL, false, 0},
    {"/config/topics", NULL, false, 0},
    {"/config/topics/a", CONFIG("\"retention.ms\":\"5\""), false, 0},
    {"/config/users", NULL, false, 0},
    {"/config/users/u", CONFIG("\"SCRAM-SHA-256\":\"salt=a,stored_key=b,server_key=c,iterations=4096\""),
     false, 0},
    {"/consumers", NULL, false, 0},
    {"/controller", "{\"version\":2,\"brokerid\":1,\"timestamp\":\"1\",\"kraftControllerEpoch\":-1}", true,
     0},
    {"/controller_epoch", "3", false, 0},
    {"/delegation_token", NULL, false, 0},
    {"/delegation_token/tokens", NULL, false, 0},
    {"/delegation_token/tokens/t1",
     "{\"version\":1,\"owner\":\"o\",\"renewers\":[],\"issueTimestamp\":1,\"maxTimestamp\":2,"
     "\"expiryTimestamp\":2,"
     "\"tokenId\":\"t1\"}",
     false, 0},
    {"/feature", "{\"version\":2,\"status\":1,\"features\":{}}", false, 0},
    {"/isr_change_notification", NULL, false, 0},
    {"/latest_producer_id_block", "{\"version\":1,\"broker\":1,\"block_start\":\"0\",\"block_end\":\"999\"}",
     false, 0},
    {"/log_dir_event_notification", NULL, false, 0},
    {"/log_dir_event_notification/log_dir_event_0000000001", "{\"version\":1,\"broker\":1,\"event\":1}",
     false, 0},
};

/* A change takes a znode away (no data, not new), or puts one with this data. */
struct change {
    const char *path;
    const char *data;
    bool gone;
    bool ephemeral;
    int64_t age_ms;
};

struct row {
    const char *rule; /* NULL = nothing is found */
    const char *path;
    const char *says;
    enum znode_severity severity;
    struct change changes[CHANGE_MAX];
};

#define GONE(name)                                                                                           \
    {                                                                                                        \
        .path = name, .gone = true                                                                           \
    }
#define REASSIGN(list)                                                                                       \
    {                                                                                                        \
        .path = "/admin/reassign_partitions", .data = "{\"version\":1,\"partitions\":[" list "]}"            \
    }
#define MOVE(topic, partition, replicas)                                                                     \
    "{\"topic\":\"" topic "\",\"partition\":" partition ",\"replicas\":" replicas "}"

static const struct row rows[] = {
    {NULL, NULL, NULL, ZNODE_NOTE, {{0}}},

    /* single znodes */
    {"znode", S0, "\"leader\" is no number", ZNODE_ERROR, {{.path = S0, .data = STATE("true", "[1]")}}},
    {"znode", "/brokers/seqid", "nobody reads", ZNODE_NOTE, {{.path = "/brokers/seqid", .data = "x"}}},
    {"znode",
     "/cluster/id",
     "not uuid",
     ZNODE_ERROR,
     {{.path = "/cluster/id", .data = "{\"version\":\"1\",\"id\":\"short\"}"}}},
    {"znode", "/controller_epoch", "not epoch", ZNODE_ERROR, {{.path = "/controller_epoch", .data = "x"}}},
    {"znode",
     "/brokers/ids/2",
     "should be ephemeral",
     ZNODE_ERROR,
     {{.path = "/brokers/ids/2", .data = BROKER("kafka2")}}},
    {"name",
     "/brokers/ids/two",
     "not broker",
     ZNODE_ERROR,
     {{.path = "/brokers/ids/two", .data = BROKER("kafka3"), .ephemeral = true}}},
    {"unknown-path",
     "/brokers/other",
     "no broker has a znode there",
     ZNODE_ERROR,
     {{.path = "/brokers/other"}, {.path = "/brokers/other/below"}}},
    {"stranger", "/other", "not of this cluster", ZNODE_NOTE, {{.path = "/other"}, {.path = "/other/below"}}},

    /* the cluster */
    {"root-missing", "/config/ips", "is missing", ZNODE_ERROR, {GONE("/config/ips")}},
    {"cluster-id-missing", "/cluster/id", "is missing", ZNODE_ERROR, {GONE("/cluster/id")}},
    {"controller-missing", "/controller", "there is no controller", ZNODE_NOTE, {GONE("/controller")}},
    {"controller-persistent",
     "/controller",
     "no KRaft controller",
     ZNODE_ERROR,
     {{.path = "/controller", .data = "{\"version\":1,\"brokerid\":1}"}}},
    {NULL,
     NULL,
     NULL,
     ZNODE_NOTE,
     {{.path = "/controller", .data = "{\"version\":2,\"brokerid\":3000,\"kraftControllerEpoch\":4}"}}},
    {"controller-not-registered",
     "/controller",
     "names broker 5",
     ZNODE_ERROR,
     {{.path = "/controller", .data = "{\"version\":1,\"brokerid\":5}", .ephemeral = true}}},
    {"controller-epoch-missing",
     "/controller_epoch",
     "it can write nothing",
     ZNODE_ERROR,
     {GONE("/controller_epoch")}},
    {"endpoint-twice",
     "/brokers/ids/2",
     "kafka1:9092, as broker 1",
     ZNODE_NOTE,
     {{.path = "/brokers/ids/2", .data = BROKER("kafka1"), .ephemeral = true}}},
    {"producer-ids-reversed",
     "/latest_producer_id_block",
     "ends at 5, before it starts at 6",
     ZNODE_ERROR,
     {{.path = "/latest_producer_id_block",
       .data = "{\"version\":1,\"broker\":1,\"block_start\":\"6\",\"block_end\":\"5\"}"}}},

    /* topics */
    {"topic-without-id",
     T0,
     "no topic_id",
     ZNODE_NOTE,
     {{.path = T0, .data = "{\"version\":2,\"partitions\":{\"0\":[1,2],\"1\":[2,1]}}"}}},
    {"topic-id-twice",
     "/brokers/topics/b",
     "as a does",
     ZNODE_ERROR,
     {{.path = "/brokers/topics/b", .data = TOPIC(ID_A, "{\"0\":[1]}", "{}", "{}")},
      {.path = "/brokers/topics/b/partitions"},
      {.path = "/brokers/topics/b/partitions/0"},
      {.path = "/brokers/topics/b/partitions/0/state", .data = STATE("1", "[1]")}}},
    {"topic-empty",
     "/brokers/topics/b",
     "has no partitions",
     ZNODE_ERROR,
     {{.path = "/brokers/topics/b", .data = TOPIC(ID_B, "{}", "{}", "{}")}}},
    {"partition-numbers",
     T0,
     "no partition 0, but 1",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"1\":[2,1]}", "{}", "{}")},
      GONE(S0),
      GONE("/brokers/topics/a/partitions/0")}},
    {"replicas-empty",
     T0,
     "partition 1 has no replicas",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[]}", "{}", "{}")},
      {.path = S1,
       .data = "{\"version\":1,\"leader\":1,\"leader_epoch\":0,\"controller_epoch\":3,\"isr\":0}"}}},
    {"replicas-repeat",
     T0,
     "names a broker twice: [2,2]",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[2,2]}", "{}", "{}")}}},
    {"adding-not-replicas",
     T0,
     "partition 1 adds [3]",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[1,2]}", "{\"1\":[3]}", "{\"1\":[2]}")}}},
    {"removing-not-replicas",
     T0,
     "partition 1 removes [3]",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[1,2]}", "{}", "{\"1\":[3]}")}}},
    {"adding-and-removing",
     T0,
     "broker 2 is in both",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[1,2]}", "{\"1\":[2]}", "{\"1\":[2]}")}}},
    {"removing-all",
     T0,
     "removes all of its replicas",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[1,2]}", "{}", "{\"1\":[1,2]}")}}},
    {"reassigned-partition-missing",
     T0,
     "adding_replicas names partition 7",
     ZNODE_ERROR,
     {{.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[1,2]}", "{\"7\":[2]}", "{}")}}},

    /* partition states */
    {"leader-not-in-isr",
     S0,
     "leader 1 is not in its isr [2]",
     ZNODE_ERROR,
     {{.path = S0, .data = STATE("1", "[2]")}}},
    {"leader-missing",
     S0,
     "some of its isr [1,2] are registered",
     ZNODE_NOTE,
     {{.path = S0, .data = STATE("-1", "[1,2]")}}},
    {"isr-empty", S0, "isr is empty", ZNODE_ERROR, {{.path = S0, .data = STATE("-1", "[]")}}},
    {"isr-repeats", S0, "names a broker twice", ZNODE_ERROR, {{.path = S0, .data = STATE("1", "[1,1]")}}},
    {"isr-not-replicas",
     S0,
     "isr [1,3] is not within its replicas [1,2]",
     ZNODE_ERROR,
     {{.path = S0, .data = STATE("1", "[1,3]")}}},
    {"controller-epoch-behind",
     S0,
     "controller_epoch 4 is above /controller_epoch, which is 3",
     ZNODE_ERROR,
     {{.path = S0,
       .data = "{\"version\":1,\"leader\":1,\"leader_epoch\":0,\"controller_epoch\":4,\"isr\":[1]}"}}},
    {"state-missing", S0, "though replicas of [1,2] are registered", ZNODE_ERROR, {GONE(S0)}},
    {"partition-orphaned",
     "/brokers/topics/a/partitions/2",
     "a does not have",
     ZNODE_ERROR,
     {{.path = "/brokers/topics/a/partitions/2"}}},
    /* A topic that goes is in pieces. */
    {NULL, NULL, NULL, ZNODE_NOTE, {{.path = "/admin/delete_topics/a"}, GONE(S0), GONE("/config/topics/a")}},

    /* orders */
    {NULL, NULL, NULL, ZNODE_NOTE, {REASSIGN(MOVE("a", "1", "[1]"))}},
    {"reassignment-contradicts",
     "/admin/reassign_partitions",
     "a reassignment to [1] is in progress",
     ZNODE_ERROR,
     {REASSIGN(MOVE("a", "1", "[2,1]"))}},
    {"reassignment-impossible",
     "/admin/reassign_partitions",
     "cannot have the replicas [2,2]",
     ZNODE_ERROR,
     {REASSIGN(MOVE("a", "0", "[2,2]"))}},
    {"reassignment-unknown",
     "/admin/reassign_partitions",
     "a-9, which does not exist",
     ZNODE_NOTE,
     {REASSIGN(MOVE("a", "9", "[2]"))}},
    {"reassignment-left",
     "/admin/reassign_partitions",
     "has the replicas [2,1] already",
     ZNODE_NOTE,
     {REASSIGN(MOVE("a", "0", "[2,1]"))}},
    {"reassignment-waits",
     "/admin/reassign_partitions",
     "a-0 to [2] has not begun",
     ZNODE_NOTE,
     {REASSIGN(MOVE("a", "0", "[2]"))}},
    {"reassignment-twice",
     "/admin/reassign_partitions",
     "a-1 twice",
     ZNODE_ERROR,
     {REASSIGN(MOVE("a", "1", "[1]") "," MOVE("a", "1", "[1]"))}},
    {"reassignment-empty", "/admin/reassign_partitions", "names no partition", ZNODE_NOTE, {REASSIGN("")}},
    {"election-unknown",
     "/admin/preferred_replica_election",
     "z-0, which does not exist",
     ZNODE_NOTE,
     {{.path = "/admin/preferred_replica_election",
       .data = "{\"version\":1,\"partitions\":[{\"topic\":\"a\",\"partition\":0},{\"topic\":\"z\","
               "\"partition\":0}]}"}}},
    {"deletion-unknown",
     "/admin/delete_topics/z",
     "there is no such topic",
     ZNODE_NOTE,
     {{.path = "/admin/delete_topics/z"}}},
    {"deletion-waits",
     "/admin/delete_topics/b",
     "waits for broker 9",
     ZNODE_NOTE,
     {{.path = "/admin/delete_topics/b"},
      {.path = "/brokers/topics/b", .data = TOPIC(ID_B, "{\"0\":[1,9]}", "{}", "{}")}}},
    {"message-left",
     "/log_dir_event_notification/log_dir_event_0000000001",
     "is 3600 s old",
     ZNODE_NOTE,
     {{.path = "/log_dir_event_notification/log_dir_event_0000000001",
       .data = "{\"version\":1,\"broker\":1,\"event\":1}",
       .age_ms = HOUR_MS}}},

    /* settings */
    {"settings-orphaned",
     "/config/topics/z",
     "there is no such topic",
     ZNODE_ERROR,
     {{.path = "/config/topics/z", .data = CONFIG("")}}},
    {"credential-malformed",
     "/config/users/u",
     "SCRAM-SHA-512 is not salt=",
     ZNODE_ERROR,
     {{.path = "/config/users/u",
       .data = CONFIG("\"SCRAM-SHA-512\":\"salt=a,stored_key=b,server_key=c,iterations=\"")}}},
    {"changes-left",
     "/config/changes",
     "1 change is older than 15 minutes",
     ZNODE_NOTE,
     {{.path = "/config/changes/config_change_0000000008",
       .data = "{\"version\":2,\"entity_path\":\"brokers/<default>\"}",
       .age_ms = HOUR_MS}}},
    {"token-misnamed",
     "/delegation_token/tokens/t2",
     "another: t1",
     ZNODE_ERROR,
     {{.path = "/delegation_token/tokens/t2",
       .data = "{\"version\":1,\"owner\":\"o\",\"renewers\":[],\"issueTimestamp\":1,\"maxTimestamp\":2,"
               "\"expiryTimestamp\":2,\"tokenId\":\"t1\"}"}}},
};

static struct arena arena;

static void put(struct zk_tree *tree, const struct change *change)
{
    int at = 0;
    while (at < tree->count && strcmp(tree->nodes[at].path, change->path) != 0)
        at++;
    if (change->gone) {
        ck_assert_int_lt(at, tree->count);
        tree->nodes[at] = tree->nodes[--tree->count];
        return;
    }
    if (at == tree->count)
        tree->count++;
    ck_assert_int_lt(at, NODES_MAX);
    tree->nodes[at] = (struct zk_node){.path = change->path,
                                       .data = view_str(change->data),
                                       .ephemeral = change->ephemeral,
                                       .ctime_ms = NOW_MS - change->age_ms};
}

/* The good tree with the changes made, checked. */
static struct zk_findings check(const struct change *changes)
{
    static struct zk_node nodes[NODES_MAX];
    struct zk_tree tree = {.nodes = nodes, .now_ms = NOW_MS};
    struct zk_findings findings = {.arena = &arena};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        put(&tree, &(struct change){good[i].path, good[i].data, false, good[i].ephemeral, good[i].age_ms});
    for (int i = 0; i < CHANGE_MAX && changes[i].path; i++)
        put(&tree, &changes[i]);
    zk_tree_sort(&tree);
    zk_check_tree(&tree, &findings);
    return findings;
}

static const char *all_of(const struct zk_findings *findings)
{
    const char *text = "";
    for (int i = 0; i < findings->count; i++)
        text = arena_printf(&arena, "%s\n  %s %s: %s", text, findings->items[i].rule, findings->items[i].path,
                            findings->items[i].what);
    return text;
}

START_TEST(each_fault_is_found_once_and_nothing_else)
{
    const struct row *row = &rows[_i];
    struct zk_findings findings = check(row->changes);
    int found = 0;
    for (int i = 0; i < findings.count; i++) {
        const struct zk_finding *item = &findings.items[i];
        found += row->rule && strcmp(item->rule, row->rule) == 0 && strcmp(item->path, row->path) == 0 &&
                 strstr(item->what, row->says) && item->severity == row->severity;
    }
    ck_assert_msg(found == (row->rule ? 1 : 0), "%s is found %d times in%s", row->rule, found,
                  all_of(&findings));
    /* A znode that cannot be read brings what follows of it, but only of it. */
    if (row->rule && strcmp(row->rule, "replicas-empty") != 0)
        ck_assert_msg(findings.count == 1, "beside %s there is%s", row->rule, all_of(&findings));
    if (!row->rule)
        ck_assert_msg(findings.count == 0, "there is%s", all_of(&findings));
    zk_findings_close(&findings);
    arena_close(&arena);
}
END_TEST

static bool has(const struct zk_findings *findings, const char *rule, const char *path)
{
    for (int i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].rule, rule) == 0 && strcmp(findings->items[i].path, path) == 0)
            return true;
    return false;
}

START_TEST(what_follows_of_a_broker_that_is_down_are_notes)
{
    static const struct change changes[CHANGE_MAX] = {GONE("/brokers/ids/2")};
    struct zk_findings findings = check(changes);
    ck_assert_msg(zk_findings_errors(&findings) == 0, "errors:%s", all_of(&findings));
    ck_assert(has(&findings, "leader-not-alive", S1));
    ck_assert(has(&findings, "replica-not-registered", "/brokers/ids/2"));
    ck_assert_int_eq(findings.count, 2);
    zk_findings_close(&findings);
    arena_close(&arena);
}
END_TEST

START_TEST(a_cluster_that_is_down_has_no_errors)
{
    static const struct change changes[CHANGE_MAX] = {GONE("/brokers/ids/1"),
                                                      GONE("/brokers/ids/2"),
                                                      GONE("/controller"),
                                                      {.path = S1, .data = STATE("-1", "[2]")}};
    struct zk_findings findings = check(changes);
    ck_assert_msg(zk_findings_errors(&findings) == 0, "errors:%s", all_of(&findings));
    ck_assert(has(&findings, "leader-not-alive", S0));
    ck_assert(has(&findings, "partition-offline", S1));
    zk_findings_close(&findings);
    arena_close(&arena);
}
END_TEST

START_TEST(a_partition_whose_replicas_never_came_has_no_state_and_that_is_a_note)
{
    static const struct change changes[CHANGE_MAX] = {
        {.path = T0, .data = TOPIC(ID_A, "{\"0\":[1,2],\"1\":[8,9]}", "{}", "{}")}, GONE(S1)};
    struct zk_findings findings = check(changes);
    ck_assert_msg(zk_findings_errors(&findings) == 0, "errors:%s", all_of(&findings));
    ck_assert(has(&findings, "state-missing", S1));
    ck_assert(has(&findings, "replica-not-registered", "/brokers/ids/8"));
    zk_findings_close(&findings);
    arena_close(&arena);
}
END_TEST

START_TEST(what_may_not_be_read_is_a_note_and_nothing_is_concluded_of_it)
{
    struct zk_node nodes[ARRAY_LEN(good)];
    struct zk_tree tree = {.nodes = nodes, .count = ARRAY_LEN(good), .now_ms = NOW_MS};
    struct zk_findings findings = {.arena = &arena};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        bool secret = strcmp(good[i].path, "/config/users/u") == 0 || strcmp(good[i].path, S0) == 0;
        nodes[i] = (struct zk_node){.path = good[i].path,
                                    .data = secret ? VIEW_NULL : view_str(good[i].data),
                                    .err = secret ? ERR_NO_AUTH : ERR_NONE,
                                    .ephemeral = good[i].ephemeral,
                                    .ctime_ms = NOW_MS};
    }
    zk_tree_sort(&tree);
    zk_check_tree(&tree, &findings);
    ck_assert_msg(findings.count == 2, "there is%s", all_of(&findings));
    ck_assert(has(&findings, "unreadable", S0));
    ck_assert(has(&findings, "unreadable", "/config/users/u"));
    zk_findings_close(&findings);
    arena_close(&arena);
}
END_TEST

START_TEST(a_tree_without_brokers_is_no_cluster)
{
    struct zk_node nodes[] = {{.path = "/"}, {.path = "/other"}};
    struct zk_tree tree = {.nodes = nodes, .count = ARRAY_LEN(nodes)};
    ck_assert(!zk_check_is_cluster(&tree));
    nodes[1].path = "/brokers";
    ck_assert(zk_check_is_cluster(&tree));
}
END_TEST

START_TEST(only_what_is_known_is_descended)
{
    ck_assert(zk_check_descends("/"));
    ck_assert(zk_check_descends("/brokers/topics/a"));
    ck_assert(!zk_check_descends("/other"));
    ck_assert(!zk_check_descends("/brokers/other"));
}
END_TEST

Suite *zk_check_suite(void)
{
    Suite *suite = suite_create("zk_check");
    TCase *tc = tcase_create("zk_check");
    tcase_add_loop_test(tc, each_fault_is_found_once_and_nothing_else, 0, ARRAY_LEN(rows));
    tcase_add_test(tc, what_follows_of_a_broker_that_is_down_are_notes);
    tcase_add_test(tc, a_cluster_that_is_down_has_no_errors);
    tcase_add_test(tc, a_partition_whose_replicas_never_came_has_no_state_and_that_is_a_note);
    tcase_add_test(tc, what_may_not_be_read_is_a_note_and_nothing_is_concluded_of_it);
    tcase_add_test(tc, a_tree_without_brokers_is_no_cluster);
    tcase_add_test(tc, only_what_is_known_is_descended);
    suite_add_tcase(suite, tc);
    return suite;
}
