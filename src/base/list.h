/*
 * Intrusive doubly linked list with a sentinel. No allocation, no ownership.
 * A node that is in no list points at itself (list_node_init).
 * Runs on: whoever owns the list.
 */
#ifndef BARNABAS_BASE_LIST_H
#define BARNABAS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct list {
    struct list *prev;
    struct list *next;
};

static inline void list_init(struct list *list)
{
    list->prev = list->next = list;
}
static inline void list_node_init(struct list *node)
{
    list_init(node);
}
static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}
static inline bool list_is_linked(const struct list *node)
{
    return node->next != node;
}
static inline void list_insert_after(struct list *at, struct list *node)
{
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}
static inline void list_push_front(struct list *list, struct list *node)
{
    list_insert_after(list, node);
}
static inline void list_push_back(struct list *list, struct list *node)
{
    list_insert_after(list->prev, node);
}
/* Takes the node out of whatever list it is in; harmless when it is in none. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_node_init(node);
}
static inline struct list *list_pop_front(struct list *list)
{
    struct list *node = list->next;
    if (node == list)
        return NULL;
    list_remove(node);
    return node;
}

/* Walks a list; `node` may be removed (but not freed-and-reused) inside LIST_EACH_SAFE. */
#define LIST_EACH(node, head) for (struct list *node = (head)->next; node != (head); node = node->next)
#define LIST_EACH_SAFE(node, head)                                                                           \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head);                        \
         node = node##_next, node##_next = node->next)

#endif
