/*
 * A controller under test: cores, each with a session of its own, on one tree; brokers that
 * answer what they are sent; everything that happened as lines of text.
 */
#ifndef BARNABAS_TESTS_CORE_RIG_H
#define BARNABAS_TESTS_CORE_RIG_H

#include "base/buf.h"
#include "core/controller/controller.h"
#include "fake/fake_zk_tree.h"

#define RIG_BROKERS     8
#define RIG_PENDING     256
#define RIG_LOG_WAIT_MS 300000

enum rig_mood {
    RIG_ANSWERS,    /* at once, without an error */
    RIG_SILENT,     /* the request stays open */
    RIG_UNREACHABLE /* transport error */
};

struct rig_core {
    struct controller *c;
    int id; /* of its broker */
    int64_t session;
    bool active;
    /* A batch of operations that is carried out but not yet reported. */
    bool zk_pending;
    uint64_t zk_ticket;
    struct controller_op_result *zk_results;
    int32_t zk_results_count;
    struct arena zk_arena;
};

struct rig_timer {
    int core;
    uint64_t id;
    int64_t at_ms;
};

struct rig_answer {
    uint64_t ticket;
    struct controller_answer answer;
};

struct rig {
    struct fake_zk *zk;
    struct rig_core cores[RIG_BROKERS];
    int cores_count;
    const struct inter_broker *versions; /* of cores added later; NULL = the newest */
    bool no_suspicion;                   /* barnabas.broker.suspect.enable=false, of cores added later */
    int64_t now_ms;
    int64_t broker_session[RIG_BROKERS + 1]; /* by broker id; 0 = not registered */
    enum rig_mood mood[RIG_BROKERS + 1];
    enum err partition_err[RIG_BROKERS + 1]; /* of every partition of LeaderAndIsr and StopReplica */
    enum err request_err[RIG_BROKERS + 1];   /* of whole requests */
    int32_t end_epoch[RIG_BROKERS + 1];      /* of every log */
    int64_t end_offset[RIG_BROKERS + 1];
    enum err end_err[RIG_BROKERS + 1];
    bool holds_ends[RIG_BROKERS + 1]; /* the answer is on its way until rig_release_ends */
    struct buf trace;                 /* requests to brokers, channels, terms */
    struct arena arena;               /* answers */
    struct rig_answer answers[64];
    int answers_count;
    struct rig_timer timers[64];
    int timers_count;
    struct { /* work still to be fed to a core */
        int core;
        uint64_t ticket;
        int broker_id;
        enum err transport;
        enum err err;
        struct controller_reply_partition *partitions;
        int32_t partitions_count;
        bool held;
    } replies[RIG_PENDING];
    int replies_count;

    /* Faults. Operations are counted from 0. */
    int ops_done;
    int batches_done; /* round trips to ZooKeeper */
    int take_over_at; /* before this operation another broker becomes controller; -1 = never */
    int lose_at;      /* this write's answer is lost; -1 = never */
    bool lose_applied;
    int writes_done;
    int64_t intruder; /* session */
    int changes_at_take_over;
};

/* A tree as a started broker leaves it; no broker, no core. */
struct rig *rig_new(void);
void rig_free(struct rig *rig);
/* Registers a broker; the rack may be NULL. */
void rig_register(struct rig *rig, int id, const char *rack);
/* Registers a broker that says which data it has, told apart by a letter. */
void rig_register_with(struct rig *rig, int id, char data, enum znode_loss loss);
struct uuid rig_data(char name);
/* Its session ends. */
void rig_kill(struct rig *rig, int id);
/* Gives a registered broker a core, tells it of its session and runs. Its number. */
int rig_add_core(struct rig *rig, int id);
/* Brokers 1 to n with the core of broker 1 active. */
struct rig *rig_cluster(int n);

void rig_feed(struct rig *rig, int core, const struct controller_event *event);
/* Until nothing moves; timers do not fire. What ZooKeeper answers comes after all else that is due. */
void rig_run(struct rig *rig);
/* One step of it; false when nothing moves. */
bool rig_run_one(struct rig *rig);
/* Fires the timers that are due by then. */
void rig_advance(struct rig *rig, int64_t ms);

/* The core is told that the broker's port refuses, under the present registration; runs. */
void rig_refuse(struct rig *rig, int core, int id);
/* It is told that the broker answers nothing, or answers; runs. */
void rig_silent(struct rig *rig, int core, int id);
void rig_heard(struct rig *rig, int core, int id);
/* What it would be told, under the present registration. */
struct controller_event rig_watched(struct rig *rig, enum controller_event_kind kind, int id);

/* Hands the request to the core and runs; the ticket is `ticket`. */
void rig_request(struct rig *rig, int core, uint64_t ticket, const struct controller_request *request);
/* The one answer to the ticket; fails the test when there is none or more. */
const struct controller_answer *rig_answer(struct rig *rig, uint64_t ticket);
bool rig_is_answered(const struct rig *rig, uint64_t ticket);

/* CreateTopics of one topic. */
const struct controller_answer *rig_create_topic(struct rig *rig, const char *name, int partitions, int rf);
const struct controller_answer *rig_delete_topic(struct rig *rig, const char *name);
/* A topic whose replicas are given, as a tool would write it. */
void rig_put_topic(struct rig *rig, const char *name, int partitions, const int32_t *replicas, int rf);

void rig_release_ends(struct rig *rig, enum err transport);

/* Another broker (id 9) takes the controller's place, with a later epoch. */
void rig_take_over(struct rig *rig);

/* State of a partition; fails the test when there is none. */
const struct znode_state *rig_state(struct rig *rig, const char *topic, int partition);
/* Whether the trace holds the text; and the trace from here on. */
bool rig_saw(struct rig *rig, const char *text);
void rig_forget_trace(struct rig *rig);
/* Place of the text in the trace; fails the test when it is not there. */
size_t rig_place(struct rig *rig, const char *text);

#endif
