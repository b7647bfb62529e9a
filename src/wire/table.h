/*
 * The tables that gen_wire.py makes of the schema: what a message looks like in
 * memory and, version by version, on the wire. codec.c walks them.
 *
 * A message's fields are described once; a plan lists what one version carries,
 * in wire order, with everything that the inner loop needs. Equal plans of
 * several versions are one.
 * Runs on: any (constants).
 */
#ifndef BARNABAS_WIRE_TABLE_H
#define BARNABAS_WIRE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

enum wire_type {
    WIRE_BOOL,
    WIRE_INT8,
    WIRE_INT16,
    WIRE_UINT16,
    WIRE_INT32,
    WIRE_INT64,
    WIRE_FLOAT64,
    WIRE_UUID,
    WIRE_STRING,
    WIRE_BYTES, /* also record sets: the same bytes on the wire */
    WIRE_STRUCT,
};

/* No version; a first version that never comes. */
#define WIRE_NEVER 32767
/* Structs inside one another, at most (the generator refuses more), so recursion is bounded. */
#define WIRE_MAX_DEPTH 8

struct wire_message;
struct wire_plan;

struct wire_field {
    const char *name;
    const struct wire_message *of; /* the struct, for WIRE_STRUCT */
    uint8_t type;                  /* enum wire_type, of the element in an array */
    bool array;                    /* T *items; int32_t items_count; (-1 = null) */
    bool pointer;                  /* a struct that may be null: T *field */
    bool ignorable;                /* dropped in silence in a version that lacks it */
    bool records;
    int16_t min_version;
    int16_t max_version;
    int16_t null_min; /* null is allowed from here ... */
    int16_t null_max; /* ... to here */
    int16_t tag;      /* -1 = in line */
    uint16_t offset;
    uint16_t count_offset; /* of items_count */
};

enum wire_op_flags {
    WIRE_OP_ARRAY = 1,
    WIRE_OP_COMPACT = 2, /* length + 1 as unsigned varint */
    WIRE_OP_NULLABLE = 4,
};

/* One field at one version. */
struct wire_op {
    uint8_t type; /* enum wire_type */
    uint8_t flags;
    uint16_t field; /* index in the message's fields */
    uint16_t offset;
    uint16_t count_offset;
    const struct wire_plan *plan; /* of the struct */
};

/* One message or nested struct at one version. */
struct wire_plan {
    const struct wire_message *of;
    const struct wire_op *ops;    /* in wire order */
    const struct wire_op *tagged; /* tags ascending */
    const uint16_t *absent;       /* fields that this version lacks and that are not ignorable */
    uint16_t op_count;
    uint16_t tagged_count;
    uint16_t absent_count;
    uint16_t min_size; /* fewest bytes that this can take on the wire */
    bool flexible;
};

struct wire_message {
    const char *name; /* "ProduceRequest"; of a nested struct its own name */
    const struct wire_field *fields;
    const struct wire_plan *const *plans; /* by version - min_version; NULL where a nested struct is absent */
    const void *defaults;                 /* a struct with the schema's defaults */
    uint32_t size;                        /* of the C struct */
    uint16_t field_count;
    int16_t min_version;
    int16_t max_version;
    int16_t first_flexible; /* WIRE_NEVER = none */
};

/* The default of strings and bytes: empty, which is not null. */
#define WIRE_EMPTY                                                                                           \
    {                                                                                                        \
        (const uint8_t *)"", 0                                                                               \
    }

/* Every message of the schema, by name; for tests and tools. */
extern const struct wire_message *const wire_messages[];
extern const uint32_t wire_message_count;

#endif
