/*
 * The request that a load sends over and over: encoded once, with the few
 * places that change from one copy to the next.
 *
 * Ownership: the template owns its bytes.
 * Runs on: any.
 */
#ifndef BARNABAS_BENCH_LOAD_REQUEST_H
#define BARNABAS_BENCH_LOAD_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/compress.h"

enum load_kind { LOAD_PRODUCE, LOAD_FETCH, LOAD_LIST_OFFSETS, LOAD_API_VERSIONS };

struct load_spec {
    enum load_kind kind;
    const char *topic;
    int32_t records;      /* per batch */
    int32_t record_bytes; /* of each record's value */
    enum codec codec;
    int16_t acks;
    int32_t fetch_bytes; /* at most this much per answer */
};

#define LOAD_NOWHERE SIZE_MAX

struct load_template {
    struct buf bytes;     /* a whole frame with its length in front */
    size_t partition_pos; /* int32 in the request */
    size_t number_pos;    /* int64: the offset to fetch, or the timestamp to look up; or LOAD_NOWHERE */
    size_t batch_pos;     /* the batch of a Produce; or LOAD_NOWHERE */
    size_t error_pos;     /* int16 in the answer's frame, its length included; or LOAD_NOWHERE */
};

/* Encodes the request; exits with a message when that fails. */
void load_template_make(struct load_template *out, const struct load_spec *spec);
void load_template_close(struct load_template *t);

/* Changes one copy of the request at `frame`. */
void load_set_partition(const struct load_template *t, uint8_t *frame, int32_t partition);
void load_set_number(const struct load_template *t, uint8_t *frame, int64_t number);
/* Another idempotent producer's first batch; the checksum is made anew. */
void load_set_producer(const struct load_template *t, uint8_t *frame, int64_t producer_id);

#endif
