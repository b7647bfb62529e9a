/*
 * The order in which Java's HashMap walks its keys. Kafka's tools print some
 * lists in that order; it is no order that means anything, but it is always the
 * same one, and scripts compare outputs.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_JAVA_ORDER_H
#define BARNABAS_CLI_JAVA_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

/* String.hashCode of UTF-8 text. */
int32_t java_string_hash(struct view text);

/*
 * Fills order[0..count) with the indices of the keys as a HashMap walks them that was made with its
 * default size and was given the keys one after the other. Keys are distinct.
 */
void java_hash_order(const struct view *keys, size_t count, size_t *order);

/* TopicPartition.hashCode of Kafka's clients. */
int32_t java_partition_hash(struct view topic, int32_t partition);
/* As above from hash codes, of a HashMap that was made for `capacity` keys (0: with its default size). */
void java_hash_codes_order(const int32_t *hashes, size_t count, size_t capacity, size_t *order);
/* The capacity that a HashSet gives itself when it is made of a collection of `count`. */
size_t java_set_capacity(size_t count);

#endif
