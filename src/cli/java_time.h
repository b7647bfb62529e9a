/*
 * Dates and durations as Kafka's tools take them: Java's
 * "yyyy-MM-dd'T'HH:mm:ss.SSS" with or without a zone, and ISO 8601's "P1DT2H3M4.5S".
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_JAVA_TIME_H
#define BARNABAS_CLI_JAVA_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errmsg.h"

/* Milliseconds since 1970; without a zone it is UTC. False with why in Java's words. */
bool java_parse_datetime(const char *text, int64_t *ms, struct errmsg *why);
/* Milliseconds, may be negative. False with why in Java's words. */
bool java_parse_duration(const char *text, int64_t *ms, struct errmsg *why);

#endif
