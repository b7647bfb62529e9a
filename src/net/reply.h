/*
 * An answer on its way out: bytes with file ranges between them.
 *
 * The bytes of all headers are one buffer; a file range says at which position of
 * it the file's bytes belong. Writing is then a walk: a gathered write of the
 * bytes up to the next range, sendfile for the range, and on. Ranges hold a share
 * of their file, so a segment may be deleted while it is being sent.
 *
 * Runs on: the loop of its connection.
 */
#ifndef BARNABAS_NET_REPLY_H
#define BARNABAS_NET_REPLY_H

#include "base/buf.h"
#include "port/disk.h"

struct reply_range {
    size_t at; /* position in bytes before which the range goes */
    struct disk_file *file;
    int64_t pos;
    int64_t len;
    /* So many bytes from `pos` on were in the page cache when the loop's clock stood there. */
    int64_t cached_len;
    int64_t cached_ms;
};

struct reply {
    struct buf bytes; /* the first 4 are the frame's size, set by reply_seal */
    struct reply_range *ranges;
    int ranges_count;
    int ranges_cap;
    int64_t ranges_bytes;
};

/* Empties it for a new answer: 4 bytes of room for the size, no ranges. Keeps its memory. */
void reply_begin(struct reply *reply);
/*
 * The next bytes come from a file. Takes a share of `file` that the caller held; released once sent or
 * dropped. `cached_ms`: when all of them were found in the page cache, by the loop's monotonic clock.
 */
void reply_add_range(struct reply *reply, struct disk_file *file, int64_t pos, int64_t len,
                     int64_t cached_ms);
/* As reply_add_range at a position already written (the hole an encoder left). Positions must ascend. */
void reply_insert_range(struct reply *reply, size_t at, struct disk_file *file, int64_t pos, int64_t len,
                        int64_t cached_ms);
/* False: it is more than a frame can hold, and not to be sealed. */
bool reply_fits(const struct reply *reply);
/* Writes the frame's size into its first bytes. */
void reply_seal(struct reply *reply);
/* Gives the shares and the memory back. */
void reply_close(struct reply *reply);

#endif
