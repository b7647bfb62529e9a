/*
 * Kafka's text checkpoints: line 1 the version (0), line 2 the number of
 * entries, then one entry a line, its fields parted by white space.
 *
 * Two shapes: "topic partition offset" (the four files of a log directory) and
 * "epoch startOffset" (leader-epoch-checkpoint).
 *
 * Reading is as Kafka's: an empty file or one without a count holds nothing; an
 * unknown version, a line that does not parse or a wrong count make the file
 * corrupt. What that means is the caller's matter.
 * Runs on: any.
 */
#ifndef BARNABAS_STORAGE_CHECKPOINT_FILE_H
#define BARNABAS_STORAGE_CHECKPOINT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "base/view.h"

#define CHECKPOINT_MAX_FIELDS 3

/* One entry's fields, borrowed for the call; false makes the file corrupt. */
typedef bool (*checkpoint_row_fn)(void *arg, const struct view *fields, size_t field_count);

/* Hands every row to `fn`. `location` names the file in errors. ERR_CORRUPT_FILE. */
enum err checkpoint_parse(struct view text, const char *location, checkpoint_row_fn fn, void *arg,
                          struct errmsg *why) MUST_USE;
/* Appends the two lines of the head; the caller appends `count` rows. */
void checkpoint_put_head(struct buf *out, size_t count);

void checkpoint_put_offset_row(struct buf *out, struct view topic, int32_t partition, int64_t offset);
void checkpoint_put_epoch_row(struct buf *out, int32_t epoch, int64_t start_offset);

/* Fields as rows of the two shapes. False: wrong number of fields or not a number. */
bool checkpoint_read_offset_row(const struct view *fields, size_t field_count, struct view *topic,
                                int32_t *partition, int64_t *offset);
bool checkpoint_read_epoch_row(const struct view *fields, size_t field_count, int32_t *epoch,
                               int64_t *start_offset);

/* Numbers as Integer.parseInt and Long.parseLong read them: an optional sign, then digits, all of the text.
 */
bool checkpoint_parse_i32(struct view text, int32_t *out);
bool checkpoint_parse_i64(struct view text, int64_t *out);

#endif
