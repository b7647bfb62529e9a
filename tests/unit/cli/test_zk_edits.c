#include <string.h>

#include "base/mem.h"
#include "cli/zk_admin.h"
#include "suites.h"

START_TEST(edits_keep_the_rest_and_its_order)
{
    struct arena arena = {0};
    struct znode_config_entry entries[] = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
    struct znode_config from = {entries, ARRAY_LEN(entries)}, to;
    static const struct znode_config_entry set[] = {{"c", "4"}, {"d", "5"}};
    static const char *const remove[] = {"a", "x"};
    struct zk_admin_edits edits = {set, ARRAY_LEN(set), remove, ARRAY_LEN(remove)};
    zk_admin_edit_config(&from, &edits, &arena, &to);
    ck_assert_int_eq(to.count, 3);
    ck_assert_str_eq(to.entries[0].name, "b");
    ck_assert_str_eq(to.entries[0].value, "2");
    ck_assert_str_eq(to.entries[1].name, "c");
    ck_assert_str_eq(to.entries[1].value, "4");
    ck_assert_str_eq(to.entries[2].name, "d");
    ck_assert_str_eq(entries[2].value, "3");
    arena_close(&arena);
}
END_TEST

Suite *zk_edits_suite(void)
{
    Suite *suite = suite_create("zk_edits");
    TCase *tc = tcase_create("zk_edits");
    tcase_add_test(tc, edits_keep_the_rest_and_its_order);
    suite_add_tcase(suite, tc);
    return suite;
}
