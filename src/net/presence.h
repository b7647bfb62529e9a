/*
 * Is there anybody at that address? A connection, held open to learn when the other side goes, on which a
 * request is asked from time to time. Two kinds of evidence, never mixed:
 *
 *   refused  the connection was closed, and every attempt since was refused (ECONNREFUSED at every address of
 *            the name): the process is gone. An attempt that times out, a host that cannot be reached, a name
 *            that does not resolve, begin this count anew, as does a connection that comes about.
 *   silent   it answered once, and then nothing came for so long, on this connection or on new ones: the
 *            process stands still, or the network fails. A refusal begins this count anew.
 *
 * Time in which this process stood still itself does not count: see presence.c.
 *
 * Runs on: the loop it was made with.
 */
#ifndef BARNABAS_NET_PRESENCE_H
#define BARNABAS_NET_PRESENCE_H

#include "base/view.h"
#include "loop/loop.h"

struct presence;

struct presence_config {
    const char *host;
    int port;
    int64_t refused_ms; /* for how long nothing but refusals must come */
    int64_t silent_ms;  /* for how long what was asked must stay unanswered */
    struct view ask;    /* a request, as a frame with its size; VIEW_NULL = nothing is asked */
};

/* At least so many refusals, however short refused_ms is. */
#define PRESENCE_REFUSALS_MIN 3

/* What it tells. Any of these may free the presence. */
struct presence_events {
    /* Every attempt was refused for refused_ms. `was_there`: there was a connection before. Told again, not
     * more than about once a second, for as long as that goes on. */
    void (*refused)(void *arg, bool was_there);
    /* Nothing was answered for silent_ms. Told again as above. */
    void (*silent)(void *arg);
    /* It was heard, and then nothing was answered for half of silent_ms. */
    void (*quiet)(void *arg);
    /* An answer came: the first, or the first after one of the above was told. */
    void (*heard)(void *arg);
    void *arg;
};

/* Connects at once, and again whenever the connection is lost. Copies config and events. Gives it
 * (presence_free). */
struct presence *presence_new(struct loop *loop, const struct presence_config *config,
                              const struct presence_events *events);
void presence_free(struct presence *presence);

#endif
