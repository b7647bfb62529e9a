/*
 * What is counted of appends and reads: one call at each place, Kafka's rules inside.
 *
 * Runs on: the loop of the request, except where said.
 */
#ifndef BARNABAS_SERVICE_COUNT_H
#define BARNABAS_SERVICE_COUNT_H

#include "metrics/metrics.h"
#include "service/broker.h"

struct append_op;
struct partition;
struct read_op;

/* The shard of the calling loop; of a thread that is none, the common one. Any thread. */
struct metrics_shard *count_shard(const struct broker *broker);

/* An append is done, or its partition was not found (op->part NULL). */
void count_append(const struct append_op *op);
/* A partition was read for a Fetch. */
void count_read(const struct read_op *op);
/* What was read is being sent. */
void count_sent(const struct read_op *op);

#endif
