/*
 * The world of one run: virtual time, chance, who is up, and the trace of what happened.
 *
 * Everything happens in one thread, task by task, in the order of (time, chance). A task belongs to an
 * endpoint's process and goes with it; while the process is paused its tasks wait. All that is drawn comes
 * from streams that begin at the seed, so the same seed gives the same run to the byte.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_WORLD_H
#define BARNABAS_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"

/* Endpoints of the network. Brokers have their id. */
#define SIM_ZK          0
#define SIM_BROKERS_MAX 5
#define SIM_CLIENT      8  /* the first client */
#define SIM_MEMBER      12 /* the first member of the group */
#define SIM_MEMBERS_MAX 3
#define SIM_OBSERVER    15 /* asks what the group has committed */
#define SIM_ENDPOINTS   16
#define SIM_WORLD       (-1) /* owner of what belongs to nobody */

#define SIM_PARTS_MAX 4
#define SIM_SHARES    4             /* what the members of the group share among them */
#define SIM_MS        INT64_C(1000) /* microseconds */

enum sim_rng {
    SIM_RNG_TIE,
    SIM_RNG_NET,
    SIM_RNG_ZK,
    SIM_RNG_DISK,
    SIM_RNG_FAULT,
    SIM_RNG_WORK,
    SIM_RNG_SHAPE,
    SIM_RNG_NODE, /* brokers' own */
    SIM_RNG_GROUP = SIM_RNG_NODE + SIM_BROKERS_MAX + 1,
    SIM_RNGS
};

struct sim;
struct broker_node;
struct checker;
struct client;
struct faults;
struct groups_check;
struct member;
struct zk_ensemble;

typedef void (*sim_fn)(struct sim *sim, void *arg);

struct sim_options {
    uint64_t seed;
    int steps;         /* at most */
    int brokers;       /* 0 = by seed */
    bool trace;        /* print lines as they come */
    bool quiet;        /* say nothing but the verdict */
    unsigned without;  /* kinds of faults, by bit, that are left out */
    const char *plant; /* a mistake that is made on purpose; NULL = none */
};

/* What a seed decides about its cluster. */
struct sim_shape {
    int brokers;
    int topics;
    int parts; /* in all */
    int rf;
    int min_isr;
    int clients;
    int32_t session_ms;
    int32_t lag_ms;
    int32_t segment_bytes;
    bool suspect;
    bool zk_flaky;   /* connections to ZooKeeper like to break when a watch fires */
    bool flush_each; /* flush.messages=1 */
    bool compacts;   /* some topic is compacted */
    int offsets;     /* the number of the partition that groups are coordinated by; -1 = there are none */
    int members;
    int64_t run_us; /* until everything is healed */
};

struct sim_part_name {
    char topic[24];
    int topic_number;
    int32_t index;
    bool compacted;
};

#define SIM_LINES 200

struct sim {
    struct sim_options options;
    struct sim_shape shape;
    struct sim_part_name parts[SIM_PARTS_MAX];
    int64_t now_us;
    int64_t step;
    struct heap tasks;
    struct prng rng[SIM_RNGS];
    bool up[SIM_ENDPOINTS];
    int64_t life[SIM_ENDPOINTS]; /* rises with every start and every end */
    int64_t paused_until_us[SIM_ENDPOINTS];
    bool cut[SIM_ENDPOINTS][SIM_ENDPOINTS];     /* from, to */
    bool refused[SIM_ENDPOINTS][SIM_ENDPOINTS]; /* the port refuses, whoever lives behind it */
    int slowness;                               /* of the network: 0 calm .. 3 */
    struct list calls;                          /* every request that is not answered, oldest first */
    struct map calls_by_id;
    uint64_t last_call;
    int64_t last_connection;
    struct zk_ensemble *zk;
    struct broker_node *nodes[SIM_BROKERS_MAX + 1];
    struct client *clients[SIM_ENDPOINTS];
    struct member *members[SIM_MEMBERS_MAX + 1]; /* and the observer */
    struct checker *checker;
    struct groups_check *groups_check; /* NULL = there are none */
    struct faults *faults;
    bool healed; /* no more faults */

    uint64_t hash; /* of all that happened */
    char *lines[SIM_LINES];
    int64_t lines_count;
    const char *failed; /* the invariant; NULL = none */
    bool over;          /* what was promised is lost, as it may be: nothing more can be checked */
    char why[400];
};

struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim);

/* --- chance --- */

uint64_t sim_below(struct sim *sim, enum sim_rng rng, uint64_t bound);
/* Between both, inclusive. */
int64_t sim_between(struct sim *sim, enum sim_rng rng, int64_t low, int64_t high);
bool sim_chance(struct sim *sim, enum sim_rng rng, int per_mille);

/* --- time --- */

/* Monotonic milliseconds, the same for all. */
int64_t sim_now_ms(const struct sim *sim);
/* `run` after the delay, unless the process of `owner` is another by then: then `drop` (NULL = nothing). */
void sim_after(struct sim *sim, int64_t delay_us, int owner, const char *label, sim_fn run, sim_fn drop,
               void *arg);
/* Runs the next task; false when there is none or something failed. */
bool sim_step(struct sim *sim);

/* --- processes --- */

void sim_set_up(struct sim *sim, int endpoint, bool up);
bool sim_is_paused(const struct sim *sim, int endpoint);

/* --- what happened --- */

void sim_trace(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first one counts. */
void sim_fail(struct sim *sim, const char *invariant, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The number of a partition; -1 = none of ours. */
int sim_part_find(const struct sim *sim, const char *topic, size_t topic_len, int32_t index);

#endif
