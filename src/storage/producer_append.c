/*
 * Checks the batches of one append, then installs what they change.
 *
 * Between the two the log is written, and one append may hold many batches of
 * many producers (a follower's always may). So each producer that is met gets a
 * pending copy of what it will be, against which its next batches are checked;
 * the state itself is touched by the commit only.
 */
#include "storage/producer_state.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/producer_internal.h"

struct producer_pending {
    int64_t producer_id; /* first: id_index.h */
    /* as it will be */
    int64_t last_timestamp_ms;
    int64_t txn_first_offset;
    int32_t coordinator_epoch;
    int16_t epoch;
    /* as it was before this append */
    int16_t known_epoch;
    int32_t known_last_seq;
    /* batches of this append under `epoch` */
    uint8_t batch_count;
    bool verifying;
    int32_t verify_lowest_seq;
    struct producer_batch_memo batches[PRODUCER_BATCHES_KEPT];
};

static void *grow_array(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 1;
    return mem_resize(items, *cap * size);
}

void producer_append_begin(struct producer_append *append, struct producer_state *state,
                           enum producer_origin origin, bool verify, uint64_t guard)
{
    append->state = state;
    append->origin = origin;
    append->verify = verify;
    append->guard = guard;
    if (append->pending_count > 1)
        id_index_clear(&append->pending_index);
    append->pending_count = append->started_count = append->completed_count = 0;
}

void producer_append_close(struct producer_append *append)
{
    free(append->pending);
    free(append->started);
    free(append->completed);
    id_index_close(&append->pending_index);
    *append = (struct producer_append){0};
}

/* One producer, the common case, needs no index. */
static struct producer_pending *find_pending(const struct producer_append *append, int64_t producer_id)
{
    if (append->pending_count == 1)
        return append->pending->producer_id == producer_id ? append->pending : NULL;
    uint32_t place =
        id_index_find(&append->pending_index, append->pending, sizeof *append->pending, producer_id);
    return append->pending_count == 0 || place == ID_INDEX_NONE ? NULL : &append->pending[place];
}

static struct producer_pending *add_pending(struct producer_append *append, int64_t producer_id)
{
    append->pending =
        grow_array(append->pending, append->pending_count, &append->pending_cap, sizeof *append->pending);
    struct producer_pending *pending = &append->pending[append->pending_count++];
    *pending = (struct producer_pending){.producer_id = producer_id,
                                         .last_timestamp_ms = PRODUCER_NONE,
                                         .txn_first_offset = PRODUCER_NONE,
                                         .coordinator_epoch = PRODUCER_NONE,
                                         .epoch = PRODUCER_NONE,
                                         .known_epoch = PRODUCER_NONE,
                                         .known_last_seq = PRODUCER_NONE};
    const struct producer_entry *entry = producer_state_find(append->state, producer_id);
    if (entry) {
        pending->last_timestamp_ms = entry->last_timestamp_ms;
        pending->txn_first_offset = entry->txn_first_offset;
        pending->coordinator_epoch = entry->coordinator_epoch;
        pending->epoch = pending->known_epoch = entry->epoch;
        pending->known_last_seq = entry->batch_count ? entry->last.last_seq : PRODUCER_NONE;
    }
    const struct verification_entry *verification = producer_verification_find(append->state, producer_id);
    if (verification) {
        pending->verifying = true;
        pending->verify_lowest_seq = verification->lowest_seq;
    }
    if (append->pending_count == 2)
        id_index_add(&append->pending_index, append->pending, sizeof *append->pending, 1);
    if (append->pending_count > 1)
        id_index_add(&append->pending_index, append->pending, sizeof *append->pending, append->pending_count);
    return pending;
}

static struct producer_outcome refused(enum err err)
{
    return (struct producer_outcome){.verdict = PRODUCER_REFUSED, .err = err};
}

static bool is_same_batch(const struct producer_batch_memo *memo, const struct producer_batch *batch)
{
    return memo->last_seq == batch->last_seq && producer_batch_memo_first_seq(memo) == batch->base_seq;
}

/* The cached batch that `batch` repeats, or NULL. */
static const struct producer_batch_memo *find_duplicate(const struct producer_entry *entry,
                                                        const struct producer_batch *batch)
{
    if (!entry || entry->epoch != batch->producer_epoch || entry->batch_count == 0)
        return NULL;
    for (int i = 0; i < entry->batch_count - 1; i++)
        if (is_same_batch(&entry->older[i], batch))
            return &entry->older[i];
    return is_same_batch(&entry->last, batch) ? &entry->last : NULL;
}

static struct producer_outcome duplicate_of(const struct producer_batch_memo *memo)
{
    return (struct producer_outcome){.verdict = PRODUCER_DUPLICATE,
                                     .duplicate_first_offset = memo->last_offset - memo->offset_delta,
                                     .duplicate_last_offset = memo->last_offset,
                                     .duplicate_timestamp_ms = memo->timestamp_ms};
}

/* Nobody but the coordinator's knowledge opens a transaction here (KIP-890). */
static bool lacks_verification(const struct producer_append *append, const struct producer_entry *entry,
                               const struct producer_batch *batch)
{
    if (append->origin == APPEND_FROM_REPLICATION || !append->verify || !batch->transactional ||
        batch->control || (entry && entry->txn_first_offset >= 0))
        return false;
    uint64_t guard = producer_state_guard(append->state, batch->producer_id);
    return guard == PRODUCER_GUARD_NONE || guard != append->guard;
}

static enum err check_epoch(const struct producer_append *append, const struct producer_pending *pending,
                            const struct producer_batch *batch, struct errmsg *why)
{
    /* What a follower copies, its leader has accepted: an old epoch there was fenced by nobody. */
    if (batch->producer_epoch >= pending->epoch || append->origin == APPEND_FROM_REPLICATION)
        return ERR_NONE;
    errmsg_set(why, "producer %lld at offset %lld: epoch %d is smaller than the last seen epoch %d",
               (long long)batch->producer_id, (long long)batch->first.offset, batch->producer_epoch,
               pending->epoch);
    return ERR_INVALID_PRODUCER_EPOCH;
}

static bool follows(int32_t last_seq, int32_t next_seq)
{
    return next_seq == (int64_t)last_seq + 1 || (next_seq == 0 && last_seq == INT32_MAX);
}

/* Last sequence to which the next batch of the same epoch must connect. */
static int32_t last_seq_of(const struct producer_pending *pending, int16_t epoch)
{
    if (pending->batch_count)
        return pending->batches[pending->batch_count - 1].last_seq;
    return epoch == pending->known_epoch ? pending->known_last_seq : PRODUCER_NONE;
}

static enum err check_sequence(const struct producer_pending *pending, const struct producer_batch *batch,
                               struct errmsg *why)
{
    long long id = batch->producer_id;
    long long at = batch->first.offset;
    if (pending->verifying && batch->base_seq > pending->verify_lowest_seq) {
        errmsg_set(why,
                   "producer %lld at offset %lld: sequence %d while %d has been seen and not been written",
                   id, at, batch->base_seq, pending->verify_lowest_seq);
        return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    if (batch->producer_epoch != pending->epoch) {
        if (batch->base_seq == 0 || pending->epoch == PRODUCER_NONE)
            return ERR_NONE;
        errmsg_set(why,
                   "producer %lld at offset %lld: new epoch %d (known: %d) begins with sequence %d, not 0",
                   id, at, batch->producer_epoch, pending->epoch, batch->base_seq);
        return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    /* A producer that we do not know may have been forgotten with its records: any sequence will do. */
    int32_t last_seq = last_seq_of(pending, batch->producer_epoch);
    if (pending->known_epoch == PRODUCER_NONE || follows(last_seq, batch->base_seq))
        return ERR_NONE;
    errmsg_set(why, "producer %lld at offset %lld: sequence %d does not follow %d", id, at, batch->base_seq,
               last_seq);
    return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void set_epoch(struct producer_pending *pending, int16_t epoch)
{
    if (pending->epoch != epoch) {
        pending->epoch = epoch;
        pending->batch_count = 0;
    }
}

static void note_batch(struct producer_pending *pending, const struct producer_batch *batch)
{
    set_epoch(pending, batch->producer_epoch);
    if (pending->batch_count == PRODUCER_BATCHES_KEPT)
        memmove(pending->batches, pending->batches + 1, --pending->batch_count * sizeof *pending->batches);
    pending->batches[pending->batch_count++] =
        (struct producer_batch_memo){.last_offset = batch->last_offset,
                                     .timestamp_ms = batch->max_timestamp_ms,
                                     .last_seq = batch->last_seq,
                                     .offset_delta = (int32_t)(batch->last_offset - batch->first.offset)};
    pending->last_timestamp_ms = batch->max_timestamp_ms;
}

static void start_txn(struct producer_append *append, struct producer_pending *pending,
                      const struct producer_batch *batch)
{
    append->started =
        grow_array(append->started, append->started_count, &append->started_cap, sizeof *append->started);
    append->started[append->started_count++] =
        (struct producer_txn){.first_offset = batch->first.offset,
                              .producer_id = batch->producer_id,
                              .last_offset = PRODUCER_NONE,
                              .segment_base = batch->first.segment_base,
                              .pos = batch->first.pos};
    pending->txn_first_offset = batch->first.offset;
}

static enum err take_data(struct producer_append *append, struct producer_pending *pending,
                          const struct producer_batch *batch, struct errmsg *why)
{
    enum err err = check_epoch(append, pending, batch, why);
    if (!err && append->origin == APPEND_FROM_CLIENT)
        err = check_sequence(pending, batch, why);
    if (err)
        return err;
    bool open = pending->txn_first_offset >= 0;
    if (open && !batch->transactional) {
        errmsg_set(why, "producer %lld at offset %lld: a batch outside of its open transaction",
                   (long long)batch->producer_id, (long long)batch->first.offset);
        return ERR_INVALID_TXN_STATE;
    }
    note_batch(pending, batch);
    if (!open && batch->transactional)
        start_txn(append, pending, batch);
    return ERR_NONE;
}

static enum err take_marker(struct producer_append *append, struct producer_pending *pending,
                            const struct producer_batch *batch, struct errmsg *why)
{
    enum err err = check_epoch(append, pending, batch, why);
    if (err)
        return err;
    if (pending->coordinator_epoch > batch->marker_coordinator_epoch &&
        append->origin != APPEND_FROM_REPLICATION) {
        errmsg_set(why, "producer %lld at offset %lld: marker of coordinator epoch %d, while %d is known",
                   (long long)batch->producer_id, (long long)batch->first.offset,
                   batch->marker_coordinator_epoch, pending->coordinator_epoch);
        return ERR_TRANSACTION_COORDINATOR_FENCED;
    }
    if (pending->txn_first_offset >= 0) {
        append->completed = grow_array(append->completed, append->completed_count, &append->completed_cap,
                                       sizeof *append->completed);
        append->completed[append->completed_count++] =
            (struct completed_txn){.producer_id = batch->producer_id,
                                   .first_offset = pending->txn_first_offset,
                                   .last_offset = batch->first.offset,
                                   .aborted = batch->marker_aborts};
    }
    set_epoch(pending, batch->producer_epoch);
    pending->coordinator_epoch = batch->marker_coordinator_epoch;
    pending->last_timestamp_ms = batch->marker_timestamp_ms;
    pending->txn_first_offset = PRODUCER_NONE;
    return ERR_NONE;
}

struct producer_outcome producer_append_check(struct producer_append *append,
                                              const struct producer_batch *batch, struct errmsg *why)
{
    ASSERT(batch->producer_id >= 0);
    if (append->origin != APPEND_FROM_REPLICATION) {
        const struct producer_entry *entry = producer_state_find(append->state, batch->producer_id);
        const struct producer_batch_memo *twin =
            append->origin == APPEND_FROM_CLIENT ? find_duplicate(entry, batch) : NULL;
        if (twin)
            return duplicate_of(twin);
        if (lacks_verification(append, entry, batch)) {
            errmsg_set(why, "Record was not part of an ongoing transaction");
            return refused(ERR_INVALID_TXN_STATE);
        }
    }
    struct producer_pending *pending = find_pending(append, batch->producer_id);
    if (!pending)
        pending = add_pending(append, batch->producer_id);
    enum err err = ERR_NONE;
    if (!batch->control)
        err = take_data(append, pending, batch, why);
    else if (batch->has_marker)
        err = take_marker(append, pending, batch, why);
    if (err)
        return refused(err);
    /* Either a transaction is open now or it has ended: the guard has served. */
    if (batch->transactional)
        producer_state_end_verification(append->state, batch->producer_id);
    return (struct producer_outcome){.verdict = PRODUCER_OK};
}

static void install(struct producer_state *state, const struct producer_pending *pending)
{
    struct producer_entry *entry = producer_entry_find(state, pending->producer_id);
    if (!entry)
        entry = producer_entry_add(state, pending->producer_id);
    if (entry->epoch != pending->epoch) {
        producer_entry_forget_batches(entry);
        entry->epoch = pending->epoch;
    }
    for (int i = 0; i < pending->batch_count; i++)
        producer_entry_add_batch(entry, &pending->batches[i]);
    entry->coordinator_epoch = pending->coordinator_epoch;
    entry->txn_first_offset = pending->txn_first_offset;
    entry->last_timestamp_ms = pending->last_timestamp_ms;
}

void producer_append_commit(struct producer_append *append)
{
    for (size_t i = 0; i < append->pending_count; i++)
        install(append->state, &append->pending[i]);
    for (size_t i = 0; i < append->started_count; i++)
        producer_txns_put(&append->state->ongoing, &append->started[i]);
}
