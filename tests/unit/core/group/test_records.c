/*
 * Keys and values of __consumer_offsets, held against bytes that Kafka 3.9.1's own classes wrote.
 */
#include "core/group/records.h"

#include "hex.h"
#include "suites.h"

#define NOON_MS 1700000000000

static struct buf bytes;
static struct arena arena;
static struct errmsg why;

static void setup(void)
{
    bytes = (struct buf){0};
    arena = (struct arena){0};
}

static void teardown(void)
{
    buf_close(&bytes);
    arena_close(&arena);
}

static struct view hex(const char *digits)
{
    buf_clear(&bytes);
    hex_put(&bytes, digits);
    return buf_view(&bytes);
}

/* --- keys
 * --------------------------------------------------------------------------------------------------- */

START_TEST(key_of_an_offset_is_kafkas)
{
    group_key_put_offset(&bytes, VIEW_LIT("g"), VIEW_LIT("orders"), 7);
    hex_check(buf_view(&bytes), "000100016700066f726465727300000007");
}
END_TEST

START_TEST(key_of_a_group_is_kafkas)
{
    group_key_put_group(&bytes, VIEW_LIT("g"));
    hex_check(buf_view(&bytes), "0002000167");
}
END_TEST

START_TEST(keys_of_offsets_are_read_in_both_versions)
{
    static const char *const versions[] = {"000000016700066f726465727300000007",
                                           "000100016700066f726465727300000007"};
    for (int16_t v = 0; v < 2; v++) {
        struct group_key key;
        ck_assert_int_eq(group_key_parse(hex(versions[v]), &key, &why), ERR_NONE);
        ck_assert_int_eq(key.kind, GROUP_KEY_OFFSET);
        ck_assert_int_eq(key.version, v);
        ck_assert(view_equal_str(key.group, "g"));
        ck_assert(view_equal_str(key.topic, "orders"));
        ck_assert_int_eq(key.partition, 7);
    }
}
END_TEST

START_TEST(key_of_a_version_to_come_is_unknown_and_no_error)
{
    struct group_key key;
    ck_assert_int_eq(group_key_parse(hex("0003000167"), &key, &why), ERR_NONE);
    ck_assert_int_eq(key.kind, GROUP_KEY_UNKNOWN);
    ck_assert_int_eq(key.version, 3);
    ck_assert_int_eq(group_key_parse(hex("ffff"), &key, &why), ERR_NONE);
    ck_assert_int_eq(key.kind, GROUP_KEY_UNKNOWN);
}
END_TEST

START_TEST(key_that_ends_too_early_is_refused_at_every_length)
{
    struct view whole = hex("000100016700066f726465727300000007");
    struct group_key key;
    for (size_t len = 0; len < whole.len; len++)
        ck_assert_int_eq(group_key_parse(view_of(whole.ptr, len), &key, &why), ERR_MALFORMED);
}
END_TEST

/* --- offsets
 * -------------------------------------------------------------------------------------------------- */

START_TEST(value_of_an_offset_is_kafkas)
{
    struct offset_value value = {.offset = 1234567890123,
                                 .leader_epoch = 5,
                                 .metadata = VIEW_LIT("m\xc3\xa9"),
                                 .commit_ms = NOON_MS,
                                 .expire_ms = -1};
    offset_value_put(&bytes, &value, OFFSET_VALUE_VERSION);
    hex_check(buf_view(&bytes), "00030000011f71fb04cb0000000500036dc3a90000018bcfe56800");
}
END_TEST

START_TEST(value_with_a_time_to_expire_is_version_1_without_an_epoch)
{
    struct offset_value value = {.offset = 42,
                                 .leader_epoch = 5,
                                 .metadata = VIEW_LIT(""),
                                 .commit_ms = NOON_MS,
                                 .expire_ms = NOON_MS + 5000};
    offset_value_put(&bytes, &value, OFFSET_VALUE_VERSION);
    hex_check(buf_view(&bytes), "0001000000000000002a00000000018bcfe568000000018bcfe57b88");
}
END_TEST

/* By version. */
static const char *const offset_values[] = {
    "00000000011f71fb04cb00036dc3a90000018bcfe56800",
    "00010000011f71fb04cb00036dc3a90000018bcfe568000000018bcfe57b88",
    "00020000011f71fb04cb00036dc3a90000018bcfe56800",
    "00030000011f71fb04cb0000000500036dc3a90000018bcfe56800",
    "00040000011f71fb04cb00000005046dc3a90000018bcfe5680000",
};

START_TEST(values_of_offsets_are_read_in_every_version)
{
    for (int v = 0; v < 5; v++) {
        struct offset_value value;
        ck_assert_int_eq(offset_value_parse(hex(offset_values[v]), &value, &why), ERR_NONE);
        ck_assert_int_eq(value.offset, 1234567890123);
        ck_assert_int_eq(value.leader_epoch, v >= 3 ? 5 : -1);
        ck_assert(view_equal_str(value.metadata, "m\xc3\xa9"));
        ck_assert_int_eq(value.commit_ms, NOON_MS);
        ck_assert_int_eq(value.expire_ms, v == 1 ? NOON_MS + 5000 : -1);
    }
}
END_TEST

START_TEST(value_of_an_offset_can_be_one_that_older_brokers_read)
{
    struct offset_value value;
    struct buf out = {0};
    ck_assert_int_eq(offset_value_parse(hex(offset_values[3]), &value, &why), ERR_NONE);
    offset_value_put(&out, &value, 2);
    hex_check(buf_view(&out), offset_values[2]);
    buf_clear(&out);
    offset_value_put(&out, &value, 1);
    hex_check(buf_view(&out), "00010000011f71fb04cb00036dc3a90000018bcfe56800ffffffffffffffff");
    buf_close(&out);
}
END_TEST

START_TEST(value_of_a_version_to_come_is_refused)
{
    struct offset_value value;
    ck_assert_int_eq(offset_value_parse(hex("0005000000000000002a"), &value, &why), ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(offset_value_parse(hex("00"), &value, &why), ERR_MALFORMED);
}
END_TEST

/* --- groups
 * --------------------------------------------------------------------------------------------------- */

START_TEST(value_of_a_group_is_kafkas)
{
    struct wire_group_metadata_value_member_metadata members[] = {
        {VIEW_LIT("m1"), VIEW_LIT("i1"), VIEW_LIT("c"), VIEW_LIT("/10.0.0.1"), 60000, 10000,
         VIEW_LIT("\x01\x02"), VIEW_LIT("\x03")},
        {VIEW_LIT("m2"), VIEW_NULL, VIEW_LIT("c"), VIEW_LIT("/10.0.0.2"), 60000, 10000, VIEW_LIT("\x04"),
         VIEW_LIT("")},
    };
    struct wire_group_metadata_value value = {
        VIEW_LIT("consumer"), 3, VIEW_LIT("range"), VIEW_LIT("m1"), NOON_MS, members, 2};
    group_value_put(&bytes, &value, GROUP_VALUE_VERSION);
    hex_check(
        buf_view(&bytes),
        "00030008636f6e73756d657200000003000572616e676500026d310000018bcfe568000000000200026d310002693100"
        "016300092f31302e302e302e310000ea6000002710000000020102000000010300026d32ffff00016300092f31302e30"
        "2e302e320000ea6000002710000000010400000000");
}
END_TEST

START_TEST(value_of_an_empty_group_is_kafkas)
{
    struct wire_group_metadata_value value = {
        .protocol_type = VIEW_LIT("consumer"), .generation = 4, .current_state_timestamp = NOON_MS};
    group_value_put(&bytes, &value, GROUP_VALUE_VERSION);
    hex_check(buf_view(&bytes), "00030008636f6e73756d657200000004ffffffff0000018bcfe5680000000000");
}
END_TEST

/* By version. */
static const char *const group_values[] = {
    "00000008636f6e73756d657200000003000572616e676500026d310000000200026d3100016300092f31302e302e302e3100"
    "00"
    "2710000000020102000000010300026d3200016300092f31302e302e302e3200002710000000010400000000",
    "00010008636f6e73756d657200000003000572616e676500026d310000000200026d3100016300092f31302e302e302e3100"
    "00"
    "ea6000002710000000020102000000010300026d3200016300092f31302e302e302e320000ea600000271000000001040000"
    "00"
    "00",
    "00020008636f6e73756d657200000003000572616e676500026d310000018bcfe568000000000200026d3100016300092f31"
    "30"
    "2e302e302e310000ea6000002710000000020102000000010300026d3200016300092f31302e302e302e320000ea60000027"
    "10"
    "000000010400000000",
    "00030008636f6e73756d657200000003000572616e676500026d310000018bcfe568000000000200026d3100026931000163"
    "00"
    "092f31302e302e302e310000ea6000002710000000020102000000010300026d32ffff00016300092f31302e302e302e3200"
    "00"
    "ea6000002710000000010400000000",
    "000409636f6e73756d6572000000030672616e6765036d310000018bcfe5680003036d3103693102630a2f31302e302e302e"
    "31"
    "0000ea6000002710030102020300036d320002630a2f31302e302e302e320000ea60000027100204010000",
};

START_TEST(values_of_groups_are_read_in_every_version)
{
    for (int v = 0; v < 5; v++) {
        struct wire_group_metadata_value value;
        ck_assert_int_eq(group_value_parse(hex(group_values[v]), &arena, &value, &why), ERR_NONE);
        ck_assert_int_eq(value.generation, 3);
        ck_assert(view_equal_str(value.leader, "m1"));
        ck_assert_int_eq(value.current_state_timestamp, v >= 2 ? NOON_MS : -1);
        ck_assert_int_eq(value.members_count, 2);
        ck_assert_int_eq(value.members[0].rebalance_timeout, v >= 1 ? 60000 : 10000);
        ck_assert_int_eq(value.members[0].session_timeout, 10000);
        ck_assert(view_is_null(value.members[0].group_instance_id) == (v < 3));
        ck_assert(view_equal_str(value.members[1].client_host, "/10.0.0.2"));
        ck_assert(view_equal_str(value.members[1].subscription, "\x04"));
        ck_assert_uint_eq(value.members[1].assignment.len, 0);
    }
}
END_TEST

START_TEST(value_of_a_group_can_be_one_that_older_brokers_read)
{
    struct wire_group_metadata_value value;
    struct buf out = {0};
    ck_assert_int_eq(group_value_parse(hex(group_values[3]), &arena, &value, &why), ERR_NONE);
    for (int16_t v = 1; v <= 2; v++) {
        buf_clear(&out);
        group_value_put(&out, &value, v);
        hex_check(buf_view(&out), group_values[v]);
    }
    buf_close(&out);
}
END_TEST

Suite *records_suite(void)
{
    Suite *suite = suite_create("group records");
    TCase *tc = tcase_create("records");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, key_of_an_offset_is_kafkas);
    tcase_add_test(tc, key_of_a_group_is_kafkas);
    tcase_add_test(tc, keys_of_offsets_are_read_in_both_versions);
    tcase_add_test(tc, key_of_a_version_to_come_is_unknown_and_no_error);
    tcase_add_test(tc, key_that_ends_too_early_is_refused_at_every_length);
    tcase_add_test(tc, value_of_an_offset_is_kafkas);
    tcase_add_test(tc, value_with_a_time_to_expire_is_version_1_without_an_epoch);
    tcase_add_test(tc, values_of_offsets_are_read_in_every_version);
    tcase_add_test(tc, value_of_an_offset_can_be_one_that_older_brokers_read);
    tcase_add_test(tc, value_of_a_version_to_come_is_refused);
    tcase_add_test(tc, value_of_a_group_is_kafkas);
    tcase_add_test(tc, value_of_an_empty_group_is_kafkas);
    tcase_add_test(tc, values_of_groups_are_read_in_every_version);
    tcase_add_test(tc, value_of_a_group_can_be_one_that_older_brokers_read);
    suite_add_tcase(suite, tc);
    return suite;
}
