/*
 * Offsets whose time is over, and groups that nothing is left of.
 */
#include <stdio.h>

#include "rig.h"
#include "suites.h"

#define DAY_MS  ((int64_t)24 * 3600 * 1000)
#define WEEK_MS (7 * DAY_MS)
#define TICK_MS 600000 /* between two looks */

static struct rig rig;

static void setup(void)
{
    rig_begin(&rig);
}

static void teardown(void)
{
    rig_close(&rig);
}

START_TEST(simple_groups_lose_each_offset_a_week_after_its_commit)
{
    rig_commit_ok(&rig, (struct rig_commit){.partition = 0, .offset = 1});
    rig_wait(&rig, DAY_MS);
    rig_commit_ok(&rig, (struct rig_commit){.partition = 1, .offset = 1});
    rig_wait(&rig, WEEK_MS - DAY_MS - 1);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
    rig_wait(&rig, TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 1), 1);
    rig_wait(&rig, DAY_MS + TICK_MS);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
}
END_TEST

START_TEST(expiry_is_in_the_log_and_a_group_that_only_stored_offsets_has_no_record)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    int before = rig.appended;
    rig_wait(&rig, WEEK_MS + TICK_MS);
    ck_assert_int_eq(rig.appended, before + 1);
    struct group_loader *loader = group_loader_new(7);
    group_loader_add(loader, rig_last_batch(&rig));
    struct group_load_counts counts;
    group_loader_counts(loader, &counts);
    ck_assert_uint_eq(counts.offsets, 1);
    ck_assert_uint_eq(counts.groups, 0);
    group_loader_free(loader);
}
END_TEST

START_TEST(time_that_the_client_wished_goes_before_the_brokers)
{
    rig_commit_ok(&rig, (struct rig_commit){.partition = 0, .offset = 1, .retention_ms = DAY_MS});
    rig_commit_ok(&rig, (struct rig_commit){.partition = 1, .offset = 1, .retention_ms = 3 * WEEK_MS});
    rig_wait(&rig, DAY_MS + TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    rig_wait(&rig, 2 * WEEK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 1), 1);
}
END_TEST

static int32_t live(const char *member, int32_t generation, int64_t ms)
{
    for (int64_t at = 0; at < ms; at += 1700000) {
        ck_assert_int_eq(rig_heartbeat(&rig, "g", member, generation), ERR_NONE);
        rig_wait(&rig, 1700000);
    }
    return generation;
}

/* A member that lives long between heartbeats, subscribed to "t", or to something that cannot be read. */
static char *enter(struct view metadata)
{
    struct wire_join_group_request_join_group_request_protocol protocol = {VIEW_LIT("range"), metadata};
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = VIEW_LIT("g");
    request.session_timeout_ms = 1800000;
    request.rebalance_timeout_ms = 10000;
    request.protocol_type = VIEW_LIT("consumer");
    request.protocols = &protocol;
    request.protocols_count = 1;
    struct group_client client = {VIEW_LIT("c"), VIEW_LIT("/h")};
    uint64_t token = ++rig.tokens;
    group_join(rig.c, &request, 3, &client, token, &rig.now, &rig.out);
    rig_wait(&rig, 0);
    char *id = arena_cstr(&rig.arena, rig_joined(&rig, token)->member_id);
    rig_sync(&rig, "g", id, rig_joined(&rig, token)->generation_id, NULL);
    return id;
}

static const uint8_t subscribes_t[] = {0, 0, 0, 0, 0, 1, 0, 1, 't', 255, 255, 255, 255};

START_TEST(stable_group_keeps_what_it_reads_and_loses_the_rest)
{
    char *id = enter(view_of(subscribes_t, sizeof subscribes_t));
    rig_commit_ok(&rig, (struct rig_commit){.member = id, .generation = 1, .offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.member = id, .generation = 1, .topic = "old", .offset = 1});
    live(id, 1, WEEK_MS + 2 * TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
    ck_assert_int_eq(rig_fetch(&rig, "g", "old", 0), -1);
}
END_TEST

START_TEST(stable_group_whose_subscription_cannot_be_read_keeps_all)
{
    char *id = enter(VIEW_LIT("?"));
    rig_commit_ok(&rig, (struct rig_commit){.member = id, .generation = 1, .topic = "old", .offset = 1});
    live(id, 1, WEEK_MS + 2 * TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "old", 0), 1);
}
END_TEST

START_TEST(empty_group_loses_all_a_week_after_its_last_member_left)
{
    char *id = enter(view_of(subscribes_t, sizeof subscribes_t));
    rig_commit_ok(&rig, (struct rig_commit){.member = id, .generation = 1, .offset = 1});
    live(id, 1, 2 * WEEK_MS);
    rig_leave(&rig, "g", id, NULL);
    rig_wait(&rig, WEEK_MS - 1);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
    rig_restart(&rig); /* since when it is empty is in the log */
    rig_wait(&rig, TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
}
END_TEST

START_TEST(commit_to_an_empty_group_does_not_prolong_its_life)
{
    char *id = enter(view_of(subscribes_t, sizeof subscribes_t));
    rig_commit_ok(&rig, (struct rig_commit){.member = id, .generation = 1, .offset = 1});
    rig_leave(&rig, "g", id, NULL);
    rig_wait(&rig, DAY_MS);
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    rig_wait(&rig, WEEK_MS - DAY_MS + TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
}
END_TEST

START_TEST(group_that_rebalances_for_long_loses_nothing)
{
    char *id = enter(view_of(subscribes_t, sizeof subscribes_t));
    rig_commit_ok(&rig, (struct rig_commit){.member = id, .generation = 1, .topic = "old", .offset = 1});
    rig_wait(&rig, 1000000);
    rig_heartbeat(&rig, "g", id, 1);
    rig.now.wall_ms += 2 * WEEK_MS; /* a clock that jumps */
    rig_join(&rig, (struct rig_join){.version = 3, .rebalance_ms = 900000});
    rig_wait(&rig, TICK_MS + 1);
    ck_assert_str_eq(rig_state(&rig, "g"), "PreparingRebalance");
    ck_assert_int_eq(rig_fetch(&rig, "g", "old", 0), 1);
}
END_TEST

START_TEST(offset_that_is_being_committed_is_kept)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    rig.holds = true;
    rig_commit(&rig, (struct rig_commit){.offset = 2});
    rig_wait(&rig, WEEK_MS + TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
    rig_ack(&rig, ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
}
END_TEST

START_TEST(open_transaction_keeps_the_group_but_not_the_offset)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_wait(&rig, WEEK_MS + TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
}
END_TEST

START_TEST(group_that_never_had_anything_is_gone_at_the_next_look)
{
    ck_assert_int_eq(rig_joined(&rig, rig_join(&rig, (struct rig_join){.type = ""}))->error_code,
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
    rig_wait(&rig, TICK_MS);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
    ck_assert_int_eq(rig.appended, 0);
}
END_TEST

START_TEST(many_groups_are_looked_at_in_steps)
{
    char group[20];
    for (int i = 0; i < 3000; i++) {
        snprintf(group, sizeof group, "g%d", i);
        rig_commit_ok(&rig, (struct rig_commit){.group = group, .offset = 1});
    }
    struct group_counts counts;
    rig_wait(&rig, WEEK_MS + TICK_MS + 1000);
    group_coordinator_counts(rig.c, &counts);
    ck_assert_int_eq(counts.groups[GROUP_EMPTY], 0);
    ck_assert_int_eq(counts.offsets, 0);
    ck_assert_uint_eq(counts.offsets_expired, 3000);
}
END_TEST

/* Of groups that never stored an offset, too. */
START_TEST(tombstones_of_many_groups_are_in_batches_of_about_the_size_that_is_wanted)
{
    enum { MANY = 20 };
    char group[20], ids[1][100];
    rig_close(&rig);
    rig_open(&rig);
    rig.config.tombstones_bytes = 100;
    rig_start(&rig);
    for (int i = 0; i < MANY; i++) {
        snprintf(group, sizeof group, "g%d", i);
        rig_stable(&rig, group, 1, ids);
        ck_assert_int_eq(rig_leave(&rig, group, ids[0], NULL), ERR_NONE);
    }
    const int before = rig.appended;
    rig_wait(&rig, TICK_MS);
    ck_assert_str_eq(rig_state(&rig, group), "Dead");
    ck_assert_int_ge(rig.appended - before, 3);
    ck_assert_int_lt(rig.appended - before, MANY);
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, group), "Dead");
}
END_TEST

START_TEST(group_that_is_deleted_between_two_steps_is_not_looked_at)
{
    enum { MANY = 20000 };
    struct group_commit_offset *offsets = arena_zalloc(&rig.arena, MANY * sizeof *offsets);
    for (int32_t i = 0; i < MANY; i++)
        offsets[i] = (struct group_commit_offset){VIEW_LIT("t"), i, 1, -1, -1, VIEW_NULL};
    struct group_commit_request request = {.group_id = VIEW_LIT("large"),
                                           .generation = -1,
                                           .retention_ms = -1,
                                           .producer_id = -1,
                                           .offsets = offsets,
                                           .offsets_count = MANY};
    group_commit(rig.c, &request, ++rig.tokens, &rig.now, &rig.out);
    rig_wait(&rig, 0);
    rig_commit_ok(&rig, (struct rig_commit){.group = "next", .offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.group = "last", .offset = 1});
    rig_wait(&rig, group_coordinator_deadline(rig.c) - rig.now.mono_ms); /* the large one is a step */
    ck_assert_int_eq(group_coordinator_deadline(rig.c), rig.now.mono_ms + 1);
    ck_assert_int_eq(group_delete(rig.c, VIEW_LIT("next"), &rig.now, &rig.out), ERR_NONE);
    rig_wait(&rig, 1);
    ck_assert_int_gt(group_coordinator_deadline(rig.c), rig.now.mono_ms + TICK_MS / 2);
    rig_wait(&rig, WEEK_MS + TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "large", "t", MANY - 1), -1);
    ck_assert_str_eq(rig_state(&rig, "last"), "Dead");
}
END_TEST

START_TEST(who_never_wants_to_look_has_nothing_expire)
{
    rig_close(&rig);
    rig_open(&rig);
    rig.config.retention_check_ms = INT64_MAX;
    rig_start(&rig);
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    ck_assert_int_eq(group_coordinator_deadline(rig.c), INT64_MAX);
    rig_wait(&rig, WEEK_MS + TICK_MS);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
}
END_TEST

Suite *expiry_suite(void)
{
    Suite *suite = suite_create("group expiry");
    TCase *tc = tcase_create("expiry");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, simple_groups_lose_each_offset_a_week_after_its_commit);
    tcase_add_test(tc, expiry_is_in_the_log_and_a_group_that_only_stored_offsets_has_no_record);
    tcase_add_test(tc, time_that_the_client_wished_goes_before_the_brokers);
    tcase_add_test(tc, stable_group_keeps_what_it_reads_and_loses_the_rest);
    tcase_add_test(tc, stable_group_whose_subscription_cannot_be_read_keeps_all);
    tcase_add_test(tc, empty_group_loses_all_a_week_after_its_last_member_left);
    tcase_add_test(tc, commit_to_an_empty_group_does_not_prolong_its_life);
    tcase_add_test(tc, group_that_rebalances_for_long_loses_nothing);
    tcase_add_test(tc, offset_that_is_being_committed_is_kept);
    tcase_add_test(tc, open_transaction_keeps_the_group_but_not_the_offset);
    tcase_add_test(tc, group_that_never_had_anything_is_gone_at_the_next_look);
    tcase_add_test(tc, many_groups_are_looked_at_in_steps);
    tcase_add_test(tc, tombstones_of_many_groups_are_in_batches_of_about_the_size_that_is_wanted);
    tcase_add_test(tc, group_that_is_deleted_between_two_steps_is_not_looked_at);
    tcase_add_test(tc, who_never_wants_to_look_has_nothing_expire);
    suite_add_tcase(suite, tc);
    return suite;
}
