#include "cli/addresses.h"

#include <string.h>

#include "base/mem.h"
#include "suites.h"

static struct addresses list;
static struct errmsg why;

static void close_list(void)
{
    addresses_close(&list);
}

START_TEST(hosts_and_ports_are_parted_by_commas)
{
    ck_assert(addresses_parse("a:1, b.example.org:65535", "bootstrap.servers", &list, &why));
    ck_assert_int_eq(list.count, 2);
    ck_assert_str_eq(list.items[0].host, "a");
    ck_assert_int_eq(list.items[0].port, 1);
    ck_assert_str_eq(list.items[1].host, "b.example.org");
    ck_assert_int_eq(list.items[1].port, 65535);
}
END_TEST

START_TEST(an_ipv6_address_stands_in_brackets_and_a_scheme_is_passed_over)
{
    ck_assert(addresses_parse("PLAINTEXT://[::1]:9092", "bootstrap.servers", &list, &why));
    ck_assert_str_eq(list.items[0].host, "::1");
    ck_assert_int_eq(list.items[0].port, 9092);
}
END_TEST

START_TEST(what_is_no_address_is_named)
{
    static const char *const bad[] = {"", ",", "a", "a:", ":1", "a:b", "a:0", "a:65536", "a:1,b", "a:999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!addresses_parse(bad[i], "bootstrap.servers", &list, &why), "'%s'", bad[i]);
    ck_assert_ptr_nonnull(strstr(why.text, "a:999999"));
    ck_assert_ptr_nonnull(strstr(why.text, "bootstrap.servers"));
    ck_assert_int_eq(list.count, 0);
}
END_TEST

Suite *addresses_suite(void)
{
    Suite *suite = suite_create("addresses");
    TCase *tc = tcase_create("addresses");
    tcase_add_checked_fixture(tc, NULL, close_list);
    tcase_add_test(tc, hosts_and_ports_are_parted_by_commas);
    tcase_add_test(tc, an_ipv6_address_stands_in_brackets_and_a_scheme_is_passed_over);
    tcase_add_test(tc, what_is_no_address_is_named);
    suite_add_tcase(suite, tc);
    return suite;
}
