#include "base/be.h"

#include <check.h>

#include "suites.h"

START_TEST(numbers_are_in_network_order_at_any_address)
{
    uint8_t raw[20];
    for (size_t at = 0; at < 8; at++) {
        be_put_i16(raw + at, 0x0102);
        ck_assert_mem_eq(raw + at, "\x01\x02", 2);
        be_put_i32(raw + at, 0x01020304);
        ck_assert_mem_eq(raw + at, "\x01\x02\x03\x04", 4);
        be_put_i64(raw + at, 0x0102030405060708);
        ck_assert_mem_eq(raw + at, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    }
}
END_TEST

START_TEST(extreme_numbers_come_back)
{
    uint8_t raw[8];
    static const int64_t values[] = {0, -1, 1, INT64_MIN, INT64_MAX, -2};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        be_put_i64(raw, values[i]);
        ck_assert_int_eq(be_get_i64(raw), values[i]);
        be_put_i32(raw, (int32_t)values[i]);
        ck_assert_int_eq(be_get_i32(raw), (int32_t)values[i]);
        be_put_i16(raw, (int16_t)values[i]);
        ck_assert_int_eq(be_get_i16(raw), (int16_t)values[i]);
    }
}
END_TEST

Suite *be_suite(void)
{
    Suite *suite = suite_create("be");
    TCase *tc = tcase_create("be");
    tcase_add_test(tc, numbers_are_in_network_order_at_any_address);
    tcase_add_test(tc, extreme_numbers_come_back);
    suite_add_tcase(suite, tc);
    return suite;
}
