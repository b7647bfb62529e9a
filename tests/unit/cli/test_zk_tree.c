#include <stdlib.h>

#include "base/mem.h"
#include "cli/zk_tree.h"
#include "suites.h"

static struct zk_node nodes[] = {{.path = "/a-b"}, {.path = "/a/b/c"}, {.path = "/a"},   {.path = "/"},
                                 {.path = "/ab"},  {.path = "/a/b"},   {.path = "/a/c"}, {.path = "/b"}};
static struct zk_tree tree = {nodes, ARRAY_LEN(nodes), 0};

START_TEST(a_znode_is_followed_by_all_that_is_below_it)
{
    static const char *const sorted[] = {"/", "/a", "/a/b", "/a/b/c", "/a/c", "/a-b", "/ab", "/b"};
    zk_tree_sort(&tree);
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
        ck_assert_str_eq(tree.nodes[i].path, sorted[i]);
}
END_TEST

START_TEST(znodes_are_found_by_path)
{
    zk_tree_sort(&tree);
    ck_assert_str_eq(zk_tree_find(&tree, "/a/b/c")->path, "/a/b/c");
    ck_assert_str_eq(zk_tree_find(&tree, "/")->path, "/");
    ck_assert_ptr_null(zk_tree_find(&tree, "/a/b/"));
    ck_assert_ptr_null(zk_tree_find(&tree, "/a/x"));
    ck_assert_ptr_null(zk_tree_find(&tree, "/z"));
    ck_assert_str_eq(zk_node_name(zk_tree_find(&tree, "/a/b/c")), "c");
}
END_TEST

START_TEST(below_is_what_has_the_path_and_more)
{
    int first;
    zk_tree_sort(&tree);
    ck_assert_int_eq(zk_tree_below(&tree, "/a", &first) - first, 3);
    ck_assert_str_eq(tree.nodes[first].path, "/a/b");
    ck_assert_int_eq(zk_tree_below(&tree, "/b", &first) - first, 0);
    ck_assert_int_eq(zk_tree_below(&tree, "/none", &first) - first, 0);
    /* The parent itself need not be there. */
    struct zk_tree rest = {tree.nodes + 2, tree.count - 2, 0};
    ck_assert_int_eq(zk_tree_below(&rest, "/a", &first) - first, 3);
}
END_TEST

Suite *zk_tree_suite(void)
{
    Suite *suite = suite_create("zk_tree");
    TCase *tc = tcase_create("zk_tree");
    tcase_add_test(tc, a_znode_is_followed_by_all_that_is_below_it);
    tcase_add_test(tc, znodes_are_found_by_path);
    tcase_add_test(tc, below_is_what_has_the_path_and_more);
    suite_add_tcase(suite, tc);
    return suite;
}
