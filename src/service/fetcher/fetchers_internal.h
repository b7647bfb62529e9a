/*
 * The inside of the fetchers: fetchers.c (loops, who follows whom), fetcher.c (one link with its connection).
 */
#ifndef BARNABAS_SERVICE_FETCHER_FETCHERS_INTERNAL_H
#define BARNABAS_SERVICE_FETCHER_FETCHERS_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "core/fetcher/fetch_link.h"
#include "service/fetcher/fetchers.h"
#include "service/fetcher/follow.h"

struct channel;
struct fetcher_loop;

/* One link. On its fetcher loop. */
struct fetcher {
    struct list node;
    struct fetcher_loop *owner;
    int32_t leader_id;
    int number;              /* which of num.replica.fetchers */
    struct fetch_link *link; /* `user`: the partition, a share */
    struct loop_timer timer;
    struct loop_deferred kick;

    struct channel *channel; /* NULL = none yet */
    char *host;
    int port;
    bool unreachable; /* it was logged */

    enum fetch_link_wish out; /* the request that is out */
    int16_t version;
    int32_t correlation_id;
    struct arena arena; /* of the request and its answer, until the actions are done */
    struct buf frame;
    struct buf answer; /* the answer's bytes, for as long */
    int away;          /* actions that are not done */

    int64_t measured_ms;      /* when the rate was taken last */
    int64_t measured_fetches; /* and how many there were */
    int64_t rate;
    struct fetch_link_numbers numbers;
};

struct fetcher_loop {
    struct fetchers *all;
    struct broker *broker;
    struct loop *loop;
    struct list links;
    struct list starts; /* partitions about to be set */
    int away;           /* ops of starts and links */
    bool stopping;
    bool stopped;
    struct loop_message begin_message;
    struct loop_message stop_message;
    struct loop_timer measure;

    /* For any thread. */
    _Atomic int64_t max_lag;
    _Atomic int64_t min_rate; /* -1 = no link */
    _Atomic int failed;
};

/* Gives it, in the loop's list (fetcher_free). */
struct fetcher *fetcher_new(struct fetcher_loop *owner, int32_t leader_id, int number);
/* None of its actions is away. */
void fetcher_free(struct fetcher *fetcher);
/* There may be something to send, or nothing left to do. Frees the fetcher later if it follows nothing. */
void fetcher_kick(struct fetcher *fetcher);
/* Closes its connection; what is out fails. */
void fetcher_disconnect(struct fetcher *fetcher);
void fetcher_measure(struct fetcher *fetcher, int64_t now_ms);
/* One op fewer is away. May end the stop. */
void fetcher_loop_op_is_home(struct fetcher_loop *loop);

#endif
