#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "fixture.h"
#include "tests.h"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static void turns(int count)
{
    for (int i = 0; i < count; i++)
        fixture_turn(&f);
}

START_TEST(idle_connections_are_closed_least_recently_used_first)
{
    f.config.connections_max_idle_ms = 1000;
    fixture_start(&f);
    int a = client_connect(&f), b = client_connect(&f);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 2);
    fake_clock_advance_ms(&f.clock, 600);
    fixture_turn(&f);
    client_send(&f, a, 'e', 10);
    client_expect(&f, a, 'e', 10);
    fake_clock_advance_ms(&f.clock, 600);
    client_expect_closed(&f, b);
    client_send(&f, a, 'e', 10);
    client_expect(&f, a, 'e', 10);
    fake_clock_advance_ms(&f.clock, 1000);
    client_expect_closed(&f, a);
    ck_assert_int_eq(fixture_counters(&f).closed_idle, 2);
    int c = client_connect(&f); /* the timer was out of work; it comes back */
    TURN_UNTIL(&f, fixture_counters(&f).connections == 1);
    fake_clock_advance_ms(&f.clock, 1000);
    client_expect_closed(&f, c);
    close(a);
    close(b);
    close(c);
}
END_TEST

START_TEST(a_muted_connection_is_closed_when_idle)
{
    f.config.connections_max_idle_ms = 1000;
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    fake_clock_advance_ms(&f.clock, 1001);
    client_expect_closed(&f, fd);
    ck_assert_int_eq(f.abandoned, 1);
    close(fd);
}
END_TEST

START_TEST(negative_idle_time_means_never)
{
    f.config.connections_max_idle_ms = -1;
    fixture_start(&f);
    int fd = client_connect(&f);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 1);
    fake_clock_advance_ms(&f.clock, 1000000000);
    client_expect_nothing(&f, fd);
    close(fd);
}
END_TEST

START_TEST(at_max_connections_new_ones_wait_for_a_slot)
{
    f.config.max_connections = 2;
    fixture_start(&f);
    int a = client_connect(&f), b = client_connect(&f), c = client_connect(&f);
    client_send(&f, c, 'e', 10);
    turns(20);
    ck_assert_int_eq(fixture_counters(&f).connections, 2);
    ck_assert_int_eq(f.seen, 0);
    close(a);
    client_expect(&f, c, 'e', 10);
    close(b);
    close(c);
}
END_TEST

START_TEST(a_listener_has_a_limit_of_its_own)
{
    f.listeners[0].max_connections = 1;
    fixture_start(&f);
    int a = client_connect(&f), b = client_connect(&f);
    turns(20);
    ck_assert_int_eq(fixture_counters(&f).connections, 1);
    client_send(&f, b, 'e', 10);
    close(a);
    client_expect(&f, b, 'e', 10);
    close(b);
}
END_TEST

START_TEST(the_inter_broker_listener_is_not_held_up_and_others_make_room)
{
    f.config.max_connections = 1;
    f.config.listeners_count = 2;
    f.listeners[1].protected = true;
    fixture_start(&f);
    int client = client_connect(&f);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 1);
    int broker = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)net_server_port(f.server, 1)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(connect(broker, (struct sockaddr *)&addr, sizeof addr), 0);
    client_send(&f, broker, 'e', 10);
    client_expect(&f, broker, 'e', 10);
    client_expect_closed(&f, client);
    close(broker);
    close(client);
}
END_TEST

START_TEST(excess_connections_of_one_address_are_closed_at_once)
{
    f.config.max_connections_per_ip = 1;
    fixture_start(&f);
    int a = client_connect(&f), b = client_connect(&f);
    client_expect_closed(&f, b);
    ck_assert_int_eq(fixture_counters(&f).refused, 1);
    close(a);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 0);
    turns(3);
    int c = client_connect(&f);
    client_send(&f, c, 'e', 10);
    client_expect(&f, c, 'e', 10);
    close(b);
    close(c);
}
END_TEST

START_TEST(an_address_may_have_a_limit_of_its_own)
{
    f.config.max_connections_per_ip = 0;
    f.config.max_connections_per_ip_overrides = "10.0.0.1:7, 127.0.0.1:2,::1:5";
    fixture_start(&f);
    int a = client_connect(&f), b = client_connect(&f), c = client_connect(&f);
    client_expect_closed(&f, c);
    ck_assert_int_eq(fixture_counters(&f).connections, 2);
    close(a);
    close(b);
    close(c);
}
END_TEST

START_TEST(connections_are_accepted_at_the_configured_rate)
{
    f.config.max_connection_creation_rate = 5;
    fixture_start(&f);
    int fds[12];
    for (int i = 0; i < 12; i++)
        fds[i] = client_connect(&f);
    turns(20);
    ck_assert_int_eq(fixture_counters(&f).accepted, 5);
    for (int ms = 0; ms < 1000; ms += 100) {
        fake_clock_advance_ms(&f.clock, 100);
        turns(3);
    }
    ck_assert_int_le(fixture_counters(&f).accepted, 10);
    ck_assert_int_ge(fixture_counters(&f).accepted, 8);
    for (int i = 0; i < 12; i++)
        close(fds[i]);
}
END_TEST

START_TEST(over_the_budget_no_new_frame_is_read)
{
    f.config.queued_max_bytes = 3000;
    fixture_start(&f);
    int a = client_connect(&f), b = client_connect(&f), c = client_connect(&f);
    client_send(&f, a, 'l', 2000);
    TURN_UNTIL(&f, f.held_count == 1);
    client_send(&f, b, 'l', 2000);
    TURN_UNTIL(&f, f.held_count == 2);
    client_send(&f, c, 'e', 10);
    client_expect_nothing(&f, c);
    ck_assert_int_eq(f.seen, 2);
    fixture_answer(&f, 1);
    client_expect(&f, b, 'l', 2000);
    client_expect(&f, c, 'e', 10);
    fixture_answer(&f, 0);
    client_expect(&f, a, 'l', 2000);
    close(a);
    close(b);
    close(c);
}
END_TEST

START_TEST(a_frame_that_has_begun_is_read_to_its_end_over_the_budget)
{
    f.config.queued_max_bytes = 3000;
    fixture_start(&f);
    int fd = client_connect(&f);
    for (int i = 0; i < 3; i++) {
        client_send(&f, fd, 'e', 400000);
        client_expect(&f, fd, 'e', 400000);
    }
    close(fd);
}
END_TEST

START_TEST(without_descriptors_accepting_backs_off_and_recovers)
{
    fixture_start(&f);
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = client_connect(&f);
    /* The clients are connected by the backlog; accepting them needs numbers that there are none of. */
    int lowest = dup(0);
    close(lowest);
    struct rlimit before, low;
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)lowest;
    setrlimit(RLIMIT_NOFILE, &low);
    turns(50);
    ck_assert_int_eq(fixture_counters(&f).accepted, 0);
    ck_assert_int_eq(fixture_counters(&f).refused, 1); /* one shed, then it waits: no spinning */
    setrlimit(RLIMIT_NOFILE, &before);
    turns(5);
    ck_assert_int_eq(fixture_counters(&f).accepted, 0);
    fake_clock_advance_ms(&f.clock, 60);
    TURN_UNTIL(&f, fixture_counters(&f).accepted == 3);
    client_expect_closed(&f, fds[0]);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}
END_TEST

START_TEST(after_stop_accepting_connections_go_on)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 1);
    net_server_stop_accepting(f.server);
    turns(3);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)net_server_port(f.server, 0)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_ne(connect(late, (struct sockaddr *)&addr, sizeof addr), 0);
    client_send(&f, fd, 'e', 10);
    client_expect(&f, fd, 'e', 10);
    close(fd);
    close(late);
}
END_TEST

START_TEST(a_port_in_use_is_explained)
{
    fixture_start(&f);
    struct net_listener_config lc = f.listeners[0];
    lc.port = net_server_port(f.server, 0);
    struct net_config config = f.config;
    config.listeners = &lc;
    struct net_handler handler = {0};
    struct errmsg why = {""};
    ck_assert_ptr_null(net_server_new(&config, &f.loop, 1, &handler, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "listener TEST://127.0.0.1:"));
    ck_assert_ptr_nonnull(strstr(why.text, "Address already in use; is another broker running?"));

    config.max_connections_per_ip_overrides = "nonsense";
    ck_assert_ptr_null(net_server_new(&config, &f.loop, 1, &handler, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "host:count"));
}
END_TEST

START_TEST(a_listener_on_every_interface_sees_v4_peers_as_v4)
{
    f.listeners[0].host = "";
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    ck_assert_int_eq(request_peer_addr(f.held[0])->sa_family, AF_INET);
    ck_assert_int_eq(strncmp(request_peer(f.held[0]), "127.0.0.1:", 10), 0);
    close(fd);
}
END_TEST

Suite *limits_suite(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = tcase_create("limits");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, idle_connections_are_closed_least_recently_used_first);
    tcase_add_test(tc, a_muted_connection_is_closed_when_idle);
    tcase_add_test(tc, negative_idle_time_means_never);
    tcase_add_test(tc, at_max_connections_new_ones_wait_for_a_slot);
    tcase_add_test(tc, a_listener_has_a_limit_of_its_own);
    tcase_add_test(tc, the_inter_broker_listener_is_not_held_up_and_others_make_room);
    tcase_add_test(tc, excess_connections_of_one_address_are_closed_at_once);
    tcase_add_test(tc, an_address_may_have_a_limit_of_its_own);
    tcase_add_test(tc, connections_are_accepted_at_the_configured_rate);
    tcase_add_test(tc, over_the_budget_no_new_frame_is_read);
    tcase_add_test(tc, a_frame_that_has_begun_is_read_to_its_end_over_the_budget);
    tcase_add_test(tc, without_descriptors_accepting_backs_off_and_recovers);
    tcase_add_test(tc, after_stop_accepting_connections_go_on);
    tcase_add_test(tc, a_port_in_use_is_explained);
    tcase_add_test(tc, a_listener_on_every_interface_sees_v4_peers_as_v4);
    suite_add_tcase(suite, tc);
    return suite;
}
