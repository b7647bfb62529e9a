#include "core/fetch/fetch_sessions.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/generated/wire_messages.h"

#define MAX_PARTITIONS 16
#define STALE          FETCH_SESSION_STALE_MS

static struct fetch_sessions cache;
static int64_t now_ms;

static void setup_of(int slots)
{
    fetch_sessions_init(&cache, slots, 7);
    now_ms = 1000;
}

static void setup(void)
{
    setup_of(4);
}

static void teardown(void)
{
    fetch_sessions_close(&cache);
}

/* --- asking ------------------------------------------------------------------------------------------------
 */

/* A request for partitions [first, first + count) of topic "t", forgetting [forget, forget + forget_count).
 */
struct asked {
    int32_t id;
    int32_t epoch;
    int first;
    int count;
    int forget;
    int forget_count;
    int64_t offset;
    bool uses_ids;
    bool privileged;
};

struct outcome {
    enum err err;
    struct fetch_session *session; /* held */
    bool full;
};

static struct outcome ask(struct asked a)
{
    struct wire_fetch_request_fetch_partition partitions[MAX_PARTITIONS] = {0};
    int32_t forgotten[MAX_PARTITIONS];
    for (int i = 0; i < a.count; i++) {
        partitions[i].partition = a.first + i;
        partitions[i].fetch_offset = a.offset;
        partitions[i].partition_max_bytes = 100;
    }
    for (int i = 0; i < a.forget_count; i++)
        forgotten[i] = a.forget + i;
    const struct uuid id = {.bytes = {1}};
    struct wire_fetch_request_fetch_topic topic = {.partitions = partitions, .partitions_count = a.count};
    struct wire_fetch_request_forgotten_topic gone = {.partitions = forgotten,
                                                      .partitions_count = a.forget_count};
    if (a.uses_ids)
        topic.topic_id = gone.topic_id = id;
    else
        topic.topic = gone.topic = VIEW_LIT("t");
    struct wire_fetch_request request = {.session_id = a.id,
                                         .session_epoch = a.epoch,
                                         .topics = &topic,
                                         .topics_count = a.count > 0,
                                         .forgotten_topics_data = &gone,
                                         .forgotten_topics_data_count = a.forget_count > 0};
    struct outcome got = {0};
    got.err =
        fetch_sessions_begin(&cache, &request, a.uses_ids, a.privileged, now_ms, &got.session, &got.full);
    return got;
}

/* A new session over `count` partitions, let go; its id, 0 when none was made. */
static int32_t make(int count, bool privileged)
{
    struct outcome got = ask((struct asked){.count = count, .privileged = privileged});
    ck_assert_int_eq(got.err, ERR_NONE);
    ck_assert(got.full);
    if (!got.session)
        return 0;
    int32_t id = got.session->id;
    fetch_session_let_go(got.session);
    return id;
}

/* Goes on with a session; whether it is still there. */
static bool use(int32_t id, int32_t epoch)
{
    struct outcome got = ask((struct asked){.id = id, .epoch = epoch});
    if (got.session)
        fetch_session_let_go(got.session);
    ck_assert(got.err == ERR_NONE || got.err == ERR_FETCH_SESSION_ID_NOT_FOUND);
    return got.err == ERR_NONE;
}

static bool lives(int32_t id)
{
    return map_get_int(&cache.by_id, id) != NULL;
}

/* "3 0 1": the partitions in the order of the answers. */
static const char *order(const struct fetch_session *session)
{
    static char text[4 * MAX_PARTITIONS];
    size_t len = 0;
    text[0] = '\0';
    LIST_EACH (node, &session->order) {
        const struct fetch_session_part *part = CONTAINER_OF(node, struct fetch_session_part, node);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", len ? " " : "", part->partition);
    }
    return text;
}

static struct fetch_session_part *part_at(const struct fetch_session *session, int i)
{
    struct list *node = session->order.next;
    while (i-- > 0)
        node = node->next;
    return CONTAINER_OF(node, struct fetch_session_part, node);
}

/* --- epochs ------------------------------------------------------------------------------------------------
 */

START_TEST(a_full_fetch_makes_a_session_over_its_partitions)
{
    struct outcome got = ask((struct asked){.count = 3, .offset = 42});
    ck_assert_int_eq(got.err, ERR_NONE);
    ck_assert(got.full);
    ck_assert_int_gt(got.session->id, 0);
    ck_assert_int_eq(got.session->epoch, 1);
    ck_assert_str_eq(order(got.session), "0 1 2");
    ck_assert_int_eq(part_at(got.session, 2)->fetch_offset, 42);
    ck_assert_int_eq(cache.parts_count, 3);
    fetch_session_let_go(got.session);
}
END_TEST

START_TEST(a_full_fetch_without_partitions_makes_one_too)
{
    int32_t id = make(0, false);
    ck_assert_int_gt(id, 0);
    struct outcome got = ask((struct asked){.id = id, .epoch = 1, .count = 2});
    ck_assert_int_eq(got.err, ERR_NONE);
    ck_assert(!got.full);
    ck_assert_str_eq(order(got.session), "0 1");
    fetch_session_let_go(got.session);
}
END_TEST

START_TEST(a_session_that_holds_nothing_ends_with_its_next_use)
{
    int32_t id = make(0, false);
    struct outcome got = ask((struct asked){.id = id, .epoch = 1});
    ck_assert_int_eq(got.err, ERR_NONE);
    ck_assert_ptr_null(got.session);
    ck_assert(!lives(id));
}
END_TEST

START_TEST(only_the_next_epoch_is_accepted)
{
    int32_t id = make(1, false);
    static const int32_t wrong[] = {2, 100, INT32_MAX, INT32_MIN, -2};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_int_eq(ask((struct asked){.id = id, .epoch = wrong[i]}).err,
                         ERR_INVALID_FETCH_SESSION_EPOCH);
    for (int32_t epoch = 1; epoch < 5; epoch++) {
        ck_assert(use(id, epoch));
        ck_assert_int_eq(ask((struct asked){.id = id, .epoch = epoch}).err, ERR_INVALID_FETCH_SESSION_EPOCH);
    }
}
END_TEST

START_TEST(a_request_that_is_refused_changes_nothing)
{
    int32_t id = make(2, false);
    ck_assert_int_eq(ask((struct asked){.id = id, .epoch = 9, .first = 5, .count = 3, .forget_count = 2}).err,
                     ERR_INVALID_FETCH_SESSION_EPOCH);
    ck_assert_int_eq(ask((struct asked){.id = id, .epoch = 1, .count = 3, .uses_ids = true}).err,
                     ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    ck_assert_str_eq(order(map_get_int(&cache.by_id, id)), "0 1");
    ck_assert(use(id, 1));
}
END_TEST

START_TEST(after_the_largest_epoch_comes_1)
{
    int32_t id = make(1, false);
    struct fetch_session *session = map_get_int(&cache.by_id, id);
    session->epoch = INT32_MAX;
    ck_assert(use(id, INT32_MAX));
    ck_assert_int_eq(session->epoch, 1);
    ck_assert(use(id, 1));
}
END_TEST

START_TEST(a_final_epoch_ends_the_session_and_makes_none)
{
    int32_t id = make(1, false);
    struct outcome got = ask((struct asked){.id = id, .epoch = FETCH_EPOCH_FINAL, .count = 1});
    ck_assert_int_eq(got.err, ERR_NONE);
    ck_assert(got.full);
    ck_assert_ptr_null(got.session);
    ck_assert(!use(id, 1));
    ck_assert_int_eq(cache.parts_count, 0);
}
END_TEST

START_TEST(a_full_fetch_that_names_a_session_replaces_it)
{
    int32_t id = make(1, false);
    struct outcome got = ask((struct asked){.id = id, .count = 2});
    ck_assert_int_ne(got.session->id, id);
    fetch_session_let_go(got.session);
    ck_assert(!lives(id));
    ck_assert_uint_eq(cache.by_id.count, 1);
    ck_assert_int_eq(cache.parts_count, 2);
    ck_assert_int_eq(cache.evicted_count, 0);
}
END_TEST

START_TEST(an_unknown_session_is_not_found)
{
    ck_assert_int_eq(ask((struct asked){.id = 5, .epoch = 1, .count = 1}).err,
                     ERR_FETCH_SESSION_ID_NOT_FOUND);
    ck_assert_int_eq(ask((struct asked){.id = 0, .epoch = 1, .count = 1}).err,
                     ERR_FETCH_SESSION_ID_NOT_FOUND);
    ck_assert_uint_eq(cache.by_id.count, 0);
}
END_TEST

START_TEST(ids_and_names_do_not_mix)
{
    struct outcome got = ask((struct asked){.count = 1, .uses_ids = true});
    int32_t id = got.session->id;
    fetch_session_let_go(got.session);
    ck_assert_int_eq(ask((struct asked){.id = id, .epoch = 1}).err, ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    got = ask((struct asked){.id = id, .epoch = 1, .uses_ids = true});
    ck_assert_int_eq(got.err, ERR_NONE);
    fetch_session_let_go(got.session);
}
END_TEST

/* --- partitions
 * ---------------------------------------------------------------------------------------------- */

START_TEST(a_request_adds_changes_and_forgets_partitions)
{
    int32_t id = make(3, false);
    struct outcome got = ask((struct asked){
        .id = id, .epoch = 1, .first = 2, .count = 2, .offset = 9, .forget = 0, .forget_count = 1});
    ck_assert_str_eq(order(got.session), "1 2 3");
    ck_assert_int_eq(part_at(got.session, 0)->fetch_offset, 0);
    ck_assert_int_eq(part_at(got.session, 1)->fetch_offset, 9);
    ck_assert_int_eq(part_at(got.session, 2)->fetch_offset, 9);
    ck_assert_int_eq(cache.parts_count, 3);
    fetch_session_let_go(got.session);
}
END_TEST

START_TEST(what_is_asked_for_and_forgotten_at_once_is_forgotten)
{
    int32_t id = make(2, false);
    struct outcome got =
        ask((struct asked){.id = id, .epoch = 1, .first = 1, .count = 2, .forget = 1, .forget_count = 2});
    ck_assert_str_eq(order(got.session), "0");
    fetch_session_let_go(got.session);
}
END_TEST

START_TEST(forgetting_what_is_not_there_does_nothing)
{
    int32_t id = make(2, false);
    struct outcome got = ask((struct asked){.id = id, .epoch = 1, .forget = 7, .forget_count = 3});
    ck_assert_str_eq(order(got.session), "0 1");
    ck_assert_int_eq(cache.parts_count, 2);
    fetch_session_let_go(got.session);
}
END_TEST

START_TEST(forgetting_the_last_partition_ends_the_session)
{
    int32_t id = make(2, false);
    struct outcome got = ask((struct asked){.id = id, .epoch = 1, .forget_count = 2});
    ck_assert_int_eq(got.err, ERR_NONE);
    ck_assert_ptr_null(got.session);
    ck_assert(!lives(id));
    ck_assert_int_eq(cache.parts_count, 0);
}
END_TEST

START_TEST(a_waiting_request_keeps_what_is_forgotten_or_closed_meanwhile)
{
    struct outcome waiting = ask((struct asked){.count = 3, .offset = 5});
    int32_t id = waiting.session->id;
    struct fetch_session_part *first = part_at(waiting.session, 0);
    struct outcome other = ask((struct asked){.id = id, .epoch = 1, .forget_count = 1});
    fetch_session_let_go(other.session);
    ck_assert_int_eq(first->fetch_offset, 5);
    fetch_session_part_served(waiting.session, first); /* of no effect */
    ck_assert_str_eq(order(waiting.session), "1 2");
    ck_assert_ptr_null(ask((struct asked){.id = id, .epoch = FETCH_EPOCH_FINAL}).session);
    ck_assert(!lives(id));
    ck_assert_str_eq(order(waiting.session), "1 2");
    fetch_session_let_go(waiting.session);
}
END_TEST

START_TEST(partitions_that_gave_records_go_behind_the_others)
{
    struct outcome got = ask((struct asked){.count = 4});
    fetch_session_part_served(got.session, part_at(got.session, 1));
    ck_assert_str_eq(order(got.session), "0 2 3 1");
    fetch_session_part_served(got.session, part_at(got.session, 0));
    ck_assert_str_eq(order(got.session), "2 3 1 0");
    fetch_session_let_go(got.session);
}
END_TEST

/* --- news
 * ---------------------------------------------------------------------------------------------------- */

static bool news(struct fetch_session_part *part, int64_t bytes, enum err err, bool diverges, int64_t hw,
                 int64_t log_start)
{
    return fetch_session_part_has_news(part, true, bytes, err, diverges, hw, log_start);
}

START_TEST(an_incremental_answer_leaves_out_what_the_client_knows)
{
    struct outcome got = ask((struct asked){.count = 1});
    struct fetch_session_part *part = part_at(got.session, 0);
    ck_assert(fetch_session_part_has_news(part, false, 0, ERR_NONE, false, 10, 0));
    ck_assert(!news(part, 0, ERR_NONE, false, 10, 0));
    ck_assert(news(part, 1, ERR_NONE, false, 10, 0));
    ck_assert(news(part, 0, ERR_NONE, false, 11, 0));
    ck_assert(!news(part, 0, ERR_NONE, false, 11, 0));
    ck_assert(news(part, 0, ERR_NONE, false, 11, 3));
    ck_assert(!news(part, 0, ERR_NONE, false, 11, 3));
    ck_assert(news(part, 0, ERR_NONE, true, 11, 3));
    fetch_session_let_go(got.session);
}
END_TEST

START_TEST(a_full_answer_leaves_out_nothing)
{
    struct outcome got = ask((struct asked){.count = 1});
    for (int i = 0; i < 2; i++)
        ck_assert(fetch_session_part_has_news(part_at(got.session, 0), false, 0, ERR_NONE, false, 10, 0));
    fetch_session_let_go(got.session);
}
END_TEST

START_TEST(an_error_is_told_each_time_and_so_is_its_end)
{
    struct outcome got = ask((struct asked){.count = 1});
    struct fetch_session_part *part = part_at(got.session, 0);
    ck_assert(news(part, 0, ERR_NONE, false, 10, 0));
    ck_assert(news(part, 0, ERR_NOT_LEADER_OR_FOLLOWER, false, 10, 0));
    ck_assert(news(part, 0, ERR_NOT_LEADER_OR_FOLLOWER, false, 10, 0));
    ck_assert(news(part, 0, ERR_NONE, false, 10, 0));
    ck_assert(!news(part, 0, ERR_NONE, false, 10, 0));
    fetch_session_let_go(got.session);
}
END_TEST

/* --- eviction
 * ------------------------------------------------------------------------------------------------ */

/* Four sessions of 2, 3, 4 and 5 partitions. */
static void fill(int32_t ids[4], bool privileged)
{
    for (int i = 0; i < 4; i++)
        ids[i] = make(2 + i, privileged);
}

START_TEST(young_sessions_are_not_evicted_by_a_consumer)
{
    int32_t ids[4];
    fill(ids, false);
    now_ms += STALE;
    ck_assert_int_eq(make(9, false), 0);
    ck_assert_uint_eq(cache.by_id.count, 4);
    ck_assert_int_eq(cache.evicted_count, 0);
}
END_TEST

START_TEST(a_session_that_nobody_uses_makes_room_for_any)
{
    int32_t ids[4];
    fill(ids, true);
    now_ms += STALE + 1;
    for (int i = 0; i < 3; i++)
        ck_assert(use(ids[i], 1));
    ck_assert_int_gt(make(1, false), 0);
    ck_assert(!lives(ids[3])); /* the least recently used, large and a follower's though it is */
    ck_assert_int_eq(cache.evicted_count, 1);
}
END_TEST

START_TEST(a_larger_session_takes_the_place_of_the_smallest_settled_one)
{
    int32_t ids[4];
    fill(ids, false);
    now_ms += STALE + 1;
    for (int i = 0; i < 4; i++)
        ck_assert(use(ids[i], 1));
    ck_assert_int_eq(make(2, false), 0); /* not larger */
    ck_assert_int_gt(make(3, false), 0);
    ck_assert(!lives(ids[0]) && lives(ids[1]) && lives(ids[2]) && lives(ids[3]));
}
END_TEST

START_TEST(a_follower_takes_the_place_of_any_consumer)
{
    int32_t ids[4];
    fill(ids, false);
    ck_assert_int_gt(make(1, true), 0); /* young as they are */
    ck_assert(!lives(ids[0]) && lives(ids[1]) && lives(ids[2]) && lives(ids[3]));
    for (int i = 1; i < 4; i++)
        ck_assert_int_gt(make(1, true), 0);
    ck_assert_int_eq(make(9, true), 0); /* followers now, and young */
    ck_assert_int_eq(cache.evicted_count, 4);
}
END_TEST

START_TEST(of_followers_and_consumers_the_consumers_go_first)
{
    int32_t follower = make(1, true);
    int32_t consumers[3] = {make(9, false), make(8, false), make(7, false)};
    now_ms += STALE + 1;
    ck_assert(use(follower, 1));
    for (int i = 0; i < 3; i++)
        ck_assert(use(consumers[i], 1));
    ck_assert_int_gt(make(5, true), 0);
    ck_assert(lives(follower) && lives(consumers[0]) && lives(consumers[1]) && !lives(consumers[2]));
}
END_TEST

START_TEST(a_consumer_never_takes_the_place_of_a_follower_that_is_used)
{
    int32_t ids[4];
    fill(ids, true);
    now_ms += STALE + 1;
    for (int i = 0; i < 4; i++)
        ck_assert(use(ids[i], 1));
    ck_assert_int_eq(make(15, false), 0);
    ck_assert_int_gt(make(3, true), 0);
    ck_assert(!lives(ids[0]));
}
END_TEST

START_TEST(an_evicted_session_is_not_found_and_counts_no_more)
{
    int32_t ids[4];
    fill(ids, false);
    ck_assert_int_eq(cache.parts_count, 2 + 3 + 4 + 5);
    ck_assert_int_gt(make(1, true), 0);
    ck_assert_int_eq(cache.parts_count, 1 + 3 + 4 + 5);
    ck_assert(!use(ids[0], 1));
}
END_TEST

START_TEST(without_slots_every_fetch_is_without_a_session)
{
    teardown();
    setup_of(0);
    ck_assert_int_eq(make(3, false), 0);
    ck_assert_int_eq(make(3, true), 0);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, setup, teardown);
    suite_add_tcase(suite, tc);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("core/fetch");
    TCase *tc = new_case(suite, "epochs");
    tcase_add_test(tc, a_full_fetch_makes_a_session_over_its_partitions);
    tcase_add_test(tc, a_full_fetch_without_partitions_makes_one_too);
    tcase_add_test(tc, a_session_that_holds_nothing_ends_with_its_next_use);
    tcase_add_test(tc, only_the_next_epoch_is_accepted);
    tcase_add_test(tc, a_request_that_is_refused_changes_nothing);
    tcase_add_test(tc, after_the_largest_epoch_comes_1);
    tcase_add_test(tc, a_final_epoch_ends_the_session_and_makes_none);
    tcase_add_test(tc, a_full_fetch_that_names_a_session_replaces_it);
    tcase_add_test(tc, an_unknown_session_is_not_found);
    tcase_add_test(tc, ids_and_names_do_not_mix);
    tc = new_case(suite, "partitions");
    tcase_add_test(tc, a_request_adds_changes_and_forgets_partitions);
    tcase_add_test(tc, what_is_asked_for_and_forgotten_at_once_is_forgotten);
    tcase_add_test(tc, forgetting_what_is_not_there_does_nothing);
    tcase_add_test(tc, forgetting_the_last_partition_ends_the_session);
    tcase_add_test(tc, a_waiting_request_keeps_what_is_forgotten_or_closed_meanwhile);
    tcase_add_test(tc, partitions_that_gave_records_go_behind_the_others);
    tcase_add_test(tc, an_incremental_answer_leaves_out_what_the_client_knows);
    tcase_add_test(tc, a_full_answer_leaves_out_nothing);
    tcase_add_test(tc, an_error_is_told_each_time_and_so_is_its_end);
    tc = new_case(suite, "eviction");
    tcase_add_test(tc, young_sessions_are_not_evicted_by_a_consumer);
    tcase_add_test(tc, a_session_that_nobody_uses_makes_room_for_any);
    tcase_add_test(tc, a_larger_session_takes_the_place_of_the_smallest_settled_one);
    tcase_add_test(tc, a_follower_takes_the_place_of_any_consumer);
    tcase_add_test(tc, of_followers_and_consumers_the_consumers_go_first);
    tcase_add_test(tc, a_consumer_never_takes_the_place_of_a_follower_that_is_used);
    tcase_add_test(tc, an_evicted_session_is_not_found_and_counts_no_more);
    tcase_add_test(tc, without_slots_every_fetch_is_without_a_session);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
