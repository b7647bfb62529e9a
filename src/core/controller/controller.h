/*
 * The controller: the one broker of a cluster that decides who leads which
 * partition. Every broker has this core; the one whose session owns /controller
 * is active.
 *
 * Pure: it is told of events and appends effects. One activity runs at a time, from
 * a queue in order of arrival, as on Kafka's controller event thread; an activity that
 * needs ZooKeeper waits for its batch while later events queue up.
 *
 * Every write is fenced by a check of /controller_epoch in the same multi. A check that
 * fails means that another broker won: the activity is dropped where it stands and the
 * controller resigns. So does any answer of ZooKeeper that it has no rule for: a new
 * controller reads the whole state again.
 *
 * Every request gets exactly one answer.
 *
 * Runs on: controller loop (whoever owns it, one at a time).
 */
#ifndef BARNABAS_CORE_CONTROLLER_CONTROLLER_H
#define BARNABAS_CORE_CONTROLLER_CONTROLLER_H

#include "config/inter_broker.h"
#include "core/controller/effects.h"
#include "core/controller/events.h"

struct controller;

struct controller_config {
    int32_t broker_id;
    uint64_t seed;                       /* of topic ids and of where assignments begin */
    bool unclean_election;               /* unclean.leader.election.enable of this broker */
    bool delete_topic;                   /* delete.topic.enable */
    bool auto_rebalance;                 /* auto.leader.rebalance.enable */
    int64_t rebalance_check_ms;          /* leader.imbalance.check.interval.seconds */
    int32_t imbalance_pct;               /* leader.imbalance.per.broker.percentage */
    int32_t min_isr;                     /* min.insync.replicas of this broker */
    const struct inter_broker *versions; /* of inter.broker.protocol.version, borrowed; NULL = the newest */
    bool suspect;                        /* barnabas.broker.suspect.enable */
    int64_t suspect_pause_ms;            /* barnabas.broker.suspect.interval.ms */
    int64_t log_wait_ms;                 /* barnabas.longest.log.wait.ms */
};

/* Gives the controller (controller_free). It does nothing until a session is opened. */
struct controller *controller_new(const struct controller_config *config);
void controller_free(struct controller *c);

bool controller_is_active(const struct controller *c);
/* Of this broker's own term; 0 while it is not active. */
int32_t controller_epoch(const struct controller *c);
/* The broker that /controller named when it was last read; -1 = none. */
int32_t controller_known_id(const struct controller *c);

/* Partitions without a leader because the last of their ISR came back with less than it had acknowledged. */
int32_t controller_kept_offline(const struct controller *c);

/*
 * Takes one event in and appends what it leads to. now_ms is monotonic. The effects are to be carried out,
 * or copied, before the next call.
 */
void controller_step(struct controller *c, const struct controller_event *event, int64_t now_ms,
                     struct controller_effects *out);

#endif
