#include <stdio.h>

#include "rig.h"
#include "suites.h"

static const int32_t on_213[] = {2, 1, 3};
static const int32_t on_123[] = {1, 2, 3};
static const int32_t on_231[] = {2, 3, 1};

static void go_silent(struct rig *rig, int id)
{
    rig->mood[id] = RIG_UNREACHABLE;
}

/* The broker's process is gone, its session is not. */
static void crash(struct rig *rig, int core, int id)
{
    go_silent(rig, id);
    rig_refuse(rig, core, id);
}

static void expect_isr(struct rig *rig, const char *topic, int32_t leader, int32_t epoch, int32_t members)
{
    const struct znode_state *state = rig_state(rig, topic, 0);
    ck_assert_int_eq(state->leader, leader);
    ck_assert_int_eq(state->leader_epoch, epoch);
    ck_assert_int_eq(state->isr.count, members);
}

static bool is_suspected(struct rig *rig, int id)
{
    char path[64];
    snprintf(path, sizeof path, "/barnabas/suspects/%d", id);
    return fake_zk_exists(rig->zk, path);
}

/* ---- brokers */

START_TEST(leadership_leaves_a_suspect_and_it_leaves_the_isr)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_forget_trace(rig);
    crash(rig, 0, 2);
    expect_isr(rig, "t", 1, 1, 2);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), 1);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=1 t-0 leader=1 epoch=1 isr=1,3\n"));
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=3 t-0 leader=1 epoch=1 isr=1,3\n"));
    ck_assert(rig_saw(rig, "Update broker=3 t-0 leader=1 epoch=1 isr=1,3\n"));
    ck_assert(!rig_saw(rig, "Stop"));
    const struct controller_value *value = fake_zk_value(rig->zk, "/barnabas/suspects/2");
    ck_assert_int_eq(value->suspect.broker_epoch, fake_zk_czxid(rig->zk, "/brokers/ids/2"));
    ck_assert_int_eq(value->suspect.controller_epoch, 1);
    rig_free(rig);
}
END_TEST

START_TEST(suspect_that_lives_after_all_is_told_who_leads)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_refuse(rig, 0, 2); /* and yet it answers */
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=2 t-0 leader=1 epoch=1 isr=1,3\n"));
    rig_free(rig);
}
END_TEST

START_TEST(follower_that_is_suspected_leaves_the_isr_with_a_new_leader_epoch)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    crash(rig, 0, 3);
    expect_isr(rig, "t", 1, 1, 2);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=1 t-0 leader=1 epoch=1 isr=1,2\n"));
    rig_free(rig);
}
END_TEST

START_TEST(suspicion_takes_no_leader_away)
{
    static const int32_t on_2[] = {2};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "alone", 1, on_2, 1);
    rig_put_topic(rig, "last", 1, on_231, 3);
    rig_kill(rig, 3);
    rig_run(rig);
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    int32_t isr[] = {2};
    struct controller_isr_change change = {
        .topic = {.name = "last"},
        .leader_epoch = rig_state(rig, "last", 0)->leader_epoch,
        .partition_epoch = fake_zk_version(rig->zk, "/brokers/topics/last/partitions/0/state"),
        .isr = {isr, 1}};
    request.alter_partition.broker_id = 2;
    request.alter_partition.broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/2");
    request.alter_partition.version = 3;
    request.alter_partition.changes = &change;
    request.alter_partition.changes_count = 1;
    rig_request(rig, 0, 1, &request);
    expect_isr(rig, "last", 2, 1, 1);
    crash(rig, 0, 2);
    expect_isr(rig, "alone", 2, 0, 1);
    expect_isr(rig, "last", 2, 1, 1);
    rig_free(rig);
}
END_TEST

START_TEST(end_of_the_suspects_session_moves_nothing_again)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "led", 1, on_213, 3);
    rig_put_topic(rig, "followed", 1, on_123, 3);
    crash(rig, 0, 2);
    ck_assert(is_suspected(rig, 2));
    rig_kill(rig, 2);
    rig_run(rig);
    expect_isr(rig, "led", 1, 1, 2);
    expect_isr(rig, "followed", 1, 1, 2);
    ck_assert(!is_suspected(rig, 2));
    rig_free(rig);
}
END_TEST

START_TEST(suspect_that_registers_anew_is_none)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    crash(rig, 0, 2);
    rig_kill(rig, 2);
    rig->mood[2] = RIG_ANSWERS;
    rig_register(rig, 2, NULL); /* both before anybody looks */
    rig_forget_trace(rig);
    rig_run(rig);
    ck_assert(!is_suspected(rig, 2));
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=2 t-0 leader=1 epoch=1 isr=1,3\n"));
    expect_isr(rig, "t", 1, 1, 2);
    rig_free(rig);
}
END_TEST

static enum err ask_to_join(struct rig *rig, uint64_t ticket)
{
    int32_t isr[] = {1, 2, 3};
    struct controller_isr_change change = {
        .topic = {.name = "t"},
        .leader_epoch = rig_state(rig, "t", 0)->leader_epoch,
        .partition_epoch = fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"),
        .isr = {isr, 3}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    request.alter_partition.broker_id = 1;
    request.alter_partition.broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/1");
    request.alter_partition.version = 3;
    request.alter_partition.changes = &change;
    request.alter_partition.changes_count = 1;
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket)->partitions[0].err;
}

START_TEST(suspect_joins_no_isr_until_it_answers)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    crash(rig, 0, 2);
    ck_assert_int_eq(ask_to_join(rig, 1), ERR_INELIGIBLE_REPLICA);
    rig->mood[2] = RIG_ANSWERS;
    rig_advance(rig, 1000);
    ck_assert(!is_suspected(rig, 2));
    ck_assert_int_eq(ask_to_join(rig, 2), ERR_NONE);
    expect_isr(rig, "t", 1, 1, 3);
    rig_free(rig);
}
END_TEST

START_TEST(suspect_that_is_first_of_the_replicas_does_not_get_a_new_topic_to_lead)
{
    struct rig *rig = rig_cluster(3);
    crash(rig, 0, 2);
    rig_put_topic(rig, "t", 1, on_213, 3);
    expect_isr(rig, "t", 1, 0, 2);
    rig->mood[2] = RIG_ANSWERS;
    rig_forget_trace(rig);
    rig_advance(rig, 1000);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=2 t-0 leader=1"));
    rig_free(rig);
}
END_TEST

START_TEST(suspect_that_is_the_only_replica_of_a_new_topic_leads_it)
{
    static const int32_t on_2[] = {2};
    struct rig *rig = rig_cluster(2);
    crash(rig, 0, 2);
    rig_put_topic(rig, "t", 1, on_2, 1);
    expect_isr(rig, "t", 2, 0, 1);
    rig_free(rig);
}
END_TEST

START_TEST(suspects_one_after_the_other_leave_the_last_member_leading)
{
    struct rig *rig = rig_cluster(3);
    static const int32_t on_23[] = {2, 3};
    rig_put_topic(rig, "three", 1, on_231, 3);
    rig_put_topic(rig, "two", 1, on_23, 2);
    crash(rig, 0, 2);
    expect_isr(rig, "two", 3, 1, 1);
    crash(rig, 0, 3);
    expect_isr(rig, "three", 1, 2, 1);
    expect_isr(rig, "two", 3, 1, 1);
    rig_free(rig);
}
END_TEST

START_TEST(broker_that_shuts_down_is_not_suspected)
{
    struct rig *rig = rig_cluster(3);
    struct controller_request request = {.kind = CONTROLLER_CONTROLLED_SHUTDOWN};
    request.controlled_shutdown.broker_id = 2;
    request.controlled_shutdown.broker_epoch = -1;
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_request(rig, 0, 1, &request);
    crash(rig, 0, 2);
    ck_assert(!is_suspected(rig, 2));
    rig_free(rig);
}
END_TEST

START_TEST(controlled_shutdown_does_not_hand_over_to_a_suspect)
{
    struct rig *rig = rig_cluster(3);
    struct controller_request request = {.kind = CONTROLLER_CONTROLLED_SHUTDOWN};
    request.controlled_shutdown.broker_id = 3;
    request.controlled_shutdown.broker_epoch = -1;
    static const int32_t on_321[] = {3, 2, 1};
    rig_put_topic(rig, "t", 1, on_321, 3);
    crash(rig, 0, 2);
    rig_request(rig, 0, 1, &request);
    ck_assert_int_eq(rig_answer(rig, 1)->partitions_count, 0);
    expect_isr(rig, "t", 1, 2, 1);
    rig_free(rig);
}
END_TEST

START_TEST(evidence_about_an_earlier_registration_says_nothing)
{
    struct rig *rig = rig_cluster(3);
    struct controller_event event = rig_watched(rig, CONTROLLER_EVENT_REFUSED, 2);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_kill(rig, 2);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    int32_t epoch = rig_state(rig, "t", 0)->leader_epoch;
    go_silent(rig, 2);
    rig_feed(rig, 0, &event);
    rig_run(rig);
    ck_assert(!is_suspected(rig, 2));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, epoch);
    rig_free(rig);
}
END_TEST

START_TEST(one_registration_is_not_suspected_twice_in_a_row)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig_refuse(rig, 0, 3); /* it answers */
    ck_assert(!is_suspected(rig, 3));
    ck_assert_int_eq(ask_to_join(rig, 1), ERR_NONE);
    rig_advance(rig, 9000);
    rig_refuse(rig, 0, 3);
    expect_isr(rig, "t", 1, 1, 3);
    rig_advance(rig, 1000);
    rig_refuse(rig, 0, 3);
    expect_isr(rig, "t", 1, 2, 2);
    rig_free(rig);
}
END_TEST

START_TEST(switched_off_nothing_is_suspected_and_nobody_replaced)
{
    struct rig *rig = rig_new();
    rig->no_suspicion = true;
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    int second = rig_add_core(rig, 2);
    rig_put_topic(rig, "t", 1, on_213, 3);
    crash(rig, 0, 2);
    expect_isr(rig, "t", 2, 0, 3);
    crash(rig, second, 1);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert(!rig_saw(rig, "watch"));
    rig_free(rig);
}
END_TEST

START_TEST(suspicion_that_comes_during_a_failover_is_dealt_with_after_it)
{
    struct rig *rig = rig_new();
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    int second = rig_add_core(rig, 2);
    static const int32_t on_312[] = {3, 1, 2};
    rig_put_topic(rig, "t", 1, on_312, 3);
    go_silent(rig, 3);
    rig_kill(rig, 1);
    while (!controller_is_active(rig->cores[second].c))
        ck_assert(rig_run_one(rig));
    rig_refuse(rig, second, 3);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 1);
    ck_assert(is_suspected(rig, 3));
    rig_free(rig);
}
END_TEST

START_TEST(suspicion_of_a_broker_that_gets_a_partition_lets_the_move_go_on_when_it_is_back)
{
    static const int32_t on_1[] = {1};
    int32_t to = 2;
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_1, 1);
    struct controller_move move = {.topic = "t", .replicas = {&to, 1}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &move;
    request.alter_reassignments.moves_count = 1;
    rig_request(rig, 0, 1, &request);
    crash(rig, 0, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    rig->mood[2] = RIG_ANSWERS;
    rig_advance(rig, 1000);
    int32_t isr[] = {1, 2};
    struct controller_isr_change change = {
        .topic = {.name = "t"},
        .leader_epoch = rig_state(rig, "t", 0)->leader_epoch,
        .partition_epoch = fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"),
        .isr = {isr, 2}};
    struct controller_request join = {.kind = CONTROLLER_ALTER_PARTITION};
    join.alter_partition.broker_id = 1;
    join.alter_partition.broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/1");
    join.alter_partition.version = 3;
    join.alter_partition.changes = &change;
    join.alter_partition.changes_count = 1;
    rig_request(rig, 0, 2, &join);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 1);
    rig_free(rig);
}
END_TEST

/* ---- controllers */

/* Three brokers, each with a core; that of broker 1 is controller. */
static struct rig *three_cores(void)
{
    struct rig *rig = rig_new();
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    for (int id = 1; id <= 3; id++)
        rig_add_core(rig, id);
    return rig;
}

START_TEST(controller_whose_port_refuses_is_replaced_and_suspected)
{
    struct rig *rig = three_cores();
    rig_put_topic(rig, "t", 1, on_123, 3);
    ck_assert(rig_saw(rig, "watch broker=1 by=2\n"));
    crash(rig, 1, 1);
    ck_assert(controller_is_active(rig->cores[1].c));
    ck_assert_int_eq(controller_epoch(rig->cores[1].c), 2);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/controller")->controller.broker_id, 2);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/controller_epoch"), 2);
    expect_isr(rig, "t", 2, 1, 2);
    ck_assert(is_suspected(rig, 1));
    rig_kill(rig, 1);
    rig_run(rig);
    expect_isr(rig, "t", 2, 1, 2);
    rig_free(rig);
}
END_TEST

START_TEST(one_broker_replaces_the_controller_and_the_others_follow_it)
{
    struct rig *rig = three_cores();
    struct controller_event event = rig_watched(rig, CONTROLLER_EVENT_REFUSED, 1);
    go_silent(rig, 1);
    rig_feed(rig, 1, &event);
    rig_feed(rig, 2, &event);
    rig_run(rig);
    ck_assert(controller_is_active(rig->cores[1].c) != controller_is_active(rig->cores[2].c));
    ck_assert_int_eq(fake_zk_version(rig->zk, "/controller_epoch"), 2);
    rig_free(rig);
}
END_TEST

START_TEST(controller_that_was_replaced_alive_resigns_and_does_not_stand_for_a_while)
{
    struct rig *rig = three_cores();
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig_refuse(rig, 1, 1); /* wrongly: it lives */
    ck_assert(!controller_is_active(rig->cores[0].c));
    ck_assert(controller_is_active(rig->cores[1].c));
    ck_assert(!is_suspected(rig, 1)); /* it answered */
    rig_refuse(rig, 0, 2);
    ck_assert(!controller_is_active(rig->cores[0].c));
    rig->cores[2].session = -1; /* broker 3 does not hear of it */
    rig_kill(rig, 2);
    rig_run(rig);
    ck_assert(!controller_is_active(rig->cores[0].c));
    rig_advance(rig, 10000);
    ck_assert(controller_is_active(rig->cores[0].c));
    rig_free(rig);
}
END_TEST

START_TEST(controller_elected_meanwhile_is_not_replaced)
{
    struct rig *rig = three_cores();
    struct controller_event event = rig_watched(rig, CONTROLLER_EVENT_REFUSED, 1);
    rig_feed(rig, 1, &event); /* its reads are under way, and find broker 1 */
    rig_take_over(rig);
    rig_run(rig);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/controller")->controller.broker_id, 9);
    ck_assert(!controller_is_active(rig->cores[1].c));
    rig_feed(rig, 1, &event);
    rig_run(rig);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/controller")->controller.broker_id, 9);
    rig_free(rig);
}
END_TEST

START_TEST(replacement_whose_answer_was_lost_is_taken_up)
{
    for (int applied = 0; applied < 2; applied++) {
        struct rig *rig = three_cores();
        rig_put_topic(rig, "t", 1, on_123, 3);
        rig->lose_at = rig->writes_done;
        rig->lose_applied = !applied;
        crash(rig, 1, 1);
        if (!controller_is_active(rig->cores[1].c))
            rig_refuse(rig, 1, 1); /* told again a second later */
        ck_assert(controller_is_active(rig->cores[1].c));
        expect_isr(rig, "t", 2, 1, 2);
        ck_assert(is_suspected(rig, 1));
        rig_free(rig);
    }
}
END_TEST

START_TEST(suspicion_outlives_the_controller)
{
    struct rig *rig = three_cores();
    rig_put_topic(rig, "t", 1, on_123, 3);
    crash(rig, 0, 3);
    rig_kill(rig, 1);
    rig_run(rig);
    ck_assert(controller_is_active(rig->cores[1].c));
    ck_assert(is_suspected(rig, 3));
    static const int32_t on_321[] = {3, 2, 1};
    rig_put_topic(rig, "u", 1, on_321, 3);
    ck_assert_int_eq(rig_state(rig, "u", 0)->leader, 2);
    rig->mood[3] = RIG_ANSWERS;
    rig_advance(rig, 1000);
    ck_assert(!is_suspected(rig, 3));
    rig_free(rig);
}
END_TEST

static void put_suspicion(struct rig *rig, int id)
{
    char path[64];
    snprintf(path, sizeof path, "/brokers/ids/%d", id);
    struct controller_value value = {.kind = CONTROLLER_VALUE_SUSPECT};
    value.suspect = (struct znode_suspect){.broker_epoch = fake_zk_czxid(rig->zk, path), .reason = ""};
    snprintf(path, sizeof path, "/barnabas/suspects/%d", id);
    fake_zk_put(rig->zk, path, &value);
}

START_TEST(suspect_that_answers_takes_over_from_another)
{
    static const int32_t on_23[] = {2, 3};
    struct rig *rig = rig_new();
    for (int id = 1; id <= 4; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    int second = rig_add_core(rig, 4);
    rig_put_topic(rig, "t", 1, on_23, 2);
    put_suspicion(rig, 2); /* by a controller that got no further */
    put_suspicion(rig, 3);
    go_silent(rig, 2);
    go_silent(rig, 3);
    rig_kill(rig, 1);
    rig_run(rig);
    ck_assert(controller_is_active(rig->cores[second].c));
    expect_isr(rig, "t", 2, 0, 2);
    rig->mood[3] = RIG_ANSWERS;
    rig_advance(rig, 1000);
    expect_isr(rig, "t", 3, 1, 1);
    rig_free(rig);
}
END_TEST

START_TEST(suspicion_of_a_registration_that_is_over_is_deleted_at_failover)
{
    struct rig *rig = rig_new();
    rig_register(rig, 1, NULL);
    rig_register(rig, 2, NULL);
    struct controller_value value = {.kind = CONTROLLER_VALUE_SUSPECT};
    value.suspect = (struct znode_suspect){.broker_epoch = 1, .reason = ""};
    fake_zk_put(rig->zk, "/barnabas/suspects/2", &value);
    fake_zk_put(rig->zk, "/barnabas/suspects/7", &value);
    rig_add_core(rig, 1);
    ck_assert(!is_suspected(rig, 2));
    ck_assert(!is_suspected(rig, 7));
    ck_assert(controller_is_active(rig->cores[0].c));
    rig_free(rig);
}
END_TEST

Suite *suspicion_suite(void)
{
    Suite *suite = suite_create("suspicion");
    TCase *tcase = tcase_create("suspicion");
    tcase_add_test(tcase, leadership_leaves_a_suspect_and_it_leaves_the_isr);
    tcase_add_test(tcase, suspect_that_lives_after_all_is_told_who_leads);
    tcase_add_test(tcase, follower_that_is_suspected_leaves_the_isr_with_a_new_leader_epoch);
    tcase_add_test(tcase, suspicion_takes_no_leader_away);
    tcase_add_test(tcase, end_of_the_suspects_session_moves_nothing_again);
    tcase_add_test(tcase, suspect_that_registers_anew_is_none);
    tcase_add_test(tcase, suspect_joins_no_isr_until_it_answers);
    tcase_add_test(tcase, suspect_that_is_first_of_the_replicas_does_not_get_a_new_topic_to_lead);
    tcase_add_test(tcase, suspects_one_after_the_other_leave_the_last_member_leading);
    tcase_add_test(tcase, suspect_that_is_the_only_replica_of_a_new_topic_leads_it);
    tcase_add_test(tcase, broker_that_shuts_down_is_not_suspected);
    tcase_add_test(tcase, controlled_shutdown_does_not_hand_over_to_a_suspect);
    tcase_add_test(tcase, evidence_about_an_earlier_registration_says_nothing);
    tcase_add_test(tcase, one_registration_is_not_suspected_twice_in_a_row);
    tcase_add_test(tcase, switched_off_nothing_is_suspected_and_nobody_replaced);
    tcase_add_test(tcase, suspicion_that_comes_during_a_failover_is_dealt_with_after_it);
    tcase_add_test(tcase, suspicion_of_a_broker_that_gets_a_partition_lets_the_move_go_on_when_it_is_back);
    tcase_add_test(tcase, controller_whose_port_refuses_is_replaced_and_suspected);
    tcase_add_test(tcase, one_broker_replaces_the_controller_and_the_others_follow_it);
    tcase_add_test(tcase, controller_that_was_replaced_alive_resigns_and_does_not_stand_for_a_while);
    tcase_add_test(tcase, controller_elected_meanwhile_is_not_replaced);
    tcase_add_test(tcase, replacement_whose_answer_was_lost_is_taken_up);
    tcase_add_test(tcase, suspicion_outlives_the_controller);
    tcase_add_test(tcase, suspect_that_answers_takes_over_from_another);
    tcase_add_test(tcase, suspicion_of_a_registration_that_is_over_is_deleted_at_failover);
    suite_add_tcase(suite, tcase);
    return suite;
}
