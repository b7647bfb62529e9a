/*
 * SyncGroup, Heartbeat and LeaveGroup: how a generation gets its assignment, and what ends it.
 */
#include "base/be.h"
#include "rig.h"
#include "suites.h"
#include "wire/record_iter.h"

static struct rig rig;
static char ids[4][100];
static int32_t generation;

static void setup(void)
{
    rig_begin(&rig);
    generation = rig_stable(&rig, "g", 2, ids);
}

static void teardown(void)
{
    rig_close(&rig);
}

static int sync_err(const char *member, int32_t of)
{
    const struct wire_sync_group_response *answer = rig_synced(&rig, rig_sync(&rig, "g", member, of, NULL));
    ck_assert(answer);
    return answer->error_code;
}

/* Both members have joined a further generation, nobody has its assignment. */
static void join_again(void)
{
    rig_join(&rig, (struct rig_join){.member = ids[0]});
    rig_join(&rig, (struct rig_join){.member = ids[1]});
    generation++;
    ck_assert_str_eq(rig_state(&rig, "g"), "CompletingRebalance");
}

static void check_assigned(uint64_t token, const char *assignment)
{
    const struct wire_sync_group_response *answer = rig_synced(&rig, token);
    ck_assert(answer);
    ck_assert_int_eq(answer->error_code, ERR_NONE);
    ck_assert(view_equal_str(answer->assignment, assignment));
    ck_assert(view_equal_str(answer->protocol_type, "consumer"));
    ck_assert(view_equal_str(answer->protocol_name, "range"));
}

/* --- refusals
 * -------------------------------------------------------------------------------------------------- */

START_TEST(strangers_and_old_generations_are_refused)
{
    ck_assert_int_eq(sync_err("stranger", generation), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(sync_err(ids[0], generation - 1), ERR_ILLEGAL_GENERATION);
    ck_assert_int_eq(sync_err(ids[0], generation + 1), ERR_ILLEGAL_GENERATION);
    uint64_t token = rig_sync(&rig, "nogroup", ids[0], generation, NULL);
    ck_assert_int_eq(rig_synced(&rig, token)->error_code, ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(while_the_group_rebalances_members_are_sent_to_join)
{
    rig_join(&rig, (struct rig_join){.member = ids[0]});
    ck_assert_int_eq(sync_err(ids[1], generation), ERR_REBALANCE_IN_PROGRESS);
}
END_TEST

static int sync_named(const char *type, const char *name, int16_t version)
{
    struct wire_sync_group_request request;
    wire_init(&wire_sync_group_request_desc, &request);
    request.group_id = VIEW_LIT("g");
    request.member_id = view_str(ids[0]);
    request.generation_id = generation;
    request.protocol_type = view_str(type);
    request.protocol_name = view_str(name);
    struct group_effects out = {0};
    group_sync(rig.c, &request, version, 1, &rig.now, &out);
    ck_assert_int_eq(out.count, 1);
    int err = out.items[0].synced->error_code;
    group_effects_close(&out);
    return err;
}

START_TEST(protocol_that_is_named_must_be_the_groups)
{
    ck_assert_int_eq(sync_named("consumer", "range", 5), ERR_NONE);
    ck_assert_int_eq(sync_named("consumer", "sticky", 5), ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(sync_named("connect", "range", 5), ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(sync_named(NULL, "range", 5), ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(sync_named("consumer", NULL, 5), ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(sync_named(NULL, NULL, 4), ERR_NONE);
}
END_TEST

START_TEST(while_loading_a_sync_is_a_rebalance_and_a_heartbeat_is_well)
{
    struct group_coordinator *mine = rig.c;
    rig.c = group_coordinator_new(&rig.config);
    ck_assert_int_eq(sync_err(ids[0], generation), ERR_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_NONE);
    group_coordinator_free(rig.c);
    rig.c = mine;
}
END_TEST

/* --- the assignment
 * --------------------------------------------------------------------------------------------- */

START_TEST(followers_wait_until_the_leader_has_brought_the_assignment)
{
    join_again();
    uint64_t follower = rig_sync(&rig, "g", ids[1], generation, NULL);
    ck_assert(!rig_synced(&rig, follower));
    char *text = arena_printf(&rig.arena, "%s=A,%s=B", ids[0], ids[1]);
    check_assigned(rig_sync(&rig, "g", ids[0], generation, text), "A");
    check_assigned(follower, "B");
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
}
END_TEST

START_TEST(nobody_is_assigned_before_it_is_stored)
{
    join_again();
    rig.holds = true;
    char *text = arena_printf(&rig.arena, "%s=A,%s=B", ids[0], ids[1]);
    uint64_t leader = rig_sync(&rig, "g", ids[0], generation, text);
    uint64_t follower = rig_sync(&rig, "g", ids[1], generation, NULL);
    ck_assert(!rig_synced(&rig, leader));
    ck_assert_str_eq(rig_state(&rig, "g"), "CompletingRebalance");
    rig_ack(&rig, ERR_NONE);
    check_assigned(leader, "A");
    check_assigned(follower, "B");
}
END_TEST

START_TEST(assignment_that_cannot_be_stored_begins_another_rebalance)
{
    join_again();
    uint64_t follower = rig_sync(&rig, "g", ids[1], generation, NULL);
    rig.refuse = ERR_MESSAGE_TOO_LARGE;
    uint64_t leader = rig_sync(&rig, "g", ids[0], generation, NULL);
    ck_assert_int_eq(rig_synced(&rig, leader)->error_code, ERR_UNKNOWN_SERVER_ERROR);
    ck_assert_int_eq(rig_synced(&rig, follower)->error_code, ERR_UNKNOWN_SERVER_ERROR);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
}
END_TEST

START_TEST(group_that_no_batch_can_hold_is_not_stored)
{
    static char metadata[2000] = "range=";
    memset(metadata + 6, 'm', sizeof metadata - 7);
    rig_close(&rig);
    rig_open(&rig);
    rig.config.batch_max = 1000;
    rig_start(&rig);
    generation = rig_stable(&rig, "g", 2, ids);
    int appended = rig.appended;
    rig_join(&rig, (struct rig_join){.member = ids[0], .protocols = {metadata}});
    rig_join(&rig, (struct rig_join){.member = ids[1]});
    uint64_t leader = rig_sync(&rig, "g", ids[0], ++generation, NULL);
    ck_assert_int_eq(rig_synced(&rig, leader)->error_code, ERR_UNKNOWN_SERVER_ERROR);
    ck_assert_int_eq(rig.appended, appended);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
}
END_TEST

START_TEST(errors_of_the_log_are_told_as_kafka_tells_them)
{
    static const enum err pairs[][2] = {
        {ERR_NOT_ENOUGH_REPLICAS, ERR_COORDINATOR_NOT_AVAILABLE},
        {ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ERR_COORDINATOR_NOT_AVAILABLE},
        {ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_COORDINATOR_NOT_AVAILABLE},
        {ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_COORDINATOR},
        {ERR_KAFKA_STORAGE_ERROR, ERR_NOT_COORDINATOR},
        {ERR_REQUEST_TIMED_OUT, ERR_REBALANCE_IN_PROGRESS},
        {ERR_CORRUPT_MESSAGE, ERR_CORRUPT_MESSAGE},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        join_again();
        rig.refuse = pairs[i][0];
        uint64_t token = rig_sync(&rig, "g", ids[0], generation, NULL);
        ck_assert_int_eq(rig_synced(&rig, token)->error_code, pairs[i][1]);
    }
}
END_TEST

START_TEST(leader_that_asks_twice_does_not_assign_twice)
{
    join_again();
    rig.holds = true;
    int before = rig.appended;
    uint64_t first = rig_sync(&rig, "g", ids[0], generation, arena_printf(&rig.arena, "%s=A", ids[0]));
    uint64_t second = rig_sync(&rig, "g", ids[0], generation, arena_printf(&rig.arena, "%s=other", ids[0]));
    ck_assert_int_eq(rig_synced(&rig, first)->error_code, ERR_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(rig.appended, before + 1);
    rig_ack(&rig, ERR_NONE);
    check_assigned(second, "A");
}
END_TEST

START_TEST(assignment_stored_too_late_changes_nothing)
{
    join_again();
    rig.holds = true;
    uint64_t leader = rig_sync(&rig, "g", ids[0], generation, arena_printf(&rig.arena, "%s=A", ids[0]));
    rig_join(&rig, (struct rig_join){.member = ids[1], .protocols = {"range=new"}});
    ck_assert_int_eq(rig_synced(&rig, leader)->error_code, ERR_REBALANCE_IN_PROGRESS);
    rig_ack(&rig, ERR_NONE);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
}
END_TEST

START_TEST(members_that_the_leader_forgot_get_nothing_and_strangers_are_passed_over)
{
    join_again();
    uint64_t follower = rig_sync(&rig, "g", ids[1], generation, NULL);
    char *text = arena_printf(&rig.arena, "%s=A,stranger=B", ids[0]);
    check_assigned(rig_sync(&rig, "g", ids[0], generation, text), "A");
    check_assigned(follower, "");
}
END_TEST

START_TEST(member_of_a_stable_group_gets_its_assignment_again)
{
    check_assigned(rig_sync(&rig, "g", ids[1], generation, NULL), "1");
}
END_TEST

START_TEST(members_that_do_not_sync_in_time_are_out)
{
    join_again();
    uint64_t follower = rig_sync(&rig, "g", ids[1], generation, NULL);
    for (int i = 0; i < 12; i++) { /* the leader lives, but never assigns */
        ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_NONE);
        rig_wait(&rig, 5000);
    }
    ck_assert_int_eq(rig_synced(&rig, follower)->error_code, ERR_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_UNKNOWN_MEMBER_ID);
    uint64_t token = rig_join(&rig, (struct rig_join){.member = ids[1]});
    ck_assert(view_equal_str(rig_joined(&rig, token)->leader, ids[1]));
}
END_TEST

START_TEST(member_that_syncs_late_in_a_stable_group_is_not_out)
{
    join_again();
    check_assigned(rig_sync(&rig, "g", ids[0], generation, NULL), "");
    for (int i = 0; i < 11; i++) {
        rig_heartbeat(&rig, "g", ids[0], generation);
        rig_heartbeat(&rig, "g", ids[1], generation);
        rig_wait(&rig, 5000);
    }
    check_assigned(rig_sync(&rig, "g", ids[1], generation, NULL), "");
    rig_heartbeat(&rig, "g", ids[0], generation);
    rig_wait(&rig, 8000);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
}
END_TEST

/* --- sessions
 * ---------------------------------------------------------------------------------------------------- */

START_TEST(heartbeats_are_judged_as_kafka_judges_them)
{
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_NONE);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation + 1), ERR_ILLEGAL_GENERATION);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", "stranger", generation), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(rig_heartbeat(&rig, "nogroup", ids[0], generation), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(rig_heartbeat(&rig, "", ids[0], generation), ERR_INVALID_GROUP_ID);
    join_again();
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_NONE); /* while the leader assigns */
}
END_TEST

START_TEST(member_that_is_not_heard_of_for_its_session_is_out)
{
    rig_wait(&rig, 5000);
    rig_heartbeat(&rig, "g", ids[0], generation);
    rig_wait(&rig, 4999);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
    rig_wait(&rig, 1);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(member_that_waits_for_its_assignment_needs_no_heartbeat)
{
    join_again();
    uint64_t follower = rig_sync(&rig, "g", ids[1], generation, NULL);
    for (int i = 0; i < 5; i++) {
        rig_heartbeat(&rig, "g", ids[0], generation);
        rig_wait(&rig, 9000);
    }
    ck_assert(!rig_synced(&rig, follower));
    rig_sync(&rig, "g", ids[0], generation, NULL);
    check_assigned(follower, "");
    rig_heartbeat(&rig, "g", ids[0], generation);
    rig_wait(&rig, 9999); /* its session began with the answer */
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[1], generation), ERR_NONE);
}
END_TEST

START_TEST(sessions_begin_anew_with_a_new_coordinator)
{
    rig_wait(&rig, 9000);
    rig_heartbeat(&rig, "g", ids[0], generation);
    rig_heartbeat(&rig, "g", ids[1], generation);
    rig_wait(&rig, 9000);
    rig_restart(&rig);
    rig_wait(&rig, 9999);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
    rig_wait(&rig, 1);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
}
END_TEST

/* --- leaving
 * ------------------------------------------------------------------------------------------------------ */

START_TEST(leaving_begins_a_rebalance_of_the_others)
{
    ck_assert_int_eq(rig_leave(&rig, "g", ids[1], NULL), ERR_NONE);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", ids[0], generation), ERR_REBALANCE_IN_PROGRESS);
    uint64_t token = rig_join(&rig, (struct rig_join){.member = ids[0]});
    ck_assert_int_eq(rig_joined(&rig, token)->members_count, 1);
}
END_TEST

START_TEST(group_that_all_left_is_empty_in_a_generation_of_its_own)
{
    rig_leave(&rig, "g", ids[1], NULL);
    rig_leave(&rig, "g", ids[0], NULL);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
    uint64_t token = rig_join(&rig, (struct rig_join){.version = 3});
    rig_wait(&rig, 0);
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, generation + 2);
}
END_TEST

START_TEST(strangers_cannot_leave)
{
    ck_assert_int_eq(rig_leave(&rig, "g", "stranger", NULL), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(rig_leave(&rig, "g", "", NULL), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(rig_leave(&rig, "nogroup", ids[0], NULL), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(rig_leave(&rig, "", ids[0], NULL), ERR_INVALID_GROUP_ID);
}
END_TEST

START_TEST(id_that_was_only_given_out_can_leave)
{
    const struct wire_join_group_response *given;
    given = rig_joined(&rig, rig_join(&rig, (struct rig_join){0}));
    char *id = arena_cstr(&rig.arena, given->member_id);
    uint64_t token = rig_join(&rig, (struct rig_join){.member = ids[0]});
    rig_join(&rig, (struct rig_join){.member = ids[1]});
    ck_assert(!rig_joined(&rig, token)); /* waits for the id */
    ck_assert_int_eq(rig_leave(&rig, "g", id, NULL), ERR_NONE);
    ck_assert(rig_joined(&rig, token));
}
END_TEST

START_TEST(member_that_leaves_while_it_joins_is_told_so)
{
    uint64_t token = rig_join(&rig, (struct rig_join){.member = ids[0]});
    ck_assert_int_eq(rig_leave(&rig, "g", ids[0], NULL), ERR_NONE);
    ck_assert_int_eq(rig_joined(&rig, token)->error_code, ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(before_version_3_the_members_error_is_the_answers)
{
    struct wire_leave_group_request request;
    struct wire_leave_group_response answer;
    wire_init(&wire_leave_group_request_desc, &request);
    request.group_id = VIEW_LIT("g");
    request.member_id = VIEW_LIT("stranger");
    group_leave(rig.c, &request, 2, &rig.now, &rig.arena, &answer, &rig.out);
    ck_assert_int_eq(answer.error_code, ERR_UNKNOWN_MEMBER_ID);
    request.member_id = view_str(ids[1]);
    group_leave(rig.c, &request, 2, &rig.now, &rig.arena, &answer, &rig.out);
    ck_assert_int_eq(answer.error_code, ERR_NONE);
    ck_assert_int_eq(rig_describe(&rig, "g")->members_count, 1);
}
END_TEST

START_TEST(several_leave_at_once_each_with_its_own_error)
{
    struct wire_leave_group_request_member_identity who[] = {
        {view_str(ids[0]), VIEW_NULL, VIEW_NULL},
        {VIEW_LIT("stranger"), VIEW_NULL, VIEW_NULL},
        {view_str(ids[1]), VIEW_NULL, VIEW_NULL},
    };
    struct wire_leave_group_request request;
    struct wire_leave_group_response answer;
    wire_init(&wire_leave_group_request_desc, &request);
    request.group_id = VIEW_LIT("g");
    request.members = who;
    request.members_count = 3;
    group_leave(rig.c, &request, 3, &rig.now, &rig.arena, &answer, &rig.out);
    ck_assert_int_eq(answer.error_code, ERR_NONE);
    ck_assert_int_eq(answer.members_count, 3);
    ck_assert_int_eq(answer.members[0].error_code, ERR_NONE);
    ck_assert_int_eq(answer.members[1].error_code, ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(answer.members[2].error_code, ERR_NONE);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
}
END_TEST

static int16_t version_of_last_value(void)
{
    struct codec_ctx *codecs = codec_ctx_new();
    struct record_iter it;
    struct record record;
    record_iter_open(&it, rig_last_batch(&rig), RECORD_VIEW, NULL, codecs);
    ck_assert(record_iter_next(&it, &record));
    int16_t version = be_get_i16(record.value.ptr);
    ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
    codec_ctx_free(codecs);
    return version;
}

START_TEST(records_are_of_versions_that_every_broker_reads)
{
    rig_close(&rig);
    rig_open(&rig);
    rig.config.offset_version = 2;
    rig.config.group_version = 1;
    rig_start(&rig);
    generation = rig_stable(&rig, "g", 1, ids);
    ck_assert_int_eq(version_of_last_value(), 1);
    rig_commit_ok(&rig, (struct rig_commit){.member = ids[0], .generation = generation, .offset = 1});
    ck_assert_int_eq(version_of_last_value(), 2);
}
END_TEST

Suite *sync_suite(void)
{
    Suite *suite = suite_create("group sync");
    TCase *tc = tcase_create("sync");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, strangers_and_old_generations_are_refused);
    tcase_add_test(tc, while_the_group_rebalances_members_are_sent_to_join);
    tcase_add_test(tc, protocol_that_is_named_must_be_the_groups);
    tcase_add_test(tc, while_loading_a_sync_is_a_rebalance_and_a_heartbeat_is_well);
    tcase_add_test(tc, followers_wait_until_the_leader_has_brought_the_assignment);
    tcase_add_test(tc, nobody_is_assigned_before_it_is_stored);
    tcase_add_test(tc, assignment_that_cannot_be_stored_begins_another_rebalance);
    tcase_add_test(tc, group_that_no_batch_can_hold_is_not_stored);
    tcase_add_test(tc, errors_of_the_log_are_told_as_kafka_tells_them);
    tcase_add_test(tc, leader_that_asks_twice_does_not_assign_twice);
    tcase_add_test(tc, assignment_stored_too_late_changes_nothing);
    tcase_add_test(tc, members_that_the_leader_forgot_get_nothing_and_strangers_are_passed_over);
    tcase_add_test(tc, member_of_a_stable_group_gets_its_assignment_again);
    tcase_add_test(tc, members_that_do_not_sync_in_time_are_out);
    tcase_add_test(tc, member_that_syncs_late_in_a_stable_group_is_not_out);
    tcase_add_test(tc, records_are_of_versions_that_every_broker_reads);
    suite_add_tcase(suite, tc);
    tc = tcase_create("sessions");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, heartbeats_are_judged_as_kafka_judges_them);
    tcase_add_test(tc, member_that_is_not_heard_of_for_its_session_is_out);
    tcase_add_test(tc, member_that_waits_for_its_assignment_needs_no_heartbeat);
    tcase_add_test(tc, sessions_begin_anew_with_a_new_coordinator);
    suite_add_tcase(suite, tc);
    tc = tcase_create("leave");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, leaving_begins_a_rebalance_of_the_others);
    tcase_add_test(tc, group_that_all_left_is_empty_in_a_generation_of_its_own);
    tcase_add_test(tc, strangers_cannot_leave);
    tcase_add_test(tc, id_that_was_only_given_out_can_leave);
    tcase_add_test(tc, member_that_leaves_while_it_joins_is_told_so);
    tcase_add_test(tc, before_version_3_the_members_error_is_the_answers);
    tcase_add_test(tc, several_leave_at_once_each_with_its_own_error);
    suite_add_tcase(suite, tc);
    return suite;
}
