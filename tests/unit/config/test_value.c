#include "config/value.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "config/topic_table.h"
#include "suites.h"

/* Parses `text` as that setting and compares the canonical form, or the complaint. */
static void check_value(const struct setting *setting, const char *text, const char *canonical,
                        const char *complaint)
{
    struct arena arena = {0};
    struct config_value value;
    struct errmsg why = {""};
    enum err err = config_value_parse(setting, text, &arena, &value, &why);
    if (complaint) {
        char expected[256];
        snprintf(expected, sizeof(expected), "Invalid value %s for configuration %s: %s", text, setting->name,
                 complaint);
        ck_assert_int_eq(err, ERR_INVALID_CONFIG);
        ck_assert_str_eq(why.text, expected);
    } else {
        ck_assert_msg(!err, "%s", why.text);
        ck_assert_str_eq(value.text, canonical);
    }
    arena_close(&arena);
}

static void check_broker(enum config_key key, const char *text, const char *canonical, const char *complaint)
{
    check_value(config_table_get(key), text, canonical, complaint);
}

START_TEST(booleans_are_true_or_false_in_any_case)
{
    check_broker(CONFIG_LOG_PREALLOCATE, " TRUE ", "true", NULL);
    check_broker(CONFIG_LOG_PREALLOCATE, "false", "false", NULL);
    check_broker(CONFIG_LOG_PREALLOCATE, "yes", NULL, "Expected value to be either true or false");
    check_broker(CONFIG_LOG_PREALLOCATE, "", NULL, "Expected value to be either true or false");
}
END_TEST

START_TEST(numbers_keep_to_the_width_of_their_type)
{
    check_broker(CONFIG_BROKER_ID, "2147483647", "2147483647", NULL);
    check_broker(CONFIG_BROKER_ID, "-2147483648", "-2147483648", NULL);
    check_broker(CONFIG_BROKER_ID, "+007", "7", NULL);
    check_broker(CONFIG_BROKER_ID, "2147483648", NULL, "Not a number of type INT");
    check_broker(CONFIG_BROKER_ID, "1k", NULL, "Not a number of type INT");
    check_broker(CONFIG_BROKER_ID, "", NULL, "Not a number of type INT");
    check_broker(CONFIG_BROKER_ID, "-", NULL, "Not a number of type INT");
    check_broker(CONFIG_OFFSETS_COMMIT_REQUIRED_ACKS, "32768", NULL, "Not a number of type SHORT");
    check_broker(CONFIG_LOG_RETENTION_BYTES, "9223372036854775807", "9223372036854775807", NULL);
    check_broker(CONFIG_LOG_RETENTION_BYTES, "-9223372036854775808", "-9223372036854775808", NULL);
    check_broker(CONFIG_LOG_RETENTION_BYTES, "9223372036854775808", NULL, "Not a number of type LONG");
    check_broker(CONFIG_LOG_RETENTION_BYTES, "99999999999999999999999", NULL, "Not a number of type LONG");
}
END_TEST

START_TEST(doubles_are_printed_as_java_prints_them)
{
    const enum config_key key = CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND;
    check_broker(key, "1", "1.0", NULL);
    check_broker(key, "0.1", "0.1", NULL);
    check_broker(key, "1234567.5", "1234567.5", NULL);
    check_broker(key, "100", "100.0", NULL);
    check_broker(key, "10000000", "1.0E7", NULL);
    check_broker(key, "1.25e-5", "1.25E-5", NULL);
    check_broker(key, "1.7976931348623157E308", "1.7976931348623157E308", NULL);
    check_broker(key, "0", "0.0", NULL);
    check_broker(key, "Infinity", "Infinity", NULL);
    check_broker(key, "fast", NULL, "Not a number of type DOUBLE");
    check_broker(key, "0x10", NULL, "Not a number of type DOUBLE");
}
END_TEST

START_TEST(ranges_name_the_bound_that_was_broken)
{
    check_broker(CONFIG_NUM_PARTITIONS, "0", NULL, "Value must be at least 1");
    check_broker(CONFIG_COMPRESSION_LZ4_LEVEL, "18", NULL, "Value must be no more than 17");
    check_broker(CONFIG_COMPRESSION_GZIP_LEVEL, "0", NULL, "Value must be between 1 and 9 or equal to -1");
    check_broker(CONFIG_COMPRESSION_GZIP_LEVEL, "-1", "-1", NULL);
    check_broker(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "1.5", NULL, "Value must be no more than 1");
    check_broker(CONFIG_COMPRESSION_ZSTD_LEVEL, "-131073", NULL, "Value must be at least -131072");
}
END_TEST

START_TEST(choices_are_named_when_none_fits)
{
    check_broker(CONFIG_COMPRESSION_TYPE, "brotli", NULL,
                 "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer");
    check_broker(CONFIG_COMPRESSION_TYPE, "GZIP", NULL,
                 "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer");
    check_broker(CONFIG_BARNABAS_LOG_LEVEL, "debug", "debug", NULL);
    check_broker(CONFIG_INTER_BROKER_PROTOCOL_VERSION, "2.8", "2.8", NULL);
    check_broker(CONFIG_INTER_BROKER_PROTOCOL_VERSION, "9.9", NULL, "Version 9.9 is not a valid version");
    check_broker(CONFIG_BARNABAS_METRICS_LISTENER, "0.0.0.0:9308", "0.0.0.0:9308", NULL);
    check_broker(CONFIG_BARNABAS_METRICS_LISTENER, ":9308", ":9308", NULL);
    check_broker(CONFIG_BARNABAS_METRICS_LISTENER, "9308", NULL, "must be host:port, :port or empty");
    check_broker(CONFIG_BARNABAS_METRICS_LISTENER, "h:99999", NULL, "must be host:port, :port or empty");
}
END_TEST

START_TEST(lists_are_trimmed_around_commas_and_keep_empty_elements)
{
    struct arena arena = {0};
    struct config_value value;
    const struct setting *setting = config_table_get(CONFIG_SSL_ENABLED_PROTOCOLS);
    ck_assert(!config_value_parse(setting, " a , b b,,c ", &arena, &value, NULL));
    ck_assert_uint_eq(value.count, 4);
    ck_assert_str_eq(value.items[1], "b b");
    ck_assert_str_eq(value.items[2], "");
    ck_assert_str_eq(value.text, "a,b b,,c");
    ck_assert(!config_value_parse(setting, "  ", &arena, &value, NULL));
    ck_assert_uint_eq(value.count, 0);
    ck_assert_str_eq(value.text, "");
    arena_close(&arena);
}
END_TEST

START_TEST(elements_of_a_list_are_checked_one_by_one)
{
    struct arena arena = {0};
    struct config_value value;
    struct errmsg why;
    const struct setting *setting = config_table_get(CONFIG_LOG_CLEANUP_POLICY);
    ck_assert(!config_value_parse(setting, "compact,delete", &arena, &value, &why));
    ck_assert_int_eq(config_value_parse(setting, "delete,keep", &arena, &value, &why), ERR_INVALID_CONFIG);
    ck_assert_str_eq(why.text,
                     "Invalid value keep for configuration log.cleanup.policy: String must be one of: "
                     "compact, delete");
    arena_close(&arena);
}
END_TEST

START_TEST(throttled_replicas_are_pairs_or_a_star)
{
    const struct setting *setting =
        &topic_table_get(TOPIC_KEY_LEADER_REPLICATION_THROTTLED_REPLICAS)->setting;
    check_value(setting, "0:1,12:3", "0:1,12:3", NULL);
    check_value(setting, "*", "*", NULL);
    check_value(setting, "", "", NULL);
    struct arena arena = {0};
    struct config_value value;
    struct errmsg why;
    ck_assert_int_eq(config_value_parse(setting, "0:1,*", &arena, &value, &why), ERR_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(why.text, "Invalid value [0:1, *] for configuration leader."));
    ck_assert_int_eq(config_value_parse(setting, "0-1", &arena, &value, NULL), ERR_INVALID_CONFIG);
    ck_assert_int_eq(config_value_parse(setting, "0:", &arena, &value, NULL), ERR_INVALID_CONFIG);
    arena_close(&arena);
}
END_TEST

START_TEST(csv_split_drops_empty_elements)
{
    struct arena arena = {0};
    const char *const *items;
    ck_assert_uint_eq(config_split_list("/a , /b,,", &arena, &items), 2);
    ck_assert_str_eq(items[0], "/a");
    ck_assert_str_eq(items[1], "/b");
    ck_assert_uint_eq(config_split_list("", &arena, &items), 0);
    arena_close(&arena);
}
END_TEST

Suite *value_suite(void)
{
    Suite *suite = suite_create("value");
    TCase *tcase = tcase_create("value");
    tcase_add_test(tcase, booleans_are_true_or_false_in_any_case);
    tcase_add_test(tcase, numbers_keep_to_the_width_of_their_type);
    tcase_add_test(tcase, doubles_are_printed_as_java_prints_them);
    tcase_add_test(tcase, ranges_name_the_bound_that_was_broken);
    tcase_add_test(tcase, choices_are_named_when_none_fits);
    tcase_add_test(tcase, lists_are_trimmed_around_commas_and_keep_empty_elements);
    tcase_add_test(tcase, elements_of_a_list_are_checked_one_by_one);
    tcase_add_test(tcase, throttled_replicas_are_pairs_or_a_star);
    tcase_add_test(tcase, csv_split_drops_empty_elements);
    suite_add_tcase(suite, tcase);
    return suite;
}
