/*
 * `barnabas.move`: which of two directories of one partition counts, when a replica was being swapped in for
 * the one of another log directory (service/mover) and the swap was cut short.
 *
 * The swap, and what a start finds after a crash in it:
 *
 *   pending in the future directory    it is complete and synced; "other" is the log directory it replaces
 *   future becomes topic-N             both are there: the one with the mark counts
 *   old becomes topic-N.<id>-delete    one is there
 *   mark removed
 *
 * If the future's rename fails, the old one goes on and says so first (void, with the same id): whatever
 * becomes of the other on a disk that failed, it never counts again. If the old one's rename fails, the new
 * one goes on and says so (won). A replica that is marked as pending, while the directory it came from cannot
 * be looked at, may lack what was acknowledged later: it is not served.
 *
 * Kafka ignores the file; where two directories are left it refuses to start, as after a crash of its own.
 *
 * Ownership: a mark owns its text. Zero-initialised is none.
 * Runs on: any.
 */
#ifndef BARNABAS_STORAGE_MOVE_MARK_H
#define BARNABAS_STORAGE_MOVE_MARK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "base/uuid.h"
#include "port/disk.h"

#define MOVE_MARK_FILE_NAME "barnabas.move"

enum move_mark_state { MOVE_MARK_NONE, MOVE_MARK_PENDING, MOVE_MARK_WON, MOVE_MARK_VOID };

struct move_mark {
    enum move_mark_state state;
    struct uuid id; /* of the move */
    char *other;    /* path of the other log directory */
};

void move_mark_close(struct move_mark *mark);
/* Reads the mark of partition directory `dir`; none when there is no file. ERR_CORRUPT_FILE. */
enum err move_mark_read(struct disk *disk, const char *dir, struct move_mark *out,
                        struct errmsg *why) MUST_USE;
/* Writes it durably. */
enum err move_mark_write(struct disk *disk, const char *dir, const struct move_mark *mark,
                         struct errmsg *why) MUST_USE;
/* Removes it durably; none is fine. */
enum err move_mark_remove(struct disk *disk, const char *dir, struct errmsg *why) MUST_USE;

/* --- which counts; pure --- */

enum move_verdict {
    MOVE_SERVE,
    MOVE_STALE, /* its records are in another one: to be deleted */
    MOVE_UNSURE /* records may be missing; the other directory cannot be looked at */
};

/* A current directory of the partition. */
struct move_place {
    const char *log_dir; /* path of the log directory */
    struct move_mark mark;
    enum move_verdict verdict; /* filled in */
};

enum move_dir_state {
    MOVE_DIR_LIVE,
    MOVE_DIR_OFFLINE,
    MOVE_DIR_UNKNOWN /* not among log.dirs */
};

typedef enum move_dir_state (*move_dir_state_fn)(const void *arg, const char *log_dir);

/* Judges all places of one partition. What two places claim of each other stays MOVE_SERVE for both. */
void move_marks_judge(struct move_place *places, size_t count, move_dir_state_fn state_of, const void *arg);

#endif
