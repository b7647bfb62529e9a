/*
 * What one broker still has to be told.
 *
 * An entry names a partition, not a message: the message is made from the present state
 * when it is sent, so that what was superseded while an earlier request was in flight
 * travels once. At most one request is in flight; what could not be delivered is put back.
 *
 *   batch:  LeaderAndIsr -> UpdateMetadata -> StopReplica -> where logs end, then the next batch
 *
 * New entries join the last batch that has not begun. Two orders are kept: a LeaderAndIsr
 * cancels a StopReplica of the same partition that did not leave yet, and waits in a batch
 * of its own behind one that deletes, or that is of an earlier topic of that name.
 *
 * Runs on: controller loop.
 */
#ifndef BARNABAS_CORE_CONTROLLER_OUTBOX_H
#define BARNABAS_CORE_CONTROLLER_OUTBOX_H

#include "base/list.h"
#include "base/map.h"
#include "core/controller/effects.h"
#include "core/controller/events.h"

struct controller;
struct ctl_broker;
struct ctl_partition;

struct ctl_out_entry {
    struct ctl_partition *p; /* NULL: forgotten, its name is kept below */
    char *topic;
    struct uuid topic_id;
    int32_t number;
    bool is_new;           /* LeaderAndIsr; sticky */
    bool delete_partition; /* StopReplica; sticky */
    int32_t leader_epoch;  /* StopReplica: as it was when asked; the others: as it was when sent */
};

/* Entries of one kind of request, each partition once. */
struct ctl_out_set {
    struct map places; /* partition address -> place + 1 */
    struct ctl_out_entry *items;
    int32_t count;
    int32_t cap;
};

enum ctl_out_kind {
    CTL_OUT_LEADER_AND_ISR,
    CTL_OUT_UPDATE_METADATA,
    CTL_OUT_STOP_REPLICA,
    CTL_OUT_LOG_ENDS,
    CTL_OUT_KINDS
};

struct ctl_out_batch {
    struct list node;
    struct ctl_out_set sets[CTL_OUT_KINDS];
    bool brokers_changed; /* an UpdateMetadata is due even without partitions */
    bool begun;           /* takes no more entries */
};

struct ctl_outbox {
    struct list batches;
    bool in_flight;
    uint64_t ticket;
    enum ctl_out_kind flight_kind;
    struct ctl_out_set flight;
    bool backing_off;
    int failures; /* errors in a row */
};

void ctl_outbox_init(struct ctl_outbox *outbox);
void ctl_outbox_close(struct ctl_outbox *outbox);

/* To the named brokers that are registered; and, as always with it, UpdateMetadata to everybody. */
void ctl_send_leader_and_isr(struct controller *c, struct ctl_partition *p, const struct znode_ids *brokers,
                             bool is_new);
void ctl_send_leader_and_isr_to(struct controller *c, struct ctl_partition *p, int32_t broker_id,
                                bool is_new);
void ctl_send_update_metadata(struct controller *c, struct ctl_partition *p);
void ctl_send_update_metadata_to(struct ctl_broker *broker, struct ctl_partition *p);
/* The list of live brokers alone; what is put in after it leaves after it. */
void ctl_send_brokers_to(struct ctl_broker *broker);
void ctl_send_brokers(struct controller *c);
/* Brokers went: nothing can depend on that, so it holds nothing up. */
void ctl_send_fewer_brokers(struct controller *c);
/* leader_epoch: as the broker should know it; the topic's deletion overrides it. */
void ctl_send_stop_replica(struct controller *c, struct ctl_partition *p, int32_t broker_id,
                           int32_t leader_epoch, bool delete_partition);
/* Asks where the broker's log of it ends, once it has heard what it is sent before. */
void ctl_ask_log_end(struct controller *c, struct ctl_partition *p, int32_t broker_id);
/* The partition is about to be freed: keep what has to be told, by name; drop the rest. */
void ctl_outbox_scrub(struct ctl_broker *broker, const struct ctl_partition *p);

/* The channel was replaced: what was in flight on it is never answered, and goes again. */
void ctl_outbox_abandon(struct ctl_broker *broker);
/* Sends what may be sent. */
void ctl_outbox_flush(struct controller *c);
/* Takes a broker's answer in; queues what has to be decided about it. */
void ctl_outbox_reply(struct controller *c, const struct controller_event *event);
void ctl_outbox_timer(struct controller *c, int32_t broker_id);

#endif
