#include "base/list.h"

#include <check.h>

#include "suites.h"

struct item {
    int number;
    struct list node;
};

static int number_of(struct list *node)
{
    return CONTAINER_OF(node, struct item, node)->number;
}

START_TEST(nodes_keep_their_order)
{
    struct list list;
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&list);
    ck_assert(list_is_empty(&list));
    ck_assert_ptr_null(list_pop_front(&list));
    list_push_back(&list, &items[1].node);
    list_push_back(&list, &items[2].node);
    list_push_front(&list, &items[0].node);
    int expected = 0;
    LIST_EACH (node, &list)
        ck_assert_int_eq(number_of(node), expected++);
    ck_assert_int_eq(expected, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(number_of(list_pop_front(&list)), i);
    ck_assert(list_is_empty(&list));
}
END_TEST

START_TEST(removed_node_is_in_no_list)
{
    struct list list;
    struct item item;
    list_init(&list);
    list_node_init(&item.node);
    ck_assert(!list_is_linked(&item.node));
    list_remove(&item.node);
    list_push_back(&list, &item.node);
    ck_assert(list_is_linked(&item.node));
    list_remove(&item.node);
    list_remove(&item.node);
    ck_assert(!list_is_linked(&item.node));
    ck_assert(list_is_empty(&list));
}
END_TEST

START_TEST(safe_walk_may_remove_its_node)
{
    struct list list;
    struct item items[6];
    list_init(&list);
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        list_push_back(&list, &items[i].node);
    }
    LIST_EACH_SAFE (node, &list) {
        if (number_of(node) % 2 == 0)
            list_remove(node);
    }
    int expected = 1;
    LIST_EACH (node, &list) {
        ck_assert_int_eq(number_of(node), expected);
        expected += 2;
    }
    ck_assert_int_eq(expected, 7);
}
END_TEST

Suite *list_suite(void)
{
    Suite *suite = suite_create("list");
    TCase *tc = tcase_create("list");
    tcase_add_test(tc, nodes_keep_their_order);
    tcase_add_test(tc, removed_node_is_in_no_list);
    tcase_add_test(tc, safe_walk_may_remove_its_node);
    suite_add_tcase(suite, tc);
    return suite;
}
