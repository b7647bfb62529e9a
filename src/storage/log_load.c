/*
 * Loading:
 *
 *   1 list the directory: unlink `.deleted` and `.cleaned`, and `.swap` files of a half-done split
 *   2 complete a finished compaction: unlink the sources that its `.swap` files replace
 *   3 rename `.swap` files to their plain names
 *   4 open segments in order, drop indexes without a log
 *   5 recover, and split what outgrew its base (log_split.h): after an unclean stop from the recovery point
 * on, else only segments without a sound index 6 log end, log start, recovery point; epochs and producers
 * trimmed and rebuilt to them
 *
 * Every step can be cut short by a crash and is then done by the next load.
 */
#include "storage/log_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "storage/log_internal.h"
#include "storage/log_recover.h"
#include "storage/log_split.h"
#include "storage/log_trim.h"
#include "storage/partition_files.h"
#include "storage/partition_metadata.h"

struct load {
    const struct log_load_args *args;
    struct log *log;
    struct log_load_report report;
    struct partition_files files;
    bool *unsound;        /* per segment: its index is missing or cannot be right */
    int unflushed_from;   /* segment that the recovery point is in */
    int64_t producers_at; /* base offset that the log's producers are good for; -1 none */
    int8_t last_magic;    /* of the last batch that was recovered; -1 none */
};

/* --- opening segments --- */

static enum err open_segment(struct load *load, int64_t base_offset, struct errmsg *why)
{
    struct log *log = load->log;
    struct segment *seg = segment_new(base_offset, load->args->now_ms, log_next_jitter(log));
    log_add_segment(log, seg);
    struct segment_files files = log_files(log, seg);
    bool *unsound = &load->unsound[log->segment_count - 1];
    enum err err = segment_open(seg, &files, why);
    if (err)
        return err;
    *unsound = !partition_files_has(&load->files, base_offset, ".index") ||
               !partition_files_has(&load->files, base_offset, ".timeindex");
    if (!partition_files_has(&load->files, base_offset, ".txnindex")) {
        seg->txns.count = 0;
        return ERR_NONE;
    }
    bool ok;
    err = txn_index_check(&seg->txns, &files, &ok, why);
    *unsound |= !ok;
    return err;
}

static enum err open_segments(struct load *load, struct errmsg *why)
{
    struct partition_files *files = &load->files;
    load->unsound = mem_zalloc((files->count + 1) * sizeof(bool));
    for (size_t i = 0; i < files->count; i++) {
        const struct partition_file *file = &files->items[i];
        enum err err = ERR_NONE;
        if (file->kind == PARTITION_FILE_LOG) {
            err = open_segment(load, file->base_offset, why);
        } else if (file->kind == PARTITION_FILE_INDEX &&
                   !partition_files_has(files, file->base_offset, ".log")) {
            log_warn("storage", "index_without_log", "dir=%s file=%s", load->log->path, file->name);
            err = partition_files_unlink(files, load->log->disk, load->log->path, i, why);
        }
        if (err)
            return err;
    }
    return ERR_NONE;
}

/* A preallocated index with a zero tail (Kafka's, killed) would mislead the search for the log end. */
static enum err check_last_indexes(struct load *load, struct errmsg *why)
{
    struct log *log = load->log;
    if (log->segment_count == 0 || load->unsound[log->segment_count - 1])
        return ERR_NONE;
    struct segment *seg = log_active(log);
    struct segment_files files = log_files(log, seg);
    bool offsets_ok = true, times_ok = true;
    enum err err = offset_index_check(&seg->offsets, &files, seg->size_bytes, &offsets_ok, why);
    if (!err)
        err = time_index_check(&seg->times, &files, &times_ok, why);
    load->unsound[log->segment_count - 1] = !offsets_ok || !times_ok;
    return err;
}

/*
 * Segments that reach, or may reach, farther above their base than their indexes can tell: those whose
 * successor begins very far away, and the last one.
 */
static enum err find_outgrown(struct load *load, struct errmsg *why)
{
    struct log *log = load->log;
    for (int i = 0; i < log->segment_count; i++) {
        struct segment *seg = log->segments[i];
        bool may = i + 1 == log->segment_count ||
                   log->segments[i + 1]->base_offset - seg->base_offset > INT32_MAX / 2;
        if (!may || load->unsound[i] || seg->size_bytes == 0)
            continue;
        struct segment_files files = log_files(log, seg);
        int64_t next;
        enum err err = segment_next_offset(seg, &files, &next, why);
        if (err && err != ERR_CORRUPT_MESSAGE && err != ERR_CORRUPT_FILE)
            return err;
        load->unsound[i] = err || !segment_fits_offset(seg, next - 1);
    }
    return ERR_NONE;
}

/* --- recovery --- */

static enum err drop_segments_from(struct load *load, int first, struct errmsg *why)
{
    struct log *log = load->log;
    struct log_doomed doomed = {0};
    enum err err = log_doom_segments(log, first, log->segment_count - first, &doomed, why);
    load->report.bytes_cut += doomed.size_bytes;
    if (!err)
        err = log_doomed_unlink(&doomed, log->disk, why);
    if (!err)
        err = DISK(log->disk, sync_dir, log->path, why);
    log_doomed_close(&doomed);
    return err;
}

/* Brings the log's producers to the base of segment `i`. */
static enum err ready_producers(struct load *load, int i, struct errmsg *why)
{
    struct log *log = load->log;
    const int64_t base_offset = log->segments[i]->base_offset;
    enum err err;
    if (i > 0 && load->producers_at == base_offset)
        err = producer_snapshots_take(&log->snapshots, &log->producers, false, why);
    else
        err = log_rebuild_producers(log, base_offset, load->args->now_ms, false, why);
    producer_state_set_end_offset(&log->producers, base_offset);
    return err;
}

/*
 * After the machine went down, unsynced tails may be missing while what was appended behind them, in a later
 * segment, has survived. In a compacted log Kafka's cleaner leaves such gaps, too; but all that lies above
 * the recovery point is ours (log_load_args). Our cleaner leaves an empty batch there, where one has its
 * place and in the present format (compact/output.c), and what is appended begins a segment at the log end,
 * or too far above it (log_append.c).
 */
static bool is_hole_before(const struct load *load, int64_t offset)
{
    const struct log *log = load->log;
    const bool is_old = load->last_magic == 0 || load->last_magic == 1;
    return load->args->power_lost && log->producers.end_offset < offset &&
           !(is_old && log->settings.cleanup_compact);
}

static bool has_hole_behind(const struct load *load, int i)
{
    const struct log *log = load->log;
    if (i + 1 == log->segment_count)
        return false;
    const int64_t next_base = log->segments[i + 1]->base_offset;
    return is_hole_before(load, next_base) &&
           (!log->settings.cleanup_compact || segment_has_room_to(log->segments[i], next_base));
}

/*
 * What does not fit behind `pos` becomes a segment of its own, the next to be recovered; *splits. It may be
 * one already, where an earlier load was cut. Where its offsets reach into another segment it is damage.
 */
static enum err split(struct load *load, int i, int32_t pos, int64_t base_offset, bool *splits,
                      struct errmsg *why)
{
    bool made;
    struct log *log = load->log;
    enum err err = log_split_segment(log, i, pos, base_offset, load->args->now_ms, &made, why);
    *splits = !err && (made || log->segments[i + 1]->base_offset == base_offset);
    if (err || !made)
        return err;
    load->unsound = mem_resize(load->unsound, (size_t)(log->segment_count + 1) * sizeof(bool));
    memmove(load->unsound + i + 2, load->unsound + i + 1,
            (size_t)(log->segment_count - i - 2) * sizeof(bool));
    load->unsound[i + 1] = true;
    if (load->unflushed_from > i)
        load->unflushed_from++;
    load->report.segments_split++;
    return ERR_NONE;
}

static enum err recover_segment(struct load *load, int i, bool unflushed, struct errmsg *why)
{
    struct log *log = load->log;
    struct segment *seg = log->segments[i];
    enum err err = ready_producers(load, i, why);
    if (err)
        return err;
    const int left = log->segment_count - 1 - i;
    struct log_progress progress = {load->args->progress, load->args->progress_arg,
                                    load->report.bytes_recovered, left};
    struct log_recovered found;
    err = log_recover_segment(log, seg, &progress, &found, why);
    if (!err && found.last_magic >= 0)
        load->last_magic = found.last_magic;
    bool splits = false;
    if (!err && found.outgrown_at >= 0 && !(unflushed && is_hole_before(load, found.outgrown_at)))
        err = split(load, i, found.valid_bytes, found.outgrown_at, &splits, why);
    if (err)
        return err;
    const int32_t cut = splits ? 0 : seg->size_bytes - found.valid_bytes;
    if (cut > 0)
        log_warn("storage", "segment_cut", "log=%s segment=%" PRId64 " bytes=%" PRId32, log_name(log),
                 seg->base_offset, cut);
    /* What lies behind a hole is no continuation of what lies before it. */
    if (unflushed && left > 0 && !splits && (cut > 0 || has_hole_behind(load, i)))
        err = drop_segments_from(load, i + 1, why);
    if (!err)
        err = log_recover_finish(log, seg, found.valid_bytes, why);
    if (err)
        return err;
    load->report.segments_recovered++;
    load->report.bytes_recovered += found.valid_bytes;
    load->report.bytes_cut += cut;
    if (i + 1 < log->segment_count)
        load->producers_at = log->segments[i + 1]->base_offset;
    if (progress.fn && !progress.fn(progress.arg, load->report.bytes_recovered, left))
        return ERR_CLOSED;
    return ERR_NONE;
}

static enum err recover(struct load *load, struct errmsg *why)
{
    const bool unclean = !load->args->clean && !load->args->skip_recovery;
    load->unflushed_from = log_floor_segment(load->log, load->args->recovery_point);
    /* What it holds was synced when it was the last one: without its indexes (log_flush.c). */
    const int last = load->unflushed_from;
    if (unclean && load->args->power_lost && last > 0 &&
        load->log->segments[last]->base_offset == load->args->recovery_point)
        load->unsound[last - 1] = true;
    for (int i = 0; i < load->log->segment_count; i++) {
        const bool unflushed = unclean && i >= load->unflushed_from;
        if (!unflushed && !load->unsound[i])
            continue;
        enum err err = recover_segment(load, i, unflushed, why);
        if (err)
            return err;
    }
    return ERR_NONE;
}

/* --- where it begins and ends --- */

static enum err settle_end(struct load *load, struct errmsg *why)
{
    struct log *log = load->log;
    const struct log_load_args *args = load->args;
    int64_t end = args->log_start_offset;
    bool end_is_read = false;
    if (log->segment_count > 0) {
        struct segment *active = log_active(log);
        struct segment_files files = log_files(log, active);
        enum err err = segment_next_offset(active, &files, &end, why);
        if (err)
            return err;
        end_is_read = true;
        if (end < args->log_start_offset) {
            log_warn("storage", "log_end_below_start", "log=%s end=%" PRId64 " start=%" PRId64, log_name(log),
                     end, args->log_start_offset);
            end = args->log_start_offset;
            end_is_read = false;
            leader_epochs_clear(&log->epochs);
            err = drop_segments_from(load, 0, why);
            if (!err)
                err = producer_snapshots_restart_at(&log->snapshots, &log->producers, end, why);
            if (err)
                return err;
        }
    }
    if (log->segment_count == 0) {
        enum err err = log_create_segment(log, args->log_start_offset, args->now_ms, why);
        if (err)
            return err;
    }
    log_set_end(log, end);
    const int64_t first_base = log->segments[0]->base_offset;
    log->start_offset = args->log_start_offset > first_base ? args->log_start_offset : first_base;
    const bool clean = args->clean || args->skip_recovery;
    log->recovery_point = clean && end_is_read         ? end
                          : args->recovery_point < end ? args->recovery_point
                                                       : end;
    if (log->recovery_point < log->start_offset)
        log->recovery_point = log->start_offset;
    log->hw = LOG_POSITION_OF_OFFSET(-1);
    return ERR_NONE;
}

static enum err settle_state(struct load *load, struct errmsg *why)
{
    struct log *log = load->log;
    leader_epochs_truncate_from_end(&log->epochs, log->end.offset);
    leader_epochs_truncate_from_start(&log->epochs, load->args->log_start_offset);
    int64_t *bases = mem_alloc((size_t)log->segment_count * sizeof *bases);
    for (int i = 0; i < log->segment_count; i++)
        bases[i] = log->segments[i]->base_offset;
    enum err err = producer_snapshots_remove_stray(&log->snapshots, bases, (size_t)log->segment_count, why);
    free(bases);
    if (!err)
        err = log_rebuild_producers(log, log->end.offset, load->args->now_ms,
                                    load->args->clean || load->args->skip_recovery, why);
    if (!err)
        (void)log_set_high_watermark(log, LOG_POSITION_OF_OFFSET(log->start_offset));
    return err;
}

/* --- the whole --- */

static enum err load_side_files(struct load *load, struct errmsg *why)
{
    struct log *log = load->log;
    enum err err = leader_epochs_load(&log->epochs, log->disk, log->path, why);
    if (err == ERR_CORRUPT_FILE) {
        /* As if it were missing: recovery takes the epochs of what it scans from the batches. */
        log_warn("storage", "epochs_unreadable", "log=%s error=\"%s\"", log_name(log), why->text);
        leader_epochs_clear(&log->epochs);
        err = ERR_NONE;
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    err = partition_metadata_read(log->disk, log->path, &log->topic_id, why);
    if (err && err != ERR_NOT_FOUND)
        return err;
    return producer_snapshots_init(&log->snapshots, log->disk, log->path, why);
}

static enum err load_all(struct load *load, struct errmsg *why)
{
    struct log *log = load->log;
    enum err err = DISK(log->disk, mkdir, log->path, why);
    if (err && err != ERR_EXISTS)
        return err;
    err = partition_files_settle(&load->files, log->disk, log->path, why);
    if (!err)
        err = load_side_files(load, why);
    if (!err)
        err = open_segments(load, why);
    if (!err)
        err = check_last_indexes(load, why);
    if (!err)
        err = find_outgrown(load, why);
    /* Recovery and replay look at the log start. */
    log->start_offset = load->args->log_start_offset;
    if (log->segment_count > 0 && log->start_offset < log->segments[0]->base_offset)
        log->start_offset = log->segments[0]->base_offset;
    if (!err)
        err = recover(load, why);
    if (!err)
        err = settle_end(load, why);
    return err ? err : settle_state(load, why);
}

static struct log *log_new(const struct log_load_args *args)
{
    struct log *log = MEM_NEW(struct log);
    log->disk = args->disk;
    log->path = mem_strdup(args->dir);
    log->settings = *args->settings;
    log->seed = args->seed;
    log->unsynced_snapshot = -1;
    log->cut_to = INT64_MAX;
    log->unstable = LOG_POSITION_OF_OFFSET(-1);
    log->hw = LOG_POSITION_OF_OFFSET(-1);
    producer_state_init(&log->producers, args->seed);
    return log;
}

enum err log_load(const struct log_load_args *args, struct log **out, struct log_load_report *report,
                  struct errmsg *why)
{
    struct log *log = log_new(args);
    struct load load = {.args = args, .log = log, .producers_at = -1, .last_magic = -1};
    enum err err = load_all(&load, why);
    partition_files_close(&load.files);
    free(load.unsound);
    if (report)
        *report = load.report;
    if (err) {
        errmsg_prefix(why, "load log %s", log_name(log));
        log_free(log);
        return err == ERR_CLOSED ? err : ERR_KAFKA_STORAGE_ERROR;
    }
    *out = log;
    return ERR_NONE;
}

enum err log_create(const struct log_load_args *args, struct uuid topic_id, int32_t leader_epoch,
                    struct log **out, struct errmsg *why)
{
    struct log *log = log_new(args);
    log->topic_id = topic_id;
    if (leader_epoch != LEADER_EPOCH_UNDEFINED)
        leader_epochs_assign(&log->epochs, leader_epoch, args->log_start_offset);
    log->epochs.dirty = false;
    producer_snapshots_begin(&log->snapshots, args->disk, args->dir);
    producer_state_set_end_offset(&log->producers, args->log_start_offset);
    enum err err = log_create_segment(log, args->log_start_offset, args->now_ms, why);
    if (err) {
        errmsg_prefix(why, "create log %s", log_name(log));
        log_free(log);
        return ERR_KAFKA_STORAGE_ERROR;
    }
    log->start_offset = log->recovery_point = args->log_start_offset;
    log_set_end(log, args->log_start_offset);
    (void)log_set_high_watermark(log, log->end);
    *out = log;
    return ERR_NONE;
}
