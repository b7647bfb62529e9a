/*
 * A broker that finds its registration suspected: what it gives up, and what not.
 */
#include <string.h>

#include "base/mem.h"
#include "rig.h"
#include "service/identity/suspected.h"
#include "service/metadata_cache.h"
#include "service/partition/partition_call.h"
#include "suites.h"
#include "wire/generated/wire_messages.h"

#define EPOCH     77
#define SUSPICION "/barnabas/suspects/1"
#define T0        "/brokers/topics/t/partitions/0/state"
#define T1        "/brokers/topics/t/partitions/1/state"

static struct rig rig;
static struct suspected *suspected;

/* --- a ZooKeeper of three znodes, on the control loop ----------------------------------------------------
 */

static struct zk zk;
static struct {
    const char *path;
    const char *data; /* NULL = it is not there */
} nodes[] = {{SUSPICION, NULL}, {T0, NULL}, {T1, NULL}};
static int reads;

static void answer(struct zk *to, const struct zk_op *op, zk_done_fn done, void *arg)
{
    (void)to;
    struct zk_result result = {.err = ERR_NOT_FOUND};
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        if (strcmp(op->path, nodes[i].path) == 0 && nodes[i].data)
            result = (struct zk_result){.data = view_str(nodes[i].data), .stat = {.version = 9}};
    reads += op->kind == ZK_OP_GET && strncmp(op->path, "/config", 7) != 0;
    done(arg, &result);
}

struct change {
    int node;
    const char *data;
};

static void change_on_loop(void *arg)
{
    const struct change *change = arg;
    nodes[change->node].data = change->data;
}

static void put(int node, const char *data)
{
    struct change change = {node, data};
    rig_on_loop(rig.control, change_on_loop, &change);
}

static void count_on_loop(void *arg)
{
    *(int *)arg = reads;
}

static int count_reads(void)
{
    int count;
    rig_on_loop(rig.control, count_on_loop, &count);
    return count;
}

static int64_t no_session(struct zk *of)
{
    (void)of;
    return 0;
}

static const struct zk_ops OPS = {.submit = answer, .session_id = no_session};

/* --- set-up ----------------------------------------------------------------------------------------------
 */

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
    rig_members(&rig, 3, -1, 0);
    zk.ops = &OPS;
    rig.broker.zk = &zk;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        nodes[i].data = NULL; /* before anybody reads */
    reads = 0;
    suspected = suspected_new(&rig.broker);
    for (int32_t index = 0; index < 2; index++)
        ck_assert_int_eq(rig_lead(&rig, "t", index, 3, RIG_ME, 2), ERR_NONE);
}

static void teardown(void)
{
    rig_close(&rig);
    suspected_free(suspected);
}

static void begin(void *arg)
{
    suspected_watch(suspected, *(int64_t *)arg);
}

static void watch_as(int64_t epoch)
{
    rig_on_loop(rig.control, begin, &epoch);
}

static void znode_changed(void *arg)
{
    suspected_on_watch(suspected, arg);
}

static void forget(void *arg)
{
    (void)arg;
    suspected_forget(suspected);
}

static void look_at_replica(struct partition *part, void *arg)
{
    struct replica *seen = arg;
    seen->role = part->replica.role;
    seen->leader_id = part->replica.leader_id;
    seen->leader_epoch = part->replica.leader_epoch;
    seen->partition_epoch = part->replica.partition_epoch;
    seen->assigned.count = part->replica.assigned.count;
}

static struct replica replica_of(int32_t index)
{
    struct replica seen = {0};
    struct partition *part = rig_find(&rig, "t", index);
    partition_call(part, look_at_replica, &seen);
    partition_release(part);
    return seen;
}

static void await_follower(int32_t index)
{
    while (replica_of(index).role != REPLICA_ROLE_FOLLOWER)
        sched_yield();
}

/* Whatever it reads, it has read and carried out: jobs run in their order. */
static void settle(void)
{
    static int32_t epoch;
    ck_assert_int_eq(rig_lead(&rig, "settled", 0, epoch++, RIG_ME, 1), ERR_NONE);
}

static const char *suspicion_of(int64_t epoch)
{
    return epoch == EPOCH
               ? "{\"version\":1,\"broker_epoch\":77,\"controller_epoch\":5,\"timestamp\":1,\"reason\":\"\"}"
               : "{\"version\":1,\"broker_epoch\":76,\"controller_epoch\":5,\"timestamp\":1,\"reason\":\"\"}";
}

#define LED_BY(leader, epoch)                                                                                \
    "{\"controller_epoch\":5,\"leader\":" #leader ",\"version\":1,\"leader_epoch\":" #epoch                  \
    ",\"isr\":[" #leader "]}"

START_TEST(suspect_follows_where_another_leads_and_goes_on_where_nobody_else_does)
{
    put(0, suspicion_of(EPOCH));
    put(1, LED_BY(2, 4));
    put(2, LED_BY(1, 3));
    watch_as(EPOCH);
    await_follower(0);
    struct replica seen = replica_of(0);
    ck_assert_int_eq(seen.leader_id, 2);
    ck_assert_int_eq(seen.leader_epoch, 4);
    ck_assert_int_eq(seen.partition_epoch, 9);
    ck_assert_int_eq(seen.assigned.count, 2);
    ck_assert_int_eq(replica_of(1).role, REPLICA_ROLE_LEADER);
    ck_assert_int_eq(replica_of(1).leader_epoch, 3);
    struct partition *part = rig_find(&rig, "t", 0);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NOT_LEADER_OR_FOLLOWER);
    partition_release(part);
}
END_TEST

/* Both states are read in one look. */
START_TEST(suspect_hears_of_its_own_later_epochs_from_the_controller)
{
    put(0, suspicion_of(EPOCH));
    put(1, LED_BY(1, 4));
    put(2, LED_BY(2, 4));
    watch_as(EPOCH);
    await_follower(1);
    ck_assert_int_eq(replica_of(0).role, REPLICA_ROLE_LEADER);
    ck_assert_int_eq(replica_of(0).leader_epoch, 3);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 4, RIG_ME, 3), ERR_NONE);
    ck_assert_int_eq(replica_of(0).assigned.count, 3);
}
END_TEST

static void tell_who_leads(void *arg)
{
    (void)arg;
    int32_t replicas[] = {1, 2, 3}; /* one more than the partition itself knows of */
    struct wire_update_metadata_request_update_metadata_partition_state led[2];
    for (int32_t i = 0; i < 2; i++)
        led[i] =
            (struct wire_update_metadata_request_update_metadata_partition_state){.topic_name = view_str("t"),
                                                                                  .partition_index = i,
                                                                                  .leader = RIG_ME,
                                                                                  .leader_epoch = 3,
                                                                                  .replicas = replicas,
                                                                                  .replicas_count = 3};
    struct wire_update_metadata_request_update_metadata_broker broker = {.id = 2};
    struct wire_update_metadata_request request = {.controller_id = 2,
                                                   .live_brokers = &broker,
                                                   .live_brokers_count = 1,
                                                   .ungrouped_partition_states = led,
                                                   .ungrouped_partition_states_count = 2};
    metadata_cache_update(rig.broker.metadata, &request);
}

static void look_at_metadata(void *arg)
{
    int32_t *seen = arg;
    const struct metadata *metadata = metadata_cache_get(rig.broker.metadata);
    seen[0] = metadata_partition(metadata, view_str("t"), 0)->leader;
    seen[1] = metadata_partition(metadata, view_str("t"), 1)->leader;
    seen[2] = metadata->brokers_count;
    seen[3] = metadata->controller_id;
    seen[4] = metadata_partition(metadata, view_str("t"), 0)->replicas_count;
}

START_TEST(suspect_tells_clients_who_leads)
{
    int32_t seen[5];
    rig_on_loop(rig.control, tell_who_leads, NULL);
    put(0, suspicion_of(EPOCH));
    put(1, LED_BY(2, 4));
    put(2, LED_BY(2, 2));
    watch_as(EPOCH);
    do
        rig_on_loop(rig.control, look_at_metadata, seen);
    while (seen[0] == RIG_ME);
    ck_assert_int_eq(seen[0], 2);
    ck_assert_int_eq(seen[1], RIG_ME);
    ck_assert_int_eq(seen[2], 1);
    ck_assert_int_eq(seen[3], 2);
    ck_assert_int_eq(seen[4], 3);
}
END_TEST

START_TEST(suspect_looks_again_until_others_lead)
{
    put(0, suspicion_of(EPOCH));
    put(1, LED_BY(1, 3));
    watch_as(EPOCH);
    settle();
    ck_assert_int_eq(replica_of(0).role, REPLICA_ROLE_LEADER);
    put(1, LED_BY(3, 4));
    await_follower(0);
    ck_assert_int_eq(replica_of(0).leader_id, 3);
}
END_TEST

START_TEST(suspect_that_leads_nothing_asks_for_nothing)
{
    for (int32_t index = 0; index < 2; index++)
        ck_assert_int_eq(rig_lead(&rig, "t", index, 4, 2, 2), ERR_NONE);
    put(0, suspicion_of(EPOCH));
    watch_as(EPOCH);
    ck_assert_int_eq(count_reads(), 1); /* what was said of it */
}
END_TEST

START_TEST(suspicion_that_comes_later_is_seen)
{
    put(1, LED_BY(2, 4));
    watch_as(EPOCH);
    settle();
    ck_assert_int_eq(replica_of(0).role, REPLICA_ROLE_LEADER);
    put(0, suspicion_of(EPOCH));
    rig_on_loop(rig.control, znode_changed, "/brokers/ids/1");
    ck_assert_int_eq(count_reads(), 0);
    rig_on_loop(rig.control, znode_changed, SUSPICION);
    await_follower(0);
}
END_TEST

START_TEST(suspicion_of_an_earlier_registration_says_nothing)
{
    put(0, suspicion_of(EPOCH - 1));
    put(1, LED_BY(2, 4));
    watch_as(EPOCH);
    settle();
    ck_assert_int_eq(replica_of(0).role, REPLICA_ROLE_LEADER);
    ck_assert_int_eq(count_reads(), 1); /* what was said of it, and no states */
}
END_TEST

START_TEST(what_is_read_of_an_earlier_epoch_is_passed_over)
{
    put(0, suspicion_of(EPOCH));
    put(1, LED_BY(2, 2));
    put(2, "no state");
    watch_as(EPOCH);
    settle();
    ck_assert_int_eq(replica_of(0).role, REPLICA_ROLE_LEADER);
    ck_assert_int_eq(replica_of(0).leader_epoch, 3);
}
END_TEST

START_TEST(nothing_is_asked_when_the_suspicion_or_the_session_is_over)
{
    for (int session = 0; session < 2; session++) {
        put(0, suspicion_of(EPOCH));
        watch_as(EPOCH);
        if (session)
            rig_on_loop(rig.control, forget, NULL);
        put(0, NULL);
        rig_on_loop(rig.control, znode_changed, SUSPICION);
        put(1, LED_BY(2, 4));
        for (int i = 0; i < 20; i++)
            settle();
        ck_assert_int_eq(replica_of(0).role, REPLICA_ROLE_LEADER);
        put(1, NULL);
    }
}
END_TEST

Suite *suspected_suite(void)
{
    Suite *suite = suite_create("suspected");
    TCase *tcase = tcase_create("suspected");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, suspect_follows_where_another_leads_and_goes_on_where_nobody_else_does);
    tcase_add_test(tcase, suspect_hears_of_its_own_later_epochs_from_the_controller);
    tcase_add_test(tcase, suspect_tells_clients_who_leads);
    tcase_add_test(tcase, suspect_looks_again_until_others_lead);
    tcase_add_test(tcase, suspect_that_leads_nothing_asks_for_nothing);
    tcase_add_test(tcase, suspicion_that_comes_later_is_seen);
    tcase_add_test(tcase, suspicion_of_an_earlier_registration_says_nothing);
    tcase_add_test(tcase, what_is_read_of_an_earlier_epoch_is_passed_over);
    tcase_add_test(tcase, nothing_is_asked_when_the_suspicion_or_the_session_is_over);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return suite;
}
