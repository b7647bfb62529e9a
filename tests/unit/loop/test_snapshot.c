#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "disk/posix_clock.h"
#include "loop/snapshot.h"
#include "tests.h"

static atomic_int freed;

static void count_free(void *ptr)
{
    free(ptr);
    atomic_fetch_add(&freed, 1);
}

START_TEST(a_retired_value_is_freed_when_every_loop_had_a_turn)
{
    struct clock clock = clock_posix();
    struct loop *loops[2] = {loop_new("a", &clock, NULL), loop_new("b", &clock, NULL)};
    struct snapshot_domain *domain = snapshot_domain_new(loops, 2);
    struct snapshot snap = {NULL};
    snapshot_replace(domain, &snap, mem_zalloc(8), count_free);
    snapshot_replace(domain, &snap, mem_zalloc(8), count_free);
    ck_assert_int_eq(atomic_load(&freed), 0);
    loop_turn(loops[0], true);
    loop_turn(loops[0], false);
    ck_assert_int_eq(atomic_load(&freed), 0);
    loop_turn(loops[1], true);
    ck_assert_int_eq(atomic_load(&freed), 1);

    snapshot_replace(domain, &snap, NULL, count_free);
    loop_free(loops[0]);
    loop_free(loops[1]);
    ck_assert_int_eq(atomic_load(&freed), 2);
    snapshot_domain_free(domain);
}
END_TEST

START_TEST(without_loops_a_value_is_freed_at_once)
{
    struct snapshot_domain *domain = snapshot_domain_new(NULL, 0);
    snapshot_retire(domain, mem_zalloc(8), count_free);
    snapshot_retire(domain, NULL, count_free);
    ck_assert_int_eq(atomic_load(&freed), 1);
    snapshot_domain_free(domain);
}
END_TEST

/* --- stress: readers on loops, a writer of its own; sanitizers see a value that is used too long ---------
 */

#define READERS 3
#define WRITES  3000

struct table {
    int64_t a, b;
};

struct reader {
    struct loop_message message;
    struct loop *loop;
    struct snapshot *snap;
    atomic_bool *enough;
    atomic_int torn;
    int64_t reads;
};

static void reader_run(struct loop_message *msg, bool discard)
{
    struct reader *reader = CONTAINER_OF(msg, struct reader, message);
    if (discard || atomic_load(reader->enough))
        return;
    for (int i = 0; i < 50; i++) {
        const struct table *table = (const struct table *)snapshot_get(reader->snap);
        if (table->a != -table->b)
            atomic_store(&reader->torn, 1);
        reader->reads++;
    }
    loop_post(reader->loop, msg);
}

static struct table *new_table(int64_t n)
{
    struct table *table = MEM_NEW(struct table);
    table->a = n;
    table->b = -n;
    return table;
}

START_TEST(readers_never_see_a_freed_value)
{
    struct clock clock = clock_posix();
    struct loop *loops[READERS];
    struct reader readers[READERS] = {0};
    struct snapshot snap = {NULL};
    atomic_bool enough = false;
    atomic_store(&snap.value, new_table(0));
    for (int i = 0; i < READERS; i++) {
        loops[i] = loop_new("reader", &clock, NULL);
        readers[i] = (struct reader){{.run = reader_run}, loops[i], &snap, &enough, 0, 0};
        loop_post(loops[i], &readers[i].message);
    }
    struct snapshot_domain *domain = snapshot_domain_new(loops, READERS);
    for (int i = 0; i < READERS; i++)
        loop_start(loops[i]);
    for (int i = 1; i <= WRITES; i++)
        snapshot_replace(domain, &snap, new_table(i), count_free);
    atomic_store(&enough, true);
    for (int i = 0; i < READERS; i++)
        loop_stop(loops[i]);
    for (int i = 0; i < READERS; i++)
        loop_join(loops[i]);
    for (int i = 0; i < READERS; i++) {
        loop_free(loops[i]);
        ck_assert_int_eq(atomic_load(&readers[i].torn), 0);
    }
    ck_assert_int_eq(atomic_load(&freed), WRITES);
    free(atomic_load(&snap.value));
    snapshot_domain_free(domain);
}
END_TEST

static void reset(void)
{
    atomic_store(&freed, 0);
}

Suite *snapshot_suite(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tc = tcase_create("snapshot");
    tcase_add_checked_fixture(tc, reset, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_retired_value_is_freed_when_every_loop_had_a_turn);
    tcase_add_test(tc, without_loops_a_value_is_freed_at_once);
    tcase_add_test(tc, readers_never_see_a_freed_value);
    suite_add_tcase(suite, tc);
    return suite;
}
