/*
 * One direction of one connection: what is sent arrives in order, late, and not while the link is cut or the
 * receiver stands still. Different pipes overtake each other.
 *
 * Ownership: a pipe borrows its messages from pipe_send until `arrive` or `lost`.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_PIPE_H
#define BARNABAS_TESTS_SIM_PIPE_H

#include "sim/world.h"

struct pipe_message {
    struct list node;
    void (*arrive)(struct sim *sim, struct pipe_message *message);
    void (*lost)(struct sim *sim, struct pipe_message *message); /* NULL = nothing to do */
};

struct pipe;

struct pipe *pipe_new(struct sim *sim, int from, int to);
/* What is in it is lost. NULL is a no-op. */
void pipe_free(struct pipe *pipe);
void pipe_send(struct pipe *pipe, struct pipe_message *message);
/* How long something is on its way between two endpoints now. */
int64_t pipe_latency_us(struct sim *sim);

#endif
