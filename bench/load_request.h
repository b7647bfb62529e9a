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

enum load_kind {
    LOAD_PRODUCE,
    LOAD_FETCH,
    LOAD_LIST_OFFSETS,
    LOAD_API_VERSIONS,
    LOAD_OFFSET_COMMIT,
    LOAD_HEARTBEAT
};

struct load_spec {
    enum load_kind kind;
    const char *topic;
    int32_t records;      /* per batch */
    int32_t record_bytes; /* of each record's value */
    enum codec codec;
    int16_t acks;
    int32_t fetch_bytes; /* at most this much per answer */
    const char *group;   /* of OffsetCommit and Heartbeat */
    bool numbers_groups; /* the group's name ends with a number of its own: load_set_group */
    const char *member;  /* "" = nobody in particular */
    int32_t generation;
    int32_t offsets; /* partitions per OffsetCommit */
};

#define LOAD_NOWHERE      SIZE_MAX
#define LOAD_GROUP_DIGITS 6

struct load_template {
    struct buf bytes;     /* a whole frame with its length in front */
    size_t partition_pos; /* int32 in the request; that of the first partition, if there are several, */
    int32_t partitions;   /* so many of them, */
    size_t partition_len; /* so far from one to the next */
    size_t group_pos;     /* LOAD_GROUP_DIGITS digits; or LOAD_NOWHERE */
    size_t number_pos;    /* int64: the offset to fetch or to commit, or the timestamp to look up; or
                             LOAD_NOWHERE */
    size_t batch_pos;     /* the batch of a Produce; or LOAD_NOWHERE */
    size_t error_pos;     /* int16 in the answer's frame, its length included; or LOAD_NOWHERE */
};

/* Encodes the request; exits with a message when that fails. */
void load_template_make(struct load_template *out, const struct load_spec *spec);
void load_template_close(struct load_template *t);

/* Changes one copy of the request at `frame`. Several partitions are numbered from this one on. */
void load_set_partition(const struct load_template *t, uint8_t *frame, int32_t partition);
void load_set_group(const struct load_template *t, uint8_t *frame, int32_t group);
void load_set_number(const struct load_template *t, uint8_t *frame, int64_t number);
/* Another idempotent producer's first batch; the checksum is made anew. */
void load_set_producer(const struct load_template *t, uint8_t *frame, int64_t producer_id);

#endif
