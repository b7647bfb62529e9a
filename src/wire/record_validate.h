/*
 * What a broker does to a record set before it is appended.
 *
 *   analyze   structure, sizes, CRCs and offsets of the entries (leader and follower). Cheap.
 *   prepare   leader: every record is checked, the target batch is built if the one that came
 *             cannot be kept. Needs no offset, so it can run on a worker.
 *   assign    leader: stamps base offset and leader epoch. A few bytes.
 *
 * A follower analyzes and appends the bytes as they are. The common case on a
 * leader (magic 2, no codec) is checked in place without an allocation.
 *
 * Ownership: an append_plan borrows the records, which it may patch, until
 * append_plan_close; what it builds and its record errors it owns.
 * Runs on: any; one thread at a time.
 */
#ifndef BARNABAS_WIRE_RECORD_VALIDATE_H
#define BARNABAS_WIRE_RECORD_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "base/view.h"
#include "wire/compress.h"
#include "wire/record_batch.h"

enum append_origin {
    APPEND_CLIENT,      /* a Produce request */
    APPEND_COORDINATOR, /* a coordinator's own records and transaction markers */
    APPEND_REPLICATION, /* fetched from the leader */
};

struct append_rules {
    enum append_origin origin;
    int16_t produce_version;   /* of the Produce request; -1: not from one */
    int32_t max_message_bytes; /* max.message.bytes; not for followers */
    bool compacted;            /* cleanup.policy contains compact */
    bool log_append_time;      /* message.timestamp.type */
    int64_t timestamp_before_max_ms;
    int64_t timestamp_after_max_ms;
    int target_codec;     /* compression.type: a codec, or CODEC_PRODUCER */
    int target_level;     /* CODEC_LEVEL_DEFAULT, or the topic's level for that codec */
    bool zstd_allowed;    /* inter.broker.protocol.version >= 2.1 */
    int32_t leader_epoch; /* replication: entries of a higher epoch are left out; -1: none are */
    /*
     * What one batch may expand to before records_prepare gives up with ERR_WOULD_BLOCK, so that a
     * loop is not held by a batch that its size does not betray; 0: no limit (on a worker).
     */
    uint64_t inline_bytes_max;
    const char *topic_partition; /* "orders-0", for messages; borrowed; NULL: not mentioned */
};

/* A client's append to a topic with Kafka's default settings. */
extern const struct append_rules APPEND_RULES_DEFAULT;

/* What the entries say of themselves. */
struct records_summary {
    struct view bytes;       /* the complete entries, without a partial tail */
    int32_t entry_count;     /* 0: nothing to append, which is a success with offset -1 */
    struct batch_info first; /* of the first entry */
    int8_t codec;            /* of the last entry that has one */
    int64_t first_offset;    /* base offset of a v2 entry; -1: unknown, use the next field */
    int64_t last_offset_of_first_entry;
    int64_t last_offset;
    int64_t max_timestamp;
    int64_t offset_of_max_timestamp; /* last offset of the first entry that carries it */
    int32_t last_leader_epoch;       /* -1 none */
    bool offsets_rise;               /* each last offset above the one before; a follower insists on it */
};

/*
 * Checks the entries and sums them up.
 * ERR_CORRUPT_MESSAGE: structure or CRC. ERR_INVALID_RECORD: not what the Produce version allows, or a
 * client's base offset is not 0. ERR_UNSUPPORTED_COMPRESSION_TYPE: zstd before Produce v7.
 * ERR_MESSAGE_TOO_LARGE. ERR_MALFORMED: a codec number that does not exist.
 */
MUST_USE enum err records_analyze(struct view records, const struct append_rules *rules,
                                  struct records_summary *out, struct errmsg *why);

/* Estimated CPU time of records_prepare in microseconds: decompression, recompression, conversion. */
uint32_t records_work_us(const struct records_summary *summary, const struct append_rules *rules);
/* Whether that is too much for an event loop (half a millisecond). */
bool records_needs_heavy_work(const struct records_summary *summary, const struct append_rules *rules);

enum record_error_kind {
    RECORD_ERROR_NO_KEY,         /* compacted topic */
    RECORD_ERROR_TIMESTAMP,      /* out of the allowed range */
    RECORD_ERROR_TIMESTAMP_TYPE, /* the producer set LogAppendTime */
    RECORD_ERROR_MAGIC,          /* inner magic differs from the wrapper's */
};

struct record_error {
    int32_t index; /* of the record in its entry */
    enum record_error_kind kind;
    int64_t offset;
    int64_t timestamp;
};

/* More are counted, not kept. */
#define RECORD_ERRORS_KEPT_MAX 10000

struct append_info {
    struct view bytes; /* what to write: one v2 batch on a leader */
    int64_t first_offset;
    int64_t last_offset;
    int64_t max_timestamp;
    int64_t offset_of_max_timestamp; /* shallow: the batch's last offset; -1 without timestamps */
    int64_t log_append_time;         /* -1 on CreateTime topics */
    int32_t record_count;
    int8_t source_codec;
    int8_t target_codec;
    struct batch_info batch; /* of the bytes: producer, sequence, flags */
};

struct append_plan {
    struct append_info info;
    uint8_t *entry; /* the batch that will be written, in the caller's bytes or in `built` */
    bool rebuilt;   /* entry is in `built` */
    struct buf built;
    int64_t now_ms;
    int32_t converted_count; /* records that were rebuilt, for the conversion metrics */
    uint64_t temporary_bytes;
    struct record_error *errors;
    int32_t error_count; /* kept */
    int32_t error_total;
};

/*
 * Leader: checks every record and readies the batch, all but offset and leader epoch. `records` is the
 * memory that summary->bytes is a view of, which may be patched. `now_ms` is the append time. `ctx`
 * NULL: the thread's is borrowed if needed. On error the plan still holds the record errors; close it either
 * way. Errors as in Kafka: ERR_INVALID_RECORD, ERR_INVALID_TIMESTAMP (with record errors),
 * ERR_CORRUPT_MESSAGE, ERR_MESSAGE_TOO_LARGE, ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_MALFORMED (codec).
 * ERR_WOULD_BLOCK: nothing was patched; close the plan and prepare again without inline_bytes_max.
 * The summary must hold at least one entry.
 */
MUST_USE enum err records_prepare(struct append_plan *plan, uint8_t *records,
                                  const struct records_summary *summary, const struct append_rules *rules,
                                  int64_t now_ms, struct codec_ctx *ctx, struct errmsg *why);

/*
 * Leader: stamps the prepared batch and completes plan->info. May be called again with other offsets
 * as long as the bytes were not written.
 */
void records_assign(struct append_plan *plan, int64_t first_offset, int32_t leader_epoch);

void append_plan_close(struct append_plan *plan);

/* Appends the text of one record error, for Produce v8+. */
void record_error_text(const struct record_error *error, const struct append_plan *plan,
                       const struct append_rules *rules, struct buf *out);

#endif
