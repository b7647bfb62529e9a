#include <stdio.h>
#include <stdlib.h>

#include "rig.h"
#include "suites.h"

static const char listed_path[] = "/admin/reassign_partitions";

/* ---- short hands: lists of ids are texts, "4,5,6" */

static struct znode_ids ids_of(struct rig *rig, const char *text)
{
    struct znode_ids ids = {.ids = arena_alloc(&rig->arena, (strlen(text) + 1) * sizeof *ids.ids)};
    for (const char *at = text; *at; at += strspn(at, ",")) {
        char *end;
        ids.ids[ids.count++] = (int32_t)strtol(at, &end, 10);
        at = end;
    }
    return ids;
}

static void put_ids(struct buf *out, const char *before, const struct znode_ids *ids)
{
    if (ids->count)
        buf_put_str(out, before);
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(out, "%s%d", i ? "," : "", ids->ids[i]);
}

static const char *text_of(struct rig *rig, const struct znode_assignment *assignment)
{
    struct buf text = {0};
    put_ids(&text, "", &assignment->replicas);
    put_ids(&text, " +", &assignment->adding);
    put_ids(&text, " -", &assignment->removing);
    const char *copy = arena_strdup(&rig->arena, buf_cstr(&text));
    buf_close(&text);
    return copy;
}

/* "replicas +adding -removing" of a partition's znode. */
static const char *assigned(struct rig *rig, const char *topic, int partition)
{
    char path[300];
    snprintf(path, sizeof path, "/brokers/topics/%s", topic);
    return text_of(rig, &fake_zk_value(rig->zk, path)->topic.partitions[partition]);
}

static const char *isr_of(struct rig *rig, const char *topic, int partition)
{
    struct znode_assignment as_list = {.replicas = rig_state(rig, topic, partition)->isr};
    return text_of(rig, &as_list);
}

static struct rig *cluster_with(int brokers, const char *replicas)
{
    struct rig *rig = rig_cluster(brokers);
    struct znode_ids ids = ids_of(rig, replicas);
    rig_put_topic(rig, "t", 1, ids.ids, ids.count);
    rig_forget_trace(rig);
    return rig;
}

static uint64_t next_ticket(struct rig *rig)
{
    return 5000 + (uint64_t)rig->answers_count;
}

static const struct controller_answer *move_to(struct rig *rig, const struct controller_move *moves,
                                               int count)
{
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = moves;
    request.alter_reassignments.moves_count = count;
    uint64_t ticket = next_ticket(rig);
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket);
}

/* Partition 0 of t; NULL = cancel. */
static enum err move(struct rig *rig, const char *replicas)
{
    struct controller_move one = {.topic = "t", .cancel = !replicas};
    if (replicas)
        one.replicas = ids_of(rig, replicas);
    const struct controller_answer *answer = move_to(rig, &one, 1);
    ck_assert_int_eq(answer->err, ERR_NONE);
    ck_assert_int_eq(answer->partitions_count, 1);
    return answer->partitions[0].err;
}

/* What the leader of partition 0 of t does when its followers have caught up, or have not. */
static void set_isr(struct rig *rig, const char *isr)
{
    const struct znode_state *state = rig_state(rig, "t", 0);
    char path[64];
    snprintf(path, sizeof path, "/brokers/ids/%d", state->leader);
    struct controller_isr_change change = {
        .topic = {.name = "t"},
        .leader_epoch = state->leader_epoch,
        .partition_epoch = fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"),
        .isr = ids_of(rig, isr)};
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    request.alter_partition.broker_id = state->leader;
    request.alter_partition.broker_epoch = fake_zk_czxid(rig->zk, path);
    request.alter_partition.version = 3;
    request.alter_partition.changes = &change;
    request.alter_partition.changes_count = 1;
    uint64_t ticket = next_ticket(rig);
    rig_request(rig, 0, ticket, &request);
    ck_assert_int_eq(rig_answer(rig, ticket)->partitions[0].err, ERR_NONE);
}

/* As a tool of old does. */
static void list_moves(struct rig *rig, const struct znode_partition *entries, int count)
{
    struct controller_value value = {.kind = CONTROLLER_VALUE_REASSIGNMENT};
    value.partitions.items = (struct znode_partition *)(uintptr_t)entries;
    value.partitions.count = count;
    fake_zk_put(rig->zk, listed_path, &value);
    rig_run(rig);
}

static void list_move(struct rig *rig, const char *replicas)
{
    struct znode_partition entry = {.topic = "t", .replicas = ids_of(rig, replicas)};
    list_moves(rig, &entry, 1);
}

/* ---- start */

START_TEST(move_begins_with_the_znode_and_a_new_leader_epoch_for_all)
{
    struct rig *rig = cluster_with(6, "1,2,3");
    ck_assert_int_eq(move(rig, "4,5,6"), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "4,5,6,1,2,3 +4,5,6 -1,2,3");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 1);
    ck_assert_str_eq(isr_of(rig, "t", 0), "1,2,3");
    for (int id = 1; id <= 6; id++) {
        char line[160];
        snprintf(line, sizeof line,
                 "LeaderAndIsr broker=%d t-0 leader=1 epoch=1 isr=1,2,3%s replicas=4,5,6,1,2,3 adding=4,5,6 "
                 "removing=1,2,3\n",
                 id, id > 3 ? " new" : "");
        rig_place(rig, line);
    }
    ck_assert(!rig_saw(rig, "Stop"));
    rig_free(rig);
}
END_TEST

START_TEST(move_to_where_it_is_does_nothing)
{
    struct rig *rig = cluster_with(3, "1,2");
    ck_assert_int_eq(move(rig, "1,2"), ERR_NONE);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 0);
    ck_assert(!rig_saw(rig, "LeaderAndIsr"));
    rig_free(rig);
}
END_TEST

START_TEST(change_of_order_is_complete_at_once)
{
    struct rig *rig = cluster_with(3, "1,2,3");
    ck_assert_int_eq(move(rig, "3,1,2"), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1,2");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=2 t-0 leader=1 epoch=1 isr=1,2,3\n"));
    ck_assert(!rig_saw(rig, "Stop"));
    rig_free(rig);
}
END_TEST

START_TEST(fewer_replicas_are_left_at_once)
{
    struct rig *rig = cluster_with(3, "1,2,3");
    ck_assert_int_eq(move(rig, "2"), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "2");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_str_eq(isr_of(rig, "t", 0), "2");
    ck_assert(rig_saw(rig, "Stop broker=1 t-0 epoch=2 delete\n"));
    ck_assert(rig_saw(rig, "Stop broker=3 t-0 epoch=2 delete\n"));
    rig_free(rig);
}
END_TEST

/* ---- end */

START_TEST(move_ends_when_the_whole_target_is_in_the_isr)
{
    struct rig *rig = cluster_with(6, "1,2,3");
    move(rig, "4,5,6");
    set_isr(rig, "1,2,3,4,5");
    ck_assert_str_eq(assigned(rig, "t", 0), "4,5,6,1,2,3 +4,5,6 -1,2,3");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    rig_forget_trace(rig);
    set_isr(rig, "1,2,3,4,5,6");
    ck_assert_str_eq(assigned(rig, "t", 0), "4,5,6");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 4);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 3);
    ck_assert_str_eq(isr_of(rig, "t", 0), "4,5,6");
    for (int id = 1; id <= 3; id++) {
        char line[64];
        snprintf(line, sizeof line, "Stop broker=%d t-0 epoch=3 delete\n", id);
        rig_place(rig, line);
    }
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=5 t-0 leader=4 epoch=3 isr=4,5,6\n"));
    ck_assert(rig_saw(rig, "Update broker=1 t-0 leader=4 epoch=3 isr=4,5,6\n"));
    ck_assert(!rig_saw(rig, "Stop broker=4"));
    rig_free(rig);
}
END_TEST

START_TEST(leader_that_stays_is_not_elected_again)
{
    struct rig *rig = cluster_with(3, "1,2");
    move(rig, "3,1");
    set_isr(rig, "1,2,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert_str_eq(isr_of(rig, "t", 0), "1,3");
    ck_assert(rig_saw(rig, "Stop broker=2 t-0 epoch=3 delete\n"));
    rig_free(rig);
}
END_TEST

START_TEST(more_replicas_only_need_to_catch_up)
{
    struct rig *rig = cluster_with(3, "1");
    move(rig, "1,2,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "1,2,3 +2,3");
    set_isr(rig, "1,2,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "1,2,3");
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=3 t-0 leader=1 epoch=2 isr=1,2,3\n"));
    ck_assert(!rig_saw(rig, "Stop"));
    rig_free(rig);
}
END_TEST

START_TEST(leader_that_writes_its_isr_itself_ends_the_move_by_notification)
{
    struct rig *rig = cluster_with(3, "1");
    move(rig, "2");
    struct controller_value state = {.kind = CONTROLLER_VALUE_STATE, .state = *rig_state(rig, "t", 0)};
    state.state.isr = ids_of(rig, "1,2");
    fake_zk_put(rig->zk, "/brokers/topics/t/partitions/0/state", &state);
    struct znode_partition changed = {.topic = "t"};
    struct controller_value notice = {.kind = CONTROLLER_VALUE_PARTITIONS, .partitions = {&changed, 1}};
    fake_zk_put(rig->zk, "/isr_change_notification/isr_change_0000000000", &notice);
    rig_run(rig);
    ck_assert_str_eq(assigned(rig, "t", 0), "2");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_str_eq(isr_of(rig, "t", 0), "2");
    rig_free(rig);
}
END_TEST

/* Topic t, moving, as an earlier controller left it; no broker. */
static struct rig *moving_before(const char *replicas, const char *adding, const char *removing,
                                 const char *isr)
{
    struct rig *rig = rig_new();
    struct znode_assignment partition = {
        .replicas = ids_of(rig, replicas), .adding = ids_of(rig, adding), .removing = ids_of(rig, removing)};
    struct controller_value topic = {.kind = CONTROLLER_VALUE_TOPIC};
    memset(topic.topic.topic_id.bytes, 't', sizeof topic.topic.topic_id.bytes);
    topic.topic.partitions = &partition;
    topic.topic.partitions_count = 1;
    fake_zk_put(rig->zk, "/brokers/topics/t", &topic);
    struct controller_value state = {.kind = CONTROLLER_VALUE_STATE};
    state.state = (struct znode_state){.leader_epoch = 5, .isr = ids_of(rig, isr)};
    if (state.state.isr.count) {
        state.state.leader = state.state.isr.ids[0];
        fake_zk_put(rig->zk, "/brokers/topics/t/partitions/0/state", &state);
    }
    return rig;
}

START_TEST(nothing_is_deleted_while_nobody_of_the_target_can_lead)
{
    struct rig *rig = moving_before("3,2", "3", "2", "2,3");
    rig_register(rig, 1, NULL);
    rig_add_core(rig, 1);
    ck_assert_str_eq(isr_of(rig, "t", 0), "2,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "3,2 +3 -2");
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 2);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,2 +3 -2");
    ck_assert(!rig_saw(rig, "delete"));
    rig_free(rig);
}
END_TEST

START_TEST(change_of_order_without_a_leader_is_told_to_everybody)
{
    struct rig *rig = cluster_with(3, "2,3");
    rig_kill(rig, 2);
    rig_kill(rig, 3);
    rig_run(rig);
    rig_forget_trace(rig);
    ck_assert_int_eq(move(rig, "3,2"), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,2");
    ck_assert(rig_saw(rig, "Update broker=1 t-0 leader=-1"));
    rig_free(rig);
}
END_TEST

/* ---- cancel, override */

START_TEST(cancelled_move_goes_back_and_deletes_what_it_added)
{
    struct rig *rig = cluster_with(4, "1,2");
    move(rig, "3,4");
    set_isr(rig, "1,2,3");
    rig_forget_trace(rig);
    ck_assert_int_eq(move(rig, NULL), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "1,2");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    ck_assert_str_eq(isr_of(rig, "t", 0), "1,2");
    ck_assert(rig_saw(rig, "Stop broker=3 t-0 epoch=2 delete\n"));
    ck_assert(rig_saw(rig, "Stop broker=4 t-0 epoch=2 delete\n"));
    ck_assert(!rig_saw(rig, "Stop broker=1"));
    ck_assert_int_eq(move(rig, NULL), ERR_NO_REASSIGNMENT_IN_PROGRESS);
    rig_free(rig);
}
END_TEST

START_TEST(later_move_takes_the_place_of_an_earlier_one)
{
    struct rig *rig = cluster_with(5, "1,2");
    move(rig, "3,4");
    rig_forget_trace(rig);
    ck_assert_int_eq(move(rig, "4,5"), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "4,5,1,2 +4,5 -1,2");
    ck_assert(rig_saw(rig, "Stop broker=3 t-0 epoch=1 delete\n"));
    ck_assert(!rig_saw(rig, "Stop broker=4"));
    set_isr(rig, "1,2,4,5");
    ck_assert_str_eq(assigned(rig, "t", 0), "4,5");
    rig_free(rig);
}
END_TEST

START_TEST(replica_that_was_dropped_may_come_back)
{
    struct rig *rig = cluster_with(3, "1");
    move(rig, "2");
    rig->mood[2] = RIG_SILENT; /* its deletion stays open */
    move(rig, NULL);
    rig_forget_trace(rig);
    ck_assert_int_eq(move(rig, "1,2"), ERR_NONE);
    set_isr(rig, "1,2");
    ck_assert_str_eq(assigned(rig, "t", 0), "1,2");
    rig_kill(rig, 2); /* and it is a replica like any other again */
    rig_run(rig);
    ck_assert_str_eq(isr_of(rig, "t", 0), "1");
    rig_free(rig);
}
END_TEST

START_TEST(what_would_delete_the_last_one_in_sync_is_refused)
{
    struct rig *rig = cluster_with(3, "2");
    move(rig, "3,1");
    set_isr(rig, "2,3");
    rig_kill(rig, 2);
    rig_run(rig);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 3);
    ck_assert_str_eq(isr_of(rig, "t", 0), "3");
    ck_assert_int_eq(move(rig, NULL), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(move(rig, "1"), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1,2 +3,1 -2");
    list_move(rig, "1");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    ck_assert_str_eq(isr_of(rig, "t", 0), "3");
    rig_free(rig);
}
END_TEST

/* ---- bad requests */

START_TEST(bad_moves_are_refused_each_with_its_error)
{
    static const struct {
        const char *topic;
        int partition;
        const char *replicas;
        enum err err;
        const char *message;
    } cases[] = {
        {"t", 0, "", ERR_INVALID_REPLICA_ASSIGNMENT,
         "Empty replica list specified in partition reassignment."},
        {"t", 0, "1,1", ERR_INVALID_REPLICA_ASSIGNMENT,
         "Duplicate replica ids in partition reassignment replica list: ArrayBuffer(1, 1)"},
        {"t", 0, "1,-1", ERR_INVALID_REPLICA_ASSIGNMENT,
         "Invalid broker id in replica list: ArrayBuffer(1, -1)"},
        {"t", 0, "1,7", ERR_INVALID_REPLICA_ASSIGNMENT,
         "Replica assignment has brokers that are not alive. Replica list: ArrayBuffer(7), live broker list: "
         "Set(1, 2)"},
        {"t", 0, NULL, ERR_NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress."},
        {"t", 9, NULL, ERR_NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress."},
        {"t", 9, "1,7", ERR_INVALID_REPLICA_ASSIGNMENT,
         "Replica assignment has brokers that are not alive. Replica list: ArrayBuffer(1, 7), live broker "
         "list: Set(1, 2)"},
        {"t", 9, "1", ERR_UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist."},
        {"u", 0, "1", ERR_UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist."},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    struct rig *rig = cluster_with(2, "1");
    for (int i = 0; i < CASES; i++) {
        struct controller_move one = {
            .topic = cases[i].topic, .partition = cases[i].partition, .cancel = !cases[i].replicas};
        if (cases[i].replicas)
            one.replicas = ids_of(rig, cases[i].replicas);
        const struct controller_partition_answer *answer = move_to(rig, &one, 1)->partitions;
        ck_assert_int_eq(answer->err, cases[i].err);
        ck_assert_str_eq(answer->message, cases[i].message);
    }
    ck_assert_str_eq(assigned(rig, "t", 0), "1");
    ck_assert(!rig_saw(rig, "LeaderAndIsr"));
    rig_free(rig);
}
END_TEST

START_TEST(of_two_mentions_of_a_partition_the_last_counts)
{
    struct rig *rig = cluster_with(3, "1");
    struct controller_move moves[] = {
        {.topic = "t", .replicas = ids_of(rig, "2")},
        {.topic = "u", .replicas = ids_of(rig, "1")},
        {.topic = "t", .replicas = ids_of(rig, "3")},
    };
    const struct controller_answer *answer = move_to(rig, moves, 3);
    ck_assert_int_eq(answer->partitions_count, 2);
    ck_assert_int_eq(answer->partitions[0].err, ERR_NONE);
    ck_assert_int_eq(answer->partitions[1].err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1 +3 -1");
    rig_free(rig);
}
END_TEST

START_TEST(who_is_not_controller_says_so)
{
    struct rig *rig = cluster_with(2, "1");
    rig_take_over(rig);
    rig_run(rig);
    struct controller_move one = {.topic = "t", .replicas = ids_of(rig, "2")};
    ck_assert_int_eq(move_to(rig, &one, 1)->err, ERR_NOT_CONTROLLER);
    rig_free(rig);
}
END_TEST

/* ---- list */

static const struct controller_answer *list(struct rig *rig, struct znode_partition *wanted, int count)
{
    struct controller_request request = {.kind = CONTROLLER_LIST_REASSIGNMENTS};
    request.list_reassignments.all = !wanted;
    request.list_reassignments.partitions.items = wanted;
    request.list_reassignments.partitions.count = count;
    uint64_t ticket = next_ticket(rig);
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket);
}

START_TEST(list_shows_what_moves_and_nothing_else)
{
    static const int32_t replicas[] = {1, 1};
    struct rig *rig = cluster_with(3, "1,2");
    rig_put_topic(rig, "u", 2, replicas, 1);
    ck_assert_int_eq(list(rig, NULL, 0)->partitions_count, 0);
    move(rig, "3,2");
    const struct controller_answer *all = list(rig, NULL, 0);
    ck_assert_int_eq(all->partitions_count, 1);
    ck_assert_str_eq(all->partitions[0].topic, "t");
    ck_assert_str_eq(text_of(rig, &all->partitions[0].assignment), "3,2,1 +3 -1");
    struct znode_partition wanted[] = {
        {.topic = "u"}, {.topic = "t"}, {.topic = "t"}, {.topic = "t", .partition = 4}, {.topic = "x"}};
    ck_assert_int_eq(list(rig, wanted, 5)->partitions_count, 1);
    ck_assert_int_eq(list(rig, wanted, 1)->partitions_count, 0);
    set_isr(rig, "1,2,3");
    ck_assert_int_eq(list(rig, NULL, 0)->partitions_count, 0);
    rig_free(rig);
}
END_TEST

/* ---- brokers that die and come back */

START_TEST(broker_of_the_target_that_starts_is_told_of_the_move)
{
    struct rig *rig = cluster_with(3, "1");
    move(rig, "3");
    rig_kill(rig, 3);
    rig_run(rig);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1 +3 -1");
    rig_register(rig, 3, NULL);
    rig_forget_trace(rig);
    rig_run(rig);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=3 t-0 leader=1 epoch=2 isr=1 new replicas=3,1"));
    set_isr(rig, "1,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "3");
    rig_free(rig);
}
END_TEST

START_TEST(replica_left_behind_on_a_dead_broker_is_deleted_when_it_starts)
{
    struct rig *rig = cluster_with(3, "1,2");
    rig_kill(rig, 2);
    rig_run(rig);
    move(rig, "3");
    set_isr(rig, "1,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "3");
    ck_assert(!rig_saw(rig, "Stop broker=2 t-0 epoch=4 delete"));
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert(rig_saw(rig, "Stop broker=2 t-0 epoch=4 delete\n"));
    rig_forget_trace(rig);
    rig_kill(rig, 2);
    rig_run(rig);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    ck_assert(!rig_saw(rig, "Stop broker=2")); /* it has answered */
    rig_free(rig);
}
END_TEST

START_TEST(next_controller_goes_on_with_a_move)
{
    struct rig *rig = cluster_with(4, "1,2");
    rig_add_core(rig, 2);
    move(rig, "3,4");
    set_isr(rig, "1,2,3");
    rig_forget_trace(rig);
    rig_kill(rig, 1);
    struct controller_event over = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    rig_feed(rig, 0, &over);
    rig_run(rig);
    ck_assert(rig->cores[1].active);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,4,1,2 +3,4 -1,2");
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=4 t-0 leader=3 epoch="));
    rig_free(rig);
}
END_TEST

START_TEST(next_controller_ends_a_move_that_is_complete)
{
    struct rig *rig = moving_before("3,1", "3", "1", "1,3");
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    ck_assert_str_eq(assigned(rig, "t", 0), "3");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 3);
    ck_assert_str_eq(isr_of(rig, "t", 0), "3");
    ck_assert(rig_saw(rig, "Stop broker=1 t-0 epoch=7 delete\n"));
    rig_free(rig);
}
END_TEST

/* ---- other changes of the topic */

START_TEST(deletion_waits_for_the_end_of_a_move)
{
    struct rig *rig = cluster_with(3, "1");
    move(rig, "2");
    ck_assert_int_eq(rig_delete_topic(rig, "t")->topics[0].err, ERR_NONE);
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    ck_assert_int_eq(move(rig, "3"), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    set_isr(rig, "1,2");
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t"));
    ck_assert(!fake_zk_exists(rig->zk, "/admin/delete_topics/t"));
    ck_assert(rig_saw(rig, "Stop broker=1 t-0 epoch=-2 delete\n"));
    ck_assert(rig_saw(rig, "Stop broker=2 t-0 epoch=-2 delete\n"));
    rig_free(rig);
}
END_TEST

/* Whoever restarts meanwhile (the leader, who stays, who comes), the move ends, and the deletion after it. */
START_TEST(topic_whose_deletion_waits_lives_on)
{
    struct rig *rig = cluster_with(4, "2,3");
    move(rig, "3,4");
    rig_delete_topic(rig, "t");
    rig_kill(rig, _i);
    rig_run(rig);
    rig_register(rig, _i, NULL);
    rig_forget_trace(rig);
    rig_run(rig);
    ck_assert(rig_saw(rig, arena_printf(&rig->arena, "Update broker=%d t-0 leader=", _i)));
    ck_assert(rig_saw(rig, arena_printf(&rig->arena, "LeaderAndIsr broker=%d t-0 leader=", _i)));
    ck_assert(!rig_saw(rig, "leader=-"));
    ck_assert(fake_zk_exists(rig->zk, "/brokers/topics/t"));
    set_isr(rig, rig_state(rig, "t", 0)->leader == 2 ? "2,3,4" : "3,4");
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig_free(rig);
}
END_TEST

START_TEST(partitions_are_not_added_to_what_moves)
{
    struct rig *rig = cluster_with(3, "1");
    move(rig, "2");
    struct controller_more_partitions more = {.topic = "t", .count = 3};
    struct controller_request request = {.kind = CONTROLLER_CREATE_PARTITIONS};
    request.create_partitions.topics = &more;
    request.create_partitions.topics_count = 1;
    rig_request(rig, 0, 1, &request);
    ck_assert_int_eq(rig_answer(rig, 1)->topics[0].err, ERR_REASSIGNMENT_IN_PROGRESS);
    set_isr(rig, "1,2");
    rig_request(rig, 0, 2, &request);
    ck_assert_int_eq(rig_answer(rig, 2)->topics[0].err, ERR_NONE);
    rig_free(rig);
}
END_TEST

START_TEST(partition_that_a_tool_adds_meanwhile_is_kept)
{
    struct rig *rig = cluster_with(3, "1");
    struct controller_value value = *fake_zk_value(rig->zk, "/brokers/topics/t");
    struct znode_assignment two[] = {{.partition = 0, .replicas = ids_of(rig, "1")},
                                     {.partition = 1, .replicas = ids_of(rig, "2")}};
    value.topic.partitions = two;
    value.topic.partitions_count = 2;
    fake_zk_put(rig->zk, "/brokers/topics/t", &value); /* not seen yet when the move begins */
    struct controller_move one = {.topic = "t", .replicas = ids_of(rig, "3")};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &one;
    request.alter_reassignments.moves_count = 1;
    rig_request(rig, 0, 1, &request);
    ck_assert_int_eq(rig_answer(rig, 1)->partitions[0].err, ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1 +3 -1");
    ck_assert_str_eq(assigned(rig, "t", 1), "2");
    ck_assert_int_eq(rig_state(rig, "t", 1)->leader, 2);
    rig_free(rig);
}
END_TEST

START_TEST(znode_that_changes_under_the_move_is_read_again)
{
    struct rig *rig = cluster_with(3, "1");
    struct controller_move one = {.topic = "t", .replicas = ids_of(rig, "3")};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &one;
    request.alter_reassignments.moves_count = 1;
    struct controller_event event = {.kind = CONTROLLER_EVENT_REQUEST};
    event.request.ticket = 1;
    event.request.request = &request;
    rig_feed(rig, 0, &event); /* it has read the znode, and not written yet */
    struct controller_value value = *fake_zk_value(rig->zk, "/brokers/topics/t");
    struct znode_assignment two[] = {{.partition = 0, .replicas = ids_of(rig, "1")},
                                     {.partition = 1, .replicas = ids_of(rig, "2")}};
    value.topic.partitions = two;
    value.topic.partitions_count = 2;
    fake_zk_put(rig->zk, "/brokers/topics/t", &value);
    rig_run(rig);
    ck_assert_int_eq(rig_answer(rig, 1)->partitions[0].err, ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1 +3 -1");
    ck_assert_str_eq(assigned(rig, "t", 1), "2");
    ck_assert_int_eq(rig_state(rig, "t", 1)->leader, 2);
    rig_free(rig);
}
END_TEST

START_TEST(topic_without_states_is_deleted_though_it_was_moving)
{
    struct rig *rig = moving_before("3,1", "3", "1", "");
    fake_zk_put(rig->zk, "/admin/delete_topics/t", &(struct controller_value){.kind = CONTROLLER_VALUE_NULL});
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    ck_assert(rig->cores[0].active);
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t"));
    rig_free(rig);
}
END_TEST

START_TEST(preferred_election_of_what_moves_goes_to_the_target)
{
    struct rig *rig = cluster_with(3, "1");
    move(rig, "3,1");
    rig_advance(rig, 5000);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 1);
    set_isr(rig, "1,3");
    rig_advance(rig, 300000);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 3);
    rig_free(rig);
}
END_TEST

/* ---- /admin/reassign_partitions */

START_TEST(listed_move_runs_and_leaves_no_znode)
{
    struct rig *rig = cluster_with(3, "1");
    list_move(rig, "2,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "2,3,1 +2,3 -1");
    ck_assert(fake_zk_exists(rig->zk, listed_path));
    set_isr(rig, "1,2,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "2,3");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    list_move(rig, "1"); /* it is watched again */
    ck_assert_str_eq(assigned(rig, "t", 0), "1,2,3 +1 -2,3");
    rig_free(rig);
}
END_TEST

START_TEST(listed_moves_that_cannot_be_are_taken_out)
{
    static const int32_t replicas[] = {1};
    struct rig *rig = cluster_with(3, "1");
    rig_put_topic(rig, "u", 1, replicas, 1);
    struct znode_partition entries[] = {
        {.topic = "x", .replicas = ids_of(rig, "1")},
        {.topic = "t", .partition = 5, .replicas = ids_of(rig, "1")},
        {.topic = "t", .replicas = ids_of(rig, "2")},
        {.topic = "u", .replicas = ids_of(rig, "")},
    };
    list_moves(rig, entries, 4);
    const struct znode_partitions *left = &fake_zk_value(rig->zk, listed_path)->partitions;
    ck_assert_int_eq(left->count, 1);
    ck_assert_str_eq(left->items[0].topic, "t");
    ck_assert_str_eq(assigned(rig, "u", 0), "1");
    rig_free(rig);
}
END_TEST

START_TEST(list_without_anything_to_do_does_not_stay)
{
    struct rig *rig = cluster_with(3, "1,2");
    list_move(rig, "1,2");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    list_moves(rig, NULL, 0);
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    list_move(rig, "2,1");
    ck_assert_str_eq(assigned(rig, "t", 0), "2,1");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    rig_free(rig);
}
END_TEST

START_TEST(list_that_cannot_be_read_is_removed)
{
    struct rig *rig = cluster_with(3, "1");
    struct controller_value value = {.kind = CONTROLLER_VALUE_REASSIGNMENT};
    fake_zk_put(rig->zk, listed_path, &value);
    fake_zk_spoil(rig->zk, listed_path);
    rig_run(rig);
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    list_move(rig, "2");
    ck_assert_str_eq(assigned(rig, "t", 0), "2,1 +2 -1");
    rig_free(rig);
}
END_TEST

START_TEST(entry_added_to_the_list_later_is_seen)
{
    static const int32_t replicas[] = {1};
    struct rig *rig = cluster_with(3, "1");
    rig_put_topic(rig, "u", 1, replicas, 1);
    list_move(rig, "2");
    int32_t epoch = rig_state(rig, "t", 0)->leader_epoch;
    struct znode_partition both[] = {{.topic = "t", .replicas = ids_of(rig, "2")},
                                     {.topic = "u", .replicas = ids_of(rig, "3")}};
    list_moves(rig, both, 2);
    ck_assert_str_eq(assigned(rig, "u", 0), "3,1 +3 -1");
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, epoch); /* under way: left alone */
    rig_free(rig);
}
END_TEST

START_TEST(request_overrides_the_list)
{
    struct rig *rig = cluster_with(3, "1");
    list_move(rig, "2");
    ck_assert_int_eq(move(rig, "3"), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1 +3 -1");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    list_move(rig, "2");
    ck_assert_int_eq(move(rig, NULL), ERR_NONE);
    ck_assert_str_eq(assigned(rig, "t", 0), "1");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    rig_free(rig);
}
END_TEST

START_TEST(listed_move_to_a_dead_broker_waits_for_it)
{
    struct rig *rig = cluster_with(2, "1");
    list_move(rig, "3");
    ck_assert_str_eq(assigned(rig, "t", 0), "3,1 +3 -1");
    rig_register(rig, 3, NULL);
    rig_forget_trace(rig);
    rig_run(rig);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=3 t-0 leader=1 epoch=2 isr=1 new"));
    set_isr(rig, "1,3");
    ck_assert_str_eq(assigned(rig, "t", 0), "3");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    rig_free(rig);
}
END_TEST

START_TEST(list_that_was_there_before_the_controller_is_taken_up)
{
    static const int32_t replicas[] = {1};
    struct rig *rig = rig_new();
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    rig_put_topic(rig, "t", 1, replicas, 1);
    struct znode_partition entry = {.topic = "t", .replicas = ids_of(rig, "2")};
    list_moves(rig, &entry, 1);
    rig_add_core(rig, 1);
    ck_assert_str_eq(assigned(rig, "t", 0), "2,1 +2 -1");
    set_isr(rig, "1,2");
    ck_assert_str_eq(assigned(rig, "t", 0), "2");
    ck_assert(!fake_zk_exists(rig->zk, listed_path));
    rig_free(rig);
}
END_TEST

Suite *reassignment_suite(void)
{
    Suite *suite = suite_create("reassignment");
    TCase *tcase = tcase_create("reassignment");
    tcase_add_test(tcase, move_begins_with_the_znode_and_a_new_leader_epoch_for_all);
    tcase_add_test(tcase, move_to_where_it_is_does_nothing);
    tcase_add_test(tcase, change_of_order_is_complete_at_once);
    tcase_add_test(tcase, fewer_replicas_are_left_at_once);
    tcase_add_test(tcase, move_ends_when_the_whole_target_is_in_the_isr);
    tcase_add_test(tcase, leader_that_stays_is_not_elected_again);
    tcase_add_test(tcase, more_replicas_only_need_to_catch_up);
    tcase_add_test(tcase, leader_that_writes_its_isr_itself_ends_the_move_by_notification);
    tcase_add_test(tcase, nothing_is_deleted_while_nobody_of_the_target_can_lead);
    tcase_add_test(tcase, change_of_order_without_a_leader_is_told_to_everybody);
    tcase_add_test(tcase, cancelled_move_goes_back_and_deletes_what_it_added);
    tcase_add_test(tcase, later_move_takes_the_place_of_an_earlier_one);
    tcase_add_test(tcase, replica_that_was_dropped_may_come_back);
    tcase_add_test(tcase, what_would_delete_the_last_one_in_sync_is_refused);
    tcase_add_test(tcase, bad_moves_are_refused_each_with_its_error);
    tcase_add_test(tcase, of_two_mentions_of_a_partition_the_last_counts);
    tcase_add_test(tcase, who_is_not_controller_says_so);
    tcase_add_test(tcase, list_shows_what_moves_and_nothing_else);
    tcase_add_test(tcase, broker_of_the_target_that_starts_is_told_of_the_move);
    tcase_add_test(tcase, replica_left_behind_on_a_dead_broker_is_deleted_when_it_starts);
    tcase_add_test(tcase, next_controller_goes_on_with_a_move);
    tcase_add_test(tcase, next_controller_ends_a_move_that_is_complete);
    tcase_add_test(tcase, deletion_waits_for_the_end_of_a_move);
    tcase_add_loop_test(tcase, topic_whose_deletion_waits_lives_on, 2, 5);
    tcase_add_test(tcase, partitions_are_not_added_to_what_moves);
    tcase_add_test(tcase, partition_that_a_tool_adds_meanwhile_is_kept);
    tcase_add_test(tcase, znode_that_changes_under_the_move_is_read_again);
    tcase_add_test(tcase, topic_without_states_is_deleted_though_it_was_moving);
    tcase_add_test(tcase, preferred_election_of_what_moves_goes_to_the_target);
    tcase_add_test(tcase, listed_move_runs_and_leaves_no_znode);
    tcase_add_test(tcase, listed_moves_that_cannot_be_are_taken_out);
    tcase_add_test(tcase, list_without_anything_to_do_does_not_stay);
    tcase_add_test(tcase, list_that_cannot_be_read_is_removed);
    tcase_add_test(tcase, entry_added_to_the_list_later_is_seen);
    tcase_add_test(tcase, request_overrides_the_list);
    tcase_add_test(tcase, listed_move_to_a_dead_broker_waits_for_it);
    tcase_add_test(tcase, list_that_was_there_before_the_controller_is_taken_up);
    suite_add_tcase(suite, tcase);
    return suite;
}
