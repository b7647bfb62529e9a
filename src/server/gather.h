/*
 * The answer to /metrics: what was counted, and behind it what is looked up when someone asks:
 * of partitions, directories, loops, the cluster, the process.
 *
 * Ownership: borrows the broker and the loops.
 * Runs on: the monitor's loop, except where said.
 */
#ifndef BARNABAS_SERVER_GATHER_H
#define BARNABAS_SERVER_GATHER_H

#include "base/buf.h"
#include "service/broker.h"

struct gatherer;

/* The text in two parts: rows of single partitions, and everything else. Borrowed until it returns. */
typedef void (*gatherer_done_fn)(void *arg, const struct buf *text, const struct buf *partitions);

/* `done` is told of each result. Any thread. Gives it (gatherer_free). */
struct gatherer *gatherer_new(struct broker *broker, struct loop *const *loops, int loops_count,
                              gatherer_done_fn done, void *arg);
/* After its loop was joined; what is in flight ends without a word. */
void gatherer_free(struct gatherer *gatherer);

/* Begins to gather; does nothing while it is at it: whoever asks meanwhile shares the result. */
void gatherer_begin(struct gatherer *gatherer);

#endif
