#include "service/mover/move_plan.h"

#include "suites.h"

#define NOT_CUT INT64_MAX

static void expect(struct move_sides sides, enum move_next next, int64_t offset)
{
    struct move_plan plan = move_plan(&sides);
    ck_assert_int_eq(plan.next, next);
    ck_assert_int_eq(plan.offset, offset);
}

START_TEST(an_empty_copy_is_filled_from_where_it_ends)
{
    expect((struct move_sides){0, 100, 0, 0, NOT_CUT, 0}, MOVE_COPY, 0);
    expect((struct move_sides){0, 100, 0, 40, NOT_CUT, 40}, MOVE_COPY, 40);
    expect((struct move_sides){7, 100, 7, 7, NOT_CUT, 7}, MOVE_COPY, 7);
}
END_TEST

START_TEST(a_copy_with_the_same_ends_has_caught_up)
{
    expect((struct move_sides){0, 100, 0, 100, NOT_CUT, 100}, MOVE_CAUGHT_UP, 100);
    expect((struct move_sides){100, 100, 100, 100, NOT_CUT, 100}, MOVE_CAUGHT_UP, 100);
    expect((struct move_sides){0, 0, 0, 0, NOT_CUT, 0}, MOVE_CAUGHT_UP, 0);
}
END_TEST

START_TEST(what_was_cut_from_the_log_is_cut_from_the_copy)
{
    expect((struct move_sides){0, 50, 0, 80, 50, 80}, MOVE_CUT, 50);
    expect((struct move_sides){0, 200, 0, 80, 50, 80}, MOVE_CUT, 50); /* and written over */
    expect((struct move_sides){0, 200, 0, 50, 50, 50}, MOVE_COPY, 50);
    expect((struct move_sides){0, 50, 0, 80, NOT_CUT, 80}, MOVE_CUT, 50);
}
END_TEST

START_TEST(a_copy_is_cut_where_its_epochs_part_from_the_log)
{
    expect((struct move_sides){0, 200, 0, 80, NOT_CUT, 60}, MOVE_CUT, 60);
    expect((struct move_sides){0, 200, 0, 80, 70, 60}, MOVE_CUT, 60);
    expect((struct move_sides){0, 200, 0, 80, 55, 60}, MOVE_CUT, 55);
}
END_TEST

START_TEST(a_start_that_rose_is_followed)
{
    expect((struct move_sides){30, 100, 0, 60, NOT_CUT, 60}, MOVE_RAISE_START, 30);
    expect((struct move_sides){60, 100, 0, 60, NOT_CUT, 60}, MOVE_RAISE_START, 60);
}
END_TEST

START_TEST(a_copy_that_ends_below_the_log_begins_anew)
{
    expect((struct move_sides){61, 100, 0, 60, NOT_CUT, 60}, MOVE_START_AT, 61);
    expect((struct move_sides){30, 100, 0, 60, 20, 60}, MOVE_START_AT, 30);
    expect((struct move_sides){30, 100, 0, 60, NOT_CUT, 10}, MOVE_START_AT, 30);
}
END_TEST

START_TEST(a_copy_that_begins_behind_the_log_begins_anew)
{
    expect((struct move_sides){10, 40, 30, 60, 10, 60}, MOVE_START_AT, 10);
    expect((struct move_sides){10, 10, 30, 30, 10, 30}, MOVE_START_AT, 10);
    expect((struct move_sides){10, 100, 30, 60, NOT_CUT, 60}, MOVE_START_AT, 10);
}
END_TEST

START_TEST(every_pair_of_logs_becomes_the_same_in_a_few_steps)
{
    for (int64_t start = 0; start <= 3; start++)
        for (int64_t end = start; end <= 5; end++)
            for (int64_t future_start = 0; future_start <= 5; future_start++)
                for (int64_t future_end = future_start; future_end <= 6; future_end++)
                    for (int64_t cut_to = 0; cut_to <= 6; cut_to++) {
                        struct move_sides sides = {start, end, future_start, future_end, cut_to, future_end};
                        struct move_plan plan = move_plan(&sides);
                        int steps = 0;
                        for (; plan.next != MOVE_CAUGHT_UP && steps < 5; steps++) {
                            if (plan.next == MOVE_START_AT)
                                sides.future_start = sides.future_end = plan.offset;
                            else if (plan.next == MOVE_CUT)
                                sides.future_end = plan.offset;
                            else if (plan.next == MOVE_RAISE_START)
                                sides.future_start = plan.offset;
                            else
                                sides.future_end = sides.end;
                            sides.cut_to = INT64_MAX;
                            sides.parts_at = sides.future_end;
                            plan = move_plan(&sides);
                        }
                        ck_assert_int_lt(steps, 5);
                        ck_assert_int_eq(sides.future_start, start);
                        ck_assert_int_eq(sides.future_end, end);
                    }
}
END_TEST

Suite *move_plan_suite(void)
{
    Suite *suite = suite_create("service/mover/move_plan");
    TCase *tcase = tcase_create("plan");
    tcase_add_test(tcase, an_empty_copy_is_filled_from_where_it_ends);
    tcase_add_test(tcase, a_copy_with_the_same_ends_has_caught_up);
    tcase_add_test(tcase, what_was_cut_from_the_log_is_cut_from_the_copy);
    tcase_add_test(tcase, a_copy_is_cut_where_its_epochs_part_from_the_log);
    tcase_add_test(tcase, a_start_that_rose_is_followed);
    tcase_add_test(tcase, a_copy_that_ends_below_the_log_begins_anew);
    tcase_add_test(tcase, a_copy_that_begins_behind_the_log_begins_anew);
    tcase_add_test(tcase, every_pair_of_logs_becomes_the_same_in_a_few_steps);
    suite_add_tcase(suite, tcase);
    return suite;
}
