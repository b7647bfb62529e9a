/*
 * The broker: who is who. One struct, built by server/, passed down; no global state
 * stands beside it. It holds no logic.
 *
 * Ownership: server/ owns everything here and takes it down in reverse order.
 * Runs on: the pointers are constant while requests are served; what is behind them says
 * for itself.
 */
#ifndef BARNABAS_SERVICE_BROKER_H
#define BARNABAS_SERVICE_BROKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/snapshot.h"
#include "loop/workers.h"
#include "port/clock.h"
#include "port/disk.h"
#include "port/random.h"

struct config;
struct control_fence;
struct controller_channel;
struct controller_loop;
struct fetch_sessions;
struct fetchers;
struct groups;
struct isr_changes;
struct metadata_cache;
struct metrics;
struct net_server;
struct producer_ids;
struct registration;
struct replica_manager;
struct replication_quotas;
struct strays;
struct topic_configs;
struct topic_creation;
struct zk;
struct zk_client;

/* As Kafka numbers them in its metric BrokerState. */
enum broker_state {
    BROKER_NOT_RUNNING = 0,
    BROKER_STARTING = 1,
    BROKER_RECOVERY = 2, /* loads its logs */
    BROKER_RUNNING = 3,
    BROKER_PENDING_SHUTDOWN = 6,
    BROKER_SHUTTING_DOWN = 7
};

struct broker {
    _Atomic int state; /* enum broker_state; from RUNNING on everything below is there */
    int32_t id;
    char cluster_id[64];
    _Atomic bool registered;    /* under the present session */
    _Atomic int64_t epoch;      /* czxid of /brokers/ids/N; -1 = not registered */
    int64_t replica_lag_max_ms; /* replica.lag.time.max.ms */
    /* Nobody is deposed without having stood still, or been cut off, for longer: half a session, or half of
     * what it takes to be suspected for being silent. */
    int64_t sure_to_lead_ms;

    struct clock *clock;
    struct random *random;
    struct disk *disk;

    struct loop **net_loops;
    int net_loops_count;
    struct loop *control_loop; /* requests of the controller, in order; timers of the services */
    struct loop *groups_loop;  /* the groups that this broker coordinates */
    struct workers *workers;
    struct snapshot_domain *domain; /* every loop that reads snapshots */

    struct snapshot config;      /* struct config: the settings in force */
    pthread_mutex_t config_lock; /* replacing it, and sharing it from threads that are not loops */
    bool dynamic_settings;       /* /config/brokers said something when it was last read */
    struct net_server *net;
    struct loop *zk_loop; /* the controller's: ZooKeeper events, the controller core, channels */
    struct zk *zk;        /* on zk_loop */
    const struct zk_client *zk_client;
    struct metadata_cache *metadata;
    struct topic_configs *topic_configs;
    struct topic_creation *topic_creation;
    struct replica_manager *replicas;
    struct replication_quotas *quotas;
    struct control_fence *fence;
    struct controller_loop *controller;
    struct controller_channel *controller_channel; /* to whoever is controller, on control_loop */
    struct isr_changes *isr_changes;
    struct producer_ids *producer_ids;
    struct strays *strays;
    struct groups *groups;
    struct fetchers *fetchers;             /* NULL before the logs are loaded */
    struct fetch_sessions *fetch_sessions; /* one for each network loop */
    struct registration *registration;
    struct metrics *metrics; /* shards by loop_index */
};

/* Settings in force, borrowed until the calling loop's callback returns. */
static inline const struct config *broker_config(const struct broker *broker)
{
    return snapshot_get(&broker->config);
}

#endif
