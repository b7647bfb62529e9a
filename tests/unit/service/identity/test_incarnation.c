/*
 * Whether a broker's data is what it was: what the files of its directories and ZooKeeper say.
 */
#include <string.h>

#include "service/identity/incarnation.h"
#include "suites.h"

#define BOOT "11111111-1111-1111-1111-111111111111"

static struct uuid id(char name)
{
    struct uuid out;
    memset(out.bytes, name, sizeof out.bytes);
    return out;
}

/* Two directories, p and q, of incarnation x, started five times, now after a clean stop and a reboot. */
static struct uuid both[2];
static struct incarnation_dir dirs[3];
static struct znode_incarnation known;

static void setup(void)
{
    both[0] = id('p');
    both[1] = id('q');
    for (int i = 0; i < 2; i++)
        dirs[i] = (struct incarnation_dir){.has_file = true,
                                           .clean = true,
                                           .file = {.incarnation = id('x'),
                                                    .directory = both[i],
                                                    .directories = both,
                                                    .directories_count = 2,
                                                    .starts = 5,
                                                    .boot_id = "another"}};
    dirs[2] = (struct incarnation_dir){0};
    known = (struct znode_incarnation){.id = id('x'), .starts = 5};
}

static struct incarnation_verdict judge(int count, int offline)
{
    return incarnation_judge(dirs, count, offline, &known, BOOT);
}

static void check_kept(struct incarnation_verdict verdict)
{
    ck_assert_msg(verdict.keep, "%s", verdict.reason);
}

static void check_lost(struct incarnation_verdict verdict, enum znode_loss loss, const char *reason)
{
    ck_assert(!verdict.keep);
    ck_assert_int_eq(verdict.loss, loss);
    ck_assert_str_eq(verdict.reason, reason);
}

START_TEST(first_start_loses_nothing)
{
    dirs[0].has_file = dirs[1].has_file = false;
    check_lost(incarnation_judge(dirs, 2, 0, NULL, BOOT), ZNODE_LOSS_NONE, "first start");
}
END_TEST

START_TEST(clean_stop_keeps_it_through_a_reboot)
{
    check_kept(judge(2, 0));
}
END_TEST

START_TEST(killed_process_keeps_it_in_the_same_boot)
{
    for (int i = 0; i < 2; i++) {
        dirs[i].clean = false;
        strcpy(dirs[i].file.boot_id, BOOT);
    }
    check_kept(judge(2, 0));
}
END_TEST

/* It wrote another incarnation down, for it had lost its tail, and ended before it registered with it. */
START_TEST(start_that_did_not_register_is_not_taken_for_other_data)
{
    for (int i = 0; i < 2; i++) {
        dirs[i].file.incarnation = id('y');
        dirs[i].file.replaces = id('x');
        dirs[i].file.loss = ZNODE_LOSS_TAIL;
        dirs[i].file.starts = 6;
    }
    check_kept(judge(2, 0));
    ck_assert_int_eq(incarnation_loss(&dirs[0].file, &known, ZNODE_LOSS_NONE), ZNODE_LOSS_TAIL);
    dirs[0].clean = dirs[1].clean = false;
    check_lost(judge(2, 0), ZNODE_LOSS_TAIL, "the machine went down while it ran");
    known.id = id('z');
    check_lost(judge(2, 0), ZNODE_LOSS_DATA, "its data is not what it was registered with last");
}
END_TEST

START_TEST(start_that_registered_has_no_more_to_say_of_what_was_lost)
{
    dirs[0].file.loss = ZNODE_LOSS_TAIL;
    ck_assert_int_eq(incarnation_loss(&dirs[0].file, &known, ZNODE_LOSS_NONE), ZNODE_LOSS_NONE);
}
END_TEST

START_TEST(unclean_end_in_another_boot_loses_the_tail)
{
    dirs[1].clean = false;
    check_lost(judge(2, 0), ZNODE_LOSS_TAIL, "the machine went down while it ran");
}
END_TEST

START_TEST(power_loss_that_the_session_record_knows_of_loses_the_tail)
{
    dirs[0].clean = false;
    strcpy(dirs[0].file.boot_id, BOOT);
    dirs[0].power_lost = true;
    check_lost(judge(2, 0), ZNODE_LOSS_TAIL, "the machine went down while it ran");
}
END_TEST

START_TEST(emptied_directory_loses_data)
{
    dirs[1].has_file = false;
    check_lost(judge(2, 0), ZNODE_LOSS_DATA, "a log directory is missing or was emptied");
}
END_TEST

START_TEST(directory_that_is_configured_no_more_loses_data)
{
    check_lost(judge(1, 0), ZNODE_LOSS_DATA, "a log directory is missing or was emptied");
}
END_TEST

START_TEST(directory_that_is_offline_may_come_back)
{
    check_kept(judge(1, 1));
}
END_TEST

START_TEST(emptied_one_is_found_beside_one_that_is_offline)
{
    dirs[1].has_file = false;
    struct uuid three[3] = {id('p'), id('q'), id('r')};
    dirs[0].file.directories = three;
    dirs[0].file.directories_count = 3;
    check_lost(judge(2, 1), ZNODE_LOSS_DATA, "a log directory is missing or was emptied");
}
END_TEST

START_TEST(all_emptied_lose_data)
{
    dirs[0].has_file = dirs[1].has_file = false;
    check_lost(judge(2, 0), ZNODE_LOSS_DATA, "no log directory is one of those it had");
}
END_TEST

START_TEST(new_directory_beside_all_the_old_ones_keeps_it)
{
    check_kept(judge(3, 0));
}
END_TEST

START_TEST(volume_that_was_rolled_back_loses_data)
{
    dirs[1].file.starts = 4;
    check_lost(judge(2, 0), ZNODE_LOSS_DATA, "a log directory is older than it was at the last start");
}
END_TEST

START_TEST(start_that_was_cut_before_it_registered_is_no_roll_back)
{
    dirs[0].file.starts = 6;
    check_kept(judge(2, 0));
}
END_TEST

START_TEST(directories_of_different_incarnations_lose_data)
{
    dirs[1].file.incarnation = id('y');
    check_lost(judge(2, 0), ZNODE_LOSS_DATA, "its log directories are of different times");
}
END_TEST

START_TEST(copy_of_a_directory_loses_data)
{
    dirs[1].file.directory = id('p');
    check_lost(judge(2, 0), ZNODE_LOSS_DATA, "two log directories are copies of one");
}
END_TEST

START_TEST(data_that_was_not_registered_last_is_not_trusted)
{
    known.id = id('y');
    check_lost(judge(2, 0), ZNODE_LOSS_DATA, "its data is not what it was registered with last");
}
END_TEST

START_TEST(zookeeper_that_knows_nothing_takes_what_there_is)
{
    check_kept(incarnation_judge(dirs, 2, 0, NULL, BOOT));
}
END_TEST

START_TEST(file_says_what_was_written)
{
    struct buf text = {0};
    struct incarnation_file got;
    incarnation_file_format(&dirs[1].file, &text);
    ck_assert(incarnation_file_parse(buf_view(&text), &got));
    ck_assert(uuid_equal(got.incarnation, id('x')));
    ck_assert(uuid_equal(got.directory, id('q')));
    ck_assert_int_eq(got.directories_count, 2);
    ck_assert(uuid_equal(got.directories[0], id('p')));
    ck_assert(uuid_equal(got.directories[1], id('q')));
    ck_assert_int_eq(got.starts, 5);
    ck_assert_str_eq(got.boot_id, "another");
    incarnation_file_close(&got);
    buf_close(&text);
}
END_TEST

START_TEST(file_that_was_cut_anywhere_is_no_file)
{
    struct buf text = {0};
    struct incarnation_file got;
    incarnation_file_format(&dirs[0].file, &text);
    size_t whole = text.len;
    const char *boot = strstr(buf_cstr(&text), "boot.id");
    for (size_t len = 0; len < (size_t)(boot - buf_cstr(&text)); len++)
        ck_assert(!incarnation_file_parse(view_of(buf_view(&text).ptr, len), &got));
    ck_assert(incarnation_file_parse(view_of(buf_view(&text).ptr, whole), &got));
    incarnation_file_close(&got);
    buf_close(&text);
}
END_TEST

START_TEST(file_with_nonsense_is_no_file)
{
    static const char *const texts[] = {
        "",
        "incarnation=x\ndirectory=y\ndirectories=z\nstarts=1\nboot.id=b\n",
        "incarnation=AAAAAAAAAAAAAAAAAAAAAA\ndirectory=cHBwcHBwcHBwcHBwcHBwcA\ndirectories=\nstarts=1\nboot."
        "id=b\n",
        "incarnation=cHBwcHBwcHBwcHBwcHBwcA\ndirectory=cHBwcHBwcHBwcHBwcHBwcA\ndirectories=,\nstarts=1\nboot."
        "id=b\n",
        "incarnation=cHBwcHBwcHBwcHBwcHBwcA\ndirectory=cHBwcHBwcHBwcHBwcHBwcA\ndirectories=\nstarts=-1\nboot."
        "id=b\n",
        "incarnation=cHBwcHBwcHBwcHBwcHBwcA\ndirectory=cHBwcHBwcHBwcHBwcHBwcA\ndirectories=\nstarts="
        "99999999999999999999\nboot.id=b\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct incarnation_file got;
        ck_assert_msg(!incarnation_file_parse(view_str(texts[i]), &got), "%s", texts[i]);
    }
}
END_TEST

Suite *incarnation_suite(void)
{
    Suite *suite = suite_create("incarnation");
    TCase *tcase = tcase_create("incarnation");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, first_start_loses_nothing);
    tcase_add_test(tcase, clean_stop_keeps_it_through_a_reboot);
    tcase_add_test(tcase, killed_process_keeps_it_in_the_same_boot);
    tcase_add_test(tcase, start_that_did_not_register_is_not_taken_for_other_data);
    tcase_add_test(tcase, start_that_registered_has_no_more_to_say_of_what_was_lost);
    tcase_add_test(tcase, unclean_end_in_another_boot_loses_the_tail);
    tcase_add_test(tcase, power_loss_that_the_session_record_knows_of_loses_the_tail);
    tcase_add_test(tcase, emptied_directory_loses_data);
    tcase_add_test(tcase, directory_that_is_configured_no_more_loses_data);
    tcase_add_test(tcase, directory_that_is_offline_may_come_back);
    tcase_add_test(tcase, emptied_one_is_found_beside_one_that_is_offline);
    tcase_add_test(tcase, all_emptied_lose_data);
    tcase_add_test(tcase, new_directory_beside_all_the_old_ones_keeps_it);
    tcase_add_test(tcase, volume_that_was_rolled_back_loses_data);
    tcase_add_test(tcase, start_that_was_cut_before_it_registered_is_no_roll_back);
    tcase_add_test(tcase, directories_of_different_incarnations_lose_data);
    tcase_add_test(tcase, copy_of_a_directory_loses_data);
    tcase_add_test(tcase, data_that_was_not_registered_last_is_not_trusted);
    tcase_add_test(tcase, zookeeper_that_knows_nothing_takes_what_there_is);
    tcase_add_test(tcase, file_says_what_was_written);
    tcase_add_test(tcase, file_that_was_cut_anywhere_is_no_file);
    tcase_add_test(tcase, file_with_nonsense_is_no_file);
    suite_add_tcase(suite, tcase);
    return suite;
}
