/*
 * What the controller tells brokers arrives whole at every version of the protocol.
 */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/inter_broker.h"
#include "service/controller/controller_translate.h"
#include "suites.h"
#include "wire/api.h"
#include "wire/codec.h"
#include "wire/generated/wire_messages.h"

static const char *const VERSIONS[] = {"0.11.0", "1.0", "2.0", "2.2", "2.4-IV0",
                                       "2.4",    "2.6", "2.8", "3.2", "3.4"};

static int32_t ids[] = {1, 2, 3};
static struct arena arena;

static struct controller_send send_of(bool deletes)
{
    static struct controller_partition_state parts[2];
    static struct controller_topic_states topics[2];
    static struct znode_endpoint endpoint = {"INNER", "PLAINTEXT", "host", 9092};
    static struct controller_live_broker broker = {.id = 1, .endpoints = &endpoint, .endpoints_count = 1};
    static struct controller_stop_partition stopped[2];
    static struct controller_topic_stops stops[2];
    for (int i = 0; i < 2; i++) {
        parts[i] = (struct controller_partition_state){.partition = i + 4,
                                                       .controller_epoch = 9,
                                                       .leader = 1,
                                                       .leader_epoch = 7,
                                                       .isr = {ids, 2},
                                                       .partition_epoch = 11,
                                                       .replicas = {ids, 3},
                                                       .is_new = true,
                                                       .leader_recovery_state = 1};
        topics[i] = (struct controller_topic_states){
            .topic = i ? "b" : "a", .partitions = &parts[i], .partitions_count = 1};
        topics[i].topic_id.bytes[0] = (uint8_t)(i + 1);
        stopped[i] = (struct controller_stop_partition){
            .partition = i + 4, .leader_epoch = 7, .delete_partition = deletes};
        stops[i] = (struct controller_topic_stops){
            .topic = i ? "b" : "a", .partitions = &stopped[i], .partitions_count = 1};
    }
    return (struct controller_send){.controller_id = 1,
                                    .controller_epoch = 9,
                                    .broker_epoch = 77,
                                    .topics = topics,
                                    .topics_count = 2,
                                    .live_brokers = &broker,
                                    .live_brokers_count = 1,
                                    .stops = stops,
                                    .stops_count = 2};
}

/* Encodes and decodes again as a broker does. */
static const void *round_trip(enum controller_effect_kind kind, const struct controller_send *send,
                              const struct inter_broker *versions, int16_t key, int16_t version)
{
    struct buf frame = {0};
    struct errmsg why;
    struct wire_request_header header;
    size_t used;
    controller_encode_request(kind, send, versions, "INNER", 5, &arena, &frame);
    struct view bytes = arena_dup_view(&arena, view_of(frame.data + 4, frame.len - 4));
    buf_close(&frame);
    const struct wire_api *api;
    ck_assert_int_eq(wire_decode_request_header(bytes, &header, &api, &used, &why), ERR_NONE);
    ck_assert_int_eq(header.request_api_key, key);
    ck_assert_int_eq(header.request_api_version, version);
    void *request = arena_alloc(&arena, api->request->size);
    ck_assert_int_eq(wire_decode(api->request, version, view_of(bytes.ptr + used, bytes.len - used), NULL,
                                 &arena, request, &why),
                     ERR_NONE);
    return request;
}

START_TEST(leader_and_isr_names_every_partition)
{
    const struct inter_broker *at = inter_broker_at(VERSIONS[_i]);
    struct controller_send send = send_of(false);
    const struct wire_leader_and_isr_request *request =
        round_trip(CONTROLLER_EFFECT_LEADER_AND_ISR, &send, at, 4, at->leader_and_isr);
    bool flat = at->leader_and_isr < 2;
    ck_assert_int_eq(flat ? request->ungrouped_partition_states_count : request->topic_states_count, 2);
    for (int i = 0; i < 2; i++) {
        const struct wire_leader_and_isr_request_leader_and_isr_partition_state *state =
            flat ? &request->ungrouped_partition_states[i] : request->topic_states[i].partition_states;
        struct view topic = flat ? state->topic_name : request->topic_states[i].topic_name;
        ck_assert(view_equal_str(topic, i ? "b" : "a"));
        ck_assert_int_eq(state->partition_index, i + 4);
        ck_assert_int_eq(state->isr_count, 2);
        ck_assert_int_eq(state->is_new, at->leader_and_isr >= 1);
        ck_assert_int_eq(state->leader_recovery_state, at->leader_and_isr >= 6);
    }
    ck_assert_int_eq(request->live_leaders_count, 1);
}
END_TEST

START_TEST(update_metadata_names_every_partition)
{
    const struct inter_broker *at = inter_broker_at(VERSIONS[_i]);
    struct controller_send send = send_of(false);
    const struct wire_update_metadata_request *request =
        round_trip(CONTROLLER_EFFECT_UPDATE_METADATA, &send, at, 6, at->update_metadata);
    bool flat = at->update_metadata < 5;
    ck_assert_int_eq(flat ? request->ungrouped_partition_states_count : request->topic_states_count, 2);
    for (int i = 0; i < 2; i++) {
        const struct wire_update_metadata_request_update_metadata_partition_state *state =
            flat ? &request->ungrouped_partition_states[i] : request->topic_states[i].partition_states;
        struct view topic = flat ? state->topic_name : request->topic_states[i].topic_name;
        ck_assert(view_equal_str(topic, i ? "b" : "a"));
        ck_assert_int_eq(state->partition_index, i + 4);
        ck_assert_int_eq(state->zk_version, 11);
    }
    ck_assert_int_eq(request->live_brokers_count, 1);
    ck_assert(view_equal_str(request->live_brokers[0].endpoints[0].listener, "INNER"));
}
END_TEST

START_TEST(stop_replica_names_every_partition)
{
    const struct inter_broker *at = inter_broker_at(VERSIONS[_i]);
    struct controller_send send = send_of(true);
    const struct wire_stop_replica_request *request =
        round_trip(CONTROLLER_EFFECT_STOP_REPLICA, &send, at, 5, at->stop_replica);
    int16_t version = at->stop_replica;
    ck_assert_int_eq(version == 0  ? request->ungrouped_partitions_count
                     : version < 3 ? request->topics_count
                                   : request->topic_states_count,
                     2);
    for (int i = 0; i < 2; i++) {
        int32_t partition = version == 0  ? request->ungrouped_partitions[i].partition_index
                            : version < 3 ? request->topics[i].partition_indexes[0]
                                          : request->topic_states[i].partition_states[0].partition_index;
        ck_assert_int_eq(partition, i + 4);
    }
    ck_assert(version < 3 ? request->delete_partitions
                          : request->topic_states[1].partition_states[0].delete_partition);
}
END_TEST

static void teardown(void)
{
    arena_close(&arena);
    arena = (struct arena){0};
}

Suite *controller_wire_suite(void)
{
    Suite *suite = suite_create("controller_wire");
    TCase *tcase = tcase_create("versions");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_loop_test(tcase, leader_and_isr_names_every_partition, 0, (int)ARRAY_LEN(VERSIONS));
    tcase_add_loop_test(tcase, update_metadata_names_every_partition, 0, (int)ARRAY_LEN(VERSIONS));
    tcase_add_loop_test(tcase, stop_replica_names_every_partition, 0, (int)ARRAY_LEN(VERSIONS));
    suite_add_tcase(suite, tcase);
    return suite;
}
