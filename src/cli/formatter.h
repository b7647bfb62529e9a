/*
 * How a consumed message is printed: Kafka's DefaultMessageFormatter and its
 * properties (print.key, key.separator, key.deserializer and so on). Bytes are
 * written as they are.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_FORMATTER_H
#define BARNABAS_CLI_FORMATTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/properties.h"

enum formatter_kind { FORMATTER_DEFAULT, FORMATTER_NONE };

/* What the bytes of a key or value mean. */
enum deserializer {
    DESERIALIZE_BYTES, /* as they are: text, a UUID's text */
    DESERIALIZE_SHORT,
    DESERIALIZE_INTEGER,
    DESERIALIZE_LONG,
    DESERIALIZE_FLOAT,
    DESERIALIZE_DOUBLE,
    DESERIALIZE_BOOLEAN,
};

struct formatter {
    enum formatter_kind kind;
    bool print_timestamp;
    bool print_partition;
    bool print_offset;
    bool print_headers;
    bool print_key;
    bool print_value;
    struct view key_separator;
    struct view line_separator;
    struct view headers_separator;
    struct view null_literal;
    enum deserializer key_deserializer;
    enum deserializer value_deserializer;
    enum deserializer headers_deserializer;
};

struct formatter_header {
    struct view key;
    struct view value;
};

enum formatter_timestamp { FORMATTER_NO_TIMESTAMP, FORMATTER_CREATE_TIME, FORMATTER_LOG_APPEND_TIME };

struct formatter_message {
    enum formatter_timestamp timestamp_type;
    int64_t timestamp;
    int32_t partition;
    int64_t offset;
    struct view key;
    struct view value;
    const struct formatter_header *headers;
    int header_count;
};

/* `name` is the class of a formatter (NULL: the default one). Borrows the text of props. False with why. */
bool formatter_configure(struct formatter *out, const char *name, const struct properties *props,
                         struct errmsg *why);
/* Appends the message; false with why when bytes do not fit their deserializer (part may be appended). */
bool formatter_write(const struct formatter *formatter, const struct formatter_message *message,
                     struct buf *out, struct errmsg *why);

#endif
