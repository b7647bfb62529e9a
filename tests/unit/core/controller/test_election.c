#include "core/controller/election.h"
#include "suites.h"

static int32_t isr_ids[] = {1, 2, 3};
static const struct znode_state led_by_1 = {.leader = 1, .leader_epoch = 4, .isr = {isr_ids, 3}};

#define REPLICA(number, is_reachable, leaves, is_target)                                                     \
    {                                                                                                        \
        .id = (number), .reachable = (is_reachable), .shutting_down = (leaves), .target = (is_target)        \
    }

#define SUSPECT(number, is_reachable, leaves, is_target)                                                     \
    {                                                                                                        \
        .id = (number), .reachable = (is_reachable), .shutting_down = (leaves), .target = (is_target),       \
        .suspected = true                                                                                    \
    }

static struct arena arena;
static struct ctl_choice choice;

static bool choose(enum ctl_strategy strategy, const struct ctl_candidate *list, int32_t count, bool unclean)
{
    arena_reset(&arena);
    return ctl_choose(strategy, list, count, &led_by_1, unclean, &arena, &choice);
}

START_TEST(offline_takes_the_first_online_member_of_the_isr)
{
    struct ctl_candidate list[] = {REPLICA(1, false, false, true), REPLICA(2, true, false, true),
                                   REPLICA(3, true, false, true)};
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 3, true));
    ck_assert_int_eq(choice.leader, 2);
    ck_assert_int_eq(choice.isr.count, 2);
    ck_assert(!choice.unclean);
    ck_assert_int_eq(choice.recipients.count, 2);
}
END_TEST

START_TEST(offline_is_unclean_only_when_allowed)
{
    struct ctl_candidate list[] = {REPLICA(1, false, false, true), REPLICA(4, true, false, true)};
    ck_assert(!choose(CTL_STRATEGY_OFFLINE, list, 2, false));
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 2, true));
    ck_assert_int_eq(choice.leader, 4);
    ck_assert(choice.unclean);
    ck_assert_int_eq(choice.isr.count, 1);
    ck_assert_int_eq(choice.leader_recovery_state, 1);
}
END_TEST

START_TEST(nobody_leads_who_lost_data_by_any_strategy)
{
    struct ctl_candidate list[] = {REPLICA(1, true, false, true), REPLICA(2, true, false, true)};
    list[0].loss = ZNODE_LOSS_TAIL;
    ck_assert(!choose(CTL_STRATEGY_PREFERRED, list, 2, false));
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 2, false));
    ck_assert_int_eq(choice.leader, 2);
    ck_assert(choose(CTL_STRATEGY_REASSIGN, list, 2, false));
    ck_assert_int_eq(choice.leader, 2);
    ck_assert(choose(CTL_STRATEGY_CONTROLLED_SHUTDOWN, list, 2, false));
    ck_assert_int_eq(choice.leader, 2);
}
END_TEST

START_TEST(eligible_leads_only_when_all_of_the_isr_lost_data)
{
    struct ctl_candidate list[] = {REPLICA(1, true, false, true), REPLICA(2, false, false, true),
                                   REPLICA(3, true, false, true), REPLICA(4, true, false, true)};
    list[0].loss = list[1].loss = ZNODE_LOSS_DATA;
    list[3].eligible = true;
    list[2].reachable = false;
    ck_assert(!choose(CTL_STRATEGY_OFFLINE, list, 4, false));
    list[2].loss = ZNODE_LOSS_TAIL;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 4, true));
    ck_assert_int_eq(choice.leader, 4);
    ck_assert_int_eq(choice.isr.count, 1);
    ck_assert(!choice.unclean);
    ck_assert_int_eq(choice.leader_recovery_state, 0);
    list[3].reachable = false;
    ck_assert(!choose(CTL_STRATEGY_OFFLINE, list, 4, false));
}
END_TEST

START_TEST(unclean_election_takes_who_should_miss_the_least)
{
    struct ctl_candidate list[] = {REPLICA(1, true, false, true), REPLICA(4, true, false, true),
                                   REPLICA(2, true, false, true), REPLICA(3, false, false, true)};
    list[0].loss = ZNODE_LOSS_DATA;
    list[2].loss = list[3].loss = ZNODE_LOSS_TAIL;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 4, true));
    ck_assert_int_eq(choice.leader, 2);
    list[2].reachable = false;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 4, true));
    ck_assert_int_eq(choice.leader, 4);
    list[1].reachable = false;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 4, true));
    ck_assert_int_eq(choice.leader, 1);
    ck_assert_int_eq(choice.leader_recovery_state, 1);
}
END_TEST

START_TEST(preferred_takes_the_first_replica_or_nobody)
{
    struct ctl_candidate list[] = {REPLICA(3, true, false, true), REPLICA(1, true, false, true)};
    ck_assert(choose(CTL_STRATEGY_PREFERRED, list, 2, false));
    ck_assert_int_eq(choice.leader, 3);
    ck_assert_int_eq(choice.isr.count, 3);
    list[0].shutting_down = true;
    ck_assert(!choose(CTL_STRATEGY_PREFERRED, list, 2, false));
}
END_TEST

START_TEST(reassign_takes_the_first_of_the_target)
{
    struct ctl_candidate list[] = {REPLICA(1, true, false, false), REPLICA(2, true, false, true),
                                   REPLICA(3, true, false, true)};
    ck_assert(choose(CTL_STRATEGY_REASSIGN, list, 3, false));
    ck_assert_int_eq(choice.leader, 2);
    ck_assert_int_eq(choice.recipients.count, 2);
}
END_TEST

START_TEST(shutdown_leaves_the_isr_to_those_that_stay)
{
    struct ctl_candidate list[] = {REPLICA(1, true, true, true), REPLICA(2, true, false, true),
                                   REPLICA(3, true, true, true)};
    ck_assert(choose(CTL_STRATEGY_CONTROLLED_SHUTDOWN, list, 3, false));
    ck_assert_int_eq(choice.leader, 2);
    ck_assert_int_eq(choice.isr.count, 1);
    ck_assert_int_eq(choice.recipients.count, 3);
}
END_TEST

START_TEST(shrink_takes_all_that_go_at_once)
{
    struct ctl_candidate list[] = {REPLICA(1, false, false, true), REPLICA(2, false, false, true),
                                   REPLICA(3, true, false, true)};
    int32_t gone_ids[] = {1, 2};
    struct znode_ids gone = {gone_ids, 2};
    struct znode_state out;
    arena_reset(&arena);
    ck_assert(ctl_shrink(list, 3, &gone, &led_by_1, &arena, &out));
    ck_assert_int_eq(out.leader, ZNODE_NO_LEADER);
    ck_assert_int_eq(out.leader_epoch, 5);
    ck_assert_int_eq(out.isr.count, 1);
    ck_assert_int_eq(out.isr.ids[0], 3);
}
END_TEST

START_TEST(shrink_keeps_the_whole_isr_when_nobody_stays)
{
    struct ctl_candidate list[] = {REPLICA(1, false, false, true), REPLICA(2, false, false, true),
                                   REPLICA(3, false, false, true)};
    int32_t gone_ids[] = {1, 2};
    struct znode_ids gone = {gone_ids, 2};
    struct znode_state out;
    arena_reset(&arena);
    ck_assert(ctl_shrink(list, 3, &gone, &led_by_1, &arena, &out));
    ck_assert_int_eq(out.leader, ZNODE_NO_LEADER);
    ck_assert_int_eq(out.isr.count, 3);
}
END_TEST

START_TEST(suspect_leads_only_where_nobody_else_could)
{
    struct ctl_candidate list[] = {REPLICA(1, false, false, true), SUSPECT(2, true, false, true),
                                   REPLICA(3, true, false, true)};
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 3, false));
    ck_assert_int_eq(choice.leader, 3);
    ck_assert_int_eq(choice.isr.count, 1);
    list[2].suspected = true;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 3, false));
    ck_assert_int_eq(choice.leader, 2);
    ck_assert_int_eq(choice.isr.count, 2);
    ck_assert(choose(CTL_STRATEGY_REASSIGN, list, 3, false));
    ck_assert_int_eq(choice.leader, 2);
    ck_assert(!choose(CTL_STRATEGY_SUSPICION, list, 3, false));
    ck_assert(!choose(CTL_STRATEGY_CONTROLLED_SHUTDOWN, list, 3, false));
}
END_TEST

START_TEST(unclean_election_prefers_who_is_not_suspected)
{
    struct ctl_candidate list[] = {SUSPECT(4, true, false, true), REPLICA(5, true, false, true)};
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 2, true));
    ck_assert_int_eq(choice.leader, 5);
    list[1].suspected = true;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 2, true));
    ck_assert_int_eq(choice.leader, 4);
}
END_TEST

START_TEST(shrink_leaves_no_suspect_as_the_only_member)
{
    struct ctl_candidate list[] = {SUSPECT(1, true, false, true), SUSPECT(2, true, false, true),
                                   SUSPECT(3, true, false, true)};
    int32_t gone_ids[] = {2, 3};
    struct znode_ids gone = {gone_ids, 2};
    struct znode_state out;
    arena_reset(&arena);
    ck_assert(!ctl_shrink(list, 3, &gone, &led_by_1, &arena, &out));
    list[0].suspected = false;
    ck_assert(ctl_shrink(list, 3, &gone, &led_by_1, &arena, &out));
    ck_assert_int_eq(out.leader, 1);
    ck_assert_int_eq(out.isr.count, 1);
}
END_TEST

Suite *election_suite(void)
{
    Suite *suite = suite_create("election");
    TCase *tcase = tcase_create("election");
    tcase_add_test(tcase, offline_takes_the_first_online_member_of_the_isr);
    tcase_add_test(tcase, offline_is_unclean_only_when_allowed);
    tcase_add_test(tcase, nobody_leads_who_lost_data_by_any_strategy);
    tcase_add_test(tcase, eligible_leads_only_when_all_of_the_isr_lost_data);
    tcase_add_test(tcase, unclean_election_takes_who_should_miss_the_least);
    tcase_add_test(tcase, preferred_takes_the_first_replica_or_nobody);
    tcase_add_test(tcase, reassign_takes_the_first_of_the_target);
    tcase_add_test(tcase, shutdown_leaves_the_isr_to_those_that_stay);
    tcase_add_test(tcase, shrink_takes_all_that_go_at_once);
    tcase_add_test(tcase, shrink_keeps_the_whole_isr_when_nobody_stays);
    tcase_add_test(tcase, suspect_leads_only_where_nobody_else_could);
    tcase_add_test(tcase, unclean_election_prefers_who_is_not_suspected);
    tcase_add_test(tcase, shrink_leaves_no_suspect_as_the_only_member);
    suite_add_tcase(suite, tcase);
    return suite;
}
