/*
 * A long poll's interest in one partition: comes home once, when the partition has news
 * compared with what was seen, or when it is cancelled.
 *
 * Ownership: in the request's memory until it is home (watch_is_away is false).
 * Runs on: the loop that submitted.
 */
#ifndef BARNABAS_SERVICE_WATCH_H
#define BARNABAS_SERVICE_WATCH_H

#include "service/partition/partition.h"

struct watch {
    struct partition *part;
    enum log_bound bound;
    int64_t seen_offset; /* the bound when it was read */
    int32_t seen_epoch;  /* the leader epoch then */
    /* By the holder: is there news already? NULL = the bound or the epoch is not as seen. */
    bool (*has_news_fn)(const struct watch *watch, const struct partition *part);
    enum partition_news
        news; /* what has_news_fn wants to be told of; without one it follows from the bound */
    /* Once for each watch_submit: it is home again; `news` tells whether there is something to see. */
    void (*done)(struct watch *watch, bool news);
    void *arg;

    /* Private. */
    struct partition_op op;
    struct partition_op cancel;
    struct partition_watch entry;
    int away;
    bool listed;   /* by the holder: it is in the partition's list */
    bool has_news; /* by the holder */
    bool cancelled;
};

void watch_submit(struct watch *watch);
/* It is to come home; harmless when it is home or on its way. */
void watch_cancel(struct watch *watch);

#endif
