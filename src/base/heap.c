#include "base/heap.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/* Places count from 1: the parent of i is i / 2, its children 2i and 2i + 1. */

static void set(struct heap *heap, size_t place, struct heap_node *node)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

static struct heap_node *at(const struct heap *heap, size_t place)
{
    return heap->nodes[place - 1];
}

static void sift_up(struct heap *heap, size_t place, struct heap_node *node)
{
    while (place > 1 && at(heap, place / 2)->key > node->key) {
        set(heap, place, at(heap, place / 2));
        place /= 2;
    }
    set(heap, place, node);
}

static void sift_down(struct heap *heap, size_t place, struct heap_node *node)
{
    for (;;) {
        size_t child = place * 2;
        if (child > heap->count)
            break;
        if (child < heap->count && at(heap, child + 1)->key < at(heap, child)->key)
            child++;
        if (at(heap, child)->key >= node->key)
            break;
        set(heap, place, at(heap, child));
        place = child;
    }
    set(heap, place, node);
}

void heap_close(struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->nodes[i]->place = 0;
    free(heap->nodes);
    *heap = (struct heap){0};
}

void heap_push(struct heap *heap, struct heap_node *node, int64_t key)
{
    ASSERT(node->place == 0);
    if (heap->count == heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 16;
        heap->nodes = mem_resize(heap->nodes, heap->cap * sizeof *heap->nodes);
    }
    node->key = key;
    heap->count++;
    sift_up(heap, heap->count, node);
}

struct heap_node *heap_peek(const struct heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

struct heap_node *heap_pop(struct heap *heap)
{
    struct heap_node *node = heap_peek(heap);
    if (node)
        heap_remove(heap, node);
    return node;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;
    if (place == 0)
        return;
    ASSERT(place <= heap->count && at(heap, place) == node);
    struct heap_node *last = at(heap, heap->count);
    heap->count--;
    node->place = 0;
    if (last == node)
        return;
    if (place > 1 && at(heap, place / 2)->key > last->key)
        sift_up(heap, place, last);
    else
        sift_down(heap, place, last);
}
