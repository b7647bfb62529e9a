/* The orders and texts that come from Java; what is expected was printed by it. */
#include <string.h>

#include "base/mem.h"
#include "cli/java_number.h"
#include "cli/java_order.h"
#include "suites.h"

START_TEST(hash_codes_are_those_of_java_strings)
{
    ck_assert_int_eq(java_string_hash(view_str("")), 0);
    ck_assert_int_eq(java_string_hash(view_str("retention.ms")), -1339220362);
    ck_assert_int_eq(java_string_hash(view_str("min.insync.replicas")), 268940301);
    /* U+00E9, and U+1F600, which is two units in Java. */
    ck_assert_int_eq(java_string_hash(view_str("h\xc3\xa9")), 3457);
    ck_assert_int_eq(java_string_hash(view_str("\xf0\x9f\x98\x80")), 1772899);
}
END_TEST

/* Fourteen names, so that the table has grown once. */
START_TEST(names_are_walked_as_a_hash_map_walks_them)
{
    static const char *const names[] = {"cleanup.policy",       "compression.type",  "delete.retention.ms",
                                        "file.delete.delay.ms", "flush.messages",    "flush.ms",
                                        "index.interval.bytes", "max.message.bytes", "min.insync.replicas",
                                        "preallocate",          "retention.bytes",   "retention.ms",
                                        "segment.bytes",        "segment.ms"};
    static const char *const wanted[] = {"compression.type",    "file.delete.delay.ms",
                                         "max.message.bytes",   "min.insync.replicas",
                                         "preallocate",         "index.interval.bytes",
                                         "delete.retention.ms", "retention.bytes",
                                         "cleanup.policy",      "flush.ms",
                                         "retention.ms",        "segment.bytes",
                                         "segment.ms",          "flush.messages"};
    struct view keys[ARRAY_LEN(names)];
    size_t order[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        keys[i] = view_str(names[i]);
    java_hash_order(keys, ARRAY_LEN(names), order);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        ck_assert_str_eq(names[order[i]], wanted[i]);
}
END_TEST

/* Of two topics, so that some share a bucket; sixteen, so that the table has grown once. */
START_TEST(partitions_are_walked_as_a_hash_map_walks_them)
{
    static const struct {
        const char *topic;
        int32_t partition;
    } given[] = {{"orders", 0}, {"shipments", 0}, {"orders", 1},  {"shipments", 1},
                 {"orders", 2}, {"shipments", 2}, {"orders", 3},  {"orders", 4},
                 {"orders", 5}, {"orders", 6},    {"orders", 7},  {"orders", 8},
                 {"orders", 9}, {"orders", 10},   {"orders", 11}, {"orders", 12}};
    static const size_t wanted[] = {10, 11, 12, 13, 14, 15, 5, 3, 1, 0, 2, 4, 6, 7, 8, 9};
    int32_t hashes[ARRAY_LEN(given)];
    size_t order[ARRAY_LEN(given)];
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        hashes[i] = java_partition_hash(view_str(given[i].topic), given[i].partition);
    ck_assert_int_eq(hashes[0], -1008769370);
    ck_assert_int_eq(java_partition_hash(VIEW_LIT("orders"), INT32_MAX), 1138714247);
    java_hash_codes_order(hashes, ARRAY_LEN(given), 0, order);
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        ck_assert_uint_eq(order[i], wanted[i]);
}
END_TEST

/* A map made for two has four places when it holds them, and they stand in another order than in sixteen. */
START_TEST(the_capacity_decides_the_order)
{
    int32_t hashes[] = {java_string_hash(VIEW_LIT("orders")), java_string_hash(VIEW_LIT("a"))};
    size_t order[2];
    java_hash_codes_order(hashes, 2, 2, order);
    ck_assert_uint_eq(order[0], 1);
    ck_assert_uint_eq(java_set_capacity(0), 16);
    ck_assert_uint_eq(java_set_capacity(11), 16);
    ck_assert_uint_eq(java_set_capacity(12), 17);
    int32_t fourth[] = {4, 1};
    java_hash_codes_order(fourth, 2, 2, order);
    ck_assert_uint_eq(order[0], 0);
    java_hash_codes_order(fourth, 2, 0, order);
    ck_assert_uint_eq(order[0], 1);
}
END_TEST

static void expect_double(double value, const char *wanted)
{
    struct buf out = {0};
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    java_put_double(bits, &out);
    ck_assert_str_eq(buf_cstr(&out), wanted);
    buf_close(&out);
}

static void expect_float(float value, const char *wanted)
{
    struct buf out = {0};
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    java_put_float(bits, &out);
    ck_assert_str_eq(buf_cstr(&out), wanted);
    buf_close(&out);
}

START_TEST(numbers_are_printed_as_java_does)
{
    expect_double(0, "0.0");
    expect_double(-0.0, "-0.0");
    expect_double(1, "1.0");
    expect_double(-123.25, "-123.25");
    expect_double(0.1, "0.1");
    expect_double(0.001, "0.001");
    expect_double(0.00099, "9.9E-4");
    expect_double(9999999, "9999999.0");
    expect_double(10000000, "1.0E7");
    expect_double(1.5e300, "1.5E300");
    expect_double(1.0 / 0.0, "Infinity");
    expect_float(0.1F, "0.1");
    expect_float(3.4028235e38F, "3.4028235E38");
    expect_float(100, "100.0");
}
END_TEST

Suite *java_suite(void)
{
    Suite *suite = suite_create("java");
    TCase *tc = tcase_create("java");
    tcase_add_test(tc, hash_codes_are_those_of_java_strings);
    tcase_add_test(tc, names_are_walked_as_a_hash_map_walks_them);
    tcase_add_test(tc, partitions_are_walked_as_a_hash_map_walks_them);
    tcase_add_test(tc, the_capacity_decides_the_order);
    tcase_add_test(tc, numbers_are_printed_as_java_does);
    suite_add_tcase(suite, tc);
    return suite;
}
