/*
 * A histogram of non-negative values in log-linear buckets (about 3 % wide),
 * fixed size, no allocation: latencies in microseconds, sizes in bytes.
 * Runs on: one writer; a reader on another thread sees slightly old counts.
 */
#ifndef BARNABAS_BASE_HISTOGRAM_H
#define BARNABAS_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 1024

struct histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
/* Adds the counts of `from` into `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);
/* Value at quantile q in [0, 1]; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *h, double q);

#endif
