/* Whole compactions of small logs: what is there afterwards. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "compact_rig.h"

static struct compact_rig rig;
static const struct rig_set plain;

static void setup(void)
{
    compact_rig_init(&rig);
}

static void teardown(void)
{
    compact_rig_close(&rig);
}

static void expect(bool read_committed, const char *records)
{
    char *text = compact_rig_text(&rig, read_committed);
    ck_assert_str_eq(text, records);
    free(text);
}

static void seal(void)
{
    compact_rig_settle(&rig, true);
}

static void later(int64_t ms)
{
    rig.rig.now_ms += ms;
    crash_disk_set_now_ms(rig.rig.mem, rig.rig.now_ms);
}

START_TEST(of_every_key_the_newest_record_stays)
{
    compact_rig_append(&rig, &plain, "a=1 b=1 c=1");
    compact_rig_append(&rig, &plain, "a=2");
    seal();
    compact_rig_append(&rig, &plain, "b=2 d=1");
    seal();
    compact_rig_append(&rig, &plain, "a=3");
    compact_rig_settle(&rig, false);
    compact_rig_run(&rig);
    expect(false, "2:c=1 3:a=2 4:b=2 5:d=1 6:a=3");
    ck_assert_int_eq(rig.next_dirty, 6);
    ck_assert_int_eq(log_segment_count(rig.rig.log), 2);
    ck_assert_int_eq(log_end(rig.rig.log).offset, 7);
}
END_TEST

Suite *compact_suite(void)
{
    Suite *suite = suite_create("compact");
    TCase *tc = tcase_create("whole");
    tcase_add_checked_fixture(tc, setup, teardown);
    (void)later;
    tcase_add_test(tc, of_every_key_the_newest_record_stays);
    suite_add_tcase(suite, tc);
    return suite;
}
