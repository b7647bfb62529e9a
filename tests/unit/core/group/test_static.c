/*
 * Static members: they come back under a new id without troubling anybody, and their old self is fenced.
 */
#include <stdio.h>

#include "rig.h"
#include "suites.h"

static struct rig rig;
static char ids[2][100];
static int32_t generation;

static void setup(void)
{
    rig_begin(&rig);
    uint64_t tokens[2];
    tokens[0] = rig_join(&rig, (struct rig_join){.instance = "i0"});
    tokens[1] = rig_join(&rig, (struct rig_join){.instance = "i1"});
    rig_wait(&rig, 0);
    for (int i = 0; i < 2; i++)
        snprintf(ids[i], sizeof ids[i], "%.*s", VIEW_FMT(rig_joined(&rig, tokens[i])->member_id));
    generation = rig_joined(&rig, tokens[0])->generation_id;
    rig_sync(&rig, "g", ids[1], generation, NULL);
    rig_sync(&rig, "g", ids[0], generation, arena_printf(&rig.arena, "%s=A,%s=B", ids[0], ids[1]));
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
}

static void teardown(void)
{
    rig_close(&rig);
}

static const struct wire_join_group_response *come_back(const char *instance, int16_t version)
{
    const struct wire_join_group_response *answer;
    answer = rig_joined(&rig, rig_join(&rig, (struct rig_join){.instance = instance, .version = version}));
    ck_assert(answer);
    return answer;
}

START_TEST(static_member_comes_in_at_once_with_an_id_of_its_instance)
{
    ck_assert_uint_eq(strlen(ids[0]), strlen("i0-") + 36);
    ck_assert(strncmp(ids[0], "i0-", 3) == 0);
}
END_TEST

START_TEST(follower_comes_back_without_a_rebalance_and_its_old_id_is_fenced)
{
    const struct wire_join_group_response *answer = come_back("i1", 9);
    ck_assert_int_eq(answer->error_code, ERR_NONE);
    ck_assert_int_eq(answer->generation_id, generation);
    ck_assert(view_equal_str(answer->leader, ids[0]));
    ck_assert(!answer->skip_assignment);
    ck_assert_int_eq(answer->members_count, 0);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
    char *id = arena_cstr(&rig.arena, answer->member_id);
    const struct wire_sync_group_response *synced;
    synced = rig_synced(&rig, rig_sync(&rig, "g", id, generation, NULL));
    ck_assert(view_equal_str(synced->assignment, "B"));
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_UNKNOWN_MEMBER_ID);
    struct wire_heartbeat_request old = {VIEW_LIT("g"), generation, view_str(ids[1]), VIEW_LIT("i1")};
    ck_assert_int_eq(group_heartbeat(rig.c, &old, &rig.now), ERR_FENCED_INSTANCE_ID);
}
END_TEST

START_TEST(leader_that_comes_back_leads_and_has_nothing_to_assign)
{
    const struct wire_join_group_response *answer = come_back("i0", 9);
    ck_assert(view_equal(answer->leader, answer->member_id));
    ck_assert(answer->skip_assignment);
    ck_assert_int_eq(answer->members_count, 2);
}
END_TEST

START_TEST(old_leader_that_comes_back_is_told_that_its_former_self_leads)
{
    const struct wire_join_group_response *answer = come_back("i0", 8);
    ck_assert(view_equal_str(answer->leader, ids[0]));
    ck_assert(!view_equal(answer->leader, answer->member_id));
    ck_assert_int_eq(answer->members_count, 0);
    ck_assert(!answer->skip_assignment);
}
END_TEST

START_TEST(new_id_outlives_the_coordinator)
{
    char *id = arena_cstr(&rig.arena, come_back("i1", 9)->member_id);
    rig_restart(&rig);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", id, generation), ERR_NONE);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(new_id_is_told_when_it_is_stored_and_not_before)
{
    rig.holds = true;
    uint64_t token = rig_join(&rig, (struct rig_join){.instance = "i1"});
    ck_assert(!rig_joined(&rig, token));
    rig_ack(&rig, ERR_NONE);
    ck_assert_int_eq(rig_joined(&rig, token)->error_code, ERR_NONE);
}
END_TEST

START_TEST(new_id_that_cannot_be_stored_is_taken_back)
{
    rig.refuse = ERR_NOT_ENOUGH_REPLICAS;
    uint64_t token = rig_join(
        &rig, (struct rig_join){.instance = "i1", .protocols = {"range=changed"}, .session_ms = 20000});
    const struct wire_join_group_response *answer = rig_joined(&rig, token);
    ck_assert_int_eq(answer->error_code, ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert(view_equal_str(answer->member_id, ""));
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_NONE);
    ck_assert(view_equal_str(rig_describe(&rig, "g")->members[1].member_metadata, "m"));
    rig_wait(&rig, 9000);
    rig_heartbeat(&rig, "g", ids[0], generation);
    rig_wait(&rig, 1000); /* its session is the old one, too */
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(who_comes_back_twice_while_it_is_stored_is_fenced_by_the_second)
{
    rig.holds = true;
    uint64_t first = rig_join(&rig, (struct rig_join){.instance = "i1"});
    uint64_t second = rig_join(&rig, (struct rig_join){.instance = "i1"});
    ck_assert_int_eq(rig_joined(&rig, first)->error_code, ERR_FENCED_INSTANCE_ID);
    rig_ack(&rig, ERR_NONE);
    ck_assert(!rig_joined(&rig, second)); /* that was the first one's record */
    rig_ack(&rig, ERR_NONE);
    ck_assert_int_eq(rig_joined(&rig, second)->error_code, ERR_NONE);
    char *id = arena_cstr(&rig.arena, rig_joined(&rig, second)->member_id);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", id, generation), ERR_NONE);
}
END_TEST

START_TEST(rebalance_that_begins_while_it_is_stored_answers_instead)
{
    rig.holds = true;
    uint64_t token = rig_join(&rig, (struct rig_join){.instance = "i1"});
    uint64_t leader = rig_join(&rig, (struct rig_join){.member = ids[0], .instance = "i0"});
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, generation + 1);
    ck_assert_int_eq(rig_joined(&rig, leader)->members_count, 2);
    rig_ack_all(&rig);
}
END_TEST

START_TEST(rebalance_that_still_waits_when_it_is_stored_keeps_it_waiting)
{
    rig.holds = true;
    uint64_t token = rig_join(&rig, (struct rig_join){.instance = "i1"});
    uint64_t third = rig_join(&rig, (struct rig_join){.version = 3});
    rig_ack(&rig, ERR_NONE);
    ck_assert(!rig_joined(&rig, token)); /* the leader has not joined yet */
    rig_join(&rig, (struct rig_join){.member = ids[0], .instance = "i0"});
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, generation + 1);
    ck_assert_int_eq(rig_joined(&rig, third)->generation_id, generation + 1);
}
END_TEST

START_TEST(leader_that_took_over_from_an_absent_one_leads_after_a_change_of_coordinator)
{
    uint64_t token =
        rig_join(&rig, (struct rig_join){.member = ids[1], .instance = "i1", .protocols = {"range=new"}});
    for (int i = 0; i < 12; i++) {
        rig_heartbeat(&rig, "g", ids[0], generation);
        rig_wait(&rig, 5000);
    }
    ck_assert(view_equal_str(rig_joined(&rig, token)->leader, ids[1]));
    rig_sync(&rig, "g", ids[1], ++generation, NULL);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
    rig_restart(&rig);
    rig_join(&rig, (struct rig_join){.member = ids[1], .instance = "i1", .protocols = {"range=new"}});
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance"); /* a follower would have been answered */
}
END_TEST

START_TEST(other_protocol_begins_a_rebalance)
{
    rig_leave(&rig, "g", "", "i0");
    rig_join(&rig, (struct rig_join){.member = ids[1], .instance = "i1", .protocols = {"range", "sticky"}});
    rig_sync(&rig, "g", ids[1], ++generation, NULL);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
    uint64_t token = rig_join(&rig, (struct rig_join){.instance = "i1", .protocols = {"sticky"}});
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, generation + 1);
    ck_assert(view_equal_str(rig_joined(&rig, token)->protocol_name, "sticky"));
}
END_TEST

START_TEST(who_comes_back_while_the_leader_assigns_begins_a_rebalance)
{
    rig_join(&rig, (struct rig_join){.member = ids[0], .instance = "i0"});
    rig_join(&rig, (struct rig_join){.member = ids[1], .instance = "i1"});
    uint64_t follower = rig_sync(&rig, "g", ids[1], generation + 1, NULL);
    rig_join(&rig, (struct rig_join){.instance = "i1"});
    ck_assert_int_eq(rig_synced(&rig, follower)->error_code, ERR_FENCED_INSTANCE_ID);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
}
END_TEST

START_TEST(second_process_of_an_instance_fences_the_first_that_waits_to_join)
{
    uint64_t first = rig_join(&rig, (struct rig_join){.member = ids[0], .instance = "i0"});
    uint64_t second = rig_join(&rig, (struct rig_join){.instance = "i0"});
    const struct wire_join_group_response *fenced = rig_joined(&rig, first);
    ck_assert_int_eq(fenced->error_code, ERR_FENCED_INSTANCE_ID);
    ck_assert(view_equal_str(fenced->member_id, ids[0]));
    ck_assert(!rig_joined(&rig, second));
    uint64_t again = rig_join(&rig, (struct rig_join){.member = ids[0], .instance = "i0"});
    ck_assert_int_eq(rig_joined(&rig, again)->error_code, ERR_FENCED_INSTANCE_ID);
}
END_TEST

START_TEST(member_that_is_away_keeps_its_place_until_its_session_ends)
{
    rig_leave(&rig, "g", "", "i0"); /* i1 does not join again */
    uint64_t token =
        rig_join(&rig, (struct rig_join){.version = 3, .rebalance_ms = 5000, .session_ms = 6000});
    rig_wait(&rig, 60000);
    ck_assert(rig_joined(&rig, token));
    ck_assert_int_eq(rig_joined(&rig, token)->members_count, 1);
    ck_assert_int_eq(rig_describe(&rig, "g")->members_count, 0);
}
END_TEST

START_TEST(nobody_but_absent_static_members_are_waited_for)
{
    /* The leader's session ends; the other one, still in its session, does not join. */
    rig_wait(&rig, 9000);
    rig_heartbeat(&rig, "g", ids[1], generation);
    rig_wait(&rig, 1000);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
    for (int i = 0; i < 20; i++) {
        rig_wait(&rig, 5000);
        ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_REBALANCE_IN_PROGRESS);
    }
    uint64_t token = rig_join(&rig, (struct rig_join){.instance = "i1"});
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, generation + 1);
}
END_TEST

START_TEST(administrator_removes_an_instance_by_its_name)
{
    ck_assert_int_eq(rig_leave(&rig, "g", "", "i1"), ERR_NONE);
    ck_assert_int_eq(rig_leave(&rig, "g", "", "i1"), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(rig_leave(&rig, "g", ids[1], "i0"), ERR_FENCED_INSTANCE_ID);
    ck_assert_int_eq(rig_describe(&rig, "g")->members_count, 1);
}
END_TEST

START_TEST(commits_of_a_fenced_instance_are_refused)
{
    char *id = arena_cstr(&rig.arena, come_back("i1", 9)->member_id);
    struct rig_commit commit = {.member = ids[1], .instance = "i1", .generation = generation, .offset = 5};
    ck_assert_int_eq(rig_commit_err(&rig, rig_commit(&rig, commit)), ERR_FENCED_INSTANCE_ID);
    commit.member = id;
    rig_commit_ok(&rig, commit);
}
END_TEST

/* Kafka before 2.3 would load them as members without a name. */
START_TEST(no_instance_is_taken_where_older_brokers_may_load_the_group)
{
    rig.config.group_version = 2;
    rig_restart(&rig);
    uint64_t token = rig_join(&rig, (struct rig_join){.group = "other", .instance = "i0"});
    ck_assert_int_eq(rig_joined(&rig, token)->error_code, ERR_UNSUPPORTED_VERSION);
    struct wire_heartbeat_request beat = {VIEW_LIT("g"), generation, view_str(ids[1]), VIEW_LIT("i1")};
    ck_assert_int_eq(group_heartbeat(rig.c, &beat, &rig.now), ERR_UNSUPPORTED_VERSION);
    struct rig_commit commit = {.member = ids[1], .instance = "i1", .generation = generation, .offset = 5};
    ck_assert_int_eq(rig_commit_err(&rig, rig_commit(&rig, commit)), ERR_UNSUPPORTED_VERSION);
    struct wire_sync_group_request sync;
    wire_init(&wire_sync_group_request_desc, &sync);
    sync.group_id = VIEW_LIT("g");
    sync.member_id = view_str(ids[1]);
    sync.group_instance_id = VIEW_LIT("i1");
    sync.generation_id = generation;
    struct group_effects out = {0};
    group_sync(rig.c, &sync, 4, 1, &rig.now, &out);
    ck_assert_int_eq(out.items[0].synced->error_code, ERR_UNSUPPORTED_VERSION);
    group_effects_close(&out);
    ck_assert_int_eq(rig_leave(&rig, "g", "", "i1"), ERR_NONE); /* as by Kafka */
}
END_TEST

Suite *static_suite(void)
{
    Suite *suite = suite_create("group static members");
    TCase *tc = tcase_create("static");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, static_member_comes_in_at_once_with_an_id_of_its_instance);
    tcase_add_test(tc, follower_comes_back_without_a_rebalance_and_its_old_id_is_fenced);
    tcase_add_test(tc, leader_that_comes_back_leads_and_has_nothing_to_assign);
    tcase_add_test(tc, old_leader_that_comes_back_is_told_that_its_former_self_leads);
    tcase_add_test(tc, new_id_outlives_the_coordinator);
    tcase_add_test(tc, new_id_is_told_when_it_is_stored_and_not_before);
    tcase_add_test(tc, new_id_that_cannot_be_stored_is_taken_back);
    tcase_add_test(tc, who_comes_back_twice_while_it_is_stored_is_fenced_by_the_second);
    tcase_add_test(tc, rebalance_that_begins_while_it_is_stored_answers_instead);
    tcase_add_test(tc, rebalance_that_still_waits_when_it_is_stored_keeps_it_waiting);
    tcase_add_test(tc, leader_that_took_over_from_an_absent_one_leads_after_a_change_of_coordinator);
    tcase_add_test(tc, other_protocol_begins_a_rebalance);
    tcase_add_test(tc, who_comes_back_while_the_leader_assigns_begins_a_rebalance);
    tcase_add_test(tc, second_process_of_an_instance_fences_the_first_that_waits_to_join);
    tcase_add_test(tc, member_that_is_away_keeps_its_place_until_its_session_ends);
    tcase_add_test(tc, nobody_but_absent_static_members_are_waited_for);
    tcase_add_test(tc, administrator_removes_an_instance_by_its_name);
    tcase_add_test(tc, commits_of_a_fenced_instance_are_refused);
    tcase_add_test(tc, no_instance_is_taken_where_older_brokers_may_load_the_group);
    suite_add_tcase(suite, tc);
    return suite;
}
