#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "net/presence.h"
#include "tests.h"

#define REFUSED_MS 500
#define SILENT_MS  4000
#define QUESTION   "\0\0\0\4who?"
#define ANSWER     "\0\0\0\2me"

static struct fixture f;
static struct presence *presence;
static int listener; /* its port stays ours, whether or not it listens */
static int port;
static int told;
static bool told_was_there;
static int told_silent;
static int told_quiet;
static int told_heard;
static bool free_when_told;

/* To the port that it had before, if any. */
static void bind_port(void)
{
    int on = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof addr;
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    port = ntohs(addr.sin_port);
}

static void setup(void)
{
    fixture_init(&f);
    fixture_start(&f);
    told = told_silent = told_quiet = told_heard = 0;
    free_when_told = false;
    port = 0;
    bind_port();
}

static void teardown(void)
{
    presence_free(presence);
    presence = NULL;
    close(listener);
    fixture_stop(&f);
}

static void free_if_wanted(void)
{
    if (free_when_told) {
        presence_free(presence);
        presence = NULL;
    }
}

static void on_refused(void *arg, bool was_there)
{
    ck_assert_ptr_eq(arg, &f);
    told++;
    told_was_there = was_there;
    free_if_wanted();
}

static void on_silent(void *arg)
{
    ck_assert_ptr_eq(arg, &f);
    told_silent++;
    free_if_wanted();
}

static void on_quiet(void *arg)
{
    ck_assert_ptr_eq(arg, &f);
    told_quiet++;
    free_if_wanted();
}

static void on_heard(void *arg)
{
    ck_assert_ptr_eq(arg, &f);
    told_heard++;
    free_if_wanted();
}

static void look_at(const char *host)
{
    struct presence_config config = {.host = host,
                                     .port = port,
                                     .refused_ms = REFUSED_MS,
                                     .silent_ms = SILENT_MS,
                                     .ask = VIEW_LIT(QUESTION)};
    struct presence_events events = {
        .refused = on_refused, .silent = on_silent, .quiet = on_quiet, .heard = on_heard, .arg = &f};
    presence = presence_new(f.loop, &config, &events);
}

static void listen_again(void)
{
    ck_assert_int_eq(listen(listener, 5), 0);
}

/* From here on the port refuses; connections that stand go on standing. */
static void stop_listening(void)
{
    ck_assert_int_eq(shutdown(listener, SHUT_RDWR), 0);
}

/* A little time passes; what the kernel has to say is heard. Milliseconds of the loop's clock. */
static int64_t pass(void)
{
    fixture_turn(&f);
    fixture_pause(-1);
    fixture_turn(&f);
    fake_clock_advance_ms(&f.clock, 25);
    fixture_turn(&f);
    return 25;
}

static int64_t pass_until_told(void)
{
    int64_t passed = 0;
    int before = told;
    while (told == before) {
        passed += pass();
        ck_assert_int_lt(passed, 60000);
    }
    return passed;
}

static int pass_until_taken(void)
{
    int fd = -1;
    for (int64_t passed = 0; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0; passed += pass())
        ck_assert_int_lt(passed, 60000);
    for (int i = 0; i < 4; i++) /* it has noticed, too */
        pass();
    return fd;
}

START_TEST(port_that_refuses_all_the_time_is_told_and_told_again)
{
    look_at("127.0.0.1");
    ck_assert_int_ge(pass_until_told(), REFUSED_MS);
    ck_assert(!told_was_there);
    pass_until_told();
    ck_assert_int_eq(told, 2);
}
END_TEST

START_TEST(peer_that_goes_is_told_no_sooner_than_the_time_says)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    for (int i = 0; i < 200; i++)
        pass();
    ck_assert_int_eq(told, 0);
    stop_listening();
    close(fd);
    ck_assert_int_ge(pass_until_told(), REFUSED_MS);
    ck_assert(told_was_there);
}
END_TEST

START_TEST(port_that_refuses_does_not_count_while_the_connection_stands)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    stop_listening();
    for (int i = 0; i < 200; i++)
        pass();
    ck_assert_int_eq(told, 0);
    close(fd);
}
END_TEST

START_TEST(one_connection_begins_the_count_anew)
{
    look_at("127.0.0.1");
    for (int64_t passed = 0; passed < REFUSED_MS - 150;)
        passed += pass();
    listen_again();
    int fd = pass_until_taken();
    stop_listening();
    close(fd);
    ck_assert_int_eq(told, 0);
    ck_assert_int_ge(pass_until_told(), REFUSED_MS);
}
END_TEST

START_TEST(peer_that_comes_back_at_once_is_not_told)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    close(fd);
    fd = pass_until_taken();
    ck_assert_int_eq(told, 0);
    close(fd);
}
END_TEST

START_TEST(name_that_does_not_resolve_says_nothing)
{
    look_at("name-that-does-not-exist.invalid");
    for (int i = 0; i < 400; i++)
        pass();
    ck_assert_int_eq(told, 0);
}
END_TEST

/* How many questions have come since it was last asked; answers them if wanted. */
static int questions(int fd, bool answer)
{
    uint8_t bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0)
        return 0;
    ck_assert_int_eq(n % (ssize_t)(sizeof QUESTION - 1), 0);
    int count = (int)(n / (ssize_t)(sizeof QUESTION - 1));
    for (int i = 0; answer && i < count; i++)
        ck_assert_int_eq(send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL), sizeof ANSWER - 1);
    return count;
}

/* The peer answers whatever is asked for so long. */
static void answer_for(int fd, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += pass())
        questions(fd, true);
    pass();
}

static int64_t pass_until_told_silent(void)
{
    int64_t passed = 0;
    int before = told_silent;
    while (told_silent == before) {
        passed += pass();
        ck_assert_int_lt(passed, 60000);
    }
    return passed;
}

START_TEST(peer_that_answers_is_heard_and_asked_again)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    ck_assert_int_eq(told_heard, 0);
    ck_assert_int_eq(questions(fd, true), 1);
    pass();
    pass();
    ck_assert_int_eq(told_heard, 1);
    answer_for(fd, 20000);
    ck_assert_int_eq(told_heard, 1);
    ck_assert_int_eq(told_silent, 0);
    close(fd);
}
END_TEST

START_TEST(peer_that_answers_no_more_is_told_no_sooner_than_the_time_says_and_told_again)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    answer_for(fd, 3000);
    int64_t passed = pass_until_told_silent();
    ck_assert_int_ge(passed, SILENT_MS - 50); /* since it was asked, which may have been a turn or two ago */
    ck_assert_int_le(passed, SILENT_MS + SILENT_MS / 4);
    ck_assert_int_ge(pass_until_told_silent(), 1000);
    ck_assert_int_eq(told, 0);
    close(fd);
}
END_TEST

START_TEST(peer_that_answered_late_is_not_told)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    answer_for(fd, 1000);
    for (int i = 0; i < 5; i++) {
        for (int64_t passed = 0; passed < SILENT_MS - 600; passed += pass())
            continue;
        answer_for(fd, 100);
    }
    ck_assert_int_eq(told_silent, 0);
    close(fd);
}
END_TEST

START_TEST(peer_that_answers_nothing_for_half_of_the_time_is_told_quiet_and_heard_again)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    answer_for(fd, 3000);
    ck_assert_int_eq(told_quiet, 0);
    int64_t passed = 0;
    while (told_quiet == 0)
        passed += pass();
    ck_assert_int_ge(passed, SILENT_MS / 2 - 50);
    ck_assert_int_le(passed, SILENT_MS / 2 + SILENT_MS / 4);
    answer_for(fd, 1000);
    ck_assert_int_eq(told_heard, 2);
    ck_assert_int_eq(told_quiet, 1);
    ck_assert_int_eq(told_silent, 0);
    close(fd);
}
END_TEST

START_TEST(peer_that_never_answered_is_not_told)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    for (int64_t passed = 0; passed < 3 * SILENT_MS; passed += pass())
        continue;
    ck_assert_int_eq(questions(fd, false), 1);
    ck_assert_int_eq(told_silent, 0);
    close(fd);
}
END_TEST

START_TEST(silent_peer_is_asked_on_a_new_connection_and_heard_when_it_answers)
{
    listen_again();
    look_at("127.0.0.1");
    int first = pass_until_taken();
    answer_for(first, 1000);
    pass_until_told_silent();
    int second = pass_until_taken();
    ck_assert_int_eq(told_heard, 1);
    answer_for(second, 100);
    ck_assert_int_eq(told_heard, 2);
    int silent = told_silent;
    answer_for(second, 3 * SILENT_MS);
    ck_assert_int_eq(told_silent, silent);
    close(first);
    close(second);
}
END_TEST

START_TEST(peer_whose_port_refuses_is_not_silent_but_heard_when_it_is_back)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    answer_for(fd, 1000);
    stop_listening();
    close(fd);
    for (int64_t passed = 0; passed < 3 * SILENT_MS; passed += pass())
        continue;
    ck_assert_int_gt(told, 0);
    ck_assert_int_eq(told_silent, 0);
    close(listener);
    bind_port();
    listen_again();
    fd = pass_until_taken();
    answer_for(fd, 100);
    ck_assert_int_eq(told_heard, 2);
    close(fd);
}
END_TEST

START_TEST(who_stood_still_itself_begins_to_count_anew)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    answer_for(fd, 1000);
    while (questions(fd, false) == 0) /* asked, and not answered */
        pass();
    fake_clock_advance_ms(&f.clock, 10 * SILENT_MS);
    fixture_turn(&f);
    ck_assert_int_eq(told_silent, 0);
    ck_assert_int_ge(pass_until_told_silent(), SILENT_MS - 50);
    close(fd);
}
END_TEST

START_TEST(answer_counts_when_all_of_it_is_there)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    for (size_t i = 0; i < sizeof ANSWER - 1; i++) {
        ck_assert_int_eq(told_heard, 0);
        ck_assert_int_eq(send(fd, ANSWER + i, 1, MSG_NOSIGNAL), 1);
        pass();
        pass();
    }
    ck_assert_int_eq(told_heard, 1);
    close(fd);
}
END_TEST

START_TEST(peer_that_talks_nonsense_is_called_anew_and_not_heard)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    ck_assert_int_eq(send(fd, "\377\377\377\377", 4, MSG_NOSIGNAL), 4);
    int again = pass_until_taken();
    ck_assert_int_eq(told_heard, 0);
    close(fd);
    close(again);
}
END_TEST

START_TEST(it_may_be_freed_by_who_is_told)
{
    free_when_told = true;
    look_at("localhost");
    pass_until_told();
    ck_assert_ptr_null(presence);
}
END_TEST

START_TEST(it_may_be_freed_by_who_hears)
{
    free_when_told = true;
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    answer_for(fd, 100);
    ck_assert_ptr_null(presence);
    close(fd);
}
END_TEST

START_TEST(it_may_be_freed_by_who_hears_no_more)
{
    listen_again();
    look_at("127.0.0.1");
    int fd = pass_until_taken();
    answer_for(fd, 100);
    pass_until_told_silent();
    free_when_told = true;
    pass_until_told_silent();
    ck_assert_ptr_null(presence);
    close(fd);
}
END_TEST

Suite *presence_suite(void)
{
    Suite *suite = suite_create("presence");
    TCase *tcase = tcase_create("presence");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, port_that_refuses_all_the_time_is_told_and_told_again);
    tcase_add_test(tcase, peer_that_goes_is_told_no_sooner_than_the_time_says);
    tcase_add_test(tcase, port_that_refuses_does_not_count_while_the_connection_stands);
    tcase_add_test(tcase, one_connection_begins_the_count_anew);
    tcase_add_test(tcase, peer_that_comes_back_at_once_is_not_told);
    tcase_add_test(tcase, name_that_does_not_resolve_says_nothing);
    tcase_add_test(tcase, peer_that_answers_is_heard_and_asked_again);
    tcase_add_test(tcase, peer_that_answers_no_more_is_told_no_sooner_than_the_time_says_and_told_again);
    tcase_add_test(tcase, peer_that_answered_late_is_not_told);
    tcase_add_test(tcase, peer_that_answers_nothing_for_half_of_the_time_is_told_quiet_and_heard_again);
    tcase_add_test(tcase, peer_that_never_answered_is_not_told);
    tcase_add_test(tcase, silent_peer_is_asked_on_a_new_connection_and_heard_when_it_answers);
    tcase_add_test(tcase, peer_whose_port_refuses_is_not_silent_but_heard_when_it_is_back);
    tcase_add_test(tcase, who_stood_still_itself_begins_to_count_anew);
    tcase_add_test(tcase, answer_counts_when_all_of_it_is_there);
    tcase_add_test(tcase, peer_that_talks_nonsense_is_called_anew_and_not_heard);
    tcase_add_test(tcase, it_may_be_freed_by_who_is_told);
    tcase_add_test(tcase, it_may_be_freed_by_who_hears);
    tcase_add_test(tcase, it_may_be_freed_by_who_hears_no_more);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return suite;
}
