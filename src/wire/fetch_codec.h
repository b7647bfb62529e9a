/*
 * Fetch in straight lines. Requests: the same results as wire_decode with the
 * tables. Responses: everything but the records, which may lie in files; the
 * encoder tells where their bytes belong.
 * Runs on: any.
 */
#ifndef BARNABAS_WIRE_FETCH_CODEC_H
#define BARNABAS_WIRE_FETCH_CODEC_H

#include "wire/codec.h"

/* As wire_decode with wire_fetch_request_desc. */
MUST_USE enum err fetch_codec_decode_request(int16_t version, struct view bytes, size_t *used,
                                             struct arena *arena, struct wire_fetch_request *out,
                                             struct errmsg *why);

/* A place where the records of a partition go between the bytes of an encoded response. */
struct fetch_hole {
    size_t pos;        /* they go before out->data[pos]; holes ascend */
    size_t len;        /* bytes of records, more than 0 */
    int32_t topic;     /* index in responses */
    int32_t partition; /* index in its partitions */
};

struct fetch_holes {
    struct fetch_hole *items; /* the arena's */
    size_t count;
    size_t bytes; /* sum of all lengths: the frame is that much longer than the buffer */
};

/*
 * Appends a response without its records. Of a partition's `records` only the length counts (and null when
 * ptr is NULL; null and empty leave no hole), so ptr may be any address. Errors as wire_encode; then nothing
 * is appended.
 */
MUST_USE enum err fetch_codec_encode_response(int16_t version, const struct wire_fetch_response *in,
                                              struct buf *out, struct arena *arena, struct fetch_holes *holes,
                                              struct errmsg *why);

#endif
