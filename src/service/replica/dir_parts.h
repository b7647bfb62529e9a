/*
 * Work of the controller's that is carried out directory by directory, each part on a thread of its own: one
 * that hangs holds up neither the others nor whoever ordered the work, who goes on without it as soon as the
 * directory is known to hang.
 *
 * What was given up so is carried out all the same when the directory answers again, unless it had not begun:
 * a part asks dir_parts_is_given_up before it does what must not be done late.
 *
 * Ownership: the subject belongs to the order and is freed with it, when whoever ordered it has let go and
 * every part has ended.
 * Runs on: ordered on a worker; parts on the thread of their directory. With one directory, which has no
 * thread, on the worker.
 */
#ifndef BARNABAS_SERVICE_REPLICA_DIR_PARTS_H
#define BARNABAS_SERVICE_REPLICA_DIR_PARTS_H

#include <stdbool.h>

struct dir_parts;
struct log_dirs;
struct log_dir_state;

/* `run` does what the subject says for one directory. Gives the order (dir_parts_release). */
struct dir_parts *dir_parts_new(struct log_dirs *dirs, void *subject,
                                void (*run)(struct dir_parts *parts, struct log_dir_state *dir),
                                void (*free_subject)(void *subject));
void *dir_parts_subject(struct dir_parts *parts);
/* There is something to do for this directory. Before dir_parts_run. */
void dir_parts_want(struct dir_parts *parts, struct log_dir_state *dir);
/* Returns when every part has ended or its directory hangs. Blocks. */
void dir_parts_run(struct dir_parts *parts);
/* The directory's part has ended, what it found is there. For whoever ordered it, after dir_parts_run. */
bool dir_parts_has_ended(struct dir_parts *parts, const struct log_dir_state *dir);
/* Nobody waits for the directory's part any more. For the part. */
bool dir_parts_is_given_up(struct dir_parts *parts, const struct log_dir_state *dir);
/*
 * Is some order's part for this directory on its way? What is no part, but must not meet one, a swap of logs
 * (service/mover), waits for that to be over; new ones come out of control jobs alone. Any thread.
 */
bool dir_parts_any(const struct log_dir_state *dir);
void dir_parts_release(struct dir_parts *parts);

#endif
