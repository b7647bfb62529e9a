#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rig.h"
#include "suites.h"

static void put_state(struct rig *rig, const char *path, int32_t leader, int32_t epoch, int32_t *isr,
                      int count)
{
    struct controller_value value = {.kind = CONTROLLER_VALUE_STATE};
    value.state = (struct znode_state){
        .leader = leader, .leader_epoch = epoch, .controller_epoch = 1, .isr = {isr, count}};
    fake_zk_put(rig->zk, path, &value);
}

/* Topic t with one partition on brokers 1, 2, 3 as an earlier controller left it; broker 1 to 3 not up. */
static struct rig *with_topic(int32_t leader, int32_t *isr, int isr_count)
{
    static const int32_t replicas[] = {1, 2, 3};
    struct rig *rig = rig_new();
    fake_zk_put(rig->zk, "/controller_epoch",
                &(struct controller_value){.kind = CONTROLLER_VALUE_RAW, .raw = VIEW_LIT("4")});
    rig_put_topic(rig, "t", 1, replicas, 3);
    put_state(rig, "/brokers/topics/t/partitions/0/state", leader, 6, isr, isr_count);
    return rig;
}

START_TEST(state_of_before_is_taken_up_without_a_write)
{
    int32_t isr[] = {1, 2};
    struct rig *rig = with_topic(1, isr, 2);
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), 0);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=3 t-0 leader=1 epoch=6 isr=1,2\n"));
    rig_free(rig);
}
END_TEST

static int round_trips_of_a_takeover(int partitions)
{
    int32_t isr[] = {1};
    struct rig *rig = rig_new();
    fake_zk_put(rig->zk, "/controller_epoch",
                &(struct controller_value){.kind = CONTROLLER_VALUE_RAW, .raw = VIEW_LIT("4")});
    int32_t *replicas = mem_alloc(sizeof *replicas * (size_t)partitions);
    for (int i = 0; i < partitions; i++)
        replicas[i] = 1;
    rig_put_topic(rig, "t", partitions, replicas, 1);
    free(replicas);
    for (int i = 0; i < partitions; i++) {
        char path[64];
        snprintf(path, sizeof path, "/brokers/topics/t/partitions/%d/state", i);
        put_state(rig, path, 1, 6, isr, 1);
    }
    rig_register(rig, 1, NULL);
    rig_add_core(rig, 1);
    char last[64];
    snprintf(last, sizeof last, "LeaderAndIsr broker=1 t-%d leader=1 epoch=6", partitions - 1);
    ck_assert(rig_saw(rig, last));
    int batches = rig->batches_done;
    rig_free(rig);
    return batches;
}

START_TEST(takeover_needs_as_many_round_trips_for_many_partitions_as_for_one)
{
    ck_assert_int_eq(round_trips_of_a_takeover(1000), round_trips_of_a_takeover(1));
}
END_TEST

START_TEST(brokers_are_announced_before_leaders)
{
    int32_t isr[] = {1, 2};
    struct rig *rig = with_topic(1, isr, 2);
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    ck_assert_uint_lt(rig_place(rig, "Update broker=2 brokers=3"), rig_place(rig, "LeaderAndIsr broker=2"));
    rig_free(rig);
}
END_TEST

START_TEST(dead_leader_is_replaced_and_leaves_the_isr_in_one_write)
{
    int32_t isr[] = {1, 2, 3};
    struct rig *rig = with_topic(1, isr, 3);
    rig_register(rig, 2, NULL);
    rig_register(rig, 3, NULL);
    rig_add_core(rig, 2);
    const struct znode_state *state = rig_state(rig, "t", 0);
    ck_assert_int_eq(state->leader, 2);
    ck_assert_int_eq(state->leader_epoch, 7);
    ck_assert_int_eq(state->controller_epoch, 5);
    ck_assert_int_eq(state->isr.count, 2);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), 1);
    rig_free(rig);
}
END_TEST

START_TEST(no_leader_is_said_and_the_isr_kept_when_none_of_it_lives)
{
    int32_t isr[] = {1, 2};
    struct rig *rig = with_topic(1, isr, 2);
    rig_register(rig, 3, NULL);
    rig_add_core(rig, 3);
    const struct znode_state *state = rig_state(rig, "t", 0);
    ck_assert_int_eq(state->leader, -1);
    ck_assert_int_eq(state->isr.count, 2);
    rig_free(rig);
}
END_TEST

START_TEST(topic_config_allows_unclean_election)
{
    int32_t isr[] = {1, 2};
    struct rig *rig = with_topic(1, isr, 2);
    struct znode_config_entry entry = {"unclean.leader.election.enable", "true"};
    struct controller_value config = {.kind = CONTROLLER_VALUE_CONFIG, .config = {&entry, 1}};
    fake_zk_put(rig->zk, "/config/topics/t", &config);
    rig_register(rig, 3, NULL);
    rig_add_core(rig, 3);
    const struct znode_state *state = rig_state(rig, "t", 0);
    ck_assert_int_eq(state->leader, 3);
    ck_assert_int_eq(state->isr.count, 1);
    ck_assert_int_eq(state->leader_recovery_state, 1);
    rig_free(rig);
}
END_TEST

START_TEST(notifications_of_the_time_before_are_deleted)
{
    struct rig *rig = rig_new();
    struct controller_value event = {.kind = CONTROLLER_VALUE_LOG_DIR_EVENT, .log_dir_event = {1, 1}};
    fake_zk_put(rig->zk, "/log_dir_event_notification/log_dir_event_0000000000", &event);
    fake_zk_put(rig->zk, "/isr_change_notification/isr_change_0000000000", &event);
    rig_register(rig, 1, NULL);
    rig_add_core(rig, 1);
    ck_assert(!fake_zk_exists(rig->zk, "/log_dir_event_notification/log_dir_event_0000000000"));
    ck_assert(!fake_zk_exists(rig->zk, "/isr_change_notification/isr_change_0000000000"));
    rig_free(rig);
}
END_TEST

START_TEST(topic_without_id_gets_one)
{
    static const int32_t replicas[] = {1};
    struct rig *rig = rig_new();
    rig_put_topic(rig, "t", 1, replicas, 1);
    struct controller_value value = *fake_zk_value(rig->zk, "/brokers/topics/t");
    struct znode_assignment partition = {.partition = 0};
    int32_t one = 1;
    partition.replicas = (struct znode_ids){&one, 1};
    value.topic = (struct znode_topic){.partitions = &partition, .partitions_count = 1};
    fake_zk_put(rig->zk, "/brokers/topics/t", &value);
    rig_register(rig, 1, NULL);
    rig_add_core(rig, 1);
    ck_assert(!uuid_is_zero(fake_zk_value(rig->zk, "/brokers/topics/t")->topic.topic_id));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    rig_free(rig);
}
END_TEST

START_TEST(bad_znodes_do_not_harm_the_good_ones)
{
    static const int32_t replicas[] = {1};
    struct rig *rig = rig_new();
    rig_put_topic(rig, "good", 1, replicas, 1);
    rig_put_topic(rig, "spoilt", 1, replicas, 1);
    fake_zk_spoil(rig->zk, "/brokers/topics/spoilt");
    struct znode_assignment empty = {.partition = 0};
    struct controller_value value = {.kind = CONTROLLER_VALUE_TOPIC};
    value.topic = (struct znode_topic){.partitions = &empty, .partitions_count = 1};
    fake_zk_put(rig->zk, "/brokers/topics/empty", &value);
    rig_register(rig, 1, NULL);
    rig_register(rig, 2, NULL);
    fake_zk_spoil(rig->zk, "/brokers/ids/2");
    rig_add_core(rig, 1);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(rig_state(rig, "good", 0)->leader, 1);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/empty"), 0);
    rig_free(rig);
}
END_TEST

START_TEST(state_of_a_later_controller_ends_the_term)
{
    int32_t isr[] = {1};
    struct rig *rig = with_topic(1, isr, 1);
    struct controller_value value = {.kind = CONTROLLER_VALUE_STATE};
    value.state = (struct znode_state){.leader = 1, .controller_epoch = 99, .isr = {isr, 1}};
    fake_zk_put(rig->zk, "/brokers/topics/t/partitions/0/state", &value);
    rig_register(rig, 1, NULL);
    int before = fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state");
    rig->take_over_at = 12; /* so that it does not stand again */
    rig_add_core(rig, 1);
    ck_assert(!controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), before);
    rig_free(rig);
}
END_TEST

START_TEST(pending_preferred_election_is_held_and_its_znode_removed)
{
    int32_t isr[] = {1, 2, 3};
    struct rig *rig = with_topic(2, isr, 3);
    struct znode_partition items[] = {{.topic = "t", .partition = 0}, {.topic = "gone", .partition = 3}};
    struct controller_value value = {.kind = CONTROLLER_VALUE_PARTITIONS, .partitions = {items, 2}};
    fake_zk_put(rig->zk, "/admin/preferred_replica_election", &value);
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert(!fake_zk_exists(rig->zk, "/admin/preferred_replica_election"));
    rig_free(rig);
}
END_TEST

Suite *failover_suite(void)
{
    Suite *suite = suite_create("failover");
    TCase *tcase = tcase_create("failover");
    tcase_add_test(tcase, state_of_before_is_taken_up_without_a_write);
    tcase_add_test(tcase, takeover_needs_as_many_round_trips_for_many_partitions_as_for_one);
    tcase_add_test(tcase, brokers_are_announced_before_leaders);
    tcase_add_test(tcase, dead_leader_is_replaced_and_leaves_the_isr_in_one_write);
    tcase_add_test(tcase, no_leader_is_said_and_the_isr_kept_when_none_of_it_lives);
    tcase_add_test(tcase, topic_config_allows_unclean_election);
    tcase_add_test(tcase, notifications_of_the_time_before_are_deleted);
    tcase_add_test(tcase, topic_without_id_gets_one);
    tcase_add_test(tcase, bad_znodes_do_not_harm_the_good_ones);
    tcase_add_test(tcase, state_of_a_later_controller_ends_the_term);
    tcase_add_test(tcase, pending_preferred_election_is_held_and_its_znode_removed);
    suite_add_tcase(suite, tcase);
    return suite;
}
