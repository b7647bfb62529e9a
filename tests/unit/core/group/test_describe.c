/*
 * DescribeGroups, ListGroups, DeleteGroups, the history of rebalances, and what is counted.
 */
#include "rig.h"
#include "suites.h"

static struct rig rig;
static char ids[2][100];

static void setup(void)
{
    rig_begin(&rig);
}

static void teardown(void)
{
    rig_close(&rig);
}

/* --- describe
 * --------------------------------------------------------------------------------------------------- */

START_TEST(stable_group_is_described_with_what_its_members_want_and_have)
{
    rig_stable(&rig, "g", 2, ids);
    const struct wire_describe_groups_response_described_group *g = rig_describe(&rig, "g");
    ck_assert_int_eq(g->error_code, ERR_NONE);
    ck_assert(view_equal_str(g->group_state, "Stable"));
    ck_assert(view_equal_str(g->protocol_type, "consumer"));
    ck_assert(view_equal_str(g->protocol_data, "range"));
    ck_assert_int_eq(g->members_count, 2);
    ck_assert(view_equal_str(g->members[1].member_id, ids[1]));
    ck_assert(view_equal_str(g->members[1].client_id, "client"));
    ck_assert(view_equal_str(g->members[1].client_host, "/10.0.0.1"));
    ck_assert(view_equal_str(g->members[1].member_metadata, "m"));
    ck_assert(view_equal_str(g->members[1].member_assignment, "1"));
    ck_assert(view_is_null(g->members[1].group_instance_id));
}
END_TEST

START_TEST(what_is_being_negotiated_is_not_shown)
{
    rig_stable(&rig, "g", 2, ids);
    rig_join(&rig, (struct rig_join){.member = ids[0]});
    const struct wire_describe_groups_response_described_group *g = rig_describe(&rig, "g");
    ck_assert(view_equal_str(g->group_state, "PreparingRebalance"));
    ck_assert(view_equal_str(g->protocol_data, ""));
    ck_assert_int_eq(g->members_count, 2);
    ck_assert(view_equal_str(g->members[1].member_metadata, ""));
    ck_assert(view_equal_str(g->members[1].member_assignment, ""));
}
END_TEST

START_TEST(group_that_is_not_there_is_dead)
{
    const struct wire_describe_groups_response_described_group *g = rig_describe(&rig, "g");
    ck_assert_int_eq(g->error_code, ERR_NONE);
    ck_assert(view_equal_str(g->group_state, "Dead"));
    ck_assert(view_equal_str(g->group_id, "g"));
    ck_assert_int_eq(g->members_count, 0);
}
END_TEST

START_TEST(while_loading_nothing_is_described)
{
    struct group_coordinator *mine = rig.c;
    rig.c = group_coordinator_new(&rig.config);
    ck_assert_int_eq(rig_describe(&rig, "g")->error_code, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert(view_equal_str(rig_describe(&rig, "g")->group_state, ""));
    group_coordinator_free(rig.c);
    rig.c = mine;
}
END_TEST

/* --- list
 * ------------------------------------------------------------------------------------------------------- */

/* Names of the groups that pass, in order. */
static const char *list(const char *state, const char *type)
{
    struct view states = view_str(state), types = view_str(type);
    struct wire_list_groups_request request = {&states, state ? 1 : 0, &types, type ? 1 : 0};
    struct wire_list_groups_response answer;
    wire_init(&wire_list_groups_response_desc, &answer);
    group_list(rig.c, &request, &rig.arena, &answer);
    ck_assert_int_eq(answer.error_code, ERR_NONE);
    struct buf names = {0};
    for (int32_t i = 0; i < answer.groups_count; i++)
        buf_printf(&names, "%.*s:%.*s:%.*s:%.*s ", VIEW_FMT(answer.groups[i].group_id),
                   VIEW_FMT(answer.groups[i].protocol_type), VIEW_FMT(answer.groups[i].group_state),
                   VIEW_FMT(answer.groups[i].group_type));
    char *text = arena_strdup(&rig.arena, buf_cstr(&names));
    buf_close(&names);
    return text;
}

START_TEST(groups_are_listed_by_state_and_type_in_whatever_case)
{
    rig_stable(&rig, "a", 1, ids);
    rig_commit_ok(&rig, (struct rig_commit){.group = "b", .offset = 1});
    ck_assert_str_eq(list(NULL, NULL), "a:consumer:Stable:classic b::Empty:classic ");
    ck_assert_str_eq(list("sTABLE", "Classic"), "a:consumer:Stable:classic ");
    ck_assert_str_eq(list("Empty", NULL), "b::Empty:classic ");
    ck_assert_str_eq(list("nonsense", NULL), "");
    ck_assert_str_eq(list(NULL, "consumer"), "");
}
END_TEST

START_TEST(list_says_that_it_is_not_whole_while_a_partition_loads)
{
    rig_stable(&rig, "a", 1, ids);
    struct group_coordinator *loading = group_coordinator_new(&rig.config);
    struct wire_list_groups_request request = {0};
    struct wire_list_groups_response answer;
    wire_init(&wire_list_groups_response_desc, &answer);
    group_list(loading, &request, &rig.arena, &answer);
    group_list(rig.c, &request, &rig.arena, &answer);
    ck_assert_int_eq(answer.error_code, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(answer.groups_count, 1);
    group_coordinator_free(loading);
}
END_TEST

/* --- delete
 * ------------------------------------------------------------------------------------------------------- */

static int delete (const char *group)
{
    int err = (int)group_delete(rig.c, view_str(group), &rig.now, &rig.out);
    rig_wait(&rig, 0);
    return err;
}

START_TEST(empty_group_is_deleted_with_its_offsets_and_stays_so)
{
    int32_t generation = rig_stable(&rig, "g", 1, ids);
    rig_commit_ok(&rig, (struct rig_commit){.member = ids[0], .generation = generation, .offset = 1});
    ck_assert_int_eq(delete ("g"), ERR_NON_EMPTY_GROUP);
    rig_leave(&rig, "g", ids[0], NULL);
    ck_assert_int_eq(delete ("g"), ERR_NONE);
    ck_assert_int_eq(delete ("g"), ERR_GROUP_ID_NOT_FOUND);
    rig_restart(&rig);
    ck_assert_int_eq(delete ("g"), ERR_GROUP_ID_NOT_FOUND);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
}
END_TEST

START_TEST(commit_that_is_on_its_way_does_not_revive_a_deleted_group)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    rig.holds = true;
    uint64_t token = rig_commit(&rig, (struct rig_commit){.partition = 5, .offset = 2});
    ck_assert_int_eq(delete ("g"), ERR_NONE);
    rig_ack_all(&rig);
    ck_assert_int_eq(rig_commit_err(&rig, token), ERR_NONE);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
}
END_TEST

/* --- history
 * -------------------------------------------------------------------------------------------------------- */

static const char *history(const char *group)
{
    struct group_rebalance *items;
    int32_t count;
    if (group_history_of(rig.c, view_str(group), &rig.arena, &items, &count))
        return "none";
    struct buf text = {0};
    for (int32_t i = 0; i < count; i++)
        buf_printf(&text, "%s by %.*s (%.*s) %s gen %d members %d join %lld assign %lld write %lld\n",
                   group_cause_name(items[i].cause), VIEW_FMT(items[i].member), VIEW_FMT(items[i].reason),
                   group_outcome_name(items[i].outcome), items[i].generation, items[i].members,
                   (long long)items[i].join_ms, (long long)items[i].assign_ms, (long long)items[i].write_ms);
    char *copy = arena_strdup(&rig.arena, buf_cstr(&text));
    buf_close(&text);
    return copy;
}

START_TEST(history_says_who_caused_a_rebalance_and_how_long_each_phase_took)
{
    uint64_t token = rig_enter(&rig, (struct rig_join){.reason = "first poll"}, ids[0]);
    rig_wait(&rig, 0);
    ck_assert(rig_joined(&rig, token));
    rig_wait(&rig, 200);
    rig.holds = true;
    rig_sync(&rig, "g", ids[0], 1, NULL);
    rig_wait(&rig, 30);
    rig_ack(&rig, ERR_NONE);
    char *want = arena_printf(
        &rig.arena, "join by %s (first poll) stable gen 1 members 1 join 0 assign 200 write 30\n", ids[0]);
    ck_assert_str_eq(history("g"), want);
    rig_wait(&rig, 10000);
    want = arena_printf(&rig.arena,
                        "%ssession-timeout by %s () empty gen 2 members 0 join 0 assign -1 write -1\n", want,
                        ids[0]);
    ck_assert_str_eq(history("g"), want);
}
END_TEST

START_TEST(history_shows_rebalances_that_another_one_ended)
{
    rig_stable(&rig, "g", 2, ids);
    rig_join(&rig, (struct rig_join){.member = ids[0], .reason = "new partitions"});
    rig_wait(&rig, 100);
    rig_join(&rig, (struct rig_join){.member = ids[1]});
    rig_leave(&rig, "g", ids[1], NULL);
    const char *newest = strstr(history("g"), "leader-rejoined");
    ck_assert_str_eq(newest,
                     arena_printf(&rig.arena,
                                  "leader-rejoined by %s (new partitions) restarted gen 2 members 1 join "
                                  "100 assign -1 write -1\n"
                                  "leave by %s (bye) running gen 2 members 0 join -1 assign -1 write -1\n",
                                  ids[0], ids[1]));
}
END_TEST

START_TEST(history_keeps_the_last_ones)
{
    rig.config.history_count = 3;
    rig_restart(&rig);
    int32_t generation = rig_stable(&rig, "g", 1, ids);
    for (int i = 0; i < 5; i++) {
        rig_join(&rig, (struct rig_join){.member = ids[0]});
        rig_sync(&rig, "g", ids[0], ++generation, NULL);
    }
    struct group_rebalance *items;
    int32_t count;
    ck_assert_int_eq(group_history_of(rig.c, VIEW_LIT("g"), &rig.arena, &items, &count), ERR_NONE);
    ck_assert_int_eq(count, 3);
    for (int32_t i = 0; i < 3; i++)
        ck_assert_int_eq(items[i].generation, generation - 2 + i);
    ck_assert_int_eq(group_history_of(rig.c, VIEW_LIT("h"), &rig.arena, &items, &count),
                     ERR_GROUP_ID_NOT_FOUND);
}
END_TEST

START_TEST(what_happens_is_counted)
{
    rig_stable(&rig, "a", 2, ids);
    rig_commit_ok(&rig, (struct rig_commit){.group = "b", .offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.group = "b", .offset = 2});
    struct group_counts counts;
    group_coordinator_counts(rig.c, &counts);
    ck_assert_int_eq(counts.groups[GROUP_STABLE], 1);
    ck_assert_int_eq(counts.groups[GROUP_EMPTY], 1);
    ck_assert_int_eq(counts.groups[GROUP_PREPARING], 0);
    ck_assert_int_eq(counts.offsets, 1);
    ck_assert_uint_eq(counts.rebalances, 1);
    ck_assert_uint_eq(counts.commits, 2);
    rig_restart(&rig);
    group_coordinator_counts(rig.c, &counts);
    ck_assert_int_eq(counts.groups[GROUP_STABLE], 1);
    ck_assert_int_eq(counts.groups[GROUP_EMPTY], 1);
}
END_TEST

Suite *describe_suite(void)
{
    Suite *suite = suite_create("group describe");
    TCase *tc = tcase_create("describe");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, stable_group_is_described_with_what_its_members_want_and_have);
    tcase_add_test(tc, what_is_being_negotiated_is_not_shown);
    tcase_add_test(tc, group_that_is_not_there_is_dead);
    tcase_add_test(tc, while_loading_nothing_is_described);
    tcase_add_test(tc, groups_are_listed_by_state_and_type_in_whatever_case);
    tcase_add_test(tc, list_says_that_it_is_not_whole_while_a_partition_loads);
    tcase_add_test(tc, empty_group_is_deleted_with_its_offsets_and_stays_so);
    tcase_add_test(tc, commit_that_is_on_its_way_does_not_revive_a_deleted_group);
    tcase_add_test(tc, history_says_who_caused_a_rebalance_and_how_long_each_phase_took);
    tcase_add_test(tc, history_shows_rebalances_that_another_one_ended);
    tcase_add_test(tc, history_keeps_the_last_ones);
    tcase_add_test(tc, what_happens_is_counted);
    suite_add_tcase(suite, tc);
    return suite;
}
