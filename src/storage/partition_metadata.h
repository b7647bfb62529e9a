/*
 * `partition.metadata`: which topic a partition's directory belongs to, by id.
 * Written before the first batch is; a topic deleted and made again under the
 * same name has another id, and its old directories are never served.
 * Runs on: any.
 */
#ifndef BARNABAS_STORAGE_PARTITION_METADATA_H
#define BARNABAS_STORAGE_PARTITION_METADATA_H

#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "base/uuid.h"
#include "port/disk.h"

#define PARTITION_METADATA_FILE_NAME "partition.metadata"

/* Reads the file of `dir`. ERR_NOT_FOUND; ERR_CORRUPT_FILE (also for the zero id). */
enum err partition_metadata_read(struct disk *disk, const char *dir, struct uuid *topic_id,
                                 struct errmsg *why) MUST_USE;
/* Writes it durably. */
enum err partition_metadata_write(struct disk *disk, const char *dir, struct uuid topic_id,
                                  struct errmsg *why) MUST_USE;
/* The file's text, for a batched write (atomic_file.h). */
void partition_metadata_format(struct uuid topic_id, struct buf *out);
enum err partition_metadata_parse(struct view text, const char *location, struct uuid *topic_id,
                                  struct errmsg *why) MUST_USE;

#endif
