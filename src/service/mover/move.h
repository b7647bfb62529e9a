/*
 * One replica on its way to another log directory: the inside of the mover, for its files.
 *
 * A move belongs to one at a time: to the thread of the mover that takes its next step, or to the control job
 * that swaps. What others may touch says so.
 */
#ifndef BARNABAS_SERVICE_MOVER_MOVE_H
#define BARNABAS_SERVICE_MOVER_MOVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/map.h"
#include "service/mover/move_plan.h"
#include "service/mover/mover.h"
#include "service/replica/replica_manager_internal.h"

/* A future directory that was found, and not gone on with. */
struct move_found {
    struct list node;
    struct log_dir_state *dir;
    char *name;
    char *topic;
    int32_t partition;
};

struct mover {
    struct replica_manager *manager;
    struct workers *pool; /* NULL before the start, and where there is one directory */
    pthread_mutex_t lock; /* moves, stopping */
    pthread_cond_t stop_asked;
    struct list moves;
    bool stopping;
    struct map wishes; /* control jobs: partition_key -> struct log_dir_state */
    struct list found; /* start, then control jobs */
};

/* What became of the swap. */
enum move_outcome {
    MOVE_GOES_ON, /* there is more to copy */
    MOVE_OVER     /* the replica has moved */
};

struct move {
    struct list node; /* in the mover's list */
    struct mover *mover;
    struct partition *part; /* a share */
    struct log_dir_state *source;
    struct log_dir_state *target;
    struct log *log; /* the future one; NULL when it was let go */
    struct uuid id;
    struct work work;
    struct control_job swap;
    enum move_outcome outcome;  /* of the swap */
    _Atomic bool cancelled;     /* set under the lock of the checkpoints, see move_disown */
    _Atomic int64_t end_offset; /* for mover_progress */
    _Atomic int64_t size_bytes;
    _Atomic int64_t lag; /* records that are to be copied, when it was looked at last */
    int64_t cut_to;      /* as in move_sides, kept until the copy was adjusted */
    int64_t unsynced;    /* bytes copied since the last sync */
    bool compared;       /* the copy is known to be one: it was made here, or its epochs were compared */
    int refused;         /* what was copied could not be appended so many times in a row */
    struct buf bytes;
};

/* What is to be done, found under the partition's hold; for move_apply. */
struct move_look {
    struct move *move;
    struct move_plan plan;
    bool gone;   /* the replica is deleted, offline or not to be moved any more */
    int64_t end; /* of the log */
    int64_t high_watermark;
    struct disk_file *file; /* of what is to be copied; shared. NULL: there is nothing at the offset */
    int64_t pos;
    int32_t len;
    enum err err; /* of finding it */
};

/* --- mover.c --- */

/* Gives a move without log; `part` is shared. */
struct move *move_new(struct mover *mover, struct partition *part, struct log_dir_state *source,
                      struct log_dir_state *target);
/* Has its log: from here on it is the partition's, and the mover works on it. */
void move_begin(struct move *move);
void move_submit(struct move *move);
/* The partition is not being moved any more; frees the move, and its log unless that is the partition's now.
 * Not on a loop. */
void move_end(struct move *move);
/* The same when the partition does not know it any more. Any thread. */
void move_free(struct move *move);
/* It is cancelled: its checkpoints in the target's files go at once, for another move may take their place.
 */
void move_disown(struct move *move);
bool mover_is_stopping(struct mover *mover);
/* Waits a moment, unless the mover stops. */
void mover_nap(struct mover *mover);
struct uuid mover_random_id(struct mover *mover);

/* --- move_start.c --- */

/* A move that is to begin with a new future directory. */
struct move_birth {
    struct partition *part; /* borrowed */
    struct log_dir_state *target;
    enum err err; /* filled in; ERR_KAFKA_STORAGE_ERROR: the target is offline now, or the replica gone */
    struct move *move; /* private */
};

/* Makes the future directories of all of them and their logs, and begins. No two are of one partition. */
void move_create(struct mover *mover, struct move_birth *births, int count);
/* Deletes what was found of this partition and not gone on with. */
void mover_forget_found(struct mover *mover, const struct partition *part);
/* Deletes a future directory, by a rename first. The directory fails if that does. */
void mover_delete_future(struct mover *mover, struct log_dir_state *dir, const char *name, struct view topic,
                         int32_t index);

/* --- move_copy.c --- */

void move_step(struct work *work);
/* By the holder. */
void move_look(struct partition *part, void *arg);
/* Does what was found. The target's failure is ERR_KAFKA_STORAGE_ERROR; anything else that was not possible
 * now is ERR_WOULD_BLOCK, or ERR_INVALID_RECORD when it will not be. */
enum err move_apply(struct move_look *look, struct errmsg *why);
/* One of its directories hangs, or what the controller wants of its partitions is on its way. Any thread. */
bool move_must_wait_for_dirs(const struct move *move);
/* Syncs the future log. */
enum err move_sync(struct move *move, struct errmsg *why);
/* Writes into the target's checkpoints how far it is synced. */
enum err move_checkpoint(struct move *move, int64_t high_watermark, struct errmsg *why);
/* The log is closed as at a stop, and left where it is. */
void move_leave(struct move *move);
/* The future directory is deleted. */
void move_drop(struct move *move);

/* --- move_swap.c --- */

void move_submit_swap(struct move *move);

#endif
