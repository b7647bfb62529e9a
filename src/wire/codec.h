/*
 * Kafka's messages between bytes and C structs, by the tables of the schema.
 *
 * In memory (generated/wire_messages.h): one struct per message with Kafka's
 * field names. Strings, bytes and record sets are views, null = null view.
 * Arrays are `T *items; int32_t items_count`, null = count -1. A struct that
 * may be null is a pointer. A field that the version lacks holds its default
 * after decoding.
 *
 * Ownership: what is decoded borrows strings and bytes from the input and its
 * arrays from the arena. Encoding only reads.
 * Runs on: any.
 */
#ifndef BARNABAS_WIRE_CODEC_H
#define BARNABAS_WIRE_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "wire/generated/wire_messages.h"
#include "wire/table.h"

/* True if the message has this version. */
static inline bool wire_has_version(const struct wire_message *desc, int16_t version)
{
    return version >= desc->min_version && version <= desc->max_version;
}

/* Sets the schema's defaults. `desc` may be that of a nested struct. */
static inline void wire_init(const struct wire_message *desc, void *out)
{
    memcpy(out, desc->defaults, desc->size);
}

/* `count` structs with their defaults; the arena owns them. For the arrays of an answer. */
void *wire_new(const struct wire_message *desc, struct arena *arena, size_t count);

/*
 * Reads one message from the front of `bytes`; `*used` (may be NULL) tells how much of them it took,
 * what follows is the caller's matter. ERR_UNSUPPORTED_VERSION for a version that the message has
 * not, ERR_MALFORMED for bytes that break the protocol's rules, ERR_NO_MEMORY when the arena refuses.
 */
MUST_USE enum err wire_decode(const struct wire_message *desc, int16_t version, struct view bytes,
                              size_t *used, struct arena *arena, void *out, struct errmsg *why);

/*
 * Appends one message. On failure nothing is appended. ERR_UNSUPPORTED_VERSION for a version that the
 * message has not, or a field that differs from its default, is not ignorable and is lacking in this
 * version; ERR_INVALID_ARGUMENT for null where it is not allowed and for strings over 32767 bytes.
 */
MUST_USE enum err wire_encode(const struct wire_message *desc, int16_t version, const void *in,
                              struct buf *out, struct errmsg *why);

/* Bytes that wire_encode appends; 0 for what it refuses. */
size_t wire_encoded_size(const struct wire_message *desc, int16_t version, const void *in);

/* Equal in every field of every version. */
bool wire_equal(const struct wire_message *desc, const void *a, const void *b);

/*
 * Appends the fields of one version (-1: of all) as JSON-like text, for logs and tests:
 * {acks: -1, topic_data: [{name: "t", partition_data: []}]}. Bytes are cut after 64.
 */
void wire_print(const struct wire_message *desc, int16_t version, const void *in, struct buf *out);

/* Finds a message of the schema by its name ("FetchRequest"), or NULL. */
const struct wire_message *wire_message_find(struct view name);

#endif
