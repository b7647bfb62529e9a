/*
 * Random members, time, failures of appends, markers and changes of coordinator. After every step:
 *
 *   no committed offset goes back,
 *   no partition has two owners in a generation,
 *   a group is in one generation at a time, and no member of an older one commits,
 *   every request is answered once,
 *   nothing is armed or counted for who is gone (audit.h).
 *
 * And when everybody falls silent, time alone brings all to its end: nobody waits, nobody is a member, no
 * offset is lost by it.
 *
 * BARNABAS_GROUP_SEED=N runs one world alone. Offsets rise from commit to commit, so that one that is less
 * than what was acknowledged or seen is an older one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "audit.h"
#include "base/log.h"
#include "base/prng.h"
#include "rig.h"
#include "suites.h"

#define SEEDS       150
#define STEPS       1500
#define GROUPS      2
#define CLIENTS     10
#define PARTITIONS  6
#define PRODUCERS   3
#define GENERATIONS 4096

static const char *const group_names[GROUPS] = {"g0", "g1"};

struct client {
    int group;
    char id[100];
    char instance[8]; /* "" = dynamic */
    uint64_t join_token, sync_token;
    int32_t generation; /* 0 = none */
    const struct wire_join_group_response *must_sync;
    bool is_assigned;
    int taste; /* what it wants: the metadata */
};

/* What is known from outside of a group. */
struct known {
    int32_t synced; /* the newest generation that a member was assigned in */
    char owners[GENERATIONS][PARTITIONS][100];
    int64_t floor[PARTITIONS]; /* acknowledged or seen; -1 = nothing */
};

struct txn {
    bool is_open;
    bool is_unclear; /* an append failed and may be in the log all the same: only to abort */
    int64_t offsets[GROUPS][PARTITIONS]; /* acknowledged; -1 = none */
};

struct waiting_commit {
    uint64_t token;
    int group, partition, producer; /* producer -1 = of a consumer */
    int64_t offset;
};

static struct rig rig;
static struct prng prng;
static struct client clients[CLIENTS];
static struct known known[GROUPS];
static struct txn txns[PRODUCERS];
static struct waiting_commit commits[256];
static int commit_count;
static int64_t last_offset;
static uint64_t seed;
static int step;
static struct {
    uint64_t assigned, commits, restarts, unclear;
} reached;

#define FAIL(...)                                                                                            \
    do {                                                                                                     \
        char text_[400];                                                                                     \
        snprintf(text_, sizeof text_, __VA_ARGS__);                                                          \
        ck_abort_msg("seed %llu step %d: %s", (unsigned long long)seed, step, text_);                        \
    } while (0)

static bool chance(unsigned percent)
{
    return prng_below(&prng, 100) < percent;
}

static const char *identity(const struct client *c)
{
    return c->instance[0] ? c->instance : c->id;
}

/* --- members
 * ---------------------------------------------------------------------------------------------------- */

static void join(struct client *c)
{
    static const char *const tastes[] = {"range=a", "range=b"};
    static const int16_t versions[] = {9, 9, 8, 5, 3};
    int16_t version = versions[prng_below(&prng, 5)];
    c->must_sync = NULL;
    c->is_assigned = false;
    c->join_token = rig_join(&rig, (struct rig_join){.group = group_names[c->group],
                                                     .member = c->id,
                                                     .instance = c->instance[0] ? c->instance : NULL,
                                                     .protocols = {tastes[c->taste]},
                                                     .version = c->instance[0] && version < 5 ? 5 : version,
                                                     .rebalance_ms = 20000});
}

static void on_joined(struct client *c, const struct wire_join_group_response *answer)
{
    c->join_token = 0;
    switch (answer->error_code) {
    case ERR_NONE:
        snprintf(c->id, sizeof c->id, "%.*s", VIEW_FMT(answer->member_id));
        c->generation = answer->generation_id;
        c->must_sync = answer;
        return;
    case ERR_MEMBER_ID_REQUIRED:
        snprintf(c->id, sizeof c->id, "%.*s", VIEW_FMT(answer->member_id));
        return;
    case ERR_UNKNOWN_MEMBER_ID:
    case ERR_FENCED_INSTANCE_ID:
    case ERR_GROUP_MAX_SIZE_REACHED:
        c->id[0] = '\0';
        c->generation = 0;
        return;
    case ERR_UNKNOWN_SERVER_ERROR:
    case ERR_REBALANCE_IN_PROGRESS:
    case ERR_NOT_COORDINATOR:
    case ERR_COORDINATOR_NOT_AVAILABLE:
        return;
    default:
        FAIL("JoinGroup is answered %s", err_name((enum err)answer->error_code));
    }
}

/* The leader deals the partitions out; sometimes it forgets somebody. */
static void sync(struct client *c)
{
    const struct wire_join_group_response *joined = c->must_sync;
    struct buf text = {0};
    for (int32_t i = 0; i < joined->members_count && !joined->skip_assignment; i++) {
        if (i > 0 && chance(5))
            continue;
        buf_printf(&text, "%s%.*s=", text.len ? "," : "", VIEW_FMT(joined->members[i].member_id));
        for (int p = 0; p < PARTITIONS; p++)
            if (p % joined->members_count == i)
                buf_printf(&text, "%d", p);
    }
    c->must_sync = NULL;
    c->sync_token = rig_sync(&rig, group_names[c->group], c->id, c->generation, buf_cstr(&text));
    buf_close(&text);
}

static void own(struct client *c, struct view assignment)
{
    struct known *k = &known[c->group];
    if (c->generation < k->synced)
        FAIL("generation %d is assigned after %d", c->generation, k->synced);
    k->synced = c->generation;
    for (size_t i = 0; i < assignment.len; i++) {
        char *owner = k->owners[c->generation % GENERATIONS][assignment.ptr[i] - '0'];
        if (owner[0] && strcmp(owner, identity(c)) != 0)
            FAIL("%s and %s both own partition %c in generation %d", owner, identity(c), assignment.ptr[i],
                 c->generation);
        snprintf(owner, 100, "%s", identity(c));
    }
    c->is_assigned = true;
    reached.assigned++;
}

static void on_synced(struct client *c, const struct wire_sync_group_response *answer)
{
    c->sync_token = 0;
    if (answer->error_code == ERR_NONE)
        own(c, answer->assignment);
    else if (answer->error_code == ERR_UNKNOWN_MEMBER_ID || answer->error_code == ERR_FENCED_INSTANCE_ID)
        c->id[0] = '\0';
}

static void heartbeat(struct client *c)
{
    enum err err = rig_heartbeat(&rig, group_names[c->group], c->id, c->generation);
    if (err == ERR_NONE && c->generation < known[c->group].synced)
        FAIL("a member of generation %d is alive in %d", c->generation, known[c->group].synced);
    if (err == ERR_UNKNOWN_MEMBER_ID)
        c->id[0] = '\0';
    if (err)
        c->is_assigned = false;
}

/* --- offsets
 * ------------------------------------------------------------------------------------------------------ */

static void commit(int group, const struct client *c, int producer)
{
    if (commit_count == 256)
        return;
    struct waiting_commit *w = &commits[commit_count++];
    *w = (struct waiting_commit){.group = group,
                                 .producer = producer,
                                 .partition = (int)prng_below(&prng, PARTITIONS),
                                 .offset = ++last_offset};
    w->token = rig_commit(&rig, (struct rig_commit){.group = group_names[group],
                                                    .member = c ? c->id : NULL,
                                                    .generation = c ? c->generation : 0,
                                                    .metadata = chance(50) ? "note" : NULL,
                                                    .producer_id = producer >= 0 ? 100 + producer : 0,
                                                    .partition = w->partition,
                                                    .offset = w->offset});
    if (producer >= 0)
        txns[producer].is_open = true;
    if (c && rig_is_committed(&rig, w->token) && rig_commit_err(&rig, w->token) == ERR_NONE &&
        c->generation < known[group].synced)
        FAIL("generation %d commits in %d", c->generation, known[group].synced);
}

static void raise_floor(int group, int partition, int64_t offset)
{
    if (offset > known[group].floor[partition])
        known[group].floor[partition] = offset;
}

/* What was acknowledged since. */
static void settle_commits(void)
{
    for (int i = 0; i < commit_count;) {
        const struct waiting_commit *w = &commits[i];
        if (!rig_is_committed(&rig, w->token)) {
            i++;
            continue;
        }
        enum err err = rig_commit_err(&rig, w->token);
        reached.commits += err == ERR_NONE;
        if (w->producer >= 0 && err)
            txns[w->producer].is_unclear = true;
        else if (w->producer >= 0)
            txns[w->producer].offsets[w->group][w->partition] = w->offset;
        else if (!err)
            raise_floor(w->group, w->partition, w->offset);
        commits[i] = commits[--commit_count];
    }
}

static bool has_commit_under_way(int producer)
{
    for (int i = 0; i < commit_count; i++)
        if (commits[i].producer == producer)
            return true;
    return false;
}

static void end_txn(int producer)
{
    struct txn *txn = &txns[producer];
    if (!txn->is_open || has_commit_under_way(producer))
        return;
    bool committed = !txn->is_unclear && chance(70);
    rig_end_txn(&rig, 100 + producer, committed);
    for (int g = 0; g < GROUPS; g++)
        for (int p = 0; p < PARTITIONS; p++) {
            if (committed && txn->offsets[g][p] > 0)
                raise_floor(g, p, txn->offsets[g][p]);
            txn->offsets[g][p] = -1;
        }
    txn->is_open = txn->is_unclear = false;
}

static void check_offsets(void)
{
    for (int g = 0; g < GROUPS; g++)
        for (int p = 0; p < PARTITIONS; p++) {
            int64_t offset = rig_fetch(&rig, group_names[g], "t", p);
            if (offset < known[g].floor[p])
                FAIL("%s has %lld for partition %d, after %lld", group_names[g], (long long)offset, p,
                     (long long)known[g].floor[p]);
            raise_floor(g, p, offset);
        }
}

/* --- what happens
 * --------------------------------------------------------------------------------------------------- */

/* Answers are heard when they are given, so that they are held against what was true then. */
static void hear(struct client *c)
{
    if (c->join_token && rig_joined(&rig, c->join_token))
        on_joined(c, rig_joined(&rig, c->join_token));
    if (c->sync_token && rig_synced(&rig, c->sync_token))
        on_synced(c, rig_synced(&rig, c->sync_token));
}

static void act(struct client *c)
{
    unsigned dice = (unsigned)prng_below(&prng, 100);
    if (dice < 4) { /* a crash: what it knew is lost */
        c->id[0] = '\0';
        c->join_token = c->sync_token = 0;
        c->must_sync = NULL;
        c->is_assigned = false;
    } else if (dice < 6 && c->id[0]) {
        rig_leave(&rig, group_names[c->group], c->id, NULL);
        c->id[0] = '\0';
        c->join_token = c->sync_token = 0;
        c->must_sync = NULL;
        c->is_assigned = false;
    } else if (c->join_token || c->sync_token) {
        if (dice < 10 && c->join_token && c->id[0])
            join(c); /* it gave up waiting and asks again */
    } else if (c->must_sync) {
        if (dice < 90)
            sync(c);
    } else if (!c->is_assigned) {
        join(c);
    } else if (dice < 60) {
        heartbeat(c);
    } else if (dice < 85) {
        commit(c->group, c, -1);
    } else if (dice < 92) {
        c->taste ^= 1;
        join(c);
    }
}

/* The partition moves; who waited was told, and what was in the log and not acknowledged may show. */
static void restart(void)
{
    rig_restart(&rig);
    reached.restarts++;
}

static void acknowledge(void)
{
    static const enum err errs[] = {ERR_REQUEST_TIMED_OUT, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND};
    if (rig.held_count == 0)
        return;
    bool fails = chance(10);
    reached.unclear += fails;
    rig_ack(&rig, fails ? errs[prng_below(&prng, 2)] : ERR_NONE);
}

static void world(unsigned dice)
{
    if (dice < 40)
        rig_wait(&rig, (int64_t)prng_below(&prng, chance(20) ? 12000 : 500));
    else if (dice < 70)
        acknowledge();
    else if (dice < 74)
        rig.refuse = chance(50) ? ERR_NOT_ENOUGH_REPLICAS : ERR_MESSAGE_TOO_LARGE;
    else if (dice < 78)
        rig.holds = !rig.holds;
    else if (dice < 84)
        commit((int)prng_below(&prng, GROUPS), NULL, (int)prng_below(&prng, PRODUCERS));
    else if (dice < 90)
        end_txn((int)prng_below(&prng, PRODUCERS));
    else if (dice < 93)
        commit((int)prng_below(&prng, GROUPS), NULL, -1);
    else if (dice < 95)
        restart();
    if (rig.held_count > RIG_HELD_MAX / 2)
        rig_ack_all(&rig);
}

/* A group that is gone begins from generation 1 when it comes back. */
static void forget_dead(void)
{
    for (int g = 0; g < GROUPS; g++)
        if (strcmp(rig_state(&rig, group_names[g]), "Dead") == 0) {
            known[g].synced = 0;
            memset(known[g].owners, 0, sizeof known[g].owners);
        }
}

static void open_world(void)
{
    rig_begin(&rig);
    rig.config.initial_delay_ms = chance(50) ? 0 : 3000;
    rig.config.max_size = chance(80) ? INT32_MAX : 4;
    rig_restart(&rig);
    memset(clients, 0, sizeof clients);
    memset(known, 0, sizeof known);
    memset(txns, 0xff, sizeof txns);
    commit_count = 0;
    last_offset = 0;
    for (int p = 0; p < PRODUCERS; p++)
        txns[p].is_open = txns[p].is_unclear = false;
    for (int g = 0; g < GROUPS; g++)
        for (int p = 0; p < PARTITIONS; p++)
            known[g].floor[p] = -1;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].group = i % GROUPS;
        if (i % 5 == 0)
            snprintf(clients[i].instance, sizeof clients[i].instance, "i%d", i);
    }
}

/* Longer than any rebalance and any session, one after the other. */
#define SILENCE_MS 200000

static void fall_silent(void)
{
    rig.holds = false;
    rig.refuse = ERR_NONE;
    rig_ack_all(&rig);
    rig_wait(&rig, SILENCE_MS);
    rig_ack_all(&rig);
    settle_commits();
    if (rig_waiting(&rig) > 0)
        FAIL("%d requests wait for nobody", rig_waiting(&rig));
    for (int g = 0; g < GROUPS; g++) {
        const char *state = rig_state(&rig, group_names[g]);
        if (strcmp(state, "Empty") != 0 && strcmp(state, "Dead") != 0)
            FAIL("%s is %s though nobody speaks", group_names[g], state);
    }
    check_offsets();
    audit(rig.c);
    arena_reset(&rig.arena);
}

static void run_world(uint64_t with_seed)
{
    seed = with_seed;
    prng_seed(&prng, seed);
    open_world();
    for (step = 0; step < STEPS; step++) {
        if (chance(60))
            act(&clients[prng_below(&prng, CLIENTS)]);
        else
            world((unsigned)prng_below(&prng, 100));
        for (int i = 0; i < CLIENTS; i++)
            hear(&clients[i]);
        settle_commits();
        check_offsets();
        forget_dead();
        audit(rig.c);
        arena_reset(&rig.arena);
    }
    fall_silent();
    rig_close(&rig);
}

START_TEST(whatever_happens_no_promise_is_broken)
{
    const char *one = getenv("BARNABAS_GROUP_SEED");
    log_set_level(LOG_LEVEL_ERROR);
    memset(&reached, 0, sizeof reached);
    if (one) {
        run_world(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t s = 1; s <= SEEDS; s++)
        run_world(s);
    /* The test is worth something only if it gets somewhere. */
    ck_assert_uint_gt(reached.assigned, 1000);
    ck_assert_uint_gt(reached.commits, 1000);
    ck_assert_uint_gt(reached.restarts, 100);
    ck_assert_uint_gt(reached.unclear, 100);
}
END_TEST

Suite *property_suite(void)
{
    Suite *suite = suite_create("group properties");
    TCase *tc = tcase_create("random");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, whatever_happens_no_promise_is_broken);
    suite_add_tcase(suite, tc);
    return suite;
}
