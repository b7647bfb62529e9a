/*
 * Is there anybody at that address? A connection that says nothing, held open to learn when the other side
 * goes; when it does, further attempts tell a process that is gone (its port refuses) from a network that
 * fails.
 *
 * Only refusals are evidence (ECONNREFUSED at every address of the name): an attempt that times out, a host
 * that cannot be reached, a name that does not resolve, say nothing, and begin the count anew, as does a
 * connection that comes about.
 *
 * Runs on: the loop it was made with.
 */
#ifndef BARNABAS_NET_PRESENCE_H
#define BARNABAS_NET_PRESENCE_H

#include "loop/loop.h"

struct presence;

struct presence_config {
    const char *host;
    int port;
    int64_t refused_ms; /* for how long nothing but refusals must come */
};

/* At least so many refusals, however short refused_ms is. */
#define PRESENCE_REFUSALS_MIN 3

/*
 * Every attempt was refused for refused_ms. `was_there`: there was a connection before. Told again, not more
 * than about once a second, for as long as that goes on. May free the presence.
 */
typedef void (*presence_refused_fn)(void *arg, bool was_there);

/* Connects at once, and again whenever the connection is lost. Copies config. Gives it (presence_free). */
struct presence *presence_new(struct loop *loop, const struct presence_config *config,
                              presence_refused_fn refused, void *arg);
void presence_free(struct presence *presence);

#endif
