#include "base/uuid.h"

#include <check.h>

#include "suites.h"

START_TEST(text_is_url_safe_base64_without_padding)
{
    char text[UUID_TEXT_SIZE];
    struct uuid id = {{0}};
    uuid_to_text(id, text);
    ck_assert_str_eq(text, "AAAAAAAAAAAAAAAAAAAAAA");
    id.bytes[15] = 1;
    uuid_to_text(id, text);
    ck_assert_str_eq(text, "AAAAAAAAAAAAAAAAAAAAAQ");
    for (int i = 0; i < 16; i++)
        id.bytes[i] = 0xff;
    uuid_to_text(id, text);
    ck_assert_str_eq(text, "_____________________w");
    for (int i = 0; i < 16; i++)
        id.bytes[i] = (uint8_t)(0xf8 + i);
    uuid_to_text(id, text);
    ck_assert_str_eq(text, "-Pn6-_z9_v8AAQIDBAUGBw");
}
END_TEST

START_TEST(text_is_read_back)
{
    for (int seed = 0; seed < 256; seed++) {
        struct uuid id, back;
        char text[UUID_TEXT_SIZE];
        for (int i = 0; i < 16; i++)
            id.bytes[i] = (uint8_t)(seed * 31 + i * i * 7);
        uuid_to_text(id, text);
        ck_assert(uuid_from_text(view_str(text), &back));
        ck_assert(uuid_equal(id, back));
    }
}
END_TEST

START_TEST(text_is_refused_where_java_refuses_it)
{
    static const char *const bad[] = {"",
                                      "AAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAA+A",
                                      "AAAAAAAAAAAAAAAAAAAA/A",
                                      "AAAAAAAAAAAAAAAAAAAA A",
                                      "AAAAAAAAAAAAAAAAAAAAAA=",
                                      "AAAAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAA==="};
    struct uuid id;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!uuid_from_text(view_str(bad[i]), &id), "\"%s\" was accepted", bad[i]);
    ck_assert(!uuid_from_text(VIEW_NULL, &id));
}
END_TEST

START_TEST(padding_and_spare_bits_are_accepted_as_in_java)
{
    struct uuid a, b;
    ck_assert(uuid_from_text(VIEW_LIT("-Pn6-_z9_v8AAQIDBAUGBw=="), &a));
    ck_assert(uuid_from_text(VIEW_LIT("-Pn6-_z9_v8AAQIDBAUGBx"), &b));
    ck_assert(uuid_equal(a, b));
}
END_TEST

START_TEST(random_uuid_is_version_4_and_does_not_begin_with_a_dash)
{
    uint8_t random[16];
    struct uuid id;
    memset(random, 0xff, sizeof random);
    ck_assert(uuid_from_random(random, &id));
    ck_assert_uint_eq(id.bytes[6], 0x4f);
    ck_assert_uint_eq(id.bytes[8], 0xbf);
    memset(random, 0, sizeof random);
    ck_assert(uuid_from_random(random, &id));
    ck_assert_uint_eq(id.bytes[6], 0x40);
    ck_assert_uint_eq(id.bytes[8], 0x80);
    ck_assert(!uuid_is_zero(id));
    for (int first = 0xf8; first <= 0xfb; first++) {
        random[0] = (uint8_t)first;
        ck_assert(!uuid_from_random(random, &id));
    }
    random[0] = 0xfc;
    ck_assert(uuid_from_random(random, &id));
}
END_TEST

START_TEST(zero_means_none)
{
    struct uuid id = {{0}};
    ck_assert(uuid_is_zero(id));
    id.bytes[7] = 1;
    ck_assert(!uuid_is_zero(id));
}
END_TEST

Suite *uuid_suite(void)
{
    Suite *suite = suite_create("uuid");
    TCase *tc = tcase_create("uuid");
    tcase_add_test(tc, text_is_url_safe_base64_without_padding);
    tcase_add_test(tc, text_is_read_back);
    tcase_add_test(tc, text_is_refused_where_java_refuses_it);
    tcase_add_test(tc, padding_and_spare_bits_are_accepted_as_in_java);
    tcase_add_test(tc, random_uuid_is_version_4_and_does_not_begin_with_a_dash);
    tcase_add_test(tc, zero_means_none);
    suite_add_tcase(suite, tc);
    return suite;
}
