/*
 * Coordinators come and go with the role; requests are answered by whoever coordinates, or nobody.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asked.h"
#include "metrics/metrics.h"
#include "service/partition/partition_call.h"
#include "suites.h"

#define OTHER 2

static struct rig rig;
static int32_t epoch;

#define SETTINGS                                                                                             \
    "offsets.topic.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\ngroup.min.session.timeout.ms=1"

static void setup(void)
{
    epoch = 0;
    rig_open_with(&rig, 2, 1, NULL, SETTINGS);
    rig_coordinate(&rig);
}

static void teardown(void)
{
    rig_close(&rig);
}

static void lead_by(int32_t leader)
{
    ck_assert_int_eq(rig_lead(&rig, GROUPS_TOPIC, 0, epoch++, leader, 2), ERR_NONE);
}

/* This broker leads alone: whatever is appended is committed. */
static void lead_alone(void)
{
    ck_assert_int_eq(rig_lead(&rig, GROUPS_TOPIC, 0, epoch++, RIG_ME, 1), ERR_NONE);
}

static enum err heartbeat_error(void)
{
    struct asked beat = {.group = "g", .member = "nobody", .generation = 1};
    return asked_now(&beat, &rig, asked_heartbeat);
}

static void await_heartbeat_error(enum err err)
{
    while (heartbeat_error() != err)
        usleep(1000);
}

/* A Heartbeat is answered well meanwhile, as by Kafka. */
static void await_loading(void)
{
    struct asked fetch = {.group = "g"};
    while (asked_now(&fetch, &rig, asked_fetch) != ERR_COORDINATOR_LOAD_IN_PROGRESS)
        usleep(1000);
    ck_assert_int_eq(heartbeat_error(), ERR_NONE);
}

/* Of a group that is not there. */
static void await_served(void)
{
    await_heartbeat_error(ERR_UNKNOWN_MEMBER_ID);
}

static void commit(int64_t offset)
{
    struct asked commit = {.group = "g", .offset = offset};
    ck_assert_int_eq(asked_now(&commit, &rig, asked_commit), ERR_NONE);
}

static int64_t committed(void)
{
    struct asked fetch = {.group = "g"};
    ck_assert_int_eq(asked_now(&fetch, &rig, asked_fetch), ERR_NONE);
    return fetch.fetched;
}

static struct asked joined(const char *group, int32_t session_ms)
{
    struct asked member = {.group = group, .session_ms = session_ms};
    ck_assert_int_eq(asked_now(&member, &rig, asked_join), ERR_NONE);
    struct asked sync = {.group = group, .member = member.member_id, .generation = member.given_generation};
    ck_assert_int_eq(asked_now(&sync, &rig, asked_sync), ERR_NONE);
    return member;
}

static void await_state(const char *group, const char *state)
{
    struct asked description = {.group = group};
    do {
        ck_assert_int_eq(asked_now(&description, &rig, asked_describe), ERR_NONE);
        usleep(1000);
    } while (strcmp(description.state, state) != 0);
}

/* --- the role ---------------------------------------------------------------------------------------------
 */

START_TEST(groups_of_a_partition_that_is_not_led_here_are_anothers)
{
    ck_assert_int_eq(heartbeat_error(), ERR_NOT_COORDINATOR);
    lead_by(OTHER);
    ck_assert_int_eq(heartbeat_error(), ERR_NOT_COORDINATOR);
    struct asked join = {.group = "g"}, fetch = {.group = "g"}, commit = {.group = "g", .offset = 1};
    ck_assert_int_eq(asked_now(&join, &rig, asked_join), ERR_NOT_COORDINATOR);
    ck_assert_int_eq(asked_now(&fetch, &rig, asked_fetch), ERR_NOT_COORDINATOR);
    ck_assert_int_eq(asked_now(&commit, &rig, asked_commit), ERR_NOT_COORDINATOR);
}
END_TEST

START_TEST(partition_of_another_topic_makes_no_coordinator)
{
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 0, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(heartbeat_error(), ERR_NOT_COORDINATOR);
}
END_TEST

START_TEST(partition_that_is_led_has_its_groups_served)
{
    lead_alone();
    await_served();
    struct asked member = joined("g", 0);
    struct asked beat = {.group = "g", .member = member.member_id, .generation = 1};
    ck_assert_int_eq(asked_now(&beat, &rig, asked_heartbeat), ERR_NONE);
}
END_TEST

START_TEST(what_was_committed_is_known_when_the_role_comes_back)
{
    lead_alone();
    await_served();
    commit(41);
    commit(42);
    lead_by(OTHER);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
    lead_alone();
    await_served();
    ck_assert_int_eq(committed(), 42);
}
END_TEST

START_TEST(what_was_committed_is_known_after_a_restart)
{
    lead_alone();
    await_served();
    commit(43);
    rig_stop(&rig);
    rig_start(&rig, 2);
    rig_coordinate(&rig);
    lead_alone();
    await_served();
    ck_assert_int_eq(committed(), 43);
}
END_TEST

/* The same leader in a newer epoch: nobody has to join again, and who waits waits on. */
START_TEST(role_that_goes_on_keeps_members_and_those_who_wait)
{
    lead_alone();
    await_served();
    struct asked member = joined("g", 0);
    struct asked another = {.group = "g"};
    asked_begin(&another, &rig, asked_join);
    await_state("g", "PreparingRebalance");
    lead_alone();
    struct asked beat = {.group = "g", .member = member.member_id, .generation = 1};
    ck_assert_int_eq(asked_now(&beat, &rig, asked_heartbeat), ERR_REBALANCE_IN_PROGRESS);
    ck_assert(!asked_is_done(&another));
    struct asked again = {.group = "g", .member = member.member_id};
    ck_assert_int_eq(asked_now(&again, &rig, asked_join), ERR_NONE);
    ck_assert_int_eq(asked_await(&another), ERR_NONE);
    ck_assert_int_eq(again.given_generation, 2);
    ck_assert_int_eq(another.given_generation, 2);
    ck_assert_str_ne(again.member_id, another.member_id);
}
END_TEST

START_TEST(who_waits_when_the_role_is_lost_hears_it)
{
    lead_alone();
    await_served();
    joined("g", 0);
    struct asked waiting[3] = {{.group = "g"}, {.group = "g"}, {.group = "g"}};
    for (int i = 0; i < 3; i++)
        asked_begin(&waiting[i], &rig, asked_join);
    await_state("g", "PreparingRebalance");
    lead_by(OTHER);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(asked_await(&waiting[i]), ERR_NOT_COORDINATOR);
}
END_TEST

/* The controller never heard that it was told so, and says what it said before. */
START_TEST(role_that_is_said_again_after_its_directory_hung_has_its_groups_served)
{
    lead_alone();
    await_served();
    struct partition *part = rig_find(&rig, GROUPS_TOPIC, 0);
    atomic_store(&part->told_offline, true);
    groups_partition_lost(rig.broker.groups, part);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
    ck_assert_int_eq(rig_lead(&rig, GROUPS_TOPIC, 0, epoch - 1, RIG_ME, 1), ERR_NONE);
    await_served();
    partition_release(part);
}
END_TEST

START_TEST(groups_of_a_partition_that_is_stopped_are_anothers)
{
    lead_alone();
    await_served();
    ck_assert_int_eq(rig_stop_replica(&rig, GROUPS_TOPIC, 0, epoch++, true), ERR_NONE);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
}
END_TEST

/* --- loading ----------------------------------------------------------------------------------------------
 */

/* Sits where loads are run, so that none begins. */
struct sitter {
    struct work work;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool may_go;
};

static void sit(struct work *work)
{
    struct sitter *sitter = CONTAINER_OF(work, struct sitter, work);
    pthread_mutex_lock(&sitter->lock);
    while (!sitter->may_go)
        pthread_cond_wait(&sitter->cond, &sitter->lock);
    pthread_mutex_unlock(&sitter->lock);
}

static void gone(struct work *work, bool discard)
{
    (void)work;
    (void)discard;
}

static struct sitter sitter;

static void hold_loads(void)
{
    sitter = (struct sitter){
        .work = {.home = NULL, .lane = WORKERS_LANE_GROUPS, .run = sit, .done = gone, .label = "sitter"}};
    pthread_mutex_init(&sitter.lock, NULL);
    pthread_cond_init(&sitter.cond, NULL);
    workers_submit(rig.broker.workers, &sitter.work);
}

static void let_loads_go(void)
{
    pthread_mutex_lock(&sitter.lock);
    sitter.may_go = true;
    pthread_cond_signal(&sitter.cond);
    pthread_mutex_unlock(&sitter.lock);
}

START_TEST(groups_are_told_to_wait_while_they_are_loaded)
{
    hold_loads();
    lead_alone();
    await_loading();
    struct asked commit = {.group = "g", .offset = 1}, join = {.group = "g"};
    ck_assert_int_eq(asked_now(&commit, &rig, asked_commit), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(asked_now(&join, &rig, asked_join), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    let_loads_go();
    await_served();
}
END_TEST

/* The first load ends in a later term than it was begun for. */
START_TEST(load_of_an_earlier_term_is_passed_over)
{
    lead_alone();
    await_served();
    commit(7);
    lead_by(OTHER);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
    hold_loads();
    lead_alone();
    await_loading();
    lead_by(OTHER);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
    lead_alone();
    await_loading();
    let_loads_go();
    await_served();
    ck_assert_int_eq(committed(), 7);
}
END_TEST

START_TEST(role_that_is_lost_while_loading_stays_lost)
{
    hold_loads();
    lead_alone();
    await_loading();
    lead_by(OTHER);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
    let_loads_go();
    ck_assert_int_eq(heartbeat_error(), ERR_NOT_COORDINATOR);
}
END_TEST

/* Half of the commits would take the others back. */
START_TEST(log_that_cannot_be_read_is_read_again)
{
    lead_alone();
    await_served();
    commit(8);
    lead_by(OTHER);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
    fault_disk_only(rig.disk, GROUPS_TOPIC);
    fault_disk_fail(rig.disk, FAULT_READ, 0, 1, ERR_IO);
    lead_alone();
    await_served();
    ck_assert(fault_disk_fired(rig.disk));
    ck_assert_int_eq(committed(), 8);
}
END_TEST

START_TEST(broker_that_stops_while_it_loads_lets_the_load_go)
{
    hold_loads();
    lead_alone();
    await_loading();
    groups_stop(rig.broker.groups);
    ck_assert_int_eq(heartbeat_error(), ERR_NOT_COORDINATOR);
    let_loads_go();
}
END_TEST

/* --- timers -----------------------------------------------------------------------------------------------
 */

START_TEST(silent_member_is_given_up)
{
    lead_alone();
    await_served();
    joined("g", 20);
    await_state("g", "Empty");
}
END_TEST

START_TEST(rebalance_ends_without_the_member_that_stays_away)
{
    lead_alone();
    await_served();
    struct asked silent = joined("g", 50);
    struct asked another = {.group = "g"};
    ck_assert_int_eq(asked_now(&another, &rig, asked_join), ERR_NONE);
    ck_assert_int_eq(another.given_generation, 2);
    struct asked beat = {.group = "g", .member = silent.member_id, .generation = 1};
    ck_assert_int_eq(asked_now(&beat, &rig, asked_heartbeat), ERR_UNKNOWN_MEMBER_ID);
}
END_TEST

/* --- deleted partitions -----------------------------------------------------------------------------------
 */

static void nothing(void *arg)
{
    (void)arg;
}

static void tell_metadata(const struct wire_update_metadata_request *request)
{
    groups_metadata_changed(rig.broker.groups, request);
    rig_on_loop(rig.broker.groups_loop, nothing, NULL); /* behind it */
}

START_TEST(offsets_of_a_deleted_partition_go)
{
    lead_alone();
    await_served();
    commit(5);
    struct wire_update_metadata_request_update_metadata_partition_state states[] = {
        {.partition_index = 0, .leader = -2}, {.partition_index = 1, .leader = RIG_ME}};
    struct wire_update_metadata_request_update_metadata_topic_state topic = {
        .topic_name = VIEW_LIT("payments"), .partition_states = states, .partition_states_count = 2};
    struct wire_update_metadata_request request = {.topic_states = &topic, .topic_states_count = 1};
    tell_metadata(&request);
    ck_assert_int_eq(committed(), 5); /* another topic's */
    topic.topic_name = VIEW_LIT("orders");
    tell_metadata(&request);
    ck_assert_int_eq(committed(), -1);
}
END_TEST

/* --- stop -------------------------------------------------------------------------------------------------
 */

START_TEST(stop_answers_those_who_wait_and_those_who_come)
{
    lead_alone();
    await_served();
    joined("g", 0);
    struct asked waiting = {.group = "g"};
    asked_begin(&waiting, &rig, asked_join);
    await_state("g", "PreparingRebalance");
    groups_stop(rig.broker.groups);
    ck_assert_int_eq(asked_await(&waiting), ERR_NOT_COORDINATOR);
    ck_assert_int_eq(heartbeat_error(), ERR_NOT_COORDINATOR);
    lead_alone(); /* what the controller says now makes no coordinator any more */
    ck_assert_int_eq(heartbeat_error(), ERR_NOT_COORDINATOR);
}
END_TEST

/* --- metrics ----------------------------------------------------------------------------------------------
 */

static void await_metric(enum metric id, int64_t value)
{
    while (metrics_value(rig.broker.metrics, id) != value)
        usleep(1000);
}

START_TEST(metrics_say_what_groups_there_are_and_counters_outlive_the_role)
{
    lead_alone();
    await_served();
    commit(1);
    commit(2);
    joined("stable", 0);
    joined("silent", 20);
    await_state("silent", "Empty");
    await_metric(METRIC_GROUPS, 3);
    await_metric(METRIC_GROUPS_STABLE, 1);
    await_metric(METRIC_GROUPS_EMPTY, 2);
    await_metric(METRIC_GROUP_OFFSETS, 1);
    await_metric(METRIC_GROUP_COMMITS, 2);
    int64_t rebalances = metrics_value(rig.broker.metrics, METRIC_GROUP_REBALANCES);
    ck_assert_int_ge(rebalances, 2);
    lead_by(OTHER);
    await_metric(METRIC_GROUPS, 0);
    await_metric(METRIC_GROUP_OFFSETS, 0);
    ck_assert_int_eq(metrics_value(rig.broker.metrics, METRIC_GROUP_COMMITS), 2);
    ck_assert_int_eq(metrics_value(rig.broker.metrics, METRIC_GROUP_REBALANCES), rebalances);
}
END_TEST

Suite *groups_suite(void)
{
    Suite *suite = suite_create("groups");
    TCase *tc = tcase_create("groups");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, groups_of_a_partition_that_is_not_led_here_are_anothers);
    tcase_add_test(tc, partition_of_another_topic_makes_no_coordinator);
    tcase_add_test(tc, partition_that_is_led_has_its_groups_served);
    tcase_add_test(tc, what_was_committed_is_known_when_the_role_comes_back);
    tcase_add_test(tc, what_was_committed_is_known_after_a_restart);
    tcase_add_test(tc, role_that_goes_on_keeps_members_and_those_who_wait);
    tcase_add_test(tc, who_waits_when_the_role_is_lost_hears_it);
    tcase_add_test(tc, role_that_is_said_again_after_its_directory_hung_has_its_groups_served);
    tcase_add_test(tc, groups_of_a_partition_that_is_stopped_are_anothers);
    tcase_add_test(tc, groups_are_told_to_wait_while_they_are_loaded);
    tcase_add_test(tc, load_of_an_earlier_term_is_passed_over);
    tcase_add_test(tc, role_that_is_lost_while_loading_stays_lost);
    tcase_add_test(tc, log_that_cannot_be_read_is_read_again);
    tcase_add_test(tc, broker_that_stops_while_it_loads_lets_the_load_go);
    tcase_add_test(tc, silent_member_is_given_up);
    tcase_add_test(tc, rebalance_ends_without_the_member_that_stays_away);
    tcase_add_test(tc, offsets_of_a_deleted_partition_go);
    tcase_add_test(tc, stop_answers_those_who_wait_and_those_who_come);
    tcase_add_test(tc, metrics_say_what_groups_there_are_and_counters_outlive_the_role);
    suite_add_tcase(suite, tc);
    return suite;
}
