/*
 * Files and directories of one file system that are made durable together.
 *
 * A few are synced one by one: that waits for what they hold and for nothing else. Many share one barrier of
 * the file system, which costs little for each of them, but waits for whatever other writers have left to be
 * written.
 *
 * Runs on: any; one thread at a time.
 */
#ifndef BARNABAS_STORAGE_SYNC_SET_H
#define BARNABAS_STORAGE_SYNC_SET_H

#include "port/disk.h"

/* Up to here one by one: as many synced files take about as long as a barrier on a disk that is at leisure.
 */
#define SYNC_SET_FEW 48

/* Zero-initialised is empty and valid. */
struct sync_set {
    struct disk_file *files[SYNC_SET_FEW];
    char *dirs[SYNC_SET_FEW];
    int files_count;
    int dirs_count;
    bool many;
};

/* Takes over the caller's share of the file. */
void sync_set_file(struct sync_set *set, struct disk_file *file);
/* A directory whose entries changed; the same one twice is once. */
void sync_set_dir(struct sync_set *set, const char *path);
/* Makes all of it durable, files first; the set is empty afterwards. `path`: any directory on that file
 * system. */
enum err sync_set_run(struct sync_set *set, struct disk *disk, const char *path, struct errmsg *why) MUST_USE;
void sync_set_close(struct sync_set *set);

#endif
