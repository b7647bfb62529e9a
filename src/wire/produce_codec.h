/*
 * Produce in straight lines: the same results as wire_decode and wire_encode
 * with the tables, at a fraction of the time. What is not everyday business
 * (tags, errors with messages, bad bytes) is left to them.
 * Runs on: any.
 */
#ifndef BARNABAS_WIRE_PRODUCE_CODEC_H
#define BARNABAS_WIRE_PRODUCE_CODEC_H

#include "wire/codec.h"

/* As wire_decode with wire_produce_request_desc. */
MUST_USE enum err produce_codec_decode_request(int16_t version, struct view bytes, size_t *used,
                                               struct arena *arena, struct wire_produce_request *out,
                                               struct errmsg *why);

/* As wire_encode with wire_produce_response_desc. */
MUST_USE enum err produce_codec_encode_response(int16_t version, const struct wire_produce_response *in,
                                                struct buf *out, struct errmsg *why);

#endif
