/*
 * The inside of a compaction, shared by the files of this room and nobody else.
 * Runs on: as compact.h says.
 */
#ifndef BARNABAS_STORAGE_COMPACT_INTERNAL_H
#define BARNABAS_STORAGE_COMPACT_INTERNAL_H

#include "storage/compact/compact.h"
#include "storage/compact/filter.h"
#include "storage/compact/last_batches.h"
#include "storage/compact/newest.h"
#include "storage/compact/output.h"
#include "storage/compact/plan.h"
#include "storage/compact/source.h"
#include "storage/compact/transactions.h"

struct compact_memory {
    struct key_map *map;
    struct io_buffer read;
    struct io_buffer write;
    struct filter_scratch scratch;
    struct buf rewritten; /* one batch */
};

/* A transaction index as it was when the compaction began. */
struct txn_share {
    struct txn_index index; /* owns a share of the file */
    int64_t base_offset;
};

struct log_compact {
    struct log_compact_args args;
    struct compact_memory *memory; /* borrowed */
    struct disk *disk;
    char *dir;
    struct log_settings settings;
    uint32_t truncations; /* of the log, when it began */
    uint64_t seed;
    struct source *sources; /* what may be compacted, from the log's beginning on */
    size_t source_count;
    size_t first_dirty_source;
    int32_t first_dirty_pos;
    struct txn_share *txn_indexes;
    size_t txn_index_count;
    struct last_batches last;
    struct transactions txns;
    struct newest newest; /* after the map */
    int64_t next_dirty;
    /* The round that is being written, or waits for its swap: sources [round_first, round_first +
     * round_count). */
    size_t round_first;
    size_t round_count;
    struct output output;
    struct log_compact_stats stats;
};

/* The aborted transactions that touch [from, to), from the indexes; begins compact->txns with them. */
MUST_USE enum err compact_begin_transactions(struct log_compact *compact, int64_t from, int64_t to,
                                             struct errmsg *why);
/* What the marker of a control batch says; CONTROL_OTHER where it says nothing. */
enum control_type compact_marker_type(const struct batch_info *info, struct view entry);
/* Tells of bytes that were moved. ERR_CLOSED: stop. */
MUST_USE enum err compact_go_on(const struct log_compact *compact, int64_t bytes, struct errmsg *why);
/* What a worker's call answers: a directory that was renamed under it is no error of the disk. */
MUST_USE enum err compact_worker_error(const struct log_compact *compact, enum err err, struct errmsg *why);

#endif
