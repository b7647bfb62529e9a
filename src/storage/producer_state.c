/*
 * The producers of a partition. Entries lie densely in one array in no order;
 * an index finds them by id, and one that goes leaves its place to the last.
 *
 * Checking an append is in producer_append.c.
 */
#include "storage/producer_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/producer_internal.h"

/* A hanging transaction is called so this long after its timeout. */
#define LATE_TXN_GRACE_MS (INT64_C(5) * 60 * 1000)

_Static_assert(sizeof(struct producer_entry) == 64, "a million producers must stay cheap");
_Static_assert(offsetof(struct producer_entry, producer_id) == 0, "id_index wants the id first");

void producer_state_init(struct producer_state *state, uint64_t guard_seed)
{
    *state = (struct producer_state){.unreplicated_min_last_offset = INT64_MAX, .next_guard = guard_seed};
}

static void free_verifications(struct producer_state *state)
{
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&state->verifications, &it)))
        free(slot->value);
    map_close(&state->verifications);
}

static void free_entries(struct producer_state *state)
{
    for (size_t i = 0; i < state->entry_count; i++)
        free(state->entries[i].older);
    free(state->entries);
    state->entries = NULL;
    state->entry_count = state->entry_cap = 0;
    id_index_close(&state->index);
}

void producer_state_close(struct producer_state *state)
{
    producer_state_clear(state);
    free_verifications(state);
}

/* --- entries --- */

struct producer_entry *producer_entry_find(const struct producer_state *state, int64_t producer_id)
{
    uint32_t place = id_index_find(&state->index, state->entries, sizeof *state->entries, producer_id);
    return place == ID_INDEX_NONE ? NULL : &state->entries[place];
}

const struct producer_entry *producer_state_find(const struct producer_state *state, int64_t producer_id)
{
    return producer_entry_find(state, producer_id);
}

const struct producer_entry *producer_state_next(const struct producer_state *state, size_t *it)
{
    return *it < state->entry_count ? &state->entries[(*it)++] : NULL;
}

size_t producer_state_count(const struct producer_state *state)
{
    return state->entry_count;
}

bool producer_state_is_empty(const struct producer_state *state)
{
    return state->entry_count == 0 && producer_txns_count(&state->unreplicated) == 0;
}

/* Grows by a quarter once it is large: half a million spare entries would be felt. */
static size_t grown(size_t cap)
{
    return cap < 4 ? 4 : cap < 1024 ? cap * 2 : cap + cap / 4;
}

struct producer_entry *producer_entry_add(struct producer_state *state, int64_t producer_id)
{
    if (state->entry_count == state->entry_cap) {
        state->entry_cap = grown(state->entry_cap);
        state->entries = mem_resize(state->entries, state->entry_cap * sizeof *state->entries);
    }
    struct producer_entry *entry = &state->entries[state->entry_count++];
    *entry = (struct producer_entry){.producer_id = producer_id,
                                     .last_timestamp_ms = PRODUCER_NONE,
                                     .txn_first_offset = PRODUCER_NONE,
                                     .coordinator_epoch = PRODUCER_NONE,
                                     .epoch = PRODUCER_NONE};
    id_index_add(&state->index, state->entries, sizeof *state->entries, state->entry_count);
    return entry;
}

static void remove_entry(struct producer_state *state, uint32_t place)
{
    uint32_t last = (uint32_t)state->entry_count - 1;
    free(state->entries[place].older);
    id_index_remove(&state->index, state->entries, sizeof *state->entries, place);
    if (place != last) {
        id_index_move(&state->index, state->entries, sizeof *state->entries, last, place);
        state->entries[place] = state->entries[last];
    }
    state->entry_count--;
}

/* Gives memory back when less than a quarter of it is used. */
static void shrink(struct producer_state *state)
{
    if (state->entry_count == 0) {
        free_entries(state);
    } else if (state->entry_cap > 64 && state->entry_count < state->entry_cap / 4) {
        state->entry_cap = state->entry_count;
        state->entries = mem_resize(state->entries, state->entry_cap * sizeof *state->entries);
        id_index_rebuild(&state->index, state->entries, sizeof *state->entries, state->entry_count);
    }
}

/* --- the last batches of an entry --- */

void producer_entry_forget_batches(struct producer_entry *entry)
{
    free(entry->older);
    entry->older = NULL;
    entry->older_cap = 0;
    entry->batch_count = 0;
}

void producer_entry_add_batch(struct producer_entry *entry, const struct producer_batch_memo *batch)
{
    const size_t older_max = PRODUCER_BATCHES_KEPT - 1;
    size_t older = entry->batch_count ? entry->batch_count - 1u : 0;
    if (entry->batch_count == PRODUCER_BATCHES_KEPT) {
        memmove(entry->older, entry->older + 1, (older_max - 1) * sizeof *entry->older);
        older--;
    }
    if (entry->batch_count) {
        if (older == entry->older_cap) {
            entry->older_cap = (uint8_t)(older ? older_max : 1);
            entry->older = mem_resize(entry->older, entry->older_cap * sizeof *entry->older);
        }
        entry->older[older] = entry->last;
    }
    if (entry->batch_count < PRODUCER_BATCHES_KEPT)
        entry->batch_count++;
    entry->last = *batch;
}

int32_t producer_batch_memo_first_seq(const struct producer_batch_memo *memo)
{
    /* Sequences are 0..2^31-1 and wrap; the entries of a damaged snapshot may hold anything. */
    int64_t first = (int64_t)memo->last_seq - memo->offset_delta;
    return (int32_t)(uint32_t)(first < 0 ? first + INT64_C(0x80000000) : first);
}

/* --- transactions --- */

bool producer_state_has_open_txn(const struct producer_state *state, int64_t producer_id)
{
    const struct producer_entry *entry = producer_state_find(state, producer_id);
    return entry && entry->txn_first_offset >= 0;
}

bool producer_state_first_unstable(const struct producer_state *state, struct log_position *out)
{
    const struct producer_txn *txn = producer_txns_first(&state->unreplicated);
    const struct producer_txn *open = producer_txns_first(&state->ongoing);
    if (!txn || (open && open->first_offset < txn->first_offset))
        txn = open;
    if (!txn)
        return false;
    *out = (struct log_position){txn->first_offset, txn->segment_base, txn->pos};
    return true;
}

bool producer_state_first_undecided(const struct producer_state *state, int64_t *out)
{
    const struct producer_txn *txn = producer_txns_first(&state->ongoing);
    if (txn)
        *out = txn->first_offset;
    return txn != NULL;
}

bool producer_state_has_late_txn(const struct producer_state *state, int64_t now_ms,
                                 int64_t max_txn_timeout_ms)
{
    const struct producer_txn *txn = producer_txns_first(&state->ongoing);
    const struct producer_entry *entry = txn ? producer_state_find(state, txn->producer_id) : NULL;
    return entry && entry->last_timestamp_ms > 0 &&
           now_ms - entry->last_timestamp_ms > max_txn_timeout_ms + LATE_TXN_GRACE_MS;
}

int64_t producer_state_stable_offset_after(const struct producer_state *state,
                                           const struct completed_txn *txn)
{
    const struct producer_txn *other = producer_txns_first_of_others(&state->ongoing, txn->producer_id);
    return other ? other->first_offset : txn->last_offset + 1;
}

void producer_state_complete_txn(struct producer_state *state, const struct completed_txn *completed)
{
    struct producer_txn txn;
    bool found = producer_txns_take(&state->ongoing, completed->first_offset, &txn);
    ASSERT(found);
    txn.last_offset = completed->last_offset;
    producer_txns_put(&state->unreplicated, &txn);
    if (txn.last_offset < state->unreplicated_min_last_offset)
        state->unreplicated_min_last_offset = txn.last_offset;
}

void producer_state_on_high_watermark(struct producer_state *state, int64_t high_watermark)
{
    /* Called with every fetch of a follower, so the common case is this comparison. */
    if (state->unreplicated_min_last_offset < high_watermark)
        state->unreplicated_min_last_offset = producer_txns_drop_below(&state->unreplicated, high_watermark);
}

/* --- verification --- */

static struct verification_entry *find_verification(const struct producer_state *state, int64_t producer_id)
{
    return map_get_int(&state->verifications, producer_id);
}

const struct verification_entry *producer_verification_find(const struct producer_state *state,
                                                            int64_t producer_id)
{
    return state->verifications.count ? find_verification(state, producer_id) : NULL;
}

uint64_t producer_state_guard(const struct producer_state *state, int64_t producer_id)
{
    const struct verification_entry *entry = producer_verification_find(state, producer_id);
    return entry ? entry->guard : PRODUCER_GUARD_NONE;
}

uint64_t producer_state_start_verification(struct producer_state *state, int64_t producer_id,
                                           int32_t base_seq, int16_t epoch, int64_t now_ms)
{
    if (producer_state_has_open_txn(state, producer_id))
        return PRODUCER_GUARD_NONE;
    struct verification_entry *entry = find_verification(state, producer_id);
    if (!entry) {
        entry = MEM_NEW(struct verification_entry);
        if (++state->next_guard == PRODUCER_GUARD_NONE)
            state->next_guard++;
        *entry = (struct verification_entry){state->next_guard, now_ms, base_seq, epoch};
        map_put_int(&state->verifications, producer_id, entry);
    }
    if (epoch == entry->epoch && base_seq < entry->lowest_seq)
        entry->lowest_seq = base_seq;
    if (epoch > entry->epoch) {
        entry->epoch = epoch;
        entry->lowest_seq = base_seq;
    }
    return entry->guard;
}

void producer_state_end_verification(struct producer_state *state, int64_t producer_id)
{
    if (state->verifications.count)
        free(map_remove_int(&state->verifications, producer_id));
}

/* --- the whole state --- */

void producer_state_set_end_offset(struct producer_state *state, int64_t end_offset)
{
    state->end_offset = end_offset;
}

void producer_state_on_log_start(struct producer_state *state, int64_t log_start_offset,
                                 int64_t newest_snapshot)
{
    producer_state_on_high_watermark(state, log_start_offset);
    if (state->end_offset < log_start_offset)
        state->end_offset = log_start_offset;
    state->snapshot_offset = newest_snapshot >= 0 ? newest_snapshot : log_start_offset;
}

bool producer_entry_is_expired(const struct producer_entry *entry, int64_t now_ms, int64_t expiration_ms)
{
    /* Timestamps are the producers' own: one from the far future or past must not overflow. */
    int64_t age_ms;
    if (__builtin_sub_overflow(now_ms, entry->last_timestamp_ms, &age_ms))
        age_ms = entry->last_timestamp_ms < 0 ? INT64_MAX : INT64_MIN;
    return entry->txn_first_offset < 0 && age_ms >= expiration_ms;
}

void producer_state_expire(struct producer_state *state, int64_t now_ms, int64_t expiration_ms)
{
    for (uint32_t i = 0; i < state->entry_count;) {
        if (producer_entry_is_expired(&state->entries[i], now_ms, expiration_ms))
            remove_entry(state, i);
        else
            i++;
    }
    shrink(state);

    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&state->verifications, &it))) {
        struct verification_entry *entry = slot->value;
        if (now_ms - entry->timestamp_ms >= expiration_ms) {
            map_remove_int(&state->verifications, slot->key_int);
            free(entry);
        }
    }
}

void producer_state_clear(struct producer_state *state)
{
    free_entries(state);
    producer_txns_clear(&state->ongoing);
    producer_txns_clear(&state->unreplicated);
    state->unreplicated_min_last_offset = INT64_MAX;
}

void producer_state_restart_at(struct producer_state *state, int64_t offset)
{
    producer_state_clear(state);
    state->snapshot_offset = 0;
    state->end_offset = offset;
}

void producer_state_load_entry(struct producer_state *state, const struct producer_entry *loaded)
{
    ASSERT(loaded->older == NULL && loaded->batch_count <= 1);
    struct producer_entry *entry = producer_entry_find(state, loaded->producer_id);
    if (!entry)
        entry = producer_entry_add(state, loaded->producer_id);
    free(entry->older);
    *entry = *loaded;
    if (loaded->txn_first_offset >= 0)
        producer_txns_put(&state->ongoing, &(struct producer_txn){.first_offset = loaded->txn_first_offset,
                                                                  .producer_id = loaded->producer_id,
                                                                  .last_offset = PRODUCER_NONE,
                                                                  .segment_base = LOG_POSITION_UNKNOWN,
                                                                  .pos = LOG_POSITION_UNKNOWN});
}
