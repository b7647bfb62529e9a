#include "storage/compact/compact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "storage/compact/internal.h"
#include "storage/log_internal.h"

#define IO_BYTES_MIN 4096

/* --- memory ------------------------------------------------------------------------------------------- */

struct compact_memory *compact_memory_new(int64_t map_bytes, double load_factor, int64_t io_bytes)
{
    struct compact_memory *memory = MEM_NEW(struct compact_memory);
    memory->map = key_map_new(map_bytes, load_factor);
    memory->read.usual = memory->write.usual =
        io_bytes / 2 < IO_BYTES_MIN ? IO_BYTES_MIN : (size_t)io_bytes / 2;
    return memory;
}

void compact_memory_rest(struct compact_memory *memory)
{
    key_map_rest(memory->map);
    io_buffer_close(&memory->read);
    io_buffer_close(&memory->write);
    filter_scratch_close(&memory->scratch);
    buf_close(&memory->rewritten);
}

void compact_memory_free(struct compact_memory *memory)
{
    if (!memory)
        return;
    compact_memory_rest(memory);
    key_map_free(memory->map);
    free(memory);
}

/* --- beginning ---------------------------------------------------------------------------------------- */

/* Shares of what lies below the first uncleanable offset. */
static enum err share_sources(struct log_compact *compact, struct log *log, struct errmsg *why)
{
    compact->sources = mem_alloc((size_t)log->segment_count * sizeof *compact->sources);
    for (int i = 0; i + 1 < log->segment_count; i++) {
        struct segment *seg = log->segments[i];
        if (log->segments[i + 1]->base_offset > compact->args.first_uncleanable)
            break;
        struct segment_files files = log_files(log, seg);
        struct disk_file *file;
        enum err err = segment_log_file(seg, &files, false, &file, why);
        if (err)
            return err;
        compact->sources[compact->source_count++] = (struct source){
            disk_file_share(file), seg->base_offset, log->segments[i + 1]->base_offset, seg->size_bytes};
    }
    return ERR_NONE;
}

/* An abort marker may lie far behind the data that it aborts, also in the active segment. */
static enum err share_txn_indexes(struct log_compact *compact, struct log *log, struct errmsg *why)
{
    compact->txn_indexes = mem_alloc((size_t)log->segment_count * sizeof *compact->txn_indexes);
    for (int i = 0; i < log->segment_count; i++) {
        struct segment *seg = log->segments[i];
        struct segment_files files = log_files(log, seg);
        bool complete;
        struct aborted_list none = {0};
        /* Opens it, and says how many entries it has. */
        enum err err =
            txn_index_collect(&seg->txns, &files, INT64_MAX, INT64_MIN, false, &none, &complete, why);
        aborted_list_close(&none);
        if (err)
            return err;
        if (seg->txns.count == 0)
            continue;
        compact->txn_indexes[compact->txn_index_count++] =
            (struct txn_share){{disk_file_share(seg->txns.file), seg->txns.count, false}, seg->base_offset};
    }
    return ERR_NONE;
}

/* Where the dirty part begins. */
static enum err find_first_dirty(struct log_compact *compact, struct log *log, struct errmsg *why)
{
    const int64_t first_dirty = compact->args.first_dirty;
    size_t i = 0;
    while (i < compact->source_count && compact->sources[i].next_base <= first_dirty)
        i++;
    compact->first_dirty_source = i;
    if (i == compact->source_count || compact->sources[i].base_offset >= first_dirty)
        return ERR_NONE;
    struct segment *seg = log->segments[i];
    struct segment_files files = log_files(log, seg);
    struct offset_index_place place;
    enum err err = offset_index_lookup(&seg->offsets, &files, first_dirty, false, &place, why);
    if (!err && place.floor.pos > 0 && place.floor.pos < seg->size_bytes)
        compact->first_dirty_pos = place.floor.pos;
    return err;
}

enum err log_compact_begin(struct log *log, const struct log_compact_args *args,
                           struct compact_memory *memory, struct log_compact **out, struct errmsg *why)
{
    enum err err = log_check(log, why);
    if (err)
        return err;
    struct log_compact *compact = MEM_NEW(struct log_compact);
    compact->args = *args;
    compact->memory = memory;
    compact->disk = log->disk;
    compact->dir = mem_strdup(log->path);
    compact->settings = log->settings;
    compact->truncations = log->truncations;
    compact->seed = hash_u64(log->seed++);
    compact->next_dirty = args->first_dirty;
    compact->output = (struct output){
        .disk = log->disk, .dir = compact->dir, .settings = log->settings, .buffer = &memory->write};
    last_batches_take(&compact->last, &log->producers);
    err = share_sources(compact, log, why);
    if (!err)
        err = share_txn_indexes(compact, log, why);
    if (!err)
        err = find_first_dirty(compact, log, why);
    if (err) {
        log_compact_free(compact);
        return log_read_error(log, err, why);
    }
    *out = compact;
    return ERR_NONE;
}

void log_compact_free(struct log_compact *compact)
{
    if (!compact)
        return;
    output_remove(&compact->output);
    for (size_t i = 0; i < compact->source_count; i++)
        disk_file_release(compact->sources[i].file);
    for (size_t i = 0; i < compact->txn_index_count; i++)
        txn_index_close(&compact->txn_indexes[i].index);
    free(compact->sources);
    free(compact->txn_indexes);
    last_batches_close(&compact->last);
    newest_close(&compact->newest);
    transactions_close(&compact->txns);
    io_buffer_shrink(&compact->memory->read);
    io_buffer_shrink(&compact->memory->write);
    free(compact->dir);
    free(compact);
}

int64_t log_compact_next_dirty(const struct log_compact *compact)
{
    return compact->next_dirty;
}

const struct log_compact_stats *log_compact_stats(const struct log_compact *compact)
{
    return &compact->stats;
}

/* --- what map and write share ------------------------------------------------------------------------- */

enum err compact_begin_transactions(struct log_compact *compact, int64_t from, int64_t to, struct errmsg *why)
{
    struct aborted_list aborted = {0};
    enum err err = ERR_NONE;
    for (size_t i = 0; i < compact->txn_index_count && !err; i++) {
        struct txn_share *share = &compact->txn_indexes[i];
        const struct segment_files files = {compact->disk, compact->dir, share->base_offset, NULL};
        bool complete;
        err = txn_index_collect(&share->index, &files, from, to, false, &aborted, &complete, why);
    }
    if (!err)
        transactions_begin(&compact->txns, &aborted);
    aborted_list_close(&aborted);
    return err;
}

enum control_type compact_marker_type(const struct batch_info *info, struct view entry)
{
    struct control_marker marker;
    return info->record_count > 0 && control_batch_parse(entry, &marker) == ERR_NONE ? marker.type
                                                                                     : CONTROL_OTHER;
}

enum err compact_go_on(const struct log_compact *compact, int64_t bytes, struct errmsg *why)
{
    if (!compact->args.go_on || compact->args.go_on(compact->args.arg, bytes))
        return ERR_NONE;
    errmsg_set(why, "the compaction was given up");
    return ERR_CLOSED;
}

enum err compact_worker_error(const struct log_compact *compact, enum err err, struct errmsg *why)
{
    switch (err) {
    case ERR_NOT_FOUND:
        errmsg_set(why, "%s is not there any more", compact->dir);
        return ERR_CLOSED;
    case ERR_WOULD_BLOCK: /* no descriptor was to be had: another time */
        return ERR_CLOSED;
    default:
        return err;
    }
}
