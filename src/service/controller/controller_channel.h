/*
 * What this broker asks of the active controller, over the wire, whoever that is: AlterPartition,
 * AllocateProducerIds, CreateTopics on demand, ControlledShutdown.
 *
 * Finds the controller in the metadata, by the control-plane listener or else the inter-broker one; asks
 * again, after a moment, when it moved, cannot be reached or does not answer. The caller sees an answer, or
 * that its time is over.
 *
 *   ask -> waits -> controller known? --yes--> away --answer--> home
 *            ^                                  |
 *            `--- NOT_CONTROLLER, no answer ----'
 *
 * Runs on: the control loop; controller_channel_ask any thread.
 */
#ifndef BARNABAS_SERVICE_CONTROLLER_CONTROLLER_CHANNEL_H
#define BARNABAS_SERVICE_CONTROLLER_CONTROLLER_CHANNEL_H

#include "base/arena.h"
#include "base/list.h"
#include "loop/loop.h"
#include "service/broker.h"

struct controller_channel;

/* Reads its settings now. Gives it (controller_channel_free). */
struct controller_channel *controller_channel_new(struct broker *broker);
/* Every question that is open is answered with ERR_CLOSED, and so is every later one. Blocks; not on the
 * loop. */
void controller_channel_stop(struct controller_channel *channel);
/* After the loop has been joined. */
void controller_channel_free(struct controller_channel *channel);

/* One question. Embedded in its owner, which stays until `done` has run. */
struct controller_question {
    int16_t api_key;
    int16_t version;
    const void *request; /* wire struct of that API; borrowed until done */
    int64_t timeout_ms;  /* 0 = as long as it takes */
    bool once;           /* the first failure to get an answer ends it */
    struct loop *home;   /* where done runs */
    /*
     * err: ERR_NONE and the decoded answer, valid in done; ERR_REQUEST_TIMED_OUT; ERR_CLOSED; ERR_MALFORMED
     * for an answer that cannot be read; for `once` also ERR_NOT_CONTROLLER when no controller is known, and
     * what net/channel.h says of a connection. An answer that says NOT_CONTROLLER is not given unless `once`:
     * the question is asked again.
     */
    void (*done)(struct controller_question *question, enum err err, const void *answer);

    /* Private. */
    struct controller_channel *channel;
    struct list node; /* among those that wait */
    struct loop_message message;
    struct loop_timer timer;
    struct controller_asked *asked; /* while it is away */
    struct arena arena;             /* the answer's memory */
    enum err err;
    void *answer;
};

/* done is called exactly once, never before this returns. */
void controller_channel_ask(struct controller_channel *channel, struct controller_question *question);

#endif
