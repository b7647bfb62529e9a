/*
 * log.cleaner.io.max.bytes.per.second: pure. What was read or written is a debt that is paid at the rate. A
 * rate that changes counts for the debt there is. (core/quota forgets what is older than its windows: one
 * buffer may be many windows' worth here.)
 *
 * Ownership: a value. Runs on: whoever holds it, one at a time. Times are monotonic ms.
 */
#ifndef BARNABAS_CORE_CLEANER_CLEANER_RATE_H
#define BARNABAS_CORE_CLEANER_CLEANER_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* So much of a second may be owed: waits are not that exact. */
#define CLEANER_RATE_SLACK_MS 300

struct cleaner_rate {
    double bytes_per_s; /* any number; as large as a double, it never holds anybody up */
    double debt_bytes;
    int64_t at_ms;
};

void cleaner_rate_record(struct cleaner_rate *rate, int64_t bytes, int64_t now_ms);
bool cleaner_rate_is_exceeded(struct cleaner_rate *rate, int64_t now_ms);

#endif
