/*
 * A file of entries of one size that only grows at its end: what the offset and the time index share.
 * Entries at the end wait in a tail in memory until a page of them is full or they are flushed.
 *
 * Ownership: owns its handle and its tail.
 * Errors: those of the disk port; with `nowait` ERR_WOULD_BLOCK instead of waiting for the disk.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_INDEX_FILE_H
#define BARNABAS_STORAGE_INDEX_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "port/disk.h"

#define INDEX_PAGE_BYTES     4096
#define INDEX_ENTRY_SIZE_MAX 12

/* Where the files of a segment lie; borrowed from the log for the length of a call. */
struct segment_files {
    struct disk *disk;
    const char *dir;     /* partition directory */
    int64_t base_offset; /* names the files */
    const char *suffix;  /* behind every name, as ".cleaned"; NULL: none */
};

struct index_file {
    struct disk_file *file; /* NULL until opened */
    uint8_t *tail;          /* entries [written, count), NULL until one is added */
    int32_t count;          /* entries in all */
    int32_t written;        /* entries in the file */
    uint16_t tail_cap;      /* entries */
    uint8_t entry_size;
    bool loaded; /* count and written are known */
    bool dirty;  /* changed since the last sync */
};

void index_file_init(struct index_file *index, uint8_t entry_size);
/* Releases handle and tail without writing. */
void index_file_close(struct index_file *index);

/* Opens (creating an empty file if missing) and learns the number of entries. No-op when loaded. */
MUST_USE enum err index_file_load(struct index_file *index, const struct segment_files *files,
                                  const char *extension, bool nowait, struct errmsg *why);
/* Copies entry `i`, 0 <= i < count. */
MUST_USE enum err index_file_get(struct index_file *index, int32_t i, bool nowait, uint8_t *entry,
                                 struct errmsg *why);
/* Copies the entries [first, first + n), which must be in the file. Searching is in index_search.h. */
MUST_USE enum err index_file_read(struct index_file *index, int32_t first, int32_t n, bool nowait,
                                  uint8_t *out, struct errmsg *why);
/* Adds an entry to the tail, which is written when it is a full page. */
MUST_USE enum err index_file_append(struct index_file *index, const uint8_t *entry, struct errmsg *why);
/* Keeps the first `count` entries. */
MUST_USE enum err index_file_truncate(struct index_file *index, int32_t count, struct errmsg *why);
/* Writes the tail and cuts the file to its entries. */
MUST_USE enum err index_file_write_tail(struct index_file *index, struct errmsg *why);
/* Frees the tail of an index that grows no more; it must have been written. */
void index_file_drop_tail(struct index_file *index);

/* "<dir>/<20 digits><extension><suffix>", to be freed. */
char *segment_path(const struct segment_files *files, const char *extension);

#endif
