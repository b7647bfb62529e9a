#include <string.h>

#include "base/mem.h"
#include "cli/groups_csv.h"
#include "suites.h"

static struct arena arena;

static void expect_line(const char *group, const char *topic, const char *wanted)
{
    struct groups_csv_row row = {view_str(group), view_str(topic), 3, 42};
    struct buf out = {0};
    groups_csv_write(&row, group != NULL, &out);
    ck_assert_str_eq(buf_cstr(&out), wanted);
    buf_close(&out);
}

START_TEST(names_are_quoted_where_jackson_quotes_them)
{
    expect_line(NULL, "orders", "orders,3,42\n");
    expect_line("billing", "orders", "billing,orders,3,42\n");
    expect_line("two words", "a.b_c-d", "\"two words\",a.b_c-d,3,42\n");
    expect_line("a,b", "t", "\"a,b\",t,3,42\n");
    expect_line("say \"hi\"", "t", "\"say \"\"hi\"\"\",t,3,42\n");
    expect_line("back\\slash", "t", "\"back\\slash\",t,3,42\n");
    expect_line("24-characters-are-short.", "t", "24-characters-are-short.,t,3,42\n");
    expect_line("25-characters-are-quoted.", "t", "\"25-characters-are-quoted.\",t,3,42\n");
}
END_TEST

static int32_t read_rows(const char *text, const char *group, struct groups_csv_row **rows)
{
    int32_t count = -1;
    struct errmsg why = {0};
    ck_assert_msg(groups_csv_read(view_str(text), view_str(group), &arena, rows, &count, &why), "%s",
                  why.text);
    return count;
}

START_TEST(what_is_written_is_read_again)
{
    static const char *const groups[] = {"g",           "a,b",      "say \"hi\"",
                                         "back\\slash", " blanks ", "a-name-that-is-quoted-for-its-length"};
    struct buf out = {0};
    struct groups_csv_row *rows;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        groups_csv_write(&(struct groups_csv_row){view_str(groups[i]), VIEW_LIT("t"), (int32_t)i, INT64_MAX},
                         true, &out);
    ck_assert_int_eq(read_rows(buf_cstr(&out), NULL, &rows), ARRAY_LEN(groups));
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        ck_assert(view_equal_str(rows[i].group, groups[i]));
        ck_assert(view_equal_str(rows[i].topic, "t"));
        ck_assert_int_eq(rows[i].partition, (int32_t)i);
        ck_assert_int_eq(rows[i].offset, INT64_MAX);
    }
    buf_close(&out);
    arena_close(&arena);
}
END_TEST

START_TEST(three_columns_are_the_only_groups)
{
    struct groups_csv_row *rows;
    ck_assert_int_eq(read_rows("t,0,5\r\n\"u\", 1 , 7 \n\n\n", "g", &rows), 2);
    ck_assert(view_equal_str(rows[0].group, "g"));
    ck_assert_int_eq(rows[0].offset, 5);
    ck_assert(view_equal_str(rows[1].topic, "u"));
    ck_assert_int_eq(rows[1].partition, 1);
    ck_assert_int_eq(rows[1].offset, 7);
    ck_assert_int_eq(read_rows("other,t,0,5\n", "g", &rows), 1);
    ck_assert(view_equal_str(rows[0].group, "other"));
    ck_assert_int_eq(read_rows("", "g", &rows), 0);
    arena_close(&arena);
}
END_TEST

START_TEST(bad_lines_are_named)
{
    static const struct {
        const char *text, *group, *words;
    } cases[] = {
        {"t,0\n", "g", "line 1: topic,partition,offset is expected, and 2 columns were found"},
        {"t,0,1\nt,0,1,2\n", "g", "line 2: topic,partition,offset is expected, and 4 columns were found"},
        {"t,0,1", NULL, "line 1: group,topic,partition,offset is expected, and 3 columns were found"},
        {"g,t,0,1,2", NULL,
         "line 1: group,topic,partition,offset is expected, and more than 4 columns were found"},
        {"t,-1,1", "g", "line 1: '-1' is no partition"},
        {"t,2147483648,1", "g", "line 1: '2147483648' is no partition"},
        {"t,0,9223372036854775808", "g", "line 1: '9223372036854775808' is no offset"},
        {"t,0,", "g", "line 1: '' is no offset"},
        {",0,1", "g", "line 1: the topic is missing"},
        {",t,0,1", NULL, "line 1: the group is missing"},
        {"\"t,0,1", "g", "line 1: a quote is not closed"},
        {"\"t\"x,0,1", "g", "line 1: a quote is not closed"},
        {"\n", "g", NULL},
        {"t,0,1\n\nt,0,1", "g", "line 2: topic,partition,offset is expected, and 1 column was found"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct groups_csv_row *rows;
        int32_t count;
        struct errmsg why = {0};
        bool fine =
            groups_csv_read(view_str(cases[i].text), view_str(cases[i].group), &arena, &rows, &count, &why);
        ck_assert_msg(fine == (cases[i].words == NULL), "%s", cases[i].text);
        if (!fine)
            ck_assert_str_eq(why.text, cases[i].words);
    }
    arena_close(&arena);
}
END_TEST

Suite *groups_csv_suite(void)
{
    Suite *suite = suite_create("groups_csv");
    TCase *tcase = tcase_create("groups_csv");
    tcase_add_test(tcase, names_are_quoted_where_jackson_quotes_them);
    tcase_add_test(tcase, what_is_written_is_read_again);
    tcase_add_test(tcase, three_columns_are_the_only_groups);
    tcase_add_test(tcase, bad_lines_are_named);
    suite_add_tcase(suite, tcase);
    return suite;
}
