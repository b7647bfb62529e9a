/*
 * Recovery of a segment: its batches are read one by one; what is whole stays, the first bad one and all
 * behind it goes. Indexes, abort index and producers come out as if the batches had just been appended;
 * leader epochs agree with them.
 *
 * Safe to be interrupted and run again: the indexes are rebuilt from the file, and the file is cut last,
 * when later segments have gone for good.
 */
#include <inttypes.h>

#include "storage/log_internal.h"
#include "storage/log_recover.h"

#define PROGRESS_EVERY_BYTES (4 * 1024 * 1024)

struct recovery {
    struct log *log;
    struct segment *seg;
    struct segment_files files;
    struct segment_reader reader;
    int32_t last_indexed_pos;
    int64_t last_offset; /* of the batch before; base - 1 at first */
};

static enum err recover_producers(struct recovery *r, const struct batch_info *info, struct view entry,
                                  int32_t pos, struct errmsg *why)
{
    struct log *log = r->log;
    struct producer_batch batch;
    struct log_position first = {info->base_offset, r->seg->base_offset, pos};
    if (log_producer_batch(info, entry, first, &batch)) {
        producer_append_begin(&log->append, &log->producers, APPEND_FROM_REPLICATION,
                              log->settings.verify_transactions, PRODUCER_GUARD_NONE);
        struct producer_outcome outcome = producer_append_check(&log->append, &batch, why);
        if (outcome.verdict == PRODUCER_OK)
            producer_append_commit(&log->append);
        for (size_t i = 0; outcome.verdict == PRODUCER_OK && i < log->append.completed_count; i++) {
            const struct completed_txn *txn = &log->append.completed[i];
            struct aborted_txn aborted = {txn->producer_id, txn->first_offset, txn->last_offset,
                                          producer_state_stable_offset_after(&log->producers, txn)};
            enum err err = ERR_NONE;
            if (txn->aborted)
                err = txn_index_append(&r->seg->txns, &r->files, &aborted, why);
            if (err)
                return err;
            producer_state_complete_txn(&log->producers, txn);
        }
    }
    producer_state_set_end_offset(&log->producers, info->last_offset + 1);
    return ERR_NONE;
}

/*
 * A follower that cut its log saves its epochs with the next flush only: until then the file may hold an
 * epoch where the log goes on with an older one. What the batches do not contradict stays: of a compacted log
 * only the file knows where an epoch began. Old formats tell the last offset only, and epochs do not precede
 * them.
 */
static void recover_epochs(struct log *log, const struct batch_info *info)
{
    if (info->magic < 2)
        leader_epochs_reconcile(&log->epochs, LEADER_EPOCH_UNDEFINED, info->last_offset, info->last_offset);
    else if (info->leader_epoch >= 0)
        leader_epochs_reconcile(&log->epochs, info->leader_epoch, info->base_offset, info->last_offset);
}

static enum err take_batch(struct recovery *r, const struct batch_info *info, struct view entry, int32_t pos,
                           struct errmsg *why)
{
    struct segment *seg = r->seg;
    struct log *log = r->log;
    r->last_offset = info->last_offset;
    if (info->max_timestamp > seg->max_timestamp_ms) {
        seg->max_timestamp_ms = info->max_timestamp;
        seg->max_timestamp_offset = info->last_offset;
    }
    if (pos - r->last_indexed_pos > log->settings.index_interval_bytes) {
        enum err err = offset_index_append(&seg->offsets, &r->files, info->last_offset, pos, why);
        if (!err)
            err = time_index_append(&seg->times, &r->files, seg->max_timestamp_ms, seg->max_timestamp_offset,
                                    why);
        if (err)
            return err;
        r->last_indexed_pos = pos;
    }
    recover_epochs(log, info);
    return recover_producers(r, info, entry, pos, why);
}

static bool is_good(const struct recovery *r, const struct batch_info *info, struct view entry)
{
    /* The base offset lies outside the CRC. */
    if (info->magic >= 2 && (info->base_offset < 0 || info->base_offset > info->last_offset))
        return false;
    return info->last_offset > r->last_offset && batch_check_crc(entry) == ERR_NONE;
}

/* Where a segment that begins with this batch may begin. Old formats tell the last offset only. */
static int64_t base_for(const struct recovery *r, const struct batch_info *info)
{
    if (info->magic >= 2 && info->base_offset > r->last_offset)
        return info->base_offset;
    int64_t lowest = info->last_offset - INT32_MAX;
    return lowest > r->last_offset ? lowest : r->last_offset + 1;
}

/* Walks the good batches. */
static enum err walk(struct recovery *r, const struct log_progress *progress, struct log_recovered *out,
                     struct errmsg *why)
{
    int32_t reported = 0;
    for (;;) {
        struct batch_info info;
        struct view entry;
        int32_t pos;
        enum err err = segment_reader_next(&r->reader, &info, &pos, why);
        if (!err)
            err = segment_reader_body(&r->reader, pos, info.size_bytes, &entry, why);
        if (err == ERR_NOT_FOUND || err == ERR_CORRUPT_MESSAGE)
            return ERR_NONE;
        if (err)
            return err;
        if (!is_good(r, &info, entry))
            return ERR_NONE;
        if (!segment_fits_offset(r->seg, info.last_offset)) {
            out->outgrown_at = base_for(r, &info);
            return ERR_NONE;
        }
        err = take_batch(r, &info, entry, pos, why);
        if (err)
            return err;
        out->valid_bytes = pos + info.size_bytes;
        out->last_magic = info.magic;
        if (out->valid_bytes - reported >= PROGRESS_EVERY_BYTES) {
            reported = out->valid_bytes;
            if (progress->fn &&
                !progress->fn(progress->arg, progress->bytes_before + reported, progress->segments_left))
                return ERR_CLOSED;
        }
    }
}

enum err log_recover_segment(struct log *log, struct segment *seg, const struct log_progress *progress,
                             struct log_recovered *out, struct errmsg *why)
{
    struct recovery r = {
        .log = log, .seg = seg, .files = log_files(log, seg), .last_offset = seg->base_offset - 1};
    *out = (struct log_recovered){.last_magic = -1, .outgrown_at = -1};
    seg->max_timestamp_ms = -1;
    seg->max_timestamp_offset = seg->base_offset;
    seg->timestamps_known = true;
    seg->rolling_known = false;
    seg->dirty = true;
    enum err err = segment_reset_indexes(seg, &r.files, why);
    if (!err)
        err = segment_reader_open(&r.reader, seg, &r.files, 0, seg->size_bytes, false, NULL, 0, why);
    if (!err)
        err = walk(&r, progress, out, why);
    segment_reader_close(&r.reader);
    if (err && err != ERR_CLOSED)
        errmsg_prefix(why, "recover segment %" PRId64, seg->base_offset);
    return err;
}

enum err log_recover_finish(struct log *log, struct segment *seg, int32_t valid_bytes, struct errmsg *why)
{
    struct segment_files files = log_files(log, seg);
    enum err err = ERR_NONE;
    if (valid_bytes < seg->size_bytes)
        err = segment_cut_file_durably(seg, &files, valid_bytes, why);
    if (!err)
        err = segment_seal(seg, &files, why);
    if (err)
        errmsg_prefix(why, "recover segment %" PRId64, seg->base_offset);
    return err;
}
