#include "base/hash.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "suites.h"

static const uint8_t *bytes(const char *text)
{
    return (const uint8_t *)text;
}

START_TEST(crc32c_of_check_string_is_the_published_value)
{
    ck_assert_uint_eq(hash_crc32c(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(hash_crc32c(0, "", 0), 0);
}
END_TEST

START_TEST(crc32c_of_parts_equals_crc32c_of_the_whole)
{
    uint8_t data[600];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 3));
    uint32_t whole = hash_crc32c(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        uint32_t crc = hash_crc32c(0, data, cut);
        ck_assert_uint_eq(hash_crc32c(crc, data + cut, sizeof data - cut), whole);
    }
}
END_TEST

START_TEST(murmur2_agrees_with_kafkas_vectors)
{
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_int_eq((int32_t)hash_murmur2(view_str(cases[i].key)), cases[i].hash);
}
END_TEST

START_TEST(java_hash_counts_utf16_units)
{
    static const struct {
        const char *text;
        int32_t hash;
    } cases[] = {
        {"", 0},
        {"my-group", -1906497762},
        {"txn-1", 110810510},
        {"gr\xc3\xbc\xc3\x9f"
         "e",
         98768023},
        {"\xf0\x9f\x98\x80", 1772899},
        {"polygenelubricants", INT32_MIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_int_eq(hash_java_string(view_str(cases[i].text)), cases[i].hash);
}
END_TEST

START_TEST(table_hash_depends_on_every_byte_and_on_the_length)
{
    uint8_t data[80] = {0};
    for (size_t len = 0; len <= sizeof data; len++) {
        uint64_t base = hash_bytes(view_of(data, len));
        for (size_t i = 0; i < len; i++) {
            data[i] ^= 1;
            ck_assert_uint_ne(hash_bytes(view_of(data, len)), base);
            data[i] ^= 1;
        }
        if (len > 0)
            ck_assert_uint_ne(hash_bytes(view_of(data, len - 1)), base);
    }
    ck_assert_uint_eq(hash_bytes(view_of(bytes("key"), 3)), hash_bytes(view_str("key")));
}
END_TEST

Suite *hash_suite(void)
{
    Suite *suite = suite_create("hash");
    TCase *tc = tcase_create("hash");
    tcase_add_test(tc, crc32c_of_check_string_is_the_published_value);
    tcase_add_test(tc, crc32c_of_parts_equals_crc32c_of_the_whole);
    tcase_add_test(tc, murmur2_agrees_with_kafkas_vectors);
    tcase_add_test(tc, java_hash_counts_utf16_units);
    tcase_add_test(tc, table_hash_depends_on_every_byte_and_on_the_length);
    suite_add_tcase(suite, tc);
    return suite;
}
