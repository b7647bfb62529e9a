/*
 * A segment holds offsets up to 2^31 - 1 above its base: its indexes keep them in 32 bits. Older Kafkas left
 * segments that hold more (KAFKA-6264); what outgrows the base goes into a segment of its own.
 *
 *   copy to .cleaned, synced --> renamed to .log, synced --> the caller cuts the old file
 *
 * A crash in between leaves a `.cleaned` that the next load removes, or records that are in both files, which
 * the next recovery of the old one finds behind its reach again and cuts.
 *
 * Runs on: the thread that loads the log.
 */
#ifndef BARNABAS_STORAGE_LOG_SPLIT_H
#define BARNABAS_STORAGE_LOG_SPLIT_H

#include "storage/log_internal.h"

/*
 * What lies in segment `i` from `pos` on, where a batch begins, becomes a segment with this base behind it,
 * without indexes. *made is false when there is one that has it already.
 */
MUST_USE enum err log_split_segment(struct log *log, int i, int32_t pos, int64_t base_offset, int64_t now_ms,
                                    bool *made, struct errmsg *why);

#endif
