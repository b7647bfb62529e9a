/*
 * Recovery of one segment after an unclean stop; a part of log_load.
 * Runs on: the thread that loads the log.
 */
#ifndef BARNABAS_STORAGE_LOG_RECOVER_H
#define BARNABAS_STORAGE_LOG_RECOVER_H

#include "storage/log_load.h"
#include "storage/segment.h"

struct log_progress {
    log_load_progress_fn fn; /* NULL: none */
    void *arg;
    int64_t bytes_before; /* recovered in segments before */
    int segments_left;
};

/* What was found in a segment. */
struct log_recovered {
    int32_t valid_bytes; /* where the good batches end */
    int8_t last_magic;   /* of the last of them; -1 = there is none */
    /* Base of the segment in which what is good behind them would have its place, too far above this one's;
     * -1 = there is nothing. */
    int64_t outgrown_at;
};

/*
 * Rebuilds the indexes from the batches, reconciles the epochs with them, feeds the log's producers, which
 * must end at the segment's base. The file is not cut yet: what lies in later segments has to go first, or a
 * crash in between would leave a hole. ERR_CLOSED when the progress function gave up.
 */
MUST_USE enum err log_recover_segment(struct log *log, struct segment *seg,
                                      const struct log_progress *progress, struct log_recovered *out,
                                      struct errmsg *why);
/* Cuts the file, durably, and seals the indexes. */
MUST_USE enum err log_recover_finish(struct log *log, struct segment *seg, int32_t valid_bytes,
                                     struct errmsg *why);

#endif
