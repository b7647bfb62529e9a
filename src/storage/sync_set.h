/*
 * Files and directories of one file system that are made durable together.
 *
 * Each is synced by itself, which waits for what it holds and for nothing else; a barrier of the whole file
 * system (syncfs) would wait for whatever other writers have left to be written. A few are synced one after
 * the other, more by several threads at once: the file system's journal and the disk's cache flushes serve
 * them together, so that many take about as long as a barrier on a disk that is at leisure.
 *
 * Runs on: any; one thread at a time. More than a few: threads that last as long as the run.
 */
#ifndef BARNABAS_STORAGE_SYNC_SET_H
#define BARNABAS_STORAGE_SYNC_SET_H

#include "port/disk.h"

/* A thread for each so many, but no more than so many threads. */
#define SYNC_SET_EACH    4
#define SYNC_SET_THREADS 16

/* Zero-initialised is empty and valid. */
struct sync_set {
    struct disk_file **files;
    int files_count;
    int files_cap;
    char **dirs;
    int dirs_count;
    int dirs_cap;
};

/* Takes over the caller's share of the file. */
void sync_set_file(struct sync_set *set, struct disk_file *file);
/* A directory whose entries changed; the same one twice in a row is once. */
void sync_set_dir(struct sync_set *set, const char *path);
/* Makes all of it durable; the set is empty afterwards. On error some of it may be: which is not known.
 * Blocks. */
enum err sync_set_run(struct sync_set *set, struct disk *disk, struct errmsg *why) MUST_USE;
void sync_set_close(struct sync_set *set);

#endif
