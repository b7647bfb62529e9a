#include "config/topic_config.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "suites.h"

#define PAIRS(...)                                                                                           \
    ((struct config_pairs){(const struct config_pair[]){__VA_ARGS__},                                        \
                           sizeof((const struct config_pair[]){__VA_ARGS__}) / sizeof(struct config_pair)})
#define NO_PAIRS ((struct config_pairs){NULL, 0})

static struct topic_config build(const char *broker_text, struct config_pairs overrides)
{
    struct config *broker = load_good(broker_text);
    struct topic_config topic;
    struct errmsg why = {""};
    ck_assert_msg(!topic_config_build(broker, overrides, &topic, &why), "%s", why.text);
    config_release(broker);
    return topic;
}

START_TEST(topic_without_settings_has_kafkas_defaults)
{
    struct topic_config topic = build("", NO_PAIRS);
    ck_assert_int_eq(topic.max_message_bytes, 1048588);
    ck_assert_int_eq(topic.segment_bytes, 1073741824);
    ck_assert_int_eq(topic.segment_ms, 604800000);
    ck_assert_int_eq(topic.segment_jitter_ms, 0);
    ck_assert_int_eq(topic.segment_index_bytes, 10485760);
    ck_assert_int_eq(topic.index_interval_bytes, 4096);
    ck_assert_int_eq(topic.retention_ms, 604800000);
    ck_assert_int_eq(topic.retention_bytes, -1);
    ck_assert(topic.flush_messages == INT64_MAX && topic.flush_ms == INT64_MAX);
    ck_assert_int_eq(topic.file_delete_delay_ms, 60000);
    ck_assert_int_eq(topic.delete_retention_ms, 86400000);
    ck_assert_int_eq(topic.min_compaction_lag_ms, 0);
    ck_assert(topic.max_compaction_lag_ms == INT64_MAX);
    ck_assert(topic.min_cleanable_dirty_ratio == 0.5);
    ck_assert(topic.cleanup_delete && !topic.cleanup_compact);
    ck_assert_int_eq(topic.compression_type, TOPIC_COMPRESSION_PRODUCER);
    ck_assert_int_eq(topic.compression_gzip_level, -1);
    ck_assert_int_eq(topic.compression_lz4_level, 9);
    ck_assert_int_eq(topic.compression_zstd_level, 3);
    ck_assert(!topic.preallocate && !topic.unclean_leader_election_enable);
    ck_assert_int_eq(topic.min_insync_replicas, 1);
    ck_assert_int_eq(topic.message_timestamp_type, TOPIC_TIMESTAMP_CREATE_TIME);
    ck_assert(topic.message_timestamp_before_max_ms == INT64_MAX);
    ck_assert(topic.message_timestamp_after_max_ms == INT64_MAX);
    ck_assert(topic.message_downconversion_enable);
    ck_assert_str_eq(topic.leader_throttled_replicas, "");
    topic_config_close(&topic);
    topic_config_close(&topic);
}
END_TEST

START_TEST(topics_own_settings_beat_the_brokers)
{
    struct topic_config topic =
        build("log.cleanup.policy=compact\nmin.insync.replicas=2\n",
              PAIRS({"cleanup.policy", "compact,delete"}, {"retention.ms", "-1"},
                    {"compression.type", "zstd"}, {"message.timestamp.type", "LogAppendTime"},
                    {"flush.messages", "1"}, {"leader.replication.throttled.replicas", "0:1,1:2"}));
    ck_assert(topic.cleanup_delete && topic.cleanup_compact);
    ck_assert_int_eq(topic.retention_ms, -1);
    ck_assert_int_eq(topic.compression_type, TOPIC_COMPRESSION_ZSTD);
    ck_assert_int_eq(topic.message_timestamp_type, TOPIC_TIMESTAMP_LOG_APPEND_TIME);
    ck_assert_int_eq(topic.flush_messages, 1);
    ck_assert_int_eq(topic.min_insync_replicas, 2);
    ck_assert_str_eq(topic.leader_throttled_replicas, "0:1,1:2");
    topic_config_close(&topic);
}
END_TEST

static int64_t retention_of(const char *broker_text)
{
    struct topic_config topic = build(broker_text, NO_PAIRS);
    topic_config_close(&topic);
    return topic.retention_ms;
}

START_TEST(the_strongest_spelling_of_the_broker_counts_in_milliseconds)
{
    ck_assert_int_eq(retention_of("log.retention.hours=2\n"), 7200000);
    ck_assert_int_eq(retention_of("log.retention.hours=2\nlog.retention.minutes=3\n"), 180000);
    ck_assert_int_eq(retention_of("log.retention.minutes=3\nlog.retention.ms=5\n"), 5);
    ck_assert_int_eq(retention_of("log.retention.ms=-1\n"), -1);
    ck_assert_int_eq(retention_of("log.retention.hours=-7\n"), -1);
    ck_assert(retention_of("log.retention.hours=2147483647\n") == INT64_C(2147483647) * 3600000);
    struct topic_config topic = build("log.roll.hours=1\nlog.roll.jitter.hours=2\n"
                                      "log.flush.scheduler.interval.ms=77\n",
                                      NO_PAIRS);
    ck_assert_int_eq(topic.segment_ms, 3600000);
    ck_assert_int_eq(topic.segment_jitter_ms, 7200000);
    ck_assert_int_eq(topic.flush_ms, 77);
    topic_config_close(&topic);
    topic = build("log.roll.hours=1\nlog.roll.ms=9\nlog.flush.interval.ms=8\n", NO_PAIRS);
    ck_assert_int_eq(topic.segment_ms, 9);
    ck_assert_int_eq(topic.flush_ms, 8);
    topic_config_close(&topic);
}
END_TEST

START_TEST(deprecated_timestamp_difference_fills_in_for_limits_left_at_their_default)
{
    struct topic_config topic = build("log.message.timestamp.difference.max.ms=100\n"
                                      "log.message.timestamp.after.max.ms=50\n",
                                      NO_PAIRS);
    ck_assert_int_eq(topic.message_timestamp_before_max_ms, 100);
    ck_assert_int_eq(topic.message_timestamp_after_max_ms, 50);
    topic_config_close(&topic);
    topic = build(
        "", PAIRS({"message.timestamp.difference.max.ms", "7"}, {"message.timestamp.before.max.ms", "9"}));
    ck_assert_int_eq(topic.message_timestamp_before_max_ms, 9);
    ck_assert_int_eq(topic.message_timestamp_after_max_ms, 7);
    topic_config_close(&topic);
}
END_TEST

START_TEST(compacted_topic_rolls_before_its_longest_compaction_lag)
{
    struct topic_config topic =
        build("", PAIRS({"cleanup.policy", "compact"}, {"max.compaction.lag.ms", "500"}));
    ck_assert_int_eq(topic_config_max_segment_ms(&topic), 500);
    topic_config_close(&topic);
    topic = build("", PAIRS({"max.compaction.lag.ms", "500"}));
    ck_assert_int_eq(topic_config_max_segment_ms(&topic), 604800000);
    topic_config_close(&topic);
}
END_TEST

START_TEST(invalid_override_is_passed_over_and_named)
{
    struct config *broker = load_good("");
    struct topic_config topic;
    struct errmsg why;
    enum err err = topic_config_build(
        broker, PAIRS({"retention.ms", "5"}, {"segment.bytes", "3"}, {"nonsense", "1"}, {"flush.ms", "9"}),
        &topic, &why);
    ck_assert_int_eq(err, ERR_INVALID_CONFIG);
    ck_assert_str_eq(why.text, "Invalid value 3 for configuration segment.bytes: Value must be at least 14");
    ck_assert_int_eq(topic.retention_ms, 5);
    ck_assert_int_eq(topic.segment_bytes, 1073741824);
    ck_assert_int_eq(topic.flush_ms, 9);
    topic_config_close(&topic);
    config_release(broker);
}
END_TEST

START_TEST(validation_speaks_kafkas_words)
{
    struct errmsg why;
    ck_assert(!topic_config_validate_one("retention.ms", "5", &why));
    ck_assert_int_eq(topic_config_validate_one("retention.msx", "5", &why), ERR_INVALID_CONFIG);
    ck_assert_str_eq(why.text, "Unknown topic config name: retention.msx");
    ck_assert_int_eq(topic_config_validate_one("retention.ms", "x", &why), ERR_INVALID_CONFIG);
    ck_assert_str_eq(why.text, "Invalid value x for configuration retention.ms: Not a number of type LONG");
    ck_assert_int_eq(topic_config_validate_one("cleanup.policy", "keep", &why), ERR_INVALID_CONFIG);
    ck_assert_str_eq(why.text, "Invalid value keep for configuration cleanup.policy: String must be one of: "
                               "compact, delete");
}
END_TEST

static void check_invalid(struct config_pairs overrides, const char *text)
{
    struct config *broker = load_good("log.cleaner.max.compaction.lag.ms=1000\n");
    struct errmsg why = {""};
    ck_assert_int_eq(topic_config_validate(broker, overrides, &why), ERR_INVALID_CONFIG);
    ck_assert_msg(strstr(why.text, text) != NULL, "'%s' is not in: %s", text, why.text);
    config_release(broker);
}

START_TEST(settings_of_a_topic_are_checked_together_with_the_brokers)
{
    check_invalid(PAIRS({"retention.ms", "x"}, {"zzz", "1"}), "Unknown topic config name: zzz");
    check_invalid(
        PAIRS({"min.compaction.lag.ms", "2000"}),
        "conflict topic config setting min.compaction.lag.ms (2000) > max.compaction.lag.ms (1000)");
    check_invalid(PAIRS({"remote.storage.enable", "true"}), "Tiered Storage functionality is disabled");
    check_invalid(PAIRS({"remote.log.copy.disable", "true"}), "under Zookeeper's mode");
    check_invalid(PAIRS({"retention.ms", "-2"}), "Value must be at least -1");
    struct config *broker = load_good("");
    struct errmsg why;
    ck_assert(
        !topic_config_validate(broker, PAIRS({"retention.ms", "1"}, {"cleanup.policy", "compact"}), &why));
    config_release(broker);
}
END_TEST

START_TEST(a_list_of_throttled_replicas_names_whole_pairs_or_all)
{
    ck_assert(topic_config_list_throttles("*", 7, 9));
    ck_assert(!topic_config_list_throttles("", 0, 0));
    ck_assert(topic_config_list_throttles("0:1,1:2", 0, 1));
    ck_assert(topic_config_list_throttles("0:1,1:2", 1, 2));
    ck_assert(!topic_config_list_throttles("0:1,1:2", 1, 1));
    ck_assert(!topic_config_list_throttles("10:1,1:20", 0, 1));
    ck_assert(!topic_config_list_throttles("10:1,1:20", 1, 2));
    ck_assert(topic_config_list_throttles("10:1,1:20", 1, 20));
}
END_TEST

Suite *topic_config_suite(void)
{
    Suite *suite = suite_create("topic_config");
    TCase *tcase = tcase_create("topic_config");
    tcase_add_test(tcase, topic_without_settings_has_kafkas_defaults);
    tcase_add_test(tcase, topics_own_settings_beat_the_brokers);
    tcase_add_test(tcase, the_strongest_spelling_of_the_broker_counts_in_milliseconds);
    tcase_add_test(tcase, deprecated_timestamp_difference_fills_in_for_limits_left_at_their_default);
    tcase_add_test(tcase, compacted_topic_rolls_before_its_longest_compaction_lag);
    tcase_add_test(tcase, invalid_override_is_passed_over_and_named);
    tcase_add_test(tcase, validation_speaks_kafkas_words);
    tcase_add_test(tcase, settings_of_a_topic_are_checked_together_with_the_brokers);
    tcase_add_test(tcase, a_list_of_throttled_replicas_names_whole_pairs_or_all);
    suite_add_tcase(suite, tcase);
    return suite;
}
