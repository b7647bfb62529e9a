/*
 * Intrusive binary min-heap of deadlines: timers, waiters by offset.
 *
 * Ownership: borrows its nodes. A node remembers its place, so removal costs
 * O(log n). Zero-initialised is empty and valid.
 * Runs on: whoever owns the heap.
 */
#ifndef BARNABAS_BASE_HEAP_H
#define BARNABAS_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    size_t place; /* 1-based place in the heap; 0 = in none */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t cap;
};

void heap_close(struct heap *heap);
void heap_push(struct heap *heap, struct heap_node *node, int64_t key);
/* The node with the smallest key, or NULL. */
struct heap_node *heap_peek(const struct heap *heap);
struct heap_node *heap_pop(struct heap *heap);
/* Harmless when the node is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
static inline bool heap_contains(const struct heap_node *node)
{
    return node->place != 0;
}

#endif
