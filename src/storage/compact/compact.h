/*
 * Compaction of one log (docs/compaction.md): of every key only the newest record stays, offsets stay what
 * they were. The log is read and its replacement written without holding it; only the beginning and each swap
 * are the holder's:
 *
 *   holder: log_dirt             how much of it is dirty
 *   holder: log_compact_begin    which segments, shares of their files, what producers still need
 *   worker: log_compact_map      reads the dirty part: key -> newest offset
 *   worker: log_compact_write    the next segments become `.cleaned` files, synced            <--+
 *   holder: log_compact_swap     they take their sources' place, if those are what they were     |
 *        until there is none left                                                     -----------+
 *   worker: log_compact_free     what was written and not swapped is removed
 *
 * The log is appended to and read all the time. What takes away from it meanwhile (a cut, retention, another
 * segment in a source's place) is seen by the swap, which then gives up: no one has to wait for a compaction.
 *
 * A crash leaves `.cleaned` (removed at the next load) or `.swap` files (which finish the swap there,
 * storage/partition_files.h); the sources' `.deleted` are unlinked later, as after retention.
 *
 * Ownership: a log_compact owns shares of files and its output; it borrows the memory, which one thread uses
 * for one compaction after another.
 * Errors: ERR_KAFKA_STORAGE_ERROR of begin and swap, ERR_IO of map, write and free cost the log directory, as
 * everywhere. ERR_CLOSED: given up, by `go_on` or because the log is not what it was; nothing is lost, the
 * checkpoint stays, what was swapped is good. Any other error, ERR_CORRUPT_MESSAGE above all, is the log's
 * own: set it aside as uncleanable, with `why`.
 * Runs on: as marked.
 */
#ifndef BARNABAS_STORAGE_COMPACT_COMPACT_H
#define BARNABAS_STORAGE_COMPACT_COMPACT_H

#include "storage/log.h"
#include "storage/log_trim.h"

/* --- how dirty a log is ------------------------------------------------------------------------------- */

struct log_dirt_args {
    int64_t checkpoint; /* first dirty offset by the cleaner's checkpoint; -1: it has none */
    int64_t now_ms;
    int64_t min_lag_ms; /* min.compaction.lag.ms */
};

struct log_dirt {
    int64_t first_dirty;       /* the checkpoint, or the log start where the checkpoint makes no sense */
    int64_t first_uncleanable; /* base: min(last stable, active segment, too young, recovery point) */
    int64_t clean_bytes;       /* of segments below first_dirty */
    int64_t cleanable_bytes;   /* of the dirty ones that lie below first_uncleanable */
    int64_t oldest_dirty_ms;   /* smallest first timestamp of a dirty sealed segment; -1: none is known */
    bool checkpoint_reset;     /* the checkpoint is to be rewritten with first_dirty */
};

/*
 * Holder. Reads index ends and first heads of segments where it must; what it learns once it keeps. What lies
 * above the recovery point is not cleanable yet: flush up to the active segment first (log_flush.h) where
 * that matters.
 */
MUST_USE enum err log_dirt(struct log *log, const struct log_dirt_args *args, struct log_dirt *out,
                           struct errmsg *why);

/* --- memory ------------------------------------------------------------------------------------------- */

struct compact_memory;

/*
 * The key map of `map_bytes` (a thread's share of log.cleaner.dedupe.buffer.size), filled up to
 * `load_factor`, and two buffers of half of `io_bytes` (they grow to the largest batch and shrink again). The
 * map's memory is touched as it fills, and given back by compact_memory_rest when there is nothing to do.
 */
struct compact_memory *compact_memory_new(int64_t map_bytes, double load_factor, int64_t io_bytes);
void compact_memory_rest(struct compact_memory *memory);
void compact_memory_free(struct compact_memory *memory); /* NULL is a no-op */

/* --- one compaction ----------------------------------------------------------------------------------- */

struct log_compact_args {
    int64_t first_dirty;       /* of log_dirt */
    int64_t first_uncleanable; /* of log_dirt */
    int64_t now_ms;
    int64_t delete_retention_ms; /* delete.retention.ms */
    /* After every buffer: `bytes` were read or written since the last call. May sleep (throttle). False:
     * stop. */
    bool (*go_on)(void *arg, int64_t bytes);
    void *arg;
};

/* Numbers for the operator; of this compaction so far. */
struct log_compact_stats {
    int64_t map_records; /* keys put into the map */
    double map_load;     /* 0..1 of what it may hold */
    int64_t map_bytes_read;
    int64_t bytes_read; /* by write, with what it passed over */
    int64_t bytes_written;
    int64_t records_read;
    int64_t records_written;
    int64_t invalid_records; /* without a key: dropped */
    int64_t groups;
    int segments_before;
    int segments_after;
};

struct log_compact;

/* Holder. Gives *out. */
MUST_USE enum err log_compact_begin(struct log *log, const struct log_compact_args *args,
                                    struct compact_memory *memory, struct log_compact **out,
                                    struct errmsg *why);
/* Worker. */
MUST_USE enum err log_compact_map(struct log_compact *compact, struct errmsg *why);
/* Worker. *more is false when nothing was written: all is done. Else a swap comes before the next call. */
MUST_USE enum err log_compact_write(struct log_compact *compact, bool *more, struct errmsg *why);
/* Holder, of the same log. Sources are renamed and added to `doomed`. */
MUST_USE enum err log_compact_swap(struct log_compact *compact, struct log *log, struct log_doomed *doomed,
                                   struct errmsg *why);
/* Worker. NULL is a no-op. */
void log_compact_free(struct log_compact *compact);

/* One past what is clean when all is done: the cleaner's new checkpoint. After log_compact_map. */
int64_t log_compact_next_dirty(const struct log_compact *compact);
const struct log_compact_stats *log_compact_stats(const struct log_compact *compact);

#endif
