/*
 * What the broker counts. One table (metrics/metrics.def) says what there is.
 *
 * Counts are kept in shards. A shard has one writer, so that counting is a load and a store
 * without a bus lock and no line of memory moves between cores; whoever asks adds the shards
 * up. Every network loop has a shard; threads that are not loops use the common one, which
 * takes a lock or a locked instruction and is for what happens seldom.
 *
 * Series by topic are found by name once and then kept with whoever counts (a partition);
 * series by kind of request are an array. What a loop has not counted yet is allocated
 * when it does so first: nothing is, for each request, in the steady state.
 *
 * Ownership: the metrics own everything; a topic's series are shared.
 * Runs on: as marked.
 */
#ifndef BARNABAS_METRICS_METRICS_H
#define BARNABAS_METRICS_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/view.h"
#include "metrics/metric_table.h"

struct metrics;
struct metrics_shard;
struct metrics_topic;

/* `writers`: how many shards of their own are wanted. Gives it (metrics_free). */
struct metrics *metrics_new(int writers);
/* Every topic was released. */
void metrics_free(struct metrics *metrics);

/* Shard `index` of 0..writers-1, for one thread; any other index gives the common one. Any thread. */
struct metrics_shard *metrics_shard(struct metrics *metrics, int index);

/* --- counting; the shard's thread --- */

/* A metric of kind COUNTED, or one that is counted for the broker only. */
void metrics_add(struct metrics_shard *shard, enum metric id, int64_t n);
/* The shard's part of a gauge. Not on the common shard. */
void metrics_set(struct metrics_shard *shard, enum metric id, int64_t value);
/* A SUMMARY that is COUNTED; in the unit it is kept in (microseconds for times). */
void metrics_observe(struct metrics_shard *shard, enum metric id, int64_t value);

/* For the topic and for the broker; `topic` NULL counts for the broker only. */
void metrics_topic_add(struct metrics_shard *shard, struct metrics_topic *topic, enum metric id, int64_t n);

/* Kinds of request that have a name of their own beside that of their API. */
#define METRICS_KIND_FETCH_CONSUMER 126
#define METRICS_KIND_FETCH_FOLLOWER 127
#define METRICS_KINDS               128

struct metrics_request {
    int kind; /* API key, or one of the above */
    int version;
    const char *name; /* constant text */
    int64_t total_us;
    int64_t local_us;
    int64_t remote_us;
    int64_t send_us; /* -1: nothing was sent */
};

/* A request is over. Not on the common shard. */
void metrics_count_request(struct metrics_shard *shard, const struct metrics_request *request);
/* An error code in an answer, ERR_NONE too. `name` as above. Not on the common shard. */
void metrics_count_error(struct metrics_shard *shard, int kind, const char *name, enum err err);

/* --- topics; any thread --- */

/* The series of a topic, shared with whoever has them already. Gives a share (metrics_topic_release). */
struct metrics_topic *metrics_topic_get(struct metrics *metrics, const char *name);
/* With the last share the topic's series end, as Kafka's do when a broker has no partition of it left. */
void metrics_topic_release(struct metrics_topic *topic);

/* --- reading; any thread, slightly old --- */

int64_t metrics_value(const struct metrics *metrics, enum metric id);
int64_t metrics_topic_value(const struct metrics_topic *topic, enum metric id);

#endif
