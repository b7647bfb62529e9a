#include "metrics/metrics.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "suites.h"

START_TEST(value_is_the_sum_of_the_shards)
{
    struct metrics *metrics = metrics_new(2);
    metrics_add(metrics_shard(metrics, 0), METRIC_ZK_EXPIRES, 3);
    metrics_add(metrics_shard(metrics, 1), METRIC_ZK_EXPIRES, 4);
    metrics_add(metrics_shard(metrics, -1), METRIC_ZK_EXPIRES, 5);
    ck_assert_int_eq(metrics_value(metrics, METRIC_ZK_EXPIRES), 12);
    ck_assert_int_eq(metrics_value(metrics, METRIC_ZK_CONNECTS), 0);
    metrics_free(metrics);
}
END_TEST

START_TEST(gauge_is_the_sum_of_what_each_shard_set_last)
{
    struct metrics *metrics = metrics_new(2);
    metrics_set(metrics_shard(metrics, 0), METRIC_FETCH_SESSIONS, 30);
    metrics_set(metrics_shard(metrics, 0), METRIC_FETCH_SESSIONS, 2);
    metrics_set(metrics_shard(metrics, 1), METRIC_FETCH_SESSIONS, 4);
    ck_assert_int_eq(metrics_value(metrics, METRIC_FETCH_SESSIONS), 6);
    metrics_free(metrics);
}
END_TEST

START_TEST(index_out_of_range_gives_the_common_shard)
{
    struct metrics *metrics = metrics_new(2);
    ck_assert_ptr_ne(metrics_shard(metrics, 0), metrics_shard(metrics, 1));
    ck_assert_ptr_eq(metrics_shard(metrics, 2), metrics_shard(metrics, -1));
    ck_assert_ptr_eq(metrics_shard(metrics, 99), metrics_shard(metrics, -1));
    metrics_free(metrics);
}
END_TEST

START_TEST(topic_and_broker_are_both_counted)
{
    struct metrics *metrics = metrics_new(2);
    struct metrics_topic *a = metrics_topic_get(metrics, "a"), *b = metrics_topic_get(metrics, "b");
    metrics_topic_add(metrics_shard(metrics, 0), a, METRIC_BYTES_IN, 100);
    metrics_topic_add(metrics_shard(metrics, 1), a, METRIC_BYTES_IN, 10);
    metrics_topic_add(metrics_shard(metrics, 1), b, METRIC_BYTES_IN, 1);
    metrics_topic_add(metrics_shard(metrics, 1), NULL, METRIC_BYTES_IN, 1000);
    ck_assert_int_eq(metrics_topic_value(a, METRIC_BYTES_IN), 110);
    ck_assert_int_eq(metrics_topic_value(b, METRIC_BYTES_IN), 1);
    ck_assert_int_eq(metrics_value(metrics, METRIC_BYTES_IN), 1111);
    metrics_topic_release(a);
    metrics_topic_release(b);
    metrics_free(metrics);
}
END_TEST

START_TEST(topic_ends_with_its_last_share_and_the_sum_stays)
{
    struct metrics *metrics = metrics_new(1);
    struct metrics_topic *first = metrics_topic_get(metrics, "a"), *second = metrics_topic_get(metrics, "a");
    ck_assert_ptr_eq(first, second);
    metrics_topic_add(metrics_shard(metrics, 0), first, METRIC_BYTES_IN, 7);
    metrics_topic_release(first);
    ck_assert_int_eq(metrics_topic_value(second, METRIC_BYTES_IN), 7);
    metrics_topic_release(second);
    struct metrics_topic *again = metrics_topic_get(metrics, "a");
    ck_assert_int_eq(metrics_topic_value(again, METRIC_BYTES_IN), 0);
    ck_assert_int_eq(metrics_value(metrics, METRIC_BYTES_IN), 7);
    metrics_topic_release(again);
    metrics_topic_release(NULL);
    metrics_free(metrics);
}
END_TEST

#define THREADS 4
#define ROUNDS  20000

static void *count_on_the_common_shard(void *arg)
{
    struct metrics *metrics = arg;
    struct metrics_topic *topic = metrics_topic_get(metrics, "t");
    for (int i = 0; i < ROUNDS; i++) {
        metrics_topic_add(metrics_shard(metrics, -1), topic, METRIC_BYTES_IN, 1);
        metrics_observe(metrics_shard(metrics, -1), METRIC_FLUSH_TIME, i);
    }
    metrics_topic_release(topic);
    return NULL;
}

START_TEST(common_shard_loses_nothing_between_threads)
{
    struct metrics *metrics = metrics_new(1);
    struct metrics_topic *topic = metrics_topic_get(metrics, "t");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_on_the_common_shard, metrics), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(metrics_value(metrics, METRIC_BYTES_IN), THREADS * ROUNDS);
    ck_assert_int_eq(metrics_topic_value(topic, METRIC_BYTES_IN), THREADS * ROUNDS);
    metrics_topic_release(topic);
    metrics_free(metrics);
}
END_TEST

Suite *metrics_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, value_is_the_sum_of_the_shards);
    tcase_add_test(tcase, gauge_is_the_sum_of_what_each_shard_set_last);
    tcase_add_test(tcase, index_out_of_range_gives_the_common_shard);
    tcase_add_test(tcase, topic_and_broker_are_both_counted);
    tcase_add_test(tcase, topic_ends_with_its_last_share_and_the_sum_stays);
    tcase_add_test(tcase, common_shard_loses_nothing_between_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
