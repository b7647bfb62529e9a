#include "rig.h"
#include "suites.h"

static bool is_gone(struct rig *rig, const char *topic)
{
    char *path = arena_printf(&rig->arena, "/brokers/topics/%s", topic);
    char *config = arena_printf(&rig->arena, "/config/topics/%s", topic);
    char *marker = arena_printf(&rig->arena, "/admin/delete_topics/%s", topic);
    return !fake_zk_exists(rig->zk, path) && !fake_zk_exists(rig->zk, config) &&
           !fake_zk_exists(rig->zk, marker);
}

static void put_marker(struct rig *rig, const char *topic)
{
    fake_zk_put(rig->zk, arena_printf(&rig->arena, "/admin/delete_topics/%s", topic),
                &(struct controller_value){.kind = CONTROLLER_VALUE_NULL});
    rig_run(rig);
}

START_TEST(deleted_topic_leaves_no_znode_and_may_be_created_again)
{
    struct rig *rig = rig_cluster(3);
    rig_create_topic(rig, "t", 3, 2);
    ck_assert_int_eq(rig_delete_topic(rig, "t")->topics[0].err, ERR_NONE);
    ck_assert(is_gone(rig, "t"));
    ck_assert_int_eq(rig_create_topic(rig, "t", 1, 1)->topics[0].err, ERR_NONE);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 0);
    rig_free(rig);
}
END_TEST

START_TEST(brokers_forget_the_topic_before_its_replicas_are_deleted)
{
    struct rig *rig = rig_cluster(1);
    rig_create_topic(rig, "t", 1, 1);
    rig_forget_trace(rig);
    rig_delete_topic(rig, "t");
    ck_assert_uint_lt(rig_place(rig, "Update broker=1 t-0 leader=-2 epoch=0"),
                      rig_place(rig, "Stop broker=1 t-0 epoch=-2 delete\n"));
    rig_free(rig);
}
END_TEST

START_TEST(marker_of_a_tool_deletes_too)
{
    struct rig *rig = rig_cluster(2);
    rig_create_topic(rig, "t", 2, 2);
    put_marker(rig, "t");
    ck_assert(is_gone(rig, "t"));
    rig_free(rig);
}
END_TEST

START_TEST(deletion_waits_for_a_dead_broker_and_goes_on_when_it_starts)
{
    struct rig *rig = rig_cluster(2);
    rig_create_topic(rig, "t", 1, 2);
    rig_kill(rig, 2);
    rig_run(rig);
    rig_delete_topic(rig, "t");
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    ck_assert(rig_saw(rig, "Stop broker=1 t-0 epoch=-2 delete\n"));
    rig_forget_trace(rig);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert(rig_saw(rig, "Stop broker=2 t-0 epoch=-2 delete\n"));
    ck_assert(!rig_saw(rig, "Stop broker=1"));
    ck_assert(is_gone(rig, "t"));
    rig_free(rig);
}
END_TEST

START_TEST(broker_that_dies_while_deleting_makes_it_wait)
{
    struct rig *rig = rig_cluster(2);
    rig_create_topic(rig, "t", 1, 2);
    rig->mood[2] = RIG_SILENT;
    rig_delete_topic(rig, "t");
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig_kill(rig, 2);
    rig_run(rig);
    rig->mood[2] = RIG_ANSWERS;
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert(is_gone(rig, "t"));
    rig_free(rig);
}
END_TEST

START_TEST(failed_deletion_is_tried_again_when_the_broker_restarts)
{
    struct rig *rig = rig_cluster(2);
    rig_create_topic(rig, "t", 1, 2);
    rig->partition_err[2] = ERR_KAFKA_STORAGE_ERROR;
    rig_delete_topic(rig, "t");
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig->partition_err[2] = ERR_NONE;
    rig_kill(rig, 2);
    rig_run(rig);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert(is_gone(rig, "t"));
    rig_free(rig);
}
END_TEST

START_TEST(failed_deletion_is_tried_again_when_the_log_directory_answers_again)
{
    struct rig *rig = rig_cluster(2);
    rig_create_topic(rig, "t", 1, 2);
    rig->partition_err[2] = ERR_KAFKA_STORAGE_ERROR;
    struct controller_value event = {.kind = CONTROLLER_VALUE_LOG_DIR_EVENT, .log_dir_event = {2, 1}};
    if (_i == 1) { /* the controller knows of it before the topic is to be deleted */
        fake_zk_put(rig->zk, "/log_dir_event_notification/log_dir_event_0000000000", &event);
        rig_run(rig);
    }
    rig_delete_topic(rig, "t");
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig->partition_err[2] = ERR_NONE;
    fake_zk_put(rig->zk, "/log_dir_event_notification/log_dir_event_0000000000", &event);
    rig_run(rig);
    ck_assert(is_gone(rig, "t"));
    rig_free(rig);
}
END_TEST

START_TEST(unfinished_deletion_is_taken_up_by_the_next_controller)
{
    struct rig *rig = rig_cluster(2);
    int second = rig_add_core(rig, 2);
    rig_create_topic(rig, "t", 2, 1);
    rig->mood[1] = rig->mood[2] = RIG_SILENT;
    rig_delete_topic(rig, "t");
    rig->mood[1] = rig->mood[2] = RIG_ANSWERS;
    rig_kill(rig, 1);
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    rig_feed(rig, 0, &event);
    rig_run(rig);
    ck_assert(controller_is_active(rig->cores[second].c));
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig_register(rig, 1, NULL);
    rig_run(rig);
    ck_assert(is_gone(rig, "t"));
    rig_free(rig);
}
END_TEST

START_TEST(leftovers_of_an_interrupted_deletion_are_removed)
{
    struct rig *rig = rig_new();
    struct controller_value config = {.kind = CONTROLLER_VALUE_CONFIG};
    fake_zk_put(rig->zk, "/config/topics/t", &config);
    put_marker(rig, "t");
    rig_register(rig, 1, NULL);
    rig_add_core(rig, 1);
    ck_assert(is_gone(rig, "t"));
    rig_free(rig);
}
END_TEST

START_TEST(unknown_topics_are_refused)
{
    struct rig *rig = rig_cluster(1);
    ck_assert_int_eq(rig_delete_topic(rig, "t")->topics[0].err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    struct controller_topic_ref ref = {.id = {{1, 2, 3}}};
    struct controller_request request = {.kind = CONTROLLER_DELETE_TOPICS};
    request.delete_topics.topics = &ref;
    request.delete_topics.topics_count = 1;
    rig_request(rig, 0, 5, &request);
    ck_assert_int_eq(rig_answer(rig, 5)->topics[0].err, ERR_UNKNOWN_TOPIC_ID);
    rig_free(rig);
}
END_TEST

START_TEST(topic_being_deleted_takes_no_partitions_and_no_second_creation)
{
    struct rig *rig = rig_cluster(2);
    rig_create_topic(rig, "t", 1, 2);
    rig_kill(rig, 2);
    rig_run(rig);
    rig_delete_topic(rig, "t");
    const struct controller_answer *answer = rig_create_topic(rig, "t", 1, 1);
    ck_assert_int_eq(answer->topics[0].err, ERR_TOPIC_ALREADY_EXISTS);
    ck_assert_str_eq(answer->topics[0].message, "Topic 't' is marked for deletion.");
    struct controller_more_partitions more = {.topic = "t", .count = 4};
    struct controller_request request = {.kind = CONTROLLER_CREATE_PARTITIONS};
    request.create_partitions.topics = &more;
    request.create_partitions.topics_count = 1;
    rig_request(rig, 0, 5, &request);
    ck_assert_int_eq(rig_answer(rig, 5)->topics[0].err, ERR_INVALID_TOPIC_EXCEPTION);
    rig_free(rig);
}
END_TEST

Suite *deletion_suite(void)
{
    Suite *suite = suite_create("deletion");
    TCase *tcase = tcase_create("deletion");
    tcase_add_test(tcase, deleted_topic_leaves_no_znode_and_may_be_created_again);
    tcase_add_test(tcase, brokers_forget_the_topic_before_its_replicas_are_deleted);
    tcase_add_test(tcase, marker_of_a_tool_deletes_too);
    tcase_add_test(tcase, deletion_waits_for_a_dead_broker_and_goes_on_when_it_starts);
    tcase_add_test(tcase, broker_that_dies_while_deleting_makes_it_wait);
    tcase_add_test(tcase, failed_deletion_is_tried_again_when_the_broker_restarts);
    tcase_add_loop_test(tcase, failed_deletion_is_tried_again_when_the_log_directory_answers_again, 0, 2);
    tcase_add_test(tcase, unfinished_deletion_is_taken_up_by_the_next_controller);
    tcase_add_test(tcase, leftovers_of_an_interrupted_deletion_are_removed);
    tcase_add_test(tcase, unknown_topics_are_refused);
    tcase_add_test(tcase, topic_being_deleted_takes_no_partitions_and_no_second_creation);
    suite_add_tcase(suite, tcase);
    return suite;
}
