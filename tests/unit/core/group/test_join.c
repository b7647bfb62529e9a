/*
 * JoinGroup: who may come in, in which state, and when the join is complete.
 */
#include "rig.h"
#include "suites.h"

static struct rig rig;

static void setup(void)
{
    rig_begin(&rig);
}

static void teardown(void)
{
    rig_close(&rig);
}

static int join_err(struct rig_join join)
{
    const struct wire_join_group_response *answer = rig_joined(&rig, rig_join(&rig, join));
    ck_assert(answer);
    ck_assert_int_eq(answer->generation_id, -1);
    return answer->error_code;
}

/* --- refusals
 * ------------------------------------------------------------------------------------------------ */

START_TEST(group_without_a_name_is_refused)
{
    ck_assert_int_eq(join_err((struct rig_join){.group = ""}), ERR_INVALID_GROUP_ID);
}
END_TEST

START_TEST(session_timeout_outside_the_limits_is_refused)
{
    ck_assert_int_eq(join_err((struct rig_join){.session_ms = 5999}), ERR_INVALID_SESSION_TIMEOUT);
    ck_assert_int_eq(join_err((struct rig_join){.session_ms = 1800001}), ERR_INVALID_SESSION_TIMEOUT);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead"); /* no group came of it */
}
END_TEST

START_TEST(member_of_a_group_that_is_not_there_is_unknown)
{
    ck_assert_int_eq(join_err((struct rig_join){.member = "m"}), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(protocols_without_anything_in_common_are_refused)
{
    char ids[1][100];
    rig_stable(&rig, "g", 1, ids);
    ck_assert_int_eq(join_err((struct rig_join){.protocols = {"sticky"}}), ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(join_err((struct rig_join){.type = "connect"}), ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(join_err((struct rig_join){.group = "h", .type = ""}), ERR_INCONSISTENT_GROUP_PROTOCOL);
}
END_TEST

START_TEST(while_loading_and_after_resigning_and_without_a_term_nobody_joins)
{
    struct group_coordinator *mine = rig.c;
    struct group_config config = rig.config;
    rig.c = group_coordinator_new(&config);
    ck_assert_int_eq(join_err((struct rig_join){0}), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    group_coordinator_resign(rig.c, &rig.now, &rig.out);
    ck_assert_int_eq(join_err((struct rig_join){0}), ERR_NOT_COORDINATOR);
    group_coordinator_free(rig.c);
    rig.c = NULL;
    ck_assert_int_eq(join_err((struct rig_join){0}), ERR_NOT_COORDINATOR);
    rig.c = mine;
}
END_TEST

/* --- coming in
 * ------------------------------------------------------------------------------------------------ */

START_TEST(new_member_must_come_again_with_the_id_it_is_given)
{
    uint64_t token = rig_join(&rig, (struct rig_join){.client = "app"});
    const struct wire_join_group_response *answer = rig_joined(&rig, token);
    ck_assert_int_eq(answer->error_code, ERR_MEMBER_ID_REQUIRED);
    ck_assert_uint_eq(answer->member_id.len, strlen("app-") + 36);
    ck_assert(memcmp(answer->member_id.ptr, "app-", 4) == 0);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
}
END_TEST

START_TEST(member_of_before_version_4_comes_in_at_once)
{
    uint64_t token = rig_join(&rig, (struct rig_join){.version = 3});
    rig_wait(&rig, 0);
    const struct wire_join_group_response *answer = rig_joined(&rig, token);
    ck_assert_int_eq(answer->error_code, 0);
    ck_assert_int_eq(answer->generation_id, 1);
    ck_assert(view_equal(answer->leader, answer->member_id));
    ck_assert_int_eq(answer->members_count, 1);
    ck_assert(view_equal_str(answer->members[0].metadata, "m"));
    ck_assert(view_equal_str(answer->protocol_name, "range"));
}
END_TEST

START_TEST(version_0_has_one_timeout_for_both)
{
    rig_join(&rig, (struct rig_join){.version = -1, .session_ms = 7000});
    rig_wait(&rig, 0);
    rig_join(&rig, (struct rig_join){.version = -1, .session_ms = 7000}); /* the first must join again */
    rig_wait(&rig, 6999);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
    rig_wait(&rig, 1);
    ck_assert_str_eq(rig_state(&rig, "g"), "CompletingRebalance");
}
END_TEST

START_TEST(names_are_null_from_version_7_on_and_empty_before)
{
    const struct wire_join_group_response *answer;
    answer = rig_joined(&rig, rig_join(&rig, (struct rig_join){.version = 6}));
    ck_assert(view_equal_str(answer->protocol_name, ""));
    answer = rig_joined(&rig, rig_join(&rig, (struct rig_join){.version = 7}));
    ck_assert(view_is_null(answer->protocol_name));
}
END_TEST

START_TEST(id_that_nobody_came_with_is_forgotten_after_its_session)
{
    const struct wire_join_group_response *given;
    given = rig_joined(&rig, rig_join(&rig, (struct rig_join){.session_ms = 6000}));
    char *id = arena_cstr(&rig.arena, given->member_id);
    rig_wait(&rig, 6000);
    ck_assert_int_eq(join_err((struct rig_join){.member = id}), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(rebalance_waits_for_ids_that_were_given_out)
{
    char ids[2][100];
    int32_t generation = rig_stable(&rig, "g", 1, ids);
    rig_join(&rig, (struct rig_join){.session_ms = 6000}); /* given an id, not heard of again */
    uint64_t again = rig_join(&rig, (struct rig_join){.member = ids[0], .protocols = {"range=new"}});
    ck_assert(!rig_joined(&rig, again));
    rig_wait(&rig, 6000);
    ck_assert_int_eq(rig_joined(&rig, again)->generation_id, generation + 1);
}
END_TEST

START_TEST(new_member_whose_join_takes_five_minutes_is_dropped)
{
    char ids[1][100];
    rig_enter(&rig, (struct rig_join){.rebalance_ms = 1000000, .session_ms = 1800000}, ids[0]);
    rig_wait(&rig, 0);
    uint64_t late = rig_join(&rig, (struct rig_join){.version = 3, .rebalance_ms = 1000000});
    rig_wait(&rig, 299999);
    ck_assert(!rig_joined(&rig, late));
    rig_wait(&rig, 1);
    ck_assert_int_eq(rig_joined(&rig, late)->error_code, ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

/* --- the first rebalance
 * ---------------------------------------------------------------------------------------- */

static void setup_delay(void)
{
    rig_open(&rig);
    rig.config.initial_delay_ms = 3000;
    rig_start(&rig);
}

START_TEST(empty_group_waits_for_more_members)
{
    uint64_t token = rig_join(&rig, (struct rig_join){.version = 3});
    rig_wait(&rig, 2999);
    ck_assert(!rig_joined(&rig, token));
    rig_wait(&rig, 1);
    ck_assert(rig_joined(&rig, token));
}
END_TEST

START_TEST(each_newcomer_prolongs_the_wait_up_to_the_rebalance_timeout)
{
    uint64_t first = rig_join(&rig, (struct rig_join){.version = 3, .rebalance_ms = 8000});
    rig_wait(&rig, 1000);
    rig_join(&rig, (struct rig_join){.version = 3, .rebalance_ms = 8000});
    rig_wait(&rig, 4000); /* 5 s: prolonged until 6 s */
    ck_assert(!rig_joined(&rig, first));
    rig_join(&rig, (struct rig_join){.version = 3, .rebalance_ms = 8000});
    rig_wait(&rig, 2000); /* 7 s: prolonged until 8 s, not 9 */
    ck_assert(!rig_joined(&rig, first));
    rig_join(&rig, (struct rig_join){.version = 3, .rebalance_ms = 8000});
    rig_wait(&rig, 999);
    ck_assert(!rig_joined(&rig, first));
    rig_wait(&rig, 1);
    ck_assert_int_eq(rig_joined(&rig, first)->members_count, 4);
}
END_TEST

START_TEST(group_that_had_members_before_does_not_prolong)
{
    char ids[1][100];
    rig_stable(&rig, "g", 1, ids);
    ck_assert_int_eq(rig_leave(&rig, "g", ids[0], NULL), ERR_NONE);
    uint64_t first = rig_join(&rig, (struct rig_join){.version = 3});
    rig_wait(&rig, 2000);
    rig_join(&rig, (struct rig_join){.version = 3});
    rig_wait(&rig, 1000);
    ck_assert_int_eq(rig_joined(&rig, first)->generation_id, 3);
}
END_TEST

/* --- coming again
 * ------------------------------------------------------------------------------------------------ */

START_TEST(follower_that_joins_again_unchanged_gets_its_generation)
{
    char ids[2][100];
    int32_t generation = rig_stable(&rig, "g", 2, ids);
    uint64_t token = rig_join(&rig, (struct rig_join){.member = ids[1]});
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, generation);
    ck_assert_int_eq(rig_joined(&rig, token)->members_count, 0);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
}
END_TEST

START_TEST(leader_that_joins_again_begins_a_rebalance)
{
    char ids[2][100];
    int32_t generation = rig_stable(&rig, "g", 2, ids);
    uint64_t token = rig_join(&rig, (struct rig_join){.member = ids[0]});
    ck_assert(!rig_joined(&rig, token));
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_REBALANCE_IN_PROGRESS);
    rig_join(&rig, (struct rig_join){.member = ids[1]});
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, generation + 1);
    ck_assert_int_eq(rig_joined(&rig, token)->members_count, 2);
}
END_TEST

START_TEST(follower_with_other_metadata_begins_a_rebalance)
{
    char ids[2][100];
    rig_stable(&rig, "g", 2, ids);
    ck_assert(
        !rig_joined(&rig, rig_join(&rig, (struct rig_join){.member = ids[1], .protocols = {"range=x"}})));
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
}
END_TEST

START_TEST(member_that_missed_the_answer_gets_it_again_while_the_leader_assigns)
{
    char ids[2][100];
    rig_enter(&rig, (struct rig_join){0}, ids[0]);
    rig_enter(&rig, (struct rig_join){0}, ids[1]);
    rig_wait(&rig, 0);
    const struct wire_join_group_response *leader, *follower;
    leader = rig_joined(&rig, rig_join(&rig, (struct rig_join){.member = ids[0]}));
    follower = rig_joined(&rig, rig_join(&rig, (struct rig_join){.member = ids[1]}));
    ck_assert_int_eq(leader->generation_id, 1);
    ck_assert_int_eq(leader->members_count, 2);
    ck_assert_int_eq(follower->members_count, 0);
    ck_assert_str_eq(rig_state(&rig, "g"), "CompletingRebalance");
}
END_TEST

START_TEST(member_that_asks_twice_is_answered_twice)
{
    char ids[2][100];
    rig_stable(&rig, "g", 2, ids);
    uint64_t first = rig_join(&rig, (struct rig_join){.member = ids[0]});
    uint64_t second = rig_join(&rig, (struct rig_join){.member = ids[0]});
    ck_assert_int_eq(rig_joined(&rig, first)->error_code, ERR_REBALANCE_IN_PROGRESS);
    ck_assert(!rig_joined(&rig, second));
}
END_TEST

/* --- who is left out
 * ----------------------------------------------------------------------------------------------- */

START_TEST(dynamic_members_that_do_not_join_in_time_are_out)
{
    char ids[3][100];
    int32_t generation = rig_stable(&rig, "g", 3, ids);
    uint64_t token = rig_join(&rig, (struct rig_join){.member = ids[1], .protocols = {"range=x"}});
    for (int i = 0; i < 12; i++) { /* the leader lives, but does not join */
        ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_REBALANCE_IN_PROGRESS);
        rig_wait(&rig, 5000);
    }
    const struct wire_join_group_response *answer = rig_joined(&rig, token);
    ck_assert_int_eq(answer->members_count, 1);
    ck_assert(view_equal_str(answer->leader, ids[1])); /* another leads */
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(group_full_refuses_who_comes_last)
{
    rig.config.max_size = 2;
    rig_restart(&rig);
    char ids[3][100];
    rig_stable(&rig, "g", 2, ids);
    uint64_t token = rig_join(&rig, (struct rig_join){.version = 3});
    ck_assert_int_eq(rig_joined(&rig, token)->error_code, ERR_GROUP_MAX_SIZE_REACHED);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
}
END_TEST

START_TEST(group_whose_limit_was_lowered_sheds_members_when_loaded)
{
    char ids[3][100];
    rig_stable(&rig, "g", 3, ids);
    rig.config.max_size = 2;
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
    rig_join(&rig, (struct rig_join){.member = ids[0]});
    rig_join(&rig, (struct rig_join){.member = ids[1]});
    uint64_t last = rig_join(&rig, (struct rig_join){.member = ids[2]});
    ck_assert_int_eq(rig_joined(&rig, last)->error_code, ERR_GROUP_MAX_SIZE_REACHED);
    ck_assert_int_eq(rig_describe(&rig, "g")->members_count, 2);
    ck_assert_str_eq(rig_state(&rig, "g"), "CompletingRebalance");
}
END_TEST

/* --- the protocol
 * --------------------------------------------------------------------------------------------------- */

static const char *chosen(int count, struct rig_join joins[])
{
    uint64_t token = 0;
    for (int i = 0; i < count; i++) {
        joins[i].version = 3;
        token = rig_join(&rig, joins[i]);
    }
    rig_wait(&rig, 0);
    return arena_cstr(&rig.arena, rig_joined(&rig, token)->protocol_name);
}

START_TEST(protocol_with_most_votes_among_those_of_all_wins)
{
    struct rig_join joins[] = {
        {.protocols = {"own", "range", "sticky"}},
        {.protocols = {"sticky", "range"}},
        {.protocols = {"sticky", "range", "other"}},
    };
    ck_assert_str_eq(chosen(3, joins), "sticky");
}
END_TEST

START_TEST(protocol_that_one_member_lacks_cannot_win)
{
    struct rig_join joins[] = {
        {.protocols = {"sticky", "range"}},
        {.protocols = {"sticky", "range"}},
        {.protocols = {"range"}},
    };
    ck_assert_str_eq(chosen(3, joins), "range");
}
END_TEST

START_TEST(protocol_named_twice_counts_once)
{
    struct rig_join joins[] = {{.protocols = {"range=a", "range=b"}}, {.protocols = {"range"}}};
    ck_assert_str_eq(chosen(2, joins), "range");
}
END_TEST

Suite *join_suite(void)
{
    Suite *suite = suite_create("group join");
    TCase *tc = tcase_create("join");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, group_without_a_name_is_refused);
    tcase_add_test(tc, session_timeout_outside_the_limits_is_refused);
    tcase_add_test(tc, member_of_a_group_that_is_not_there_is_unknown);
    tcase_add_test(tc, protocols_without_anything_in_common_are_refused);
    tcase_add_test(tc, while_loading_and_after_resigning_and_without_a_term_nobody_joins);
    tcase_add_test(tc, new_member_must_come_again_with_the_id_it_is_given);
    tcase_add_test(tc, member_of_before_version_4_comes_in_at_once);
    tcase_add_test(tc, version_0_has_one_timeout_for_both);
    tcase_add_test(tc, names_are_null_from_version_7_on_and_empty_before);
    tcase_add_test(tc, id_that_nobody_came_with_is_forgotten_after_its_session);
    tcase_add_test(tc, rebalance_waits_for_ids_that_were_given_out);
    tcase_add_test(tc, new_member_whose_join_takes_five_minutes_is_dropped);
    tcase_add_test(tc, follower_that_joins_again_unchanged_gets_its_generation);
    tcase_add_test(tc, leader_that_joins_again_begins_a_rebalance);
    tcase_add_test(tc, follower_with_other_metadata_begins_a_rebalance);
    tcase_add_test(tc, member_that_missed_the_answer_gets_it_again_while_the_leader_assigns);
    tcase_add_test(tc, member_that_asks_twice_is_answered_twice);
    tcase_add_test(tc, dynamic_members_that_do_not_join_in_time_are_out);
    tcase_add_test(tc, group_full_refuses_who_comes_last);
    tcase_add_test(tc, group_whose_limit_was_lowered_sheds_members_when_loaded);
    tcase_add_test(tc, protocol_with_most_votes_among_those_of_all_wins);
    tcase_add_test(tc, protocol_that_one_member_lacks_cannot_win);
    tcase_add_test(tc, protocol_named_twice_counts_once);
    suite_add_tcase(suite, tc);
    tc = tcase_create("delay");
    tcase_add_checked_fixture(tc, setup_delay, teardown);
    tcase_add_test(tc, empty_group_waits_for_more_members);
    tcase_add_test(tc, each_newcomer_prolongs_the_wait_up_to_the_rebalance_timeout);
    tcase_add_test(tc, group_that_had_members_before_does_not_prolong);
    suite_add_tcase(suite, tc);
    return suite;
}
