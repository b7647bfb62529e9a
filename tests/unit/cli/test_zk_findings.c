#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/zk_findings.h"
#include "suites.h"

static struct arena arena;

static struct zk_findings some(void)
{
    struct zk_findings findings = {.arena = &arena};
    zk_findings_add(&findings, ZNODE_ERROR, "r1", "/a", "mend it", "has %d", 5);
    zk_findings_add(&findings, ZNODE_NOTE, "r2", "/b\n", NULL, "line\nbreak \xff");
    return findings;
}

static char *printed(void (*print)(const struct zk_findings *, int, FILE *),
                     const struct zk_findings *findings)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    print(findings, 7, to);
    fclose(to);
    return text;
}

START_TEST(a_finding_is_one_line_whatever_bytes_it_holds)
{
    struct zk_findings findings = some();
    char *text = printed(zk_findings_print_text, &findings);
    ck_assert_str_eq(text, "error /a: has 5; mend it\n"
                           "note /b?: line?break \xff\n"
                           "1 error, 1 note in 7 znodes\n");
    free(text);
    zk_findings_close(&findings);
    text = printed(zk_findings_print_text, &findings);
    ck_assert_str_eq(text, "0 errors, 0 notes in 7 znodes\n");
    free(text);
    arena_close(&arena);
}
END_TEST

START_TEST(the_json_is_json_whatever_bytes_it_holds)
{
    struct zk_findings findings = some();
    char *text = printed(zk_findings_print_json, &findings);
    json_t *root = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "errors")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "notes")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "znodes")), 7);
    const json_t *item = json_array_get(json_object_get(root, "findings"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(item, "what")), "line\nbreak ?");
    ck_assert(json_is_null(json_object_get(item, "remedy")));
    json_decref(root);
    free(text);
    zk_findings_close(&findings);
    arena_close(&arena);
}
END_TEST

START_TEST(an_error_counts_when_two_readings_have_it)
{
    struct zk_findings before = some(), now = some();
    ck_assert(zk_findings_are_confirmed(&now, &before));
    zk_findings_add(&now, ZNODE_ERROR, "r1", "/c", NULL, "has 5");
    zk_findings_add(&now, ZNODE_NOTE, "r3", "/c", NULL, "new");
    ck_assert(!zk_findings_are_confirmed(&now, &before));
    zk_findings_keep_confirmed(&now, &before);
    ck_assert_int_eq(zk_findings_errors(&now), 1);
    ck_assert_int_eq(now.count, 3);
    ck_assert(zk_findings_are_confirmed(&now, &before));
    struct zk_findings none = {.arena = &arena};
    zk_findings_keep_confirmed(&now, &none);
    ck_assert_int_eq(zk_findings_errors(&now), 0);
    zk_findings_close(&before);
    zk_findings_close(&now);
    arena_close(&arena);
}
END_TEST

Suite *zk_findings_suite(void)
{
    Suite *suite = suite_create("zk_findings");
    TCase *tc = tcase_create("zk_findings");
    tcase_add_test(tc, a_finding_is_one_line_whatever_bytes_it_holds);
    tcase_add_test(tc, the_json_is_json_whatever_bytes_it_holds);
    tcase_add_test(tc, an_error_counts_when_two_readings_have_it);
    suite_add_tcase(suite, tc);
    return suite;
}
