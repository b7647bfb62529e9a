/*
 * The HTTP endpoint of a broker: /metrics, /healthz, /readyz (barnabas.metrics.listener).
 *
 * It has a loop of its own. Numbers of partitions are gathered by ops on them
 * (service/partition/partition.h): most run here and now, one whose partition is held comes home later, and
 * no other loop waits. A partition that does not answer in time, since its directory hangs, is left out and
 * counted.
 *
 * Strangers may connect: their number, the size of what they send, and how long they may take
 * are bounded.
 *
 * Runs on: its loop, except where said.
 */
#ifndef BARNABAS_SERVER_MONITOR_H
#define BARNABAS_SERVER_MONITOR_H

#include "loop/loop.h"
#include "service/broker.h"

struct monitor;

struct monitor_config {
    const char *listener;      /* host:port, :port */
    struct loop *loop;         /* not started yet */
    struct loop *const *loops; /* all of the broker, to be watched */
    int loops_count;
};

/* Binds the listener; borrows broker and loops. Before its loop starts. Gives it (monitor_free). */
struct monitor *monitor_new(struct broker *broker, const struct monitor_config *config, struct errmsg *why);
/* After its loop has stopped and been joined. */
void monitor_free(struct monitor *monitor);

#endif
