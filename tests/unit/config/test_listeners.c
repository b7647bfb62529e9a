#include "config/listeners.h"

#include "suites.h"

START_TEST(default_listener_is_plaintext_on_9092_and_advertised_by_this_machines_name)
{
    struct config *config = load_good("");
    const struct config_listeners *listeners = config_listeners(config);
    ck_assert_uint_eq(listeners->count, 1);
    ck_assert_str_eq(listeners->items[0].name, "PLAINTEXT");
    ck_assert_int_eq(listeners->items[0].protocol, PROTOCOL_PLAINTEXT);
    ck_assert_ptr_null(listeners->items[0].host);
    ck_assert_int_eq(listeners->items[0].port, 9092);
    ck_assert(listeners->items[0].advertised);
    ck_assert_ptr_null(listeners->items[0].advertised_host);
    ck_assert_int_eq(listeners->items[0].advertised_port, 9092);
    ck_assert_uint_eq(listeners->inter_broker, 0);
    config_release(config);
}
END_TEST

START_TEST(names_hosts_ports_and_order_of_publication_are_read)
{
    struct config *config =
        load_good("listeners=inside://0.0.0.0:9092, OUTSIDE://[::1]:9093,LOCAL://:0\n"
                  "advertised.listeners=OUTSIDE://kafka.example.com:19093,INSIDE://10.0.0.1:9092\n"
                  "listener.security.protocol.map=INSIDE:plaintext, OUTSIDE:PLAINTEXT,LOCAL:PLAINTEXT\n"
                  "inter.broker.listener.name=inside\n");
    const struct config_listeners *listeners = config_listeners(config);
    ck_assert_uint_eq(listeners->count, 3);
    ck_assert_str_eq(listeners->items[0].name, "INSIDE");
    ck_assert_str_eq(listeners->items[0].host, "0.0.0.0");
    ck_assert_str_eq(listeners->items[0].advertised_host, "10.0.0.1");
    ck_assert_str_eq(listeners->items[1].host, "::1");
    ck_assert_int_eq(listeners->items[1].advertised_port, 19093);
    ck_assert(!listeners->items[2].advertised);
    ck_assert_uint_eq(listeners->advertised_count, 2);
    ck_assert_uint_eq(listeners->advertised[0], 1);
    ck_assert_uint_eq(listeners->advertised[1], 0);
    ck_assert_uint_eq(listeners->inter_broker, 0);
    ck_assert_int_eq(config_listeners_find(listeners, "local"), 2);
    ck_assert_int_eq(config_listeners_find(listeners, "none"), -1);
    config_release(config);
}
END_TEST

START_TEST(ipv4_and_ipv6_listeners_may_share_a_port)
{
    config_release(load_good("listeners=PLAINTEXT://127.0.0.1:9092,SIX://[::1]:9092\n"
                             "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SIX:PLAINTEXT\n"));
    check_refused("listeners=PLAINTEXT://:9092,SIX://[::1]:9092\n"
                  "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SIX:PLAINTEXT\n",
                  "listeners", "share port 9092");
}
END_TEST

START_TEST(what_is_not_a_listener_is_named)
{
    check_refused("listeners=PLAINTEXT://localhost\n", "listeners", "Unable to parse PLAINTEXT://localhost");
    check_refused("listeners=PLAINTEXT:localhost:9092\n", "listeners", "Unable to parse");
    check_refused("listeners=PLAINTEXT://local host:9092\n", "listeners", "Unable to parse");
    check_refused("listeners=PLAINTEXT://h:99999999999\n", "listeners", "Unable to parse");
    check_refused("listeners=PLAINTEXT://h:70000\n", "listeners", "0 to 65535");
    check_refused("listeners=PLAINTEXT://h:-1\n", "listeners", "0 to 65535");
    check_refused("listeners=://h:1\n", "listeners", "listener name is null or empty");
    check_refused("listeners=FOO://h:1\n", "listeners", "No security protocol defined for listener FOO");
    check_refused("listeners=\n", "listeners", "at least one broker advertised listener");
    check_refused("listeners=PLAINTEXT://h:1,plaintext://h:2\n", "listeners", "different name");
    check_refused("listener.security.protocol.map=PLAINTEXT\n", "listener.security.protocol.map",
                  "not NAME:PROTOCOL");
    check_refused("listener.security.protocol.map=PLAINTEXT:TLS\n", "listener.security.protocol.map",
                  "Invalid security protocol `TLS`");
    check_refused("listener.security.protocol.map=:PLAINTEXT\n", "listener.security.protocol.map", "empty");
}
END_TEST

START_TEST(advertised_listeners_must_be_reachable_and_exist)
{
    check_refused("advertised.listeners=PLAINTEXT://0.0.0.0:9092\n", "advertised.listeners",
                  "nonroutable meta-address 0.0.0.0");
    check_refused("listeners=PLAINTEXT://0.0.0.0:9092\n", "listeners", "nonroutable meta-address 0.0.0.0");
    check_refused("advertised.listeners=SSL://h:1\n", "advertised.listeners", "SSL is not there");
}
END_TEST

START_TEST(inter_broker_listener_must_be_advertised_and_unambiguous)
{
    check_refused("inter.broker.listener.name=X\n", "inter.broker.listener.name", "there is no X");
    check_refused("inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT\n",
                  "inter.broker.listener.name", "Only one of");
    check_refused("listeners=A://:1\nlistener.security.protocol.map=A:PLAINTEXT\n", "listeners",
                  "there is no PLAINTEXT");
}
END_TEST

Suite *listeners_suite(void)
{
    Suite *suite = suite_create("listeners");
    TCase *tcase = tcase_create("listeners");
    tcase_add_test(tcase, default_listener_is_plaintext_on_9092_and_advertised_by_this_machines_name);
    tcase_add_test(tcase, names_hosts_ports_and_order_of_publication_are_read);
    tcase_add_test(tcase, ipv4_and_ipv6_listeners_may_share_a_port);
    tcase_add_test(tcase, what_is_not_a_listener_is_named);
    tcase_add_test(tcase, advertised_listeners_must_be_reachable_and_exist);
    tcase_add_test(tcase, inter_broker_listener_must_be_advertised_and_unambiguous);
    suite_add_tcase(suite, tcase);
    return suite;
}
