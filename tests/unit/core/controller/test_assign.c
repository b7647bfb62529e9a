#include "core/controller/assign.h"
#include "suites.h"

static void expect(const struct znode_ids *list, int32_t a, int32_t b, int32_t c)
{
    ck_assert_int_eq(list->count, 3);
    ck_assert_int_eq(list->ids[0], a);
    ck_assert_int_eq(list->ids[1], b);
    ck_assert_int_eq(list->ids[2], c);
}

START_TEST(without_racks_replicas_go_round_and_shift)
{
    static const struct assign_broker brokers[] = {{1, NULL}, {2, NULL}, {3, NULL}, {4, NULL}};
    struct assign_request request = {
        .brokers = brokers, .brokers_count = 4, .partitions_count = 5, .replication_factor = 3, .start = 1};
    struct arena arena = {0};
    struct znode_ids *lists;
    ck_assert_int_eq(assign_replicas(&request, &arena, &lists, NULL), ERR_NONE);
    expect(&lists[0], 2, 3, 4);
    expect(&lists[1], 3, 4, 1);
    expect(&lists[2], 4, 1, 2);
    expect(&lists[3], 1, 2, 3);
    expect(&lists[4], 2, 4, 1);
    arena_close(&arena);
}
END_TEST

START_TEST(with_racks_no_rack_is_taken_twice_before_all_were)
{
    static const struct assign_broker brokers[] = {{1, "a"}, {2, "a"}, {3, "b"}, {4, "b"}, {5, "c"}};
    struct assign_request request = {.brokers = brokers,
                                     .brokers_count = 5,
                                     .partitions_count = 6,
                                     .replication_factor = 3,
                                     .start = 1,
                                     .shift = 2};
    struct arena arena = {0};
    struct znode_ids *lists;
    ck_assert_int_eq(assign_replicas(&request, &arena, &lists, NULL), ERR_NONE);
    expect(&lists[0], 3, 1, 5);
    expect(&lists[1], 5, 1, 3);
    expect(&lists[2], 2, 3, 5);
    expect(&lists[3], 4, 5, 2);
    expect(&lists[4], 1, 4, 5);
    expect(&lists[5], 3, 2, 5);
    arena_close(&arena);
}
END_TEST

START_TEST(one_broker_takes_one_replica)
{
    static const struct assign_broker broker = {7, "r"};
    struct assign_request request = {
        .brokers = &broker, .brokers_count = 1, .partitions_count = 2, .replication_factor = 1};
    struct arena arena = {0};
    struct znode_ids *lists;
    ck_assert_int_eq(assign_replicas(&request, &arena, &lists, NULL), ERR_NONE);
    ck_assert_int_eq(lists[1].count, 1);
    ck_assert_int_eq(lists[1].ids[0], 7);
    arena_close(&arena);
}
END_TEST

START_TEST(impossible_requests_are_refused_with_a_reason)
{
    static const struct assign_broker brokers[] = {{1, "a"}, {2, NULL}};
    struct assign_request request = {
        .brokers = brokers, .brokers_count = 2, .partitions_count = 1, .replication_factor = 3};
    struct arena arena = {0};
    struct znode_ids *lists;
    struct errmsg why;
    ck_assert_int_eq(assign_replicas(&request, &arena, &lists, &why), ERR_INVALID_REPLICATION_FACTOR);
    ck_assert_str_eq(why.text, "Replication factor: 3 larger than available brokers: 2.");
    request.replication_factor = 1;
    ck_assert_int_eq(assign_replicas(&request, &arena, &lists, &why), ERR_INVALID_ARGUMENT);
    request.partitions_count = 0;
    ck_assert_int_eq(assign_replicas(&request, &arena, &lists, &why), ERR_INVALID_PARTITIONS);
    request.partitions_count = INT32_MAX; /* a controller has no memory for it */
    request.first_partition = 3;
    ck_assert_int_eq(assign_replicas(&request, &arena, &lists, &why), ERR_INVALID_PARTITIONS);
    ck_assert_str_eq(why.text, "A topic of more than 1000000 partitions has no place in ZooKeeper.");
    arena_close(&arena);
}
END_TEST

Suite *assign_suite(void)
{
    Suite *suite = suite_create("assign");
    TCase *tcase = tcase_create("assign");
    tcase_add_test(tcase, without_racks_replicas_go_round_and_shift);
    tcase_add_test(tcase, with_racks_no_rack_is_taken_twice_before_all_were);
    tcase_add_test(tcase, one_broker_takes_one_replica);
    tcase_add_test(tcase, impossible_requests_are_refused_with_a_reason);
    suite_add_tcase(suite, tcase);
    return suite;
}
