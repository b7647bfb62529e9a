/* One znode against its row, by value: a good one passes, and each fault is told in its words. */
#include <stdio.h>
#include <string.h>

#include "suites.h"
#include "zk/znode_schema.h"

struct faults {
    int errors;
    int notes;
    char last[256];
};

static void take(void *arg, enum znode_severity severity, const char *what)
{
    struct faults *faults = arg;
    faults->errors += severity == ZNODE_ERROR;
    faults->notes += severity == ZNODE_NOTE;
    snprintf(faults->last, sizeof faults->last, "%s", what);
}

static struct faults check(const char *path, bool ephemeral, const char *data)
{
    struct faults faults = {0};
    const struct znode_row *row = znode_row_of(path, NULL);
    ck_assert_msg(row != NULL, "no row for %s", path);
    znode_row_check(row, ephemeral, view_str(data), take, &faults);
    return faults;
}

static void good(const char *path, bool ephemeral, const char *data)
{
    struct faults faults = check(path, ephemeral, data);
    ck_assert_msg(faults.errors + faults.notes == 0, "%s: %s", path, faults.last);
}

static void bad(const char *path, bool ephemeral, const char *data, const char *what)
{
    struct faults faults = check(path, ephemeral, data);
    ck_assert_msg(faults.errors == 1 && faults.notes == 0, "%s has %d errors and %d notes, the last: %s",
                  path, faults.errors, faults.notes, faults.last);
    ck_assert_msg(strstr(faults.last, what) != NULL, "%s: \"%s\" does not say \"%s\"", path, faults.last,
                  what);
}

static void noted(const char *path, const char *data, const char *what)
{
    struct faults faults = check(path, false, data);
    ck_assert_msg(faults.errors == 0 && faults.notes == 1, "%s has %d errors and %d notes, the last: %s",
                  path, faults.errors, faults.notes, faults.last);
    ck_assert_msg(strstr(faults.last, what) != NULL, "%s: \"%s\" does not say \"%s\"", path, faults.last,
                  what);
}

#define TOPIC "/brokers/topics/orders"
#define STATE "/brokers/topics/orders/partitions/0/state"

START_TEST(what_kafka_writes_is_good)
{
    good("/cluster/id", false, "{\"version\":\"1\",\"id\":\"p2Jw0hGbQ4WcYb0mJt3aZw\"}");
    good("/controller", true,
         "{\"version\":2,\"brokerid\":2,\"timestamp\":\"1731430000000\",\"kraftControllerEpoch\":-1}");
    good("/controller_epoch", false, "7");
    good("/feature", false, "{\"version\":2,\"status\":1,\"features\":{\"f\":{\"max_version_level\":3}}}");
    good("/latest_producer_id_block", false, NULL);
    good("/latest_producer_id_block", false,
         "{\"version\":1,\"broker\":1,\"block_start\":\"0\",\"block_end\":\"999\"}");
    good("/brokers/ids/1", true,
         "{\"features\":{},\"listener_security_protocol_map\":{\"PLAINTEXT\":\"PLAINTEXT\",\"IN\":\"SASL_"
         "SSL\"},"
         "\"endpoints\":[\"PLAINTEXT://kafka1:9092\",\"IN://[::1]:9093\"],\"jmx_port\":-1,\"port\":9092,"
         "\"host\":null,\"version\":5,\"timestamp\":\"1731430000123\",\"rack\":\"r1\"}");
    good("/brokers/ids/1", true,
         "{\"jmx_port\":-1,\"port\":9092,\"host\":\"a\",\"version\":1,\"timestamp\":\"1\"}");
    good(TOPIC, false,
         "{\"removing_replicas\":{\"1\":[1]},\"partitions\":{\"1\":[2,3,1],\"0\":[1,2,3]},"
         "\"topic_id\":\"Zt5cB0p1T4mC0uK3q2c9bA\",\"adding_replicas\":{},\"version\":3}");
    good(TOPIC, false, "{\"version\":1,\"partitions\":{\"0\":[1]}}");
    good(STATE, false,
         "{\"controller_epoch\":1,\"leader\":-1,\"version\":1,\"leader_epoch\":0,\"isr\":[1,2],"
         "\"leader_recovery_state\":1}");
    good("/admin/delete_topics/orders", false, NULL);
    good("/admin/delete_topics/orders", false, "");
}
END_TEST

START_TEST(what_kafkas_tools_and_other_features_write_is_good)
{
    good("/admin/reassign_partitions", false,
         "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[4,5,6]}]}");
    good("/config/users/alice", false, "{\"version\":1,\"config\":{\"SCRAM-SHA-256\":\"salt=a\"}}");
    good("/config/users/%3Cx%3E/clients/<default>", false, "{\"version\":1,\"config\":{}}");
    good("/config/users/alice/clients", false, NULL);
    good("/config/changes/config_change_0000000012", false, "{\"version\":2,\"entity_path\":\"topics/t\"}");
    good("/config/changes/config_change_0000000012", false,
         "{\"version\":2,\"entity_path\":\"users/a/clients/<default>\"}");
    good("/config/changes/config_change_0000000012", false,
         "{\"version\":1,\"entity_type\":\"topics\",\"entity_name\":\"t\"}");
    good("/kafka-acl/Topic/*", false,
         "{\"version\":1,\"acls\":[{\"principal\":\"User:alice\",\"permissionType\":\"Allow\","
         "\"operation\":\"DESCRIBE_CONFIGS\",\"host\":\"*\"}]}");
    good("/kafka-acl-changes/acl_changes_0000000000", false, "TRANSACTIONAL_ID:a:b");
    good("/kafka-acl-extended-changes/acl_changes_0000000001", false,
         "{\"version\":1,\"resourceType\":\"TRANSACTIONAL_ID\",\"name\":\"p\",\"patternType\":\"PREFIXED\"}");
    good("/delegation_token/tokens/abc", false,
         "{\"version\":3,\"owner\":\"User%3Aalice\",\"tokenRequester\":\"User%3Aalice\",\"renewers\":[],"
         "\"issueTimestamp\":1731430000000,\"maxTimestamp\":1732034800000,\"expiryTimestamp\":1,"
         "\"tokenId\":\"abc\"}");
    good("/migration", false,
         "{\"version\":0,\"kraft_controller_id\":3000,\"kraft_controller_epoch\":5,"
         "\"kraft_metadata_offset\":900,\"kraft_metadata_epoch\":5}");
    good("/consumers/g/offsets/t/0", false, "42");
    good("/consumers/g/ids/c", true, "whatever");
}
END_TEST

START_TEST(a_missing_field_is_an_error_from_the_version_on_that_has_it)
{
    bad(STATE, false, "{\"controller_epoch\":1,\"leader\":1,\"version\":1,\"leader_epoch\":0}",
        "\"isr\" is missing");
    bad("/brokers/ids/1", true, "{\"jmx_port\":-1,\"version\":2}", "\"endpoints\" is missing");
    bad("/brokers/ids/1", true, "{\"version\":1}", "\"jmx_port\" is missing");
    bad(TOPIC, false, "{\"partitions\":{}}", "\"version\" is missing");
    bad("/admin/reassign_partitions", false,
        "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}",
        "\"partitions[0].replicas\" is missing");
}
END_TEST

START_TEST(a_wrong_type_is_an_error_that_names_its_place)
{
    bad(STATE, false,
        "{\"controller_epoch\":1,\"leader\":\"1\",\"version\":1,\"leader_epoch\":0,\"isr\":[1]}",
        "\"leader\" is no number");
    bad(STATE, false, "{\"controller_epoch\":1,\"leader\":1,\"version\":1,\"leader_epoch\":0,\"isr\":[1,-4]}",
        "\"isr[1]\" is -4");
    bad(STATE, false, "{\"controller_epoch\":1,\"leader\":1,\"version\":1,\"leader_epoch\":0,\"isr\":1}",
        "\"isr\" is no array");
    bad(STATE, false, "{\"controller_epoch\":1,\"leader\":1,\"version\":1,\"leader_epoch\":0,\"isr\":null}",
        "\"isr\" is no array");
    bad(TOPIC, false, "{\"version\":1,\"partitions\":{\"x\":[1]}}",
        "\"partitions.x\" is not named by partition");
    bad(TOPIC, false, "{\"version\":1,\"partitions\":{\"0\":1}}", "\"partitions.0\" is no array");
    bad(TOPIC, false, "{\"version\":1,\"partitions\":[]}", "\"partitions\" is no object");
    bad(TOPIC, false, "{\"version\":3,\"topic_id\":\"short\",\"partitions\":{\"0\":[1]}}", "not uuid");
    bad("/config/topics/t", false, "{\"version\":1,\"config\":{\"retention.ms\":5}}",
        "\"config.retention.ms\" is no string");
    bad("/brokers/ids/1", true, "{\"jmx_port\":-1,\"version\":2,\"endpoints\":[\"kafka1:9092\"]}",
        "not endpoint");
    bad("/brokers/ids/1", true,
        "{\"jmx_port\":-1,\"version\":4,\"endpoints\":[],"
        "\"listener_security_protocol_map\":{\"A\":\"TLS\"}}",
        "not protocol");
    bad("/latest_producer_id_block", false,
        "{\"version\":1,\"broker\":1,\"block_start\":0,\"block_end\":\"999\"}",
        "\"block_start\" is no string");
    bad("/cluster/id", false, "{\"version\":\"1\",\"id\":\"AAAAAAAAAAAAAAAAAAAAAA\"}", "not uuid");
    bad("/config/changes/config_change_0000000012", false, "{\"version\":2,\"entity_path\":\"topics\"}",
        "not entity");
    bad("/config/changes/config_change_0000000012", false, "{\"version\":2,\"entity_path\":\"changes/x\"}",
        "not entity");
}
END_TEST

START_TEST(what_is_no_json_is_an_error)
{
    bad(STATE, false, "{\"version\":1", "not JSON");
    bad(STATE, false, "[]", "not a JSON object");
    bad(STATE, false, NULL, "has no data");
    bad(STATE, false, "\x01\xff", "not JSON");
    bad("/controller_epoch", false, "seven", "is \"seven\", not epoch");
    bad("/controller_epoch", false, "-1", "not epoch");
    bad("/controller_epoch", false, NULL, "has no data");
    bad("/kafka-acl-changes/acl_changes_0000000000", false, "Topics:x", "not acl_change");
}
END_TEST

START_TEST(what_a_later_version_may_have_added_is_a_note)
{
    noted(STATE,
          "{\"controller_epoch\":1,\"leader\":1,\"version\":1,\"leader_epoch\":0,\"isr\":[1],\"elr\":[2]}",
          "unknown field \"elr\"");
    noted(STATE, "{\"controller_epoch\":1,\"leader\":1,\"version\":9,\"leader_epoch\":0,\"isr\":[1]}",
          "version 9 is newer than 1");
    noted("/config/topics", "x", "1 bytes of data that nobody reads");
}
END_TEST

START_TEST(versions_and_fields_that_readers_refuse_are_errors)
{
    bad("/kafka-acl/Topic/t", false, "{\"version\":2,\"acls\":[]}",
        "version 2 is newer than 1, the last that readers");
    bad("/brokers/ids/1", true, "{\"version\":0,\"jmx_port\":-1}", "version 0 is below 1");
    bad("/brokers/ids/1", true, "{\"version\":-3,\"jmx_port\":-1}", "version -3 is below 1");
    bad("/admin/reassign_partitions", false,
        "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[4],\"log_dirs\":[]}]}",
        "unknown field \"partitions[0].log_dirs\"");
}
END_TEST

START_TEST(the_kind_of_a_znode_is_looked_at)
{
    bad("/brokers/ids/1", false, "{\"version\":1,\"jmx_port\":-1}", "should be ephemeral");
    bad("/controller_epoch", true, "1", "should be persistent");
    good("/controller", false, "{\"version\":2,\"brokerid\":3000,\"kraftControllerEpoch\":4}");
}
END_TEST

static const char *misnamed(const char *path)
{
    const struct znode_type *type;
    ck_assert_ptr_null(znode_row_of(path, &type));
    return type ? type->name : "";
}

START_TEST(paths_find_their_rows)
{
    ck_assert_str_eq(znode_row_of("/config/brokers/<default>", NULL)->pattern, "/config/brokers/<default>");
    ck_assert_str_eq(znode_row_of("/config/users/<default>", NULL)->pattern, "/config/users/<default>");
    ck_assert_str_eq(znode_row_of("/config/users/a", NULL)->pattern, "/config/users/{sanitised}");
    ck_assert_str_eq(znode_row_of("/brokers", NULL)->pattern, "/brokers");
    ck_assert_str_eq(misnamed("/brokers/ids/one"), "broker");
    ck_assert_str_eq(misnamed("/brokers/ids/+1"), "broker");
    ck_assert_str_eq(misnamed("/brokers/topics/a b"), "topic");
    ck_assert_str_eq(misnamed("/config/changes/config_change_12"), "sequence");
    ck_assert_str_eq(misnamed("/kafka-acl/Topics"), "acl_type");
    ck_assert_str_eq(misnamed("/config/changes/other"), "");
    ck_assert_str_eq(misnamed("/other"), "");
    ck_assert_str_eq(misnamed("/brokers/ids/1/x"), "");
    ck_assert_str_eq(misnamed("/brokersx"), "");
    ck_assert_str_eq(misnamed(""), "");
}
END_TEST

Suite *znode_schema_suite(void)
{
    Suite *suite = suite_create("znode_schema");
    TCase *tc = tcase_create("znode_schema");
    tcase_add_test(tc, what_kafka_writes_is_good);
    tcase_add_test(tc, what_kafkas_tools_and_other_features_write_is_good);
    tcase_add_test(tc, a_missing_field_is_an_error_from_the_version_on_that_has_it);
    tcase_add_test(tc, a_wrong_type_is_an_error_that_names_its_place);
    tcase_add_test(tc, what_is_no_json_is_an_error);
    tcase_add_test(tc, what_a_later_version_may_have_added_is_a_note);
    tcase_add_test(tc, versions_and_fields_that_readers_refuse_are_errors);
    tcase_add_test(tc, the_kind_of_a_znode_is_looked_at);
    tcase_add_test(tc, paths_find_their_rows);
    suite_add_tcase(suite, tc);
    return suite;
}
