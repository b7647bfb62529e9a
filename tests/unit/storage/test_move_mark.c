#include "storage/move_mark.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state_helpers.h"
#include "state_suites.h"

static struct testdir t;
static struct move_mark mark;
static struct errmsg why;

static const struct uuid ID = {.bytes = {1, 2, 3, 4}};
static const struct uuid OTHER_ID = {.bytes = {9}};

static void setup(void)
{
    testdir_open(&t);
    testdir_mkdir(&t, "a-0");
    mark = (struct move_mark){0};
}

static void teardown(void)
{
    move_mark_close(&mark);
    testdir_close(&t);
}

static enum err write_mark(enum move_mark_state state, char *other)
{
    struct move_mark text = {.state = state, .id = ID, .other = other};
    return move_mark_write(t.disk, testdir_path(&t, "a-0"), &text, &why);
}

static enum err read_mark(void)
{
    move_mark_close(&mark);
    return move_mark_read(t.disk, testdir_path(&t, "a-0"), &mark, &why);
}

START_TEST(a_mark_is_read_as_it_was_written)
{
    char path[] = "/data one/b=c:#\\d";
    for (int state = MOVE_MARK_PENDING; state <= MOVE_MARK_VOID; state++) {
        ck_assert_int_eq(write_mark((enum move_mark_state)state, path), ERR_NONE);
        ck_assert_int_eq(read_mark(), ERR_NONE);
        ck_assert_int_eq(mark.state, state);
        ck_assert(uuid_equal(mark.id, ID));
        ck_assert_str_eq(mark.other, path);
    }
}
END_TEST

START_TEST(no_file_is_no_mark)
{
    ck_assert_int_eq(read_mark(), ERR_NONE);
    ck_assert_int_eq(mark.state, MOVE_MARK_NONE);
    ck_assert_int_eq(move_mark_remove(t.disk, testdir_path(&t, "a-0"), &why), ERR_NONE);
}
END_TEST

START_TEST(a_mark_that_was_removed_is_none)
{
    char path[] = "/b";
    ck_assert_int_eq(write_mark(MOVE_MARK_PENDING, path), ERR_NONE);
    ck_assert_int_eq(move_mark_remove(t.disk, testdir_path(&t, "a-0"), &why), ERR_NONE);
    ck_assert_int_eq(read_mark(), ERR_NONE);
    ck_assert_int_eq(mark.state, MOVE_MARK_NONE);
}
END_TEST

START_TEST(a_damaged_mark_is_an_error_that_names_the_file)
{
    static const char *const texts[] = {
        "",
        "version=1\nstate=pending\nid=AQIDBAAAAAAAAAAAAAAAAA\nother=/b\n",
        "version=0\nstate=perhaps\nid=AQIDBAAAAAAAAAAAAAAAAA\nother=/b\n",
        "version=0\nstate=pending\nid=x\nother=/b\n",
        "version=0\nstate=pending\nid=AQIDBAAAAAAAAAAAAAAAAA\n",
        "version=0\nstate=pending\nid=AQIDBAAAAAAAAAAAAAAAAA\nother=\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        testdir_put_str(&t, "a-0/barnabas.move", texts[i]);
        ck_assert_int_eq(read_mark(), ERR_CORRUPT_FILE);
        ck_assert_ptr_nonnull(strstr(why.text, "a-0/barnabas.move"));
    }
}
END_TEST

START_TEST(a_mark_that_cannot_be_written_is_an_error)
{
    char path[] = "/b";
    static const enum fault_op ops[] = {FAULT_OPEN, FAULT_WRITE, FAULT_SYNC, FAULT_RENAME, FAULT_SYNC_DIR};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        fault_disk_fail(t.disk, ops[i], 0, 1, ERR_IO);
        ck_assert_int_ne(write_mark(MOVE_MARK_PENDING, path), ERR_NONE);
    }
    ck_assert_int_eq(write_mark(MOVE_MARK_PENDING, path), ERR_NONE);
}
END_TEST

/* --- which counts ------------------------------------------------------------------------------------ */

static char A[] = "/a", B[] = "/b", C[] = "/c";

static enum move_dir_state all_live(const void *arg, const char *path)
{
    return arg && strcmp(arg, path) == 0 ? MOVE_DIR_OFFLINE : MOVE_DIR_LIVE;
}

static enum move_dir_state none_known(const void *arg, const char *path)
{
    (void)arg;
    (void)path;
    return MOVE_DIR_UNKNOWN;
}

static struct move_place place(const char *log_dir, enum move_mark_state state, char *other)
{
    return (struct move_place){.log_dir = log_dir, .mark = {.state = state, .id = ID, .other = other}};
}

START_TEST(without_marks_all_are_served)
{
    struct move_place places[] = {place(A, MOVE_MARK_NONE, NULL), place(B, MOVE_MARK_NONE, NULL)};
    move_marks_judge(places, 2, all_live, NULL);
    ck_assert_int_eq(places[0].verdict, MOVE_SERVE);
    ck_assert_int_eq(places[1].verdict, MOVE_SERVE);
}
END_TEST

START_TEST(after_a_crash_between_the_renames_the_new_one_counts)
{
    struct move_place places[] = {place(A, MOVE_MARK_NONE, NULL), place(B, MOVE_MARK_PENDING, A)};
    move_marks_judge(places, 2, all_live, NULL);
    ck_assert_int_eq(places[0].verdict, MOVE_STALE);
    ck_assert_int_eq(places[1].verdict, MOVE_SERVE);
}
END_TEST

START_TEST(a_swap_that_was_given_up_leaves_the_old_one)
{
    struct move_place places[] = {place(A, MOVE_MARK_VOID, B), place(B, MOVE_MARK_PENDING, A)};
    move_marks_judge(places, 2, all_live, NULL);
    ck_assert_int_eq(places[0].verdict, MOVE_SERVE);
    ck_assert_int_eq(places[1].verdict, MOVE_STALE);
}
END_TEST

START_TEST(what_was_given_up_earlier_does_not_concern_a_later_swap)
{
    struct move_place places[] = {place(A, MOVE_MARK_VOID, B), place(B, MOVE_MARK_PENDING, A)};
    places[0].mark.id = OTHER_ID;
    move_marks_judge(places, 2, all_live, NULL);
    ck_assert_int_eq(places[0].verdict, MOVE_STALE);
    ck_assert_int_eq(places[1].verdict, MOVE_SERVE);
}
END_TEST

START_TEST(one_whose_origin_failed_goes_on_and_counts_when_that_is_back)
{
    struct move_place places[] = {place(A, MOVE_MARK_NONE, NULL), place(B, MOVE_MARK_WON, A)};
    move_marks_judge(&places[1], 1, all_live, A);
    ck_assert_int_eq(places[1].verdict, MOVE_SERVE);
    move_marks_judge(places, 2, all_live, NULL);
    ck_assert_int_eq(places[0].verdict, MOVE_STALE);
    ck_assert_int_eq(places[1].verdict, MOVE_SERVE);
}
END_TEST

START_TEST(a_pending_one_is_not_trusted_while_its_origin_cannot_be_looked_at)
{
    struct move_place one = place(B, MOVE_MARK_PENDING, A);
    move_marks_judge(&one, 1, all_live, A);
    ck_assert_int_eq(one.verdict, MOVE_UNSURE);
    move_marks_judge(&one, 1, all_live, NULL); /* it is back, without the partition: the swap was over */
    ck_assert_int_eq(one.verdict, MOVE_SERVE);
    move_marks_judge(&one, 1, none_known, NULL); /* it was taken out of log.dirs */
    ck_assert_int_eq(one.verdict, MOVE_SERVE);
}
END_TEST

START_TEST(marks_that_claim_each_other_or_a_third_decide_nothing)
{
    struct move_place places[] = {place(A, MOVE_MARK_PENDING, B), place(B, MOVE_MARK_PENDING, A)};
    move_marks_judge(places, 2, all_live, NULL);
    ck_assert_int_eq(places[0].verdict, MOVE_SERVE);
    ck_assert_int_eq(places[1].verdict, MOVE_SERVE);
    struct move_place third[] = {place(A, MOVE_MARK_NONE, NULL), place(B, MOVE_MARK_WON, C)};
    move_marks_judge(third, 2, all_live, NULL);
    ck_assert_int_eq(third[0].verdict, MOVE_SERVE);
    ck_assert_int_eq(third[1].verdict, MOVE_SERVE);
}
END_TEST

Suite *move_mark_suite(void)
{
    Suite *suite = suite_create("storage/move_mark");
    TCase *file = tcase_create("file");
    tcase_add_checked_fixture(file, setup, teardown);
    tcase_add_test(file, a_mark_is_read_as_it_was_written);
    tcase_add_test(file, no_file_is_no_mark);
    tcase_add_test(file, a_mark_that_was_removed_is_none);
    tcase_add_test(file, a_damaged_mark_is_an_error_that_names_the_file);
    tcase_add_test(file, a_mark_that_cannot_be_written_is_an_error);
    suite_add_tcase(suite, file);
    TCase *verdict = tcase_create("verdict");
    tcase_add_test(verdict, without_marks_all_are_served);
    tcase_add_test(verdict, after_a_crash_between_the_renames_the_new_one_counts);
    tcase_add_test(verdict, a_swap_that_was_given_up_leaves_the_old_one);
    tcase_add_test(verdict, what_was_given_up_earlier_does_not_concern_a_later_swap);
    tcase_add_test(verdict, one_whose_origin_failed_goes_on_and_counts_when_that_is_back);
    tcase_add_test(verdict, a_pending_one_is_not_trusted_while_its_origin_cannot_be_looked_at);
    tcase_add_test(verdict, marks_that_claim_each_other_or_a_third_decide_nothing);
    suite_add_tcase(suite, verdict);
    return suite;
}
