/*
 * Proposals on their way to a controller and back.
 */
#include <sched.h>
#include <stdio.h>

#include "base/mem.h"
#include "fake_controller.h"
#include "rig.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "suites.h"
#include "wire/codec.h"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
}

static void teardown(void)
{
    rig_close(&rig);
}

/* --- a controller that accepts ----------------------------------------------------------------------------
 */

struct script {
    int most;             /* partitions of one request, so far */
    int partitions;       /* of all */
    enum err whole_first; /* of the first request as a whole */
    enum err first;       /* of each partition of the first request */
    int held;             /* requests from this one on are held back until `go` */
    _Atomic bool go;
    char members[32]; /* of the ISR last asked for */
};

typedef struct wire_alter_partition_response_topic_data answer_topic;
typedef struct wire_alter_partition_response_partition_data answer_partition;
typedef struct wire_alter_partition_request_partition_data request_partition;

static void accept_one(struct script *script, int number, const request_partition *from, answer_partition *to,
                       struct arena *arena)
{
    to->partition_index = from->partition_index;
    to->error_code = number == 0 ? err_wire_code(script->first) : (int16_t)0;
    to->leader_id = RIG_ME;
    to->leader_epoch = from->leader_epoch;
    to->partition_epoch = from->partition_epoch + 1;
    to->isr_count = from->new_isr_with_epochs_count;
    to->isr = arena_alloc(arena, sizeof *to->isr * (size_t)to->isr_count);
    size_t used = 0;
    for (int32_t i = 0; i < to->isr_count; i++) {
        to->isr[i] = from->new_isr_with_epochs[i].broker_id;
        used += (size_t)snprintf(script->members + used, sizeof script->members - used, "%s%d", i ? "," : "",
                                 to->isr[i]);
    }
    script->partitions++;
}

static bool accept_all(struct fake_controller *fake, int number, int16_t version, const void *request,
                       void *answer, struct arena *arena)
{
    struct script *script = fake->arg;
    const struct wire_alter_partition_request *from = request;
    struct wire_alter_partition_response *to = answer;
    ck_assert_int_eq(version, 3);
    ck_assert_int_eq(from->broker_id, RIG_ME);
    ck_assert_int_eq(from->broker_epoch, 1);
    while (number == script->held && !atomic_load(&script->go))
        sched_yield();
    to->error_code = number == 0 ? err_wire_code(script->whole_first) : (int16_t)0;
    if (to->error_code != 0)
        return true;
    to->topics = wire_new(&wire_alter_partition_response_topic_data_desc, arena, (size_t)from->topics_count);
    to->topics_count = from->topics_count;
    int count = 0;
    for (int32_t t = 0; t < from->topics_count; t++) {
        answer_topic *topic = &to->topics[from->topics_count - 1 - t]; /* in any order */
        int32_t partitions = from->topics[t].partitions_count;
        topic->topic_id = from->topics[t].topic_id;
        topic->partitions =
            wire_new(&wire_alter_partition_response_partition_data_desc, arena, (size_t)partitions);
        topic->partitions_count = partitions;
        count += partitions;
        for (int32_t p = 0; p < partitions; p++)
            accept_one(script, number, &from->topics[t].partitions[p], &topic->partitions[p], arena);
    }
    if (count > script->most)
        script->most = count;
    return true;
}

/* --- partitions -------------------------------------------------------------------------------------------
 */

static struct partition *led(const char *topic, int32_t index)
{
    ck_assert_int_eq(rig_lead_isr(&rig, topic, index, 0, RIG_ME, 2, 1), ERR_NONE);
    return rig_find(&rig, topic, index);
}

static void fetch(struct partition *part, void *arg)
{
    (void)arg;
    struct replica_fetch fetch = {.broker_id = 2, .broker_epoch = -1};
    ck_assert_int_eq(partition_note_fetch(part, &fetch), ERR_NONE);
}

/* Broker 2 stands at the end and is proposed. */
static void join(struct partition *part)
{
    partition_call(part, fetch, NULL);
}

struct isr_seen {
    int32_t count;
    enum replica_isr_state state;
    int32_t partition_epoch;
};

static void see(struct partition *part, void *arg)
{
    *(struct isr_seen *)arg = (struct isr_seen){
        .count = part->replica.isr.count,
        .state = part->replica.isr_state,
        .partition_epoch = part->replica.partition_epoch,
    };
}

/* Waits until the proposal has its answer. */
static struct isr_seen settled(struct partition *part)
{
    struct isr_seen seen;
    do
        partition_call(part, see, &seen);
    while (seen.state != REPLICA_ISR_COMMITTED);
    return seen;
}

/* --- tests ------------------------------------------------------------------------------------------------
 */

START_TEST(accepted_member_is_in_the_isr)
{
    struct script script = {.held = -1};
    struct fake_controller fake = {.answer = accept_all, .arg = &script};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct partition *part = led("orders", 0);
    join(part);
    struct isr_seen seen = settled(part);
    ck_assert_int_eq(seen.count, 2);
    ck_assert_int_eq(seen.partition_epoch, 1);
    ck_assert_str_eq(script.members, "1,2");
    partition_release(part);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(refused_member_stays_outside_and_may_be_proposed_again)
{
    struct script script = {.held = -1, .first = ERR_INELIGIBLE_REPLICA};
    struct fake_controller fake = {.answer = accept_all, .arg = &script};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct partition *part = led("orders", 0);
    join(part);
    ck_assert_int_eq(settled(part).count, 1);
    join(part);
    ck_assert_int_eq(settled(part).count, 2);
    partition_release(part);
    fake_controller_close(&fake);
}
END_TEST

static void see_high_watermark(struct partition *part, void *arg)
{
    *(int64_t *)arg = log_high_watermark(part->log).offset;
}

static int64_t high_watermark(struct partition *part)
{
    int64_t seen;
    partition_call(part, see_high_watermark, &seen);
    return seen;
}

START_TEST(what_waited_for_a_refused_member_is_committed_at_once)
{
    struct script script = {.first = ERR_INELIGIBLE_REPLICA};
    struct fake_controller fake = {.answer = accept_all, .arg = &script};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct partition *part = led("orders", 0);
    join(part);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 0);
    atomic_store(&script.go, true);
    ck_assert_int_eq(settled(part).count, 1);
    ck_assert_int_eq(high_watermark(part), 3);
    partition_release(part);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(what_failed_for_one_partition_is_sent_again)
{
    struct script script = {.held = -1, .first = ERR_UNKNOWN_SERVER_ERROR};
    struct fake_controller fake = {.answer = accept_all, .arg = &script};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct partition *part = led("orders", 0);
    join(part);
    ck_assert_int_eq(settled(part).count, 2);
    ck_assert_int_eq(script.partitions, 2);
    partition_release(part);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(request_that_was_refused_as_a_whole_is_sent_again)
{
    struct script script = {.held = -1, .whole_first = ERR_STALE_BROKER_EPOCH};
    struct fake_controller fake = {.answer = accept_all, .arg = &script};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct partition *part = led("orders", 0);
    join(part);
    ck_assert_int_eq(settled(part).count, 2);
    partition_release(part);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(what_comes_while_a_request_is_out_shares_the_next_one)
{
    struct script script = {.held = 0};
    struct fake_controller fake = {.answer = accept_all, .arg = &script};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct partition *parts[] = {led("orders", 0), led("bills", 0), led("orders", 1), led("orders", 2)};
    join(parts[0]);
    fake_controller_await(&fake, 1);
    for (int i = 1; i < 4; i++)
        join(parts[i]);
    struct isr_seen seen;
    partition_call(parts[1], see, &seen);
    ck_assert_int_eq(seen.state, REPLICA_ISR_GROWS);
    rig_members(&rig, 2, 2, fake.port); /* the loop has taken what was submitted before */
    atomic_store(&script.go, true);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(settled(parts[i]).count, 2);
        partition_release(parts[i]);
    }
    ck_assert_int_eq(fake.asked, 2);
    ck_assert_int_eq(script.most, 3);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(answer_that_a_new_epoch_overtook_changes_nothing)
{
    struct script script = {.held = 0};
    struct fake_controller fake = {.answer = accept_all, .arg = &script};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct partition *part = led("orders", 0);
    struct partition *next = led("bills", 0);
    join(part);
    fake_controller_await(&fake, 1);
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 7, RIG_ME, 2, 1), ERR_NONE);
    join(next);
    atomic_store(&script.go, true);
    ck_assert_int_eq(settled(next).count, 2); /* so the first answer is through */
    struct isr_seen seen = settled(part);
    ck_assert_int_eq(seen.count, 1);
    ck_assert_int_eq(seen.partition_epoch, 7);
    partition_release(part);
    partition_release(next);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(proposals_without_a_controller_are_let_go_when_the_broker_stops)
{
    struct partition *part = led("orders", 0);
    rig_members(&rig, 2, -1, 0);
    join(part);
    struct isr_seen seen;
    partition_call(part, see, &seen);
    ck_assert_int_eq(seen.state, REPLICA_ISR_GROWS);
    partition_release(part);
}
END_TEST

Suite *isr_changes_suite(void)
{
    Suite *suite = suite_create("service: ISR changes");
    TCase *tc = tcase_create("ISR changes");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, accepted_member_is_in_the_isr);
    tcase_add_test(tc, refused_member_stays_outside_and_may_be_proposed_again);
    tcase_add_test(tc, what_waited_for_a_refused_member_is_committed_at_once);
    tcase_add_test(tc, what_failed_for_one_partition_is_sent_again);
    tcase_add_test(tc, request_that_was_refused_as_a_whole_is_sent_again);
    tcase_add_test(tc, what_comes_while_a_request_is_out_shares_the_next_one);
    tcase_add_test(tc, answer_that_a_new_epoch_overtook_changes_nothing);
    tcase_add_test(tc, proposals_without_a_controller_are_let_go_when_the_broker_stops);
    suite_add_tcase(suite, tc);
    return suite;
}
