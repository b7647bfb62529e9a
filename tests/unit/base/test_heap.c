#include "base/heap.h"

#include <check.h>

#include "base/mem.h"
#include "base/prng.h"
#include "suites.h"

START_TEST(empty_heap_gives_nothing)
{
    struct heap heap = {0};
    struct heap_node node = {0};
    ck_assert_ptr_null(heap_peek(&heap));
    ck_assert_ptr_null(heap_pop(&heap));
    heap_remove(&heap, &node);
    ck_assert(!heap_contains(&node));
    heap_close(&heap);
}
END_TEST

START_TEST(nodes_come_out_by_key)
{
    struct heap heap = {0};
    struct heap_node nodes[300] = {{0}};
    struct prng prng;
    prng_seed(&prng, 1);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        heap_push(&heap, &nodes[i], (int64_t)prng_below(&prng, 100) - 50);
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        struct heap_node *node = heap_pop(&heap);
        ck_assert_int_ge(node->key, last);
        ck_assert(!heap_contains(node));
        last = node->key;
    }
    ck_assert_ptr_null(heap_pop(&heap));
    heap_close(&heap);
}
END_TEST

/* Without an assertion for each node: libcheck writes down each that it passes, and these are millions. */
static bool is_in_order(const struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        if (heap->nodes[i]->place != i + 1 ||
            (i > 0 && heap->nodes[(i + 1) / 2 - 1]->key > heap->nodes[i]->key))
            return false;
    return true;
}

START_TEST(order_holds_under_random_pushes_and_removals)
{
    struct heap heap = {0};
    struct heap_node nodes[64] = {{0}};
    struct prng prng;
    prng_seed(&prng, 2);
    size_t inside = 0;
    for (int step = 0; step < 20000; step++) {
        struct heap_node *node = &nodes[prng_below(&prng, ARRAY_LEN(nodes))];
        if (heap_contains(node)) {
            heap_remove(&heap, node);
            inside--;
        } else {
            heap_push(&heap, node, (int64_t)prng_below(&prng, 40));
            inside++;
        }
        ck_assert_uint_eq(heap.count, inside);
        ck_assert(is_in_order(&heap));
    }
    heap_close(&heap);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        ck_assert(!heap_contains(&nodes[i]));
}
END_TEST

Suite *heap_suite(void)
{
    Suite *suite = suite_create("heap");
    TCase *tc = tcase_create("heap");
    tcase_add_test(tc, empty_heap_gives_nothing);
    tcase_add_test(tc, nodes_come_out_by_key);
    tcase_add_test(tc, order_holds_under_random_pushes_and_removals);
    suite_add_tcase(suite, tc);
    return suite;
}
