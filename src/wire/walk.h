/*
 * What decoder, encoder, comparer and printer share: how values lie in the C
 * structs that the tables describe. Inside wire/ only.
 * Runs on: any.
 */
#ifndef BARNABAS_WIRE_WALK_H
#define BARNABAS_WIRE_WALK_H

#include "base/uuid.h"
#include "wire/codec.h"

#define WIRE_STRING_MAX 32767

/* Bytes that a value of this type takes in memory; of a number, a bool and a uuid also on the wire. */
static inline size_t walk_width(uint8_t type)
{
    static const uint8_t widths[] = {
        [WIRE_BOOL] = sizeof(bool),
        [WIRE_INT8] = 1,
        [WIRE_INT16] = 2,
        [WIRE_UINT16] = 2,
        [WIRE_INT32] = 4,
        [WIRE_INT64] = 8,
        [WIRE_FLOAT64] = 8,
        [WIRE_UUID] = sizeof(struct uuid),
        [WIRE_STRING] = sizeof(struct view),
        [WIRE_BYTES] = sizeof(struct view),
        [WIRE_STRUCT] = 0,
    };
    return widths[type];
}

_Static_assert(sizeof(bool) == 1 && sizeof(struct uuid) == 16 && sizeof(double) == 8, "widths of the wire");

/* Size of an array's element in memory. */
static inline size_t walk_item_size(const struct wire_field *field)
{
    return field->type == WIRE_STRUCT ? field->of->size : walk_width(field->type);
}

static inline int32_t walk_count(const void *at)
{
    int32_t count;
    memcpy(&count, at, sizeof count);
    return count;
}

/* The pointer of an array or of a struct that may be null. */
static inline void *walk_pointer(const void *at)
{
    void *pointer;
    memcpy(&pointer, at, sizeof pointer);
    return pointer;
}

bool walk_field_equal(const struct wire_field *field, const void *a, const void *b);

/* Cheap in the common case, which is that a field is as wire_init left it. */
static inline bool walk_is_default(const struct wire_message *desc, const struct wire_field *field,
                                   const void *in)
{
    const uint8_t *a = (const uint8_t *)in + field->offset;
    const uint8_t *b = (const uint8_t *)desc->defaults + field->offset;
    if (field->array) {
        int32_t count = walk_count((const uint8_t *)in + field->count_offset);
        if (count <= 0)
            return count == walk_count((const uint8_t *)desc->defaults + field->count_offset);
    } else if (!field->pointer && memcmp(a, b, walk_item_size(field)) == 0) {
        return true; /* the same bytes and pointers; the opposite proves nothing because of padding */
    }
    return walk_field_equal(field, in, desc->defaults);
}

/* The plan of a version, or NULL. */
static inline const struct wire_plan *walk_plan(const struct wire_message *desc, int16_t version)
{
    return wire_has_version(desc, version) ? desc->plans[version - desc->min_version] : NULL;
}

#endif
