#include "storage/id_index.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/prng.h"
#include "state_suites.h"

struct item {
    int64_t id;
    int value;
};

#define MAX_ITEMS 3000

struct table {
    struct id_index index;
    struct item items[MAX_ITEMS];
    size_t count;
};

static void add(struct table *t, int64_t id)
{
    t->items[t->count++].id = id;
    id_index_add(&t->index, t->items, sizeof t->items[0], t->count);
}

static void drop(struct table *t, uint32_t place)
{
    uint32_t last = (uint32_t)t->count - 1;
    id_index_remove(&t->index, t->items, sizeof t->items[0], place);
    if (place != last) {
        id_index_move(&t->index, t->items, sizeof t->items[0], last, place);
        t->items[place] = t->items[last];
    }
    t->count--;
}

static uint32_t find(const struct table *t, int64_t id)
{
    return id_index_find(&t->index, t->items, sizeof t->items[0], id);
}

START_TEST(an_empty_index_finds_nothing)
{
    struct id_index index = {0};
    ck_assert_uint_eq(id_index_find(&index, NULL, sizeof(struct item), 7), ID_INDEX_NONE);
    id_index_clear(&index);
    id_index_close(&index);
}
END_TEST

START_TEST(what_is_there_is_found_after_any_adds_and_removals)
{
    struct table *t = calloc(1, sizeof *t);
    struct prng prng;
    prng_seed(&prng, 1);
    for (int step = 0; step < 60000; step++) {
        bool grow = step / 10000 % 2 == 0;
        int64_t id = (int64_t)prng_below(&prng, 4000) - 2000;
        uint32_t place = find(t, id);
        if (place != ID_INDEX_NONE) {
            ck_assert_int_eq(t->items[place].id, id);
            if (!grow || prng_below(&prng, 4) == 0)
                drop(t, place);
        } else if (grow && t->count < MAX_ITEMS) {
            add(t, id);
        }
        if (step % 500 == 0)
            for (uint32_t i = 0; i < t->count; i++)
                ck_assert_uint_eq(find(t, t->items[i].id), i);
    }
    id_index_rebuild(&t->index, t->items, sizeof t->items[0], t->count);
    for (uint32_t i = 0; i < t->count; i++)
        ck_assert_uint_eq(find(t, t->items[i].id), i);
    id_index_close(&t->index);
    free(t);
}
END_TEST

Suite *id_index_suite(void)
{
    Suite *suite = suite_create("id_index");
    TCase *tc = tcase_create("id_index");
    tcase_add_test(tc, an_empty_index_finds_nothing);
    tcase_add_test(tc, what_is_there_is_found_after_any_adds_and_removals);
    suite_add_tcase(suite, tc);
    return suite;
}
