#include "config/dynamic.h"

#include <string.h>

#include "suites.h"

#define PAIRS(...)                                                                                           \
    ((struct config_pairs){(const struct config_pair[]){__VA_ARGS__},                                        \
                           sizeof((const struct config_pair[]){__VA_ARGS__}) / sizeof(struct config_pair)})
#define NO_PAIRS ((struct config_pairs){NULL, 0})

START_TEST(per_broker_beats_cluster_default_beats_file)
{
    struct config *base = load_good("message.max.bytes=1000\nlog.segment.bytes=2000\n");
    struct config_report report = {0};
    struct config *config =
        config_with_dynamic(base, PAIRS({"message.max.bytes", "1001"}, {"min.insync.replicas", "2"}),
                            PAIRS({"message.max.bytes", "1002"}), &report);
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(report.count, 0);
    ck_assert_int_eq(config_int(config, CONFIG_MESSAGE_MAX_BYTES), 1002);
    ck_assert_int_eq(config_source(config, CONFIG_MESSAGE_MAX_BYTES), CONFIG_SOURCE_DYNAMIC_BROKER);
    ck_assert_int_eq(config_int(config, CONFIG_MIN_INSYNC_REPLICAS), 2);
    ck_assert_int_eq(config_source(config, CONFIG_MIN_INSYNC_REPLICAS), CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER);
    ck_assert_int_eq(config_source(config, CONFIG_LOG_SEGMENT_BYTES), CONFIG_SOURCE_STATIC_BROKER);
    ck_assert_int_eq(config_int(base, CONFIG_MESSAGE_MAX_BYTES), 1000);
    /* A later change starts from the file again. */
    struct config *later = config_with_dynamic(config, NO_PAIRS, NO_PAIRS, &report);
    ck_assert_int_eq(config_int(later, CONFIG_MESSAGE_MAX_BYTES), 1000);
    config_release(later);
    config_release(config);
    config_release(base);
    config_report_close(&report);
}
END_TEST

START_TEST(what_cannot_be_applied_is_passed_over_with_a_warning)
{
    struct config *base = load_good("");
    struct config_report report = {0};
    struct config *config = config_with_dynamic(
        base, PAIRS({"listeners", "PLAINTEXT://:1"}, {"message.max.bytes", "x"}, {"some.plugin", "1"}),
        PAIRS({"num.partitions", "3"}, {"ssl.keystore.location", "/x"}, {"max.connection.creation.rate", "5"},
              {"listener.name.plaintext.max.connections", "4"}),
        &report);
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(report.error_count, 0);
    ck_assert_uint_eq(report.count, 5);
    ck_assert_ptr_nonnull(strstr(problem_about(&report, "listeners")->text, "broker id must be specified"));
    ck_assert_ptr_nonnull(strstr(problem_about(&report, "num.partitions")->text, "dynamically"));
    ck_assert_int_eq(config_int(config, CONFIG_NUM_PARTITIONS), 1);
    ck_assert_int_eq(config_int(config, CONFIG_MESSAGE_MAX_BYTES), 1048588);
    ck_assert_int_eq(config_listener_int(config, "PLAINTEXT", CONFIG_MAX_CONNECTIONS), 4);
    config_release(config);
    config_release(base);
    config_report_close(&report);
}
END_TEST

START_TEST(settings_that_contradict_each_other_leave_the_old_snapshot)
{
    struct config *base = load_good("");
    struct config_report report = {0};
    ck_assert_ptr_null(
        config_with_dynamic(base, NO_PAIRS, PAIRS({"listeners", "PLAINTEXT://h:1,X://h:2"}), &report));
    ck_assert_uint_eq(report.error_count, 1);
    config_release(base);
    config_report_close(&report);
}
END_TEST

static void check_validated(bool per_broker, struct config_pairs pairs, const char *complaint)
{
    struct config *config = load_good("");
    struct errmsg why = {""};
    enum err err = config_validate_dynamic(config, per_broker, pairs, &why);
    ck_assert_int_eq(err, complaint ? ERR_INVALID_CONFIG : ERR_NONE);
    if (complaint)
        ck_assert_msg(strstr(why.text, complaint) != NULL, "'%s' is not in: %s", complaint, why.text);
    config_release(config);
}

START_TEST(changes_are_validated_with_kafkas_rules)
{
    check_validated(true, PAIRS({"message.max.bytes", "5"}, {"custom.thing", "x"}), NULL);
    check_validated(false, PAIRS({"log.cleaner.threads", "2"}), NULL);
    check_validated(true, PAIRS({"broker.id", "5"}, {"log.dirs", "/x"}),
                    "Cannot update these configs dynamically: Set(broker.id, log.dirs)");
    check_validated(true, PAIRS({"ssl.keystore.location", "/x"}),
                    "only per-listener using the listener prefix");
    check_validated(false, PAIRS({"advertised.listeners", "PLAINTEXT://h:1"}), "broker id must be specified");
    check_validated(false, PAIRS({"listener.name.x.max.connections", "5"}), NULL);
    check_validated(false, PAIRS({"listener.name.x.ssl.keystore.location", "5"}), "broker id must be");
    check_validated(true, PAIRS({"message.max.bytes", "-1"}), "Value must be at least 0");
    check_validated(true, PAIRS({"listener.name.plaintext.ssl.keystore.password", "x"}), "password");
    check_validated(true, PAIRS({"log.retention.ms", "0"}), "Invalid dynamic configuration");
    check_validated(true, PAIRS({"advertised.listeners", "X://h:1"}), "Invalid dynamic configuration");
    check_validated(true, PAIRS({"leader.replication.throttled.rate", "1000"}), NULL);
    check_validated(false, PAIRS({"follower.replication.throttled.rate", "0"}), NULL);
    check_validated(true, PAIRS({"follower.replication.throttled.rate", "-1"}), "at least 0");
    check_validated(true, PAIRS({"replica.alter.log.dirs.io.max.bytes.per.second", "1000"}), NULL);
    check_validated(true, PAIRS({"max.connection.creation.rate", "1000"}), "refused");
}
END_TEST

START_TEST(thread_pools_change_by_a_half_or_a_double_at_most)
{
    check_validated(true, PAIRS({"background.threads", "20"}), NULL);
    check_validated(true, PAIRS({"background.threads", "5"}), NULL);
    check_validated(true, PAIRS({"background.threads", "21"}), "should not be greater than double");
    check_validated(true, PAIRS({"background.threads", "4"}), "at least half the current value 10");
    check_validated(true, PAIRS({"num.replica.fetchers", "0"}), "should be at least 1");
    check_validated(false, PAIRS({"log.cleaner.threads", "3"}),
                    "Log cleaner threads cannot be increased to more than double the current value 1");
}
END_TEST

Suite *dynamic_suite(void)
{
    Suite *suite = suite_create("dynamic");
    TCase *tcase = tcase_create("dynamic");
    tcase_add_test(tcase, per_broker_beats_cluster_default_beats_file);
    tcase_add_test(tcase, what_cannot_be_applied_is_passed_over_with_a_warning);
    tcase_add_test(tcase, settings_that_contradict_each_other_leave_the_old_snapshot);
    tcase_add_test(tcase, changes_are_validated_with_kafkas_rules);
    tcase_add_test(tcase, thread_pools_change_by_a_half_or_a_double_at_most);
    suite_add_tcase(suite, tcase);
    return suite;
}
