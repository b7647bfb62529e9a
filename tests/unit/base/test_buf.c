#include "base/buf.h"

#include <check.h>

#include "suites.h"

START_TEST(empty_buf_is_an_empty_view_and_an_empty_string)
{
    struct buf buf = {0};
    ck_assert_uint_eq(buf_view(&buf).len, 0);
    ck_assert(!view_is_null(buf_view(&buf)));
    ck_assert_str_eq(buf_cstr(&buf), "");
    ck_assert_uint_eq(buf.len, 0);
    buf_close(&buf);
    buf_close(&buf);
}
END_TEST

START_TEST(bytes_keep_their_order_while_it_grows)
{
    struct buf buf = {0};
    for (int i = 0; i < 10000; i++)
        buf_put_i32(&buf, i);
    ck_assert_uint_eq(buf.len, 40000);
    for (int i = 0; i < 10000; i++) {
        const uint8_t *p = buf.data + 4 * i;
        ck_assert_int_eq(p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3], i);
    }
    buf_close(&buf);
}
END_TEST

START_TEST(numbers_are_written_as_the_protocol_has_them)
{
    struct buf buf = {0};
    buf_put_i8(&buf, -1);
    buf_put_i16(&buf, 258);
    buf_put_i64(&buf, -2);
    buf_put_uvarint(&buf, 300);
    buf_put_varint(&buf, -1);
    buf_put_varlong(&buf, 64);
    ck_assert(view_equal(buf_view(&buf),
                         VIEW_LIT("\xff\x01\x02\xff\xff\xff\xff\xff\xff\xff\xfe\xac\x02\x01\x80\x01")));
    buf_close(&buf);
}
END_TEST

START_TEST(reserve_does_not_change_the_length)
{
    struct buf buf = {0};
    memcpy(buf_reserve(&buf, 3), "abc", 3);
    ck_assert_uint_eq(buf.len, 0);
    memcpy(buf_extend(&buf, 3), "abc", 3);
    ck_assert_uint_eq(buf.len, 3);
    ck_assert_ptr_eq(buf_reserve(&buf, 1), buf.data + 3);
    buf_close(&buf);
}
END_TEST

START_TEST(printf_appends_at_every_fill_level)
{
    for (size_t fill = 0; fill < 130; fill++) {
        struct buf buf = {0};
        for (size_t i = 0; i < fill; i++)
            buf_put_str(&buf, "x");
        buf_printf(&buf, "%s-%d", "orders", 42);
        ck_assert_uint_eq(buf.len, fill + 9);
        ck_assert_str_eq(buf_cstr(&buf) + fill, "orders-42");
        buf_close(&buf);
    }
}
END_TEST

START_TEST(clear_keeps_the_memory)
{
    struct buf buf = {0};
    buf_put_view(&buf, VIEW_LIT("abc"));
    buf_put_view(&buf, VIEW_NULL);
    buf_put(&buf, NULL, 0);
    ck_assert_uint_eq(buf.len, 3);
    const uint8_t *data = buf.data;
    buf_clear(&buf);
    ck_assert_uint_eq(buf.len, 0);
    buf_put_str(&buf, "xyz");
    ck_assert_ptr_eq(buf.data, data);
    buf_close(&buf);
}
END_TEST

Suite *buf_suite(void)
{
    Suite *suite = suite_create("buf");
    TCase *tc = tcase_create("buf");
    tcase_add_test(tc, empty_buf_is_an_empty_view_and_an_empty_string);
    tcase_add_test(tc, bytes_keep_their_order_while_it_grows);
    tcase_add_test(tc, numbers_are_written_as_the_protocol_has_them);
    tcase_add_test(tc, reserve_does_not_change_the_length);
    tcase_add_test(tc, printf_appends_at_every_fill_level);
    tcase_add_test(tc, clear_keeps_the_memory);
    suite_add_tcase(suite, tc);
    return suite;
}
