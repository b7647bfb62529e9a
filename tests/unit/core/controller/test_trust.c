/*
 * Brokers that come back with other data than they had, and who may lead then. Data is told apart by a
 * letter; the topic t has one partition on brokers 1, 2, 3 and min.insync.replicas 2, broker 1 is controller.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "rig.h"
#include "suites.h"

#define STATE    "/brokers/topics/t/partitions/0/state"
#define STANDING "/barnabas/standing/t-0"

/* As two arguments. */
#define ISR(...) (const int32_t[]){__VA_ARGS__}, (int)ARRAY_LEN(((const int32_t[]){__VA_ARGS__}))

static void put_min_isr(struct rig *rig, const char *value, const char *unclean)
{
    struct znode_config_entry entries[] = {{"min.insync.replicas", value},
                                           {"unclean.leader.election.enable", unclean}};
    struct controller_value config = {.kind = CONTROLLER_VALUE_CONFIG, .config = {entries, unclean ? 2 : 1}};
    fake_zk_put(rig->zk, "/config/topics/t", &config);
}

static void put_state(struct rig *rig, int32_t leader, const int32_t *isr, int count)
{
    int32_t ids[3];
    memcpy(ids, isr, (size_t)count * sizeof *isr);
    struct controller_value value = {.kind = CONTROLLER_VALUE_STATE};
    value.state =
        (struct znode_state){.leader = leader, .leader_epoch = 6, .controller_epoch = 1, .isr = {ids, count}};
    fake_zk_put(rig->zk, STATE, &value);
}

static void put_trusted(struct rig *rig, int id, char data)
{
    char path[64];
    struct controller_value value = {.kind = CONTROLLER_VALUE_INCARNATION};
    value.incarnation.id = rig_data(data);
    snprintf(path, sizeof path, "/barnabas/trusted/%d", id);
    fake_zk_put(rig->zk, path, &value);
}

/* As an earlier controller left it: the data of broker N is trusted as "abc"[N - 1]. */
static struct rig *cluster(int32_t leader, const int32_t *isr, int isr_count)
{
    static const int32_t replicas[] = {1, 2, 3};
    struct rig *rig = rig_new();
    fake_zk_put(rig->zk, "/controller_epoch",
                &(struct controller_value){.kind = CONTROLLER_VALUE_RAW, .raw = VIEW_LIT("4")});
    rig_put_topic(rig, "t", 1, replicas, 3);
    put_min_isr(rig, "2", NULL);
    put_state(rig, leader, isr, isr_count);
    for (int id = 1; id <= 3; id++)
        put_trusted(rig, id, "abc"[id - 1]);
    rig_register_with(rig, 1, 'a', ZNODE_LOSS_NONE);
    return rig;
}

static struct rig *cluster_of_all(void)
{
    struct rig *rig = cluster(1, ISR(1, 2, 3));
    rig_register_with(rig, 2, 'b', ZNODE_LOSS_NONE);
    rig_register_with(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    return rig;
}

static void come(struct rig *rig, int id, char data, enum znode_loss loss)
{
    rig_register_with(rig, id, data, loss);
    rig_run(rig);
}

static void go(struct rig *rig, int id)
{
    rig_kill(rig, id);
    rig_run(rig);
}

static char trusted(struct rig *rig, int id)
{
    char path[64];
    snprintf(path, sizeof path, "/barnabas/trusted/%d", id);
    const struct controller_value *value = fake_zk_value(rig->zk, path);
    return value ? (char)value->incarnation.id.bytes[0] : '-';
}

static int leader(struct rig *rig)
{
    return rig_state(rig, "t", 0)->leader;
}

static bool isr_is(struct rig *rig, const char *wanted)
{
    char text[32] = "";
    const struct znode_ids *isr = &rig_state(rig, "t", 0)->isr;
    for (int32_t i = 0; i < isr->count; i++)
        sprintf(text + strlen(text), "%s%d", i ? "," : "", isr->ids[i]);
    return strcmp(text, wanted) == 0;
}

/* "1x": broker 1 with the data x; "1x?" of the eligible: it lost its tail. */
static bool standing_is(struct rig *rig, const char *lost, const char *eligible)
{
    char texts[2][32] = {"", ""};
    if (!fake_zk_exists(rig->zk, STANDING))
        return !lost && !eligible;
    const struct znode_standing *now = &fake_zk_value(rig->zk, STANDING)->standing;
    for (int32_t i = 0; i < now->lost_count; i++)
        sprintf(texts[0] + strlen(texts[0]), "%d%c", now->lost[i].broker, now->lost[i].incarnation.bytes[0]);
    for (int32_t i = 0; i < now->eligible_count; i++)
        sprintf(texts[1] + strlen(texts[1]), "%d%c%s", now->eligible[i].broker,
                now->eligible[i].incarnation.bytes[0], now->eligible[i].loss == ZNODE_LOSS_NONE ? "" : "?");
    return strcmp(texts[0], lost ? lost : "") == 0 && strcmp(texts[1], eligible ? eligible : "") == 0 &&
           now->state_version == fake_zk_version(rig->zk, STATE);
}

/* The core is told that its session is over, and stands again in a new one. */
static void change_controller(struct rig *rig)
{
    rig_take_over(rig);
    rig_run(rig);
    fake_zk_close_session(rig->zk, rig->intruder);
    rig_run(rig);
    rig_advance(rig, 10000); /* it was deposed, and waits */
    ck_assert(controller_is_active(rig->cores[0].c));
}

static void elect_unclean(struct rig *rig)
{
    struct controller_request request = {.kind = CONTROLLER_ELECT_LEADERS};
    request.elect_leaders.election = CONTROLLER_ELECT_UNCLEAN;
    request.elect_leaders.all = true;
    rig_request(rig, 0, 900, &request);
    ck_assert_int_eq(rig_answer(rig, 900)->err, ERR_NONE);
}

static enum err alter_isr(struct rig *rig, uint64_t ticket, int32_t broker, int32_t *isr, int count)
{
    char path[64];
    snprintf(path, sizeof path, "/brokers/ids/%d", broker);
    struct controller_isr_change change = {.topic = {.name = "t"},
                                           .leader_epoch = rig_state(rig, "t", 0)->leader_epoch,
                                           .partition_epoch = fake_zk_version(rig->zk, STATE),
                                           .isr = {isr, count}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    request.alter_partition.broker_id = broker;
    request.alter_partition.broker_epoch = fake_zk_czxid(rig->zk, path);
    request.alter_partition.version = 3;
    request.alter_partition.changes = &change;
    request.alter_partition.changes_count = 1;
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket)->partitions[0].err;
}

/* ---- who is trusted */

START_TEST(first_data_of_a_broker_is_trusted_without_a_change)
{
    struct rig *rig = cluster(1, ISR(1, 2, 3));
    fake_zk_remove(rig->zk, "/barnabas/trusted/2");
    rig_register_with(rig, 2, 'x', ZNODE_LOSS_NONE);
    rig_register_with(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    ck_assert_int_eq(trusted(rig, 2), 'x');
    ck_assert_int_eq(fake_zk_version(rig->zk, STATE), 0);
    ck_assert_int_eq(fake_zk_version(rig->zk, "/barnabas/trusted/3"), 0);
    rig_free(rig);
}
END_TEST

START_TEST(parents_are_made_when_missing)
{
    struct rig *rig = cluster(1, ISR(1));
    for (int id = 1; id <= 3; id++) {
        char path[64];
        snprintf(path, sizeof path, "/barnabas/trusted/%d", id);
        fake_zk_remove(rig->zk, path);
    }
    fake_zk_remove(rig->zk, "/barnabas/trusted");
    fake_zk_remove(rig->zk, "/barnabas/standing");
    rig_add_core(rig, 1);
    ck_assert_int_eq(trusted(rig, 1), 'a');
    ck_assert(fake_zk_exists(rig->zk, "/barnabas/standing"));
    rig_free(rig);
}
END_TEST

START_TEST(kafka_broker_is_what_it_always_was)
{
    struct rig *rig = cluster(-1, ISR(3));
    fake_zk_remove(rig->zk, "/barnabas/trusted/3");
    rig_add_core(rig, 1);
    rig_register(rig, 3, NULL);
    rig_run(rig);
    ck_assert_int_eq(leader(rig), 3);
    ck_assert_int_eq(trusted(rig, 3), '-');
    rig_free(rig);
}
END_TEST

START_TEST(incarnation_of_another_registration_does_not_count)
{
    struct rig *rig = cluster(-1, ISR(3));
    rig_register_with(rig, 3, 'x', ZNODE_LOSS_DATA);
    rig_kill(rig, 3);
    rig_register(rig, 3, NULL); /* a Kafka broker under this id */
    rig_add_core(rig, 1);
    ck_assert_int_eq(leader(rig), 3);
    ck_assert_int_eq(trusted(rig, 3), 'c');
    rig_free(rig);
}
END_TEST

START_TEST(incarnation_of_a_start_after_the_registration_that_was_read_counts)
{
    struct rig *rig = cluster(-1, ISR(3));
    rig_register(rig, 3, NULL);
    struct controller_value newer = {.kind = CONTROLLER_VALUE_INCARNATION};
    newer.incarnation.id = rig_data('x');
    fake_zk_put(rig->zk, "/barnabas/brokers/3", &newer);
    rig_add_core(rig, 1);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

START_TEST(trusted_data_that_cannot_be_read_is_replaced)
{
    struct rig *rig = cluster(1, ISR(1));
    fake_zk_spoil(rig->zk, "/barnabas/trusted/1");
    rig_add_core(rig, 1);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(trusted(rig, 1), 'a');
    rig_free(rig);
}
END_TEST

/* ---- who leaves */

START_TEST(broker_with_other_data_leaves_the_isr_at_failover)
{
    struct rig *rig = cluster(2, ISR(2, 1, 3));
    rig_register_with(rig, 2, 'x', ZNODE_LOSS_TAIL);
    rig_register_with(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    ck_assert_int_eq(leader(rig), 1);
    ck_assert(isr_is(rig, "1,3"));
    ck_assert_int_eq(trusted(rig, 2), 'x');
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

START_TEST(others_that_are_down_stay_in_the_isr_of_one_that_lost_data)
{
    struct rig *rig = cluster(-1, ISR(2, 3));
    rig_add_core(rig, 1);
    come(rig, 2, 'x', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    ck_assert(isr_is(rig, "2,3"));
    ck_assert(standing_is(rig, "2x", NULL));
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), 3);
    ck_assert(isr_is(rig, "3"));
    ck_assert(standing_is(rig, NULL, "2x?"));
    rig_free(rig);
}
END_TEST

START_TEST(leader_that_came_back_with_other_data_leads_no_more)
{
    struct rig *rig = cluster(3, ISR(3)); /* so quickly that no controller saw it go */
    rig_register_with(rig, 3, 'x', ZNODE_LOSS_DATA);
    rig_add_core(rig, 1);
    ck_assert_int_eq(leader(rig), -1);
    ck_assert(isr_is(rig, "3"));
    ck_assert(standing_is(rig, "3x", NULL));
    ck_assert_int_eq(trusted(rig, 3), 'x');
    ck_assert_int_eq(controller_kept_offline(rig->cores[0].c), 1);
    rig_free(rig);
}
END_TEST

static struct rig *kept_offline(enum znode_loss loss)
{
    struct rig *rig = cluster(-1, ISR(3));
    rig_register_with(rig, 2, 'b', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    come(rig, 3, 'x', loss);
    ck_assert_int_eq(leader(rig), -1);
    ck_assert(standing_is(rig, "3x", NULL));
    return rig;
}

START_TEST(last_of_the_isr_with_other_data_is_not_elected)
{
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    ck_assert_int_eq(trusted(rig, 3), 'x');
    rig_free(rig);
}
END_TEST

/* Lines of the log that name the event, since log_set_fd. */
static int count_logged(int fd, const char *event)
{
    int count = 0;
    struct buf text = {0};
    char bytes[4096];
    for (ssize_t got; (got = pread(fd, bytes, sizeof bytes, (off_t)text.len)) > 0;)
        buf_put(&text, bytes, (size_t)got);
    for (const char *at = buf_cstr(&text); (at = strstr(at, event)); at++)
        count++;
    buf_close(&text);
    return count;
}

START_TEST(it_is_said_once_until_something_else_is_lost)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    log_set_fd(fileno(file));
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    for (int i = 0; i < 3; i++) {
        go(rig, 2); /* whoever comes makes it elect */
        come(rig, 2, 'b', ZNODE_LOSS_NONE);
    }
    ck_assert_int_eq(count_logged(fileno(file), "kept_offline"), 1);
    go(rig, 3);
    come(rig, 3, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(count_logged(fileno(file), "kept_offline"), 2);
    log_set_fd(STDERR_FILENO);
    fclose(file);
    rig_free(rig);
}
END_TEST

START_TEST(it_is_not_elected_after_another_start_with_that_data)
{
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    go(rig, 3);
    come(rig, 3, 'x', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

START_TEST(it_is_not_elected_by_another_controller)
{
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    change_controller(rig);
    ck_assert_int_eq(leader(rig), -1);
    ck_assert(standing_is(rig, "3x", NULL));
    ck_assert_int_eq(controller_kept_offline(rig->cores[0].c), 1);
    rig_free(rig);
}
END_TEST

START_TEST(it_is_not_elected_when_it_came_back_between_two_looks)
{
    struct rig *rig = cluster(3, ISR(3));
    rig_register_with(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    rig_kill(rig, 3);
    come(rig, 3, 'x', ZNODE_LOSS_DATA);
    ck_assert_int_eq(leader(rig), -1);
    ck_assert(standing_is(rig, "3x", NULL));
    rig_free(rig);
}
END_TEST

START_TEST(it_is_not_elected_after_a_move_was_begun)
{
    int32_t to[] = {1, 3};
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    int32_t before = fake_zk_version(rig->zk, STATE);
    struct controller_move move = {.topic = "t", .replicas = {to, 2}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &move;
    request.alter_reassignments.moves_count = 1;
    rig_request(rig, 0, 50, &request);
    ck_assert_int_gt(fake_zk_version(rig->zk, STATE), before);
    ck_assert(standing_is(rig, "3x", NULL));
    go(rig, 3);
    come(rig, 3, 'x', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

static struct rig *one_lost_of_three(enum znode_loss loss)
{
    struct rig *rig = cluster(2, ISR(2, 1, 3));
    put_min_isr(rig, "3", NULL);
    rig_register_with(rig, 2, 'x', loss);
    rig_register_with(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    ck_assert(isr_is(rig, "1,3"));
    return rig;
}

START_TEST(who_leaves_for_lost_data_is_not_eligible)
{
    struct rig *rig = one_lost_of_three(ZNODE_LOSS_DATA);
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

START_TEST(who_leaves_for_a_lost_tail_is_not_eligible_either_but_waited_for)
{
    struct rig *rig = one_lost_of_three(ZNODE_LOSS_TAIL);
    ck_assert(standing_is(rig, NULL, "2x?"));
    rig_free(rig);
}
END_TEST

START_TEST(losing_data_again_is_written_down_and_never_counts_for_less)
{
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    go(rig, 3);
    come(rig, 3, 'y', ZNODE_LOSS_TAIL);
    ck_assert(standing_is(rig, "3y", NULL));
    ck_assert_int_eq(fake_zk_value(rig->zk, STANDING)->standing.lost[0].loss, ZNODE_LOSS_DATA);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

START_TEST(state_that_somebody_else_wrote_voids_what_was_known)
{
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    rig_take_over(rig); /* by a Kafka controller, which knows nothing of it */
    put_state(rig, 3, ISR(3));
    rig_run(rig);
    fake_zk_close_session(rig->zk, rig->intruder);
    rig_run(rig);
    rig_advance(rig, 10000); /* it was deposed, and waits */
    ck_assert_int_eq(leader(rig), 3);
    ck_assert(!fake_zk_exists(rig->zk, STANDING));
    rig_free(rig);
}
END_TEST

START_TEST(standing_of_an_earlier_topic_of_that_name_does_not_count)
{
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    rig_take_over(rig);
    struct controller_value value = *fake_zk_value(rig->zk, STANDING);
    value.standing.topic_id = rig_data('z');
    fake_zk_put(rig->zk, STANDING, &value);
    rig_run(rig);
    fake_zk_close_session(rig->zk, rig->intruder);
    rig_run(rig);
    rig_advance(rig, 10000); /* it was deposed, and waits */
    ck_assert_int_eq(leader(rig), 3);
    rig_free(rig);
}
END_TEST

START_TEST(only_replica_is_served_as_it_is)
{
    static const int32_t replicas[] = {3};
    struct rig *rig = rig_new();
    rig_put_topic(rig, "t", 1, replicas, 1);
    put_state(rig, -1, ISR(3));
    put_trusted(rig, 3, 'c');
    rig_register_with(rig, 3, 'x', ZNODE_LOSS_TAIL);
    rig_add_core(rig, 3);
    ck_assert_int_eq(leader(rig), 3);
    ck_assert_int_eq(trusted(rig, 3), 'x');
    ck_assert(!fake_zk_exists(rig->zk, STANDING));
    rig_free(rig);
}
END_TEST

/* ---- who is eligible */

START_TEST(steady_state_writes_nothing)
{
    struct rig *rig = cluster_of_all();
    go(rig, 3);
    ck_assert(isr_is(rig, "1,2"));
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

/* 3 fell behind, then 2 died below the minimum, then 1, the last. */
static struct rig *down_to_one(void)
{
    int32_t isr[] = {1, 2};
    struct rig *rig = cluster_of_all();
    rig_add_core(rig, 3); /* controller when 1 is gone */
    ck_assert_int_eq(alter_isr(rig, 1, 1, isr, 2), ERR_NONE);
    ck_assert(standing_is(rig, NULL, NULL));
    go(rig, 2);
    ck_assert(isr_is(rig, "1"));
    ck_assert(standing_is(rig, NULL, "2b"));
    return rig;
}

static void last_one_loses(struct rig *rig, enum znode_loss loss)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    rig_kill(rig, 1);
    rig_feed(rig, 0, &event);
    rig_run(rig);
    ck_assert(controller_is_active(rig->cores[1].c));
    ck_assert(standing_is(rig, NULL, "2b"));
    come(rig, 1, 'x', loss);
}

START_TEST(replica_that_left_below_the_minimum_is_elected_when_the_last_lost_data)
{
    struct rig *rig = down_to_one();
    last_one_loses(rig, ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    ck_assert(standing_is(rig, "1x", "2b"));
    come(rig, 2, 'b', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), 2);
    ck_assert(isr_is(rig, "2"));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_recovery_state, 0);
    ck_assert(standing_is(rig, NULL, "1x?"));
    ck_assert_int_eq(controller_kept_offline(rig->cores[1].c), 0);
    rig_free(rig);
}
END_TEST

START_TEST(standing_goes_along_when_a_partition_is_named_twice)
{
    int32_t isr[] = {2, 1};
    struct rig *rig = cluster(2, ISR(2, 1, 3));
    put_min_isr(rig, "3", NULL);
    rig_register_with(rig, 2, 'b', ZNODE_LOSS_NONE);
    rig_register_with(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    ck_assert_int_eq(alter_isr(rig, 1, 2, isr, 2), ERR_NONE);
    ck_assert(standing_is(rig, NULL, "3c"));
    struct znode_partition items[] = {{.topic = "t"}, {.topic = "t"}};
    struct controller_request request = {.kind = CONTROLLER_ELECT_LEADERS};
    request.elect_leaders.election = CONTROLLER_ELECT_PREFERRED;
    request.elect_leaders.partitions = (struct znode_partitions){items, 2};
    rig_request(rig, 0, 2, &request);
    ck_assert_int_eq(leader(rig), 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_epoch, 7);
    ck_assert(standing_is(rig, NULL, "3c"));
    rig_free(rig);
}
END_TEST

START_TEST(it_is_not_elected_with_other_data_than_it_left_with)
{
    struct rig *rig = down_to_one();
    last_one_loses(rig, ZNODE_LOSS_DATA);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

START_TEST(it_is_not_elected_after_the_minimum_was_changed)
{
    struct rig *rig = down_to_one();
    last_one_loses(rig, ZNODE_LOSS_DATA);
    put_min_isr(rig, "1", NULL); /* 1 alone may have acknowledged since */
    put_min_isr(rig, "2", NULL);
    come(rig, 2, 'b', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

START_TEST(it_is_not_elected_while_the_last_of_the_isr_is_merely_down)
{
    struct rig *rig = down_to_one();
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    rig_kill(rig, 1);
    rig_feed(rig, 0, &event);
    rig_run(rig);
    come(rig, 2, 'b', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), -1);
    come(rig, 1, 'a', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), 1);
    rig_free(rig);
}
END_TEST

START_TEST(isr_at_the_minimum_again_ends_it)
{
    int32_t isr[] = {1, 3};
    struct rig *rig = down_to_one();
    ck_assert_int_eq(alter_isr(rig, 2, 1, isr, 2), ERR_NONE);
    ck_assert(isr_is(rig, "1,3"));
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

START_TEST(leader_that_takes_them_out_below_the_minimum_leaves_them_eligible)
{
    int32_t two[] = {1, 3};
    int32_t one[] = {1};
    struct rig *rig = cluster_of_all();
    ck_assert_int_eq(alter_isr(rig, 1, 1, two, 2), ERR_NONE);
    ck_assert_int_eq(alter_isr(rig, 2, 1, one, 1), ERR_NONE);
    ck_assert(standing_is(rig, NULL, "3c"));
    rig_free(rig);
}
END_TEST

START_TEST(minimum_of_one_leaves_nobody_eligible)
{
    struct rig *rig = cluster_of_all();
    put_min_isr(rig, "1", NULL);
    go(rig, 3);
    go(rig, 2);
    ck_assert(isr_is(rig, "1"));
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

START_TEST(minimum_may_be_the_clusters)
{
    struct rig *rig = cluster_of_all();
    struct znode_config_entry entry = {"min.insync.replicas", "3"};
    struct controller_value config = {.kind = CONTROLLER_VALUE_CONFIG, .config = {&entry, 1}};
    fake_zk_put(rig->zk, "/config/brokers/<default>", &config);
    fake_zk_remove(rig->zk, "/config/topics/t");
    go(rig, 3);
    ck_assert(standing_is(rig, NULL, "3c"));
    rig_free(rig);
}
END_TEST

START_TEST(topic_takes_it_along_when_it_is_deleted)
{
    struct rig *rig = down_to_one();
    come(rig, 2, 'b', ZNODE_LOSS_NONE);
    ck_assert(fake_zk_exists(rig->zk, STANDING));
    rig_delete_topic(rig, "t");
    rig_run(rig);
    ck_assert(!fake_zk_exists(rig->zk, "/brokers/topics/t"));
    ck_assert(!fake_zk_exists(rig->zk, STANDING));
    rig_free(rig);
}
END_TEST

START_TEST(replica_that_was_moved_away_is_not_eligible_when_it_comes_again)
{
    int32_t to[] = {1, 3};
    int32_t back[] = {1, 2, 3};
    struct rig *rig = down_to_one();
    struct controller_move move = {.topic = "t", .replicas = {to, 2}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &move;
    request.alter_reassignments.moves_count = 1;
    rig_request(rig, 0, 50, &request);
    ck_assert(standing_is(rig, NULL, NULL));
    move.replicas = (struct znode_ids){back, 3};
    rig_request(rig, 0, 51, &request);
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

/* ---- the power of a whole room */

/* All of it was down; broker 4, which holds nothing, is the controller. */
static struct rig *room(const int32_t *isr, int count)
{
    struct rig *rig = cluster(-1, isr, count);
    rig_kill(rig, 1);
    rig_register(rig, 4, NULL);
    rig_add_core(rig, 4);
    for (int id = 1; id <= 3; id++) {
        rig->end_epoch[id] = 6;
        rig->end_offset[id] = 100 + id;
    }
    rig->end_offset[2] = 200;
    return rig;
}

/* For whoever need not be there. */
static void wait_it_out(struct rig *rig)
{
    ck_assert_int_eq(leader(rig), -1);
    rig_advance(rig, RIG_LOG_WAIT_MS);
}

START_TEST(longest_log_leads_when_the_last_of_the_isr_is_back)
{
    struct rig *rig = room(ISR(1, 2, 3));
    come(rig, 3, 'z', ZNODE_LOSS_TAIL);
    ck_assert(isr_is(rig, "1,2,3"));
    ck_assert(standing_is(rig, "3z", NULL));
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    ck_assert_int_eq(controller_kept_offline(rig->cores[0].c), 1);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 2);
    ck_assert(isr_is(rig, "2"));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_recovery_state, 1);
    ck_assert_int_eq(controller_kept_offline(rig->cores[0].c), 0);
    ck_assert(standing_is(rig, NULL, "1x?3z?"));
    ck_assert_uint_lt(rig_place(rig, "LeaderAndIsr broker=2 t-0 leader=-1"),
                      rig_place(rig, "Ends broker=2 t-0"));
    int32_t two[] = {2, 3};
    ck_assert_int_eq(alter_isr(rig, 60, 2, two, 2), ERR_NONE);
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

START_TEST(it_leads_after_any_number_of_cuts)
{
    struct rig *rig = room(ISR(1, 2, 3));
    for (int cut = 0; cut < 3; cut++) {
        for (int id = 3; id >= 1; id--)
            come(rig, id, (char)('k' + 3 * cut + id), ZNODE_LOSS_TAIL);
        ck_assert_int_eq(leader(rig), 2);
        for (int id = 1; id <= 3; id++)
            go(rig, id);
    }
    come(rig, 2, 'v', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1); /* the others may have more than what is left there */
    come(rig, 1, 'w', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    come(rig, 3, 'x', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

static struct rig *led_by_the_longest(void)
{
    struct rig *rig = room(ISR(1, 2));
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 2);
    ck_assert(standing_is(rig, NULL, "1x?"));
    return rig;
}

START_TEST(logs_are_asked_for_again_when_somebody_led_meanwhile)
{
    struct rig *rig = led_by_the_longest();
    rig->end_offset[3] = 300; /* it followed */
    go(rig, 2);
    come(rig, 2, 'z', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 3);
    rig_free(rig);
}
END_TEST

START_TEST(end_of_a_log_that_is_told_when_somebody_leads_is_no_more_its_end)
{
    struct rig *rig = room(ISR(1, 2));
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig->holds_ends[3] = true;
    rig->end_offset[3] = 5000;
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    elect_unclean(rig);
    ck_assert_int_eq(leader(rig), 2);
    rig->holds_ends[3] = false;
    rig_release_ends(rig, ERR_NONE);
    rig->end_offset[3] = 150; /* it has cut its log to that of 2 */
    go(rig, 2);
    come(rig, 2, 'z', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

START_TEST(unclean_election_takes_the_longest_of_those_that_are_there)
{
    struct rig *rig = room(ISR(1, 2, 3));
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    elect_unclean(rig);
    ck_assert_int_eq(leader(rig), 2);
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

START_TEST(shorter_log_is_not_taken_for_a_complete_one)
{
    struct rig *rig = led_by_the_longest();
    go(rig, 2);
    come(rig, 2, 'z', ZNODE_LOSS_DATA);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

START_TEST(member_that_lost_nothing_leads_when_it_comes_and_the_others_leave)
{
    struct rig *rig = room(ISR(1, 2, 3));
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), 3);
    ck_assert(isr_is(rig, "3"));
    ck_assert(standing_is(rig, NULL, "1x?2y?"));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_recovery_state, 0);
    rig_free(rig);
}
END_TEST

START_TEST(member_that_lost_its_tail_leaves_an_isr_that_somebody_whole_is_in)
{
    struct rig *rig = cluster(1, ISR(1, 2, 3));
    rig_register_with(rig, 2, 'y', ZNODE_LOSS_TAIL);
    rig_add_core(rig, 1);
    ck_assert_int_eq(leader(rig), 1);
    ck_assert(isr_is(rig, "1"));
    ck_assert(standing_is(rig, NULL, "3c"));
    rig_free(rig);
}
END_TEST

START_TEST(session_that_outlives_its_machine_costs_no_more_than_its_time)
{
    struct rig *rig = cluster(2, ISR(1, 2));
    rig_kill(rig, 1);
    rig_register_with(rig, 1, 'x', ZNODE_LOSS_TAIL);
    rig_register_with(rig, 2, 'b', ZNODE_LOSS_NONE); /* it is down: its session is all there is */
    rig_register(rig, 4, NULL);
    rig_add_core(rig, 4);
    ck_assert_int_eq(leader(rig), 2);
    ck_assert(isr_is(rig, "2"));
    ck_assert(standing_is(rig, NULL, "1x?"));
    go(rig, 2);
    ck_assert_int_eq(leader(rig), -1);
    rig->end_offset[1] = 10;
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    wait_it_out(rig);
    ck_assert_int_eq(leader(rig), 1); /* without 3 */
    rig_free(rig);
}
END_TEST

START_TEST(lost_disk_leaves_the_isr_to_those_that_lost_their_tails)
{
    struct rig *rig = room(ISR(1, 2, 3));
    come(rig, 2, 'y', ZNODE_LOSS_DATA);
    ck_assert(isr_is(rig, "1,3"));
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    go(rig, 2);
    come(rig, 3, 'z', ZNODE_LOSS_TAIL);
    wait_it_out(rig);
    ck_assert_int_eq(leader(rig), 3);
    rig_free(rig);
}
END_TEST

START_TEST(lost_disk_that_comes_last_leaves_it_too)
{
    struct rig *rig = room(ISR(1, 2));
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    rig->end_offset[2] = 0;
    come(rig, 2, 'y', ZNODE_LOSS_DATA);
    ck_assert(isr_is(rig, "1"));
    ck_assert(standing_is(rig, "1x", NULL));
    ck_assert_int_eq(leader(rig), -1);
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), 3); /* not of the ISR, but it has what 1 lost */
    rig_free(rig);
}
END_TEST

START_TEST(nobody_leads_automatically_where_all_lost_their_disks)
{
    struct rig *rig = room(ISR(1, 2));
    rig_register_with(rig, 1, 'x', ZNODE_LOSS_DATA);
    rig_register_with(rig, 2, 'y', ZNODE_LOSS_DATA);
    rig_register_with(rig, 3, 'z', ZNODE_LOSS_DATA);
    rig_run(rig);
    ck_assert_int_eq(leader(rig), -1);
    rig_free(rig);
}
END_TEST

START_TEST(last_ones_that_lost_their_tails_wait_for_the_eligible_one)
{
    struct rig *rig = down_to_one(); /* 2 is eligible, 3 there */
    rig->end_epoch[1] = rig->end_epoch[2] = 6;
    rig->end_offset[1] = 50;
    rig->end_offset[2] = 40;
    last_one_loses(rig, ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 1);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_recovery_state, 1);
    rig_free(rig);
}
END_TEST

START_TEST(eligible_one_that_lost_its_disk_since_does_not_stand_for_all)
{
    struct rig *rig = room(ISR(1, 2));
    come(rig, 1, 'a', ZNODE_LOSS_NONE);
    ck_assert(standing_is(rig, NULL, "2b"));
    go(rig, 1);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    rig->end_offset[2] = 0;
    come(rig, 2, 'y', ZNODE_LOSS_DATA);
    ck_assert_int_eq(leader(rig), -1);
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), 3);
    rig_free(rig);
}
END_TEST

START_TEST(kafka_broker_is_not_asked_for_its_log)
{
    struct rig *rig = room(ISR(1, 2));
    rig->end_offset[3] = 900;
    rig_register(rig, 3, NULL);
    rig_run(rig);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 2);
    ck_assert(!rig_saw(rig, "Ends broker=3"));
    rig_free(rig);
}
END_TEST

START_TEST(member_that_shows_no_log_keeps_the_partition_offline)
{
    struct rig *rig = room(ISR(1, 2));
    rig->end_err[1] = ERR_KAFKA_STORAGE_ERROR;
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert(rig_saw(rig, "Ends broker=1"));
    ck_assert_int_eq(leader(rig), -1);
    rig->end_err[1] = ERR_NONE; /* it is started again */
    go(rig, 1);
    come(rig, 1, 'x', ZNODE_LOSS_NONE);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

START_TEST(logs_are_asked_for_again_by_the_next_controller)
{
    struct rig *rig = room(ISR(1, 2));
    rig->mood[1] = RIG_SILENT;
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    rig->mood[1] = RIG_ANSWERS;
    change_controller(rig);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

START_TEST(unreachable_member_is_asked_again)
{
    struct rig *rig = room(ISR(1, 2));
    rig->mood[1] = RIG_UNREACHABLE;
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    rig->mood[1] = RIG_ANSWERS;
    rig_advance(rig, 1000);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

/* ---- others than the ISR: the longest log may be with one that left it when it was large enough */

/* 1 and 2 have lost their tails and are back; 3 is not of the ISR, and its log is the longest. */
static struct rig *without_the_third(enum rig_mood mood, bool is_there)
{
    struct rig *rig = room(ISR(1, 2));
    rig->mood[3] = mood;
    rig->end_offset[3] = 900;
    if (is_there)
        come(rig, 3, 'c', ZNODE_LOSS_NONE);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), -1);
    return rig;
}

START_TEST(replica_that_is_not_of_the_isr_leads_where_its_log_is_the_longest)
{
    for (int loss = ZNODE_LOSS_NONE; loss <= ZNODE_LOSS_TAIL; loss++) {
        struct rig *rig = without_the_third(RIG_ANSWERS, false);
        rig_advance(rig, RIG_LOG_WAIT_MS - 1);
        ck_assert_int_eq(leader(rig), -1);
        come(rig, 3, loss == ZNODE_LOSS_NONE ? 'c' : 'z', (enum znode_loss)loss);
        ck_assert_int_eq(leader(rig), 3);
        ck_assert(isr_is(rig, "3"));
        ck_assert(standing_is(rig, NULL, "1x?2y?"));
        rig_free(rig);
    }
}
END_TEST

START_TEST(nobody_waits_for_it_for_ever)
{
    static const enum rig_mood moods[] = {RIG_ANSWERS, RIG_SILENT, RIG_UNREACHABLE};
    for (size_t i = 0; i < ARRAY_LEN(moods); i++) {
        struct rig *rig = without_the_third(moods[i], moods[i] != RIG_ANSWERS);
        rig_advance(rig, RIG_LOG_WAIT_MS - 1);
        ck_assert_int_eq(leader(rig), -1);
        rig_advance(rig, 1);
        ck_assert_int_eq(leader(rig), 2);
        rig_free(rig);
    }
}
END_TEST

START_TEST(it_is_asked_again_when_the_connection_breaks)
{
    struct rig *rig = without_the_third(RIG_UNREACHABLE, true);
    rig->mood[3] = RIG_ANSWERS;
    rig_advance(rig, 1000);
    ck_assert_int_eq(leader(rig), 3);
    rig_free(rig);
}
END_TEST

START_TEST(wait_begins_anew_when_a_member_goes_and_comes)
{
    struct rig *rig = without_the_third(RIG_ANSWERS, false);
    rig_advance(rig, RIG_LOG_WAIT_MS / 2);
    go(rig, 2);
    rig_advance(rig, RIG_LOG_WAIT_MS);
    ck_assert_int_eq(leader(rig), -1);
    come(rig, 2, 'z', ZNODE_LOSS_TAIL);
    rig_advance(rig, RIG_LOG_WAIT_MS - 1);
    ck_assert_int_eq(leader(rig), -1);
    rig_advance(rig, 1);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

START_TEST(next_controller_waits_from_the_beginning)
{
    struct rig *rig = without_the_third(RIG_ANSWERS, false);
    rig_advance(rig, RIG_LOG_WAIT_MS - 1);
    change_controller(rig);
    rig_advance(rig, RIG_LOG_WAIT_MS / 2);
    ck_assert_int_eq(leader(rig), -1);
    wait_it_out(rig);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

START_TEST(operator_need_not_wait_for_it)
{
    struct rig *rig = without_the_third(RIG_ANSWERS, false);
    elect_unclean(rig);
    ck_assert_int_eq(leader(rig), 2);
    rig_free(rig);
}
END_TEST

/* ---- what an operator can do */

START_TEST(unclean_election_takes_one_that_fell_behind_rather_than_an_empty_one)
{
    struct rig *rig = kept_offline(ZNODE_LOSS_DATA);
    elect_unclean(rig);
    ck_assert_int_eq(leader(rig), 1);
    ck_assert(isr_is(rig, "1"));
    ck_assert(standing_is(rig, NULL, NULL));
    ck_assert_int_eq(controller_kept_offline(rig->cores[0].c), 0);
    rig_free(rig);
}
END_TEST

START_TEST(unclean_election_takes_one_that_lost_its_tail_rather_than_one_that_fell_behind)
{
    struct rig *rig = cluster(-1, ISR(3));
    rig_add_core(rig, 1);
    come(rig, 3, 'x', ZNODE_LOSS_TAIL); /* 2 might have more */
    ck_assert_int_eq(leader(rig), -1);
    elect_unclean(rig);
    ck_assert_int_eq(leader(rig), 3);
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader_recovery_state, 1);
    ck_assert(standing_is(rig, NULL, NULL));
    rig_free(rig);
}
END_TEST

START_TEST(topic_that_allows_unclean_election_is_not_kept_offline)
{
    struct rig *rig = cluster(-1, ISR(3));
    put_min_isr(rig, "2", "true");
    rig_add_core(rig, 1);
    come(rig, 3, 'x', ZNODE_LOSS_TAIL);
    ck_assert_int_eq(leader(rig), 1); /* before 3 came; it stays */
    rig_free(rig);
}
END_TEST

/* ---- faults */

/* 2 leaves below the minimum, 3 comes back with other data as the last of another partition. */
static void tell(struct rig *rig)
{
    static const int32_t replicas[] = {1, 2, 3};
    rig_put_topic(rig, "t", 1, replicas, 3);
    put_min_isr(rig, "3", NULL);
    put_state(rig, 3, (int32_t[]){3, 2}, 2);
    for (int id = 1; id <= 3; id++)
        put_trusted(rig, id, "abc"[id - 1]);
    rig_register_with(rig, 1, 'a', ZNODE_LOSS_NONE);
    rig_register_with(rig, 2, 'b', ZNODE_LOSS_NONE);
    rig_register_with(rig, 3, 'c', ZNODE_LOSS_NONE);
    rig_add_core(rig, 1);
    go(rig, 2); /* eligible from here on */
    go(rig, 3);
    come(rig, 3, 'x', ZNODE_LOSS_DATA);
}

static void check_end(struct rig *rig, int at)
{
    ck_assert_msg(leader(rig) == -1, "operation %d: %d leads", at, leader(rig));
    ck_assert_msg(standing_is(rig, "3x", "2b"), "operation %d", at);
    ck_assert_msg(trusted(rig, 3) == 'x', "operation %d", at);
    come(rig, 2, 'b', ZNODE_LOSS_NONE);
    ck_assert_msg(leader(rig) == 2, "operation %d: %d leads", at, leader(rig));
}

START_TEST(controller_that_dies_anywhere_leaves_the_rest_to_the_next)
{
    for (int at = 0;; at++) {
        struct rig *rig = rig_new();
        rig->take_over_at = at;
        rig_register(rig, 4, NULL);
        tell(rig);
        bool happened = rig->intruder != 0;
        rig->take_over_at = -1;
        if (happened) {
            ck_assert_int_eq(fake_zk_changes(rig->zk, rig->cores[0].session), rig->changes_at_take_over);
            fake_zk_close_session(rig->zk, rig->intruder);
            rig_run(rig);
            rig_advance(rig, 10000); /* it was deposed, and waits */
            ck_assert(controller_is_active(rig->cores[0].c));
        }
        /* Where it was cut before 2 left the ISR, 2 is in it still, and leads when it comes. */
        if (happened && !isr_is(rig, "3")) {
            ck_assert_msg(leader(rig) != 3, "operation %d: who lost data leads", at);
            come(rig, 2, 'b', ZNODE_LOSS_NONE);
            ck_assert_msg(leader(rig) == 2, "operation %d: %d leads", at, leader(rig));
            ck_assert_int_eq(trusted(rig, 3), 'x');
        } else
            check_end(rig, at);
        rig_free(rig);
        if (!happened) {
            ck_assert_int_gt(at, 40);
            break;
        }
    }
}
END_TEST

static void sweep_lost_answers(bool applied)
{
    for (int at = 0;; at++) {
        struct rig *rig = rig_new();
        rig->lose_at = at;
        rig->lose_applied = applied;
        tell(rig);
        bool happened = rig->writes_done > at;
        check_end(rig, at);
        rig_free(rig);
        if (!happened)
            break;
    }
}

START_TEST(write_whose_answer_was_lost_changes_nothing)
{
    sweep_lost_answers(true);
    sweep_lost_answers(false);
}
END_TEST

/* All of the ISR loses its tail, and 2 has the longest log. */
static void lose_power(struct rig *rig)
{
    static const int32_t replicas[] = {1, 2, 3};
    rig_put_topic(rig, "t", 1, replicas, 3);
    put_min_isr(rig, "2", NULL);
    put_state(rig, 1, (int32_t[]){1, 2}, 2);
    for (int id = 1; id <= 3; id++)
        put_trusted(rig, id, "abc"[id - 1]);
    rig->end_offset[1] = 100;
    rig->end_offset[2] = 200;
    rig_register(rig, 4, NULL);
    rig_add_core(rig, 4);
    come(rig, 3, 'c', ZNODE_LOSS_NONE);
    come(rig, 1, 'x', ZNODE_LOSS_TAIL);
    come(rig, 2, 'y', ZNODE_LOSS_TAIL);
}

static void check_longest_leads(struct rig *rig, int at)
{
    ck_assert_msg(leader(rig) == 2 && isr_is(rig, "2"), "operation %d: %d leads", at, leader(rig));
    ck_assert_msg(standing_is(rig, NULL, "1x?"), "operation %d", at);
    ck_assert_msg(trusted(rig, 1) == 'x' && trusted(rig, 2) == 'y', "operation %d", at);
    rig_free(rig);
}

START_TEST(longest_log_leads_wherever_a_controller_died_or_an_answer_was_lost)
{
    bool happened = true;
    for (int at = 0; happened; at++) {
        struct rig *rig = rig_new();
        rig->take_over_at = at;
        lose_power(rig);
        happened = rig->intruder != 0;
        rig->take_over_at = -1;
        if (happened) {
            fake_zk_close_session(rig->zk, rig->intruder);
            rig_run(rig);
            rig_advance(rig, 10000); /* it was deposed, and waits */
        } else
            ck_assert_int_gt(at, 40);
        check_longest_leads(rig, at);
    }
    for (int kind = 0; kind < 2; kind++) {
        happened = true;
        for (int at = 0; happened; at++) {
            struct rig *rig = rig_new();
            rig->lose_at = at;
            rig->lose_applied = kind;
            lose_power(rig);
            happened = rig->writes_done > at;
            check_longest_leads(rig, at);
        }
    }
}
END_TEST

START_TEST(standing_that_somebody_deleted_does_not_stop_the_controller)
{
    struct rig *rig = down_to_one();
    fake_zk_remove(rig->zk, STANDING);
    go(rig, 3);
    int32_t isr[] = {1, 2};
    come(rig, 2, 'b', ZNODE_LOSS_NONE);
    alter_isr(rig, 60, 1, isr, 2);
    rig_advance(rig, 60000);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(alter_isr(rig, 61, 1, isr, 2), ERR_NONE);
    ck_assert(isr_is(rig, "1,2"));
    rig_free(rig);
}
END_TEST

Suite *trust_suite(void)
{
    Suite *suite = suite_create("trust");
    TCase *tcase = tcase_create("trust");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, first_data_of_a_broker_is_trusted_without_a_change);
    tcase_add_test(tcase, parents_are_made_when_missing);
    tcase_add_test(tcase, kafka_broker_is_what_it_always_was);
    tcase_add_test(tcase, incarnation_of_another_registration_does_not_count);
    tcase_add_test(tcase, incarnation_of_a_start_after_the_registration_that_was_read_counts);
    tcase_add_test(tcase, trusted_data_that_cannot_be_read_is_replaced);
    tcase_add_test(tcase, broker_with_other_data_leaves_the_isr_at_failover);
    tcase_add_test(tcase, others_that_are_down_stay_in_the_isr_of_one_that_lost_data);
    tcase_add_test(tcase, leader_that_came_back_with_other_data_leads_no_more);
    tcase_add_test(tcase, last_of_the_isr_with_other_data_is_not_elected);
    tcase_add_test(tcase, it_is_said_once_until_something_else_is_lost);
    tcase_add_test(tcase, it_is_not_elected_after_another_start_with_that_data);
    tcase_add_test(tcase, it_is_not_elected_by_another_controller);
    tcase_add_test(tcase, it_is_not_elected_when_it_came_back_between_two_looks);
    tcase_add_test(tcase, it_is_not_elected_after_a_move_was_begun);
    tcase_add_test(tcase, who_leaves_for_lost_data_is_not_eligible);
    tcase_add_test(tcase, who_leaves_for_a_lost_tail_is_not_eligible_either_but_waited_for);
    tcase_add_test(tcase, losing_data_again_is_written_down_and_never_counts_for_less);
    tcase_add_test(tcase, state_that_somebody_else_wrote_voids_what_was_known);
    tcase_add_test(tcase, standing_of_an_earlier_topic_of_that_name_does_not_count);
    tcase_add_test(tcase, only_replica_is_served_as_it_is);
    tcase_add_test(tcase, steady_state_writes_nothing);
    tcase_add_test(tcase, replica_that_left_below_the_minimum_is_elected_when_the_last_lost_data);
    tcase_add_test(tcase, standing_goes_along_when_a_partition_is_named_twice);
    tcase_add_test(tcase, it_is_not_elected_with_other_data_than_it_left_with);
    tcase_add_test(tcase, it_is_not_elected_after_the_minimum_was_changed);
    tcase_add_test(tcase, it_is_not_elected_while_the_last_of_the_isr_is_merely_down);
    tcase_add_test(tcase, isr_at_the_minimum_again_ends_it);
    tcase_add_test(tcase, leader_that_takes_them_out_below_the_minimum_leaves_them_eligible);
    tcase_add_test(tcase, minimum_of_one_leaves_nobody_eligible);
    tcase_add_test(tcase, minimum_may_be_the_clusters);
    tcase_add_test(tcase, topic_takes_it_along_when_it_is_deleted);
    tcase_add_test(tcase, replica_that_was_moved_away_is_not_eligible_when_it_comes_again);
    tcase_add_test(tcase, longest_log_leads_when_the_last_of_the_isr_is_back);
    tcase_add_test(tcase, it_leads_after_any_number_of_cuts);
    tcase_add_test(tcase, logs_are_asked_for_again_when_somebody_led_meanwhile);
    tcase_add_test(tcase, end_of_a_log_that_is_told_when_somebody_leads_is_no_more_its_end);
    tcase_add_test(tcase, unclean_election_takes_the_longest_of_those_that_are_there);
    tcase_add_test(tcase, shorter_log_is_not_taken_for_a_complete_one);
    tcase_add_test(tcase, member_that_lost_nothing_leads_when_it_comes_and_the_others_leave);
    tcase_add_test(tcase, member_that_lost_its_tail_leaves_an_isr_that_somebody_whole_is_in);
    tcase_add_test(tcase, session_that_outlives_its_machine_costs_no_more_than_its_time);
    tcase_add_test(tcase, lost_disk_leaves_the_isr_to_those_that_lost_their_tails);
    tcase_add_test(tcase, lost_disk_that_comes_last_leaves_it_too);
    tcase_add_test(tcase, nobody_leads_automatically_where_all_lost_their_disks);
    tcase_add_test(tcase, last_ones_that_lost_their_tails_wait_for_the_eligible_one);
    tcase_add_test(tcase, eligible_one_that_lost_its_disk_since_does_not_stand_for_all);
    tcase_add_test(tcase, kafka_broker_is_not_asked_for_its_log);
    tcase_add_test(tcase, member_that_shows_no_log_keeps_the_partition_offline);
    tcase_add_test(tcase, logs_are_asked_for_again_by_the_next_controller);
    tcase_add_test(tcase, unreachable_member_is_asked_again);
    tcase_add_test(tcase, replica_that_is_not_of_the_isr_leads_where_its_log_is_the_longest);
    tcase_add_test(tcase, nobody_waits_for_it_for_ever);
    tcase_add_test(tcase, it_is_asked_again_when_the_connection_breaks);
    tcase_add_test(tcase, wait_begins_anew_when_a_member_goes_and_comes);
    tcase_add_test(tcase, next_controller_waits_from_the_beginning);
    tcase_add_test(tcase, operator_need_not_wait_for_it);
    tcase_add_test(tcase, unclean_election_takes_one_that_fell_behind_rather_than_an_empty_one);
    tcase_add_test(tcase, unclean_election_takes_one_that_lost_its_tail_rather_than_one_that_fell_behind);
    tcase_add_test(tcase, topic_that_allows_unclean_election_is_not_kept_offline);
    tcase_add_test(tcase, controller_that_dies_anywhere_leaves_the_rest_to_the_next);
    tcase_add_test(tcase, write_whose_answer_was_lost_changes_nothing);
    tcase_add_test(tcase, longest_log_leads_wherever_a_controller_died_or_an_answer_was_lost);
    tcase_add_test(tcase, standing_that_somebody_deleted_does_not_stop_the_controller);
    suite_add_tcase(suite, tcase);
    return suite;
}
