#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "suites.h"

enum { FLAG, NAME, COUNT, BIG, MAYBE, MANY, OPTION_COUNT };

static const struct option_spec specs[OPTION_COUNT] = {
    [FLAG] = {"flag", OPTION_FLAG, false, NULL, "A flag."},
    [NAME] = {"name", OPTION_TEXT, false, "text", "A text."},
    [COUNT] = {"count", OPTION_INT, false, "number", "A number."},
    [BIG] = {"big", OPTION_LONG, false, "number", "A large number."},
    [MAYBE] = {"maybe", OPTION_MAYBE_TEXT, false, "text", "A text that may be left out."},
    [MANY] = {"many", OPTION_TEXT, true, "text", "A text, many times."},
};

static struct options opts;
static struct errmsg why;

/* Splits at blanks; the words live until the next call. */
static bool parse(const char *line)
{
    static char text[200];
    static char *argv[20];
    int argc = 0;
    options_close(&opts);
    why.text[0] = '\0';
    ck_assert(strlen(line) < sizeof text);
    memcpy(text, line, strlen(line) + 1);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    return options_parse(&opts, specs, OPTION_COUNT, argc, argv, &why);
}

static void close_options(void)
{
    options_close(&opts);
}

START_TEST(values_follow_a_blank_or_an_equals_sign)
{
    ck_assert(parse("--name a --count=7 --flag"));
    ck_assert_str_eq(options_text(&opts, NAME), "a");
    ck_assert_int_eq(options_number(&opts, COUNT, -1), 7);
    ck_assert(options_has(&opts, FLAG));
    ck_assert(!options_has(&opts, BIG));
    ck_assert_int_eq(options_number(&opts, BIG, -5), -5);
}
END_TEST

START_TEST(one_dash_is_as_good_as_two)
{
    ck_assert(parse("-name a"));
    ck_assert_str_eq(options_text(&opts, NAME), "a");
}
END_TEST

START_TEST(names_are_not_abbreviated)
{
    ck_assert(!parse("--nam a"));
    ck_assert_str_eq(why.text, "nam is not a recognized option");
}
END_TEST

START_TEST(a_value_may_begin_with_a_dash)
{
    ck_assert(parse("--count -1 --name --flag"));
    ck_assert_int_eq(options_number(&opts, COUNT, 0), -1);
    ck_assert_str_eq(options_text(&opts, NAME), "--flag");
    ck_assert(!options_has(&opts, FLAG));
}
END_TEST

START_TEST(a_missing_value_is_refused)
{
    ck_assert(!parse("--flag --name"));
    ck_assert_str_eq(why.text, "Option name requires an argument");
}
END_TEST

START_TEST(a_value_that_may_be_left_out_is_taken_when_it_is_no_option)
{
    ck_assert(parse("--maybe zstd"));
    ck_assert_str_eq(options_text(&opts, MAYBE), "zstd");
    ck_assert(parse("--maybe --flag"));
    ck_assert(options_has(&opts, MAYBE));
    ck_assert_ptr_null(options_text(&opts, MAYBE));
    ck_assert(options_has(&opts, FLAG));
}
END_TEST

START_TEST(numbers_are_checked)
{
    static const char *const bad[] = {"--count x", "--count 1x", "--count 2147483648", "--big 1.5",
                                      "--big 9223372036854775808"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!parse(bad[i]), "%s", bad[i]);
    ck_assert_str_eq(why.text, "Cannot parse argument '9223372036854775808' of option big");
    ck_assert(parse("--big 9223372036854775807"));
    ck_assert_int_eq(options_number(&opts, BIG, 0), INT64_MAX);
}
END_TEST

START_TEST(an_option_is_repeated_only_where_that_has_a_meaning)
{
    ck_assert(parse("--many a --many b"));
    ck_assert_int_eq(options_count(&opts, MANY), 2);
    ck_assert_str_eq(options_at(&opts, MANY, 1), "b");
    ck_assert(!parse("--name a --name b"));
    ck_assert_str_eq(why.text, "Found multiple arguments for option name, but you asked for only one");
}
END_TEST

START_TEST(what_is_no_option_is_passed_over_and_two_dashes_end_them)
{
    ck_assert(parse("word --flag other -- --name"));
    ck_assert(options_has(&opts, FLAG));
    ck_assert(!options_has(&opts, NAME));
}
END_TEST

START_TEST(required_and_excluded_options_are_named_as_kafka_does)
{
    ck_assert(parse("--flag --count 1"));
    ck_assert(!options_require(&opts, NAME, &why));
    ck_assert_str_eq(why.text, "Missing required argument \"[name]\"");
    ck_assert(!options_exclude(&opts, COUNT, FLAG, &why));
    ck_assert_str_eq(why.text, "Option \"[count]\" can't be used with option \"[flag]\"");
    ck_assert(options_exclude(&opts, COUNT, NAME, &why));
}
END_TEST

START_TEST(the_table_is_sorted_and_wrapped)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    ck_assert(parse("--flag"));
    options_print_table(&opts, to);
    fclose(to);
    ck_assert_ptr_nonnull(strstr(text, "\n--big <Long: number>                     A large number.\n"
                                       "--count <Integer: number>"));
    ck_assert_ptr_nonnull(
        strstr(text, "\n--maybe [String: text]                   A text that may be left out.\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n--flag                                   A flag.\n"));
    free(text);
}
END_TEST

Suite *options_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = tcase_create("options");
    tcase_add_checked_fixture(tc, NULL, close_options);
    tcase_add_test(tc, values_follow_a_blank_or_an_equals_sign);
    tcase_add_test(tc, one_dash_is_as_good_as_two);
    tcase_add_test(tc, names_are_not_abbreviated);
    tcase_add_test(tc, a_value_may_begin_with_a_dash);
    tcase_add_test(tc, a_missing_value_is_refused);
    tcase_add_test(tc, a_value_that_may_be_left_out_is_taken_when_it_is_no_option);
    tcase_add_test(tc, numbers_are_checked);
    tcase_add_test(tc, an_option_is_repeated_only_where_that_has_a_meaning);
    tcase_add_test(tc, what_is_no_option_is_passed_over_and_two_dashes_end_them);
    tcase_add_test(tc, required_and_excluded_options_are_named_as_kafka_does);
    tcase_add_test(tc, the_table_is_sorted_and_wrapped);
    suite_add_tcase(suite, tc);
    return suite;
}
