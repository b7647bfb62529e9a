/*
 * The transaction index of a segment (`.txnindex`): one 34-byte entry per transaction whose abort marker
 * lies in the segment. The file is made by the first of them. lastOffset rises strictly.
 *
 * Ownership: owns its handle. Errors: those of the disk port, ERR_CORRUPT_FILE for a version that cannot
 * be read, ERR_WOULD_BLOCK where `nowait` is asked.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_TXN_INDEX_H
#define BARNABAS_STORAGE_TXN_INDEX_H

#include "storage/index_file.h"

#define TXN_INDEX_ENTRY_SIZE 34

struct aborted_txn {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker */
    int64_t last_stable_offset;
};

struct txn_index {
    struct disk_file *file; /* NULL until needed or when there is no file */
    int32_t count;          /* -1 until looked at */
    bool dirty;             /* written since the last sync */
};

/* Grows as needed, reused by its owner; zero-initialised is empty. */
struct aborted_list {
    struct aborted_txn *items;
    size_t count;
    size_t cap;
};

void txn_index_init(struct txn_index *index);
void txn_index_close(struct txn_index *index);
void aborted_list_close(struct aborted_list *list);

enum err txn_index_append(struct txn_index *index, const struct segment_files *files,
                          const struct aborted_txn *txn, struct errmsg *why) MUST_USE;
/*
 * Adds to `list` what overlaps [fetch_offset, upper_offset): last offset >= fetch_offset and first offset <
 * upper_offset. *complete when an entry was met after which none can overlap.
 */
enum err txn_index_collect(struct txn_index *index, const struct segment_files *files, int64_t fetch_offset,
                           int64_t upper_offset, bool nowait, struct aborted_list *list, bool *complete,
                           struct errmsg *why) MUST_USE;
/* Cuts at the first entry with last offset >= `offset`. */
enum err txn_index_truncate(struct txn_index *index, const struct segment_files *files, int64_t offset,
                            struct errmsg *why) MUST_USE;
/* False when an entry cannot be read or ends below the segment's base offset: recover the segment. */
enum err txn_index_check(struct txn_index *index, const struct segment_files *files, bool *ok,
                         struct errmsg *why) MUST_USE;

#endif
