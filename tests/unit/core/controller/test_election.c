#include "core/controller/election.h"

#include <stdio.h>

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

/* ---- all of the ISR lost its tail */

static struct ctl_log_end end_at(int32_t epoch, int64_t offset)
{
    return (struct ctl_log_end){.state = CTL_LOG_END_KNOWN, .epoch = epoch, .offset = offset};
}

#define TAIL(number, ...)                                                                                    \
    {                                                                                                        \
        .id = (number), .reachable = true, .loss = ZNODE_LOSS_TAIL, .end = __VA_ARGS__                       \
    }

static bool choose_in(const int32_t *isr, int count, const struct ctl_candidate *list, int32_t list_count)
{
    int32_t ids[3];
    memcpy(ids, isr, (size_t)count * sizeof *ids);
    struct znode_state now = {.leader = ZNODE_NO_LEADER, .leader_epoch = 4, .isr = {ids, count}};
    arena_reset(&arena);
    return ctl_choose(CTL_STRATEGY_OFFLINE, list, list_count, &now, false, &arena, &choice);
}

static bool awaits(const char *wanted)
{
    char text[32] = "";
    for (int32_t i = 0; i < choice.awaited.count; i++)
        sprintf(text + strlen(text), "%s%d", i ? "," : "", choice.awaited.ids[i]);
    return strcmp(text, wanted) == 0;
}

START_TEST(longest_log_leads_when_all_of_the_isr_lost_its_tail)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), TAIL(2, end_at(5, 80)), TAIL(3, end_at(5, 90))};
    ck_assert(choose_in(isr_ids, 3, list, 3));
    ck_assert_int_eq(choice.leader, 3);
    ck_assert_int_eq(choice.isr.count, 1);
    ck_assert_int_eq(choice.isr.ids[0], 3);
    ck_assert(choice.recovered && !choice.unclean && !choice.eligible);
    ck_assert_int_eq(choice.leader_recovery_state, 1);
    list[0].end = end_at(5, 90);
    ck_assert(choose_in(isr_ids, 3, list, 3));
    ck_assert_int_eq(choice.leader, 1);
}
END_TEST

START_TEST(logs_are_asked_for_once_everybody_is_there)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), TAIL(2, end_at(5, 80)), TAIL(3, {0})};
    ck_assert(!choose_in(isr_ids, 3, list, 3));
    ck_assert(awaits("3"));
    list[1].reachable = false;
    ck_assert(!choose_in(isr_ids, 3, list, 3));
    ck_assert(awaits(""));
    list[1].reachable = list[1].suspected = true;
    ck_assert(!choose_in(isr_ids, 3, list, 3));
    ck_assert(awaits(""));
}
END_TEST

START_TEST(who_is_overdue_is_not_waited_for_where_others_had_everything)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), TAIL(2, end_at(4, 80)),
                                   REPLICA(3, true, false, true)};
    ck_assert(!choose_in(isr_ids, 2, list, 3));
    ck_assert(awaits("3"));
    list[2].overdue = true;
    ck_assert(choose_in(isr_ids, 2, list, 3));
    ck_assert_int_eq(choice.leader, 1);
    ck_assert(awaits(""));
    ck_assert(!choose_in(isr_ids, 1, list, 3));
    ck_assert(awaits("3"));
    list[1].end.state = CTL_LOG_END_UNKNOWN;
    list[1].overdue = true;
    ck_assert(!choose_in(isr_ids, 2, list, 3));
    ck_assert(awaits("2"));
}
END_TEST

START_TEST(replica_that_is_not_there_is_waited_for_until_it_is_overdue)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), TAIL(2, end_at(4, 80)),
                                   REPLICA(3, false, false, true)};
    for (int known = 0; known < 2; known++) { /* what it said before it went does not make it lead */
        list[2].overdue = false;
        ck_assert(!choose_in(isr_ids, 2, list, 3));
        ck_assert(awaits("3"));
        list[2].overdue = true;
        ck_assert(choose_in(isr_ids, 2, list, 3));
        ck_assert_int_eq(choice.leader, 1);
        list[2].end = end_at(4, 120);
    }
    list[2].reachable = list[2].suspected = true;
    list[2].overdue = false;
    ck_assert(!choose_in(isr_ids, 2, list, 3));
    ck_assert(awaits("3"));
    list[2].suspected = false;
    ck_assert(choose_in(isr_ids, 2, list, 3));
    ck_assert_int_eq(choice.leader, 3);
    list[2].reachable = false;
    list[2].end = (struct ctl_log_end){.state = CTL_LOG_END_NONE}; /* it has said that it has none */
    ck_assert(choose_in(isr_ids, 2, list, 3));
    ck_assert_int_eq(choice.leader, 1);
}
END_TEST

START_TEST(lost_disk_is_no_lost_tail)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), TAIL(2, end_at(4, 80)), TAIL(3, end_at(4, 70))};
    list[2].loss = ZNODE_LOSS_DATA;
    ck_assert(!choose_in(isr_ids, 3, list, 3));
    list[2].loss = ZNODE_LOSS_NONE; /* it leads as ever: see above */
    ck_assert(choose_in(isr_ids, 3, list, 3));
    ck_assert_int_eq(choice.leader, 3);
    ck_assert(!choice.recovered);
    list[2].loss = ZNODE_LOSS_TAIL;
    list[2].end.state = CTL_LOG_END_NONE;
    ck_assert(!choose_in(isr_ids, 3, list, 3));
    ck_assert(awaits(""));
}
END_TEST

START_TEST(whole_member_that_is_away_is_waited_for)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), TAIL(2, end_at(4, 80)),
                                   REPLICA(3, false, false, true)};
    list[2].overdue = true;
    ck_assert(!choose_in(isr_ids, 3, list, 3));
    ck_assert(awaits(""));
}
END_TEST

START_TEST(eligible_replica_that_is_away_is_waited_for)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), TAIL(2, end_at(4, 80)),
                                   REPLICA(3, false, false, true)};
    list[2].overdue = true;
    ck_assert(choose_in(isr_ids, 2, list, 3)); /* any other one not for ever */
    list[2].was_eligible = true;
    ck_assert(!choose_in(isr_ids, 2, list, 3));
    list[2].reachable = list[2].eligible = true;
    ck_assert(choose_in(isr_ids, 2, list, 3));
    ck_assert_int_eq(choice.leader, 3);
    ck_assert(choice.eligible);
}
END_TEST

START_TEST(last_one_of_the_isr_waits_for_all_replicas_or_for_those_that_had_everything)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 100)), REPLICA(2, true, false, true),
                                   REPLICA(3, false, false, true)};
    list[1].end = list[2].end = end_at(3, 120);
    list[2].overdue = true;
    ck_assert(!choose_in(isr_ids, 1, list, 3));
    list[1].was_eligible = true; /* and is here, with another tail */
    ck_assert(choose_in(isr_ids, 1, list, 3));
    list[1].was_eligible = false;
    list[2].reachable = true;
    ck_assert(choose_in(isr_ids, 1, list, 3));
    ck_assert_int_eq(choice.leader, 1);
    list[2].end = end_at(4, 101);
    ck_assert(choose_in(isr_ids, 1, list, 3));
    ck_assert_int_eq(choice.leader, 3);
}
END_TEST

START_TEST(who_lost_data_is_not_in_the_isr_of_a_leader)
{
    struct ctl_candidate list[] = {TAIL(1, {0}), REPLICA(2, true, false, true),
                                   REPLICA(3, true, false, true)};
    list[0].target = true;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 3, false));
    ck_assert_int_eq(choice.isr.count, 2);
    ck_assert(choose(CTL_STRATEGY_REASSIGN, list, 3, false));
    ck_assert_int_eq(choice.isr.count, 2);
    ck_assert_int_eq(choice.isr.ids[0], 2);
}
END_TEST

START_TEST(shrink_leaves_nobody_alone_who_lost_data)
{
    struct ctl_candidate list[] = {TAIL(1, {0}), REPLICA(2, false, false, true),
                                   REPLICA(3, false, false, true)};
    int32_t gone_ids[] = {2, 3};
    struct znode_ids gone = {gone_ids, 2};
    struct znode_state out;
    arena_reset(&arena);
    ck_assert(!ctl_shrink(list, 3, &gone, &led_by_1, &arena, &out));
}
END_TEST

START_TEST(unclean_election_takes_the_longer_log_where_it_is_known)
{
    struct ctl_candidate list[] = {TAIL(1, end_at(4, 80)), TAIL(2, {0}), TAIL(3, end_at(4, 90)),
                                   REPLICA(4, false, false, true)};
    list[3].was_eligible = true;
    ck_assert(choose(CTL_STRATEGY_OFFLINE, list, 4, true));
    ck_assert_int_eq(choice.leader, 3);
    ck_assert(choice.unclean);
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
    tcase_add_test(tcase, longest_log_leads_when_all_of_the_isr_lost_its_tail);
    tcase_add_test(tcase, logs_are_asked_for_once_everybody_is_there);
    tcase_add_test(tcase, who_is_overdue_is_not_waited_for_where_others_had_everything);
    tcase_add_test(tcase, replica_that_is_not_there_is_waited_for_until_it_is_overdue);
    tcase_add_test(tcase, lost_disk_is_no_lost_tail);
    tcase_add_test(tcase, whole_member_that_is_away_is_waited_for);
    tcase_add_test(tcase, eligible_replica_that_is_away_is_waited_for);
    tcase_add_test(tcase, last_one_of_the_isr_waits_for_all_replicas_or_for_those_that_had_everything);
    tcase_add_test(tcase, who_lost_data_is_not_in_the_isr_of_a_leader);
    tcase_add_test(tcase, shrink_leaves_nobody_alone_who_lost_data);
    tcase_add_test(tcase, unclean_election_takes_the_longer_log_where_it_is_known);
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
