/*
 * Counting requests that are over: how many, how long (net_handler.over).
 *
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_COUNT_H
#define BARNABAS_API_COUNT_H

#include "net/server.h"

/* `arg` is the struct broker. */
void count_request_over(void *arg, const struct request *req);

#endif
