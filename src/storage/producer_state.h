/*
 * What one partition remembers of its producers, so that a batch sent twice is
 * stored once and a transaction is seen whole or not at all (KIP-98, KIP-890).
 *
 * Per producer id: its epoch, its last five batches, the start of its open
 * transaction and the coordinator's epoch. Over all of them: open transactions
 * by first offset, and completed ones whose marker is not yet replicated; both
 * hold back the last stable offset.
 *
 * An append goes in two steps, because the log is written in between:
 *
 *   producer_append_begin(&append, state, origin, guard)
 *   producer_append_check(&append, &batch)      per batch with a producer id
 *   ... the log writes the batches ...
 *   producer_append_commit(&append)             installs producers, opens transactions
 *   per append.completed[i]:
 *       lso = producer_state_stable_offset_after(state, completed)
 *       ... the log writes the transaction index when aborted ...
 *       producer_state_complete_txn(state, completed)
 *   producer_state_set_end_offset(state, leo)
 *
 * Ownership: the state owns all it holds; entries are borrowed until the next
 * command. Pure: no disk (producer_snapshot.h has that), no clock.
 * Runs on: whoever holds the partition.
 */
#ifndef BARNABAS_STORAGE_PRODUCER_STATE_H
#define BARNABAS_STORAGE_PRODUCER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "base/map.h"
#include "storage/id_index.h"
#include "storage/log_position.h"
#include "storage/producer_txns.h"

#define PRODUCER_BATCHES_KEPT 5

/* What Kafka writes where there is no id, epoch, sequence, offset or timestamp. */
#define PRODUCER_NONE (-1)

/* A guard of this value is no guard at all. */
#define PRODUCER_GUARD_NONE UINT64_C(0)

enum producer_origin {
    APPEND_FROM_REPLICATION, /* a follower, or recovery: checked already by the leader */
    APPEND_FROM_COORDINATOR, /* offset commits and markers: no sequences to check */
    APPEND_FROM_CLIENT
};

struct producer_batch_memo {
    int64_t last_offset;
    int64_t timestamp_ms;
    int32_t last_seq;
    int32_t offset_delta; /* last offset - first offset */
};

/* One producer; 64 bytes, begins with the id (id_index.h). Read-only outside this room. */
struct producer_entry {
    int64_t producer_id;
    int64_t last_timestamp_ms;
    int64_t txn_first_offset;          /* PRODUCER_NONE when no transaction is open */
    struct producer_batch_memo last;   /* valid when batch_count > 0 */
    struct producer_batch_memo *older; /* the batches before `last`, oldest first; batch_count - 1 of them */
    int32_t coordinator_epoch;
    int16_t epoch;
    uint8_t batch_count;
    uint8_t older_cap;
};

/* What a batch says of its producer, as the log found it. */
struct producer_batch {
    struct log_position first; /* base offset and where it lands; position unknown while replaying */
    int64_t last_offset;
    int64_t max_timestamp_ms;
    int64_t producer_id; /* >= 0 */
    int16_t producer_epoch;
    int32_t base_seq;
    int32_t last_seq;
    bool transactional;
    bool control;
    /* Of a control batch: its one marker. An empty control batch (compaction left it) has none. */
    bool has_marker;
    bool marker_aborts;
    int32_t marker_coordinator_epoch;
    int64_t marker_timestamp_ms;
};

struct completed_txn {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker */
    bool aborted;
};

/* Given to a transactional produce while its coordinator is asked (KIP-890). */
struct verification_entry {
    uint64_t guard;
    int64_t timestamp_ms;
    int32_t lowest_seq;
    int16_t epoch;
};

struct producer_state {
    struct producer_entry *entries; /* dense, in no order */
    size_t entry_count;
    size_t entry_cap;
    struct id_index index;
    struct producer_txns ongoing;
    struct producer_txns unreplicated;
    int64_t unreplicated_min_last_offset; /* nothing leaves before the high watermark passes it */
    struct map verifications;             /* producer id -> struct verification_entry, owned */
    uint64_t next_guard;
    int64_t end_offset;      /* everything below is in this state */
    int64_t snapshot_offset; /* of the last snapshot taken or loaded */
};

/* --- lifecycle --- */

/*
 * `guard_seed`: where guards begin to count. A state made anew for the same partition gets another one
 * (a random number will do), so that a guard of the old state cannot match by accident.
 */
void producer_state_init(struct producer_state *state, uint64_t guard_seed);
void producer_state_close(struct producer_state *state);

/* --- queries --- */

/* The producer's entry, or NULL. Borrowed until the next command. */
const struct producer_entry *producer_state_find(const struct producer_state *state, int64_t producer_id);
/* `size_t it = 0; while ((entry = producer_state_next(state, &it)))`: all producers, in no order. */
const struct producer_entry *producer_state_next(const struct producer_state *state, size_t *it);
size_t producer_state_count(const struct producer_state *state);
/* No producers and no unreplicated transactions (a rebuild may be skipped). */
bool producer_state_is_empty(const struct producer_state *state);
/* First sequence of a batch; wraps below zero as Kafka's sequences do. */
int32_t producer_batch_memo_first_seq(const struct producer_batch_memo *memo);
/* The producer has an open transaction here. */
bool producer_state_has_open_txn(const struct producer_state *state, int64_t producer_id);
/* First offset of the oldest transaction that is open or completed above the high watermark; false if none.
 */
bool producer_state_first_unstable(const struct producer_state *state, struct log_position *out);
/* First offset of the oldest open transaction; false if none. */
bool producer_state_first_undecided(const struct producer_state *state, int64_t *out);
/*
 * The oldest open transaction's producer has been silent for longer than `max_txn_timeout_ms` and five
 * minutes: the transaction hangs (metric PartitionsWithLateTransactionsCount).
 */
bool producer_state_has_late_txn(const struct producer_state *state, int64_t now_ms,
                                 int64_t max_txn_timeout_ms);
/* Last stable offset once `txn` is complete: what goes into the transaction index with an abort. */
int64_t producer_state_stable_offset_after(const struct producer_state *state,
                                           const struct completed_txn *txn);

/* --- verification (KIP-890 part 1) --- */

/* The producer's guard, or PRODUCER_GUARD_NONE. */
uint64_t producer_state_guard(const struct producer_state *state, int64_t producer_id);
/*
 * Begins or continues a verification: gives the guard to hand in with the append, or PRODUCER_GUARD_NONE
 * when a transaction is open already and none is needed. Remembers the lowest sequence of the epoch.
 */
uint64_t producer_state_start_verification(struct producer_state *state, int64_t producer_id,
                                           int32_t base_seq, int16_t epoch, int64_t now_ms);
void producer_state_end_verification(struct producer_state *state, int64_t producer_id);

/* --- append --- */

struct producer_pending; /* a producer as it will be after this append */

/* Scratch of one append, kept between appends so that the steady state does not allocate. Zero is valid. */
struct producer_append {
    struct producer_state *state;
    enum producer_origin origin;
    bool verify;
    uint64_t guard;
    struct producer_pending *pending;
    size_t pending_count;
    size_t pending_cap;
    struct id_index pending_index;
    struct producer_txn *started;
    size_t started_count;
    size_t started_cap;
    /* For the log, after the checks: transactions that this append completes, in order. */
    struct completed_txn *completed;
    size_t completed_count;
    size_t completed_cap;
};

enum producer_verdict { PRODUCER_OK, PRODUCER_DUPLICATE, PRODUCER_REFUSED };

struct producer_outcome {
    enum producer_verdict verdict;
    enum err err; /* PRODUCER_REFUSED: why, as the client is told */
    /* PRODUCER_DUPLICATE: what was answered the first time */
    int64_t duplicate_first_offset;
    int64_t duplicate_last_offset;
    int64_t duplicate_timestamp_ms;
};

/*
 * Begins an append on `state` (borrowed until commit or the next begin). `verify`: transactions must be
 * verified (transaction.partition.verification.enable); `guard`: the request's, or PRODUCER_GUARD_NONE.
 */
void producer_append_begin(struct producer_append *append, struct producer_state *state,
                           enum producer_origin origin, bool verify, uint64_t guard);
/*
 * Checks one batch against the state and the batches checked before it in this append, and takes note of
 * it. The state's entries do not change yet. A duplicate or a refusal ends the whole append: nothing of it
 * is to be written. `why` says what Kafka's exception would.
 *
 * INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED.
 */
struct producer_outcome producer_append_check(struct producer_append *append,
                                              const struct producer_batch *batch, struct errmsg *why);
/* The batches are in the log: installs the producers and opens the transactions. */
void producer_append_commit(struct producer_append *append);
void producer_append_close(struct producer_append *append);

/* --- commands --- */

/* The transaction's marker is in the log: it is decided, and stable once the high watermark passes it. */
void producer_state_complete_txn(struct producer_state *state, const struct completed_txn *txn);
void producer_state_set_end_offset(struct producer_state *state, int64_t end_offset);
/* Forgets completed transactions whose marker lies below the high watermark. */
void producer_state_on_high_watermark(struct producer_state *state, int64_t high_watermark);
/*
 * The log now begins at `log_start_offset`; `newest_snapshot` is the newest snapshot file there is, or
 * PRODUCER_NONE.
 */
void producer_state_on_log_start(struct producer_state *state, int64_t log_start_offset,
                                 int64_t newest_snapshot);
/* Drops producers without an open transaction, and verifications, that are `expiration_ms` old or older. */
void producer_state_expire(struct producer_state *state, int64_t now_ms, int64_t expiration_ms);
/* Forgets all producers and transactions; verifications stay. The end offset does not change. */
void producer_state_clear(struct producer_state *state);
/* Forgets all and goes on at `offset` (the log was truncated fully). */
void producer_state_restart_at(struct producer_state *state, int64_t offset);
/* Puts a producer of a snapshot, with its open transaction. `entry->older` must be NULL. */
void producer_state_load_entry(struct producer_state *state, const struct producer_entry *entry);
/* Dropped by expiry at `now_ms`? */
bool producer_entry_is_expired(const struct producer_entry *entry, int64_t now_ms, int64_t expiration_ms);

#endif
