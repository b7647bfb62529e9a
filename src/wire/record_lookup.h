/*
 * Finding a record inside one entry: by timestamp, by largest timestamp.
 * Runs on: any; `ctx` may be NULL (a compressed entry then makes its own for the call).
 */
#ifndef BARNABAS_WIRE_RECORD_LOOKUP_H
#define BARNABAS_WIRE_RECORD_LOOKUP_H

#include <stdint.h>

#include "base/err.h"
#include "base/view.h"
#include "wire/compress.h"

struct record_place {
    int64_t offset;
    int64_t timestamp;
};

/*
 * First record with timestamp >= `timestamp` and offset >= `min_offset` (ListOffsets).
 * ERR_NOT_FOUND: none. Other errors as record_iter_close.
 */
MUST_USE enum err batch_find_timestamp(struct view entry, int64_t timestamp, int64_t min_offset,
                                       struct codec_ctx *ctx, struct record_place *out);
/*
 * First record that carries the entry's largest timestamp (ListOffsets MAX_TIMESTAMP, KIP-734).
 * ERR_NOT_FOUND: magic 0, or no record has it.
 */
MUST_USE enum err batch_find_max_timestamp(struct view entry, struct codec_ctx *ctx,
                                           struct record_place *out);

#endif
