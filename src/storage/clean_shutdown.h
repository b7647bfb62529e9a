/*
 * `.kafka_cleanshutdown` in a log directory: the last stop was a clean one, and
 * its logs need no recovery. Taken away before the first log is loaded, so that
 * a crash while loading counts as unclean.
 * Runs on: start and stop.
 */
#ifndef BARNABAS_STORAGE_CLEAN_SHUTDOWN_H
#define BARNABAS_STORAGE_CLEAN_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "port/disk.h"

#define CLEAN_SHUTDOWN_FILE_NAME ".kafka_cleanshutdown"

/* Was it there? Removes it, durably. Its content does not matter. */
enum err clean_shutdown_take(struct disk *disk, const char *dir, bool *was_clean,
                             struct errmsg *why) MUST_USE;
/* Writes it durably; the last thing that a stop does in a directory. `broker_epoch` -1 under ZooKeeper. */
enum err clean_shutdown_write(struct disk *disk, const char *dir, int64_t broker_epoch,
                              struct errmsg *why) MUST_USE;

#endif
