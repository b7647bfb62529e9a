#include "base/err.h"

#include <check.h>
#include <stddef.h>
#include <string.h>

#include "suites.h"

START_TEST(every_kafka_code_has_a_name_and_goes_over_the_wire_unchanged)
{
    for (int code = -1; code <= 127; code++) {
        enum err err = (enum err)code;
        ck_assert_str_ne(err_name(err), "UNKNOWN");
        ck_assert_uint_gt(strlen(err_meaning(err)), 0);
        ck_assert_int_eq(err_wire_code(err), code);
    }
}
END_TEST

START_TEST(names_of_well_known_codes_are_kafkas)
{
    ck_assert_str_eq(err_name(ERR_NONE), "NONE");
    ck_assert_str_eq(err_name((enum err)6), "NOT_LEADER_OR_FOLLOWER");
    ck_assert_str_eq(err_name((enum err)35), "UNSUPPORTED_VERSION");
    ck_assert_str_eq(err_name((enum err)74), "FENCED_LEADER_EPOCH");
    ck_assert_str_eq(err_name((enum err) - 1), "UNKNOWN_SERVER_ERROR");
}
END_TEST

START_TEST(internal_and_unknown_codes_become_unknown_server_error)
{
    static const int codes[] = {ERR_IO, ERR_LOCKED, 999999, 40000, -2, -40000};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        ck_assert_int_eq(err_wire_code((enum err)codes[i]), -1);
}
END_TEST

START_TEST(code_outside_the_table_is_unknown_and_not_retriable)
{
    ck_assert_str_eq(err_name((enum err)999), "UNKNOWN");
    ck_assert_ptr_nonnull(err_meaning((enum err)999));
    ck_assert(!err_is_retriable((enum err)999));
}
END_TEST

START_TEST(retriable_follows_the_table)
{
    ck_assert(err_is_retriable(ERR_NOT_LEADER_OR_FOLLOWER));
    ck_assert(err_is_retriable(ERR_NOT_COORDINATOR));
    ck_assert(!err_is_retriable(ERR_NONE));
    ck_assert(!err_is_retriable(ERR_MESSAGE_TOO_LARGE));
}
END_TEST

Suite *err_suite(void)
{
    Suite *suite = suite_create("err");
    TCase *tc = tcase_create("err");
    tcase_add_test(tc, every_kafka_code_has_a_name_and_goes_over_the_wire_unchanged);
    tcase_add_test(tc, names_of_well_known_codes_are_kafkas);
    tcase_add_test(tc, internal_and_unknown_codes_become_unknown_server_error);
    tcase_add_test(tc, code_outside_the_table_is_unknown_and_not_retriable);
    tcase_add_test(tc, retriable_follows_the_table);
    suite_add_tcase(suite, tc);
    return suite;
}
