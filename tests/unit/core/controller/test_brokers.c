#include "rig.h"
#include "suites.h"

static const int32_t on_123[] = {1, 2, 3};
static const int32_t on_213[] = {2, 1, 3};

START_TEST(death_of_a_leader_moves_leadership_and_shrinks_the_isr_in_one_write)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_kill(rig, 2);
    rig_run(rig);
    const struct znode_state *state = rig_state(rig, "t", 0);
    ck_assert_int_eq(state->leader, 1);
    ck_assert_int_eq(state->leader_epoch, 1);
    ck_assert_int_eq(state->isr.count, 2);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), 1);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=3 t-0 leader=1 epoch=1 isr=1,3\n"));
    ck_assert(rig_saw(rig, "Update broker=3 t-0 leader=1 epoch=1 isr=1,3 offline=2\n"));
    rig_free(rig);
}
END_TEST

START_TEST(death_of_a_follower_shrinks_the_isr_with_a_new_leader_epoch)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig_kill(rig, 3);
    rig_run(rig);
    const struct znode_state *state = rig_state(rig, "t", 0);
    ck_assert_int_eq(state->leader, 1);
    ck_assert_int_eq(state->leader_epoch, 1);
    ck_assert_int_eq(state->isr.count, 2);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=1 t-0 leader=1 epoch=1 isr=1,2\n"));
    rig_free(rig);
}
END_TEST

START_TEST(last_member_of_the_isr_stays_in_it_and_leads_again)
{
    static const int32_t on_2[] = {2};
    struct rig *rig = rig_cluster(2);
    rig_put_topic(rig, "t", 1, on_2, 1);
    rig_kill(rig, 2);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, -1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 1);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 2);
    rig_free(rig);
}
END_TEST

START_TEST(brokers_that_die_together_all_stay_in_an_isr_of_their_own)
{
    static const int32_t on_23[] = {2, 3};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_23, 2);
    rig_kill(rig, 2);
    rig_kill(rig, 3);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, -1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 2);
    rig_free(rig);
}
END_TEST

START_TEST(newcomer_learns_everything_and_the_others_learn_of_it_first)
{
    struct rig *rig = rig_cluster(2);
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig_forget_trace(rig);
    rig_register(rig, 3, NULL);
    rig_run(rig);
    ck_assert_uint_lt(rig_place(rig, "Update broker=3 t-0 leader=1"),
                      rig_place(rig, "LeaderAndIsr broker=3 t-0 leader=1"));
    ck_assert(rig_saw(rig, "channel broker=3\n"));
    ck_assert(rig_saw(rig, "Update broker=1 brokers=3\n"));
    rig_free(rig);
}
END_TEST

START_TEST(bounced_broker_goes_through_death_and_birth)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_forget_trace(rig);
    rig_kill(rig, 2);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert_uint_lt(rig_place(rig, "no channel broker=2\n"), rig_place(rig, "\nchannel broker=2\n"));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=2 t-0 leader=1 epoch=1 isr=1,3\n"));
    rig_free(rig);
}
END_TEST

START_TEST(changed_endpoints_give_a_new_channel_and_are_told)
{
    struct rig *rig = rig_cluster(2);
    struct controller_value value = *fake_zk_value(rig->zk, "/brokers/ids/2");
    struct znode_endpoint endpoint = {
        .listener = "PLAINTEXT", .protocol = "PLAINTEXT", .host = "elsewhere", .port = 1};
    value.broker.endpoints = &endpoint;
    rig_forget_trace(rig);
    fake_zk_put(rig->zk, "/brokers/ids/2", &value);
    rig_run(rig);
    ck_assert(rig_saw(rig, "channel broker=2\n"));
    ck_assert(rig_saw(rig, "Update broker=1 brokers=2\n"));
    rig_free(rig);
}
END_TEST

START_TEST(what_was_in_flight_on_a_replaced_channel_is_sent_again)
{
    struct rig *rig = rig_cluster(2);
    struct controller_value value = *fake_zk_value(rig->zk, "/brokers/ids/2");
    struct znode_endpoint endpoint = {
        .listener = "PLAINTEXT", .protocol = "PLAINTEXT", .host = "elsewhere", .port = 1};
    value.broker.endpoints = &endpoint;
    rig->mood[2] = RIG_SILENT;
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig->mood[2] = RIG_ANSWERS;
    rig_forget_trace(rig);
    fake_zk_put(rig->zk, "/brokers/ids/2", &value);
    rig_run(rig);
    ck_assert_uint_lt(rig_place(rig, "channel broker=2\n"),
                      rig_place(rig, "LeaderAndIsr broker=2 t-0 leader=2 epoch=0 isr=2,1 new\n"));
    ck_assert(rig_saw(rig, "Update broker=2 t-0 leader=2"));
    rig_free(rig);
}
END_TEST

START_TEST(failed_log_directory_moves_its_leaders)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig->partition_err[2] = ERR_KAFKA_STORAGE_ERROR;
    struct controller_value event = {.kind = CONTROLLER_VALUE_LOG_DIR_EVENT, .log_dir_event = {2, 1}};
    fake_zk_put(rig->zk, "/log_dir_event_notification/log_dir_event_0000000000", &event);
    rig_run(rig);
    ck_assert(!fake_zk_exists(rig->zk, "/log_dir_event_notification/log_dir_event_0000000000"));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 2);
    ck_assert(rig_saw(rig, "offline=2"));
    rig_free(rig);
}
END_TEST

static void tell_of_log_dir(struct rig *rig, int32_t broker_id)
{
    struct controller_value event = {.kind = CONTROLLER_VALUE_LOG_DIR_EVENT, .log_dir_event = {broker_id, 1}};
    fake_zk_put(rig->zk, "/log_dir_event_notification/log_dir_event_0000000000", &event);
    rig_run(rig);
}

START_TEST(log_directory_that_answers_again_has_its_replicas_back)
{
    static const int32_t on_2[] = {2};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_put_topic(rig, "alone", 1, on_2, 1);
    rig->partition_err[2] = ERR_KAFKA_STORAGE_ERROR;
    tell_of_log_dir(rig, 2);
    ck_assert_int_eq(rig_state(rig, "alone", 0)->leader, -1);
    rig->partition_err[2] = ERR_NONE;
    rig_forget_trace(rig);
    tell_of_log_dir(rig, 2);
    ck_assert_int_eq(rig_state(rig, "alone", 0)->leader, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1); /* 2 has to catch up first */
    ck_assert(rig_saw(rig, "Update broker=1 t-0 leader=1"));
    rig_free(rig);
}
END_TEST

START_TEST(balance_timer_brings_leaders_home)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_kill(rig, 2);
    rig_run(rig);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    rig_advance(rig, 5000);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1); /* 2 is not in the ISR */
    int32_t isr[] = {1, 3, 2};
    struct controller_isr_change change = {
        .topic = {.name = "t"}, .partition = 0, .leader_epoch = 1, .partition_epoch = 1, .isr = {isr, 3}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    request.alter_partition =
        (struct controller_alter_partition){.broker_id = 1,
                                            .broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/1"),
                                            .version = 3,
                                            .changes = &change,
                                            .changes_count = 1};
    rig_request(rig, 0, 5, &request);
    ck_assert_int_eq(rig_answer(rig, 5)->partitions[0].err, ERR_NONE);
    rig_advance(rig, 300000);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    rig_free(rig);
}
END_TEST

/* Its leader had added it to the ISR by itself, and told nobody yet (inter.broker.protocol.version
 * below 2.7). */
START_TEST(member_of_an_isr_that_was_not_announced_yet_is_elected)
{
    static const int32_t on_23[] = {2, 3};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_23, 2);
    rig_kill(rig, 3);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 1);
    rig_register(rig, 3, NULL);
    rig_run(rig);
    struct controller_value value = {.kind = CONTROLLER_VALUE_STATE, .state = *rig_state(rig, "t", 0)};
    int32_t isr[] = {2, 3};
    value.state.isr = (struct znode_ids){isr, 2};
    fake_zk_put(rig->zk, "/brokers/topics/t/partitions/0/state", &value);
    rig_kill(rig, 2);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 3);
    rig_free(rig);
}
END_TEST

Suite *brokers_suite(void)
{
    Suite *suite = suite_create("brokers");
    TCase *tcase = tcase_create("brokers");
    tcase_add_test(tcase, member_of_an_isr_that_was_not_announced_yet_is_elected);
    tcase_add_test(tcase, death_of_a_leader_moves_leadership_and_shrinks_the_isr_in_one_write);
    tcase_add_test(tcase, death_of_a_follower_shrinks_the_isr_with_a_new_leader_epoch);
    tcase_add_test(tcase, last_member_of_the_isr_stays_in_it_and_leads_again);
    tcase_add_test(tcase, brokers_that_die_together_all_stay_in_an_isr_of_their_own);
    tcase_add_test(tcase, newcomer_learns_everything_and_the_others_learn_of_it_first);
    tcase_add_test(tcase, bounced_broker_goes_through_death_and_birth);
    tcase_add_test(tcase, changed_endpoints_give_a_new_channel_and_are_told);
    tcase_add_test(tcase, what_was_in_flight_on_a_replaced_channel_is_sent_again);
    tcase_add_test(tcase, failed_log_directory_moves_its_leaders);
    tcase_add_test(tcase, log_directory_that_answers_again_has_its_replicas_back);
    tcase_add_test(tcase, balance_timer_brings_leaders_home);
    suite_add_tcase(suite, tcase);
    return suite;
}
