#include "net/resolve.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

/*
 * libevent's resolver is made for each question and freed after it: connections are
 * made rarely, and so a changed resolv.conf or hosts file is seen. It must not be
 * freed in its own callback, so the answer is passed on by deferred work.
 *
 * A cancelled question fails at once; its callback comes later and frees.
 */

struct resolve {
    struct loop *loop;
    struct evdns_base *dns;
    struct loop_deferred deferred;
    struct resolve_result result;
    void (*done)(void *arg, const struct resolve_result *result);
    void *arg;
    bool answered;
    bool cancelled;
};

static void keep_addrs(struct resolve *resolve, const struct addrinfo *found)
{
    for (; found && resolve->result.count < RESOLVE_ADDRS_MAX; found = found->ai_next) {
        if (found->ai_addrlen > sizeof(union resolve_addr) ||
            (found->ai_family != AF_INET && found->ai_family != AF_INET6))
            continue;
        memcpy(&resolve->result.addrs[resolve->result.count++], found->ai_addr, found->ai_addrlen);
    }
}

static void pass_on(struct loop_deferred *deferred)
{
    struct resolve *resolve = CONTAINER_OF(deferred, struct resolve, deferred);
    if (resolve->dns)
        evdns_base_free(resolve->dns, 0);
    if (!resolve->cancelled)
        resolve->done(resolve->arg, &resolve->result);
    free(resolve);
}

static void on_answer(int rc, struct evutil_addrinfo *found, void *arg)
{
    struct resolve *resolve = (struct resolve *)arg;
    if (rc == 0)
        keep_addrs(resolve, found);
    if (found)
        evutil_freeaddrinfo(found);
    resolve->answered = true;
    loop_defer(resolve->loop, &resolve->deferred);
}

static bool resolve_number(struct resolve *resolve, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    keep_addrs(resolve, found);
    freeaddrinfo(found);
    return true;
}

struct resolve *resolve_start(struct loop *loop, const char *host, int port,
                              void (*done)(void *arg, const struct resolve_result *result), void *arg)
{
    struct resolve *resolve = MEM_NEW(struct resolve);
    resolve->loop = loop;
    resolve->deferred.run = pass_on;
    resolve->done = done;
    resolve->arg = arg;
    char port_text[16];
    snprintf(port_text, sizeof port_text, "%d", port);
    if (!resolve_number(resolve, host, port_text))
        resolve->dns = evdns_base_new(loop_event_base(loop), 0);
    if (!resolve->dns) {
        resolve->answered = true;
        loop_defer(loop, &resolve->deferred);
        return resolve;
    }
    /* Without a resolv.conf there is still the hosts file, and the server on this machine. */
    evdns_base_resolv_conf_parse(resolve->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
    /* Letters of mixed case are not given back by every server. */
    evdns_base_set_option(resolve->dns, "randomize-case:", "0");
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    evdns_getaddrinfo(resolve->dns, host, port_text, &hints, on_answer, resolve);
    return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
    resolve->cancelled = true;
    if (resolve->answered)
        return;
    struct evdns_base *dns = resolve->dns;
    resolve->dns = NULL;
    evdns_base_free(dns, 1);
}
