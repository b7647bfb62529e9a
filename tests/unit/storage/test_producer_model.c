/*
 * Random appends against a naive model that keeps every batch and marker for
 * ever and looks at all of them for each answer.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "state_suites.h"
#include "storage/producer_state.h"

#define IDS     6
#define STEPS   3000
#define HISTORY 4096

/* What is in the log. */
struct record {
    int64_t id;
    int64_t first;
    int64_t last;
    int64_t timestamp_ms;
    int32_t base_seq;
    int32_t last_seq;
    int epoch;
    int coordinator_epoch;
    bool txn;
    bool marker;
    bool dropped; /* its producer has expired since */
};

struct model {
    struct record log[HISTORY];
    size_t count;
    int64_t end;
    int64_t high_watermark;
    struct prng prng;
    struct producer_state state;
    struct producer_append append;
};

static struct record *last_of(struct model *m, int64_t id)
{
    for (size_t i = m->count; i-- > 0;)
        if (m->log[i].id == id && !m->log[i].dropped)
            return &m->log[i];
    return NULL;
}

/* Coordinator epoch of the producer's last marker, or -1. */
static int coordinator_epoch_of(struct model *m, int64_t id)
{
    for (size_t i = m->count; i-- > 0;)
        if (m->log[i].id == id && !m->log[i].dropped && m->log[i].marker)
            return m->log[i].coordinator_epoch;
    return -1;
}

/* First batch of the producer's open transaction, or NULL. */
static struct record *open_txn(struct model *m, int64_t id)
{
    struct record *first = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct record *r = &m->log[i];
        if (r->id != id || r->dropped)
            continue;
        if (r->marker)
            first = NULL;
        else if (r->txn && !first)
            first = r;
    }
    return first;
}

/* The batches of the current epoch since it began, newest first, at most five. */
static size_t cached(struct model *m, int64_t id, struct record *out[5])
{
    const struct record *newest = last_of(m, id);
    size_t count = 0;
    for (size_t i = m->count; newest && i-- > 0 && count < 5;) {
        struct record *r = &m->log[i];
        if (r->id != id)
            continue;
        if (r->dropped || r->epoch != newest->epoch)
            break;
        if (!r->marker)
            out[count++] = r;
    }
    return count;
}

static int64_t model_first_unstable(struct model *m)
{
    int64_t lowest = INT64_MAX;
    for (int64_t id = 0; id < IDS; id++) {
        int64_t first = -1;
        for (size_t i = 0; i < m->count; i++) {
            const struct record *r = &m->log[i];
            if (r->id != id)
                continue;
            if (r->txn && !r->marker && first < 0)
                first = r->first;
            if (r->marker) {
                if (first >= 0 && r->first >= m->high_watermark && first < lowest)
                    lowest = first;
                first = -1;
            }
        }
        if (first >= 0 && first < lowest)
            lowest = first;
    }
    return lowest;
}

static struct producer_outcome expected(struct model *m, enum producer_origin origin,
                                        const struct producer_batch *b)
{
    struct producer_outcome out = {.verdict = PRODUCER_REFUSED};
    struct record *batches[5];
    const struct record *last = last_of(m, b->producer_id);
    size_t count = cached(m, b->producer_id, batches);
    bool client = origin == APPEND_FROM_CLIENT;
    bool checked = origin != APPEND_FROM_REPLICATION;
    /* Replication may have brought the same sequences twice: the older one answers. */
    for (size_t i = client ? count : 0; i-- > 0;) {
        const struct record *r = batches[i];
        if (r->epoch == b->producer_epoch && r->base_seq == b->base_seq && r->last_seq == b->last_seq)
            return (struct producer_outcome){PRODUCER_DUPLICATE, ERR_NONE, r->first, r->last,
                                             r->timestamp_ms};
    }
    if (checked && last && b->producer_epoch < last->epoch) {
        out.err = ERR_INVALID_PRODUCER_EPOCH;
        return out;
    }
    if (b->control) {
        if (checked && coordinator_epoch_of(m, b->producer_id) > b->marker_coordinator_epoch) {
            out.err = ERR_TRANSACTION_COORDINATOR_FENCED;
            return out;
        }
        out.verdict = PRODUCER_OK;
        return out;
    }
    if (client && last) {
        int64_t before = b->producer_epoch == last->epoch && count ? batches[0]->last_seq : -1;
        bool wraps = before == INT32_MAX && b->base_seq == 0;
        if (b->base_seq != before + 1 && !wraps) {
            out.err = ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
            return out;
        }
    }
    if (open_txn(m, b->producer_id) && !b->transactional) {
        out.err = ERR_INVALID_TXN_STATE;
        return out;
    }
    out.verdict = PRODUCER_OK;
    return out;
}

/* A batch that is likely, but not sure, to be right. */
static struct producer_batch invent(struct model *m)
{
    struct record *batches[5];
    int64_t id = (int64_t)prng_below(&m->prng, IDS);
    const struct record *last = last_of(m, id);
    size_t count = cached(m, id, batches);
    int epoch = last ? last->epoch : 0;
    if (prng_below(&m->prng, 20) == 0)
        epoch += (int)prng_below(&m->prng, 3) - 1;
    if (epoch < 0)
        epoch = 0;
    struct producer_batch b = {.first = LOG_POSITION_OF_OFFSET(m->end),
                               .producer_id = id,
                               .producer_epoch = (int16_t)epoch,
                               .max_timestamp_ms = (int64_t)m->count,
                               .base_seq = -1,
                               .last_seq = -1};
    bool open = open_txn(m, id) != NULL;
    if (prng_below(&m->prng, open ? 4 : 20) == 0) {
        int known = coordinator_epoch_of(m, id);
        b.control = b.has_marker = b.transactional = true;
        b.marker_aborts = prng_below(&m->prng, 2);
        b.marker_coordinator_epoch =
            (known < 0 ? 0 : known) + (int)prng_below(&m->prng, 8) / 7 - (prng_below(&m->prng, 10) == 0);
        b.marker_timestamp_ms = (int64_t)m->count;
        b.last_offset = m->end;
        return b;
    }
    int delta = (int)prng_below(&m->prng, 5);
    int64_t seq = count && last->epoch == epoch ? ((int64_t)batches[0]->last_seq + 1) & INT32_MAX : 0;
    if (!last && prng_below(&m->prng, 2))
        seq = INT32_MAX - (int64_t)prng_below(&m->prng, 20);
    if (count && prng_below(&m->prng, 8) == 0) {
        const struct record *again = batches[prng_below(&m->prng, count)];
        seq = again->base_seq;
        delta = (int)(again->last - again->first);
    }
    if (prng_below(&m->prng, 15) == 0)
        seq = (int64_t)prng_below(&m->prng, 30);
    b.base_seq = (int32_t)seq;
    b.last_seq = (int32_t)((seq + delta) & INT32_MAX);
    b.last_offset = m->end + delta;
    b.transactional = open ? prng_below(&m->prng, 20) != 0 : prng_below(&m->prng, 2);
    return b;
}

static void take(struct model *m, const struct producer_batch *b)
{
    m->log[m->count++] =
        (struct record){.id = b->producer_id,
                        .first = b->first.offset,
                        .last = b->last_offset,
                        .timestamp_ms = b->control ? b->marker_timestamp_ms : b->max_timestamp_ms,
                        .base_seq = b->base_seq,
                        .last_seq = b->last_seq,
                        .epoch = b->producer_epoch,
                        .coordinator_epoch = b->control ? b->marker_coordinator_epoch : -1,
                        .txn = b->transactional,
                        .marker = b->control};
    m->end = b->last_offset + 1;
}

static void compare(struct model *m)
{
    for (int64_t id = 0; id < IDS; id++) {
        const struct producer_entry *entry = producer_state_find(&m->state, id);
        struct record *batches[5];
        const struct record *last = last_of(m, id);
        ck_assert_int_eq(entry != NULL, last != NULL);
        if (!entry)
            continue;
        const struct record *open = open_txn(m, id);
        size_t count = cached(m, id, batches);
        ck_assert_int_eq(entry->epoch, last->epoch);
        ck_assert_int_eq(entry->coordinator_epoch, coordinator_epoch_of(m, id));
        ck_assert_int_eq(entry->txn_first_offset, open ? open->first : -1);
        ck_assert_int_eq(entry->last_timestamp_ms, last->timestamp_ms);
        ck_assert_uint_eq(entry->batch_count, count);
        for (size_t i = 0; i < count; i++) {
            const struct producer_batch_memo *memo = i ? &entry->older[count - 1 - i] : &entry->last;
            ck_assert_int_eq(memo->last_offset, batches[i]->last);
            ck_assert_int_eq(memo->last_seq, batches[i]->last_seq);
            ck_assert_int_eq(producer_batch_memo_first_seq(memo), batches[i]->base_seq);
        }
    }
    struct log_position unstable;
    int64_t lowest = producer_state_first_unstable(&m->state, &unstable) ? unstable.offset : INT64_MAX;
    ck_assert_int_eq(lowest, model_first_unstable(m));
}

static void append_one(struct model *m)
{
    static const enum producer_origin origins[] = {APPEND_FROM_CLIENT, APPEND_FROM_CLIENT,
                                                   APPEND_FROM_COORDINATOR, APPEND_FROM_REPLICATION};
    struct producer_batch b = invent(m);
    enum producer_origin origin = origins[prng_below(&m->prng, ARRAY_LEN(origins))];
    if (b.control && origin == APPEND_FROM_CLIENT)
        origin = APPEND_FROM_COORDINATOR;
    struct producer_outcome want = expected(m, origin, &b);
    producer_append_begin(&m->append, &m->state, origin, false, PRODUCER_GUARD_NONE);
    struct producer_outcome got = producer_append_check(&m->append, &b, NULL);
    ck_assert_int_eq(got.verdict, want.verdict);
    ck_assert_int_eq(got.err, want.err);
    ck_assert_int_eq(got.duplicate_first_offset, want.duplicate_first_offset);
    ck_assert_int_eq(got.duplicate_last_offset, want.duplicate_last_offset);
    ck_assert_int_eq(got.duplicate_timestamp_ms, want.duplicate_timestamp_ms);
    if (got.verdict != PRODUCER_OK)
        return;
    producer_append_commit(&m->append);
    for (size_t i = 0; i < m->append.completed_count; i++)
        producer_state_complete_txn(&m->state, &m->append.completed[i]);
    take(m, &b);
}

/* Drops producers as old as `age` steps, from the model too. */
static void expire(struct model *m, int64_t age)
{
    int64_t now_ms = (int64_t)m->count;
    for (int64_t id = 0; id < IDS; id++) {
        const struct record *last = last_of(m, id);
        if (!last || open_txn(m, id) || now_ms - last->timestamp_ms < age)
            continue;
        for (size_t i = 0; i < m->count; i++)
            m->log[i].dropped |= m->log[i].id == id;
    }
    producer_state_expire(&m->state, now_ms, age);
}

START_TEST(any_history_agrees_with_a_model_that_forgets_nothing)
{
    struct model *m = MEM_NEW(struct model);
    prng_seed(&m->prng, (uint64_t)_i + 1);
    producer_state_init(&m->state, 0);
    for (int step = 0; step < STEPS && m->count < HISTORY; step++) {
        append_one(m);
        if (prng_below(&m->prng, 3) == 0) {
            m->high_watermark += (int64_t)prng_below(&m->prng, (uint64_t)(m->end - m->high_watermark) + 1);
            producer_state_on_high_watermark(&m->state, m->high_watermark);
        }
        if (prng_below(&m->prng, 200) == 0)
            expire(m, (int64_t)prng_below(&m->prng, 30) + 1);
        if (step % 7 == 0)
            compare(m);
    }
    producer_append_close(&m->append);
    producer_state_close(&m->state);
    free(m);
}
END_TEST

Suite *producer_model_suite(void)
{
    Suite *suite = suite_create("producer_model");
    TCase *tc = tcase_create("producer_model");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, any_history_agrees_with_a_model_that_forgets_nothing, 0, 12);
    suite_add_tcase(suite, tc);
    return suite;
}
