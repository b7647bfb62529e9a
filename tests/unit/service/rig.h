/*
 * A broker's services without network and ZooKeeper: real loops, workers and logs in a
 * temporary directory, a disk that fails when told to, a ZooKeeper that knows topic configs only.
 *
 * Runs on: the test's thread, which is no loop; the rig's loops have threads of their own.
 */
#ifndef BARNABAS_TESTS_UNIT_SERVICE_RIG_H
#define BARNABAS_TESTS_UNIT_SERVICE_RIG_H

#include "fake/fault_disk.h"
#include "port/zk.h"
#include "service/broker.h"
#include "service/partition/append.h"
#include "service/replica/replica_manager.h"

#define RIG_LOOPS_MAX 4
#define RIG_DIRS_MAX  3
#define RIG_ME        1

struct rig {
    int peer_port; /* of every broker, as the metadata has it */
    struct broker broker;
    struct clock clock;
    struct random random;
    struct disk *posix;
    struct disk *disk; /* faults in front of posix */
    struct zk zk;
    bool unsettled;           /* the start ends before it is written down what the last run cost */
    bool without_ids;         /* LeaderAndIsr names topics that have no id */
    const char *topic_config; /* JSON of /config/topics/<any>; NULL = no such znode */
    const char *settings;     /* further lines of server.properties */
    struct loop *loops[RIG_LOOPS_MAX];
    struct loop *control;
    char root[64];
    char *dirs[RIG_DIRS_MAX];
    int dirs_count;
};

/* `topic_config` is what every topic is configured to (JSON of its znode), or NULL. */
void rig_open(struct rig *rig, int loops, int dirs, const char *topic_config);
/* With further lines of server.properties. */
void rig_open_with(struct rig *rig, int loops, int dirs, const char *topic_config, const char *settings);
/* Stops in the server's order and removes the files. */
void rig_close(struct rig *rig);
/* The same with the files left: rig_start goes on with them. */
void rig_stop(struct rig *rig);
void rig_start(struct rig *rig, int loops);

/* Runs fn on a loop and waits for it. */
void rig_on_loop(struct loop *loop, void (*fn)(void *arg), void *arg);

/* LeaderAndIsr for one partition: `leader` leads, replicas and ISR are 1..replicas. Its answer. */
enum err rig_lead(struct rig *rig, const char *topic, int32_t index, int32_t epoch, int32_t leader,
                  int32_t replicas);
/* The same with the partition named twice in one request; gives both answers. */
void rig_lead_twice(struct rig *rig, const char *topic, int32_t index, int32_t epoch, enum err answers[2]);
/* The same with an ISR of the first `isr` replicas. */
enum err rig_lead_isr(struct rig *rig, const char *topic, int32_t index, int32_t epoch, int32_t leader,
                      int32_t replicas, int32_t isr);
/* UpdateMetadata: brokers 1..count are alive, `controller` is controller and is reached at this port. */
void rig_members(struct rig *rig, int32_t count, int32_t controller, int port);
/* StopReplica, with or without deletion. Its answer. */
enum err rig_stop_replica(struct rig *rig, const char *topic, int32_t index, int32_t epoch, bool delete_log);
/* Shared; NULL when there is none. */
struct partition *rig_find(struct rig *rig, const char *topic, int32_t index);
/* Waits until the partition has no log (its directory failed). */
void rig_await_offline(struct partition *part);

/* One append of `records` records, submitted on a loop. */
struct rig_append {
    struct append_op op;
    struct buf records;
    struct loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int done; /* times done ran */
};

void rig_append_begin(struct rig_append *append, struct rig *rig, struct loop *loop, struct partition *part,
                      int16_t acks, int records);
bool rig_append_is_done(struct rig_append *append);
/* Waits for done; gives its error. */
enum err rig_append_await(struct rig_append *append);
void rig_append_time_out(struct rig_append *append);
void rig_append_close(struct rig_append *append);
/* Begin, await, close. */
/* One record of an idempotent producer, acks=1. */
enum err rig_append_numbered(struct rig *rig, struct partition *part, int64_t producer_id, int32_t sequence);
/* One record with a key, acks=1. */
enum err rig_append_pair(struct rig *rig, struct partition *part, struct view key, struct view value);
enum err rig_append(struct rig *rig, struct partition *part, int16_t acks, int records);

/* Follows on the last loop, from brokers at `port`. Once, before the first follower. */
void rig_fetch_from(struct rig *rig, int port);

/* Coordinates groups on the last loop. Once, before the first leader. */
void rig_coordinate(struct rig *rig);

/* A v2 batch, as a client sends it. */
void rig_batch(struct buf *out, int records);

/* A gate before each sync of a log: shut, it holds whoever comes. One in a process. */
void rig_gate_open(struct rig *rig);
void rig_gate_set(bool shut);
void rig_gate_await_somebody(void);

#endif
