/*
 * A disk that fails when told to, in front of any other disk.
 *
 * A fault is a countdown: "the 3rd sync fails, then all is well", "from the 2nd
 * write on everything fails". Space is a number of bytes: a write that does not fit
 * writes what fits and fails, as a full file system does.
 *
 * Runs on: any thread, as the disk below.
 */
#ifndef BARNABAS_TESTS_FAULT_DISK_H
#define BARNABAS_TESTS_FAULT_DISK_H

#include "port/disk.h"

enum fault_op {
    FAULT_OPEN,
    FAULT_READ, /* pread and pread_nowait */
    FAULT_WRITE,
    FAULT_TRUNCATE,
    FAULT_SYNC,
    FAULT_STAT, /* of a path or a handle */
    FAULT_RENAME,
    FAULT_UNLINK,
    FAULT_MKDIR,
    FAULT_RMDIR,
    FAULT_LIST,
    FAULT_SYNC_DIR,
    FAULT_SYNC_FS,
    FAULT_LOCK,
    FAULT_SPACE,
    FAULT_OPS,
    FAULT_ANY = FAULT_OPS /* for fault_disk_fail: whichever call it is */
};

/* Borrows `under`. Gives the disk (fault_disk_free, when every handle was released). */
struct disk *fault_disk_new(struct disk *under);
void fault_disk_free(struct disk *disk);

/*
 * Lets `after` calls of `op` pass, then fails `times` of them with `err` (times < 0: for ever).
 * Replaces what was set for `op`; times 0 takes it away.
 */
void fault_disk_fail(struct disk *disk, enum fault_op op, int after, int times, enum err err);
/* Faults hit only paths that contain `part`; NULL = all. Borrows it. */
void fault_disk_only(struct disk *disk, const char *part);
/* A failing write first writes this many bytes of what it was given. Default 0. */
void fault_disk_tear_writes(struct disk *disk, int64_t bytes);
/* Bytes that may still be written, wherever; < 0 = no limit (default). */
void fault_disk_set_space(struct disk *disk, int64_t bytes);
/* pread_nowait says ERR_WOULD_BLOCK and is_cached false, as on a cold page cache. */
void fault_disk_set_cold(struct disk *disk, bool cold);
/* Called before every call that passes, on its thread: may wait (a slow or hung disk). */
void fault_disk_on_call(struct disk *disk, void (*fn)(void *arg, enum fault_op op, const char *path),
                        void *arg);

/* Calls of `op` so far (FAULT_ANY: of all), failed ones too. */
int fault_disk_calls(const struct disk *disk, enum fault_op op);
/* Has any fault hit since the disk was made? For sweeps: k = 0, 1, 2... until a run finds none. */
bool fault_disk_fired(const struct disk *disk);

#endif
