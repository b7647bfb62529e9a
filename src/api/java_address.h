/*
 * An address as Java's InetAddress.toString writes one that has no name: "/10.0.0.1", "/0:0:0:0:0:0:0:1".
 * Runs on: any.
 */
#ifndef BARNABAS_API_JAVA_ADDRESS_H
#define BARNABAS_API_JAVA_ADDRESS_H

#include <sys/socket.h>

#include "base/arena.h"

/* NULL gives "/", for a peer that is gone. */
struct view java_address(const struct sockaddr *addr, struct arena *arena);

#endif
