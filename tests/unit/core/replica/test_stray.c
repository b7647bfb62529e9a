#include "core/replica/stray.h"

#include "suites.h"

#define ME 3

static int32_t others[] = {1, 2};
static int32_t with_me[] = {1, 3};
static int32_t only_me[] = {3};

static struct znode_assignment assignment;
static struct znode_topic topic;
static struct znode_state state;
static struct stray_facts facts;

/* What a move that has ended leaves: another controller knows nothing of it. */
static void setup(void)
{
    assignment = (struct znode_assignment){.partition = 5, .replicas = {others, 2}};
    topic = (struct znode_topic){.partitions = &assignment, .partitions_count = 1};
    topic.topic_id.bytes[0] = 7;
    state = (struct znode_state){.leader = 1, .leader_epoch = 4, .isr = {others, 2}};
    facts = (struct stray_facts){.broker_id = ME,
                                 .partition = 5,
                                 .topic_id = topic.topic_id,
                                 .latest_epoch = 3,
                                 .topic_read = true,
                                 .topic = &topic,
                                 .state_read = true,
                                 .state = &state};
}

static void check(enum stray_verdict verdict)
{
    ck_assert_str_eq(stray_reason(stray_judge(&facts)), stray_reason(verdict));
}

START_TEST(log_that_others_have_all_of_is_superfluous)
{
    check(STRAY_SUPERFLUOUS);
    facts.latest_epoch = -1;
    check(STRAY_SUPERFLUOUS);
}
END_TEST

/* A ZooKeeper restored from an old backup shows no newer epoch than the log. */
START_TEST(log_with_a_record_of_the_present_epoch_is_kept)
{
    facts.latest_epoch = 4;
    check(STRAY_ELSEWHERE);
    facts.latest_epoch = 9;
    check(STRAY_ELSEWHERE);
    facts.latest_epoch = 3;
    facts.state = NULL;
    check(STRAY_ELSEWHERE);
}
END_TEST

START_TEST(log_that_is_assigned_here_is_no_stray)
{
    assignment.replicas = (struct znode_ids){with_me, 2};
    check(STRAY_NOT);
    assignment.replicas = (struct znode_ids){others, 2};
    assignment.adding = (struct znode_ids){only_me, 1};
    check(STRAY_NOT);
    assignment.adding = (struct znode_ids){0};
    assignment.removing = (struct znode_ids){only_me, 1};
    check(STRAY_NOT);
}
END_TEST

START_TEST(log_is_kept_while_its_partition_moves_or_lacks_a_replica)
{
    assignment.removing = (struct znode_ids){others, 1};
    check(STRAY_MOVING);
    assignment.removing = (struct znode_ids){0};
    state.isr.count = 1;
    check(STRAY_MOVING);
    state.isr.count = 2;
    state.leader = ZNODE_NO_LEADER;
    check(STRAY_MOVING);
}
END_TEST

START_TEST(log_of_a_topic_that_zookeeper_does_not_know_is_kept)
{
    facts.topic = NULL;
    check(STRAY_TOPIC_GONE);
}
END_TEST

START_TEST(log_of_another_topic_of_that_name_is_kept)
{
    topic.topic_id.bytes[0] = 8;
    check(STRAY_OTHER_TOPIC);
    facts.topic_id = topic.topic_id = (struct uuid){0};
    check(STRAY_OTHER_TOPIC);
    setup();
    facts.partition = 6;
    check(STRAY_OTHER_TOPIC);
}
END_TEST

START_TEST(nothing_follows_from_what_could_not_be_read)
{
    facts.state_read = false;
    check(STRAY_UNKNOWN);
    facts.topic_read = false;
    check(STRAY_UNKNOWN);
}
END_TEST

Suite *stray_suite(void)
{
    Suite *suite = suite_create("stray");
    TCase *tcase = tcase_create("verdicts");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, log_that_others_have_all_of_is_superfluous);
    tcase_add_test(tcase, log_with_a_record_of_the_present_epoch_is_kept);
    tcase_add_test(tcase, log_that_is_assigned_here_is_no_stray);
    tcase_add_test(tcase, log_is_kept_while_its_partition_moves_or_lacks_a_replica);
    tcase_add_test(tcase, log_of_a_topic_that_zookeeper_does_not_know_is_kept);
    tcase_add_test(tcase, log_of_another_topic_of_that_name_is_kept);
    tcase_add_test(tcase, nothing_follows_from_what_could_not_be_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
