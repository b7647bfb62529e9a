#include <string.h>

#include "base/mem.h"
#include "cli/groups_zookeeper.h"
#include "suites.h"

static struct arena arena;

struct given {
    const char *path, *data;
    enum err err;
};

static struct groups_old collect(const struct given *given, size_t count, const char *group)
{
    struct zk_node nodes[32];
    struct zk_tree tree = {.nodes = nodes, .count = (int)count};
    struct groups_old old;
    struct view id = view_str(group);
    ck_assert_uint_le(count, ARRAY_LEN(nodes));
    for (size_t i = 0; i < count; i++)
        nodes[i] =
            (struct zk_node){.path = given[i].path, .data = view_str(given[i].data), .err = given[i].err};
    zk_tree_sort(&tree);
    groups_old_collect(&tree, &id, group ? 1 : 0, &arena, &old);
    return old;
}

static void expect(const struct given *given, size_t count, const char *group, const char *csv,
                   const char *notes, int problems)
{
    struct groups_old old = collect(given, count, group);
    ck_assert_str_eq(buf_cstr(&old.csv), csv);
    ck_assert_str_eq(buf_cstr(&old.notes), notes);
    ck_assert_int_eq(old.problems, problems);
    groups_old_close(&old);
    arena_close(&arena);
}

static const struct given healthy[] = {
    {"/", NULL, ERR_NONE},
    {"/brokers", NULL, ERR_NONE},
    {"/consumers", NULL, ERR_NONE},
    {"/consumers/a", NULL, ERR_NONE},
    {"/consumers/a/offsets", NULL, ERR_NONE},
    {"/consumers/a/offsets/orders", NULL, ERR_NONE},
    {"/consumers/a/offsets/orders/0", "17", ERR_NONE},
    {"/consumers/a/offsets/orders/1", "0\n", ERR_NONE},
    {"/consumers/b", NULL, ERR_NONE},
    {"/consumers/b/ids", NULL, ERR_NONE},
    {"/consumers/b/ids/b_host-1", "{}", ERR_NONE},
    {"/consumers/b/offsets", NULL, ERR_NONE},
    {"/consumers/b/offsets/orders", NULL, ERR_NONE},
    {"/consumers/b/offsets/orders/2", "5", ERR_NONE},
    {"/consumers/b/owners", NULL, ERR_NONE},
    {"/consumers/b/owners/orders", NULL, ERR_NONE},
    {"/consumers/b/owners/orders/2", "b_host-1-0", ERR_NONE},
};

START_TEST(all_groups_are_lines_with_their_names)
{
    expect(healthy, ARRAY_LEN(healthy), NULL, "a,orders,0,17\na,orders,1,0\nb,orders,2,5\n",
           "Group b: 1 consumers registered, 1 partitions owned; passed over. They may still move its "
           "offsets: stop "
           "them, then export again\n",
           0);
}
END_TEST

START_TEST(one_group_is_lines_without_its_name)
{
    expect(healthy, ARRAY_LEN(healthy), "a", "orders,0,17\norders,1,0\n", "", 0);
}
END_TEST

START_TEST(a_group_that_is_not_there_is_a_problem)
{
    expect(healthy, ARRAY_LEN(healthy), "c", "", "Group c: there is no /consumers/c\n", 1);
}
END_TEST

START_TEST(bad_znodes_are_named_and_the_others_exported)
{
    static const struct given given[] = {
        {"/consumers", NULL, ERR_NONE},
        {"/consumers/g", NULL, ERR_NONE},
        {"/consumers/g/else", NULL, ERR_NONE},
        {"/consumers/g/offsets", NULL, ERR_NONE},
        {"/consumers/g/offsets/a b", NULL, ERR_NONE},
        {"/consumers/g/offsets/a b/0", "1", ERR_NONE},
        {"/consumers/g/offsets/t", NULL, ERR_NONE},
        {"/consumers/g/offsets/t/0", "-1", ERR_NONE},
        {"/consumers/g/offsets/t/1", NULL, ERR_NONE},
        {"/consumers/g/offsets/t/2", "9223372036854775808", ERR_NONE},
        {"/consumers/g/offsets/t/3", "3", ERR_NONE},
        {"/consumers/g/offsets/t/3/deep", "3", ERR_NONE},
        {"/consumers/g/offsets/t/4", NULL, ERR_NO_AUTH},
        {"/consumers/g/offsets/t/x", "3", ERR_NONE},
    };
    expect(given, ARRAY_LEN(given), "g", "t,3,3\n",
           "/consumers/g/else: a group has offsets, owners and ids, and nothing else; skipped\n"
           "/consumers/g/offsets/a b/0: this is no name of a topic; skipped\n"
           "/consumers/g/offsets/t/0: '-1' is no offset; skipped\n"
           "/consumers/g/offsets/t/1: '' is no offset; skipped\n"
           "/consumers/g/offsets/t/2: '9223372036854775808' is no offset; skipped\n"
           "/consumers/g/offsets/t/3/deep: nothing is expected below a partition; skipped\n"
           "/consumers/g/offsets/t/4: ZooKeeper refused the operation; skipped\n"
           "/consumers/g/offsets/t/x: this is no number of a partition; skipped\n",
           8);
}
END_TEST

Suite *groups_zookeeper_suite(void)
{
    Suite *suite = suite_create("groups_zookeeper");
    TCase *tcase = tcase_create("groups_zookeeper");
    tcase_add_test(tcase, all_groups_are_lines_with_their_names);
    tcase_add_test(tcase, one_group_is_lines_without_its_name);
    tcase_add_test(tcase, a_group_that_is_not_there_is_a_problem);
    tcase_add_test(tcase, bad_znodes_are_named_and_the_others_exported);
    suite_add_tcase(suite, tcase);
    return suite;
}
