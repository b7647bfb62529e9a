#include "cli/topic_filter.h"

#include <string.h>

#include "base/mem.h"
#include "suites.h"

static struct errmsg why;

static bool matches(const char *text, const char *topic)
{
    struct topic_filter filter;
    ck_assert_msg(topic_filter_open(&filter, text, false, &why), "%s: %s", text, why.text);
    bool found = topic_filter_matches(&filter, view_str(topic));
    topic_filter_close(&filter);
    return found;
}

START_TEST(the_whole_name_must_match)
{
    ck_assert(matches("orders", "orders"));
    ck_assert(!matches("orders", "orders-2"));
    ck_assert(!matches("rders", "orders"));
    ck_assert(matches("orders.*", "orders-2"));
    ck_assert(matches("a|bc", "bc"));
    ck_assert(!matches("a|bc", "abc"));
    ck_assert(matches("a.c", "abc"));
    ck_assert(!matches("a\\.c", "abc"));
    ck_assert(matches("a\\.c", "a.c"));
}
END_TEST

START_TEST(commas_mean_or_and_quotes_and_blanks_are_dropped)
{
    ck_assert(matches("a, b", "b"));
    ck_assert(matches("\"a\"", "a"));
    ck_assert(matches("'a,b'", "a"));
}
END_TEST

START_TEST(shorthands_of_java_are_understood)
{
    ck_assert(matches("t\\d+", "t42"));
    ck_assert(!matches("t\\d+", "tx"));
    ck_assert(matches("[\\w.]+", "a_b.c"));
    ck_assert(matches("(?:a|b)c", "bc"));
}
END_TEST

START_TEST(what_only_java_has_is_refused)
{
    static const char *const bad[] = {"(?i)a", "(?=a)", "\\bfoo", "a\\Q", "(", "[a"};
    struct topic_filter filter;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        why.text[0] = '\0';
        ck_assert_msg(!topic_filter_open(&filter, bad[i], false, &why), "%s", bad[i]);
        ck_assert_uint_gt(strlen(why.text), 0);
        topic_filter_close(&filter);
    }
}
END_TEST

START_TEST(internal_topics_can_be_left_out)
{
    struct topic_filter filter;
    ck_assert(topic_filter_open(&filter, NULL, true, &why));
    ck_assert(!topic_filter_matches(&filter, VIEW_LIT("__consumer_offsets")));
    ck_assert(topic_filter_matches(&filter, VIEW_LIT("__mine")));
    topic_filter_close(&filter);
}
END_TEST

Suite *topic_filter_suite(void)
{
    Suite *suite = suite_create("topic_filter");
    TCase *tc = tcase_create("topic_filter");
    tcase_add_test(tc, the_whole_name_must_match);
    tcase_add_test(tc, commas_mean_or_and_quotes_and_blanks_are_dropped);
    tcase_add_test(tc, shorthands_of_java_are_understood);
    tcase_add_test(tc, what_only_java_has_is_refused);
    tcase_add_test(tc, internal_topics_can_be_left_out);
    suite_add_tcase(suite, tc);
    return suite;
}
