#include "base/properties.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "suites.h"

/* Compares the whole of a text's properties with "[key|value]..." */
static void check_parses(const char *text, const char *expected)
{
    struct properties props;
    struct buf seen = {0};
    properties_parse(view_str(text), &props);
    for (size_t i = 0; i < props.count; i++)
        buf_printf(&seen, "[%s|%s]", props.items[i].key, props.items[i].value);
    ck_assert_str_eq(buf_cstr(&seen), expected);
    buf_close(&seen);
    properties_close(&props);
}

START_TEST(separators_are_equals_colon_and_blanks)
{
    check_parses("a=1\nb:2\nc 3\nd\t4\ne\f5", "[a|1][b|2][c|3][d|4][e|5]");
    check_parses("a = 1\nb : 2\nc   3", "[a|1][b|2][c|3]");
    check_parses("a==1\nb=:2\nc : =3", "[a|=1][b|:2][c|=3]");
    check_parses("a\nb=\n=c\n:d", "[a|][b|][|c][|d]");
}
END_TEST

START_TEST(value_keeps_trailing_blanks_and_later_comment_signs)
{
    check_parses("a = 1 \n", "[a|1 ]");
    check_parses("a=1 # not a comment", "[a|1 # not a comment]");
}
END_TEST

START_TEST(comments_and_blank_lines_are_skipped)
{
    check_parses("# one\n ! two\n\n \t\f\n#a\\\nb=2\n", "[b|2]");
    check_parses("#", "");
    check_parses("", "");
}
END_TEST

START_TEST(line_ends_may_be_of_any_system)
{
    check_parses("a=1\r\nb=2\rc=3\n", "[a|1][b|2][c|3]");
    check_parses("a=1\\\r\n  2\\\r  3\\\n  4", "[a|1234]");
}
END_TEST

START_TEST(odd_backslashes_continue_the_line)
{
    check_parses("a=1,\\\n   2", "[a|1,2]");
    check_parses("a=1\\\\\nb=2", "[a|1\\][b|2]");
    check_parses("a=1\\\\\\\n  b=2", "[a|1\\b=2]");
    check_parses("a=1\\\n# text\n", "[a|1# text]");
    check_parses("a=1\\\n\nb=2", "[a|1][b|2]");
    check_parses("a\\\n  b = 1", "[ab|1]");
    check_parses("a=1\\", "[a|1]");
}
END_TEST

START_TEST(lone_backslash_at_the_end_is_an_empty_key_as_in_java)
{
    check_parses("\\", "[|]");
    check_parses("\\\n", "[|]");
    check_parses("\\\r\n", "");
    check_parses("\\\n ", "");
}
END_TEST

START_TEST(escapes_are_undone)
{
    check_parses("a\\ b\\=c\\:d=1", "[a b=c:d|1]");
    check_parses("a=\\t\\n\\r\\f\\b\\q\\\\", "[a|\t\n\r\fbq\\]");
    check_parses("a=\\ 1", "[a| 1]");
    check_parses("\\#a=1\n\\!b=2", "[#a|1][!b|2]");
    check_parses("a=C:\\temp", "[a|C:\temp]");
}
END_TEST

START_TEST(unicode_escapes_become_utf8)
{
    check_parses("a=\\u0041\\u00e9\\u20AC\\uD83D\\uDE00", "[a|A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80]");
    check_parses("a=\\ud83dx\\ude00", "[a|?x?]");
    check_parses("a=\\u12", "[a|u12]");
    check_parses("a=\\u00gg", "[a|u00gg]");
    check_parses("a=\\u0000b", "[a|\xef\xbf\xbd"
                               "b]");
}
END_TEST

START_TEST(bytes_are_latin1)
{
    check_parses("a=\xe9\xff", "[a|\xc3\xa9\xc3\xbf]");
}
END_TEST

START_TEST(items_know_their_lines)
{
    struct properties props;
    properties_parse(VIEW_LIT("# c\r\na=1\n\nb=2\\\n 3\nc=4\r  \rd=5"), &props);
    static const int lines[] = {2, 4, 6, 8};
    ck_assert_uint_eq(props.count, ARRAY_LEN(lines));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        ck_assert_int_eq(props.items[i].line, lines[i]);
    properties_close(&props);
}
END_TEST

START_TEST(get_returns_the_last_value)
{
    struct properties props;
    properties_parse(VIEW_LIT("a=1\nb=2\na=3"), &props);
    ck_assert_uint_eq(props.count, 3);
    ck_assert_str_eq(properties_get(&props, "a"), "3");
    ck_assert_str_eq(properties_get(&props, "b"), "2");
    ck_assert_ptr_null(properties_get(&props, "c"));
    properties_close(&props);
    ck_assert_ptr_null(properties_get(&props, "a"));
    properties_close(&props);
}
END_TEST

static void check_puts(const char *key, const char *value, const char *expected)
{
    struct buf out = {0};
    properties_put(&out, key, value);
    ck_assert_str_eq(buf_cstr(&out), expected);
    buf_close(&out);
}

START_TEST(put_escapes_as_java_does)
{
    check_puts("broker.id", "1", "broker.id=1\n");
    check_puts("a b", "  c d", "a\\ b=\\  c d\n");
    check_puts("a=:#!", "a=:#!", "a\\=\\:\\#\\!=a\\=\\:\\#\\!\n");
    check_puts("a", "\t\n\r\f\\", "a=\\t\\n\\r\\f\\\\\n");
    check_puts("a", "\xc3\xa9\xf0\x9f\x98\x80\x01\x7f", "a=\\u00E9\\uD83D\\uDE00\\u0001\\u007F\n");
    check_puts("", "", "=\n");
}
END_TEST

START_TEST(what_is_put_is_read_back)
{
    static const char *const pieces[] = {"a",
                                         " ",
                                         "\t",
                                         "\n",
                                         "\r",
                                         "\f",
                                         "\\",
                                         "=",
                                         ":",
                                         "#",
                                         "!",
                                         "u0041",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\x01",
                                         "~"};
    struct prng prng;
    prng_seed(&prng, 5);
    for (int round = 0; round < 5000; round++) {
        struct buf parts[2] = {{0}};
        for (int i = 0; i < 2; i++) {
            for (uint64_t n = prng_below(&prng, 8); n > 0; n--)
                buf_put_str(&parts[i], pieces[prng_below(&prng, ARRAY_LEN(pieces))]);
        }
        const char *key = buf_cstr(&parts[0]), *value = buf_cstr(&parts[1]);
        struct buf out = {0};
        struct properties props;
        properties_put(&out, key, value);
        properties_parse(buf_view(&out), &props);
        ck_assert_uint_eq(props.count, 1);
        ck_assert_str_eq(props.items[0].key, key);
        ck_assert_str_eq(props.items[0].value, value);
        properties_close(&props);
        buf_close(&out);
        buf_close(&parts[0]);
        buf_close(&parts[1]);
    }
}
END_TEST

START_TEST(text_may_be_cut_anywhere)
{
    static const char text[] = "# c\\\r\n a\\u00e9 \\\r\n : \\ud83d\\ude00\\\\\\\n\tb\\q\r\nc";
    for (size_t len = 0; len < sizeof text; len++) {
        /* An exact copy, so that the address sanitizer sees a read past its end. */
        uint8_t *cut = mem_dup(text, len);
        struct properties props;
        properties_parse(view_of(cut, len), &props);
        properties_close(&props);
        free(cut);
    }
    struct properties props;
    properties_parse(VIEW_NULL, &props);
    ck_assert_uint_eq(props.count, 0);
    properties_close(&props);
}
END_TEST

Suite *properties_suite(void)
{
    Suite *suite = suite_create("properties");
    TCase *tc = tcase_create("properties");
    tcase_add_test(tc, separators_are_equals_colon_and_blanks);
    tcase_add_test(tc, value_keeps_trailing_blanks_and_later_comment_signs);
    tcase_add_test(tc, comments_and_blank_lines_are_skipped);
    tcase_add_test(tc, line_ends_may_be_of_any_system);
    tcase_add_test(tc, odd_backslashes_continue_the_line);
    tcase_add_test(tc, lone_backslash_at_the_end_is_an_empty_key_as_in_java);
    tcase_add_test(tc, escapes_are_undone);
    tcase_add_test(tc, unicode_escapes_become_utf8);
    tcase_add_test(tc, bytes_are_latin1);
    tcase_add_test(tc, items_know_their_lines);
    tcase_add_test(tc, get_returns_the_last_value);
    tcase_add_test(tc, put_escapes_as_java_does);
    tcase_add_test(tc, what_is_put_is_read_back);
    tcase_add_test(tc, text_may_be_cut_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}
