#include "cli/line_reader.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/key_values.h"
#include "suites.h"

static struct properties props;
static struct line_format format;
static struct line_message message;
static struct buf problem;
static struct errmsg why;

static void clear(void)
{
    properties_close(&props);
    line_message_close(&message);
    buf_close(&problem);
}

static void set(const char *key, const char *value)
{
    key_values_add(&props, key, value);
}

static bool parse(const char *line)
{
    ck_assert(line_format_configure(&format, &props, &why));
    buf_clear(&problem);
    return line_format_parse(&format, view_str(line), 3, &message, &problem);
}

static void expect(struct view got, const char *wanted)
{
    if (wanted == NULL)
        ck_assert(view_is_null(got));
    else
        ck_assert_msg(view_equal_str(got, wanted), "'%.*s' is not '%s'", VIEW_FMT(got), wanted);
}

START_TEST(a_plain_line_is_a_value)
{
    ck_assert(parse("a\tb"));
    expect(message.key, NULL);
    expect(message.value, "a\tb");
    ck_assert_int_eq(message.header_count, 0);
}
END_TEST

START_TEST(a_key_ends_at_the_first_separator)
{
    set("parse.key", " TRUE ");
    ck_assert(parse("k\tv\tw"));
    expect(message.key, "k");
    expect(message.value, "v\tw");
    ck_assert(parse("\t"));
    expect(message.key, "");
    expect(message.value, "");
}
END_TEST

START_TEST(a_missing_separator_names_line_and_text)
{
    set("parse.key", "true");
    set("key.separator", "::");
    ck_assert(!parse("k:v"));
    ck_assert_str_eq(buf_cstr(&problem), "No key separator found on line number 3: 'k:v'");
    set("ignore.error", "true");
    ck_assert(parse("k:v"));
    expect(message.key, NULL);
    expect(message.value, "k:v");
}
END_TEST

START_TEST(headers_key_and_value_stand_in_this_order)
{
    set("parse.key", "true");
    set("parse.headers", "true");
    ck_assert(parse("h1:v1,h2:,h3:a:b,,\tk\tv"));
    ck_assert_int_eq(message.header_count, 3);
    expect(message.headers[0].key, "h1");
    expect(message.headers[0].value, "v1");
    expect(message.headers[1].value, "");
    expect(message.headers[2].value, "a:b");
    expect(message.key, "k");
    expect(message.value, "v");
    ck_assert(!parse("h1\tk\tv"));
    ck_assert_str_eq(buf_cstr(&problem), "No header key separator found in pair 'h1' on line number 3");
}
END_TEST

START_TEST(the_marker_stands_for_null)
{
    set("parse.key", "true");
    set("parse.headers", "true");
    set("null.marker", "NULL");
    ck_assert(parse("NULL\tNULL\tNULL"));
    ck_assert_int_eq(message.header_count, 0);
    expect(message.key, NULL);
    expect(message.value, NULL);
    ck_assert(parse("h:NULL\tk\tv"));
    expect(message.headers[0].value, NULL);
    ck_assert(!parse("NULL:v\tk\tv"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&problem), "null marker 'NULL'"));
}
END_TEST

START_TEST(separators_that_clash_are_refused)
{
    set("headers.separator", "\t");
    ck_assert(!line_format_configure(&format, &props, &why));
    ck_assert_str_eq(why.text, "headers.delimiter and headers.separator may not be equal");
    clear();
    set("null.marker", "\t");
    ck_assert(!line_format_configure(&format, &props, &why));
    ck_assert_str_eq(why.text, "null.marker and key.separator may not be equal");
}
END_TEST

/* The lines of `text` written in pieces of `step` bytes, joined by '|'. */
static void expect_lines(const char *text, size_t step, const char *wanted)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    for (size_t at = 0; at < strlen(text); at += step) {
        size_t len = strlen(text) - at < step ? strlen(text) - at : step;
        ck_assert_int_eq(write(ends[1], text + at, len), (ssize_t)len);
    }
    close(ends[1]);
    struct line_source source = {.fd = ends[0]};
    struct buf got = {0};
    struct view line;
    while (line_source_next(&source, &line, &why))
        buf_printf(&got, "%.*s|", VIEW_FMT(line));
    ck_assert_str_eq(buf_cstr(&got), wanted);
    line_source_close(&source);
    close(ends[0]);
    buf_close(&got);
}

START_TEST(lines_end_as_in_java)
{
    expect_lines("a\nb\r\nc\rd", 100, "a|b|c|d|");
    expect_lines("\n\r\n\r\r", 100, "||||");
    expect_lines("", 1, "");
    expect_lines("no end", 1, "no end|");
}
END_TEST

/* Reads of one byte each, so that every end is met across two reads. */
START_TEST(an_end_in_two_reads_is_one_end)
{
    int ends[2];
    struct line_source source = {0};
    struct view line;
    ck_assert_int_eq(pipe(ends), 0);
    source.fd = ends[0];
    ck_assert_int_eq(write(ends[1], "a\r", 2), 2);
    ck_assert(line_source_next(&source, &line, &why));
    expect(line, "a");
    ck_assert_int_eq(write(ends[1], "\nb\n", 3), 3);
    ck_assert(line_source_next(&source, &line, &why));
    expect(line, "b");
    close(ends[1]);
    ck_assert(!line_source_next(&source, &line, &why));
    line_source_close(&source);
    close(ends[0]);
}
END_TEST

Suite *line_reader_suite(void)
{
    Suite *suite = suite_create("line_reader");
    TCase *tc = tcase_create("line_reader");
    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, a_plain_line_is_a_value);
    tcase_add_test(tc, a_key_ends_at_the_first_separator);
    tcase_add_test(tc, a_missing_separator_names_line_and_text);
    tcase_add_test(tc, headers_key_and_value_stand_in_this_order);
    tcase_add_test(tc, the_marker_stands_for_null);
    tcase_add_test(tc, separators_that_clash_are_refused);
    tcase_add_test(tc, lines_end_as_in_java);
    tcase_add_test(tc, an_end_in_two_reads_is_one_end);
    suite_add_tcase(suite, tc);
    return suite;
}
