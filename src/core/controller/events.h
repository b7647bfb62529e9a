/*
 * What the controller's core is told.
 *
 * Ownership: everything an event points at is borrowed for the call of controller_step, except
 * a request, which is borrowed until it is answered.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_CONTROLLER_EVENTS_H
#define BARNABAS_CORE_CONTROLLER_EVENTS_H

#include "core/controller/requests.h"
#include "core/controller/zk_ops.h"

enum controller_event_kind {
    CONTROLLER_EVENT_SESSION_OPENED,  /* a session stands and this broker is registered in it */
    CONTROLLER_EVENT_SESSION_EXPIRED, /* also: the broker is stopping */
    CONTROLLER_EVENT_WATCH,           /* something changed at `path`: a hint to read again */
    CONTROLLER_EVENT_ZK_DONE,         /* every operation of a batch is answered */
    CONTROLLER_EVENT_REPLY,           /* a broker answered a request, or could not be reached */
    CONTROLLER_EVENT_REQUEST,
    CONTROLLER_EVENT_TIMER,
    CONTROLLER_EVENT_UNCLEAN_ELECTION, /* unclean.leader.election.enable was read anew */
    /* Of a broker on the endpoint that WATCH_PEER named last: its port refuses, or it answers nothing, for as
     * long as settings say, both told again while that lasts; half of that time has passed without an answer;
     * or it answers, for the first time or again. */
    CONTROLLER_EVENT_REFUSED,
    CONTROLLER_EVENT_SILENT,
    CONTROLLER_EVENT_QUIET,
    CONTROLLER_EVENT_HEARD
};

/* Outcome of one partition of a LeaderAndIsr, StopReplica or ListOffsets; LeaderAndIsr v5+ names topics by
 * id. */
struct controller_reply_partition {
    const char *topic; /* NULL = by id */
    struct uuid topic_id;
    int32_t partition;
    enum err err;
    int32_t end_epoch;  /* ListOffsets: of the last records; -1 = none */
    int64_t end_offset; /* ListOffsets: of the log */
};

struct controller_event {
    enum controller_event_kind kind;
    union {
        struct {
            int64_t session_id;
            int64_t broker_epoch;
        } session_opened;
        struct {
            const char *path;
            bool children; /* of the path, not its data or existence */
        } watch;
        struct {
            uint64_t ticket;
            const struct controller_op_result *results; /* one per operation of the batch */
            int32_t results_count;
        } zk_done;
        struct {
            int32_t broker_id;
            uint64_t ticket;
            /* ERR_NONE: answered; else the transport's error, and the core will send again. */
            enum err transport;
            enum err err; /* top level of the answer */
            const struct controller_reply_partition *partitions;
            int32_t partitions_count;
        } reply;
        struct {
            uint64_t ticket; /* the caller's own; comes back with the one answer */
            const struct controller_request *request;
        } request;
        struct {
            uint64_t timer_id;
        } timer;
        struct {
            const char *topic; /* NULL = the brokers' default */
            bool enabled;
        } unclean_election;
        struct {
            int32_t broker_id;
            int64_t broker_epoch; /* as the effect named it */
            bool was_there;       /* REFUSED: there was a connection before */
        } watched;                /* REFUSED, SILENT, QUIET, HEARD */
    };
};

#endif
