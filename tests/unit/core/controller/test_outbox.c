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

Suite *outbox_suite(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tcase = tcase_create("outbox");
    tcase_add_test(tcase, unreachable_broker_is_told_again_after_a_pause);
    tcase_add_test(tcase, what_was_superseded_meanwhile_travels_once);
    tcase_add_test(tcase, refused_request_is_sent_again_with_growing_pauses);
    tcase_add_test(tcase, partition_refused_by_a_broker_is_sent_again);
    tcase_add_test(tcase, one_request_is_in_flight_per_broker);
    tcase_add_test(tcase, deletion_of_an_untold_partition_is_told_by_name);
    suite_add_tcase(suite, tcase);
    return suite;
}
