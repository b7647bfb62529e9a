/*
 * Making logs durable without holding them. What is to be synced is collected under the hold, as shared
 * handles; the fsyncs run on a worker without it; then, under the hold again, the recovery point moves.
 * One flush object may collect many logs of a log directory: they are synced together.
 *
 *   holder: log_flush_begin(log, up_to, flush, &ticket)   ... for each log
 *   worker: log_flush_run(flush)
 *   holder: log_flush_end(log, &ticket, result)           ... for each log
 *
 * Ownership: the flush object owns shares of handles and copies of paths.
 * Runs on: begin and end on the holder of the log, run on any one thread.
 */
#ifndef BARNABAS_STORAGE_LOG_FLUSH_H
#define BARNABAS_STORAGE_LOG_FLUSH_H

#include "storage/log.h"

/* Zero-initialised is empty and valid. */
struct log_flush {
    struct disk *disk;        /* of the logs collected */
    struct disk_file **files; /* shared */
    size_t file_count;
    size_t file_cap;
    char **dirs; /* partition directories whose entries changed */
    size_t dir_count;
    size_t dir_cap;
};

/* What one log asked for. */
struct log_flush_ticket {
    int64_t up_to;        /* -1: nothing was to be done */
    uint32_t truncations; /* of the log, when it was collected */
};

void log_flush_close(struct log_flush *flush);

/*
 * Collects what makes everything below `up_to` (at most the log end) durable. Leader epochs that changed
 * since they were saved are saved here, which may sync: rare, but no work for an event loop. *needed is false
 * when nothing is to be done.
 */
MUST_USE enum err log_flush_begin(struct log *log, int64_t up_to, struct log_flush *flush,
                                  struct log_flush_ticket *ticket, bool *needed, struct errmsg *why);
/* Syncs all that was collected and empties the object. A failure is final for the log directory. */
MUST_USE enum err log_flush_run(struct log_flush *flush, struct errmsg *why);
/* Moves the recovery point, or fails the log with `result`. Nothing moves if the log was cut meanwhile. */
void log_flush_end(struct log *log, const struct log_flush_ticket *ticket, enum err result,
                   const struct errmsg *why);

/*
 * A clean stop: closing time-index entry, indexes written, preallocated space cut, epochs saved, producer
 * snapshot at the log end. What is to be synced before the recovery point may be set to the log end is added
 * to `flush`. The log is to be freed next.
 */
MUST_USE enum err log_close(struct log *log, struct log_flush *flush, struct errmsg *why);

#endif
