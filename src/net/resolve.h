/*
 * From a host name to addresses, without blocking the loop: numbers at once,
 * names by /etc/hosts and DNS.
 *
 * Runs on: the loop it is asked on.
 */
#ifndef BARNABAS_NET_RESOLVE_H
#define BARNABAS_NET_RESOLVE_H

#include <netinet/in.h>

#include "loop/loop.h"

#define RESOLVE_ADDRS_MAX 8

union resolve_addr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct resolve_result {
    union resolve_addr addrs[RESOLVE_ADDRS_MAX];
    int count; /* 0 = the name has none, or nobody answers */
};

struct resolve;

/* `done` is called once, never before this returns, unless resolve_cancel comes first. */
struct resolve *resolve_start(struct loop *loop, const char *host, int port,
                              void (*done)(void *arg, const struct resolve_result *result), void *arg);
void resolve_cancel(struct resolve *resolve);

#endif
