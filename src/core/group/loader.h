/*
 * Reads a partition of __consumer_offsets from its beginning to its end: what its groups are and have
 * committed (storage-replication-coordinators 5.11).
 *
 * What cannot be read is passed over, counted and said in the log: one bad record costs that record, not the
 * groups of the partition.
 *
 *   loader = group_loader_new(partition);
 *   while (there is more, from group_loader_next_offset(loader) on)
 *       group_loader_add(loader, bytes);
 *   group_loader_finish(loader, wall_ms);
 *   group_coordinator_loaded(coordinator, loader, ...);
 *   group_loader_free(loader);
 *
 * Ownership: the loader owns what it made until group_coordinator_loaded takes it.
 * Runs on: whoever owns the loader; not the coordinator's thread until it has finished.
 */
#ifndef BARNABAS_CORE_GROUP_LOADER_H
#define BARNABAS_CORE_GROUP_LOADER_H

#include <stdint.h>

#include "base/view.h"

struct group_loader;

struct group_load_counts {
    uint64_t batches;
    uint64_t records;
    uint64_t offsets;         /* commits and their tombstones */
    uint64_t groups;          /* records of groups and their tombstones */
    uint64_t unknown_keys;    /* of versions that are not ours */
    uint64_t damaged_batches; /* wrong CRC, or records that end in the middle */
    uint64_t damaged_records;
};

struct group_loader *group_loader_new(int32_t offsets_partition);
void group_loader_free(struct group_loader *loader);

/* Whole entries as they lie in the log, of any magic. Gives how many bytes they took: what follows is the
 * beginning of one that is not complete. */
size_t group_loader_add(struct group_loader *loader, struct view entries);
/* Where reading is to go on; 0 at first. When it does not move, a batch's size is damaged, and what lies
 * behind it in the log cannot be found. */
int64_t group_loader_next_offset(const struct group_loader *loader);
/* Makes the groups of what was read. `wall_ms`: since when those are empty that have no record. */
void group_loader_finish(struct group_loader *loader, int64_t wall_ms);
void group_loader_counts(const struct group_loader *loader, struct group_load_counts *out);

#endif
