/*
 * The controller's shell: feeds the core (core/controller) what ZooKeeper, other brokers
 * and requests bring, and carries out what it decides: operations on the ZooKeeper
 * session, LeaderAndIsr, UpdateMetadata and StopReplica to every broker, timers, answers.
 *
 * It runs on the loop that the broker's ZooKeeper session was made with. The owner of the
 * session passes on what concerns the controller: the four functions marked so.
 *
 * Runs on: controller loop, except where said.
 */
#ifndef BARNABAS_SERVICE_CONTROLLER_CONTROLLER_LOOP_H
#define BARNABAS_SERVICE_CONTROLLER_CONTROLLER_LOOP_H

#include "core/controller/controller.h"
#include "loop/loop.h"
#include "port/random.h"
#include "port/zk.h"

struct controller_loop;

struct controller_loop_config {
    struct controller_config core; /* seed is drawn from `random` */
    const char *listener;          /* upper case: the brokers' listener that requests go to (control plane or
                                      inter-broker) */
    int64_t socket_timeout_ms;     /* controller.socket.timeout.ms: to connect */
    int64_t request_timeout_ms;    /* request.timeout.ms: for an answer */
    int64_t max_answer_bytes;
    int64_t refused_ms; /* barnabas.broker.suspect.refused.ms */
    int64_t silent_ms;  /* barnabas.broker.suspect.silent.ms */
};

/* Copies config; borrows loop, zk and random. Gives the shell (controller_loop_free). Any thread, before
 * start. */
struct controller_loop *controller_loop_new(const struct controller_loop_config *config, struct loop *loop,
                                            struct zk *zk, struct random *random);
/* After the loop has stopped and been joined, or on the loop. */
void controller_loop_free(struct controller_loop *cl);

/* From the session's owner: this broker stands in /brokers/ids with this epoch. */
void controller_loop_registered(struct controller_loop *cl, int64_t session_id, int64_t broker_epoch);
/* From the session's owner: the session is over. */
void controller_loop_expired(struct controller_loop *cl);
/* From the session's owner: a watch fired. Paths that the controller does not read are passed over. */
void controller_loop_watch(struct controller_loop *cl, enum zk_watch_kind kind, const char *path);
/*
 * Resigns in memory and answers every open call; the session's end then frees /controller. Blocks; not on
 * the loop.
 */
void controller_loop_stop(struct controller_loop *cl);

/* As published last; any thread. */
bool controller_loop_is_active(const struct controller_loop *cl);

/* Partitions that have no leader because the last of their ISR lost data; 0 while not active. Any thread. */
int32_t controller_loop_kept_offline(const struct controller_loop *cl);

/*
 * One request to the controller. Embedded in its owner; what `request` points at must live
 * until `done` has run.
 */
struct controller_call {
    struct controller_request request;
    struct loop *home; /* where `done` runs */
    /* `discard`: the home loop is stopping; free, do nothing else. */
    void (*done)(struct controller_call *call, bool discard);
    struct controller_answer answer; /* valid in done, until controller_call_close */
    struct arena arena;              /* private: the answer's memory */
    struct loop_message message;     /* private */
    struct controller_loop *loop;    /* private */
    uint64_t ticket;                 /* private */
};

/* Any thread. Answered exactly once; at once with ERR_NOT_CONTROLLER where this broker is not active. */
void controller_loop_request(struct controller_loop *cl, struct controller_call *call);
void controller_call_close(struct controller_call *call);

/*
 * What unclean.leader.election.enable is for the topic, or as the default of all (topic NULL), after the
 * settings were read anew. Where it allows such elections now, the active controller looks for a leader for
 * the partitions that have none (zookeeper-and-controller 3.6). Any thread.
 */
void controller_loop_unclean_election(struct controller_loop *cl, const char *topic, bool enabled);

#endif
