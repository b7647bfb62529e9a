#include "base/varint.h"

#include <check.h>
#include <string.h>

#include "suites.h"

START_TEST(unsigned_numbers_come_back_at_every_width)
{
    for (int bit = 0; bit < 32; bit++) {
        for (int off = -1; off <= 1; off++) {
            uint32_t v = (UINT32_C(1) << bit) + (uint32_t)off, back;
            uint8_t raw[VARINT_MAX_BYTES];
            size_t n = varint_write_u32(raw, v);
            ck_assert_uint_eq(n, varint_size_u32(v));
            const uint8_t *p = raw;
            ck_assert(varint_read_u32(&p, raw + n, &back));
            ck_assert_ptr_eq(p, raw + n);
            ck_assert_uint_eq(back, v);
        }
    }
}
END_TEST

START_TEST(signed_numbers_come_back_at_every_width)
{
    for (int bit = 0; bit < 64; bit++) {
        for (int off = -1; off <= 1; off++) {
            int64_t v = (int64_t)((UINT64_C(1) << bit) + (uint64_t)(int64_t)off), back;
            uint8_t raw[VARLONG_MAX_BYTES];
            size_t n = varint_write_i64(raw, v);
            ck_assert_uint_eq(n, varint_size_i64(v));
            const uint8_t *p = raw;
            ck_assert(varint_read_i64(&p, raw + n, &back));
            ck_assert_ptr_eq(p, raw + n);
            ck_assert_int_eq(back, v);

            int32_t small = (int32_t)v, small_back;
            n = varint_write_i32(raw, small);
            ck_assert_uint_eq(n, varint_size_i32(small));
            p = raw;
            ck_assert(varint_read_i32(&p, raw + n, &small_back));
            ck_assert_int_eq(small_back, small);
        }
    }
}
END_TEST

START_TEST(known_numbers_have_known_bytes)
{
    uint8_t raw[VARLONG_MAX_BYTES];
    ck_assert_uint_eq(varint_write_u32(raw, 300), 2);
    ck_assert_mem_eq(raw, "\xac\x02", 2);
    ck_assert_uint_eq(varint_write_i32(raw, -1), 1);
    ck_assert_mem_eq(raw, "\x01", 1);
    ck_assert_uint_eq(varint_write_i32(raw, 64), 2);
    ck_assert_mem_eq(raw, "\x80\x01", 2);
    ck_assert_uint_eq(varint_write_i32(raw, INT32_MIN), 5);
    ck_assert_mem_eq(raw, "\xff\xff\xff\xff\x0f", 5);
    ck_assert_uint_eq(varint_write_i64(raw, INT64_MIN), 10);
    ck_assert_mem_eq(raw, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
}
END_TEST

START_TEST(cut_number_is_refused_and_the_cursor_stays)
{
    uint8_t raw[VARLONG_MAX_BYTES];
    size_t n = varint_write_i64(raw, INT64_MIN);
    for (size_t len = 0; len < n; len++) {
        const uint8_t *p = raw;
        int64_t v = 7;
        ck_assert(!varint_read_i64(&p, raw + len, &v));
        ck_assert_ptr_eq(p, raw);
        ck_assert_int_eq(v, 7);
    }
}
END_TEST

START_TEST(overlong_number_is_refused)
{
    uint8_t raw[12];
    memset(raw, 0x80, sizeof raw);
    const uint8_t *p = raw;
    uint32_t u;
    int32_t i;
    int64_t l;
    ck_assert(!varint_read_u32(&p, raw + sizeof raw, &u));
    ck_assert(!varint_read_i32(&p, raw + sizeof raw, &i));
    ck_assert(!varint_read_i64(&p, raw + sizeof raw, &l));
    ck_assert_ptr_eq(p, raw);
}
END_TEST

START_TEST(spare_bits_of_the_last_byte_are_dropped_as_in_kafka)
{
    static const uint8_t raw[] = {0x81, 0x80, 0x80, 0x80, 0x7f};
    const uint8_t *p = raw;
    uint32_t v;
    ck_assert(varint_read_u32(&p, raw + sizeof raw, &v));
    ck_assert_uint_eq(v, 0xf0000001);
    static const uint8_t zero_padded[] = {0x81, 0x00};
    p = zero_padded;
    ck_assert(varint_read_u32(&p, zero_padded + sizeof zero_padded, &v));
    ck_assert_uint_eq(v, 1);
}
END_TEST

Suite *varint_suite(void)
{
    Suite *suite = suite_create("varint");
    TCase *tc = tcase_create("varint");
    tcase_add_test(tc, unsigned_numbers_come_back_at_every_width);
    tcase_add_test(tc, signed_numbers_come_back_at_every_width);
    tcase_add_test(tc, known_numbers_have_known_bytes);
    tcase_add_test(tc, cut_number_is_refused_and_the_cursor_stays);
    tcase_add_test(tc, overlong_number_is_refused);
    tcase_add_test(tc, spare_bits_of_the_last_byte_are_dropped_as_in_kafka);
    suite_add_tcase(suite, tc);
    return suite;
}
