/*
 * An ISR written into ZooKeeper by its leader, on a ZooKeeper that loses answers.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake/fake_clock.h"
#include "port/zk.h"
#include "service/replica/isr_znodes.h"
#include "suites.h"
#include "zk/znode_json.h"

#define STATE "/brokers/topics/t/partitions/3/state"

/* One state znode, and the notifications. */
struct scripted {
    struct zk zk;
    char *data; /* NULL = no such znode */
    int32_t version;
    enum err lost; /* answers to the next writes, which are done nevertheless */
    int lost_count;
    enum err refused; /* these are not done */
    int refused_count;
    int sets;
    int announcements;
    char announced[256];
};

static struct zk_result set_state(struct scripted *zk, const struct zk_op *op)
{
    zk->sets++;
    ck_assert_str_eq(op->path, STATE);
    if (zk->refused_count > 0 && zk->refused_count--)
        return (struct zk_result){.err = zk->refused};
    if (!zk->data)
        return (struct zk_result){.err = ERR_NOT_FOUND};
    if (op->version != zk->version)
        return (struct zk_result){.err = ERR_BAD_VERSION};
    free(zk->data);
    zk->data = view_to_cstr(op->data);
    zk->version++;
    if (zk->lost_count > 0 && zk->lost_count--)
        return (struct zk_result){.err = zk->lost};
    return (struct zk_result){.stat = {.version = zk->version}};
}

static void submit(struct zk *base, const struct zk_op *op, zk_done_fn done, void *arg)
{
    struct scripted *zk = CONTAINER_OF(base, struct scripted, zk);
    struct zk_result result = {.err = ERR_NOT_FOUND};
    if (op->kind == ZK_OP_SET) {
        result = set_state(zk, op);
    } else if (op->kind == ZK_OP_GET && zk->data) {
        result = (struct zk_result){.data = view_str(zk->data), .stat = {.version = zk->version}};
    } else if (op->kind == ZK_OP_CREATE) {
        ck_assert(op->sequential);
        ck_assert_str_eq(op->path, "/isr_change_notification/isr_change_");
        zk->announcements++;
        snprintf(zk->announced, sizeof zk->announced, "%.*s", VIEW_FMT(op->data));
        result = (struct zk_result){.err = zk->lost_count > 0 && zk->lost_count-- ? zk->lost : ERR_NONE};
    }
    done(arg, &result);
}

static int64_t no_session(struct zk *zk)
{
    (void)zk;
    return 0;
}

static const struct zk_ops OPS = {.submit = submit, .session_id = no_session};

static struct scripted zk;
static struct fake_clock clock_of_test;
static struct loop *loop;
static struct broker broker;
static struct isr_znodes *znodes;
static int32_t ids[] = {1, 2};
static bool is_done;

static const struct znode_state WANTED = {
    .leader = 1, .leader_epoch = 7, .controller_epoch = 4, .isr = {ids, 2}};

static void put_state(const struct znode_state *state, int32_t version)
{
    struct buf json = {0};
    znode_encode_state(state, &json);
    free(zk.data);
    zk.data = view_to_cstr(buf_view(&json));
    zk.version = version;
    buf_close(&json);
}

static void setup(void)
{
    struct errmsg why;
    zk = (struct scripted){.zk = {.ops = &OPS}};
    const struct znode_state before = {
        .leader = 1, .leader_epoch = 7, .controller_epoch = 4, .isr = {ids, 1}};
    put_state(&before, 5);
    fake_clock_init(&clock_of_test, 1000000);
    loop = loop_new("zk", &clock_of_test.clock, &why);
    broker = (struct broker){.zk = &zk.zk, .zk_loop = loop};
    znodes = isr_znodes_new(&broker);
}

static void teardown(void)
{
    isr_znodes_free(znodes);
    loop_free(loop);
    free(zk.data);
}

static void written(struct isr_write *write, bool discard)
{
    (void)write;
    ck_assert(!discard);
    is_done = true;
}

/* Gives the outcome. */
static enum err do_write(int32_t version, int32_t *new_version)
{
    struct isr_write write = {
        .topic = "t", .partition = 3, .state = WANTED, .version = version, .home = loop, .done = written};
    is_done = false;
    isr_znodes_write(znodes, &write);
    for (int turn = 0; turn < 20 && !is_done; turn++)
        loop_turn(loop, false);
    ck_assert(is_done);
    if (new_version)
        *new_version = write.new_version;
    return write.err;
}

static void pass_ms(int64_t ms)
{
    for (int64_t step = 0; step < ms; step += 500) {
        fake_clock_advance_ms(&clock_of_test, 500);
        loop_turn(loop, false);
    }
}

START_TEST(written_at_the_version_that_the_leader_knows)
{
    int32_t version;
    ck_assert_int_eq(do_write(5, &version), ERR_NONE);
    ck_assert_int_eq(version, 6);
    ck_assert_ptr_nonnull(strstr(zk.data, "[1,2]"));
}
END_TEST

START_TEST(what_somebody_else_wrote_stays)
{
    const struct znode_state other = {.leader = 2, .leader_epoch = 8, .controller_epoch = 4, .isr = {ids, 2}};
    put_state(&other, 6);
    ck_assert_int_eq(do_write(5, NULL), ERR_INVALID_UPDATE_VERSION);
    ck_assert_int_eq(zk.version, 6);
    pass_ms(70000);
    ck_assert_int_eq(zk.announcements, 0);
}
END_TEST

START_TEST(write_whose_answer_was_lost_is_found_to_be_done)
{
    int32_t version;
    zk.lost = ERR_CONNECTION_LOSS;
    zk.lost_count = 1;
    ck_assert_int_eq(do_write(5, &version), ERR_NONE);
    ck_assert_int_eq(version, 6);
    ck_assert_int_eq(zk.version, 6);
}
END_TEST

START_TEST(write_that_was_not_done_before_the_session_ended_is_done_under_the_next)
{
    int32_t version;
    zk.refused = ERR_SESSION_EXPIRED;
    zk.refused_count = 2;
    ck_assert_int_eq(do_write(5, &version), ERR_NONE);
    ck_assert_int_eq(version, 6);
    ck_assert_int_eq(zk.sets, 3);
}
END_TEST

START_TEST(partition_without_a_state_is_unknown)
{
    free(zk.data);
    zk.data = NULL;
    ck_assert_int_eq(do_write(5, NULL), ERR_UNKNOWN_TOPIC_OR_PARTITION);
}
END_TEST

/* At a look, every 2.5 s, when nothing was written for five seconds, or announced for a minute. */
START_TEST(what_was_written_is_announced_once_when_it_has_been_quiet)
{
    ck_assert_int_eq(do_write(5, NULL), ERR_NONE);
    pass_ms(3000);
    ck_assert_int_eq(zk.announcements, 1);
    ck_assert_str_eq(zk.announced, "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":3}]}");
    ck_assert_int_eq(do_write(6, NULL), ERR_NONE);
    ck_assert_int_eq(do_write(7, NULL), ERR_NONE);
    pass_ms(4500);
    ck_assert_int_eq(zk.announcements, 1);
    pass_ms(1000);
    ck_assert_int_eq(zk.announcements, 2);
    pass_ms(70000);
    ck_assert_int_eq(zk.announcements, 2);
}
END_TEST

START_TEST(announcement_that_failed_is_made_again)
{
    ck_assert_int_eq(do_write(5, NULL), ERR_NONE);
    zk.lost = ERR_SESSION_EXPIRED;
    zk.lost_count = 1;
    pass_ms(3000);
    ck_assert_int_eq(zk.announcements, 1);
    pass_ms(2500);
    ck_assert_int_eq(zk.announcements, 2);
    pass_ms(70000);
    ck_assert_int_eq(zk.announcements, 2);
}
END_TEST

Suite *isr_znodes_suite(void)
{
    Suite *suite = suite_create("isr_znodes");
    TCase *tcase = tcase_create("writes");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, written_at_the_version_that_the_leader_knows);
    tcase_add_test(tcase, what_somebody_else_wrote_stays);
    tcase_add_test(tcase, write_whose_answer_was_lost_is_found_to_be_done);
    tcase_add_test(tcase, write_that_was_not_done_before_the_session_ended_is_done_under_the_next);
    tcase_add_test(tcase, partition_without_a_state_is_unknown);
    tcase_add_test(tcase, what_was_written_is_announced_once_when_it_has_been_quiet);
    tcase_add_test(tcase, announcement_that_failed_is_made_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
