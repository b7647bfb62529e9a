/*
 * A log on a disk in memory, records with keys put into it, compactions of it, and what a reader sees.
 * Runs on: one thread.
 */
#ifndef BARNABAS_TESTS_STORAGE_COMPACT_RIG_H
#define BARNABAS_TESTS_STORAGE_COMPACT_RIG_H

#include "../log_rig.h"
#include "storage/compact/compact.h"
#include "storage/producer_state.h"
#include "wire/compress.h"

struct compact_rig {
    struct rig rig;
    struct compact_memory *memory;
    int64_t checkpoint; /* of the cleaner; -1 none */
    int64_t delete_retention_ms;
    int64_t min_lag_ms;
    struct log_compact_stats stats; /* of the last compaction */
    int64_t next_dirty;             /* of the last compaction, also of one that was given up */
    bool (*go_on)(void *arg, int64_t bytes);
    void *go_on_arg;
    /* Called between write and swap of each group. */
    void (*before_swap)(struct compact_rig *rig);
};

/* Appended as a follower appends, so of any shape. */
struct rig_set {
    enum codec codec;
    int8_t magic; /* 2 unless `is_old` */
    bool is_old;  /* take `magic` as it is */
    bool log_append_time;
    int64_t producer_id; /* 0: none */
    int16_t producer_epoch;
    int32_t base_sequence;
    bool transactional;
    int64_t timestamp_ms; /* 0: the rig's now */
};

#define RIG_RECORDS_MAX 64

/* "key=value", "key" for a tombstone, "=value" for no key; several by spaces. Gives the last offset. */
int64_t compact_rig_append(struct compact_rig *rig, const struct rig_set *set, const char *records);
void compact_rig_marker(struct compact_rig *rig, int64_t producer_id, int16_t epoch, bool commit);
/* Flushes, with the high watermark at the end; `roll`: the active segment is sealed before. */
void compact_rig_settle(struct compact_rig *rig, bool roll);

void compact_rig_init(struct compact_rig *rig);
void compact_rig_close(struct compact_rig *rig);
enum err compact_rig_dirt(struct compact_rig *rig, struct log_dirt *out);
/* One compaction, to its end; the checkpoint moves when it succeeds. */
enum err compact_rig_try(struct compact_rig *rig);
void compact_rig_run(struct compact_rig *rig);

/* --- what is read ------------------------------------------------------------------------------------- */

struct seen_record {
    int64_t offset;
    int64_t timestamp_ms;
    char *key;          /* NULL: none */
    char *value;        /* NULL: tombstone */
    int64_t batch_last; /* of its batch */
    int64_t horizon_ms; /* of its batch; -1 none */
    int64_t segment_base;
    int64_t producer_id;
    int8_t magic;
    bool control;
    bool transactional;
};

struct seen {
    struct seen_record *items;
    size_t count;
    size_t cap;
    size_t batches;
};

void seen_close(struct seen *seen);
/* All records of the log, every batch checked; read_committed: without aborted ones and markers. */
void compact_rig_read(struct compact_rig *rig, bool read_committed, struct seen *out);
/* "offset:key=value ..." of the data records, for tests that say what they expect. */
char *compact_rig_text(struct compact_rig *rig, bool read_committed);

Suite *compact_suite(void);
Suite *compact_crash_suite(void);
Suite *compact_model_suite(void);
Suite *compact_parts_suite(void);
Suite *compact_superseded_suite(void);

#endif
