#include <string.h>

#include "rig.h"
#include "suites.h"

static const int32_t on_12[] = {1, 2};

static int count_of(struct rig *rig, const char *text)
{
    int n = 0;
    for (const char *at = buf_cstr(&rig->trace); (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

START_TEST(unreachable_broker_is_told_again_after_a_pause)
{
    struct rig *rig = rig_cluster(2);
    rig->mood[2] = RIG_UNREACHABLE;
    rig_put_topic(rig, "t", 1, on_12, 2);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 1);
    rig->mood[2] = RIG_ANSWERS;
    rig_advance(rig, 100);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2 t-0 leader=1 epoch=0 isr=1,2 new\n"), 2);
    ck_assert(rig_saw(rig, "Update broker=2 t-0 leader=1"));
    rig_free(rig);
}
END_TEST

START_TEST(what_was_superseded_meanwhile_travels_once)
{
    static const int32_t on_123[] = {1, 2, 3};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig->mood[2] = RIG_UNREACHABLE;
    for (int i = 0; i < 3; i++) { /* every death and return changes the state again */
        rig_kill(rig, 3);
        rig_run(rig);
        rig_register(rig, 3, NULL);
        rig_run(rig);
    }
    rig_forget_trace(rig);
    rig->mood[2] = RIG_ANSWERS;
    rig_advance(rig, 100);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 1);
    rig_free(rig);
}
END_TEST

/* Before StopReplica said of each partition whether it is deleted: rig.c holds every request against that. */
START_TEST(stops_that_delete_and_those_that_do_not_go_apart)
{
    static const int32_t on_123[] = {1, 2, 3};
    static int32_t target[] = {1, 2};
    struct rig *rig = rig_new();
    rig->versions = inter_broker_at("2.0");
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    rig_put_topic(rig, "stays", 1, on_123, 3);
    rig_put_topic(rig, "moves", 1, on_123, 3);
    rig->mood[3] = RIG_UNREACHABLE;
    const struct controller_move move = {.topic = "moves", .replicas = {target, 2}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &move;
    request.alter_reassignments.moves_count = 1;
    rig_request(rig, 0, 50, &request);
    request = (struct controller_request){.kind = CONTROLLER_CONTROLLED_SHUTDOWN};
    request.controlled_shutdown.broker_id = 3;
    request.controlled_shutdown.broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/3");
    rig_request(rig, 0, 51, &request);
    rig_forget_trace(rig);
    rig->mood[3] = RIG_ANSWERS;
    rig_advance(rig, 1000);
    rig_place(rig, "Stop broker=3 stays-0 epoch=0\n");
    rig_place(rig, "Stop broker=3 moves-0 epoch=2 delete\n");
    rig_free(rig);
}
END_TEST

START_TEST(topics_have_no_ids_before_the_protocol_knows_them)
{
    struct rig *rig = rig_new();
    rig->versions = inter_broker_at("2.7");
    rig_register(rig, 1, NULL);
    rig_add_core(rig, 1);
    rig_put_topic(rig, "put", 1, on_12, 1);
    const struct controller_answer *answer = rig_create_topic(rig, "made", 1, 1);
    ck_assert_int_eq(answer->topics[0].err, ERR_NONE);
    ck_assert(uuid_is_zero(answer->topics[0].id));
    rig_free(rig);
}
END_TEST

START_TEST(refused_request_is_sent_again_with_growing_pauses)
{
    struct rig *rig = rig_cluster(2);
    rig->request_err[2] = ERR_UNKNOWN_SERVER_ERROR;
    rig_put_topic(rig, "t", 1, on_12, 2);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 1);
    rig_advance(rig, 1000);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 2);
    rig_advance(rig, 1000);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 2);
    rig->request_err[2] = ERR_NONE;
    rig_advance(rig, 1000);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 3);
    ck_assert(rig_saw(rig, "Update broker=2 t-0"));
    rig_advance(rig, 60000);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 3);
    rig_free(rig);
}
END_TEST

START_TEST(partition_refused_by_a_broker_is_sent_again)
{
    struct rig *rig = rig_cluster(2);
    rig->partition_err[2] = ERR_UNKNOWN_SERVER_ERROR;
    rig_put_topic(rig, "t", 1, on_12, 2);
    rig->partition_err[2] = ERR_NONE;
    rig_advance(rig, 1000);
    ck_assert_int_eq(count_of(rig, "LeaderAndIsr broker=2"), 2);
    rig_free(rig);
}
END_TEST

START_TEST(one_request_is_in_flight_per_broker)
{
    struct rig *rig = rig_cluster(2);
    rig->mood[2] = RIG_SILENT;
    rig_forget_trace(rig);
    rig_put_topic(rig, "a", 1, on_12, 2);
    rig_put_topic(rig, "b", 1, on_12, 2);
    ck_assert_int_eq(count_of(rig, " broker=2 "), 1);
    rig_free(rig);
}
END_TEST

START_TEST(deletion_of_an_untold_partition_is_told_by_name)
{
    static const int32_t on_1[] = {1};
    struct rig *rig = rig_cluster(2);
    rig->mood[2] = RIG_UNREACHABLE;
    rig_put_topic(rig, "t", 1, on_1, 1);
    rig_delete_topic(rig, "t");
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig->mood[2] = RIG_ANSWERS;
    rig_forget_trace(rig);
    rig_advance(rig, 100);
    ck_assert(rig_saw(rig, "Update broker=2 t-0 leader=-2 epoch=0"));
    rig_free(rig);
}
END_TEST

/* Its broker is no replica any more when the topic goes, so that nobody waits for its answer. */
START_TEST(deletion_that_waits_does_not_meet_the_next_topic_of_that_name)
{
    static int32_t target[] = {1};
    struct rig *rig = rig_cluster(2);
    rig_put_topic(rig, "t", 1, on_12, 2);
    rig->mood[2] = RIG_UNREACHABLE;
    rig_put_topic(rig, "other", 1, on_12, 2); /* is being sent; what follows waits behind it */
    const struct controller_move move = {.topic = "t", .replicas = {target, 1}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &move;
    request.alter_reassignments.moves_count = 1;
    rig_request(rig, 0, 50, &request);
    rig_delete_topic(rig, "t");
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig_put_topic(rig, "t", 1, on_12, 2);
    rig->mood[2] = RIG_ANSWERS;
    rig_forget_trace(rig);
    rig_advance(rig, 1000);
    ck_assert_uint_lt(rig_place(rig, "Stop broker=2 t-0"), rig_place(rig, "LeaderAndIsr broker=2 t-0"));
    rig_free(rig);
}
END_TEST

Suite *outbox_suite(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tcase = tcase_create("outbox");
    tcase_add_test(tcase, unreachable_broker_is_told_again_after_a_pause);
    tcase_add_test(tcase, what_was_superseded_meanwhile_travels_once);
    tcase_add_test(tcase, stops_that_delete_and_those_that_do_not_go_apart);
    tcase_add_test(tcase, topics_have_no_ids_before_the_protocol_knows_them);
    tcase_add_test(tcase, refused_request_is_sent_again_with_growing_pauses);
    tcase_add_test(tcase, partition_refused_by_a_broker_is_sent_again);
    tcase_add_test(tcase, one_request_is_in_flight_per_broker);
    tcase_add_test(tcase, deletion_of_an_untold_partition_is_told_by_name);
    tcase_add_test(tcase, deletion_that_waits_does_not_meet_the_next_topic_of_that_name);
    suite_add_tcase(suite, tcase);
    return suite;
}
