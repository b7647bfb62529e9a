/* Edits of a set of settings. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/settings/config_edit.h"
#include "suites.h"

static struct arena arena;

static const char *value_of(struct config_pairs pairs, const char *name)
{
    for (size_t i = 0; i < pairs.count; i++)
        if (strcmp(pairs.items[i].name, name) == 0)
            return pairs.items[i].value;
    return NULL;
}

/* The value of cleanup.policy after one edit of it; `present` NULL = not set before. */
static const char *policy_after(const char *present, enum config_edit_op op, const char *value)
{
    const struct config_pair before = {"cleanup.policy", present};
    const struct config_edit edit = {.name = "cleanup.policy", .value = value, .op = op};
    struct config_pairs out;
    const char *why = NULL;
    ck_assert_int_eq(config_edit_apply((struct config_pairs){&before, present ? 1 : 0}, &edit, 1,
                                       CONFIG_EDIT_TOPIC, &arena, &out, &why),
                     ERR_NONE);
    return value_of(out, "cleanup.policy");
}

START_TEST(append_adds_what_is_not_there)
{
    ck_assert_str_eq(policy_after("delete", CONFIG_EDIT_APPEND, "compact"), "delete,compact");
    ck_assert_str_eq(policy_after("delete", CONFIG_EDIT_APPEND, "delete"), "delete");
    ck_assert_str_eq(policy_after("", CONFIG_EDIT_APPEND, "compact"), "compact");
}
END_TEST

START_TEST(append_begins_with_the_default)
{
    ck_assert_str_eq(policy_after(NULL, CONFIG_EDIT_APPEND, "compact"), "delete,compact");
}
END_TEST

START_TEST(subtract_takes_one_for_one)
{
    ck_assert_str_eq(policy_after("delete,compact", CONFIG_EDIT_SUBTRACT, "delete"), "compact");
    ck_assert_str_eq(policy_after("a,b,a,c", CONFIG_EDIT_SUBTRACT, "a,x"), "b,a,c");
    ck_assert_str_eq(policy_after("delete", CONFIG_EDIT_SUBTRACT, "delete"), "");
    ck_assert_str_eq(policy_after("", CONFIG_EDIT_SUBTRACT, "delete"), "");
}
END_TEST

START_TEST(empty_parts_at_the_end_do_not_count)
{
    ck_assert_str_eq(policy_after("delete", CONFIG_EDIT_APPEND, "compact,,"), "delete,compact");
    ck_assert_str_eq(policy_after(",,", CONFIG_EDIT_APPEND, "compact"), "compact");
}
END_TEST

START_TEST(edits_are_carried_out_in_order)
{
    const struct config_pair before[] = {{"flush.ms", "1"}, {"segment.ms", "2"}};
    const struct config_edit edits[] = {
        {.name = "flush.ms", .op = CONFIG_EDIT_DELETE},
        {.name = "retention.ms", .value = "3", .op = CONFIG_EDIT_SET},
        {.name = "segment.ms", .value = "4", .op = CONFIG_EDIT_SET},
        {.name = "no.such", .op = CONFIG_EDIT_DELETE},
    };
    struct config_pairs out;
    const char *why = NULL;
    ck_assert_int_eq(config_edit_apply((struct config_pairs){before, 2}, edits, ARRAY_LEN(edits),
                                       CONFIG_EDIT_TOPIC, &arena, &out, &why),
                     ERR_NONE);
    ck_assert_uint_eq(out.count, 2);
    ck_assert_str_eq(value_of(out, "retention.ms"), "3");
    ck_assert_str_eq(value_of(out, "segment.ms"), "4");
    ck_assert_str_eq(before[1].value, "2");
}
END_TEST

static void check_refused(const char *name, enum config_edit_op op, enum config_edit_table table,
                          const char *message)
{
    const struct config_edit edit = {.name = name, .value = "x", .op = op};
    struct config_pairs out;
    const char *why = NULL;
    ck_assert_int_eq(config_edit_apply((struct config_pairs){NULL, 0}, &edit, 1, table, &arena, &out, &why),
                     ERR_INVALID_CONFIG);
    ck_assert_str_eq(why, message);
}

START_TEST(only_lists_are_appended_to)
{
    check_refused("flush.ms", CONFIG_EDIT_APPEND, CONFIG_EDIT_TOPIC,
                  "Config value append is not allowed for config key: flush.ms");
    check_refused("num.io.threads", CONFIG_EDIT_SUBTRACT, CONFIG_EDIT_BROKER,
                  "Config value subtract is not allowed for config key: num.io.threads");
    check_refused("no.such", CONFIG_EDIT_APPEND, CONFIG_EDIT_TOPIC, "Unknown config name: no.such");
}
END_TEST

static void close_arena(void)
{
    arena_close(&arena);
    arena = (struct arena){0};
}

Suite *config_edit_suite(void)
{
    Suite *suite = suite_create("config_edit");
    TCase *tcase = tcase_create("config_edit");
    tcase_add_checked_fixture(tcase, NULL, close_arena);
    tcase_add_test(tcase, append_adds_what_is_not_there);
    tcase_add_test(tcase, append_begins_with_the_default);
    tcase_add_test(tcase, subtract_takes_one_for_one);
    tcase_add_test(tcase, empty_parts_at_the_end_do_not_count);
    tcase_add_test(tcase, edits_are_carried_out_in_order);
    tcase_add_test(tcase, only_lists_are_appended_to);
    suite_add_tcase(suite, tcase);
    return suite;
}
