/*
 * OffsetCommit, OffsetFetch, OffsetDelete: who may commit, and when an offset is the group's.
 */

#include "base/mem.h"
#include "hex.h"
#include "rig.h"
#include "suites.h"
#include "wire/record_batch.h"

static struct rig rig;
static char ids[2][100];
static int32_t generation;

static void setup(void)
{
    rig_begin(&rig);
}

static void setup_stable(void)
{
    rig_begin(&rig);
    generation = rig_stable(&rig, "g", 2, ids);
}

static void teardown(void)
{
    rig_close(&rig);
}

static int commit_err(struct rig_commit commit)
{
    return (int)rig_commit_err(&rig, rig_commit(&rig, commit));
}

/* --- without members
 * ----------------------------------------------------------------------------------------- */

START_TEST(who_uses_groups_for_offsets_only_commits_without_a_member)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 5, .metadata = "note"});
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 5);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 1), -1);
    ck_assert_int_eq(rig_fetch(&rig, "g", "other", 0), -1);
    ck_assert_int_eq(rig_fetch(&rig, "nogroup", "t", 0), -1);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
}
END_TEST

START_TEST(group_without_a_name_can_commit_but_not_in_a_transaction)
{
    rig_commit_ok(&rig, (struct rig_commit){.group = "", .offset = 5});
    ck_assert_int_eq(rig_fetch(&rig, "", "t", 0), 5);
    ck_assert_int_eq(commit_err((struct rig_commit){.group = "", .producer_id = 1}), ERR_INVALID_GROUP_ID);
}
END_TEST

START_TEST(generation_of_a_group_that_is_not_there_is_illegal)
{
    ck_assert_int_eq(commit_err((struct rig_commit){.generation = 1, .member = "m"}), ERR_ILLEGAL_GENERATION);
}
END_TEST

START_TEST(generation_of_a_group_without_members_is_of_an_unknown_one)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 5});
    ck_assert_int_eq(commit_err((struct rig_commit){.generation = 1, .member = "m"}), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

/* Held against batches that Kafka 3.9.1's own classes wrote. */
START_TEST(record_in_the_log_is_kafkas_to_the_byte)
{
    struct group_commit_offset offset = {VIEW_LIT("orders"), 7, 1234567890123, 5, -1, VIEW_LIT("m\xc3\xa9")};
    struct group_commit_request request = {.group_id = VIEW_LIT("g"),
                                           .generation = -1,
                                           .retention_ms = -1,
                                           .producer_id = -1,
                                           .producer_epoch = -1,
                                           .offsets = &offset,
                                           .offsets_count = 1};
    group_commit(rig.c, &request, ++rig.tokens, &rig.now, &rig.out);
    rig_wait(&rig, 0);
    hex_check(rig_last_batch(&rig), "000000000000000000000064ffffffff02b48239250000000000000000018bcfe5680000"
                                    "00018bcfe56800ffffffffffffffff"
                                    "ffffffffffff000000016400000022000100016700066f72646572730000000736000300"
                                    "00011f71fb04cb0000000500036dc3"
                                    "a90000018bcfe5680000");
}
END_TEST

START_TEST(tombstone_in_the_log_is_kafkas_to_the_byte)
{
    rig_commit_ok(&rig, (struct rig_commit){.topic = "orders", .partition = 7, .offset = 42});
    int32_t partition = 7;
    struct group_topic_partitions topics = {VIEW_LIT("orders"), &partition, 1};
    enum err err;
    group_delete_offsets(rig.c, VIEW_LIT("g"), &topics, 1, &rig.now, &err, &rig.out);
    hex_check(rig.out.items[rig.out.count - 1].append.batch,
              "000000000000000000000049ffffffff027a54993a0000000000000000018bcfe568000000018bcfe56800ffffffff"
              "ffffffff"
              "ffffffffffff000000012e00000022000100016700066f7264657273000000070100");
}
END_TEST

START_TEST(retention_that_the_client_wishes_is_stored_as_a_time)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 42, .retention_ms = 5000, .commit_ms = 77});
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 42);
}
END_TEST

START_TEST(retention_beyond_all_clocks_is_for_ever)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 42, .retention_ms = INT64_MAX});
    rig_commit_ok(&rig, (struct rig_commit){.offset = 42, .partition = 1, .commit_ms = INT64_MIN});
    rig_wait(&rig, 700000);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 42);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 1), -1); /* committed before all time */
}
END_TEST

START_TEST(batches_are_compressed_as_the_settings_say)
{
    rig.config.codec = CODEC_GZIP;
    rig_restart(&rig);
    rig_commit_ok(&rig, (struct rig_commit){.offset = 42});
    struct batch_info info;
    ck_assert_int_eq(batch_peek(rig_last_batch(&rig), &info), ERR_NONE);
    ck_assert_int_eq(info.codec, CODEC_GZIP);
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 42);
}
END_TEST

START_TEST(append_of_a_term_that_is_over_is_nobodys)
{
    rig.holds = true;
    rig_commit(&rig, (struct rig_commit){.offset = 5});
    uint64_t stale = rig.held[0].ticket;
    rig_restart(&rig);
    uint64_t token = rig_commit(&rig, (struct rig_commit){.offset = 6});
    group_appended(rig.c, stale, ERR_NONE, 0, &rig.now, &rig.out);
    rig_wait(&rig, 0);
    ck_assert(!rig_is_committed(&rig, token));
}
END_TEST

START_TEST(groups_are_in_the_partition_that_javas_hash_says)
{
    ck_assert_int_eq(group_partition_of(VIEW_LIT("my-group"), 50), 12);
    ck_assert_int_eq(group_partition_of(VIEW_LIT("gr\xc3\xbc\xc3\x9f"
                                                 "e"),
                                        50),
                     23);
    ck_assert_int_eq(group_partition_of(VIEW_LIT("\xf0\x9f\x98\x80"), 50), 49);
    ck_assert_int_eq(group_partition_of(VIEW_LIT("polygenelubricants"), 50), 0); /* -2^31 */
}
END_TEST

/* --- members
 * --------------------------------------------------------------------------------------------------- */

START_TEST(members_commit_in_their_generation_only)
{
    rig_commit_ok(&rig, (struct rig_commit){.member = ids[0], .generation = generation, .offset = 1});
    struct rig_commit commit = {.member = ids[0], .generation = generation - 1 ? generation - 1 : 99};
    ck_assert_int_eq(commit_err(commit), ERR_ILLEGAL_GENERATION);
    commit = (struct rig_commit){.member = "stranger", .generation = generation};
    ck_assert_int_eq(commit_err(commit), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(commit_err((struct rig_commit){0}), ERR_UNKNOWN_MEMBER_ID);
    commit = (struct rig_commit){.member = ids[0]};
    ck_assert_int_eq(commit_err(commit), ERR_ILLEGAL_GENERATION);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
}
END_TEST

START_TEST(commit_while_others_join_is_stored_and_one_while_the_leader_assigns_is_not)
{
    struct rig_commit commit = {.member = ids[1], .generation = generation, .offset = 7};
    rig_join(&rig, (struct rig_join){.member = ids[0]});
    rig_commit_ok(&rig, commit);
    rig_join(&rig, (struct rig_join){.member = ids[1]});
    ck_assert_int_eq(commit_err(commit), ERR_ILLEGAL_GENERATION);
    commit.generation++;
    ck_assert_int_eq(commit_err(commit), ERR_REBALANCE_IN_PROGRESS);
}
END_TEST

START_TEST(commit_renews_the_session)
{
    rig_wait(&rig, 9000);
    rig_heartbeat(&rig, "g", ids[0], generation);
    rig_commit_ok(&rig, (struct rig_commit){.member = ids[1], .generation = generation, .offset = 1});
    rig_wait(&rig, 9000);
    ck_assert_str_eq(rig_state(&rig, "g"), "Stable");
}
END_TEST

/* --- when it is the group's
 * ---------------------------------------------------------------------------------------- */

START_TEST(offset_is_the_groups_when_the_log_has_it)
{
    rig.holds = true;
    uint64_t token = rig_commit(&rig, (struct rig_commit){.offset = 5});
    ck_assert(!rig_is_committed(&rig, token));
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_UNSTABLE_OFFSET_COMMIT);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, false), ERR_NONE);
    rig_ack(&rig, ERR_NONE);
    ck_assert_int_eq(rig_commit_err(&rig, token), ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 5);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_NONE);
}
END_TEST

START_TEST(commit_that_fails_leaves_what_was_there)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 5});
    rig.refuse = ERR_REQUEST_TIMED_OUT;
    ck_assert_int_eq(commit_err((struct rig_commit){.offset = 6}), ERR_REQUEST_TIMED_OUT);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 5);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_NONE);
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
        {ERR_MESSAGE_TOO_LARGE, ERR_INVALID_COMMIT_OFFSET_SIZE},
        {ERR_RECORD_LIST_TOO_LARGE, ERR_INVALID_COMMIT_OFFSET_SIZE},
        {ERR_NETWORK_EXCEPTION, ERR_COORDINATOR_LOAD_IN_PROGRESS},
        {ERR_REQUEST_TIMED_OUT, ERR_REQUEST_TIMED_OUT},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        rig.refuse = pairs[i][0];
        ck_assert_int_eq(commit_err((struct rig_commit){.offset = 6}), pairs[i][1]);
    }
}
END_TEST

START_TEST(acknowledgements_in_another_order_leave_the_later_offset)
{
    rig.holds = true;
    rig_commit(&rig, (struct rig_commit){.offset = 5});
    rig_commit(&rig, (struct rig_commit){.offset = 6});
    struct rig_held first = rig.held[0];
    rig.held[0] = rig.held[1];
    rig.held[1] = first;
    rig_ack(&rig, ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 6);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_UNSTABLE_OFFSET_COMMIT);
    rig_ack(&rig, ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 6);
}
END_TEST

START_TEST(who_waits_when_the_partition_is_lost_asks_the_next_coordinator)
{
    rig.holds = true;
    uint64_t token = rig_commit(&rig, (struct rig_commit){.offset = 5});
    rig_restart(&rig);
    ck_assert_int_eq(rig_commit_err(&rig, token), ERR_NOT_COORDINATOR);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 5); /* it was in the log */
}
END_TEST

START_TEST(metadata_is_limited_in_utf16_units_for_each_partition)
{
    rig.config.metadata_max = 4;
    rig_restart(&rig);
    rig_commit_ok(&rig, (struct rig_commit){.metadata = "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"}); /* 8 bytes */
    rig_commit_ok(&rig, (struct rig_commit){.metadata = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"}); /* 2 pairs */
    ck_assert_int_eq(commit_err((struct rig_commit){.metadata = "12345"}), ERR_OFFSET_METADATA_TOO_LARGE);
    struct group_commit_offset offsets[] = {
        {VIEW_LIT("t"), 0, 10, -1, -1, VIEW_LIT("12345")},
        {VIEW_LIT("t"), 1, 11, -1, -1, VIEW_LIT("1234")},
    };
    struct group_commit_request request = {.group_id = VIEW_LIT("g"),
                                           .generation = -1,
                                           .retention_ms = -1,
                                           .producer_id = -1,
                                           .offsets = offsets,
                                           .offsets_count = 2};
    rig.holds = true;
    int32_t before = rig.out.count;
    group_commit(rig.c, &request, 999, &rig.now, &rig.out);
    ck_assert_int_eq(rig.out.count, before + 1);
    ck_assert_int_eq(rig.out.items[before].append.record_count, 1);
    rig.seen = rig.out.count;
    group_appended(rig.c, rig.out.items[before].append.ticket, ERR_NONE, 100, &rig.now, &rig.out);
    const struct group_effect *answer = &rig.out.items[before + 1];
    rig.seen = rig.out.count;
    ck_assert_int_eq(answer->committed.errs[0], ERR_OFFSET_METADATA_TOO_LARGE);
    ck_assert_int_eq(answer->committed.errs[1], ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 1), 11);
}
END_TEST

START_TEST(commit_of_nothing_is_answered_at_once)
{
    struct group_commit_request request = {
        .group_id = VIEW_LIT("g"), .generation = -1, .retention_ms = -1, .producer_id = -1};
    struct group_effects out = {0};
    group_commit(rig.c, &request, 1, &rig.now, &out);
    ck_assert_int_eq(out.count, 1);
    ck_assert_int_eq(out.items[0].kind, GROUP_EFFECT_COMMITTED);
    ck_assert_int_eq(out.items[0].committed.count, 0);
    group_effects_close(&out);
}
END_TEST

/* --- fetching all
 * ---------------------------------------------------------------------------------------------------- */

START_TEST(all_that_a_group_has_committed_can_be_asked_for)
{
    rig_commit_ok(&rig, (struct rig_commit){.topic = "a", .offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.topic = "a", .partition = 3, .offset = 2});
    rig_commit_ok(&rig, (struct rig_commit){.topic = "b", .offset = 3, .metadata = "x"});
    rig.holds = true;
    rig_commit(&rig, (struct rig_commit){.topic = "c", .offset = 3}); /* not yet committed */
    struct group_fetched_topic *fetched;
    int32_t count;
    group_fetch_offsets(rig.c, VIEW_LIT("g"), NULL, -1, false, &rig.arena, SIZE_MAX, &fetched, &count);
    ck_assert_int_eq(count, 2);
    int64_t sum = 0;
    for (int32_t t = 0; t < count; t++)
        for (int32_t p = 0; p < fetched[t].offsets_count; p++)
            sum += fetched[t].offsets[p].offset;
    ck_assert_int_eq(sum, 6);
    group_fetch_offsets(rig.c, VIEW_LIT("nogroup"), NULL, -1, false, &rig.arena, SIZE_MAX, &fetched, &count);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(
        group_fetch_offsets(NULL, VIEW_LIT("g"), NULL, -1, false, &rig.arena, SIZE_MAX, &fetched, &count),
        ERR_NOT_COORDINATOR);
}
END_TEST

START_TEST(answer_that_names_a_partition_again_and_again_is_bounded)
{
    char metadata[4001] = "";
    memset(metadata, 'm', sizeof metadata - 1);
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1, .metadata = metadata});
    static const int32_t zeros[1000] = {0};
    struct group_topic_partitions topics = {VIEW_LIT("t"), zeros, ARRAY_LEN(zeros)};
    struct group_fetched_topic *fetched;
    int32_t count;
    struct arena arena = {0};
    ck_assert_int_eq(
        group_fetch_offsets(rig.c, VIEW_LIT("g"), &topics, 1, false, &arena, 1000000, &fetched, &count),
        ERR_INVALID_REQUEST);
    ck_assert_uint_lt(arena.total, 1010000);
    arena_reset(&arena);
    topics.partitions_count = 100;
    ck_assert_int_eq(
        group_fetch_offsets(rig.c, VIEW_LIT("g"), &topics, 1, false, &arena, 1000000, &fetched, &count),
        ERR_NONE);
    ck_assert_uint_eq(fetched->offsets[99].metadata.len, sizeof metadata - 1);
    arena_close(&arena);
}
END_TEST

/* --- deleting
 * ---------------------------------------------------------------------------------------------------------
 */

static enum err delete_offset(const char *group, const char *topic, int32_t partition)
{
    struct group_topic_partitions topics = {view_str(topic), &partition, 1};
    enum err err = ERR_NONE, whole;
    int32_t before = rig.out.count;
    whole = group_delete_offsets(rig.c, view_str(group), &topics, 1, &rig.now, &err, &rig.out);
    for (int32_t i = before; i < rig.out.count; i++)
        ck_assert_uint_eq(rig.out.items[i].append.ticket, 0);
    rig_wait(&rig, 0);
    return whole ? whole : err;
}

START_TEST(deleted_offset_is_gone_for_the_next_coordinator_too)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.partition = 1, .offset = 2});
    ck_assert_int_eq(delete_offset("g", "t", 0), ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 1), 2);
}
END_TEST

START_TEST(offset_that_is_deleted_while_it_is_stored_does_not_come_back)
{
    rig_commit_ok(&rig, (struct rig_commit){.partition = 1, .offset = 1});
    rig.holds = true;
    uint64_t token = rig_commit(&rig, (struct rig_commit){.offset = 1});
    delete_offset("g", "t", 0);
    rig_ack_all(&rig);
    ck_assert_int_eq(rig_commit_err(&rig, token), ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
}
END_TEST

START_TEST(group_whose_last_offset_is_deleted_is_gone)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    delete_offset("g", "t", 0);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
    ck_assert_int_eq(delete_offset("g", "t", 0), ERR_GROUP_ID_NOT_FOUND);
}
END_TEST

static char *enter_subscribed(struct view metadata, const char *type)
{
    struct wire_join_group_request_join_group_request_protocol protocol = {VIEW_LIT("range"), metadata};
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = VIEW_LIT("s");
    request.session_timeout_ms = 10000;
    request.rebalance_timeout_ms = 10000;
    request.protocol_type = view_str(type);
    request.protocols = &protocol;
    request.protocols_count = 1;
    struct group_client client = {VIEW_LIT("c"), VIEW_LIT("/h")};
    uint64_t token = ++rig.tokens;
    group_join(rig.c, &request, 3, &client, token, &rig.now, &rig.out);
    rig_wait(&rig, 0);
    const struct wire_join_group_response *joined = rig_joined(&rig, token);
    char *id = arena_cstr(&rig.arena, joined->member_id);
    rig_sync(&rig, "s", id, joined->generation_id, NULL);
    ck_assert_str_eq(rig_state(&rig, "s"), "Stable");
    return id;
}

START_TEST(topics_that_members_are_subscribed_to_keep_their_offsets)
{
    static const uint8_t subscription[] = {0, 1, 0, 0, 0, 1, 0, 1, 't', 255, 255, 255, 255, 0, 0, 0, 0};
    char *id = enter_subscribed(view_of(subscription, sizeof subscription), "consumer");
    rig_commit_ok(&rig, (struct rig_commit){.group = "s", .member = id, .generation = 1, .offset = 1});
    rig_commit_ok(
        &rig, (struct rig_commit){.group = "s", .member = id, .generation = 1, .topic = "u", .offset = 1});
    ck_assert_int_eq(delete_offset("s", "t", 0), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    ck_assert_int_eq(delete_offset("s", "u", 0), ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "s", "t", 0), 1);
    ck_assert_int_eq(rig_fetch(&rig, "s", "u", 0), -1);
}
END_TEST

START_TEST(subscription_that_cannot_be_read_keeps_all_offsets)
{
    enter_subscribed(VIEW_LIT("x"), "consumer");
    ck_assert_int_eq(delete_offset("s", "t", 0), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
}
END_TEST

START_TEST(groups_that_are_no_consumers_keep_their_offsets_while_they_have_members)
{
    enter_subscribed(VIEW_LIT("x"), "connect");
    ck_assert_int_eq(delete_offset("s", "t", 0), ERR_NON_EMPTY_GROUP);
}
END_TEST

START_TEST(offsets_of_partitions_that_are_gone_go_in_every_group)
{
    rig_commit_ok(&rig, (struct rig_commit){.group = "a", .offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.group = "b", .offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.group = "b", .topic = "u", .offset = 1});
    int32_t partition = 0;
    struct group_topic_partitions topics = {VIEW_LIT("t"), &partition, 1};
    group_partitions_gone(rig.c, &topics, 1, &rig.now, &rig.out);
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "a"), "Dead");
    ck_assert_int_eq(rig_fetch(&rig, "b", "t", 0), -1);
    ck_assert_int_eq(rig_fetch(&rig, "b", "u", 0), 1);
}
END_TEST

Suite *commit_suite(void)
{
    Suite *suite = suite_create("group offsets committed");
    TCase *tc = tcase_create("simple");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, who_uses_groups_for_offsets_only_commits_without_a_member);
    tcase_add_test(tc, group_without_a_name_can_commit_but_not_in_a_transaction);
    tcase_add_test(tc, generation_of_a_group_that_is_not_there_is_illegal);
    tcase_add_test(tc, generation_of_a_group_without_members_is_of_an_unknown_one);
    tcase_add_test(tc, record_in_the_log_is_kafkas_to_the_byte);
    tcase_add_test(tc, tombstone_in_the_log_is_kafkas_to_the_byte);
    tcase_add_test(tc, retention_that_the_client_wishes_is_stored_as_a_time);
    tcase_add_test(tc, retention_beyond_all_clocks_is_for_ever);
    tcase_add_test(tc, batches_are_compressed_as_the_settings_say);
    tcase_add_test(tc, append_of_a_term_that_is_over_is_nobodys);
    tcase_add_test(tc, groups_are_in_the_partition_that_javas_hash_says);
    tcase_add_test(tc, offset_is_the_groups_when_the_log_has_it);
    tcase_add_test(tc, commit_that_fails_leaves_what_was_there);
    tcase_add_test(tc, errors_of_the_log_are_told_as_kafka_tells_them);
    tcase_add_test(tc, acknowledgements_in_another_order_leave_the_later_offset);
    tcase_add_test(tc, who_waits_when_the_partition_is_lost_asks_the_next_coordinator);
    tcase_add_test(tc, metadata_is_limited_in_utf16_units_for_each_partition);
    tcase_add_test(tc, commit_of_nothing_is_answered_at_once);
    tcase_add_test(tc, all_that_a_group_has_committed_can_be_asked_for);
    tcase_add_test(tc, answer_that_names_a_partition_again_and_again_is_bounded);
    tcase_add_test(tc, deleted_offset_is_gone_for_the_next_coordinator_too);
    tcase_add_test(tc, offset_that_is_deleted_while_it_is_stored_does_not_come_back);
    tcase_add_test(tc, group_whose_last_offset_is_deleted_is_gone);
    tcase_add_test(tc, topics_that_members_are_subscribed_to_keep_their_offsets);
    tcase_add_test(tc, subscription_that_cannot_be_read_keeps_all_offsets);
    tcase_add_test(tc, groups_that_are_no_consumers_keep_their_offsets_while_they_have_members);
    tcase_add_test(tc, offsets_of_partitions_that_are_gone_go_in_every_group);
    suite_add_tcase(suite, tc);
    tc = tcase_create("members");
    tcase_add_checked_fixture(tc, setup_stable, teardown);
    tcase_add_test(tc, members_commit_in_their_generation_only);
    tcase_add_test(tc, commit_while_others_join_is_stored_and_one_while_the_leader_assigns_is_not);
    tcase_add_test(tc, commit_renews_the_session);
    suite_add_tcase(suite, tc);
    return suite;
}
