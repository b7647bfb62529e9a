#include <stdio.h>

#include "rig.h"
#include "suites.h"

static int64_t epoch_of(struct rig *rig, int id)
{
    char path[32];
    snprintf(path, sizeof path, "/brokers/ids/%d", id);
    return fake_zk_czxid(rig->zk, path);
}

/* ---- producer ids */

static const struct controller_answer *allocate(struct rig *rig, int id, int64_t epoch, uint64_t ticket)
{
    struct controller_request request = {.kind = CONTROLLER_ALLOCATE_PRODUCER_IDS};
    request.allocate_producer_ids.broker_id = id;
    request.allocate_producer_ids.broker_epoch = epoch;
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket);
}

START_TEST(producer_ids_come_in_blocks_of_a_thousand)
{
    struct rig *rig = rig_cluster(2);
    ck_assert_int_eq(allocate(rig, 1, epoch_of(rig, 1), 1)->producer_id_start, 0);
    const struct controller_answer *second = allocate(rig, 2, epoch_of(rig, 2), 2);
    ck_assert_int_eq(second->producer_id_start, 1000);
    ck_assert_int_eq(second->producer_id_count, 1000);
    const struct znode_producer_id_block *block =
        &fake_zk_value(rig->zk, "/latest_producer_id_block")->producer_ids;
    ck_assert_int_eq(block->broker_id, 2);
    ck_assert_int_eq(block->block_end, 1999);
    rig_free(rig);
}
END_TEST

START_TEST(producer_ids_are_for_registered_brokers_and_end_somewhere)
{
    struct rig *rig = rig_cluster(1);
    ck_assert_int_eq(allocate(rig, 5, 1, 1)->err, ERR_BROKER_ID_NOT_REGISTERED);
    ck_assert_int_eq(allocate(rig, 1, 1, 2)->err, ERR_STALE_BROKER_EPOCH);
    struct controller_value value = {.kind = CONTROLLER_VALUE_PRODUCER_IDS};
    value.producer_ids.block_end = INT64_MAX - 10;
    fake_zk_put(rig->zk, "/latest_producer_id_block", &value);
    ck_assert_int_eq(allocate(rig, 1, epoch_of(rig, 1), 3)->err, ERR_UNKNOWN_SERVER_ERROR);
    rig_free(rig);
}
END_TEST

/* ---- AlterPartition */

static const int32_t on_123[] = {1, 2, 3};

struct attempt {
    int32_t leader_epoch;
    int32_t partition_epoch;
    int32_t isr[4];
    int isr_count;
    int broker;
    const char *topic;     /* NULL = t */
    const int64_t *epochs; /* of the ISR's brokers; NULL = not said */
};

static const struct controller_partition_answer *alter(struct rig *rig, const struct attempt *a,
                                                       uint64_t ticket)
{
    struct controller_isr_change change = {.topic = {.name = a->topic ? a->topic : "t"},
                                           .partition = 0,
                                           .leader_epoch = a->leader_epoch,
                                           .partition_epoch = a->partition_epoch,
                                           .isr = {(int32_t *)(uintptr_t)a->isr, a->isr_count},
                                           .isr_epochs = a->epochs};
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    request.alter_partition = (struct controller_alter_partition){
        .broker_id = a->broker, .broker_epoch = epoch_of(rig, a->broker), .version = 3};
    request.alter_partition.changes = &change;
    request.alter_partition.changes_count = 1;
    rig_request(rig, 0, ticket, &request);
    const struct controller_answer *answer = rig_answer(rig, ticket);
    ck_assert_int_eq(answer->err, ERR_NONE);
    return &answer->partitions[0];
}

START_TEST(leader_shrinks_its_isr_without_a_new_leader_epoch)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig_forget_trace(rig);
    struct attempt attempt = {.isr = {1, 3}, .isr_count = 2, .broker = 1};
    const struct controller_partition_answer *answer = alter(rig, &attempt, 1);
    ck_assert_int_eq(answer->err, ERR_NONE);
    ck_assert_int_eq(answer->partition_epoch, 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 0);
    ck_assert(rig_saw(rig, "Update broker=2 t-0 leader=1 epoch=0 isr=1,3\n"));
    ck_assert(!rig_saw(rig, "LeaderAndIsr"));
    ck_assert_int_eq(alter(rig, &attempt, 2)->err, ERR_NONE); /* said again: already so */
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), 1);
    rig_free(rig);
}
END_TEST

START_TEST(wrong_isr_changes_are_refused)
{
    static const struct {
        struct attempt attempt;
        enum err err;
    } cases[] = {
        {{.leader_epoch = 9, .isr = {1}, .isr_count = 1, .broker = 1}, ERR_NOT_CONTROLLER},
        {{.partition_epoch = 9, .isr = {1}, .isr_count = 1, .broker = 1}, ERR_NOT_CONTROLLER},
        {{.leader_epoch = -1, .isr = {1}, .isr_count = 1, .broker = 1}, ERR_FENCED_LEADER_EPOCH},
        {{.partition_epoch = -1, .isr = {1}, .isr_count = 1, .broker = 1}, ERR_INVALID_UPDATE_VERSION},
        {{.isr = {2}, .isr_count = 1, .broker = 2}, ERR_INVALID_REQUEST},
        {{.isr = {1, 7}, .isr_count = 2, .broker = 1}, ERR_INELIGIBLE_REPLICA},
        {{.isr = {2}, .isr_count = 1, .broker = 1}, ERR_INVALID_REQUEST},
    };
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(alter(rig, &cases[i].attempt, i)->err, cases[i].err);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), 0);
    rig_free(rig);
}
END_TEST

START_TEST(isr_change_that_is_asked_for_twice_is_written_once)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    int32_t first[] = {1, 3}, second[] = {1, 2};
    const struct controller_isr_change changes[] = {{.topic.name = "t", .isr = {first, 2}},
                                                    {.topic.name = "t", .isr = {second, 2}}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    request.alter_partition =
        (struct controller_alter_partition){.broker_id = 1,
                                            .broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/1"),
                                            .version = 3,
                                            .changes = changes,
                                            .changes_count = 2};
    rig_request(rig, 0, 1, &request);
    ck_assert_int_eq(rig_answer(rig, 1)->partitions[0].err, ERR_NONE);
    ck_assert_int_eq(rig_answer(rig, 1)->partitions[1].err, ERR_INVALID_REQUEST);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.ids[1], 3);
    rig_free(rig);
}
END_TEST

START_TEST(member_that_was_started_again_since_it_was_in_sync_is_refused)
{
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    int64_t epochs[] = {epoch_of(rig, 1), epoch_of(rig, 3) - 1};
    struct attempt attempt = {.isr = {1, 3}, .isr_count = 2, .broker = 1, .epochs = epochs};
    ck_assert_int_eq(alter(rig, &attempt, 1)->err, ERR_INELIGIBLE_REPLICA);
    epochs[1] = -1; /* an older follower does not say */
    ck_assert_int_eq(alter(rig, &attempt, 2)->err, ERR_NONE);
    struct attempt alone = {.partition_epoch = 1, .isr = {1}, .isr_count = 1, .broker = 1, .epochs = epochs};
    ck_assert_int_eq(alter(rig, &alone, 3)->err, ERR_NONE);
    rig_free(rig);
}
END_TEST

/* ---- controlled shutdown */

START_TEST(controlled_shutdown_moves_leaders_and_leaves_isrs)
{
    static const int32_t replicas[] = {2, 1, 3, 1, 2, 3};
    static const int32_t alone[] = {2};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 2, replicas, 3);
    rig_put_topic(rig, "alone", 1, alone, 1);
    struct controller_request request = {.kind = CONTROLLER_CONTROLLED_SHUTDOWN};
    request.controlled_shutdown.broker_id = 2;
    request.controlled_shutdown.broker_epoch = epoch_of(rig, 2);
    rig_request(rig, 0, 1, &request);
    ck_assert_int_eq(rig_answer(rig, 1)->err, ERR_NONE);
    ck_assert_int_eq(rig_answer(rig, 1)->partitions_count, 0);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 2);
    ck_assert_int_eq(rig_state(rig, "t", 1)->isr.count, 2);
    ck_assert_int_eq(rig_state(rig, "alone", 0)->leader, 2);
    ck_assert(rig_saw(rig, "Stop broker=2 t-1 epoch=0\n"));
    struct attempt back = {
        .leader_epoch = 1, .partition_epoch = 1, .isr = {1, 3, 2}, .isr_count = 3, .broker = 1};
    ck_assert_int_eq(alter(rig, &back, 2)->err, ERR_INELIGIBLE_REPLICA);
    rig_free(rig);
}
END_TEST

START_TEST(controlled_shutdown_names_what_nobody_can_take)
{
    static const int32_t replicas[] = {2, 3};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, replicas, 2);
    rig_kill(rig, 3);
    rig_run(rig);
    struct controller_request request = {.kind = CONTROLLER_CONTROLLED_SHUTDOWN};
    request.controlled_shutdown.broker_id = 2;
    request.controlled_shutdown.broker_epoch = -1;
    rig_request(rig, 0, 1, &request);
    ck_assert_int_eq(rig_answer(rig, 1)->partitions_count, 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    request.controlled_shutdown.broker_id = 8;
    rig_request(rig, 0, 2, &request);
    ck_assert_int_eq(rig_answer(rig, 2)->err, ERR_UNKNOWN_SERVER_ERROR);
    rig_free(rig);
}
END_TEST

/* ---- ElectLeaders */

START_TEST(elections_on_request_answer_for_each_partition)
{
    static const int32_t replicas[] = {2, 1, 3};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig_put_topic(rig, "u", 1, replicas, 3);
    rig_kill(rig, 2);
    rig_run(rig);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    struct znode_partition items[] = {{.topic = "t"}, {.topic = "u"}, {.topic = "none", .partition = 4}};
    struct controller_request request = {.kind = CONTROLLER_ELECT_LEADERS};
    request.elect_leaders.election = CONTROLLER_ELECT_PREFERRED;
    request.elect_leaders.partitions = (struct znode_partitions){items, 3};
    rig_request(rig, 0, 1, &request);
    const struct controller_answer *answer = rig_answer(rig, 1);
    ck_assert_int_eq(answer->partitions[0].err, ERR_ELECTION_NOT_NEEDED);
    ck_assert_int_eq(answer->partitions[1].err, ERR_PREFERRED_LEADER_NOT_AVAILABLE);
    ck_assert_int_eq(answer->partitions[2].err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    rig_free(rig);
}
END_TEST

START_TEST(partition_that_is_named_twice_is_elected_once)
{
    static const int32_t replicas[] = {2, 1, 3};
    struct rig *rig = rig_cluster(3);
    rig_put_topic(rig, "t", 1, replicas, 3);
    rig_kill(rig, 2);
    rig_run(rig);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    struct attempt back = {.leader_epoch = 1, .partition_epoch = 1, .isr = {1, 3, 2}, .isr_count = 3};
    back.broker = 1;
    ck_assert_int_eq(alter(rig, &back, 1)->err, ERR_NONE);
    struct znode_partition items[] = {{.topic = "t"}, {.topic = "t"}};
    struct controller_request request = {.kind = CONTROLLER_ELECT_LEADERS};
    request.elect_leaders.election = CONTROLLER_ELECT_PREFERRED;
    request.elect_leaders.partitions = (struct znode_partitions){items, 2};
    rig_request(rig, 0, 2, &request);
    ck_assert_int_eq(rig_answer(rig, 2)->partitions_count, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(rig_answer(rig, 2)->partitions[i].err, ERR_NONE);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 2);
    rig_free(rig);
}
END_TEST

START_TEST(unclean_election_on_request_needs_no_config)
{
    static const int32_t replicas[] = {2, 1};
    struct rig *rig = rig_cluster(2);
    rig_put_topic(rig, "t", 1, replicas, 2);
    struct attempt alone = {.isr = {2}, .isr_count = 1, .broker = 2};
    ck_assert_int_eq(alter(rig, &alone, 1)->err, ERR_NONE);
    rig_kill(rig, 2);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, -1);
    struct controller_request request = {.kind = CONTROLLER_ELECT_LEADERS};
    request.elect_leaders.election = CONTROLLER_ELECT_UNCLEAN;
    request.elect_leaders.all = true;
    rig_request(rig, 0, 2, &request);
    ck_assert_int_eq(rig_answer(rig, 2)->partitions_count, 1);
    ck_assert_int_eq(rig_answer(rig, 2)->partitions[0].err, ERR_NONE);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    rig_free(rig);
}
END_TEST

/* Topics t and u, whose in-sync replica is gone; broker 1 holds an older one of each. */
static struct rig *rig_leaderless(void)
{
    static const int32_t replicas[] = {2, 1};
    struct rig *rig = rig_cluster(2);
    rig_put_topic(rig, "t", 1, replicas, 2);
    rig_put_topic(rig, "u", 1, replicas, 2);
    struct attempt alone = {.isr = {2}, .isr_count = 1, .broker = 2};
    alter(rig, &alone, 1);
    alone.topic = "u";
    alter(rig, &alone, 2);
    rig_kill(rig, 2);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, -1);
    ck_assert_int_eq(rig_state(rig, "u", 0)->leader, -1);
    return rig;
}

static void feed_unclean(struct rig *rig, const char *topic, bool enabled)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_UNCLEAN_ELECTION,
                                     .unclean_election = {.topic = topic, .enabled = enabled}};
    rig_feed(rig, 0, &event);
    rig_run(rig);
}

START_TEST(unclean_default_that_is_turned_on_elects_for_all_at_once)
{
    struct rig *rig = rig_leaderless();
    feed_unclean(rig, NULL, false);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, -1);
    feed_unclean(rig, NULL, true);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert_int_eq(rig_state(rig, "u", 0)->leader, 1);
    rig_free(rig);
}
END_TEST

START_TEST(unclean_default_that_is_turned_off_again_elects_nobody_any_more)
{
    static const int32_t replicas[] = {2, 1};
    struct rig *rig = rig_cluster(2);
    rig_put_topic(rig, "t", 1, replicas, 2);
    struct attempt alone = {.isr = {2}, .isr_count = 1, .broker = 2};
    alter(rig, &alone, 1);
    feed_unclean(rig, NULL, true);
    feed_unclean(rig, NULL, false);
    rig_kill(rig, 2);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, -1);
    rig_free(rig);
}
END_TEST

START_TEST(unclean_topic_elects_for_itself_alone)
{
    struct znode_config_entry entry = {"unclean.leader.election.enable", "true"};
    struct controller_value config = {.kind = CONTROLLER_VALUE_CONFIG, .config = {&entry, 1}};
    struct rig *rig = rig_leaderless();
    fake_zk_put(rig->zk, "/config/topics/t", &config);
    feed_unclean(rig, "t", false);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, -1);
    feed_unclean(rig, "t", true);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert_int_eq(rig_state(rig, "u", 0)->leader, -1);
    rig_free(rig);
}
END_TEST

Suite *requests_suite(void)
{
    Suite *suite = suite_create("requests");
    TCase *tcase = tcase_create("requests");
    tcase_add_test(tcase, producer_ids_come_in_blocks_of_a_thousand);
    tcase_add_test(tcase, producer_ids_are_for_registered_brokers_and_end_somewhere);
    tcase_add_test(tcase, leader_shrinks_its_isr_without_a_new_leader_epoch);
    tcase_add_test(tcase, wrong_isr_changes_are_refused);
    tcase_add_test(tcase, isr_change_that_is_asked_for_twice_is_written_once);
    tcase_add_test(tcase, member_that_was_started_again_since_it_was_in_sync_is_refused);
    tcase_add_test(tcase, controlled_shutdown_moves_leaders_and_leaves_isrs);
    tcase_add_test(tcase, controlled_shutdown_names_what_nobody_can_take);
    tcase_add_test(tcase, elections_on_request_answer_for_each_partition);
    tcase_add_test(tcase, partition_that_is_named_twice_is_elected_once);
    tcase_add_test(tcase, unclean_election_on_request_needs_no_config);
    tcase_add_test(tcase, unclean_default_that_is_turned_on_elects_for_all_at_once);
    tcase_add_test(tcase, unclean_default_that_is_turned_off_again_elects_nobody_any_more);
    tcase_add_test(tcase, unclean_topic_elects_for_itself_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
