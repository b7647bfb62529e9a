#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "net/presence.h"
#include "tests.h"

#define REFUSED_MS 500

static struct fixture f;
static struct presence *presence;
static int listener; /* its port stays ours, whether or not it listens */
static int port;
static int told;
static bool told_was_there;
static bool free_when_told;

static void setup(void)
{
    fixture_init(&f);
    fixture_start(&f);
    told = 0;
    free_when_told = false;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    port = ntohs(addr.sin_port);
}

static void teardown(void)
{
    presence_free(presence);
    presence = NULL;
    close(listener);
    fixture_stop(&f);
}

static void on_refused(void *arg, bool was_there)
{
    ck_assert_ptr_eq(arg, &f);
    told++;
    told_was_there = was_there;
    if (free_when_told) {
        presence_free(presence);
        presence = NULL;
    }
}

static void look_at(const char *host)
{
    struct presence_config config = {.host = host, .port = port, .refused_ms = REFUSED_MS};
    presence = presence_new(f.loop, &config, on_refused, &f);
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

START_TEST(it_may_be_freed_by_who_is_told)
{
    free_when_told = true;
    look_at("localhost");
    pass_until_told();
    ck_assert_ptr_null(presence);
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
    tcase_add_test(tcase, it_may_be_freed_by_who_is_told);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return suite;
}
