/*
 * Index of a dense array by the int64 with which its elements begin. Four to
 * eight bytes an element, so that a million producer ids stay cheap.
 *
 * Ownership: owns its slots, borrows the array; the caller keeps both in step.
 * Zero-initialised is empty and valid.
 * Runs on: whoever owns the array.
 */
#ifndef BARNABAS_STORAGE_ID_INDEX_H
#define BARNABAS_STORAGE_ID_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define ID_INDEX_NONE UINT32_MAX

struct id_index {
    uint32_t *slots; /* place + 1; 0 = empty */
    size_t cap;      /* power of two, or 0 */
};

void id_index_close(struct id_index *index);
/* Forgets all places and keeps the memory. */
void id_index_clear(struct id_index *index);

/* Place of the element of `items` (each `size` bytes, beginning with its id) that has `id`, or ID_INDEX_NONE.
 */
uint32_t id_index_find(const struct id_index *index, const void *items, size_t size, int64_t id);
/* Enters element `place`, the last of `count` elements; its id is not in the index yet. */
void id_index_add(struct id_index *index, const void *items, size_t size, size_t count);
/* Takes element `place` out. Call it while the element is still in its place. */
void id_index_remove(struct id_index *index, const void *items, size_t size, uint32_t place);
/* The element at `from` is going to lie at `to`. Call it while the element is still at `from`. */
void id_index_move(struct id_index *index, const void *items, size_t size, uint32_t from, uint32_t to);
/* Builds the index anew for `count` elements, as small as fits. */
void id_index_rebuild(struct id_index *index, const void *items, size_t size, size_t count);

#endif
