#include "base/arena.h"

#include <check.h>

#include "base/mem.h"
#include "suites.h"

START_TEST(blocks_are_aligned_and_do_not_overlap)
{
    struct arena arena = {0};
    uint8_t *blocks[200];
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        blocks[i] = arena_alloc(&arena, i * 7);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        for (size_t j = 0; j < i * 7; j++)
            ck_assert_uint_eq(blocks[i][j], (uint8_t)i);
    }
    arena_close(&arena);
}
END_TEST

START_TEST(empty_alloc_gives_a_pointer)
{
    struct arena arena = {0};
    ck_assert_ptr_nonnull(arena_alloc(&arena, 0));
    ck_assert_ptr_nonnull(arena_try_zalloc(&arena, 0, 8));
    ck_assert_ptr_nonnull(arena_dup_view(&arena, VIEW_LIT("")).ptr);
    arena_close(&arena);
}
END_TEST

START_TEST(reset_keeps_a_block_for_the_next_user)
{
    struct arena arena = {0};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            arena_alloc(&arena, 1000);
        ck_assert_uint_ge(arena.total, 100 * 1000);
        arena_reset(&arena);
        ck_assert_uint_eq(arena.total, 0);
        ck_assert_ptr_nonnull(arena.blocks);
    }
    const struct arena_block *kept = arena.blocks;
    arena_alloc(&arena, 1000);
    ck_assert_ptr_eq(arena.blocks, kept);
    arena_close(&arena);
}
END_TEST

START_TEST(reset_does_not_keep_a_huge_block)
{
    struct arena arena = {0};
    arena_alloc(&arena, 16 << 20);
    arena_reset(&arena);
    ck_assert_ptr_null(arena.blocks);
    arena_close(&arena);
    arena_close(&arena);
}
END_TEST

START_TEST(zeroed_memory_is_zero_after_reuse)
{
    struct arena arena = {0};
    memset(arena_alloc(&arena, 500), 0xff, 500);
    arena_reset(&arena);
    const uint8_t *p = arena_zalloc(&arena, 200);
    const uint8_t *q = arena_try_zalloc(&arena, 20, 10);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(p[i] | q[i], 0);
    arena_close(&arena);
}
END_TEST

START_TEST(try_zalloc_refuses_beyond_the_limit)
{
    struct arena arena = {.limit = 1000};
    ck_assert_ptr_nonnull(arena_try_zalloc(&arena, 10, 60));
    ck_assert_ptr_null(arena_try_zalloc(&arena, 10, 60));
    ck_assert_ptr_nonnull(arena_try_zalloc(&arena, 10, 30));
    /* What we ask for ourselves is not limited. */
    ck_assert_ptr_nonnull(arena_alloc(&arena, 5000));
    ck_assert_ptr_null(arena_try_zalloc(&arena, 1, 1));
    arena_reset(&arena);
    ck_assert_ptr_nonnull(arena_try_zalloc(&arena, 10, 60));
    arena_close(&arena);
}
END_TEST

START_TEST(try_zalloc_refuses_a_product_that_overflows)
{
    struct arena arena = {0};
    ck_assert_ptr_null(arena_try_zalloc(&arena, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(arena_try_zalloc(&arena, SIZE_MAX, 1));
    arena_close(&arena);
}
END_TEST

START_TEST(copies_are_copies)
{
    struct arena arena = {0};
    char text[] = "orders";
    char *a = arena_strdup(&arena, text);
    char *b = arena_cstr(&arena, view_of(text, 3));
    struct view c = arena_dup_view(&arena, view_of(text, 4));
    char *d = arena_printf(&arena, "%s-%d", text, 3);
    memset(text, 'x', sizeof text - 1);
    ck_assert_str_eq(a, "orders");
    ck_assert_str_eq(b, "ord");
    ck_assert(view_equal_str(c, "orde"));
    ck_assert_str_eq(d, "orders-3");
    ck_assert_ptr_null(arena_cstr(&arena, VIEW_NULL));
    ck_assert_ptr_null(arena_strdup(&arena, NULL));
    ck_assert(view_is_null(arena_dup_view(&arena, VIEW_NULL)));
    arena_close(&arena);
}
END_TEST

Suite *arena_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *tc = tcase_create("arena");
    tcase_add_test(tc, blocks_are_aligned_and_do_not_overlap);
    tcase_add_test(tc, empty_alloc_gives_a_pointer);
    tcase_add_test(tc, reset_keeps_a_block_for_the_next_user);
    tcase_add_test(tc, reset_does_not_keep_a_huge_block);
    tcase_add_test(tc, zeroed_memory_is_zero_after_reuse);
    tcase_add_test(tc, try_zalloc_refuses_beyond_the_limit);
    tcase_add_test(tc, try_zalloc_refuses_a_product_that_overflows);
    tcase_add_test(tc, copies_are_copies);
    suite_add_tcase(suite, tc);
    return suite;
}
