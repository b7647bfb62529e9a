#include "base/log.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "suites.h"

static int sink = -1;

static void open_sink(void)
{
    sink = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(sink, 0);
    log_set_fd(sink);
    log_set_level(LOG_LEVEL_INFO);
    log_set_thread_name("test");
}

static void close_sink(void)
{
    log_set_fd(STDERR_FILENO);
    log_set_level(LOG_LEVEL_INFO);
    close(sink);
}

/* Everything logged so far; free(). */
static char *logged(void)
{
    off_t size = lseek(sink, 0, SEEK_END);
    ck_assert_int_ge(size, 0);
    char *text = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(pread(sink, text, (size_t)size, 0), size);
    text[size] = '\0';
    return text;
}

static void check_matches(const char *pattern)
{
    regex_t regex;
    ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    char *text = logged();
    ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0, "\"%s\" does not match %s", text, pattern);
    free(text);
    regfree(&regex);
}

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

START_TEST(line_has_time_level_thread_room_event_and_pairs)
{
    log_info("storage", "log_loaded", "topic=%s partition=%d", "orders", 3);
    check_matches("^" TIME " INFO test storage log_loaded topic=orders partition=3\n$");
}
END_TEST

START_TEST(line_without_pairs_has_no_trailing_blank)
{
    log_error("zk", "session_lost", "%s", "");
    check_matches("^" TIME " ERROR test zk session_lost\n$");
}
END_TEST

START_TEST(lines_below_the_level_are_dropped)
{
    log_debug("zk", "ping", "%s", "a=1");
    log_set_level(LOG_LEVEL_WARN);
    log_info("zk", "ping", "%s", "a=2");
    log_warn("zk", "ping", "%s", "a=3");
    check_matches("^" TIME " WARN test zk ping a=3\n$");
    ck_assert(!log_enabled(LOG_LEVEL_INFO));
    ck_assert(log_enabled(LOG_LEVEL_ERROR));
}
END_TEST

START_TEST(control_characters_cannot_forge_a_line)
{
    log_info("net", "hello", "client=%s", "a\nb\r\t\x1b[31m\x7f\xc3\xa9");
    check_matches("^" TIME " INFO test net hello client=a\\\\nb\\\\r\\\\t\\\\x1b\\[31m\\\\x7f\xc3\xa9\n$");
}
END_TEST

START_TEST(long_lines_are_whole_at_every_length)
{
    for (int len = 1000; len < 1050; len++) {
        ck_assert_int_eq(ftruncate(sink, 0), 0);
        lseek(sink, 0, SEEK_SET);
        log_info("net", "long", "%0*d", len, 7);
        char *text = logged();
        const char *pairs = strstr(text, "long ");
        ck_assert_ptr_nonnull(pairs);
        ck_assert_uint_eq(strlen(pairs), (size_t)len + 6);
        ck_assert_str_eq(pairs + 5 + len - 1, "7\n");
        free(text);
    }
}
END_TEST

START_TEST(long_line_of_control_characters_is_whole)
{
    struct buf junk = {0};
    for (int i = 0; i < 5000; i++)
        buf_put_str(&junk, "\x01");
    log_info("net", "junk", "%s", buf_cstr(&junk));
    buf_close(&junk);
    char *text = logged();
    ck_assert_uint_eq(strlen(strstr(text, "junk ")), 5 + 4 * 5000 + 1);
    free(text);
}
END_TEST

START_TEST(logging_leaves_errno_alone)
{
    log_set_fd(-1);
    errno = ENOSPC;
    log_info("net", "gone", "%s", "a=1");
    ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

static void *name_itself(void *arg)
{
    (void)arg;
    log_set_thread_name("net-0");
    log_info("net", "started", "%s", "");
    return NULL;
}

START_TEST(each_thread_has_a_name_of_its_own)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, name_itself, NULL), 0);
    pthread_join(thread, NULL);
    check_matches("^" TIME " INFO net-0 net started\n$");
    ck_assert_str_eq(log_thread_name(), "test");
}
END_TEST

START_TEST(levels_are_parsed_in_any_case)
{
    enum log_level level = LOG_LEVEL_INFO;
    ck_assert(log_level_parse("debug", &level));
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
    ck_assert(log_level_parse("Warn", &level));
    ck_assert_int_eq(level, LOG_LEVEL_WARN);
    ck_assert(log_level_parse("ERROR", &level));
    ck_assert_int_eq(level, LOG_LEVEL_ERROR);
    ck_assert(!log_level_parse("FATAL", &level));
    ck_assert(!log_level_parse("", &level));
    ck_assert_int_eq(level, LOG_LEVEL_ERROR);
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");
    tcase_add_checked_fixture(tc, open_sink, close_sink);
    tcase_add_test(tc, line_has_time_level_thread_room_event_and_pairs);
    tcase_add_test(tc, line_without_pairs_has_no_trailing_blank);
    tcase_add_test(tc, lines_below_the_level_are_dropped);
    tcase_add_test(tc, control_characters_cannot_forge_a_line);
    tcase_add_test(tc, long_lines_are_whole_at_every_length);
    tcase_add_test(tc, long_line_of_control_characters_is_whole);
    tcase_add_test(tc, logging_leaves_errno_alone);
    tcase_add_test(tc, each_thread_has_a_name_of_its_own);
    tcase_add_test(tc, levels_are_parsed_in_any_case);
    suite_add_tcase(suite, tc);
    return suite;
}
