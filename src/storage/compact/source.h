/*
 * A segment as compaction reads it: through a share of its file, from a batch on to the end that it had when
 * the compaction began, in large pieces of whole batches.
 *
 *   source_reader_open(&reader, source, pos, buffer)
 *   while (source_reader_left(&reader) > 0) {
 *       source_reader_fill(&reader, &bytes, why)
 *       while ((err = source_reader_next(&reader, &info, &entry, why)) == ERR_NONE)
 *           ... entries are valid until the next fill
 *       err is ERR_WOULD_BLOCK: fill again
 *   }
 *
 * Instead of source_reader_next, source_reader_head and then either source_reader_body or source_reader_pass:
 * of large batches that are passed over little more than the heads is read.
 * Runs on: a worker.
 */
#ifndef BARNABAS_STORAGE_COMPACT_SOURCE_H
#define BARNABAS_STORAGE_COMPACT_SOURCE_H

#include "base/errmsg.h"
#include "port/disk.h"
#include "wire/record_batch.h"

struct source {
    struct disk_file *file; /* a share */
    int64_t base_offset;
    int64_t next_base; /* where the next segment begins */
    int32_t size_bytes;
};

/* Memory that grows to the largest batch and shrinks again. */
struct io_buffer {
    uint8_t *data;
    size_t cap;
    size_t usual; /* bytes when nothing large is read */
};

void io_buffer_close(struct io_buffer *buffer);
/* Back to the usual size. */
void io_buffer_shrink(struct io_buffer *buffer);

struct source_reader {
    const struct source *source;
    struct io_buffer *buffer;
    int32_t read_pos; /* of the file: what is behind the buffered bytes */
    size_t at;        /* of the buffer: the next batch */
    size_t len;
    int32_t wanted;      /* bytes of a batch that the buffer is too small for */
    int32_t jumped;      /* bytes behind the piece that were passed over and not read */
    int64_t last_offset; /* of the batch before; -1 at first */
};

void source_reader_open(struct source_reader *reader, const struct source *source, int32_t pos,
                        struct io_buffer *buffer);
/* Bytes that are not given yet. */
int64_t source_reader_left(const struct source_reader *reader);
/* Reads the next piece; *bytes is how much. ERR_CORRUPT_MESSAGE: the segment ends inside a batch.
 * ERR_NO_MEMORY. */
MUST_USE enum err source_reader_fill(struct source_reader *reader, int64_t *bytes, struct errmsg *why);
/* ERR_WOULD_BLOCK: no whole batch is left of the piece. ERR_CORRUPT_MESSAGE: no batch, or its offsets do not
 * rise. */
MUST_USE enum err source_reader_next(struct source_reader *reader, struct batch_info *info,
                                     struct view *entry, struct errmsg *why);
/* The head of the next batch, which remains the next. Errors as above. */
MUST_USE enum err source_reader_head(struct source_reader *reader, struct batch_info *info,
                                     struct errmsg *why);
/* The batch whose head it is. ERR_WOULD_BLOCK: it is not whole; the head is asked for again after the fill.
 */
MUST_USE enum err source_reader_body(struct source_reader *reader, const struct batch_info *info,
                                     struct view *entry);
/* Goes past it. ERR_CORRUPT_MESSAGE: the segment ends inside. */
MUST_USE enum err source_reader_pass(struct source_reader *reader, const struct batch_info *info,
                                     struct errmsg *why);

#endif
