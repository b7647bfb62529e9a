/*
 * What becomes of a commit by what becomes of its append: acknowledged by those that it needs, refused, late,
 * failed, or overtaken by the end of the role. Each is answered once.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asked.h"
#include "loop/latch.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "suites.h"

#define OTHER 2

static struct rig rig;

#define SETTINGS "offsets.topic.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\n"

static void open_rig(const char *settings, const char *topic_config)
{
    rig_open_with(&rig, 2, 2, topic_config, settings); /* one of them may fail */
    rig_members(&rig, 3, -1, 0);
    rig_coordinate(&rig);
}

static void setup(void)
{
    open_rig(SETTINGS "offsets.commit.timeout.ms=3600000", NULL);
}

static void setup_of_two(void)
{
    open_rig(SETTINGS, "{\"version\":1,\"config\":{\"min.insync.replicas\":\"2\"}}");
}

static void setup_hurried(void)
{
    open_rig(SETTINGS "offsets.commit.timeout.ms=1", NULL);
}

static void setup_narrow(void)
{
    open_rig(SETTINGS "group.max.session.timeout.ms=60000",
             "{\"version\":1,\"config\":{\"max.message.bytes\":\"200\"}}");
}

static void setup_compressed(void)
{
    open_rig(SETTINGS "offset.metadata.max.bytes=32000",
             "{\"version\":1,\"config\":{\"compression.type\":\"gzip\"}}");
}

static void setup_beside_old(void)
{
    open_rig(SETTINGS "inter.broker.protocol.version=2.2", NULL);
}

static void setup_unasked(void)
{
    open_rig(SETTINGS "offsets.commit.required.acks=1", NULL);
}

static void teardown(void)
{
    rig_close(&rig);
}

static void await_heartbeat_error(enum err err)
{
    struct asked beat = {.group = "g", .member = "nobody", .generation = 1};
    while (asked_now(&beat, &rig, asked_heartbeat) != err)
        usleep(1000);
}

/* By this broker, with so many in sync. */
static void lead(int32_t at_epoch, int32_t replicas)
{
    ck_assert_int_eq(rig_lead(&rig, GROUPS_TOPIC, 0, at_epoch, RIG_ME, replicas), ERR_NONE);
    await_heartbeat_error(ERR_UNKNOWN_MEMBER_ID);
}

static void lose(int32_t at_epoch)
{
    ck_assert_int_eq(rig_lead(&rig, GROUPS_TOPIC, 0, at_epoch, OTHER, 2), ERR_NONE);
}

static enum err commit(int64_t offset)
{
    struct asked commit = {.group = "g", .offset = offset};
    return asked_now(&commit, &rig, asked_commit);
}

static int64_t committed(void)
{
    struct asked fetch = {.group = "g"};
    ck_assert_int_eq(asked_now(&fetch, &rig, asked_fetch), ERR_NONE);
    return fetch.fetched;
}

/* Returns when it is in the log, for requests are looked at one after the other. */
static void begin_commit(struct asked *commit)
{
    asked_begin(commit, &rig, asked_commit);
    struct asked fetch = {.group = "g"};
    asked_now(&fetch, &rig, asked_fetch);
    ck_assert(!asked_is_done(commit));
}

static void fetch_to_the_end(struct partition *part, void *arg)
{
    (void)arg;
    struct replica_fetch fetch = {.broker_id = OTHER,
                                  .broker_epoch = -1,
                                  .offset = log_end(part->log).offset,
                                  .now_ms = clock_mono_ms(part->broker->clock),
                                  .gap_ms = 3600000};
    ck_assert_int_eq(partition_note_fetch(part, &fetch), ERR_NONE);
}

START_TEST(commit_waits_for_every_replica_in_sync)
{
    lead(0, 2);
    struct asked commit = {.group = "g", .offset = 9};
    begin_commit(&commit);
    ck_assert_int_eq(committed(), -1);
    struct partition *part = rig_find(&rig, GROUPS_TOPIC, 0);
    partition_call(part, fetch_to_the_end, NULL);
    partition_release(part);
    ck_assert_int_eq(asked_await(&commit), ERR_NONE);
    ck_assert_int_eq(committed(), 9);
}
END_TEST

START_TEST(assignment_waits_for_every_replica_in_sync)
{
    lead(0, 2);
    struct asked member = {.group = "g"};
    ck_assert_int_eq(asked_now(&member, &rig, asked_join), ERR_NONE);
    struct asked sync = {.group = "g", .member = member.member_id, .generation = 1};
    asked_begin(&sync, &rig, asked_sync);
    struct asked description = {.group = "g"};
    ck_assert_int_eq(asked_now(&description, &rig, asked_describe), ERR_NONE);
    ck_assert_str_eq(description.state, "CompletingRebalance");
    ck_assert(!asked_is_done(&sync));
    struct partition *part = rig_find(&rig, GROUPS_TOPIC, 0);
    partition_call(part, fetch_to_the_end, NULL);
    partition_release(part);
    ck_assert_int_eq(asked_await(&sync), ERR_NONE);
}
END_TEST

START_TEST(commit_is_answered_when_written_where_nobody_is_to_acknowledge)
{
    lead(0, 2);
    ck_assert_int_eq(commit(4), ERR_NONE);
    ck_assert_int_eq(committed(), 4);
}
END_TEST

START_TEST(commits_under_way_are_answered_by_their_own_outcome)
{
    lead(0, 2);
    struct asked first = {.group = "g", .partition = 0, .offset = 1};
    struct asked second = {.group = "g", .partition = 1, .offset = 2};
    begin_commit(&first);
    struct partition *part = rig_find(&rig, GROUPS_TOPIC, 0);
    partition_call(part, fetch_to_the_end, NULL);
    begin_commit(&second);
    ck_assert_int_eq(asked_await(&first), ERR_NONE);
    ck_assert(!asked_is_done(&second));
    partition_call(part, fetch_to_the_end, NULL);
    ck_assert_int_eq(asked_await(&second), ERR_NONE);
    partition_release(part);
}
END_TEST

START_TEST(commit_that_the_followers_are_too_slow_for_times_out)
{
    lead(0, 2);
    ck_assert_int_eq(commit(9), ERR_REQUEST_TIMED_OUT);
    ck_assert_int_eq(committed(), -1);
}
END_TEST

START_TEST(commit_with_too_few_replicas_is_refused)
{
    ck_assert_int_eq(rig_lead_isr(&rig, GROUPS_TOPIC, 0, 0, RIG_ME, 2, 1), ERR_NONE);
    await_heartbeat_error(ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(commit(9), ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(committed(), -1);
}
END_TEST

START_TEST(commit_that_no_batch_can_hold_is_refused)
{
    lead(0, 1);
    struct asked large = {.group = "a-group-whose-name-alone-is-as-long-as-a-batch-may-be-in-this-topic-"
                                   "a-group-whose-name-alone-is-as-long-as-a-batch-may-be-in-this-topic-"
                                   "a-group-whose-name-alone-is-as-long-as-a-batch-may-be-in-this-topic",
                          .offset = 1};
    ck_assert_int_eq(asked_now(&large, &rig, asked_commit), ERR_INVALID_COMMIT_OFFSET_SIZE);
    ck_assert_int_eq(commit(2), ERR_NONE);
}
END_TEST

/* Each of them alone would fit. */
START_TEST(tombstones_of_a_group_are_in_batches_that_the_topic_takes)
{
    lead(0, 1);
    for (int i = 0; i < 10; i++) {
        struct asked commit = {.group = "g", .partition = i, .offset = i};
        ck_assert_int_eq(asked_now(&commit, &rig, asked_commit), ERR_NONE);
    }
    struct asked delete = {.group = "g"};
    ck_assert_int_eq(asked_now(&delete, &rig, asked_delete), ERR_NONE);
    lose(1);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
    lead(2, 1);
    for (int i = 0; i < 10; i++) {
        struct asked fetch = {.group = "g", .partition = i};
        ck_assert_int_eq(asked_now(&fetch, &rig, asked_fetch), ERR_NONE);
        ck_assert_int_eq(fetch.fetched, -1);
    }
}
END_TEST

/* Sit on all workers that batches may be prepared on. */
static struct work sitters[2];
static struct latch may_go[ARRAY_LEN(sitters)];

static void sit(struct work *work)
{
    latch_await(&may_go[work - sitters]);
}

START_TEST(commit_that_takes_long_to_compress_is_not_overtaken_by_the_next)
{
    lead(0, 1);
    for (size_t i = 0; i < ARRAY_LEN(sitters); i++) {
        latch_init(&may_go[i]);
        sitters[i] = (struct work){.run = sit, .label = "sitter"};
        workers_submit(rig.broker.workers, &sitters[i]);
    }
    static char metadata[20001];
    memset(metadata, 'm', sizeof metadata - 1);
    struct asked large = {.group = "g", .offset = 1, .metadata = metadata};
    asked_begin(&large, &rig, asked_commit);
    ck_assert_int_eq(commit(2), ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(sitters); i++)
        latch_open(&may_go[i]);
    ck_assert_int_eq(asked_await(&large), ERR_NONE);
    ck_assert_int_eq(committed(), 2);
}
END_TEST

START_TEST(brokers_of_an_older_release_are_given_no_members_that_they_do_not_know)
{
    lead(0, 1);
    struct asked known = {.group = "g", .instance = "i"}, dynamic = {.group = "g"};
    ck_assert_int_eq(asked_now(&known, &rig, asked_join), ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(asked_now(&dynamic, &rig, asked_join), ERR_NONE);
}
END_TEST

START_TEST(commit_that_the_disk_refuses_sends_the_client_elsewhere)
{
    lead(0, 1);
    ck_assert_int_eq(commit(1), ERR_NONE);
    fault_disk_only(rig.disk, GROUPS_TOPIC);
    fault_disk_fail(rig.disk, FAULT_WRITE, 0, 1, ERR_IO);
    ck_assert_int_eq(commit(2), ERR_NOT_COORDINATOR);
    await_heartbeat_error(ERR_NOT_COORDINATOR);
}
END_TEST

/* The log's news and the role's may come in either order: both say "ask again". */
START_TEST(commit_is_not_acknowledged_when_the_role_goes_before_the_followers_have_it)
{
    lead(0, 2);
    struct asked commit = {.group = "g", .offset = 9};
    begin_commit(&commit);
    lose(1);
    enum err err = asked_await(&commit);
    ck_assert_msg(err == ERR_NOT_COORDINATOR || err == ERR_COORDINATOR_NOT_AVAILABLE, "%s", err_name(err));
    await_heartbeat_error(ERR_NOT_COORDINATOR);
}
END_TEST

/* By then the append of the first term has come home to nobody. */
START_TEST(append_of_an_earlier_term_says_nothing_in_the_next)
{
    lead(0, 2);
    struct asked old = {.group = "g", .offset = 9};
    begin_commit(&old);
    lose(1);
    asked_await(&old);
    lead(2, 1);
    ck_assert_int_eq(commit(10), ERR_NONE);
    ck_assert_int_eq(committed(), 10);
}
END_TEST

START_TEST(role_that_goes_on_lets_the_commit_wait_on)
{
    lead(0, 2);
    struct asked commit = {.group = "g", .offset = 9};
    begin_commit(&commit);
    lead(1, 2);
    ck_assert(!asked_is_done(&commit));
    lead(2, 1); /* alone in sync: now it is committed */
    ck_assert_int_eq(asked_await(&commit), ERR_NONE);
    ck_assert_int_eq(committed(), 9);
}
END_TEST

START_TEST(broker_that_stops_answers_the_commits_under_way)
{
    lead(0, 2);
    struct asked commits[3];
    for (int i = 0; i < 3; i++) {
        commits[i] = (struct asked){.group = "g", .partition = i, .offset = i};
        begin_commit(&commits[i]);
    }
    groups_stop(rig.broker.groups);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(asked_await(&commits[i]), ERR_NOT_COORDINATOR);
}
END_TEST

static void add(Suite *suite, const char *name, void (*open)(void), const TTest *const *tests)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, open, teardown);
    tcase_set_timeout(tc, 60);
    for (; *tests; tests++)
        tcase_add_test(tc, *tests);
    suite_add_tcase(suite, tc);
}

Suite *group_appends_suite(void)
{
    Suite *suite = suite_create("group appends");
    add(suite, "patient", setup,
        (const TTest *const[]){
            commit_waits_for_every_replica_in_sync, assignment_waits_for_every_replica_in_sync,
            commits_under_way_are_answered_by_their_own_outcome,
            commit_that_the_disk_refuses_sends_the_client_elsewhere,
            commit_is_not_acknowledged_when_the_role_goes_before_the_followers_have_it,
            append_of_an_earlier_term_says_nothing_in_the_next, role_that_goes_on_lets_the_commit_wait_on,
            broker_that_stops_answers_the_commits_under_way, NULL});
    add(suite, "hurried", setup_hurried,
        (const TTest *const[]){commit_that_the_followers_are_too_slow_for_times_out, NULL});
    add(suite, "two of two", setup_of_two,
        (const TTest *const[]){commit_with_too_few_replicas_is_refused, NULL});
    add(suite, "narrow", setup_narrow,
        (const TTest *const[]){commit_that_no_batch_can_hold_is_refused,
                               tombstones_of_a_group_are_in_batches_that_the_topic_takes, NULL});
    add(suite, "beside an old broker", setup_beside_old,
        (const TTest *const[]){brokers_of_an_older_release_are_given_no_members_that_they_do_not_know, NULL});
    add(suite, "compressed", setup_compressed,
        (const TTest *const[]){commit_that_takes_long_to_compress_is_not_overtaken_by_the_next, NULL});
    add(suite, "acks=1", setup_unasked,
        (const TTest *const[]){commit_is_answered_when_written_where_nobody_is_to_acknowledge, NULL});
    return suite;
}
