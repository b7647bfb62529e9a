/*
 * The cleaner: compacts the logs of topics with cleanup.policy=compact (storage/compact/compact.h), on
 * threads of its own.
 *
 *   choose   every partition whose sealed segments or settings changed is looked at by its holder; the
 * dirtiest log is next (core/cleaner)                                                     cleaner_choose.c
 *   compact  begun and swapped by the partition's holder, read and written without it;
 *            then the checkpoint moves                                                      cleaner_compact.c
 *   sleep    log.cleaner.backoff.ms, when nothing is to do
 *
 * A compaction makes nobody wait. Whoever cuts, deletes or moves the log does so; the compaction notices,
 * gives up and leaves the checkpoint where it was. A partition that is being moved is not compacted, so that
 * its copy is one.
 *
 * A log that cannot be compacted for a reason of its own is set aside until something is taken from it, or
 * until the next start. A disk that fails costs its directory, as everywhere. A thread never dies.
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_CLEANER_CLEANER_H
#define BARNABAS_SERVICE_CLEANER_CLEANER_H

#include <stdint.h>

struct cleaner;
struct replica_manager;

/* Gives it (cleaner_free). */
struct cleaner *cleaner_new(struct replica_manager *manager);
void cleaner_free(struct cleaner *cleaner);

/* With log.cleaner.enable: starts the threads. The logs are loaded, moves have begun. */
void cleaner_start(struct cleaner *cleaner);
/* Nothing is compacted any more; what is on its way gives up at its next buffer. Blocks. Not on a loop. */
void cleaner_stop(struct cleaner *cleaner);

/* The broker's settings may have changed: threads that have other ones give way to new ones, without anybody
 * waiting for them. Not on a loop. */
void cleaner_update(struct cleaner *cleaner);
/* Settings of topics changed: whoever sleeps looks at once. Any thread. */
void cleaner_wake(struct cleaner *cleaner);

/* For the operator; of the last compaction of each thread, where nothing else is said. Any thread. */
struct cleaner_numbers {
    int64_t idle_ms;        /* since a log was looked for */
    int64_t max_clean_ms;   /* the longest one took */
    int64_t max_delay_ms;   /* behind max.compaction.lag.ms, when it began */
    double max_dirty_ratio; /* of all logs, when one was looked for */
    double max_map_load;
    double recopy_ratio; /* bytes written by bytes read */
    int missing_threads; /* that could not be started */
};

void cleaner_numbers(struct cleaner *cleaner, struct cleaner_numbers *out);

#endif
