#include "service/replica/control_fence.h"

#include "suites.h"

static struct control_fence fence;
static struct broker broker;

static void setup(void)
{
    fence = (struct control_fence){0};
    atomic_store(&broker.epoch, 100);
}

static enum err check(int32_t controller_epoch, int64_t broker_epoch, int64_t connection)
{
    struct control_sender sender = {controller_epoch, broker_epoch, connection};
    return control_fence_check(&fence, &broker, &sender);
}

START_TEST(what_is_meant_for_an_earlier_registration_is_refused)
{
    ck_assert_int_eq(check(1, 99, 1), ERR_STALE_BROKER_EPOCH);
    ck_assert_int_eq(check(1, 100, 1), ERR_NONE);
    ck_assert_int_eq(check(1, 101, 1), ERR_NONE);
    ck_assert_int_eq(check(1, -1, 1), ERR_NONE);
}
END_TEST

START_TEST(an_earlier_controller_is_refused)
{
    ck_assert_int_eq(check(5, -1, 1), ERR_NONE);
    ck_assert_int_eq(check(4, -1, 2), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(check(5, -1, 1), ERR_NONE);
}
END_TEST

START_TEST(an_earlier_connection_of_the_same_controller_is_not_obeyed_any_more)
{
    ck_assert_int_eq(check(5, -1, 7), ERR_NONE);
    ck_assert_int_eq(check(5, -1, 7), ERR_NONE);
    ck_assert_int_eq(check(5, -1, 9), ERR_NONE);
    ck_assert_int_eq(check(5, -1, 7), ERR_CONNECTION_REPLACED);
    ck_assert_int_eq(check(5, -1, 9), ERR_NONE);
}
END_TEST

START_TEST(a_new_controller_may_come_by_an_earlier_connection_than_the_last_one)
{
    ck_assert_int_eq(check(5, -1, 9), ERR_NONE);
    ck_assert_int_eq(check(6, -1, 3), ERR_NONE);
    ck_assert_int_eq(check(6, -1, 2), ERR_CONNECTION_REPLACED);
    ck_assert_int_eq(check(5, -1, 9), ERR_STALE_CONTROLLER_EPOCH);
}
END_TEST

START_TEST(what_is_refused_does_not_count_as_heard)
{
    ck_assert_int_eq(check(5, -1, 1), ERR_NONE);
    ck_assert_int_eq(check(6, 99, 2), ERR_STALE_BROKER_EPOCH);
    ck_assert_int_eq(check(4, -1, 3), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(check(5, -1, 1), ERR_NONE);
}
END_TEST

Suite *control_fence_suite(void)
{
    Suite *suite = suite_create("control_fence");
    TCase *tcase = tcase_create("fence");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, what_is_meant_for_an_earlier_registration_is_refused);
    tcase_add_test(tcase, an_earlier_controller_is_refused);
    tcase_add_test(tcase, an_earlier_connection_of_the_same_controller_is_not_obeyed_any_more);
    tcase_add_test(tcase, a_new_controller_may_come_by_an_earlier_connection_than_the_last_one);
    tcase_add_test(tcase, what_is_refused_does_not_count_as_heard);
    suite_add_tcase(suite, tcase);
    return suite;
}
