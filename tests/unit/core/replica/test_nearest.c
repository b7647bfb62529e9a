/*
 * Which replica a consumer is sent to. Broker 1 leads; 2 and 3 follow.
 */
#include "core/replica/nearest.h"
#include "rig.h"
#include "suites.h"

static struct rig rig;

/* Both followers have all of the leader's 100 records. */
static void setup(void)
{
    rig_open(&rig, "1,2,3", 100);
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 3, 100);
}

static void teardown(void)
{
    rig_close(&rig);
}

static int32_t nearest(const char *rack, int64_t offset)
{
    struct replica_ids ids = rig_ids(rack);
    return replica_nearest(&rig.replica, &ids, offset);
}

START_TEST(the_follower_in_the_rack_is_nearest)
{
    ck_assert_int_eq(nearest("2", 50), 2);
    ck_assert_int_eq(nearest("3", 50), 3);
    ck_assert_int_eq(nearest("2", 100), 2);
}
END_TEST

START_TEST(the_leader_is_read_where_it_is_in_the_rack_or_nobody_is)
{
    ck_assert_int_eq(nearest("1,2,3", 50), -1);
    ck_assert_int_eq(nearest("", 50), -1);
    ck_assert_int_eq(nearest("4", 50), -1);
}
END_TEST

START_TEST(a_replica_outside_the_isr_is_not_read)
{
    rig_command(&rig, 6, RIG_ME, "1,3");
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 3, 100);
    ck_assert_int_eq(nearest("2", 50), -1);
    ck_assert_int_eq(nearest("2,3", 50), 3);
}
END_TEST

START_TEST(a_replica_that_has_not_the_offset_is_not_read)
{
    rig.leader_end = 200;
    rig_fetch(&rig, 2, 150);
    ck_assert_int_eq(nearest("2", 150), 2);
    ck_assert_int_eq(nearest("2", 151), -1);
    ck_assert_int_eq(nearest("3", 101), -1);
    rig.replica.remotes[0].start_offset = 60;
    ck_assert_int_eq(nearest("2", 59), -1);
    ck_assert_int_eq(nearest("2", 60), 2);
}
END_TEST

START_TEST(a_replica_that_never_fetched_is_not_read)
{
    rig_close(&rig);
    rig_open(&rig, "1,2,3", 100);
    ck_assert_int_eq(nearest("2,3", 0), -1);
}
END_TEST

START_TEST(of_several_who_has_most_then_who_was_caught_up_last_then_the_largest_id)
{
    ck_assert_int_eq(nearest("2,3", 50), 3);
    rig.now_ms += 10;
    rig_fetch(&rig, 2, 100);
    ck_assert_int_eq(nearest("2,3", 50), 2);
    rig.leader_end = 200;
    rig_fetch(&rig, 3, 101);
    ck_assert_int_eq(nearest("2,3", 50), 3);
}
END_TEST

Suite *nearest_suite(void)
{
    Suite *suite = suite_create("nearest replica");
    TCase *tc = tcase_create("nearest");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_follower_in_the_rack_is_nearest);
    tcase_add_test(tc, the_leader_is_read_where_it_is_in_the_rack_or_nobody_is);
    tcase_add_test(tc, a_replica_outside_the_isr_is_not_read);
    tcase_add_test(tc, a_replica_that_has_not_the_offset_is_not_read);
    tcase_add_test(tc, a_replica_that_never_fetched_is_not_read);
    tcase_add_test(tc, of_several_who_has_most_then_who_was_caught_up_last_then_the_largest_id);
    suite_add_tcase(suite, tc);
    return suite;
}
