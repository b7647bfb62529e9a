/*
 * What Java's SimpleDateFormat and Duration.parse make of these texts; the numbers were printed by them. Ours
 * differs in two: "-0130" is more than an hour, and nothing may follow the zone.
 */
#include <string.h>

#include "base/mem.h"
#include "cli/java_time.h"
#include "suites.h"

START_TEST(datetimes_are_utc_unless_a_zone_follows)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00.000", 0},
        {"1970-01-01T00:00:00.000Z", 0},
        {"2020-02-29T23:59:59.999", 1583020799999},
        {"2026-11-27T23:56:06.123+01:00", 1795820166123},
        {"2026-11-27T23:56:06.123-0130", 1795829166123},
        {"2026-11-27T23:56:06.123+01", 1795820166123},
        {"1969-12-31T23:59:59.999", -1},
        {"2000-1-2T3:4:5.6", 946782245006},
        {"2400-02-29T00:00:00.000", 13574563200000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 1;
        struct errmsg why;
        ck_assert_msg(java_parse_datetime(cases[i].text, &ms, &why), "%s: %s", cases[i].text, why.text);
        ck_assert_int_eq(ms, cases[i].ms);
    }
}
END_TEST

START_TEST(what_is_no_datetime_is_refused_in_javas_words)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"yesterday",
         "java.text.ParseException: Error parsing timestamp. It does not contain a 'T' according to "
         "ISO8601 format"},
        {"2020-01-01",
         "java.text.ParseException: Error parsing timestamp. It does not contain a 'T' according to "
         "ISO8601 format"},
        {"2020-01-01T00:00:00", "java.text.ParseException: Unparseable date: \"2020-01-01T00:00:00Z\""},
        {"2020-13-01T00:00:00.000",
         "java.text.ParseException: Unparseable date: \"2020-13-01T00:00:00.000Z\""},
        {"2021-02-29T00:00:00.000Z",
         "java.text.ParseException: Unparseable date: \"2021-02-29T00:00:00.000Z\""},
        {"2020-01-01T24:00:00.000Z",
         "java.text.ParseException: Unparseable date: \"2020-01-01T24:00:00.000Z\""},
        {"2020-01-01T00:00:00.000+25",
         "java.text.ParseException: Unparseable date: \"2020-01-01T00:00:00.000+25\""},
        {"2020-01-01T00:00:00.000Z!",
         "java.text.ParseException: Unparseable date: \"2020-01-01T00:00:00.000Z!\""},
        {"99999999999-01-01T00:00:00.000Z",
         "java.text.ParseException: Unparseable date: \"99999999999-01-01T00:00:00.000Z\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms;
        struct errmsg why;
        ck_assert_msg(!java_parse_datetime(cases[i].text, &ms, &why), "%s", cases[i].text);
        ck_assert_str_eq(why.text, cases[i].words);
    }
}
END_TEST

START_TEST(durations_are_those_of_iso_8601)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"PT0S", 0},
        {"P1D", 86400000},
        {"p1dt2h3m4.5s", 93784500},
        {"PT-6H+3M", -21420000},
        {"-P1DT1S", -86401000},
        {"-PT-1S", 1000},
        {"PT1.S", 1000},
        {"PT-0,25S", -250},
        {"PT90M", 5400000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 1;
        struct errmsg why;
        ck_assert_msg(java_parse_duration(cases[i].text, &ms, &why), "%s: %s", cases[i].text, why.text);
        ck_assert_int_eq(ms, cases[i].ms);
    }
}
END_TEST

START_TEST(what_is_no_duration_is_refused)
{
    static const char *const texts[] = {
        "",       "P",     "PT",    "P1",  "1D",    "P1H",   "PT1D", "P1DT",           "PT1S1M",
        "PT1.5M", "PT1H ", "P1D1D", "PTS", "P--1D", "PT1SX", "P1W",  "PT1.0123456789S"};
    int64_t ms;
    struct errmsg why;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(!java_parse_duration(texts[i], &ms, &why), "%s", texts[i]);
        ck_assert_str_eq(why.text, "Text cannot be parsed to a Duration");
    }
    static const char *const large[] = {"P9223372036854775807D", "PT99999999999999999999S",
                                        "P106751991167D"
                                        "T99999999999H"};
    for (size_t i = 0; i < ARRAY_LEN(large); i++) {
        ck_assert(!java_parse_duration(large[i], &ms, &why));
        ck_assert_str_eq(why.text, "Text cannot be parsed to a Duration: overflow");
    }
}
END_TEST

Suite *java_time_suite(void)
{
    Suite *suite = suite_create("java_time");
    TCase *tcase = tcase_create("java_time");
    tcase_add_test(tcase, datetimes_are_utc_unless_a_zone_follows);
    tcase_add_test(tcase, what_is_no_datetime_is_refused_in_javas_words);
    tcase_add_test(tcase, durations_are_those_of_iso_8601);
    tcase_add_test(tcase, what_is_no_duration_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
