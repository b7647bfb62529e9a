/*
 * The replicas on this broker: which partitions it has, what the controller wants of them.
 *
 *   find            any loop, without a lock: a snapshot of the table
 *   leader_and_isr, stop_replica
 *                   requests of the controller, one at a time and in order: they queue on the
 *                   control loop and are carried out on a worker, which may create logs and
 *                   wait for the disk; their answer goes back to the loop of the request
 *   load            at start: opens every log on all cores
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_REPLICA_REPLICA_MANAGER_H
#define BARNABAS_SERVICE_REPLICA_REPLICA_MANAGER_H

#include "loop/loop.h"
#include "loop/snapshot.h"
#include "service/broker.h"
#include "service/partition/partition.h"
#include "service/replica/log_dirs.h"

struct replica_manager;
struct partition_settings;

/* The table: immutable, replaced as a whole. */
struct partition_table {
    struct map by_key;        /* see partition_key */
    struct partition **items; /* all of them, a share each */
    int count;
};

/* Gives the manager (replica_manager_free). */
struct replica_manager *replica_manager_new(struct broker *broker);
void replica_manager_free(struct replica_manager *manager);
struct log_dirs *replica_manager_dirs(struct replica_manager *manager);

/* --- start and stop; on the starting thread, blocking --- */

/* Opens every log of every live directory. */
MUST_USE enum err replica_manager_load(struct replica_manager *manager, struct errmsg *why);
/* Begins the periodic work: retention, checkpoints, flush.ms, producer expiry. */
void replica_manager_start(struct replica_manager *manager);
/*
 * Flushes and closes every log, writes checkpoints and the clean-shutdown markers. Loops have stopped
 * serving. With `is_settled` false the start ended before it was written down what the run before had cost
 * (identity/incarnation.h): a directory that was not clean then is not made to look so.
 */
void replica_manager_stop(struct replica_manager *manager, bool is_settled);
/*
 * After that: forgets the recorded session, which the broker closes by itself. Directories that did not stop
 * in order keep the record: it says in which boot that was.
 */
void replica_manager_forget_session(struct replica_manager *manager);

/* --- lookups; on a loop, borrowed until its callback returns --- */

const struct partition_table *replica_manager_table(struct replica_manager *manager);
/* NULL when this broker has no such replica. */
struct partition *replica_manager_find(struct replica_manager *manager, struct view topic, int32_t index);
/*
 * As find, with Kafka's answer when there is none: ERR_NOT_LEADER_OR_FOLLOWER when the cluster has the
 * partition elsewhere, ERR_UNKNOWN_TOPIC_OR_PARTITION when it has not.
 */
enum err replica_manager_find_or_error(struct replica_manager *manager, struct view topic, int32_t index,
                                       struct partition **out);

/* --- the controller's requests --- */

/* Work that is carried out in order, on a worker. Embedded in its subject. */
struct control_job {
    struct loop_message message;
    struct control_job *next;
    struct replica_manager *manager;
    struct loop *home;                      /* where done runs */
    void (*run)(struct control_job *job);   /* on a worker: may block */
    void (*apply)(struct control_job *job); /* on the control loop after run; may be NULL */
    void (*done)(struct control_job *job);  /* on home */
    const char *label;
};

/* Queues the job behind all earlier ones. Any thread. */
void replica_manager_submit(struct replica_manager *manager, struct control_job *job);

/* --- inside control jobs (on their worker) --- */

struct wire_leader_and_isr_request;
struct wire_leader_and_isr_response;
struct wire_stop_replica_request;
struct wire_stop_replica_response;
struct arena;

/* Carries the request out; answers for each partition in `out` (arrays in `arena`). */
void replica_manager_leader_and_isr(struct replica_manager *manager, int16_t version,
                                    const struct wire_leader_and_isr_request *request, struct arena *arena,
                                    struct wire_leader_and_isr_response *out);
void replica_manager_stop_replica(struct replica_manager *manager, int16_t version,
                                  const struct wire_stop_replica_request *request, struct arena *arena,
                                  struct wire_stop_replica_response *out);
/* Replicas are to lie in these log directories: see service/mover/mover.h. */
struct mover_request;
void replica_manager_alter_log_dirs(struct replica_manager *manager, struct mover_request *requests,
                                    int32_t count);

/* How many records are still to be copied of the replica, moving between log directories, that is farthest
 * behind. Any thread. */
int64_t replica_manager_move_lag(struct replica_manager *manager);

/* What compacts the logs. Any thread. */
struct cleaner *replica_manager_cleaner(struct replica_manager *manager);

/* --- settings; on a worker --- */

/* /config/topics/T changed: every partition of the topic takes it. */
void replica_manager_update_topic(struct replica_manager *manager, const char *topic);
/* Changes of topics may have been missed: the same for all that are held here. */
void replica_manager_update_topics(struct replica_manager *manager);
/* The broker's settings changed: every partition takes what follows from them. */
void replica_manager_update_all(struct replica_manager *manager);
/* num.replica.fetchers may have changed: a job sees to it. Any thread. */
void replica_manager_resize_fetchers(struct replica_manager *manager);

/* Key of a partition in maps: topic and index. `out` has room for PARTITION_KEY_MAX. */
#define PARTITION_KEY_MAX (255 + 4)
struct view partition_key(uint8_t out[PARTITION_KEY_MAX], struct view topic, int32_t index);

#endif
