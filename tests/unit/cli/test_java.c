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
    tcase_add_test(tc, numbers_are_printed_as_java_does);
    suite_add_tcase(suite, tc);
    return suite;
}
