/*
 * Calls that a thread waits for, on a ZooKeeper that says what it is told to say.
 */
#include <string.h>

#include "disk/posix_clock.h"
#include "suites.h"
#include "zk/sync.h"

/* Fails the first `failures` operations of each kind. */
struct scripted {
    struct zk zk;
    enum err err;
    int failures;
    int asked[ZK_OP_MULTI + 1];
};

static void answer(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    struct scripted *scripted = CONTAINER_OF(zk, struct scripted, zk);
    bool fails = scripted->asked[op->kind]++ < scripted->failures;
    struct zk_result result = {.err = fails ? scripted->err : ERR_NONE,
                               .data = fails ? VIEW_NULL : view_str("here")};
    done(arg, &result);
}

static int64_t no_session(struct zk *zk)
{
    (void)zk;
    return 0;
}

static const struct zk_ops OPS = {.submit = answer, .session_id = no_session};

struct rig {
    struct clock clock;
    struct loop *loop;
    struct scripted scripted;
    struct zk_sync sync;
    struct arena arena;
    struct errmsg why;
};

static void rig_open(struct rig *rig, enum err err, int failures)
{
    *rig = (struct rig){.clock = clock_posix(),
                        .scripted = {.zk = {.ops = &OPS}, .err = err, .failures = failures}};
    rig->loop = loop_new("zk", &rig->clock, &rig->why);
    rig->sync = (struct zk_sync){&rig->scripted.zk, rig->loop};
    loop_start(rig->loop);
}

static void rig_close(struct rig *rig)
{
    loop_stop(rig->loop);
    loop_join(rig->loop);
    loop_free(rig->loop);
    arena_close(&rig->arena);
}

START_TEST(read_goes_on_under_the_next_session)
{
    struct rig rig;
    struct view data;
    rig_open(&rig, ERR_SESSION_EXPIRED, 3);
    ck_assert_int_eq(zk_sync_get(&rig.sync, "/a", false, &rig.arena, &data, NULL, &rig.why), ERR_NONE);
    ck_assert(view_equal_str(data, "here"));
    ck_assert_int_eq(rig.scripted.asked[ZK_OP_GET], 4);
    rig_close(&rig);
}
END_TEST

/* It may be one that must not be done for another session. */
START_TEST(write_of_a_session_that_expired_is_left_to_the_caller)
{
    struct rig rig;
    struct zk_result result;
    rig_open(&rig, ERR_SESSION_EXPIRED, 1);
    struct zk_op op = {.kind = ZK_OP_SET, .path = "/a", .version = ZK_ANY_VERSION};
    enum err err = zk_sync_call(&rig.sync, &op, NULL, &result, &rig.why);
    ck_assert_int_eq(err, ERR_SESSION_EXPIRED);
    ck_assert(zk_sync_is_unclear(err));
    ck_assert_int_eq(rig.scripted.asked[ZK_OP_SET], 1);
    rig_close(&rig);
}
END_TEST

START_TEST(read_of_a_client_that_is_closed_ends)
{
    struct rig rig;
    rig_open(&rig, ERR_CLOSED, 1);
    ck_assert_int_eq(zk_sync_get(&rig.sync, "/a", false, &rig.arena, NULL, NULL, &rig.why), ERR_CLOSED);
    ck_assert(!zk_sync_is_unclear(ERR_CLOSED));
    rig_close(&rig);
}
END_TEST

Suite *sync_suite(void)
{
    Suite *suite = suite_create("sync");
    TCase *tcase = tcase_create("expired sessions");
    tcase_add_test(tcase, read_goes_on_under_the_next_session);
    tcase_add_test(tcase, write_of_a_session_that_expired_is_left_to_the_caller);
    tcase_add_test(tcase, read_of_a_client_that_is_closed_ends);
    suite_add_tcase(suite, tcase);
    return suite;
}
