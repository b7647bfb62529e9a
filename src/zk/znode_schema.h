/*
 * The description of all znodes (zk-schema/) as a table, and what can be said
 * of one znode by it: which row its path belongs to, and what is wrong with its
 * kind and its data. What one znode says of another is not looked at here.
 *
 * Ownership: the table is constant.
 * Runs on: any.
 */
#ifndef BARNABAS_ZK_ZNODE_SCHEMA_H
#define BARNABAS_ZK_ZNODE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

enum znode_base {
    ZNODE_INT,         /* min..max; in a path or a text, its digits */
    ZNODE_NUMBER_TEXT, /* a JSON string of digits */
    ZNODE_ONE_OF,      /* values; case and '_' do not matter */
    ZNODE_TEXT,
    ZNODE_UUID,
    ZNODE_TOPIC,
    ZNODE_TOPIC_PARTITION,
    ZNODE_SEQUENCE,
    ZNODE_ENDPOINT,
    ZNODE_ENTITY, /* path below /config */
    ZNODE_ACL_CHANGE
};

struct znode_type {
    const char *name;
    const char *meaning;
    enum znode_base base;
    int64_t min;
    int64_t max;
    const char *const *values; /* up to NULL */
};

struct znode_field {
    const char *name;
    const struct znode_type *type;    /* NULL = a struct */
    const struct znode_type *key;     /* not NULL = a map, of keys of this type */
    const struct znode_field *fields; /* of the struct */
    int fields_count;
    int first_version; /* of the JSON that has it */
    int last_version;
    bool array; /* in a map: each value is one */
    bool nullable;
    bool optional; /* readers do without it */
};

struct znode_segment {
    const char *literal; /* the whole name, or what it begins with */
    int literal_len;
    const struct znode_type *var; /* of the rest; NULL = there is none */
};

enum znode_kind { ZNODE_KIND_PERSISTENT, ZNODE_KIND_EPHEMERAL, ZNODE_KIND_EITHER };
enum znode_data { ZNODE_DATA_NULL, ZNODE_DATA_ANY, ZNODE_DATA_TEXT, ZNODE_DATA_JSON };

struct znode_row {
    const char *pattern; /* "/brokers/ids/{broker}" */
    const struct znode_segment *segments;
    int segments_count;
    enum znode_kind kind;
    enum znode_data data;
    bool or_null;
    bool exact;    /* readers refuse other versions */
    bool strict;   /* readers refuse unknown fields */
    bool at_start; /* every broker makes it at its start */
    int min_version;
    int max_version;
    const struct znode_type *text;
    const struct znode_field *fields;
    int fields_count;
    const char *remedy; /* NULL = none of its own */
};

extern const struct znode_row znode_rows[];
extern const int znode_row_count;

/*
 * The row of a path ("/brokers/ids/1"). NULL if there is none; `misnamed` (may be NULL) is then the type that
 * a name of the path should have had, or NULL when the path has no such place at all.
 */
const struct znode_row *znode_row_of(const char *path, const struct znode_type **misnamed);

enum znode_severity { ZNODE_NOTE, ZNODE_ERROR };

/* Told of each fault: what is wrong, as a sentence without its end. */
typedef void (*znode_fault_fn)(void *arg, enum znode_severity severity, const char *what);

/*
 * Holds a znode's kind and data against its row. Notes are for what readers pass over: fields and versions
 * that are newer than the table, data where none is read.
 */
void znode_row_check(const struct znode_row *row, bool ephemeral, struct view data, znode_fault_fn fault,
                     void *arg);

#endif
