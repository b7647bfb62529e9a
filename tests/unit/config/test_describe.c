#include "config/describe.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/dynamic.h"
#include "suites.h"

#define PAIRS(...)                                                                                           \
    ((struct config_pairs){(const struct config_pair[]){__VA_ARGS__},                                        \
                           sizeof((const struct config_pair[]){__VA_ARGS__}) / sizeof(struct config_pair)})
#define NO_PAIRS ((struct config_pairs){NULL, 0})

static const struct config_entry *entry_of(struct config_entries entries, const char *name)
{
    for (size_t i = 0; i < entries.count; i++)
        if (strcmp(entries.items[i].name, name) == 0)
            return &entries.items[i];
    return NULL;
}

/* Compares value, source and synonyms with "value source: name=value source, ..." */
static void check_entry(struct config_entries entries, const char *name, const char *expected)
{
    const struct config_entry *entry = entry_of(entries, name);
    ck_assert_msg(entry != NULL, "no entry of %s", name);
    struct buf seen = {0};
    buf_printf(&seen, "%s %d:", entry->value ? entry->value : "null", (int)entry->source);
    for (size_t i = 0; i < entry->synonym_count; i++)
        buf_printf(&seen, " %s=%s %d", entry->synonyms[i].name,
                   entry->synonyms[i].value ? entry->synonyms[i].value : "null",
                   (int)entry->synonyms[i].source);
    ck_assert_str_eq(buf_cstr(&seen), expected);
    buf_close(&seen);
}

START_TEST(broker_entries_tell_every_layer_strongest_first)
{
    struct config *base = load_good("message.max.bytes=10\nlog.retention.hours=24\n"
                                    "log.cleaner.min.cleanable.ratio=.5\n");
    struct config_report report = {0};
    struct config *config = config_with_dynamic(base, PAIRS({"message.max.bytes", "11"}),
                                                PAIRS({"message.max.bytes", "12"}), &report);
    struct arena arena = {0};
    struct config_entries entries = config_describe_broker(config, &arena);
    check_entry(entries, "message.max.bytes",
                "12 2: message.max.bytes=12 2 message.max.bytes=11 3 message.max.bytes=10 4 "
                "message.max.bytes=1048588 5");
    check_entry(entries, "num.partitions", "1 5: num.partitions=1 5");
    check_entry(entries, "broker.rack", "null 5:");
    check_entry(entries, "log.cleaner.min.cleanable.ratio",
                "0.5 4: log.cleaner.min.cleanable.ratio=.5 4 log.cleaner.min.cleanable.ratio=0.5 5");
    config_release(config);
    config_release(base);
    config_report_close(&report);
    arena_close(&arena);
}
END_TEST

START_TEST(spellings_of_one_setting_are_its_synonyms)
{
    struct config *config = load_good("log.retention.hours=24\nlog.retention.ms=5\n");
    struct arena arena = {0};
    struct config_entries entries = config_describe_broker(config, &arena);
    check_entry(entries, "log.retention.ms",
                "5 4: log.retention.ms=5 4 log.retention.hours=24 4 log.retention.hours=168 5");
    check_entry(entries, "log.retention.hours", "24 4: log.retention.hours=24 4 log.retention.hours=168 5");
    check_entry(entries, "log.retention.minutes", "null 5:");
    check_entry(entries, "log.flush.scheduler.interval.ms",
                "9223372036854775807 5: log.flush.scheduler.interval.ms=9223372036854775807 5");
    config_release(config);
    arena_close(&arena);
}
END_TEST

START_TEST(types_sensitivity_and_update_modes_are_told)
{
    struct config *config = load_good("ssl.key.password=hush\nmy.own=1\nsuper.users=User:a\n"
                                      "listener.name.plaintext.max.connections=5\n");
    struct arena arena = {0};
    struct config_entries entries = config_describe_broker(config, &arena);
    const struct config_entry *entry = entry_of(entries, "ssl.key.password");
    ck_assert(entry->sensitive && !entry->read_only && entry->type == CONFIG_TYPE_PASSWORD);
    check_entry(entries, "ssl.key.password", "null 4: ssl.key.password=null 4");
    entry = entry_of(entries, "my.own");
    ck_assert(entry->sensitive && entry->read_only && entry->type == CONFIG_TYPE_UNKNOWN);
    check_entry(entries, "super.users", "null 4: super.users=null 4 super.users=null 5");
    entry = entry_of(entries, "broker.id");
    ck_assert(!entry->sensitive && entry->read_only && entry->type == CONFIG_TYPE_INT);
    ck_assert_ptr_nonnull(entry->documentation);
    ck_assert(!entry_of(entries, "max.connections")->read_only);
    check_entry(entries, "listener.name.plaintext.max.connections",
                "5 4: listener.name.plaintext.max.connections=5 4 max.connections=2147483647 5");
    ck_assert_ptr_null(entry_of(entries, "log.initial.task.delay.ms"));
    ck_assert_ptr_null(entry_of(entries, "leader.replication.throttled.rate"));
    ck_assert_ptr_null(entry_of(entries, "allow.everyone.if.no.acl.found"));
    config_release(config);
    arena_close(&arena);
}
END_TEST

START_TEST(cluster_default_shows_only_what_is_set_there)
{
    struct config *base = load_good("message.max.bytes=10\n");
    struct config_report report = {0};
    struct config *config = config_with_dynamic(
        base, PAIRS({"message.max.bytes", "11"}, {"some.plugin", "1"}), NO_PAIRS, &report);
    struct arena arena = {0};
    struct config_entries entries = config_describe_cluster_default(config, &arena);
    ck_assert_uint_eq(entries.count, 2);
    check_entry(entries, "message.max.bytes", "11 3: message.max.bytes=11 3");
    config_release(config);
    config_release(base);
    config_report_close(&report);
    arena_close(&arena);
}
END_TEST

START_TEST(topic_entries_inherit_from_the_broker)
{
    struct config *broker = load_good("log.segment.bytes=2000\nlog.retention.hours=24\n");
    struct arena arena = {0};
    struct config_entries entries =
        topic_config_describe(broker, PAIRS({"segment.bytes", "3000"}, {"compression.type", "gzip"}), &arena);
    ck_assert_uint_eq(entries.count, TOPIC_KEY_COUNT);
    check_entry(entries, "segment.bytes",
                "3000 1: segment.bytes=3000 1 log.segment.bytes=2000 4 log.segment.bytes=1073741824 5");
    check_entry(entries, "compression.type", "gzip 1: compression.type=gzip 1 compression.type=producer 5");
    /* As in Kafka: a value that comes from the hours has no synonym by the name of the milliseconds. */
    check_entry(entries, "retention.ms", "86400000 5:");
    check_entry(entries, "index.interval.bytes", "4096 5: log.index.interval.bytes=4096 5");
    check_entry(entries, "leader.replication.throttled.replicas", " 5:");
    check_entry(entries, "message.format.version", "3.0-IV1 5: log.message.format.version=3.0-IV1 5");
    ck_assert_int_eq(entry_of(entries, "cleanup.policy")->type, CONFIG_TYPE_LIST);
    ck_assert(!entry_of(entries, "cleanup.policy")->read_only);
    config_release(broker);
    arena_close(&arena);
}
END_TEST

Suite *describe_suite(void)
{
    Suite *suite = suite_create("describe");
    TCase *tcase = tcase_create("describe");
    tcase_add_test(tcase, broker_entries_tell_every_layer_strongest_first);
    tcase_add_test(tcase, spellings_of_one_setting_are_its_synonyms);
    tcase_add_test(tcase, types_sensitivity_and_update_modes_are_told);
    tcase_add_test(tcase, cluster_default_shows_only_what_is_set_there);
    tcase_add_test(tcase, topic_entries_inherit_from_the_broker);
    suite_add_tcase(suite, tcase);
    return suite;
}
