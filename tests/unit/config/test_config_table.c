#include "config/config_table.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/topic_table.h"
#include "config/value.h"
#include "config/versions.h"
#include "suites.h"

static void check_row(const struct setting *setting)
{
    struct arena arena = {0};
    struct config_value value;
    struct errmsg why = {""};
    ck_assert_msg(!config_value_parse(setting, setting->default_text, &arena, &value, &why), "%s", why.text);
    /* A default that is not in canonical form would look different in DescribeConfigs. */
    if (setting->default_text)
        ck_assert_str_eq(value.text, setting->default_text);
    ck_assert_msg(strlen(setting->meaning) > 5, "%s has no meaning", setting->name);
    ck_assert_msg((setting->effect == EFFECT_KIND_HONOURED) == (setting->reason == NULL), "%s",
                  setting->name);
    ck_assert_msg(!config_value_is_refused(setting, &value), "the default of %s is refused", setting->name);
    arena_close(&arena);
}

START_TEST(every_default_is_valid_under_its_own_validator)
{
    for (unsigned key = 0; key < CONFIG_KEY_COUNT; key++)
        check_row(config_table_get((enum config_key)key));
    for (unsigned key = 0; key < TOPIC_KEY_COUNT; key++)
        check_row(&topic_table_get((enum topic_key)key)->setting);
}
END_TEST

START_TEST(every_name_finds_its_own_row_and_area)
{
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        ck_assert_int_eq(config_table_find(config_table_get(key)->name), key);
        ck_assert_ptr_nonnull(config_table_area(key));
    }
    for (unsigned i = 0; i < TOPIC_KEY_COUNT; i++)
        ck_assert_int_eq(topic_table_find(topic_table_get((enum topic_key)i)->setting.name), i);
    ck_assert_int_eq(config_table_find("log.retention"), CONFIG_KEY_NONE);
    ck_assert_int_eq(config_table_find(""), CONFIG_KEY_NONE);
}
END_TEST

static void check_prefixed(const char *name, enum config_key key, const char *listener)
{
    const char *found;
    size_t len;
    ck_assert_int_eq(config_table_find_prefixed(name, &found, &len), key);
    if (listener)
        ck_assert(len == strlen(listener) && memcmp(found, listener, len) == 0);
    else
        ck_assert_ptr_null(found);
}

START_TEST(prefix_of_a_listener_and_of_a_mechanism_is_taken_off)
{
    check_prefixed("max.connections", CONFIG_MAX_CONNECTIONS, NULL);
    check_prefixed("listener.name.external.max.connections", CONFIG_MAX_CONNECTIONS, "external");
    check_prefixed("listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config", CONFIG_SASL_JAAS_CONFIG,
                   "sasl_ssl");
    check_prefixed("listener.name.external.nonsense", CONFIG_KEY_NONE, "external");
    check_prefixed("listener.name.", CONFIG_KEY_NONE, NULL);
    check_prefixed("listener.name.x", CONFIG_KEY_NONE, NULL);
}
END_TEST

START_TEST(nearest_name_mends_letters_left_out_swapped_and_added)
{
    ck_assert_str_eq(config_table_nearest("log.retention.hors"), "log.retention.hours");
    ck_assert_str_eq(config_table_nearest("listners"), "listeners");
    ck_assert_str_eq(config_table_nearest("zookeper.connect"), "zookeeper.connect");
    ck_assert_str_eq(config_table_nearest("log.dris"), "log.dirs");
    ck_assert_str_eq(config_table_nearest("barnabas.network.loop"), "barnabas.network.loops");
    ck_assert_str_eq(topic_table_nearest("retention.mss"), "retention.ms");
    ck_assert_ptr_null(config_table_nearest("my.company.plugin.option"));
    ck_assert_ptr_null(config_table_nearest(""));
    ck_assert_ptr_null(topic_table_nearest("zzzzzzzz"));
}
END_TEST

START_TEST(distance_counts_edits_and_a_swap_once)
{
    ck_assert_uint_eq(name_distance("abc", "abc", 9), 0);
    ck_assert_uint_eq(name_distance("abc", "acb", 9), 1);
    ck_assert_uint_eq(name_distance("abc", "ab", 9), 1);
    ck_assert_uint_eq(name_distance("", "abc", 9), 3);
    ck_assert_uint_eq(name_distance("abc", "xyz", 2), 2);
}
END_TEST

START_TEST(metadata_versions_are_ordered_and_know_releases)
{
    ck_assert_int_eq(metadata_version_index("0.8.0"), 0);
    ck_assert_int_eq(metadata_version_index("3.9"), metadata_version_index("3.9-IV0"));
    ck_assert_int_eq(metadata_version_index("2.8.1"), metadata_version_index("2.8-IV1"));
    ck_assert_int_eq(metadata_version_index("0.10.2.1"), metadata_version_index("0.10.2-IV0"));
    ck_assert_int_eq(metadata_version_index("4.0"), -1);
    ck_assert_int_ge(metadata_version_index("4.0-IV1"), 0);
    ck_assert_int_eq(metadata_version_index("3"), -1);
    ck_assert_int_eq(metadata_version_index(""), -1);
    ck_assert(metadata_version_at_least("2.8", "2.7-IV2"));
    ck_assert(!metadata_version_at_least("2.7", "2.8-IV0"));
    ck_assert_int_eq(metadata_version_record_format("0.9.0"), 0);
    ck_assert_int_eq(metadata_version_record_format("0.10.0"), 1);
    ck_assert_int_eq(metadata_version_record_format("0.11.0"), 2);
}
END_TEST

Suite *config_table_suite(void)
{
    Suite *suite = suite_create("config_table");
    TCase *tcase = tcase_create("table");
    tcase_add_test(tcase, every_default_is_valid_under_its_own_validator);
    tcase_add_test(tcase, every_name_finds_its_own_row_and_area);
    tcase_add_test(tcase, prefix_of_a_listener_and_of_a_mechanism_is_taken_off);
    tcase_add_test(tcase, nearest_name_mends_letters_left_out_swapped_and_added);
    tcase_add_test(tcase, distance_counts_edits_and_a_swap_once);
    tcase_add_test(tcase, metadata_versions_are_ordered_and_know_releases);
    suite_add_tcase(suite, tcase);
    return suite;
}
