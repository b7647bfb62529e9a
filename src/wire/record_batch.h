/*
 * The entries of a partition's log: v2 batches and the v0/v1 messages of old
 * clients and old segments, seen alike. Reading a head, walking a record set,
 * checking a CRC, stamping in place, control batches, sequence numbers.
 *
 * An *entry* is one shallow item of a record set: a v2 batch, a single legacy
 * message, or a legacy wrapper whose value is a compressed message set. All
 * begin alike (offset i64, size i32, 4 bytes, magic i8), so the first 17 bytes
 * tell how long an entry is and how to read it.
 *
 * Ownership: nothing here owns; infos are values, entries are views of the
 * caller's bytes.
 * Runs on: any.
 */
#ifndef BARNABAS_WIRE_RECORD_BATCH_H
#define BARNABAS_WIRE_RECORD_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "base/view.h"

/* Offset and size fields before what the size field counts. */
#define BATCH_OVERHEAD 12
/* Bytes that tell the size and the magic of any entry. */
#define BATCH_PEEK_SIZE 17
/* Bytes that suffice for batch_peek of any entry (shorter entries need only their own length). */
#define BATCH_HEAD_MAX 61
/* Header of a v2 batch, before its records. */
#define BATCH_V2_HEADER_SIZE 61
/* Smallest value of the size field of any entry: an empty v0 message. */
#define BATCH_SIZE_FIELD_MIN 14
/* A transaction marker as Kafka writes it. */
#define CONTROL_BATCH_SIZE 78

#define NO_TIMESTAMP      ((int64_t)-1)
#define NO_PRODUCER_ID    ((int64_t)-1)
#define NO_PRODUCER_EPOCH ((int16_t)-1)
#define NO_SEQUENCE       ((int32_t)-1)
#define NO_LEADER_EPOCH   ((int32_t)-1)

struct batch_info {
    /*
     * Of a legacy wrapper only the last offset is in the head: base_offset is -1 then, and a single
     * legacy message has base_offset == last_offset.
     */
    int64_t base_offset;
    int64_t last_offset;
    int32_t size_bytes; /* of the whole entry, the 12 bytes before its size included */
    int8_t magic;
    uint8_t codec; /* attribute bits 0-2 as they are; 5-7 are no codec (enum codec in compress.h) */
    bool log_append_time;
    bool transactional;
    bool control;
    bool has_delete_horizon; /* base_timestamp is the horizon then */
    int64_t base_timestamp;  /* legacy: the message's own, -1 in magic 0 */
    int64_t max_timestamp;
    int64_t producer_id;    /* -1 none, as in all legacy entries */
    int16_t producer_epoch; /* -1 none */
    int32_t base_sequence;  /* -1 none */
    int32_t last_sequence;  /* -1 none */
    int32_t record_count;   /* v2: as declared; single legacy message 1; wrapper -1 */
    int32_t leader_epoch;   /* -1 none */
    uint32_t crc;           /* as stored */
};

/*
 * Size of the whole entry and magic from its first 17 bytes.
 * ERR_CORRUPT_MESSAGE: size field below 14, beyond 2^31-1, or a magic other than 0, 1, 2.
 */
MUST_USE enum err batch_size_peek(const uint8_t head[BATCH_PEEK_SIZE], int32_t *size_bytes, int8_t *magic);

/*
 * Reads the head of the entry at the beginning of `bytes`; its body need not be there.
 * ERR_WOULD_BLOCK: more bytes are needed (at most BATCH_HEAD_MAX). ERR_CORRUPT_MESSAGE: as above, or
 * the size is too small for the magic.
 */
MUST_USE enum err batch_peek(struct view bytes, struct batch_info *out);

/*
 * Takes the next complete entry off the front of `*rest`. `entry` may be NULL.
 * ERR_WOULD_BLOCK: no complete entry is left; rest->len tells an end (0) from a partial tail.
 */
MUST_USE enum err batch_next(struct view *rest, struct batch_info *info, struct view *entry);

/* CRC of one complete entry: CRC-32C of a v2 batch, CRC-32 of a legacy one. ERR_CORRUPT_MESSAGE. */
MUST_USE enum err batch_check_crc(struct view entry);

/* --- stamping in place: `entry` is a complete entry that batch_peek accepted ------------------- */

/* v2: base offset, outside the CRC. */
void batch_set_base_offset(uint8_t *entry, int64_t base_offset);
/* Any magic: v2 moves the base offset so that the last one is `last_offset`; legacy writes it. */
void batch_set_last_offset(uint8_t *entry, int64_t last_offset);
/* v2 only; outside the CRC. */
void batch_set_leader_epoch(uint8_t *entry, int32_t leader_epoch);
/*
 * Timestamp type and largest timestamp, magic 1 and 2 (a legacy message has one timestamp). The CRC
 * is computed again only if something changes; returns whether it did.
 */
bool batch_set_timestamps(uint8_t *entry, bool log_append_time, int64_t max_timestamp);
/* v2: records were taken out: the size, how many are left, their largest timestamp; and the CRC. */
void batch_set_content(uint8_t *entry, int32_t size_bytes, int32_t record_count, int64_t max_timestamp);
/* Writes the CRC that the present bytes of a complete entry call for. */
void batch_seal_crc(uint8_t *entry);

/* --- sequence numbers: 0..2^31-1, then 0 again ------------------------------------------------- */

int32_t sequence_increment(int32_t sequence, int32_t increment);
int32_t sequence_decrement(int32_t sequence, int32_t decrement);

/* --- control batches --------------------------------------------------------------------------- */

enum control_type {
    CONTROL_ABORT = 0,
    CONTROL_COMMIT = 1,
    CONTROL_OTHER = -1, /* types that a ZooKeeper-mode broker never writes and readers ignore */
};

struct control_marker {
    enum control_type type;
    int16_t raw_type;
    int32_t coordinator_epoch; /* -1 unless abort or commit */
};

/*
 * Reads the one record of a control batch. ERR_INVALID_RECORD: no record, key or value too short, or
 * a negative version. Longer data and higher versions are accepted, as Kafka does.
 */
MUST_USE enum err control_batch_parse(struct view batch, struct control_marker *out);

struct control_batch {
    enum control_type type; /* abort or commit */
    int64_t base_offset;
    int32_t leader_epoch;
    int64_t timestamp_ms;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t coordinator_epoch;
};

/* Appends the 78 bytes of a transaction marker. */
void control_batch_build(const struct control_batch *spec, struct buf *out);

#endif
