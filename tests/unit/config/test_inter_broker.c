#include "config/inter_broker.h"

#include "suites.h"

/* As a broker of the release asks and answers, by its release's name. */
START_TEST(each_release_speaks_as_it_did)
{
    const struct inter_broker *at = inter_broker_at("0.11.0");
    ck_assert_int_eq(at->fetch, 5);
    ck_assert_int_eq(at->leader_and_isr, 0);
    ck_assert_int_eq(at->update_metadata, 3);
    ck_assert_int_eq(at->alter_partition, INTER_BROKER_BY_ZOOKEEPER);
    at = inter_broker_at("2.0");
    ck_assert_int_eq(at->fetch, 8);
    ck_assert_int_eq(at->offset_for_leader_epoch, 1);
    ck_assert_int_eq(at->offset_value, 1);
    ck_assert_int_eq(at->group_value, 1);
    ck_assert_int_eq(inter_broker_at("2.1-IV0")->offset_value, 2);
    at = inter_broker_at("2.2");
    ck_assert_int_eq(at->offset_value, 3);
    ck_assert_int_eq(at->group_value, 2);
    ck_assert_int_eq(inter_broker_at("2.3-IV0")->group_value, 3);
    at = inter_broker_at("2.6");
    ck_assert_int_eq(at->fetch, 11);
    ck_assert_int_eq(at->list_offsets, 5);
    ck_assert_int_eq(at->offset_for_leader_epoch, 3);
    ck_assert_int_eq(at->leader_and_isr, 4);
    ck_assert_int_eq(at->update_metadata, 6);
    ck_assert_int_eq(at->stop_replica, 3);
    ck_assert_int_eq(at->alter_partition, INTER_BROKER_BY_ZOOKEEPER);
    ck_assert_int_eq(at->broker_znode, 4);
    ck_assert_int_eq(at->topic_ids, 0);
    at = inter_broker_at("2.8");
    ck_assert_int_eq(at->fetch, INTER_BROKER_FETCH_DIVERGING);
    ck_assert_int_eq(at->alter_partition, 0);
    ck_assert_int_eq(at->allocate_producer_ids, INTER_BROKER_BY_ZOOKEEPER);
    ck_assert_int_eq(at->topic_ids, 1);
    at = inter_broker_at("3.3");
    ck_assert_int_eq(at->leader_and_isr, INTER_BROKER_ROLES_RECOVERY);
    ck_assert_int_eq(at->alter_partition, 2);
    ck_assert_int_eq(at->feature_znode, 2);
}
END_TEST

/* Between two versions nothing changed; the oldest and the newest are in the table. */
START_TEST(versions_between_are_those_before)
{
    ck_assert_ptr_eq(inter_broker_at(inter_broker_oldest), inter_broker_at("0.11.0"));
    ck_assert_ptr_eq(inter_broker_at("2.5"), inter_broker_at("2.4"));
    ck_assert_ptr_eq(inter_broker_at("3.8"), inter_broker_at("3.7"));
    ck_assert_ptr_ne(inter_broker_at("3.7-IV3"), inter_broker_at("3.7"));
    ck_assert_ptr_eq(inter_broker_at("3.9"), inter_broker_newest());
    ck_assert_int_eq(inter_broker_newest()->fetch, 17);
    ck_assert_int_eq(inter_broker_newest()->offset_value, 3);
    ck_assert_int_eq(inter_broker_newest()->group_value, 3);
}
END_TEST

Suite *inter_broker_suite(void)
{
    Suite *suite = suite_create("inter_broker");
    TCase *tcase = tcase_create("versions");
    tcase_add_test(tcase, each_release_speaks_as_it_did);
    tcase_add_test(tcase, versions_between_are_those_before);
    suite_add_tcase(suite, tcase);
    return suite;
}
