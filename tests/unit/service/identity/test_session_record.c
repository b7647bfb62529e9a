/*
 * The record of a session beside the log: what may be believed of it, and when its process is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/identity/session_record.h"
#include "suites.h"

static char dir[64];
static char path[128];

static void setup(void)
{
    strcpy(dir, "/tmp/barnabas-session-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%s", dir, SESSION_RECORD_NAME);
}

static void teardown(void)
{
    unlink(path);
    rmdir(dir);
}

static struct session_record record_of_self(void)
{
    struct session_record record = {.session_id = INT64_MIN + 7, .broker_id = 5};
    for (int i = 0; i < 16; i++)
        record.password[i] = (uint8_t)(i * 17);
    session_record_of_self(&record);
    return record;
}

static void write_record(const struct session_record *record)
{
    struct errmsg why = {""};
    ck_assert_msg(session_record_write(dir, record, &why), "%s", why.text);
}

static mode_t mode_of_file(void)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_mode & 0777;
}

START_TEST(what_was_written_is_read)
{
    struct session_record wanted = record_of_self(), got = {0};
    write_record(&wanted);
    ck_assert(session_record_read(dir, &got));
    ck_assert_int_eq(got.session_id, wanted.session_id);
    ck_assert_mem_eq(got.password, wanted.password, 16);
    ck_assert_str_eq(got.host, wanted.host);
    ck_assert_str_eq(got.boot_id, wanted.boot_id);
    ck_assert_int_eq(got.pid, getpid());
    ck_assert_int_eq(got.pid_start, wanted.pid_start);
    ck_assert_int_eq(got.broker_id, 5);
    ck_assert_int_gt(got.pid_start, 0);
    session_record_remove(dir);
    ck_assert(!session_record_read(dir, &got));
}
END_TEST

START_TEST(record_is_its_owners_alone)
{
    struct session_record record = record_of_self();
    umask(0);
    write_record(&record);
    ck_assert_uint_eq(mode_of_file(), 0600);
    ck_assert_int_eq(chmod(path, 0666), 0);
    write_record(&record);
    ck_assert_uint_eq(mode_of_file(), 0600);
}
END_TEST

START_TEST(record_that_others_may_have_written_or_read_is_not_believed)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0644};
    struct session_record record = record_of_self(), got;
    write_record(&record);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        ck_assert_msg(!session_record_read(dir, &got), "mode %o", modes[i]);
    }
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert(session_record_read(dir, &got));
}
END_TEST

/* Replaces a text in the file; true when it is still read. */
static bool reads_with(const char *from, const char *to)
{
    char text[4096] = "", changed[4096];
    struct session_record record = record_of_self();
    write_record(&record);
    FILE *file = fopen(path, "r+");
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, file), 0);
    char *at = strstr(text, from);
    ck_assert_ptr_nonnull(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    rewind(file);
    fwrite(changed, 1, strlen(changed), file);
    ck_assert_int_eq(ftruncate(fileno(file), (off_t)strlen(changed)), 0);
    fclose(file);
    return session_record_read(dir, &record);
}

START_TEST(record_with_a_field_missing_or_broken_is_not_believed)
{
    ck_assert(reads_with("broker.id", "broker.id")); /* the way of trying is right */
    ck_assert(!reads_with("session.id=", "session.ix="));
    ck_assert(!reads_with("session.id=", "session.id=x"));
    ck_assert(!reads_with("session.id=", "session.id=9"));    /* beyond 64 bits */
    ck_assert(!reads_with("password=0011", "password=001"));  /* a digit less */
    ck_assert(!reads_with("password=0011", "password=00zz")); /* no digits */
    ck_assert(!reads_with("host=", "hose="));
    ck_assert(!reads_with("boot.id=", "boot.id=0123456789012345678901234567890123456789"));
    ck_assert(!reads_with("process.start=", "process.start=?"));
    ck_assert(!reads_with("broker.id=5", "broker.id="));
}
END_TEST

/* --- is its process gone? --------------------------------------------------------------------------------
 */

/* What a process wrote that is gone now. */
static struct session_record record_of_the_dead(void)
{
    int ends[2], status;
    struct session_record record;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        record = record_of_self();
        _exit(write(ends[1], &record, sizeof record) == (ssize_t)sizeof record ? 0 : 1);
    }
    ck_assert_int_eq(read(ends[0], &record, sizeof record), sizeof record);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(record.pid, child);
    return record;
}

START_TEST(record_of_a_live_process_is_no_orphan)
{
    struct session_record record = record_of_self();
    ck_assert(!session_record_is_orphaned(&record));
}
END_TEST

START_TEST(record_of_a_dead_process_is_an_orphan)
{
    struct session_record record = record_of_the_dead();
    ck_assert(session_record_is_orphaned(&record));
}
END_TEST

START_TEST(number_given_to_another_process_does_not_keep_the_dead_alive)
{
    struct session_record record = record_of_self();
    record.pid_start--;
    ck_assert(session_record_is_orphaned(&record));
}
END_TEST

START_TEST(dead_of_another_host_or_boot_are_not_known_to_be_dead)
{
    struct session_record record = record_of_the_dead();
    strcpy(record.host, "another");
    ck_assert(!session_record_is_orphaned(&record));
    record = record_of_the_dead();
    strcpy(record.boot_id, "another");
    ck_assert(!session_record_is_orphaned(&record));
    record.boot_id[0] = '\0';
    ck_assert(!session_record_is_orphaned(&record));
}
END_TEST

START_TEST(process_whose_start_was_never_known_is_not_known_to_be_dead)
{
    struct session_record record = record_of_the_dead();
    record.pid_start = -1;
    ck_assert(!session_record_is_orphaned(&record));
}
END_TEST

Suite *session_record_suite(void)
{
    Suite *suite = suite_create("session_record");
    TCase *tcase = tcase_create("session_record");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_was_written_is_read);
    tcase_add_test(tcase, record_is_its_owners_alone);
    tcase_add_test(tcase, record_that_others_may_have_written_or_read_is_not_believed);
    tcase_add_test(tcase, record_with_a_field_missing_or_broken_is_not_believed);
    tcase_add_test(tcase, record_of_a_live_process_is_no_orphan);
    tcase_add_test(tcase, record_of_a_dead_process_is_an_orphan);
    tcase_add_test(tcase, number_given_to_another_process_does_not_keep_the_dead_alive);
    tcase_add_test(tcase, dead_of_another_host_or_boot_are_not_known_to_be_dead);
    tcase_add_test(tcase, process_whose_start_was_never_known_is_not_known_to_be_dead);
    suite_add_tcase(suite, tcase);
    return suite;
}
