#include <string.h>

#include "rig.h"
#include "suites.h"

START_TEST(created_topic_has_znodes_leaders_and_brokers_that_know_it)
{
    struct rig *rig = rig_cluster(3);
    const struct controller_answer *answer = rig_create_topic(rig, "t", 2, 3);
    ck_assert_int_eq(answer->err, ERR_NONE);
    ck_assert_int_eq(answer->topics[0].err, ERR_NONE);
    ck_assert_int_eq(answer->topics[0].partitions_count, 2);
    ck_assert(!uuid_is_zero(answer->topics[0].id));
    ck_assert(fake_zk_exists(rig->zk, "/config/topics/t"));
    const struct znode_state *state = rig_state(rig, "t", 1);
    ck_assert_int_eq(state->leader_epoch, 0);
    ck_assert_int_eq(state->controller_epoch, 1);
    ck_assert_int_eq(state->isr.count, 3);
    ck_assert_int_eq(state->leader, state->isr.ids[0]);
    rig_free(rig);
}
END_TEST

START_TEST(leader_and_isr_says_new_and_comes_before_update_metadata)
{
    struct rig *rig = rig_cluster(1);
    rig_create_topic(rig, "t", 1, 1);
    size_t told = rig_place(rig, "LeaderAndIsr broker=1 t-0 leader=1 epoch=0 isr=1 new\n");
    ck_assert_uint_lt(told, rig_place(rig, "Update broker=1 t-0 leader=1"));
    rig_free(rig);
}
END_TEST

START_TEST(topic_written_by_a_tool_is_taken_up)
{
    static const int32_t replicas[] = {2, 1, 1, 2};
    struct rig *rig = rig_cluster(2);
    rig_put_topic(rig, "t", 2, replicas, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_int_eq(rig_state(rig, "t", 1)->leader, 1);
    rig_free(rig);
}
END_TEST

START_TEST(large_topic_is_created_whole)
{
    struct rig *rig = rig_cluster(3);
    ck_assert_int_eq(rig_create_topic(rig, "t", 500, 3)->topics[0].err, ERR_NONE);
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(rig_state(rig, "t", i)->isr.count, 3);
    rig_free(rig);
}
END_TEST

/* A client that saw a part of it would spread its keys over that part. */
START_TEST(large_topic_is_made_slice_by_slice_and_shown_at_once)
{
    struct rig *rig = rig_cluster(1);
    struct controller_new_topic topic = {.name = "t", .partitions_count = 600, .replication_factor = 1};
    struct controller_request request = {.kind = CONTROLLER_CREATE_TOPICS};
    request.create_topics.topics = &topic;
    request.create_topics.topics_count = 1;
    struct controller_event event = {.kind = CONTROLLER_EVENT_REQUEST,
                                     .request = {.ticket = 77, .request = &request}};
    rig_feed(rig, 0, &event);
    while (!rig_saw(rig, "LeaderAndIsr broker=1 t-0 "))
        ck_assert(rig_run_one(rig));
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t/partitions/599/state"));
    while (!rig_saw(rig, "LeaderAndIsr broker=1 t-599 ")) {
        ck_assert(!rig_saw(rig, "Update broker=1 t-"));
        ck_assert(rig_run_one(rig));
    }
    rig_run(rig);
    ck_assert_uint_lt(rig_place(rig, "LeaderAndIsr broker=1 t-599 "), rig_place(rig, "Update broker=1 t-0 "));
    ck_assert(rig_saw(rig, "Update broker=1 t-599 "));
    ck_assert_int_eq(rig_answer(rig, 77)->topics[0].err, ERR_NONE);
    rig_free(rig);
}
END_TEST

START_TEST(partition_without_live_replica_waits_for_its_broker)
{
    static const int32_t replicas[] = {2};
    struct rig *rig = rig_cluster(1);
    rig_put_topic(rig, "t", 1, replicas, 1);
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t/partitions/0/state"));
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    rig_free(rig);
}
END_TEST

START_TEST(orphan_config_is_overwritten)
{
    struct znode_config_entry entry = {"retention.ms", "1"};
    struct controller_value old = {.kind = CONTROLLER_VALUE_CONFIG, .config = {&entry, 1}};
    struct rig *rig = rig_cluster(1);
    fake_zk_put(rig->zk, "/config/topics/t", &old);
    ck_assert_int_eq(rig_create_topic(rig, "t", 1, 1)->topics[0].err, ERR_NONE);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/config/topics/t")->config.count, 0);
    rig_free(rig);
}
END_TEST

START_TEST(bad_topics_are_refused_beside_good_ones)
{
    struct rig *rig = rig_cluster(1);
    rig_create_topic(rig, "a.b", 1, 1);
    int32_t twice[] = {1, 1};
    struct controller_placement placement = {.partition = 0, .replicas = {twice, 2}};
    int32_t one = 1;
    struct controller_placement gap = {.partition = 3, .replicas = {&one, 1}};
    struct controller_new_topic topics[] = {
        {.name = "a.b", .partitions_count = 1, .replication_factor = 1},
        {.name = "a_b", .partitions_count = 1, .replication_factor = 1},
        {.name = "x y", .partitions_count = 1, .replication_factor = 1},
        {.name = "rf", .partitions_count = 1, .replication_factor = 2},
        {.name = "none", .partitions_count = 0, .replication_factor = 1},
        {.name = "twice", .placements = &placement, .placements_count = 1},
        {.name = "gap", .placements = &gap, .placements_count = 1},
        {.name = "good", .partitions_count = 1, .replication_factor = 1},
    };
    struct controller_request request = {.kind = CONTROLLER_CREATE_TOPICS};
    request.create_topics.topics = topics;
    request.create_topics.topics_count = 8;
    rig_request(rig, 0, 7, &request);
    const struct controller_answer *answer = rig_answer(rig, 7);
    static const enum err expected[] = {ERR_TOPIC_ALREADY_EXISTS,       ERR_INVALID_TOPIC_EXCEPTION,
                                        ERR_INVALID_TOPIC_EXCEPTION,    ERR_INVALID_REPLICATION_FACTOR,
                                        ERR_INVALID_PARTITIONS,         ERR_INVALID_REPLICA_ASSIGNMENT,
                                        ERR_INVALID_REPLICA_ASSIGNMENT, ERR_NONE};
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(answer->topics[i].err, expected[i]);
    ck_assert_str_eq(answer->topics[0].message, "Topic 'a.b' already exists.");
    ck_assert_int_eq(rig_state(rig, "good", 0)->leader, 1);
    rig_free(rig);
}
END_TEST

START_TEST(validation_alone_writes_nothing)
{
    struct rig *rig = rig_cluster(1);
    struct controller_new_topic topic = {.name = "t", .partitions_count = 3, .replication_factor = 1};
    struct controller_request request = {.kind = CONTROLLER_CREATE_TOPICS};
    request.create_topics.topics = &topic;
    request.create_topics.topics_count = 1;
    request.create_topics.validate_only = true;
    int before = fake_zk_changes(rig->zk, rig->cores[0].session);
    rig_request(rig, 0, 7, &request);
    ck_assert_int_eq(rig_answer(rig, 7)->topics[0].err, ERR_NONE);
    ck_assert_int_eq(rig_answer(rig, 7)->topics[0].partitions_count, 3);
    ck_assert_int_eq(fake_zk_changes(rig->zk, rig->cores[0].session), before);
    rig_free(rig);
}
END_TEST

/* ---- more partitions */

static const struct controller_answer *grow(struct rig *rig, const char *topic, int count, uint64_t ticket)
{
    struct controller_more_partitions more = {.topic = topic, .count = count};
    struct controller_request request = {.kind = CONTROLLER_CREATE_PARTITIONS};
    request.create_partitions.topics = &more;
    request.create_partitions.topics_count = 1;
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket);
}

START_TEST(more_partitions_are_added_and_led)
{
    struct rig *rig = rig_cluster(3);
    rig_create_topic(rig, "t", 1, 2);
    struct uuid id = fake_zk_value(rig->zk, "/brokers/topics/t")->topic.topic_id;
    ck_assert_int_eq(grow(rig, "t", 3, 5)->topics[0].err, ERR_NONE);
    ck_assert_int_eq(rig_state(rig, "t", 2)->isr.count, 2);
    const struct znode_topic *topic = &fake_zk_value(rig->zk, "/brokers/topics/t")->topic;
    ck_assert_int_eq(topic->partitions_count, 3);
    ck_assert(uuid_equal(topic->topic_id, id));
    rig_free(rig);
}
END_TEST

START_TEST(fewer_partitions_are_refused_in_kafkas_words)
{
    struct rig *rig = rig_cluster(1);
    rig_create_topic(rig, "t", 2, 1);
    const struct controller_answer *answer = grow(rig, "t", 1, 5);
    ck_assert_int_eq(answer->topics[0].err, ERR_INVALID_PARTITIONS);
    ck_assert_str_eq(answer->topics[0].message,
                     "Topic currently has 2 partitions, which is higher than the requested 1.");
    ck_assert_int_eq(grow(rig, "missing", 3, 6)->topics[0].err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    rig_free(rig);
}
END_TEST

START_TEST(partitions_added_by_a_tool_are_led_and_a_lost_id_is_put_back)
{
    static const int32_t replicas[] = {1, 1, 1};
    struct rig *rig = rig_cluster(1);
    rig_create_topic(rig, "t", 1, 1);
    struct uuid id = fake_zk_value(rig->zk, "/brokers/topics/t")->topic.topic_id;
    struct znode_assignment list[3];
    for (int i = 0; i < 3; i++)
        list[i] =
            (struct znode_assignment){.partition = i, .replicas = {(int32_t *)(uintptr_t)&replicas[i], 1}};
    struct controller_value value = {.kind = CONTROLLER_VALUE_TOPIC};
    value.topic = (struct znode_topic){.partitions = list, .partitions_count = 3};
    fake_zk_put(rig->zk, "/brokers/topics/t", &value);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 2)->leader, 1);
    ck_assert(uuid_equal(fake_zk_value(rig->zk, "/brokers/topics/t")->topic.topic_id, id));
    rig_free(rig);
}
END_TEST

START_TEST(topic_removed_by_hand_is_forgotten_and_may_come_again)
{
    static const int32_t replicas[] = {1};
    struct rig *rig = rig_cluster(1);
    rig_create_topic(rig, "t", 1, 1);
    rig_forget_trace(rig);
    fake_zk_remove(rig->zk, "/brokers/topics/t/partitions/0/state");
    fake_zk_remove(rig->zk, "/brokers/topics/t/partitions/0");
    fake_zk_remove(rig->zk, "/brokers/topics/t/partitions");
    fake_zk_remove(rig->zk, "/brokers/topics/t");
    rig_run(rig);
    ck_assert(rig_saw(rig, "Update broker=1 t-0 leader=-2"));
    ck_assert(rig_saw(rig, "Stop broker=1 t-0 epoch=-2\n"));
    rig_put_topic(rig, "t", 1, replicas, 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    rig_free(rig);
}
END_TEST

START_TEST(state_znode_that_is_there_already_is_taken_up)
{
    static const int32_t replicas[] = {1, 2};
    struct rig *rig = rig_cluster(2);
    int32_t isr[] = {2};
    struct controller_value state = {.kind = CONTROLLER_VALUE_STATE};
    state.state =
        (struct znode_state){.leader = 2, .leader_epoch = 8, .controller_epoch = 1, .isr = {isr, 1}};
    fake_zk_put(rig->zk, "/brokers/topics/t/partitions/0/state", &state);
    rig_put_topic(rig, "t", 1, replicas, 2);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=1 t-0 leader=2 epoch=8 isr=2 new\n"));
    rig_free(rig);
}
END_TEST

Suite *topics_suite(void)
{
    Suite *suite = suite_create("topics");
    TCase *tcase = tcase_create("topics");
    tcase_add_test(tcase, created_topic_has_znodes_leaders_and_brokers_that_know_it);
    tcase_add_test(tcase, leader_and_isr_says_new_and_comes_before_update_metadata);
    tcase_add_test(tcase, topic_written_by_a_tool_is_taken_up);
    tcase_add_test(tcase, large_topic_is_created_whole);
    tcase_add_test(tcase, large_topic_is_made_slice_by_slice_and_shown_at_once);
    tcase_add_test(tcase, partition_without_live_replica_waits_for_its_broker);
    tcase_add_test(tcase, orphan_config_is_overwritten);
    tcase_add_test(tcase, bad_topics_are_refused_beside_good_ones);
    tcase_add_test(tcase, validation_alone_writes_nothing);
    tcase_add_test(tcase, more_partitions_are_added_and_led);
    tcase_add_test(tcase, fewer_partitions_are_refused_in_kafkas_words);
    tcase_add_test(tcase, partitions_added_by_a_tool_are_led_and_a_lost_id_is_put_back);
    tcase_add_test(tcase, topic_removed_by_hand_is_forgotten_and_may_come_again);
    tcase_add_test(tcase, state_znode_that_is_there_already_is_taken_up);
    suite_add_tcase(suite, tcase);
    return suite;
}
