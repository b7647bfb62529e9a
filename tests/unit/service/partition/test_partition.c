/*
 * The monitor: ops run one at a time and in order, each comes home once, whatever races with it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/prng.h"
#include "rig.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_state.h"
#include "service/watch.h"
#include "suites.h"

/* --- order, without a log ----------------------------------------------------------------------------------
 */

#define THREADS   4
#define EACH      20000
#define IN_FLIGHT 16

struct counting {
    struct partition *part;
    int64_t total;         /* by the holder */
    int64_t last[THREADS]; /* by the holder: number of each thread's last op */
    bool inside;           /* by the holder: somebody is */
};

struct counted_op {
    struct partition_op op;
    struct counting *counting;
    int thread;
    int64_t number;
    struct submitter *submitter;
};

struct submitter {
    struct counting *counting;
    struct loop *loop;
    int thread;
    int64_t next;
    int64_t home;
    struct counted_op ops[IN_FLIGHT];
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
};

static enum op_outcome count_run(struct partition_op *base, struct partition *part)
{
    struct counted_op *op = CONTAINER_OF(base, struct counted_op, op);
    struct counting *counting = op->counting;
    ck_assert_ptr_eq(part, counting->part);
    ck_assert(!counting->inside);
    counting->inside = true;
    counting->total++;
    ck_assert_int_eq(op->number, counting->last[op->thread] + 1);
    counting->last[op->thread] = op->number;
    counting->inside = false;
    return OP_DONE;
}

static void submit_one(struct submitter *submitter, struct counted_op *op);

static void count_done(struct partition_op *base)
{
    struct counted_op *op = CONTAINER_OF(base, struct counted_op, op);
    struct submitter *submitter = op->submitter;
    ck_assert_ptr_eq(loop_current(), submitter->loop);
    submitter->home++;
    if (submitter->next < EACH) {
        submit_one(submitter, op);
        return;
    }
    if (submitter->home < EACH)
        return;
    pthread_mutex_lock(&submitter->lock);
    submitter->finished = true;
    pthread_cond_signal(&submitter->cond);
    pthread_mutex_unlock(&submitter->lock);
}

/* By the mailbox: done may run inside of submit, which would nest. */
static void again_run(struct loop_message *msg, bool discard)
{
    ck_assert(!discard);
    struct counted_op *op = CONTAINER_OF(msg, struct counted_op, op.message);
    op->op = (struct partition_op){
        .home = op->submitter->loop, .run = count_run, .done = count_done, .label = "count"};
    partition_submit(op->counting->part, &op->op);
}

static void submit_one(struct submitter *submitter, struct counted_op *op)
{
    op->number = ++submitter->next;
    op->op.message = (struct loop_message){.run = again_run, .label = "again"};
    loop_post(submitter->loop, &op->op.message);
}

static void begin_submitting(void *arg)
{
    struct submitter *submitter = arg;
    for (int i = 0; i < IN_FLIGHT; i++)
        submit_one(submitter, &submitter->ops[i]);
}

static void nothing(void *arg)
{
    (void)arg;
}

START_TEST(ops_of_four_threads_run_one_at_a_time_and_in_order)
{
    struct rig rig;
    rig_open(&rig, THREADS, 1, NULL);
    static struct submitter submitters[THREADS];
    struct counting counting = {.part = partition_new("orders", 0, &rig.broker)};
    for (int t = 0; t < THREADS; t++) {
        struct submitter *submitter = &submitters[t];
        *submitter = (struct submitter){.counting = &counting, .loop = rig.loops[t], .thread = t};
        pthread_mutex_init(&submitter->lock, NULL);
        pthread_cond_init(&submitter->cond, NULL);
        for (int i = 0; i < IN_FLIGHT; i++)
            submitter->ops[i] =
                (struct counted_op){.counting = &counting, .thread = t, .submitter = submitter};
    }
    for (int t = 0; t < THREADS; t++)
        rig_on_loop(rig.loops[t], begin_submitting, &submitters[t]);
    for (int t = 0; t < THREADS; t++) {
        pthread_mutex_lock(&submitters[t].lock);
        while (!submitters[t].finished)
            pthread_cond_wait(&submitters[t].cond, &submitters[t].lock);
        pthread_mutex_unlock(&submitters[t].lock);
    }
    for (int t = 0; t < THREADS; t++) /* what ran the last op has let go of it */
        rig_on_loop(rig.loops[t], nothing, NULL);
    ck_assert_int_eq(counting.total, THREADS * EACH);
    ck_assert_int_eq(atomic_load(&counting.part->shares), 1);
    partition_release(counting.part);
    rig_close(&rig);
}
END_TEST

/* --- everything at once, over a log ------------------------------------------------------------------------
 */

#define ACTORS 3 /* of each kind on each loop */
#define TURNS  150

/* Keeps one append or one watch under way, gives up some of them, and counts what came home. */
struct actor {
    struct rig *rig;
    struct loop *loop;
    struct partition *part;
    struct prng prng;
    bool watches;
    int turns_left;
    struct append_op append;
    struct buf records;
    struct watch watch;
    struct loop_message again;
    struct loop_timer give_up;
    bool under_way;
    _Atomic int *left;
    int false_successes;
};

static void actor_turn(struct loop_message *msg, bool discard);

static void actor_next(struct actor *actor)
{
    ck_assert(actor->under_way);
    actor->under_way = false;
    loop_timer_cancel(actor->loop, &actor->give_up);
    if (--actor->turns_left == 0) {
        atomic_fetch_sub(actor->left, 1);
        return;
    }
    actor->again = (struct loop_message){.run = actor_turn, .label = "actor"};
    loop_post(actor->loop, &actor->again);
}

static void actor_appended(struct append_op *op)
{
    struct actor *actor = op->arg;
    ck_assert_ptr_eq(loop_current(), actor->loop);
    if (op->err == ERR_NONE && op->acks == -1)
        actor->false_successes++; /* no follower ever fetches: nothing can be committed */
    append_op_close(op);
    buf_close(&actor->records);
    actor_next(actor);
}

static void actor_saw(struct watch *watch, bool news)
{
    (void)news;
    actor_next(watch->arg);
}

static void actor_gives_up(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct actor *actor = CONTAINER_OF(timer, struct actor, give_up);
    if (actor->watches)
        watch_cancel(&actor->watch);
    else
        append_time_out(&actor->append);
}

static void actor_turn(struct loop_message *msg, bool discard)
{
    ck_assert(!discard);
    struct actor *actor = CONTAINER_OF(msg, struct actor, again);
    actor->under_way = true;
    actor->give_up.fire = actor_gives_up;
    loop_timer_arm(actor->loop, &actor->give_up,
                   loop_now_ms(actor->loop) + (int64_t)prng_below(&actor->prng, 3));
    if (actor->watches) {
        actor->watch = (struct watch){.part = actor->part,
                                      .bound = LOG_BOUND_HIGH_WATERMARK,
                                      .seen_offset = 0,
                                      .seen_epoch = atomic_load(&actor->part->leader_epoch_hint),
                                      .done = actor_saw,
                                      .arg = actor};
        watch_submit(&actor->watch);
        return;
    }
    actor->records = (struct buf){0};
    rig_batch(&actor->records, 1 + (int)prng_below(&actor->prng, 5));
    actor->append = (struct append_op){.broker = &actor->rig->broker,
                                       .part = actor->part,
                                       .records = buf_view(&actor->records),
                                       .produce_version = 9,
                                       .acks = prng_below(&actor->prng, 4) ? -1 : 1,
                                       .origin = APPEND_CLIENT,
                                       .done = actor_appended,
                                       .arg = actor};
    append_submit(&actor->append);
}

static void all_at_once(const char *topic_config)
{
    static struct actor actors[THREADS * ACTORS * 2];
    struct rig rig;
    rig_open(&rig, THREADS, 1, topic_config);
    int32_t epoch = 0;
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, epoch, RIG_ME, 2), ERR_NONE);
    struct partition *part = rig_find(&rig, "orders", 0);
    _Atomic int left = ARRAY_LEN(actors);
    for (size_t i = 0; i < ARRAY_LEN(actors); i++) {
        struct actor *actor = &actors[i];
        *actor = (struct actor){.rig = &rig,
                                .loop = rig.loops[i % THREADS],
                                .part = part,
                                .watches = i % 2,
                                .turns_left = TURNS,
                                .left = &left,
                                .again = {.run = actor_turn, .label = "actor"}};
        prng_seed(&actor->prng, i);
        loop_post(actor->loop, &actor->again);
    }
    while (atomic_load(&left) > 0) {
        epoch++;
        bool leads = epoch % 3 != 0;
        ck_assert_int_eq(rig_lead(&rig, "orders", 0, epoch, leads ? RIG_ME : 2, 2), ERR_NONE);
    }
    for (size_t i = 0; i < ARRAY_LEN(actors); i++)
        ck_assert_int_eq(actors[i].false_successes, 0);
    partition_release(part);
    rig_close(&rig);
}

START_TEST(appends_watches_and_role_changes_race_and_each_comes_home_once)
{
    all_at_once(NULL);
}
END_TEST

START_TEST(the_same_with_a_flush_for_each_append)
{
    all_at_once("{\"version\":1,\"config\":{\"flush.messages\":\"1\"}}");
}
END_TEST

/* --- watches
 * ------------------------------------------------------------------------------------------------ */

struct seen {
    struct watch watch;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int done;
    bool news;
};

static void seen_done(struct watch *watch, bool news)
{
    struct seen *seen = watch->arg;
    pthread_mutex_lock(&seen->lock);
    seen->done++;
    seen->news = news;
    pthread_cond_signal(&seen->cond);
    pthread_mutex_unlock(&seen->lock);
}

static void seen_submit(void *arg)
{
    watch_submit(&((struct seen *)arg)->watch);
}

static void seen_cancel(void *arg)
{
    watch_cancel(&((struct seen *)arg)->watch);
}

static void seen_begin(struct seen *seen, struct loop *loop, struct partition *part, int64_t offset,
                       int32_t epoch)
{
    *seen = (struct seen){.watch = {.part = part,
                                    .bound = LOG_BOUND_HIGH_WATERMARK,
                                    .seen_offset = offset,
                                    .seen_epoch = epoch,
                                    .done = seen_done,
                                    .arg = seen}};
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->cond, NULL);
    rig_on_loop(loop, seen_submit, seen);
}

static bool seen_await(struct seen *seen)
{
    pthread_mutex_lock(&seen->lock);
    while (!seen->done)
        pthread_cond_wait(&seen->cond, &seen->lock);
    ck_assert_int_eq(seen->done, 1);
    bool news = seen->news;
    pthread_mutex_unlock(&seen->lock);
    pthread_mutex_destroy(&seen->lock);
    pthread_cond_destroy(&seen->cond);
    return news;
}

START_TEST(watch_hears_of_an_append_a_role_and_a_deletion)
{
    struct rig rig;
    rig_open(&rig, 2, 1, NULL);
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 0, RIG_ME, 1), ERR_NONE);
    struct partition *part = rig_find(&rig, "orders", 0);
    struct seen seen;
    seen_begin(&seen, rig.loops[1], part, 0, 0);
    ck_assert_int_eq(rig_append(&rig, part, 1, 2), ERR_NONE);
    ck_assert(seen_await(&seen));
    seen_begin(&seen, rig.loops[1], part, 0, 0); /* what it missed counts */
    ck_assert(seen_await(&seen));
    seen_begin(&seen, rig.loops[1], part, 2, 0);
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 1, 2, 2), ERR_NONE);
    ck_assert(seen_await(&seen));
    seen_begin(&seen, rig.loops[1], part, 2, 1);
    ck_assert_int_eq(rig_stop_replica(&rig, "orders", 0, 1, true), ERR_NONE);
    ck_assert(seen_await(&seen));
    partition_release(part);
    rig_close(&rig);
}
END_TEST

START_TEST(cancelled_watch_comes_home_without_news)
{
    struct rig rig;
    rig_open(&rig, 1, 1, NULL);
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 0, RIG_ME, 1), ERR_NONE);
    struct partition *part = rig_find(&rig, "orders", 0);
    struct seen seen;
    seen_begin(&seen, rig.loops[0], part, 0, 0);
    rig_on_loop(rig.loops[0], seen_cancel, &seen);
    rig_on_loop(rig.loops[0], seen_cancel, &seen);
    ck_assert(!seen_await(&seen));
    rig_on_loop(rig.loops[0], seen_cancel, &seen);
    ck_assert_int_eq(seen.done, 1);
    partition_release(part);
    rig_close(&rig);
}
END_TEST

Suite *partition_suite(void)
{
    Suite *suite = suite_create("service/partition");
    TCase *tc = tcase_create("monitor");
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, ops_of_four_threads_run_one_at_a_time_and_in_order);
    tcase_add_test(tc, appends_watches_and_role_changes_race_and_each_comes_home_once);
    tcase_add_test(tc, the_same_with_a_flush_for_each_append);
    suite_add_tcase(suite, tc);
    tc = tcase_create("watch");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, watch_hears_of_an_append_a_role_and_a_deletion);
    tcase_add_test(tc, cancelled_watch_comes_home_without_news);
    suite_add_tcase(suite, tc);
    return suite;
}
