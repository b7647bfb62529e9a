/*
 * Hashes that Kafka's behaviour depends on, and one for our tables.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_HASH_H
#define BARNABAS_BASE_HASH_H

#include <stdint.h>

#include "base/view.h"

/* CRC-32C (Castagnoli) of magic-2 batches; hardware path where the processor has one. */
uint32_t hash_crc32c(uint32_t crc, const void *data, size_t len);

/* murmur2 as Kafka's default partitioner uses it on keys. */
uint32_t hash_murmur2(struct view key);

/* String.hashCode of Java over UTF-16 code units (coordinator partition, fetcher of a partition). */
int32_t hash_java_string(struct view utf8);

/*
 * 128 bits in which two keys are as good as never alike, as long as nobody knows the seed. Never on disk or
 * the wire.
 */
struct hash_wide {
    uint64_t low;
    uint64_t high;
};
struct hash_wide hash_wide(struct view key, uint64_t seed);

/* For hash tables; never on disk or the wire. */
uint64_t hash_bytes(struct view bytes);
uint64_t hash_u64(uint64_t v);

#endif
