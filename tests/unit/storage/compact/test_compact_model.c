/*
 * Random logs, compacted again and again while time passes, against what the rules say of every record:
 *
 *   a record of the compacted part stays if, and only if, it has a key, no newer record of the key is among
 * those that were mapped, it was not aborted, and it is no tombstone whose batch's delete horizon is past
 *
 * and what readers must find at the end, whatever was done in between.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "compact_rig.h"

#define PRODUCERS 3
#define KEYS      24

struct producer {
    int32_t next_sequence;
    int16_t epoch;
    bool in_txn;
};

/* The newest record of a key, as a reader of committed data would have it. */
struct truth {
    int64_t offset;
    int64_t pending_offset[PRODUCERS]; /* of open transactions; -1 none */
    bool pending_tombstone[PRODUCERS];
    bool is_tombstone;
};

struct world {
    struct compact_rig rig;
    struct prng prng;
    struct producer producers[PRODUCERS];
    struct truth keys[KEYS];
    bool old_formats;
};

static uint64_t below(struct world *w, uint64_t n)
{
    return prng_below(&w->prng, n);
}

static void later(struct world *w, int64_t ms)
{
    w->rig.rig.now_ms += ms;
    crash_disk_set_now_ms(w->rig.rig.mem, w->rig.rig.now_ms);
}

/* --- what is written ---------------------------------------------------------------------------------- */

static void note(struct world *w, int key, int64_t offset, bool is_tombstone, int producer)
{
    struct truth *truth = &w->keys[key];
    if (producer >= 0) {
        truth->pending_offset[producer] = offset;
        truth->pending_tombstone[producer] = is_tombstone;
    } else if (offset > truth->offset) {
        truth->offset = offset;
        truth->is_tombstone = is_tombstone;
    }
}

static void end_txn(struct world *w, int p)
{
    const bool commit = below(w, 2);
    compact_rig_marker(&w->rig, p + 1, w->producers[p].epoch, commit);
    w->producers[p].in_txn = false;
    for (int k = 0; k < KEYS; k++) {
        struct truth *truth = &w->keys[k];
        const int64_t offset = truth->pending_offset[p];
        truth->pending_offset[p] = -1;
        if (commit && offset > truth->offset) {
            truth->offset = offset;
            truth->is_tombstone = truth->pending_tombstone[p];
        }
    }
}

static void append(struct world *w)
{
    struct rig_set set = {.codec = (enum codec)below(w, CODEC_COUNT), .log_append_time = below(w, 8) == 0};
    const int p = (int)below(w, 2 * PRODUCERS);
    const bool has_producer = p < PRODUCERS;
    if (w->old_formats && !has_producer && below(w, 2)) {
        set.is_old = true;
        set.magic = (int8_t)below(w, 2);
        if (set.codec == CODEC_ZSTD)
            set.codec = CODEC_NONE;
        set.log_append_time &= set.magic == 1;
    }
    int n = 1 + (int)below(w, 8);
    if (has_producer) {
        struct producer *producer = &w->producers[p];
        set.producer_id = p + 1;
        set.producer_epoch = producer->epoch;
        set.base_sequence = producer->next_sequence;
        set.transactional = producer->in_txn = producer->in_txn || below(w, 2);
        producer->next_sequence += n;
    }
    set.timestamp_ms = w->rig.rig.now_ms - (int64_t)below(w, 100);
    char text[1024] = "";
    int64_t offset = log_end(w->rig.rig.log).offset;
    for (int i = 0; i < n; i++, offset++) {
        const int key = (int)below(w, KEYS);
        const bool is_tombstone = below(w, 5) == 0, no_key = below(w, 20) == 0;
        size_t len = strlen(text);
        if (no_key)
            snprintf(text + len, sizeof text - len, " =%" PRId64, offset);
        else if (is_tombstone)
            snprintf(text + len, sizeof text - len, " k%d", key);
        else
            snprintf(text + len, sizeof text - len, " k%d=%" PRId64 "%.*s", key, offset, (int)below(w, 30),
                     "..............................");
        if (!no_key)
            note(w, key, offset, is_tombstone, set.transactional ? p : -1);
    }
    compact_rig_append(&w->rig, &set, text);
}

/* --- what compaction may do --------------------------------------------------------------------------- */

struct expectation {
    struct seen before;
    struct seen committed_before;
    int64_t first_dirty;
    int64_t first_uncleanable;
};

static bool was_committed(const struct seen *committed, int64_t offset)
{
    size_t lo = 0, hi = committed->count;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (committed->items[mid].offset < offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < committed->count && committed->items[lo].offset == offset;
}

/* The base of the segment after the last one that was compacted. */
static int64_t cleaned_end(const struct world *w, const struct expectation *e)
{
    int64_t end = INT64_MAX;
    for (size_t i = e->before.count; i-- > 0;)
        if (e->before.items[i].segment_base >= w->rig.next_dirty)
            end = e->before.items[i].segment_base;
    return end;
}

static bool must_stay(const struct world *w, const struct expectation *e, const struct seen_record *r,
                      int64_t end, struct map *newest)
{
    if (r->offset >= end)
        return true;
    if (!was_committed(&e->committed_before, r->offset))
        return false;
    if (r->offset >= w->rig.next_dirty)
        return true;
    if (!r->key)
        return false;
    const struct seen_record *winner = map_get_str(newest, r->key);
    if (winner && winner->offset > r->offset)
        return false;
    return r->value || r->horizon_ms < 0 || w->rig.rig.now_ms < r->horizon_ms;
}

static void check_record(const struct world *w, const struct seen_record *now, const struct seen_record *then)
{
    ck_assert_int_eq(now->offset, then->offset);
    ck_assert_int_eq(now->timestamp_ms, then->timestamp_ms);
    if (then->magic >= 2)
        ck_assert_int_eq(now->batch_last, then->batch_last);
    ck_assert_int_eq(now->producer_id, then->producer_id);
    ck_assert_str_eq(now->key ? now->key : "-", then->key ? then->key : "-");
    ck_assert_str_eq(now->value ? now->value : "-", then->value ? then->value : "-");
    if (then->horizon_ms >= 0)
        ck_assert_int_eq(now->horizon_ms, then->horizon_ms);
    else if (now->horizon_ms >= 0)
        ck_assert_int_eq(now->horizon_ms, w->rig.rig.now_ms + w->rig.delete_retention_ms);
}

/* Data: exactly what must stay is there. Markers: none is made up. Old formats have their own rule for
 * tombstones. */
static void check_compacted(struct world *w, struct expectation *e)
{
    struct map newest = {0};
    for (size_t i = 0; i < e->before.count; i++) {
        struct seen_record *r = &e->before.items[i];
        if (r->key && !r->control && r->offset >= e->first_dirty && r->offset < w->rig.next_dirty &&
            was_committed(&e->committed_before, r->offset))
            (void)map_put_str(&newest, r->key, r);
    }
    const int64_t end = cleaned_end(w, e);
    struct seen now = {0};
    compact_rig_read(&w->rig, false, &now);
    size_t at = 0;
    for (size_t i = 0; i < e->before.count; i++) {
        const struct seen_record *r = &e->before.items[i];
        const bool is_there = at < now.count && now.items[at].offset == r->offset;
        if (is_there)
            check_record(w, &now.items[at++], r);
        if (r->control || (w->old_formats && !r->value))
            continue;
        ck_assert_msg(is_there == must_stay(w, e, r, end, &newest), "offset %" PRId64 " %s: is it there? %d",
                      r->offset, r->key ? r->key : "", is_there);
        if (is_there && !r->value && r->offset < end && r->magic >= 2)
            ck_assert_int_ge(now.items[at - 1].horizon_ms, 0);
    }
    ck_assert_uint_eq(at, now.count);
    seen_close(&now);
    map_close(&newest);
}

static void compact(struct world *w)
{
    struct expectation e = {0};
    compact_rig_settle(&w->rig, below(w, 3) > 0);
    struct log_dirt dirt;
    ck_assert_int_eq(compact_rig_dirt(&w->rig, &dirt), ERR_NONE);
    if (dirt.cleanable_bytes == 0)
        return;
    e.first_dirty = dirt.first_dirty;
    e.first_uncleanable = dirt.first_uncleanable;
    compact_rig_read(&w->rig, false, &e.before);
    compact_rig_read(&w->rig, true, &e.committed_before);
    compact_rig_run(&w->rig);
    ck_assert_int_gt(w->rig.next_dirty, e.first_dirty);
    check_compacted(w, &e);
    seen_close(&e.before);
    seen_close(&e.committed_before);
}

/* --- the whole ---------------------------------------------------------------------------------------- */

/* While a transaction is open readers are held back; then there is nothing to compare. */
static void check_truth(struct world *w)
{
    for (int p = 0; p < PRODUCERS; p++)
        if (w->producers[p].in_txn)
            return;
    struct seen committed = {0};
    compact_rig_read(&w->rig, true, &committed);
    for (int k = 0; k < KEYS; k++) {
        const struct truth *truth = &w->keys[k];
        if (truth->offset < 0)
            continue;
        char key[16];
        snprintf(key, sizeof key, "k%d", k);
        const struct seen_record *newest = NULL;
        for (size_t i = 0; i < committed.count; i++)
            if (committed.items[i].key && strcmp(committed.items[i].key, key) == 0)
                newest = &committed.items[i];
        const bool gone = !newest || !newest->value;
        ck_assert_msg(gone == truth->is_tombstone, "%s should%s be there", key,
                      truth->is_tombstone ? " not" : "");
        if (!truth->is_tombstone)
            ck_assert_int_eq(newest->offset, truth->offset);
    }
    seen_close(&committed);
}

static void restart(struct world *w)
{
    struct rig *rig = &w->rig.rig;
    const int64_t end = log_end(rig->log).offset;
    if (below(w, 2)) {
        rig_stop(rig);
        rig_load(rig, true);
    } else {
        rig_kill(rig);
        crash_disk_power_cut(rig->mem, CRASH_KEEP_ALL, 0);
        rig->recovery_point = below(w, 2) ? 0 : rig->recovery_point;
        rig_load(rig, false);
    }
    ck_assert_int_eq(log_end(rig->log).offset, end);
    rig_hw_to_end(rig);
}

static void check_producers(struct world *w)
{
    for (int p = 0; p < PRODUCERS; p++) {
        const struct producer_entry *entry = producer_state_find(log_producers(w->rig.rig.log), p + 1);
        if (w->producers[p].next_sequence == 0)
            continue;
        ck_assert_ptr_nonnull(entry);
        ck_assert_int_gt(entry->batch_count, 0);
        ck_assert_int_eq(entry->last.last_seq, w->producers[p].next_sequence - 1);
    }
}

static void live(uint64_t seed)
{
    struct world w = {0};
    prng_seed(&w.prng, seed);
    compact_rig_init(&w.rig);
    w.old_formats = below(&w, 4) == 0;
    compact_memory_free(w.rig.memory);
    w.rig.memory = compact_memory_new(64 * (1 + (int64_t)below(&w, 12)), 0.9, 4096);
    w.rig.delete_retention_ms = 200;
    for (int k = 0; k < KEYS; k++) {
        w.keys[k].offset = -1;
        for (int p = 0; p < PRODUCERS; p++)
            w.keys[k].pending_offset[p] = -1;
    }
    for (int step = 0; step < 120; step++) {
        later(&w, (int64_t)below(&w, 40));
        const uint64_t what = below(&w, 20);
        const int p = (int)below(&w, PRODUCERS);
        if (what == 0)
            compact(&w);
        else if (what == 1)
            restart(&w);
        else if (what < 6 && w.producers[p].in_txn)
            end_txn(&w, p);
        else
            append(&w);
        if (step % 20 == 19)
            check_truth(&w);
    }
    for (int p = 0; p < PRODUCERS; p++)
        if (w.producers[p].in_txn)
            end_txn(&w, p);
    for (int i = 0; i < 4; i++) {
        later(&w, 300);
        compact(&w);
        check_truth(&w);
    }
    check_producers(&w);
    w.rig.rig.recovery_point = 0;
    restart(&w);
    check_truth(&w);
    check_producers(&w);
    compact_rig_close(&w.rig);
}

START_TEST(random_logs_are_compacted_as_the_rules_say)
{
    const char *seed = getenv("BARNABAS_SEED");
    if (seed) {
        live(strtoull(seed, NULL, 10));
        return;
    }
    const char *runs = getenv("BARNABAS_RUNS");
    const uint64_t n = runs ? strtoull(runs, NULL, 10) : 40;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t s = (uint64_t)_i * n + i + 1;
        FILE *last = getenv("BARNABAS_SHOW_SEED") ? stderr : NULL;
        if (last)
            fprintf(last, "seed %" PRIu64 "\n", s);
        live(s);
    }
}
END_TEST

Suite *compact_model_suite(void)
{
    Suite *suite = suite_create("compact model");
    TCase *tc = tcase_create("model");
    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, random_logs_are_compacted_as_the_rules_say, 0, 4);
    suite_add_tcase(suite, tc);
    return suite;
}
