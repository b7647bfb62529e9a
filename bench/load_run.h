/*
 * Connections that keep a number of requests in flight, or send one whenever
 * it is due, and measure how long the answers take.
 *
 * One thread, one epoll. Answers of one connection come in the order of its
 * requests, so a ring of copies of the request is all the state there is.
 * Runs on: the main thread.
 */
#ifndef BARNABAS_BENCH_LOAD_RUN_H
#define BARNABAS_BENCH_LOAD_RUN_H

#include "base/histogram.h"
#include "bench/load_request.h"

struct load_plan {
    const char *host;
    int port;
    int connections;
    int in_flight;      /* per connection */
    double rate;        /* requests per second of all connections together; 0: as fast as answers come */
    double seconds;     /* 0: until `requests` were answered */
    uint64_t requests;  /* 0: until `seconds` have passed */
    int32_t partitions; /* connection i sends to partition i modulo this... */
    bool in_turn;       /* ...or every request goes to the next partition */
    int32_t groups;     /* request i is of group i modulo this; when all had theirs, of the next partitions */
    int64_t number_from;   /* offset or timestamp: from + step * (n modulo count) */
    int64_t number_step;   /* */
    int64_t number_count;  /* */
    bool scatter;          /* the n-th number in an order without neighbours */
    int64_t producer_from; /* each request is another producer's, ids from here on; -1: none */
};

struct load_result {
    uint64_t answers;
    uint64_t answer_bytes;
    uint64_t errors;
    int16_t first_error;
    double seconds;
    struct histogram latency_ns;
    uint64_t worst_ns;
};

/* Runs the plan to its end, or until SIGINT; exits with a message when the broker goes away. */
void load_run(const struct load_plan *plan, const struct load_template *t, struct load_result *out);

/* Opens the connections, lets each ask one thing, says "ready" and holds them until input ends. */
void load_hold(const struct load_plan *plan, const struct load_template *t);

#endif
