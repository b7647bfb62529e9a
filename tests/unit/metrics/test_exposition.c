#include "metrics/exposition.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "suites.h"

static struct buf out;
static struct metrics_text text;
static struct metrics *metrics;

static void set_up(void)
{
    text = (struct metrics_text){.out = &out};
    metrics = metrics_new(2);
}

static void tear_down(void)
{
    metrics_free(metrics);
    buf_close(&out);
    out = (struct buf){0};
}

/* The lines of one family, its head included, as they stand in the whole. */
static char *family(const char *name)
{
    buf_clear(&out);
    text.family = NULL;
    metrics_put_counted(&text, metrics, 0);
    char *head = mem_printf("# HELP %s ", name);
    const char *begin = strstr(buf_cstr(&out), head);
    free(head);
    ck_assert_ptr_nonnull(begin);
    const char *end = strstr(begin + 1, "# HELP ");
    return view_to_cstr(view_of(begin, end ? (size_t)(end - begin) : strlen(begin)));
}

#define EXPECT_FAMILY(name, expected)                                                                        \
    do {                                                                                                     \
        char *seen = family(name);                                                                           \
        ck_assert_str_eq(seen, expected);                                                                    \
        free(seen);                                                                                          \
    } while (0)

START_TEST(gathered_series_of_one_metric_share_a_head)
{
    metrics_put(&text, METRIC_LOG_SIZE, (const char *const[]){"a", "0"}, 5);
    metrics_put(&text, METRIC_LOG_SIZE, (const char *const[]){"a", "1"}, 6);
    metrics_put(&text, METRIC_LEADER_COUNT, NULL, -1);
    ck_assert_str_eq(buf_cstr(&out), "# HELP kafka_log_log_size Bytes of the log's segments.\n"
                                     "# TYPE kafka_log_log_size gauge\n"
                                     "kafka_log_log_size{topic=\"a\",partition=\"0\"} 5\n"
                                     "kafka_log_log_size{topic=\"a\",partition=\"1\"} 6\n"
                                     "# HELP kafka_server_replicamanager_leadercount Partitions that this "
                                     "broker leads.\n"
                                     "# TYPE kafka_server_replicamanager_leadercount gauge\n"
                                     "kafka_server_replicamanager_leadercount -1\n");
}
END_TEST

START_TEST(label_values_are_escaped)
{
    metrics_put(&text, METRIC_LOG_DIR_OFFLINE, (const char *const[]){"/a\"b\\c\nd"}, 1);
    ck_assert_ptr_nonnull(strstr(
        buf_cstr(&out), "kafka_log_logmanager_logdirectoryoffline{logDirectory=\"/a\\\"b\\\\c\\nd\"} 1\n"));
}
END_TEST

START_TEST(times_are_written_in_their_own_unit)
{
    metrics_put(&text, METRIC_CPU_SECONDS, NULL, 1234567);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "process_cpu_seconds_total 1.234567\n"));
}
END_TEST

START_TEST(topic_series_follow_the_sum_sorted)
{
    struct metrics_topic *b = metrics_topic_get(metrics, "b"), *a = metrics_topic_get(metrics, "a");
    metrics_topic_add(metrics_shard(metrics, 0), b, METRIC_BYTES_IN, 40);
    metrics_topic_add(metrics_shard(metrics, 1), a, METRIC_BYTES_IN, 2);
    EXPECT_FAMILY("kafka_server_brokertopicmetrics_bytesin_total",
                  "# HELP kafka_server_brokertopicmetrics_bytesin_total Bytes of record batches appended by "
                  "producers.\n"
                  "# TYPE kafka_server_brokertopicmetrics_bytesin_total counter\n"
                  "kafka_server_brokertopicmetrics_bytesin_total 42\n"
                  "kafka_server_brokertopicmetrics_bytesin_total{topic=\"a\"} 2\n"
                  "kafka_server_brokertopicmetrics_bytesin_total{topic=\"b\"} 40\n");
    metrics_topic_release(a);
    metrics_topic_release(b);
}
END_TEST

START_TEST(fixed_labels_tell_rows_of_one_name_apart)
{
    metrics_add(metrics_shard(metrics, 0), METRIC_WAITING_FETCH, 3);
    EXPECT_FAMILY(
        "kafka_server_delayedoperationpurgatory_purgatorysize",
        "# HELP kafka_server_delayedoperationpurgatory_purgatorysize Requests that wait: Produce for "
        "replicas or the disk, Fetch for records.\n"
        "# TYPE kafka_server_delayedoperationpurgatory_purgatorysize gauge\n"
        "kafka_server_delayedoperationpurgatory_purgatorysize{delayedOperation=\"Produce\"} 0\n"
        "kafka_server_delayedoperationpurgatory_purgatorysize{delayedOperation=\"Fetch\"} 3\n");
}
END_TEST

static void count(int shard, int version, int64_t total_us)
{
    struct metrics_request request = {
        .kind = 3, .version = version, .name = "Metadata", .total_us = total_us, .send_us = -1};
    metrics_count_request(metrics_shard(metrics, shard), &request);
}

START_TEST(requests_are_counted_by_name_and_version)
{
    count(0, 12, 10);
    count(1, 12, 10);
    count(1, 0, 10);
    EXPECT_FAMILY(
        "kafka_network_requestmetrics_requests_total",
        "# HELP kafka_network_requestmetrics_requests_total Requests. Fetch is counted under its own "
        "name and as FetchConsumer or FetchFollower.\n"
        "# TYPE kafka_network_requestmetrics_requests_total counter\n"
        "kafka_network_requestmetrics_requests_total{request=\"Metadata\",version=\"0\"} 1\n"
        "kafka_network_requestmetrics_requests_total{request=\"Metadata\",version=\"12\"} 2\n");
}
END_TEST

START_TEST(errors_are_counted_by_their_kafka_name)
{
    metrics_count_error(metrics_shard(metrics, 0), 3, "Metadata", ERR_NONE);
    metrics_count_error(metrics_shard(metrics, 1), 3, "Metadata", ERR_UNKNOWN_TOPIC_OR_PARTITION);
    metrics_count_error(metrics_shard(metrics, 1), 3, "Metadata", ERR_IO);
    EXPECT_FAMILY(
        "kafka_network_requestmetrics_errors_total",
        "# HELP kafka_network_requestmetrics_errors_total Error codes in answers, one for each partition or "
        "other part; NONE is counted too.\n"
        "# TYPE kafka_network_requestmetrics_errors_total counter\n"
        "kafka_network_requestmetrics_errors_total{request=\"Metadata\",error=\"UNKNOWN_SERVER_ERROR\"} 1\n"
        "kafka_network_requestmetrics_errors_total{request=\"Metadata\",error=\"NONE\"} 1\n"
        "kafka_network_requestmetrics_errors_total{request=\"Metadata\",error=\"UNKNOWN_TOPIC_OR_PARTITION\"}"
        " "
        "1\n");
}
END_TEST

START_TEST(times_become_quantiles_in_ms_and_a_count)
{
    for (int i = 0; i < 99; i++)
        count(i % 2, 1, 20);
    count(0, 1, 31);
    EXPECT_FAMILY("kafka_network_requestmetrics_totaltimems",
                  "# HELP kafka_network_requestmetrics_totaltimems From the complete request to the written "
                  "answer, in ms.\n"
                  "# TYPE kafka_network_requestmetrics_totaltimems summary\n"
                  "kafka_network_requestmetrics_totaltimems{request=\"Metadata\",quantile=\"0.50\"} 0.02\n"
                  "kafka_network_requestmetrics_totaltimems{request=\"Metadata\",quantile=\"0.75\"} 0.02\n"
                  "kafka_network_requestmetrics_totaltimems{request=\"Metadata\",quantile=\"0.95\"} 0.02\n"
                  "kafka_network_requestmetrics_totaltimems{request=\"Metadata\",quantile=\"0.98\"} 0.02\n"
                  "kafka_network_requestmetrics_totaltimems{request=\"Metadata\",quantile=\"0.99\"} 0.02\n"
                  "kafka_network_requestmetrics_totaltimems{request=\"Metadata\",quantile=\"0.999\"} 0.031\n"
                  "kafka_network_requestmetrics_totaltimems_count{request=\"Metadata\"} 100\n");
}
END_TEST

/* The flush time's median and count at this moment. */
static void flush_times(int64_t now_ms, double *median, long *total)
{
    buf_clear(&out);
    text.family = NULL;
    metrics_put_counted(&text, metrics, now_ms);
    const char *at =
        strstr(buf_cstr(&out), "kafka_log_logflushstats_logflushrateandtimems{quantile=\"0.50\"} ");
    ck_assert_ptr_nonnull(at);
    *median = atof(strchr(at, ' ') + 1);
    at = strstr(at, "kafka_log_logflushstats_logflushrateandtimems_count ");
    *total = atol(strchr(at, ' ') + 1);
}

START_TEST(quantiles_forget_what_is_older_than_two_windows)
{
    double median;
    long total;
    for (int i = 0; i < 1000; i++)
        metrics_observe(metrics_shard(metrics, -1), METRIC_FLUSH_TIME, 16000);
    flush_times(0, &median, &total);
    ck_assert_double_eq_tol(median, 16, 0.5);
    flush_times(METRICS_WINDOW_MS, &median, &total);
    metrics_observe(metrics_shard(metrics, -1), METRIC_FLUSH_TIME, 2000);
    flush_times(METRICS_WINDOW_MS + 1, &median, &total);
    ck_assert_double_eq_tol(median, 16, 0.5);
    flush_times(2 * METRICS_WINDOW_MS, &median, &total);
    ck_assert_double_eq_tol(median, 2, 0.1);
    ck_assert_int_eq(total, 1001);
    flush_times(3 * METRICS_WINDOW_MS, &median, &total);
    flush_times(4 * METRICS_WINDOW_MS, &median, &total);
    ck_assert_double_eq_tol(median, 0, 0.001);
    ck_assert_int_eq(total, 1001);
}
END_TEST

Suite *exposition_suite(void)
{
    Suite *suite = suite_create("exposition");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, gathered_series_of_one_metric_share_a_head);
    tcase_add_test(tcase, label_values_are_escaped);
    tcase_add_test(tcase, times_are_written_in_their_own_unit);
    tcase_add_test(tcase, topic_series_follow_the_sum_sorted);
    tcase_add_test(tcase, fixed_labels_tell_rows_of_one_name_apart);
    tcase_add_test(tcase, requests_are_counted_by_name_and_version);
    tcase_add_test(tcase, errors_are_counted_by_their_kafka_name);
    tcase_add_test(tcase, times_become_quantiles_in_ms_and_a_count);
    tcase_add_test(tcase, quantiles_forget_what_is_older_than_two_windows);
    suite_add_tcase(suite, tcase);
    return suite;
}
