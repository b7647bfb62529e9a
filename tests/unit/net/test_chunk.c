#include "net/chunk.h"
#include "tests.h"

START_TEST(the_shared_chunk_begins_again_when_nobody_holds_it)
{
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct chunk *a = chunk_get_shared(&pool);
    a->used = 50000;
    chunk_unref(&pool, a);
    struct chunk *b = chunk_get_shared(&pool);
    ck_assert_ptr_eq(a, b);
    ck_assert_uint_eq(b->used, 0);
    b->used = 50000;
    struct chunk *c = chunk_get_shared(&pool);
    ck_assert_ptr_eq(b, c);
    ck_assert_uint_eq(c->used, 50000);
    chunk_unref(&pool, b);
    chunk_unref(&pool, c);
    chunk_pool_close(&pool);
}
END_TEST

START_TEST(a_full_shared_chunk_is_replaced_and_lives_on_with_its_holder)
{
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct chunk *held[64];
    for (int i = 0; i < 64; i++) {
        held[i] = chunk_get_shared(&pool);
        held[i]->used = held[i]->cap;
        ck_assert(i == 0 || held[i] != held[i - 1]);
    }
    ck_assert(chunk_pool_is_pressed(&pool));
    for (int i = 0; i < 64; i++)
        chunk_unref(&pool, held[i]);
    ck_assert(!chunk_pool_is_pressed(&pool));
    chunk_pool_close(&pool);
}
END_TEST

START_TEST(chunks_are_used_again_and_guesses_take_idle_ones_only)
{
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    ck_assert_ptr_null(chunk_get_idle(&pool, 100000));
    struct chunk *a = chunk_get(&pool, 100000);
    ck_assert_uint_ge(a->cap, 100000);
    chunk_unref(&pool, chunk_ref(a));
    ck_assert_ptr_null(chunk_get_idle(&pool, 100000));
    chunk_unref(&pool, a);
    struct chunk *b = chunk_get_idle(&pool, 60000); /* the next size serves as well */
    ck_assert_ptr_eq(a, b);
    chunk_unref(&pool, b);
    struct chunk *huge = chunk_get(&pool, (size_t)100 * 1024 * 1024);
    chunk_unref(&pool, huge);
    ck_assert_uint_le(pool.idle_bytes, 17 * 1024 * 1024);
    chunk_pool_close(&pool);
}
END_TEST

Suite *chunk_suite(void)
{
    Suite *suite = suite_create("chunk");
    TCase *tc = tcase_create("chunk");
    tcase_add_test(tc, the_shared_chunk_begins_again_when_nobody_holds_it);
    tcase_add_test(tc, a_full_shared_chunk_is_replaced_and_lives_on_with_its_holder);
    tcase_add_test(tc, chunks_are_used_again_and_guesses_take_idle_ones_only);
    suite_add_tcase(suite, tc);
    return suite;
}
