/*
 * What the checkpoint files of a log directory say of one partition. All four are kept, lowered and forgotten
 * together: a row may never say more than the log has, nor outlive it.
 *
 * Runs on: any thread that may wait; takes the directory's checkpoints_lock, except where said.
 */
#ifndef BARNABAS_SERVICE_REPLICA_DIR_CHECKPOINTS_H
#define BARNABAS_SERVICE_REPLICA_DIR_CHECKPOINTS_H

#include "base/view.h"
#include "service/replica/log_dirs.h"

/* False when there is no row; `offset` is left alone then. */
bool dir_checkpoints_get(struct log_dir_state *dir, enum log_dir_checkpoint kind, struct view topic,
                         int32_t index, int64_t *offset);
/* In memory; the files follow with whoever saves them next. */
void dir_checkpoints_put(struct log_dir_state *dir, enum log_dir_checkpoint kind, struct view topic,
                         int32_t index, int64_t offset);
/* Takes the rows out, in memory; a bit (1u << kind) for each that there was. */
unsigned dir_checkpoints_forget(struct log_dir_state *dir, struct view topic, int32_t index);
/* The same for who has the lock. */
unsigned dir_checkpoints_forget_locked(struct log_dir_state *dir, struct view topic, int32_t index);
/* After that, before a log comes into being: the files know nothing any more of one that bore its name. */
enum err dir_checkpoints_save_forgotten(struct log_dir_state *dir, struct errmsg *why) MUST_USE;
/* Before a log is cut: no row above `offset` stays, durably. */
enum err dir_checkpoints_lower(struct log_dir_state *dir, struct view topic, int32_t index, int64_t offset,
                               struct errmsg *why) MUST_USE;
/* Writes the files of these kinds, none for 0. */
enum err dir_checkpoints_save(struct log_dir_state *dir, unsigned kinds, struct errmsg *why) MUST_USE;
/* The same; a directory that fails is taken offline, one that is offline left alone. */
void dir_checkpoints_save_or_fail(struct log_dir_state *dir, unsigned kinds);

#endif
