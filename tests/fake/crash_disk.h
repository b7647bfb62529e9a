/*
 * A disk in memory that can lose power. Every file and the name space have two images: what programs see, and
 * what is durable. Writes move from the first to the second by sync, sync_fs; creations, renames and removals
 * by sync_dir of their directory, sync_fs.
 *
 * A crash keeps the durable image plus a seeded part of what came later: per file each unsynced write is
 * kept, torn or dropped; of the unsynced changes of names a prefix in order survives (a journal), the rest is
 * forgotten.
 *
 * It also counts: calls that can fail, and those of each kind, and fails or dies at the k-th.
 * Runs on: one thread.
 */
#ifndef BARNABAS_TESTS_FAKE_CRASH_DISK_H
#define BARNABAS_TESTS_FAKE_CRASH_DISK_H

#include "base/prng.h"
#include "port/disk.h"

struct crash_disk;

struct crash_disk_counts {
    int64_t calls; /* that can fail */
    int64_t opens;
    int64_t preads;
    int64_t pwritevs;
    int64_t syncs;
    int64_t handles;    /* open now */
    int64_t dead_calls; /* calls after the death */
};

/* Has a root directory "/". */
struct crash_disk *crash_disk_new(void);
/* All handles must be released. */
void crash_disk_free(struct crash_disk *disk);
struct disk *crash_disk_port(struct crash_disk *disk);
const struct crash_disk_counts *crash_disk_counts(const struct crash_disk *disk);

/* The k-th fallible call from now on (0 = the next) fails with ERR_IO, a write after half of its bytes. -1:
 * none. */
void crash_disk_fail_at(struct crash_disk *disk, int64_t k);
bool crash_disk_fault_fired(const struct crash_disk *disk);
/* From the k-th call on every call fails, until crash_disk_power_cut. -1: never. */
void crash_disk_die_at(struct crash_disk *disk, int64_t k);
bool crash_disk_is_dead(const struct crash_disk *disk);

/*
 * After a sync that failed, what was written to the file is seen but never durable, whatever later syncs say,
 * until power is lost or this is called: the kernel still has it.
 */
void crash_disk_forgive(struct crash_disk *disk);

/* While it is deaf a sync of a file does nothing, and says that it did. */
void crash_disk_set_deaf(struct disk *port, bool deaf);

/* While it is calm no call fails or dies of what was ordered, nor counts for it: an onlooker reads. */
void crash_disk_set_calm(struct crash_disk *disk, bool calm);

enum crash_kind {
    CRASH_KEEP_ALL,   /* the process was killed, the machine lives */
    CRASH_KEEP_NONE,  /* only what was synced */
    CRASH_KEEP_SEEDED /* a seeded part */
};
/* The machine stops and starts again; no handle may be open. */
void crash_disk_power_cut(struct crash_disk *disk, enum crash_kind kind, uint64_t seed);

/* pread_nowait gives ERR_WOULD_BLOCK while set, and is_cached false. */
void crash_disk_set_cold(struct crash_disk *disk, bool cold);
void crash_disk_set_now_ms(struct crash_disk *disk, int64_t now_ms);

/* Content of a file as programs see it; NULL when there is none. Borrowed until the next change. */
const uint8_t *crash_disk_content(struct crash_disk *disk, const char *path, size_t *len);
/* Puts a file there, durably. */
void crash_disk_put(struct crash_disk *disk, const char *path, const void *bytes, size_t len);
/* A copy of everything that programs see, all durable. */
struct crash_disk *crash_disk_clone(const struct crash_disk *disk);
/* Same names, same bytes? Names of files that differ go to `why`. */
bool crash_disk_equal(const struct crash_disk *a, const struct crash_disk *b, struct errmsg *why);

#endif
