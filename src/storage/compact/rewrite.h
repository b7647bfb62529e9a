/*
 * A batch without some of its records. Offsets, producer, sequence, epoch, flags, codec and the last offset
 * stay what they were; size, count, largest timestamp and CRC are new. The base timestamp stays too, so that
 * records are copied as they are, run by run.
 *
 * Only where a batch gets a delete horizon (KIP-534), which takes the place of its base timestamp, and for
 * old formats, is it built anew from its records. Pure. Runs on: one thread.
 */
#ifndef BARNABAS_STORAGE_COMPACT_REWRITE_H
#define BARNABAS_STORAGE_COMPACT_REWRITE_H

#include "storage/compact/record_scan.h"
#include "wire/record_builder.h"

struct rewrite {
    const struct batch_info *info;
    struct view entry;
    struct buf *out;     /* what is written is appended */
    struct buf *records; /* `out`, or where they wait to be compressed */
    size_t start;        /* of the batch in `out` */
    const uint8_t *run;  /* records that stay and are not copied yet; NULL: none */
    const uint8_t *run_end;
    int64_t max_timestamp;
    int32_t kept;
    bool any_gone;
    bool has_tombstone; /* among those that stay */
};

/* Borrows all until finish or abort. `scratch` is for compressed batches. */
void rewrite_begin(struct rewrite *rewrite, const struct batch_info *info, struct view entry,
                   struct buf *scratch, struct buf *out);
void rewrite_keep(struct rewrite *rewrite, const struct record_ref *ref);
void rewrite_drop(struct rewrite *rewrite);
/* Completes a batch of which something stays and something went. */
void rewrite_finish(struct rewrite *rewrite, struct codec_ctx *codecs);
/* Takes back what was written. */
void rewrite_abort(struct rewrite *rewrite);

/* What a batch like `info` is built with. `horizon_ms`: -1 = none; `first_offset`: of the records that stay.
 */
struct record_builder_spec rewrite_spec(const struct batch_info *info, int64_t horizon_ms,
                                        int64_t first_offset);

#endif
