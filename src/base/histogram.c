#include "base/histogram.h"

#include <stddef.h>

/*
 * Buckets: values below 32 have one each; above, every power of two is cut into 32 equal buckets, each at
 * most 1/32 of its value wide. 1024 buckets reach 2^36; what is larger is counted in the last one.
 */
#define SUB_BITS  5
#define SUB_COUNT (1u << SUB_BITS)

static size_t bucket_of(uint64_t value)
{
    if (value < SUB_COUNT)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    size_t bucket = (size_t)(shift + 1) * SUB_COUNT + (size_t)((value >> shift) - SUB_COUNT);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t value_of(size_t bucket)
{
    if (bucket < SUB_COUNT)
        return bucket;
    unsigned shift = (unsigned)(bucket / SUB_COUNT) - 1;
    uint64_t low = (uint64_t)(SUB_COUNT + bucket % SUB_COUNT) << shift;
    return low + ((UINT64_C(1) << shift) - 1) / 2;
}

/* There is one writer, so that a plain load and store do and no bus lock is needed. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void histogram_add(struct histogram *h, uint64_t value)
{
    add(&h->buckets[bucket_of(value)], 1);
    add(&h->sum, value);
    add(&h->count, 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t n = load(&from->buckets[i]);
        if (n)
            add(&into->buckets[i], n);
    }
    add(&into->sum, load(&from->sum));
    add(&into->count, load(&from->count));
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
    /* Not h->count: with a writer at work it may be ahead of or behind the buckets. */
    uint64_t total = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += load(&h->buckets[i]);
    if (total == 0)
        return 0;
    double exact = q * (double)total;
    uint64_t rank = exact >= (double)total ? total : exact <= 1 ? 1 : (uint64_t)exact;
    if ((double)rank < exact)
        rank++;
    uint64_t seen = 0;
    size_t last = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t n = load(&h->buckets[i]);
        if (n == 0)
            continue;
        last = i;
        seen += n;
        if (seen >= rank)
            break;
    }
    return value_of(last);
}
