/*
 * Offsets by topic and partition: what a group has committed, or what a transaction of it is about to.
 *
 * The partitions of a topic lie in one open table with the partition's number as its hash, so that the dense
 * numbers of a topic meet no other; an entry is 64 bytes and its metadata, which mostly is empty.
 *
 * Ownership: the table owns everything. An entry's pointer is valid until one is added to or dropped from its
 * topic, a topic's as long as it has entries. Zero-initialised is empty and valid.
 * Runs on: whoever owns the table.
 */
#ifndef BARNABAS_CORE_GROUP_OFFSETS_H
#define BARNABAS_CORE_GROUP_OFFSETS_H

#include "base/map.h"
#include "core/group/records.h"

struct offset_entry {
    int64_t offset;
    int64_t commit_ms;
    int64_t expire_ms;    /* -1 = none */
    int64_t batch_offset; /* where the batch that brought it begins; -1 = it is not yet in the log */
    uint8_t *metadata;    /* i16 length and bytes; NULL = empty */
    uint64_t fence;       /* commits: appends before this one are void; transactions: the latest append */
    int32_t partition;
    int32_t leader_epoch;
    uint32_t txns;         /* commits: how many open transactions have an offset for it */
    uint32_t appends : 30; /* commits: how many are on their way to the log */
    bool is_set : 1;       /* an offset is there */
    bool is_used : 1;      /* the place is taken */
};

struct offset_topic {
    struct view name;
    struct offset_entry *entries;
    uint32_t cap; /* power of two */
    uint32_t count;
};

struct offset_table {
    struct map topics;
    struct offset_topic *last; /* asked for last; NULL = none */
    size_t count;              /* entries, those without an offset included */
    size_t set_count;          /* entries with an offset */
};

void offset_table_close(struct offset_table *table);

/* NULL when there is none. */
struct offset_topic *offset_table_topic(struct offset_table *table, struct view name);
struct offset_entry *offset_topic_entry(const struct offset_topic *topic, int32_t partition);
struct offset_entry *offset_table_get(struct offset_table *table, struct view topic, int32_t partition);
/* Adds one without an offset if there is none. `topic_out` (may be NULL) tells its topic. */
struct offset_entry *offset_table_add(struct offset_table *table, struct view topic, int32_t partition,
                                      struct offset_topic **topic_out);

/* Gives the stored form of metadata (free()); NULL for empty and null. */
uint8_t *offset_metadata_dup(struct view metadata);
/* Never null. */
struct view offset_metadata_view(const uint8_t *stored);

/* Takes `metadata`, which is in stored form. */
void offset_entry_set(struct offset_table *table, struct offset_entry *entry,
                      const struct offset_value *value, uint8_t *metadata, int64_t batch_offset);
void offset_entry_unset(struct offset_table *table, struct offset_entry *entry);
void offset_entry_value(const struct offset_entry *entry, struct offset_value *out);
/* Drops the entry, and its topic with the last one, if nothing is left that needs it. */
void offset_entry_release(struct offset_table *table, struct offset_topic *topic, struct offset_entry *entry);

/*
 * Releases what `unset` says true for, in one walk; it may have called offset_entry_unset, and touches
 * nothing else of the table.
 */
void offset_table_sweep(struct offset_table *table,
                        bool (*unset)(void *arg, const struct offset_topic *topic,
                                      struct offset_entry *entry),
                        void *arg);

/* Walks all topics and their entries; nothing may be added or dropped meanwhile. */
#define OFFSET_EACH_TOPIC(topic, table)                                                                      \
    for (size_t topic##_it = 0, topic##_more = 1; topic##_more; topic##_more = 0)                            \
        for (struct offset_topic * topic; (topic = offset_table_next(table, &topic##_it));)
#define OFFSET_EACH_ENTRY(entry, topic)                                                                      \
    for (struct offset_entry *entry = (topic)->entries; entry < (topic)->entries + (topic)->cap; entry++)    \
        if (entry->is_used)

struct offset_topic *offset_table_next(const struct offset_table *table, size_t *it);

#endif
