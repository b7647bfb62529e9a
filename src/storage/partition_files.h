/*
 * The files of a partition directory: what a crash left half done is undone or finished, what remains is
 * listed.
 *
 *   .deleted   left the log, not unlinked yet            -> unlink
 *   .cleaned   output of a compaction that did not end   -> unlink
 *   .swap      output of one that did                    -> replaces its sources
 *
 * A `.swap` beside a `.cleaned` at or below it is part of a split that did not end, and goes too.
 * Runs on: the thread that loads the log.
 */
#ifndef BARNABAS_STORAGE_PARTITION_FILES_H
#define BARNABAS_STORAGE_PARTITION_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "port/disk.h"

enum partition_file_kind {
    PARTITION_FILE_LOG,
    PARTITION_FILE_INDEX, /* .index, .timeindex, .txnindex */
    PARTITION_FILE_OTHER  /* .snapshot and what is not ours */
};

struct partition_file {
    char *name;
    int64_t base_offset; /* -1: the name begins with no offset */
    enum partition_file_kind kind;
};

/* Sorted by name. Zero-initialised is empty. */
struct partition_files {
    struct partition_file *items;
    size_t count;
    size_t cap;
};

void partition_files_close(struct partition_files *files);
/* Settles the directory and lists what is left into the empty `files`. */
MUST_USE enum err partition_files_settle(struct partition_files *files, struct disk *disk, const char *dir,
                                         struct errmsg *why);
/* Is there "<20 digits of base_offset><extension>"? */
bool partition_files_has(const struct partition_files *files, int64_t base_offset, const char *extension);
/* Unlinks file `i`; the list keeps it. */
MUST_USE enum err partition_files_unlink(struct partition_files *files, struct disk *disk, const char *dir,
                                         size_t i, struct errmsg *why);

#endif
