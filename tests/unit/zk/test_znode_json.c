/*
 * Texts as Kafka writes them, what it tolerates, and what nobody should.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "suites.h"
#include "zk/znode_json.h"

static struct arena arena;
static struct errmsg why;
static struct buf out;

static void setup(void)
{
    arena = (struct arena){0};
    out = (struct buf){0};
    why = (struct errmsg){.text = ""};
}

static void teardown(void)
{
    arena_close(&arena);
    buf_close(&out);
}

static void check_text(const char *wanted)
{
    buf_put(&out, "", 1);
    ck_assert_str_eq((const char *)out.data, wanted);
    buf_clear(&out);
}

static void check_ids(const struct znode_ids *ids, int count, const int32_t *wanted)
{
    ck_assert_int_eq(ids->count, count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(ids->ids[i], wanted[i]);
}

#define IDS(ids, ...)                                                                                        \
    check_ids(ids, (int)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), (int32_t[]){__VA_ARGS__})

/* --- brokers
 * ------------------------------------------------------------------------------------------------ */

static const char BROKER[] =
    "{\"version\":5,\"host\":\"kafka1\",\"port\":9092,\"jmx_port\":-1,\"timestamp\":\"1731430000000\","
    "\"endpoints\":[\"PLAINTEXT://kafka1:9092\",\"SSL://[::1]:9093\"],\"rack\":\"r1\","
    "\"listener_security_protocol_map\":{\"PLAINTEXT\":\"PLAINTEXT\",\"SSL\":\"SSL\"},\"features\":{}}";

START_TEST(broker_is_read_and_written_as_kafka_writes_it)
{
    struct znode_broker broker;
    ck_assert_int_eq(znode_decode_broker(view_str(BROKER), &arena, &broker, &why), ERR_NONE);
    ck_assert_int_eq(broker.version, 5);
    ck_assert_str_eq(broker.host, "kafka1");
    ck_assert_int_eq(broker.port, 9092);
    ck_assert_int_eq(broker.timestamp_ms, 1731430000000);
    ck_assert_str_eq(broker.rack, "r1");
    ck_assert_int_eq(broker.endpoints_count, 2);
    ck_assert_str_eq(broker.endpoints[1].listener, "SSL");
    ck_assert_str_eq(broker.endpoints[1].protocol, "SSL");
    ck_assert_str_eq(broker.endpoints[1].host, "::1");
    ck_assert_int_eq(broker.endpoints[1].port, 9093);
    znode_encode_broker(&broker, &out);
    check_text(BROKER);
}
END_TEST

START_TEST(broker_without_plaintext_and_rack_writes_null_and_no_rack)
{
    struct znode_endpoint endpoint = {"SSL", "SSL", "h", 1};
    struct znode_broker broker = {
        .version = 5, .port = -1, .jmx_port = -1, .endpoints = &endpoint, .endpoints_count = 1};
    znode_encode_broker(&broker, &out);
    check_text(
        "{\"version\":5,\"host\":null,\"port\":-1,\"jmx_port\":-1,\"timestamp\":\"0\",\"endpoints\":[\"SSL://"
        "h:1\"],\"listener_security_protocol_map\":{\"SSL\":\"SSL\"},\"features\":{}}");
}
END_TEST

START_TEST(broker_of_older_versions_is_read)
{
    struct znode_broker broker;
    ck_assert_int_eq(
        znode_decode_broker(VIEW_LIT("{\"version\":1,\"host\":\"h\",\"port\":7,\"jmx_port\":9999}"), &arena,
                            &broker, &why),
        ERR_NONE);
    ck_assert_int_eq(broker.endpoints_count, 1);
    ck_assert_str_eq(broker.endpoints[0].protocol, "PLAINTEXT");
    ck_assert_int_eq(broker.endpoints[0].port, 7);
    /* Version 2: no map of protocols, a listener is called like its protocol; lower case is raised. */
    ck_assert_int_eq(
        znode_decode_broker(
            VIEW_LIT("{\"version\":2,\"jmx_port\":-1,\"endpoints\":[\"ssl://h:9093\"],\"rack\":null}"),
            &arena, &broker, &why),
        ERR_NONE);
    ck_assert_str_eq(broker.endpoints[0].listener, "SSL");
    ck_assert_str_eq(broker.endpoints[0].protocol, "SSL");
    ck_assert_ptr_null(broker.rack);
    /* A version that is yet to come, with keys that nobody knows. */
    ck_assert_int_eq(
        znode_decode_broker(VIEW_LIT("{\"version\":77,\"jmx_port\":-1,\"endpoints\":[\"A://:9093\"],"
                                     "\"listener_security_protocol_map\":{\"A\":\"SASL_SSL\"},\"moon\":[1]}"),
                            &arena, &broker, &why),
        ERR_NONE);
    ck_assert_str_eq(broker.endpoints[0].protocol, "SASL_SSL");
}
END_TEST

START_TEST(broker_that_kafka_refuses_is_refused)
{
    static const char *const BAD[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"jmx_port\":-1,\"endpoints\":[]}",
        "{\"version\":0,\"jmx_port\":-1,\"endpoints\":[]}",
        "{\"version\":5,\"endpoints\":[]}",
        "{\"version\":5,\"jmx_port\":-1}",
        "{\"version\":5,\"jmx_port\":-1,\"endpoints\":[\"h:1\"]}",
        "{\"version\":5,\"jmx_port\":-1,\"endpoints\":[\"A://h:1\"]}",
        "{\"version\":5,\"jmx_port\":-1,\"endpoints\":[\"SSL://h:1\"],\"listener_security_protocol_map\":{}}",
        "{\"version\":5,\"jmx_port\":-1,\"endpoints\":[\"SSL://h:1\",\"SSL://h:2\"]}",
        "{\"version\":5,\"jmx_port\":-1,\"endpoints\":[\"SSL://h:\"]}",
        "{\"version\":5,\"jmx_port\":-1,\"endpoints\":[7]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct znode_broker broker;
        ck_assert_msg(znode_decode_broker(view_str(BAD[i]), &arena, &broker, &why) == ERR_MALFORMED, "%s",
                      BAD[i]);
        ck_assert_int_ne(why.text[0], '\0');
    }
}
END_TEST

/* --- topics
 * --------------------------------------------------------------------------------------------------- */

START_TEST(topic_is_read_and_written_as_kafka_writes_it)
{
    /* The order of keys is the server's: partitions come out ascending. */
    struct znode_topic topic;
    ck_assert_int_eq(
        znode_decode_topic(
            VIEW_LIT("{\"removing_replicas\":{\"1\":[1]},\"partitions\":{\"1\":[2,3,1],\"0\":[1,2,3]},"
                     "\"topic_id\":"
                     "\"Zt5cB0p1T4mC0uK3q2c9bA\",\"adding_replicas\":{\"1\":[4]},\"version\":3}"),
            &arena, &topic, &why),
        ERR_NONE);
    ck_assert_int_eq(topic.partitions_count, 2);
    ck_assert_int_eq(topic.partitions[0].partition, 0);
    IDS(&topic.partitions[1].replicas, 2, 3, 1);
    IDS(&topic.partitions[1].adding, 4);
    IDS(&topic.partitions[1].removing, 1);
    ck_assert_int_eq(topic.partitions[0].adding.count, 0);
    znode_encode_topic(&topic, &out);
    check_text(
        "{\"version\":3,\"topic_id\":\"Zt5cB0p1T4mC0uK3q2c9bA\",\"partitions\":{\"0\":[1,2,3],\"1\":[2,3,1]},"
        "\"adding_replicas\":{\"1\":[4]},\"removing_replicas\":{\"1\":[1]}}");
}
END_TEST

START_TEST(topic_of_older_versions_and_no_json_are_tolerated)
{
    struct znode_topic topic;
    ck_assert_int_eq(
        znode_decode_topic(VIEW_LIT("{\"version\":1,\"partitions\":{\"0\":[1]}}"), &arena, &topic, &why),
        ERR_NONE);
    ck_assert(uuid_is_zero(topic.topic_id));
    ck_assert_int_eq(topic.partitions_count, 1);
    static const char *const EMPTY[] = {"", "no json", "[]", "{}", "{\"version\":3}"};
    for (size_t i = 0; i < ARRAY_LEN(EMPTY); i++) {
        ck_assert_int_eq(znode_decode_topic(view_str(EMPTY[i]), &arena, &topic, &why), ERR_NONE);
        ck_assert_int_eq(topic.partitions_count, 0);
    }
    ck_assert_int_eq(znode_decode_topic(VIEW_NULL, &arena, &topic, &why), ERR_NONE);
    ck_assert_int_eq(topic.partitions_count, 0);
}
END_TEST

START_TEST(topic_with_nonsense_inside_is_refused)
{
    static const char *const BAD[] = {
        "{\"partitions\":{\"x\":[1]}}",
        "{\"partitions\":{\"-1\":[1]}}",
        "{\"partitions\":{\"0\":1}}",
        "{\"partitions\":{\"0\":[\"1\"]}}",
        "{\"partitions\":{\"0\":[3000000000]}}",
        "{\"topic_id\":\"short\",\"partitions\":{}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct znode_topic topic;
        ck_assert_msg(znode_decode_topic(view_str(BAD[i]), &arena, &topic, &why) == ERR_MALFORMED, "%s",
                      BAD[i]);
    }
}
END_TEST

START_TEST(state_is_read_and_written_as_kafka_writes_it)
{
    struct znode_state state;
    ck_assert_int_eq(
        znode_decode_state(
            VIEW_LIT("{\"controller_epoch\":1,\"leader\":2,\"version\":1,\"leader_epoch\":4,\"isr\":[2,3]}"),
            &arena, &state, &why),
        ERR_NONE);
    IDS(&state.isr, 2, 3);
    ck_assert_int_eq(state.leader_recovery_state, 0);
    znode_encode_state(&state, &out);
    check_text("{\"version\":1,\"leader\":2,\"leader_epoch\":4,\"controller_epoch\":1,\"isr\":[2,3]}");
    state.leader_recovery_state = 1;
    znode_encode_state(&state, &out);
    check_text("{\"version\":1,\"leader\":2,\"leader_epoch\":4,\"controller_epoch\":1,\"isr\":[2,3],"
               "\"leader_recovery_state\":1}");
}
END_TEST

START_TEST(state_without_a_mandatory_key_is_refused)
{
    static const char *const BAD[] = {
        "",
        "{\"leader\":2,\"leader_epoch\":4,\"controller_epoch\":1}",
        "{\"leader\":2,\"leader_epoch\":4,\"isr\":[]}",
        "{\"leader\":2,\"controller_epoch\":1,\"isr\":[]}",
        "{\"leader_epoch\":4,\"controller_epoch\":1,\"isr\":[]}",
        "{\"leader\":\"2\",\"leader_epoch\":4,\"controller_epoch\":1,\"isr\":[]}"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct znode_state state;
        ck_assert_msg(znode_decode_state(view_str(BAD[i]), &arena, &state, &why) == ERR_MALFORMED, "%s",
                      BAD[i]);
    }
}
END_TEST

/* --- the rest
 * --------------------------------------------------------------------------------------------------- */

START_TEST(controller_and_its_epoch_are_read_and_written)
{
    static const char TEXT[] =
        "{\"version\":2,\"brokerid\":2,\"timestamp\":\"1731430000000\",\"kraftControllerEpoch\":-1}";
    struct znode_controller value;
    ck_assert_int_eq(znode_decode_controller(view_str(TEXT), &arena, &value, &why), ERR_NONE);
    ck_assert_int_eq(value.broker_id, 2);
    znode_encode_controller(&value, &out);
    check_text(TEXT);
    ck_assert_int_eq(znode_decode_controller(VIEW_LIT("{\"version\":1,\"brokerid\":7,\"timestamp\":\"1\"}"),
                                             &arena, &value, &why),
                     ERR_NONE);
    ck_assert_int_eq(value.kraft_controller_epoch, -1);
    ck_assert_int_eq(znode_decode_controller(VIEW_LIT("{\"version\":1}"), &arena, &value, &why),
                     ERR_MALFORMED);
    int32_t epoch;
    ck_assert_int_eq(znode_decode_controller_epoch(VIEW_LIT("7"), &epoch, &why), ERR_NONE);
    ck_assert_int_eq(epoch, 7);
    znode_encode_controller_epoch(epoch, &out);
    check_text("7");
    static const char *const BAD[] = {"", "x", "7x", "99999999999", "123456789012345678901234567890"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        ck_assert_int_eq(znode_decode_controller_epoch(view_str(BAD[i]), &epoch, &why), ERR_MALFORMED);
}
END_TEST

START_TEST(producer_id_block_is_read_and_written)
{
    static const char TEXT[] = "{\"version\":1,\"broker\":2,\"block_start\":\"1000\",\"block_end\":\"1999\"}";
    struct znode_producer_id_block block;
    ck_assert_int_eq(znode_decode_producer_id_block(view_str(TEXT), &arena, &block, &why), ERR_NONE);
    ck_assert_int_eq(block.block_end, 1999);
    znode_encode_producer_id_block(&block, &out);
    check_text(TEXT);
    ck_assert_int_eq(znode_decode_producer_id_block(VIEW_NULL, &arena, &block, &why), ERR_NOT_FOUND);
    ck_assert_int_eq(
        znode_decode_producer_id_block(VIEW_LIT("{\"block_start\":\"1000\"}"), &arena, &block, &why),
        ERR_MALFORMED);
    ck_assert_int_eq(znode_decode_producer_id_block(
                         VIEW_LIT("{\"block_start\":\"1e3\",\"block_end\":\"99999999999999999999\"}"), &arena,
                         &block, &why),
                     ERR_MALFORMED);
}
END_TEST

START_TEST(lists_of_partitions_are_read_and_written)
{
    static const char REASSIGNMENT[] =
        "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[4,5,6]}]}";
    static const char PLAIN[] = "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0},{\"topic\":"
                                "\"u\",\"partition\":9}]}";
    struct znode_partitions list;
    ck_assert_int_eq(znode_decode_reassignment(view_str(REASSIGNMENT), &arena, &list, &why), ERR_NONE);
    IDS(&list.items[0].replicas, 4, 5, 6);
    znode_encode_reassignment(&list, &out);
    check_text(REASSIGNMENT);
    ck_assert_int_eq(znode_decode_partitions(view_str(PLAIN), &arena, &list, &why), ERR_NONE);
    ck_assert_int_eq(list.count, 2);
    ck_assert_str_eq(list.items[1].topic, "u");
    znode_encode_partitions(&list, &out);
    check_text(PLAIN);
    static const char *const BAD[] = {"", "{}", "{\"partitions\":[1]}",
                                      "{\"partitions\":[{\"topic\":\"t\"}]}",
                                      "{\"partitions\":[{\"topic\":\"t\",\"partition\":-1}]}"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        ck_assert_int_eq(znode_decode_partitions(view_str(BAD[i]), &arena, &list, &why), ERR_MALFORMED);
    ck_assert_int_eq(znode_decode_reassignment(view_str(PLAIN), &arena, &list, &why), ERR_MALFORMED);
}
END_TEST

START_TEST(config_is_read_and_written)
{
    static const char TEXT[] =
        "{\"version\":1,\"config\":{\"retention.ms\":\"3600000\",\"cleanup.policy\":\"compact\"}}";
    struct znode_config config;
    ck_assert_int_eq(znode_decode_config(view_str(TEXT), &arena, &config, &why), ERR_NONE);
    ck_assert_int_eq(config.count, 2);
    ck_assert_str_eq(config.entries[0].name, "retention.ms");
    ck_assert_str_eq(config.entries[0].value, "3600000");
    znode_encode_config(&config, &out);
    check_text(TEXT);
    static const char *const EMPTY[] = {"", "no json", "{}", "{\"version\":1,\"config\":{}}"};
    for (size_t i = 0; i < ARRAY_LEN(EMPTY); i++) {
        ck_assert_int_eq(znode_decode_config(view_str(EMPTY[i]), &arena, &config, &why), ERR_NONE);
        ck_assert_int_eq(config.count, 0);
    }
    ck_assert_int_eq(znode_decode_config(VIEW_LIT("{\"config\":{\"a\":1}}"), &arena, &config, &why),
                     ERR_MALFORMED);
}
END_TEST

START_TEST(notifications_are_read_and_written)
{
    const char *entity;
    ck_assert_int_eq(znode_decode_config_change(VIEW_LIT("{\"version\":2,\"entity_path\":\"topics/orders\"}"),
                                                &arena, &entity, &why),
                     ERR_NONE);
    ck_assert_str_eq(entity, "topics/orders");
    znode_encode_config_change(entity, &out);
    check_text("{\"version\":2,\"entity_path\":\"topics/orders\"}");
    ck_assert_int_eq(znode_decode_config_change(
                         VIEW_LIT("{\"version\":1,\"entity_type\":\"clients\",\"entity_name\":\"c\"}"),
                         &arena, &entity, &why),
                     ERR_NONE);
    ck_assert_str_eq(entity, "clients/c");
    ck_assert_int_eq(
        znode_decode_config_change(VIEW_LIT("{\"version\":3,\"entity_path\":\"x\"}"), &arena, &entity, &why),
        ERR_MALFORMED);
    struct znode_log_dir_event event;
    ck_assert_int_eq(znode_decode_log_dir_event(VIEW_LIT("{\"version\":1,\"broker\":3,\"event\":1}"), &arena,
                                                &event, &why),
                     ERR_NONE);
    ck_assert_int_eq(event.broker_id, 3);
    znode_encode_log_dir_event(&event, &out);
    check_text("{\"version\":1,\"broker\":3,\"event\":1}");
}
END_TEST

#define ID_A "YWFhYWFhYWFhYWFhYWFhYQ"
#define ID_B "YmJiYmJiYmJiYmJiYmJiYg"

START_TEST(incarnation_is_read_and_written)
{
    static const char text[] = "{\"version\":1,\"incarnation\":\"" ID_A "\",\"starts\":7,\"loss\":\"tail\"}";
    struct znode_incarnation data;
    ck_assert_int_eq(znode_decode_incarnation(view_str(text), &arena, &data, &why), ERR_NONE);
    ck_assert_int_eq(data.id.bytes[15], 'a');
    ck_assert_int_eq(data.starts, 7);
    ck_assert_int_eq(data.loss, ZNODE_LOSS_TAIL);
    znode_encode_incarnation(&data, &out);
    check_text(text);
    static const char *const bad[] = {
        "{}",
        "{\"incarnation\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"starts\":1}",
        "{\"incarnation\":\"" ID_A "\",\"starts\":-1}",
        "{\"incarnation\":\"" ID_A "\",\"starts\":1,\"loss\":\"all\"}",
        "{\"incarnation\":\"" ID_A "\",\"starts\":1,\"loss\":3}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_eq(znode_decode_incarnation(view_str(bad[i]), &arena, &data, &why), ERR_MALFORMED);
}
END_TEST

START_TEST(standing_is_read_and_written)
{
    static const char text[] =
        "{\"version\":1,\"topic_id\":\"" ID_A "\",\"state_version\":3,\"config_zxid\":9,"
        "\"lost\":[{\"broker\":3,\"incarnation\":\"" ID_B "\",\"loss\":\"data\"}],"
        "\"eligible\":[{\"broker\":1,\"incarnation\":\"" ID_A "\",\"loss\":\"none\"},"
        "{\"broker\":2,\"incarnation\":\"" ID_B "\",\"loss\":\"none\"}]}";
    struct znode_standing standing;
    ck_assert_int_eq(znode_decode_standing(view_str(text), &arena, &standing, &why), ERR_NONE);
    ck_assert_int_eq(standing.state_version, 3);
    ck_assert_int_eq(standing.config_zxid, 9);
    ck_assert_int_eq(standing.lost_count, 1);
    ck_assert_int_eq(standing.lost[0].broker, 3);
    ck_assert_int_eq(standing.lost[0].loss, ZNODE_LOSS_DATA);
    ck_assert_int_eq(standing.eligible_count, 2);
    ck_assert_int_eq(standing.eligible[1].incarnation.bytes[0], 'b');
    znode_encode_standing(&standing, &out);
    check_text(text);
    static const char *const bad[] = {
        "[]",
        "{\"topic_id\":\"x\"}",
        "{\"topic_id\":\"" ID_A "\",\"state_version\":3,\"config_zxid\":9,\"lost\":[],\"eligible\":[7]}",
        "{\"topic_id\":\"" ID_A "\",\"state_version\":3,\"config_zxid\":9,\"lost\":{},\"eligible\":[]}",
        "{\"topic_id\":\"" ID_A "\",\"state_version\":3,\"config_zxid\":9,\"lost\":[]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_eq(znode_decode_standing(view_str(bad[i]), &arena, &standing, &why), ERR_MALFORMED);
}
END_TEST

/* Before inter.broker.protocol.version 2.8. */
START_TEST(standing_of_a_topic_without_an_id_has_none)
{
    static const char text[] =
        "{\"version\":1,\"state_version\":3,\"config_zxid\":9,\"lost\":[],\"eligible\":[]}";
    struct znode_standing standing;
    ck_assert_int_eq(znode_decode_standing(view_str(text), &arena, &standing, &why), ERR_NONE);
    ck_assert(uuid_is_zero(standing.topic_id));
    znode_encode_standing(&standing, &out);
    check_text(text);
}
END_TEST

START_TEST(suspect_is_read_and_written)
{
    struct znode_suspect suspect = {
        .broker_epoch = 1L << 40, .controller_epoch = 7, .timestamp_ms = 12345, .reason = "gone"};
    znode_encode_suspect(&suspect, &out);
    ck_assert_int_eq(znode_decode_suspect(buf_view(&out), &arena, &suspect, &why), ERR_NONE);
    check_text("{\"version\":1,\"broker_epoch\":1099511627776,\"controller_epoch\":7,"
               "\"timestamp\":12345,\"reason\":\"gone\"}");
    ck_assert_int_eq(suspect.broker_epoch, 1L << 40);
    ck_assert_int_eq(suspect.controller_epoch, 7);
    ck_assert_int_eq(suspect.timestamp_ms, 12345);
    ck_assert_str_eq(suspect.reason, "gone");
    ck_assert_int_eq(znode_decode_suspect(VIEW_LIT("{\"version\":1}"), &arena, &suspect, &why),
                     ERR_MALFORMED);
}
END_TEST

START_TEST(silence_is_read_and_written)
{
    struct znode_silent_broker brokers[] = {{1, 1L << 40}, {7, 9}};
    struct znode_silence silence = {.timestamp_ms = 12345, .brokers = brokers, .brokers_count = 2};
    znode_encode_silence(&silence, &out);
    ck_assert_int_eq(znode_decode_silence(buf_view(&out), &arena, &silence, &why), ERR_NONE);
    check_text("{\"version\":1,\"timestamp\":12345,\"silent\":[{\"broker\":1,\"broker_epoch\":1099511627776},"
               "{\"broker\":7,\"broker_epoch\":9}]}");
    ck_assert_int_eq(silence.timestamp_ms, 12345);
    ck_assert_int_eq(silence.brokers_count, 2);
    ck_assert_int_eq(silence.brokers[0].id, 1);
    ck_assert_int_eq(silence.brokers[0].epoch, 1L << 40);
    ck_assert_int_eq(
        znode_decode_silence(VIEW_LIT("{\"version\":1,\"timestamp\":1}"), &arena, &silence, &why),
        ERR_MALFORMED);
    ck_assert_int_eq(
        znode_decode_silence(VIEW_LIT("{\"timestamp\":1,\"silent\":[7]}"), &arena, &silence, &why),
        ERR_MALFORMED);
    ck_assert_int_eq(znode_decode_silence(VIEW_LIT("{\"silent\":[]}"), &arena, &silence, &why),
                     ERR_MALFORMED);
}
END_TEST

START_TEST(feature_and_cluster_id_are_read_and_written)
{
    struct znode_feature feature;
    ck_assert_int_eq(znode_decode_feature(VIEW_LIT("{\"version\":2,\"status\":1,\"features\":{}}"), &arena,
                                          &feature, &why),
                     ERR_NONE);
    ck_assert(!feature.has_features);
    znode_encode_feature(&feature, &out);
    check_text("{\"version\":2,\"status\":1,\"features\":{}}");
    ck_assert_int_eq(znode_decode_feature(VIEW_LIT("{\"version\":3,\"status\":1,\"features\":{}}"), &arena,
                                          &feature, &why),
                     ERR_MALFORMED);
    ck_assert_int_eq(znode_decode_feature(VIEW_LIT("{\"version\":2,\"status\":1}"), &arena, &feature, &why),
                     ERR_MALFORMED);
    const char *id;
    ck_assert_int_eq(
        znode_decode_cluster_id(VIEW_LIT("{\"version\":\"1\",\"id\":\"p2Jw0hGbQ4WcYb0mJt3aZw\"}"), &arena,
                                &id, &why),
        ERR_NONE);
    ck_assert_str_eq(id, "p2Jw0hGbQ4WcYb0mJt3aZw");
    znode_encode_cluster_id(id, &out);
    check_text("{\"version\":\"1\",\"id\":\"p2Jw0hGbQ4WcYb0mJt3aZw\"}");
    ck_assert_int_eq(znode_decode_cluster_id(VIEW_LIT("{\"version\":\"1\"}"), &arena, &id, &why),
                     ERR_MALFORMED);
}
END_TEST

/* What would be deep, long or not text at all. */
START_TEST(hostile_text_is_refused_without_harm)
{
    enum { DEEP = 100000 };
    char *deep = mem_alloc(DEEP + 1);
    memset(deep, '[', DEEP);
    deep[DEEP] = '\0';
    struct znode_state state;
    ck_assert_int_eq(znode_decode_state(view_str(deep), &arena, &state, &why), ERR_MALFORMED);
    for (int i = 0; i < DEEP - 4; i += 5)
        memcpy(deep + i, "{\"a\":", 5);
    ck_assert_int_eq(znode_decode_state(view_str(deep), &arena, &state, &why), ERR_MALFORMED);
    free(deep);
    ck_assert_int_eq(znode_decode_state(VIEW_LIT("{\"leader\":\"\xff\xfe\"}"), &arena, &state, &why),
                     ERR_MALFORMED);
    ck_assert_int_eq(znode_decode_state(VIEW_LIT("{\"leader\":99999999999999999999}"), &arena, &state, &why),
                     ERR_MALFORMED);
}
END_TEST

Suite *znode_json_suite(void)
{
    Suite *suite = suite_create("zk/znode_json");
    TCase *tc = tcase_create("znode_json");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, broker_is_read_and_written_as_kafka_writes_it);
    tcase_add_test(tc, broker_without_plaintext_and_rack_writes_null_and_no_rack);
    tcase_add_test(tc, broker_of_older_versions_is_read);
    tcase_add_test(tc, broker_that_kafka_refuses_is_refused);
    tcase_add_test(tc, topic_is_read_and_written_as_kafka_writes_it);
    tcase_add_test(tc, topic_of_older_versions_and_no_json_are_tolerated);
    tcase_add_test(tc, topic_with_nonsense_inside_is_refused);
    tcase_add_test(tc, state_is_read_and_written_as_kafka_writes_it);
    tcase_add_test(tc, state_without_a_mandatory_key_is_refused);
    tcase_add_test(tc, controller_and_its_epoch_are_read_and_written);
    tcase_add_test(tc, producer_id_block_is_read_and_written);
    tcase_add_test(tc, lists_of_partitions_are_read_and_written);
    tcase_add_test(tc, config_is_read_and_written);
    tcase_add_test(tc, notifications_are_read_and_written);
    tcase_add_test(tc, incarnation_is_read_and_written);
    tcase_add_test(tc, standing_is_read_and_written);
    tcase_add_test(tc, standing_of_a_topic_without_an_id_has_none);
    tcase_add_test(tc, suspect_is_read_and_written);
    tcase_add_test(tc, silence_is_read_and_written);
    tcase_add_test(tc, feature_and_cluster_id_are_read_and_written);
    tcase_add_test(tc, hostile_text_is_refused_without_harm);
    suite_add_tcase(suite, tc);
    return suite;
}
