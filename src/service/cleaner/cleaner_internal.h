/*
 * The inside of the cleaner, for its files.
 */
#ifndef BARNABAS_SERVICE_CLEANER_CLEANER_INTERNAL_H
#define BARNABAS_SERVICE_CLEANER_CLEANER_INTERNAL_H

#include <pthread.h>

#include "core/cleaner/cleaner_log.h"
#include "core/cleaner/cleaner_rate.h"
#include "service/cleaner/cleaner.h"
#include "service/replica/replica_manager_internal.h"
#include "storage/compact/compact.h"

/* What a thread was started with. */
struct cleaner_settings {
    int32_t threads;
    int64_t map_bytes; /* of all of them, as io_bytes */
    int64_t io_bytes;
    double load_factor;
    int64_t backoff_ms;
};

struct cleaner {
    struct replica_manager *manager;

    pthread_mutex_t lock; /* all of this */
    pthread_cond_t news;
    struct cleaner_settings settings;
    uint32_t generation; /* of the settings: threads of an earlier one end */
    uint32_t wakes;      /* counts cleaner_wake */
    bool running;
    struct list threads;
    struct cleaner_rate rate; /* of all threads together */
    int missing_threads;
    int64_t chosen_ms; /* monotonic */
    double max_dirty_ratio;

    pthread_mutex_t choosing; /* one looks for a log at a time; guards every cleaner_note. Before `lock` */
};

struct cleaner_thread {
    struct list node;
    struct cleaner *cleaner;
    struct cleaner_settings settings;
    uint32_t generation;
    int index;
    struct compact_memory *memory;
    /* Under `lock`. */
    const struct partition *part; /* whose log it compacts; NULL */
    /* The same, of its last compaction. */
    int64_t bytes_read;
    int64_t bytes_written;
    int64_t clean_ms;
    int64_t delay_ms;
    double map_load;
};

/* What the cleaner knows of a partition. Under `choosing`. */
struct cleaner_note {
    struct cleaner_log log; /* as it was when it was looked at last */
    bool is_known;
    int64_t looked_ms; /* wall clock */
    int64_t due_ms;
    /* As they were then; see struct partition. */
    uint32_t settings_given;
    int64_t sealed_up_to;
    /* Of an uncleanable log, when it became one: it is tried again when something was taken from it. */
    uint32_t cuts;
    int64_t first_base;
};

/* --- cleaner.c --- */

/* False: the thread is to end. */
bool cleaner_goes_on(struct cleaner_thread *thread);
/* Bytes were read or written. */
void cleaner_count_bytes(struct cleaner *cleaner, int64_t bytes);
/* True when more flows than log.cleaner.io.max.bytes.per.second, after a moment's wait. */
bool cleaner_waits_for_rate(struct cleaner_thread *thread);

/* --- cleaner_choose.c --- */

struct cleaner_choice {
    struct partition *part;     /* shared */
    struct cleaner_log log;     /* as it was found */
    enum cleaner_reason reason; /* why it is to be compacted */
};

/* False when nothing is to do. Else the partition is the thread's until cleaner_part_with. */
bool cleaner_choose(struct cleaner_thread *thread, struct cleaner_choice *out);

/* What became of it. */
struct cleaner_outcome {
    bool is_uncleanable;
    uint32_t cuts; /* of an uncleanable one, as in cleaner_note */
    int64_t first_base;
    bool came_to_nothing; /* it is not tried again at once */
};

/* Releases the partition. */
void cleaner_part_with(struct cleaner_thread *thread, struct partition *part,
                       const struct cleaner_outcome *outcome);

/* --- cleaner_compact.c --- */

/* Compacts it, as far as it goes. */
void cleaner_compact(struct cleaner_thread *thread, const struct cleaner_choice *choice,
                     struct cleaner_outcome *outcome);

#endif
