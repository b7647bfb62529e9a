/*
 * Snapshots of the cluster, one UpdateMetadata after the other.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/metadata/metadata.h"
#include "wire/generated/wire_messages.h"

#define DELETED (-2)

typedef struct wire_update_metadata_request_update_metadata_partition_state wire_partition;
typedef struct wire_update_metadata_request_update_metadata_topic_state wire_topic;
typedef struct wire_update_metadata_request_update_metadata_broker wire_broker;
typedef struct wire_update_metadata_request_update_metadata_endpoint wire_endpoint;

static struct metadata *now;

static void setup(void)
{
    now = metadata_new();
}

static void teardown(void)
{
    metadata_free(now);
}

static void apply(const struct wire_update_metadata_request *request)
{
    struct metadata *next = metadata_apply(now, request);
    metadata_free(now);
    now = next;
}

static struct uuid id_of(uint8_t byte)
{
    struct uuid id;
    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

static void apply_topic(const char *name, uint8_t id, const wire_partition *partitions, int32_t count)
{
    wire_topic topic = {.topic_name = view_str(name),
                        .topic_id = id_of(id),
                        .partition_states = (wire_partition *)(uintptr_t)partitions,
                        .partition_states_count = count};
    struct wire_update_metadata_request request = {
        .controller_id = 1, .topic_states = &topic, .topic_states_count = 1};
    apply(&request);
}

/* Partition `index` of a topic, led by `leader`. */
static void apply_one(const char *name, uint8_t id, int32_t index, int32_t leader)
{
    wire_partition partition = {.partition_index = index, .leader = leader};
    apply_topic(name, id, &partition, 1);
}

static const struct metadata_partition *partition(const char *topic, int32_t index)
{
    return metadata_partition(now, view_str(topic), index);
}

START_TEST(nothing_is_known_at_first)
{
    ck_assert_int_eq(now->controller_id, -1);
    ck_assert_ptr_null(metadata_topic(now, VIEW_LIT("t")));
    ck_assert_ptr_null(metadata_broker(now, 0));
    ck_assert_ptr_null(partition("t", 0));
}
END_TEST

START_TEST(partition_is_what_the_last_request_said_of_it)
{
    int32_t replicas[] = {3, 1, 2}, isr[] = {1, 3}, offline[] = {2};
    wire_partition said = {.leader = 3,
                           .leader_epoch = 4,
                           .controller_epoch = 5,
                           .zk_version = 6,
                           .replicas = replicas,
                           .replicas_count = 3,
                           .isr = isr,
                           .isr_count = 2,
                           .offline_replicas = offline,
                           .offline_replicas_count = 1};
    apply_topic("t", 1, &said, 1);
    memset(replicas, 0, sizeof replicas); /* the request is gone by then */
    const struct metadata_partition *p = partition("t", 0);
    ck_assert_int_eq(p->leader, 3);
    ck_assert_int_eq(p->leader_epoch, 4);
    ck_assert_int_eq(p->controller_epoch, 5);
    ck_assert_int_eq(p->partition_epoch, 6);
    ck_assert_int_eq(p->replicas_count, 3);
    ck_assert_int_eq(p->replicas[0], 3);
    ck_assert_int_eq(p->isr[1], 3);
    ck_assert_int_eq(p->offline[0], 2);
    apply_one("t", 1, 0, -1);
    ck_assert_int_eq(partition("t", 0)->leader, -1);
    ck_assert_int_eq(partition("t", 0)->replicas_count, 0);
}
END_TEST

START_TEST(what_a_request_does_not_name_stays)
{
    apply_one("t", 1, 0, 1);
    apply_one("t", 1, 1, 2);
    apply_one("u", 2, 0, 3);
    ck_assert_int_eq(partition("t", 0)->leader, 1);
    ck_assert_int_eq(partition("t", 1)->leader, 2);
    ck_assert_int_eq(now->partitions_count, 3);
    ck_assert_ptr_eq(metadata_topic_by_id(now, id_of(2)), metadata_topic(now, VIEW_LIT("u")));
}
END_TEST

START_TEST(snapshot_of_before_is_as_it_was)
{
    apply_one("t", 1, 0, 1);
    apply_one("kept", 2, 0, 1);
    struct metadata *before = now;
    wire_partition changed = {.leader = 9};
    wire_topic topic = {.topic_name = VIEW_LIT("t"),
                        .topic_id = id_of(1),
                        .partition_states = &changed,
                        .partition_states_count = 1};
    struct wire_update_metadata_request request = {.topic_states = &topic, .topic_states_count = 1};
    struct metadata *after = metadata_apply(before, &request);
    ck_assert_int_eq(metadata_partition(before, VIEW_LIT("t"), 0)->leader, 1);
    ck_assert_int_eq(metadata_partition(after, VIEW_LIT("t"), 0)->leader, 9);
    metadata_free(before);
    ck_assert_int_eq(metadata_partition(after, VIEW_LIT("kept"), 0)->leader, 1); /* was shared */
    now = after;
}
END_TEST

START_TEST(topic_goes_with_its_last_partition)
{
    apply_one("t", 1, 0, 1);
    apply_one("t", 1, 1, 1);
    apply_one("t", 1, 0, DELETED);
    ck_assert_ptr_null(partition("t", 0));
    ck_assert_ptr_nonnull(partition("t", 1));
    ck_assert_int_eq(now->partitions_count, 1);
    apply_one("t", 1, 1, DELETED);
    ck_assert_ptr_null(metadata_topic(now, VIEW_LIT("t")));
    ck_assert_ptr_null(metadata_topic_by_id(now, id_of(1)));
    ck_assert_int_eq(now->partitions_count, 0);
}
END_TEST

START_TEST(topic_that_was_made_again_has_the_new_id_only)
{
    apply_one("t", 1, 0, 1);
    apply_one("t", 2, 0, 1);
    ck_assert_ptr_null(metadata_topic_by_id(now, id_of(1)));
    ck_assert_ptr_nonnull(metadata_topic_by_id(now, id_of(2)));
}
END_TEST

START_TEST(topic_without_an_id_is_found_by_name_alone)
{
    apply_one("t", 0, 0, 1);
    ck_assert_ptr_nonnull(metadata_topic(now, VIEW_LIT("t")));
    ck_assert_ptr_null(metadata_topic_by_id(now, id_of(0)));
}
END_TEST

START_TEST(partition_that_was_left_out_is_a_hole)
{
    apply_one("t", 1, 3, 1);
    ck_assert_ptr_null(partition("t", 2));
    ck_assert_ptr_nonnull(partition("t", 3));
    ck_assert_ptr_null(partition("t", 4));
    ck_assert_ptr_null(partition("t", -1));
    ck_assert_int_eq(now->partitions_count, 1);
    ck_assert_int_eq(metadata_topic(now, VIEW_LIT("t"))->partitions_count, 4);
}
END_TEST

START_TEST(absurd_partition_numbers_are_passed_over)
{
    apply_one("t", 1, INT32_MAX, 1);
    apply_one("t", 1, -1, 1);
    ck_assert_ptr_null(metadata_topic(now, VIEW_LIT("t")));
}
END_TEST

START_TEST(old_requests_name_the_topic_with_each_partition)
{
    wire_partition said[] = {{.topic_name = VIEW_LIT("t"), .partition_index = 0, .leader = 1},
                             {.topic_name = VIEW_LIT("u"), .partition_index = 0, .leader = 2},
                             {.topic_name = VIEW_LIT("t"), .partition_index = 1, .leader = 3}};
    struct wire_update_metadata_request request = {.ungrouped_partition_states = said,
                                                   .ungrouped_partition_states_count = 3};
    apply(&request);
    ck_assert_int_eq(partition("t", 0)->leader, 1);
    ck_assert_int_eq(partition("u", 0)->leader, 2);
    ck_assert_int_eq(partition("t", 1)->leader, 3);
}
END_TEST

/* --- brokers ---------------------------------------------------------------------------------------------
 */

START_TEST(brokers_are_those_of_the_last_request_whatever_their_order)
{
    wire_broker first[] = {{.id = 7}, {.id = 1000}, {.id = 0, .rack = VIEW_LIT("r")}};
    struct wire_update_metadata_request request = {
        .controller_id = 7, .live_brokers = first, .live_brokers_count = 3};
    apply(&request);
    ck_assert_int_eq(now->controller_id, 7);
    ck_assert_int_eq(now->brokers[0].id, 0);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(metadata_broker(now, first[i].id)->id, first[i].id);
    ck_assert_ptr_null(metadata_broker(now, 8));
    ck_assert_str_eq(metadata_broker(now, 0)->rack, "r");
    ck_assert_ptr_null(metadata_broker(now, 7)->rack);
    request.live_brokers_count = 1;
    request.controller_id = -1;
    apply(&request);
    ck_assert_int_eq(now->brokers_count, 1);
    ck_assert_ptr_null(metadata_broker(now, 0));
    ck_assert_int_eq(now->controller_id, -1);
}
END_TEST

START_TEST(listener_without_a_name_is_called_like_its_protocol)
{
    wire_endpoint endpoints[] = {
        {.host = VIEW_LIT("a"), .port = 1, .security_protocol = 0},
        {.host = VIEW_LIT("b"), .port = 2, .security_protocol = 3},
        {.host = VIEW_LIT("c"), .port = 3, .security_protocol = 0, .listener = VIEW_LIT("INSIDE")}};
    wire_broker broker[] = {{.id = 1, .endpoints = endpoints, .endpoints_count = 3},
                            {.id = 2, .v0_host = VIEW_LIT("old"), .v0_port = 4}};
    struct wire_update_metadata_request request = {.live_brokers = broker, .live_brokers_count = 2};
    apply(&request);
    const struct metadata_broker *one = metadata_broker(now, 1);
    ck_assert_str_eq(metadata_broker_endpoint(one, "PLAINTEXT")->host, "a");
    ck_assert_str_eq(metadata_broker_endpoint(one, "SASL_SSL")->host, "b");
    ck_assert_int_eq(metadata_broker_endpoint(one, "INSIDE")->port, 3);
    ck_assert_ptr_null(metadata_broker_endpoint(one, "SSL"));
    ck_assert_int_eq(metadata_broker_endpoint(metadata_broker(now, 2), "PLAINTEXT")->port, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metadata");
    TCase *tcase = tcase_create("metadata");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nothing_is_known_at_first);
    tcase_add_test(tcase, partition_is_what_the_last_request_said_of_it);
    tcase_add_test(tcase, what_a_request_does_not_name_stays);
    tcase_add_test(tcase, snapshot_of_before_is_as_it_was);
    tcase_add_test(tcase, topic_goes_with_its_last_partition);
    tcase_add_test(tcase, topic_that_was_made_again_has_the_new_id_only);
    tcase_add_test(tcase, topic_without_an_id_is_found_by_name_alone);
    tcase_add_test(tcase, partition_that_was_left_out_is_a_hole);
    tcase_add_test(tcase, absurd_partition_numbers_are_passed_over);
    tcase_add_test(tcase, old_requests_name_the_topic_with_each_partition);
    tcase_add_test(tcase, brokers_are_those_of_the_last_request_whatever_their_order);
    tcase_add_test(tcase, listener_without_a_name_is_called_like_its_protocol);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
