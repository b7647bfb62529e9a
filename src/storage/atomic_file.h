/*
 * Small files that are replaced whole: written to `<path>.tmp`, synced, renamed
 * over the old one, the directory synced. A reader sees the old or the new one.
 *
 * Several at once: write all, sync all, rename all, sync their directories (sync_set.h).
 * Runs on: any; two writers of one path are kept apart by their callers.
 */
#ifndef BARNABAS_STORAGE_ATOMIC_FILE_H
#define BARNABAS_STORAGE_ATOMIC_FILE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"
#include "port/disk.h"
#include "storage/sync_set.h"

#define ATOMIC_FILE_TMP_SUFFIX ".tmp"

/* "<dir>/<name>" as a fresh heap string. */
char *atomic_file_join(const char *dir, const char *name);

/* Replaces the file durably. */
enum err atomic_file_write(struct disk *disk, const char *path, struct view bytes,
                           struct errmsg *why) MUST_USE;
/* Appends the whole file to `out`; ERR_NOT_FOUND; ERR_NO_MEMORY for an absurd size. */
enum err atomic_file_read(struct disk *disk, const char *path, struct buf *out, struct errmsg *why) MUST_USE;

struct atomic_batch_item;

/* Files of one file system that are replaced together. */
struct atomic_batch {
    struct disk *disk;
    struct atomic_batch_item *items;
    size_t count;
    size_t cap;
    struct sync_set written;
};

void atomic_batch_init(struct atomic_batch *batch, struct disk *disk);
void atomic_batch_close(struct atomic_batch *batch);
/* Writes the temporary file. */
enum err atomic_batch_add(struct atomic_batch *batch, const char *path, struct view bytes,
                          struct errmsg *why) MUST_USE;
/* Syncs, renames, syncs; the batch is empty afterwards. */
enum err atomic_batch_commit(struct atomic_batch *batch, struct errmsg *why) MUST_USE;

#endif
