/*
 * The directories of new partitions of one log directory, made together.
 *
 * They come into being elsewhere: in a directory whose name says that it is being deleted, so that after a
 * crash a start removes it (ours and Kafka's). Only when all that is in them is durable are they moved to
 * their places by one rename each, and one sync of the log directory makes the moves durable. After a crash a
 * partition's directory is there with all that was put into it, or not at all.
 *
 * What is put in, and synced:
 *
 *   partition.metadata        before any record can be durable under the wrong topic
 *                             (Kafka: before the first append)
 *   leader-epoch-checkpoint   before a leader uses its epoch (as Kafka); a follower's
 *                             epochs come with its records
 *
 * What is not: a log's empty files. The first flush syncs their names, and a start makes missing ones anew.
 *
 * Ownership: borrows the log directory.
 * Runs on: any thread; the names belong to nobody else meanwhile.
 */
#ifndef BARNABAS_STORAGE_NEW_PARTITIONS_H
#define BARNABAS_STORAGE_NEW_PARTITIONS_H

#include "base/uuid.h"
#include "storage/log_dir.h"
#include "storage/sync_set.h"

struct new_partition {
    char *name;
    bool was_there; /* after the commit: its place is taken by a directory with files, which was left as it is
                     */
};

struct new_partitions {
    struct log_dir *dir;
    char *stage; /* full path; NULL until the first is added */
    struct uuid stage_id;
    struct sync_set staged;
    struct new_partition *items; /* in the order they were added */
    size_t count;
    size_t cap;
};

/* `stage_id`: a random one, for the name of the directory where they are made. */
void new_partitions_init(struct new_partitions *batch, struct log_dir *dir, struct uuid stage_id);
/* Forgets what was not committed; its files go with the next start. */
void new_partitions_close(struct new_partitions *batch);
/*
 * Stages directory `name`. A zero topic id has no file, nor has LEADER_EPOCH_UNDEFINED; else the epoch begins
 * at `start_offset`, the log's.
 */
enum err new_partitions_add(struct new_partitions *batch, const char *name, struct uuid topic_id,
                            int32_t leader_epoch, int64_t start_offset, struct errmsg *why) MUST_USE;
/* Makes them durable, each in its place. An error is final: the log directory is to go offline. */
enum err new_partitions_commit(struct new_partitions *batch, struct errmsg *why) MUST_USE;

#endif
