/*
 * Moving replicas between the log directories of this broker (AlterReplicaLogDirs, KIP-113).
 *
 *   begin   a directory topic-N.<id>-future is made where the replica is to be
 *   copy    a thread of the mover reads the replica's log and appends to the future one, as a follower does;
 *           what is cut from the log or deleted from its beginning is cut from the copy, too (move_copy.c)
 *   swap    when they are the same: under the partition's hold, inside a control job and beside no part of
 * one before it, so that no role changes and nothing is deleted meanwhile (move_swap.c) end     the old one
 * is deleted
 *
 * The partition goes on serving from its log all the time; only the swap holds it, for a few syncs. A target
 * that fails costs the copy, nothing else. A move that a stop or a crash interrupts goes on with the next
 * start (move_start.c); what a crash in the swap leaves is settled there, see storage/move_mark.h.
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_MOVER_MOVER_H
#define BARNABAS_SERVICE_MOVER_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/view.h"

struct log_dir_found;
struct log_dir_state;
struct mover;
struct partition;
struct replica_manager;

/* Gives it (mover_free). */
struct mover *mover_new(struct replica_manager *manager);
void mover_free(struct mover *mover);

/* --- start and stop; on the starting thread --- */

/* A future directory was found while the logs were loaded. */
void mover_found(struct mover *mover, struct log_dir_state *dir, const struct log_dir_found *found);
/* Begins to work, first with what was found. The partitions are published. Blocks. */
void mover_start(struct mover *mover);
/* No copying any more; what runs has ended. Blocks. */
void mover_stop(struct mover *mover);
/* After that, and after the last control job: closes the future logs, durably. Blocks. */
void mover_close(struct mover *mover);

/* --- inside control jobs --- */

/*
 * The replica is to lie in the log directory `path` (absolute). ERR_NONE: it does, or it is being moved
 * there. ERR_REPLICA_NOT_AVAILABLE, ERR_UNKNOWN_TOPIC_OR_PARTITION: there is none here; it will be made there
 * if it ever is. ERR_LOG_DIR_NOT_FOUND, ERR_KAFKA_STORAGE_ERROR, ERR_INVALID_TOPIC_EXCEPTION as Kafka
 * (storage-replication-coordinators 4.13).
 */
struct mover_request {
    struct view topic;
    int32_t index;
    const char *path;
    enum err err; /* filled in */
};

/* All of them together: future directories are made durable in one batch for each target. None names a
 * partition twice. */
void mover_request(struct mover *mover, struct mover_request *requests, int32_t count);
/* The replica is not to be moved any more: its future directory goes. Also on the thread of its directory. */
void mover_cancel(struct mover *mover, struct partition *part);
/* Where a partition that is made now was asked to be; NULL when that was not said, or cannot be. Asked once.
 */
struct log_dir_state *mover_take_wish(struct mover *mover, const struct partition *part);

/* --- any thread --- */

/* Records that are still to be copied of the replica farthest behind. */
int64_t mover_max_lag(struct mover *mover);

/* --- by the holder --- */

struct mover_progress {
    const struct log_dir_state *dir; /* where to; NULL = the replica is not being moved */
    int64_t size_bytes;
    int64_t end_offset; /* of the future log */
};

struct mover_progress mover_progress(const struct partition *part);

#endif
