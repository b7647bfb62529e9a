/*
 * Every state and every request: the errors of Kafka 3.9's coordinator
 * (storage-replication-coordinators 5.4-5.9), as one table.
 */
#include "rig.h"
#include "suites.h"

/* What the group has been brought to before each cell. */
enum situation { NO_GROUP, EMPTY, PREPARING, COMPLETING, STABLE, SITUATIONS };
static const char *const situation_names[] = {"Dead", "Empty", "PreparingRebalance", "CompletingRebalance",
                                              "Stable"};

/* Who asks: the follower, the same with another generation, a stranger, nobody (no id, generation -1). */
enum who { MEMBER, LATE, STRANGER, NOBODY, WHOS };
static const char *const who_names[] = {"member", "late member", "stranger", "nobody"};

/* The request waits. */
#define WAITS (-1000)

static struct rig rig;
static char ids[2][100];
static int32_t generation;

static void bring_to(enum situation situation)
{
    rig_begin(&rig);
    if (situation == NO_GROUP)
        return;
    generation = rig_stable(&rig, "g", 2, ids);
    if (situation == EMPTY) {
        rig_leave(&rig, "g", ids[0], NULL);
        rig_leave(&rig, "g", ids[1], NULL);
        generation++;
    } else if (situation != STABLE) {
        rig_join(&rig, (struct rig_join){.member = ids[0]});
        if (situation == COMPLETING) {
            rig_join(&rig, (struct rig_join){.member = ids[1]});
            generation++;
        }
    }
    ck_assert_str_eq(rig_state(&rig, "g"), situation_names[situation]);
}

static const char *id_of(enum who who)
{
    static const char *const others[] = {NULL, NULL, "stranger", ""};
    return who <= LATE ? (ids[1][0] ? ids[1] : "gone") : others[who];
}

static int32_t generation_of(enum who who)
{
    return who == NOBODY ? -1 : who == LATE ? generation + 7 : generation ? generation : 1;
}

static int do_heartbeat(enum who who)
{
    return (int)rig_heartbeat(&rig, "g", id_of(who), generation_of(who));
}

static int do_sync(enum who who)
{
    uint64_t token = rig_sync(&rig, "g", id_of(who), generation_of(who), NULL);
    return rig_synced(&rig, token) ? rig_synced(&rig, token)->error_code : WAITS;
}

static int do_join(enum who who)
{
    uint64_t token = rig_join(&rig, (struct rig_join){.member = id_of(who)});
    return rig_joined(&rig, token) ? rig_joined(&rig, token)->error_code : WAITS;
}

static int do_leave(enum who who)
{
    return (int)rig_leave(&rig, "g", id_of(who), NULL);
}

static int commit(enum who who, int64_t producer_id)
{
    struct rig_commit c = {
        .member = id_of(who), .generation = generation_of(who), .offset = 1, .producer_id = producer_id};
    return (int)rig_commit_err(&rig, rig_commit(&rig, c));
}

static int do_commit(enum who who)
{
    return commit(who, 0);
}

static int do_txn_commit(enum who who)
{
    return commit(who, 5);
}

static int do_delete(enum who who)
{
    (void)who;
    return (int)group_delete(rig.c, VIEW_LIT("g"), &rig.now, &rig.out);
}

#define OK        ERR_NONE
#define UNKNOWN   ERR_UNKNOWN_MEMBER_ID
#define ILLEGAL   ERR_ILLEGAL_GENERATION
#define REBALANCE ERR_REBALANCE_IN_PROGRESS
#define NEEDS_ID  ERR_MEMBER_ID_REQUIRED
#define NOT_FOUND ERR_GROUP_ID_NOT_FOUND
#define NON_EMPTY ERR_NON_EMPTY_GROUP

static const struct {
    const char *name;
    int (*ask)(enum who who);
    int want[SITUATIONS][WHOS]; /* of member, late, stranger, nobody */
} requests[] = {
    {"Heartbeat",
     do_heartbeat,
     {[NO_GROUP] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
      [EMPTY] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
      [PREPARING] = {REBALANCE, ILLEGAL, UNKNOWN, UNKNOWN},
      [COMPLETING] = {OK, ILLEGAL, UNKNOWN, UNKNOWN},
      [STABLE] = {OK, ILLEGAL, UNKNOWN, UNKNOWN}}},
    {"SyncGroup",
     do_sync,
     {[NO_GROUP] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
      [EMPTY] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
      [PREPARING] = {REBALANCE, ILLEGAL, UNKNOWN, UNKNOWN},
      [COMPLETING] = {WAITS, ILLEGAL, UNKNOWN, UNKNOWN},
      [STABLE] = {OK, ILLEGAL, UNKNOWN, UNKNOWN}}},
    {"JoinGroup",
     do_join,
     {[NO_GROUP] = {UNKNOWN, UNKNOWN, UNKNOWN, NEEDS_ID},
      [EMPTY] = {UNKNOWN, UNKNOWN, UNKNOWN, NEEDS_ID},
      [PREPARING] = {OK, OK, UNKNOWN, NEEDS_ID}, /* the last that was waited for */
      [COMPLETING] = {OK, OK, UNKNOWN, NEEDS_ID},
      [STABLE] = {OK, OK, UNKNOWN, NEEDS_ID}}},
    {"LeaveGroup",
     do_leave,
     {[NO_GROUP] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
      [EMPTY] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
      [PREPARING] = {OK, OK, UNKNOWN, UNKNOWN},
      [COMPLETING] = {OK, OK, UNKNOWN, UNKNOWN},
      [STABLE] = {OK, OK, UNKNOWN, UNKNOWN}}},
    {"OffsetCommit",
     do_commit,
     {[NO_GROUP] = {ILLEGAL, ILLEGAL, ILLEGAL, OK},
      [EMPTY] = {UNKNOWN, UNKNOWN, UNKNOWN, OK},
      [PREPARING] = {OK, ILLEGAL, UNKNOWN, UNKNOWN},
      [COMPLETING] = {REBALANCE, ILLEGAL, UNKNOWN, UNKNOWN},
      [STABLE] = {OK, ILLEGAL, UNKNOWN, UNKNOWN}}},
    {"TxnOffsetCommit",
     do_txn_commit,
     {[NO_GROUP] = {UNKNOWN, UNKNOWN, UNKNOWN, OK},
      [EMPTY] = {UNKNOWN, UNKNOWN, UNKNOWN, OK},
      [PREPARING] = {OK, ILLEGAL, UNKNOWN, OK},
      [COMPLETING] = {OK, ILLEGAL, UNKNOWN, OK},
      [STABLE] = {OK, ILLEGAL, UNKNOWN, OK}}},
    {"DeleteGroups",
     do_delete,
     {[NO_GROUP] = {NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND},
      [EMPTY] = {OK, OK, OK, OK},
      [PREPARING] = {NON_EMPTY, NON_EMPTY, NON_EMPTY, NON_EMPTY},
      [COMPLETING] = {NON_EMPTY, NON_EMPTY, NON_EMPTY, NON_EMPTY},
      [STABLE] = {NON_EMPTY, NON_EMPTY, NON_EMPTY, NON_EMPTY}}},
};

START_TEST(every_request_in_every_state_has_kafkas_error)
{
    for (int s = 0; s < SITUATIONS; s++) {
        for (int w = 0; w < WHOS; w++) {
            bring_to((enum situation)s);
            int got = requests[_i].ask((enum who)w);
            int want = requests[_i].want[s][w];
            ck_assert_msg(got == want, "%s of a %s, %s: %d, should be %d", requests[_i].name, who_names[w],
                          situation_names[s], got, want);
            rig_close(&rig);
            ids[0][0] = ids[1][0] = '\0';
            generation = 0;
        }
    }
}
END_TEST

Suite *table_suite(void)
{
    Suite *suite = suite_create("group table of errors");
    TCase *tc = tcase_create("table");
    tcase_add_loop_test(tc, every_request_in_every_state_has_kafkas_error, 0,
                        sizeof requests / sizeof *requests);
    suite_add_tcase(suite, tc);
    return suite;
}
