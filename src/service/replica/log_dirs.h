/*
 * The broker's log directories while it runs: their state, their checkpoints, the flush
 * group of each, and what happens when one fails.
 *
 * A directory fails once. Its partitions are told one by one and answer
 * KAFKA_STORAGE_ERROR from then on; the others go on. When none is left the broker ends.
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_REPLICA_LOG_DIRS_H
#define BARNABAS_SERVICE_REPLICA_LOG_DIRS_H

#include <pthread.h>

#include "base/list.h"
#include "loop/workers.h"
#include "service/replica/hang_watch.h"
#include "service/replica/log_dir_notice.h"
#include "storage/log_dir.h"

struct broker;
struct log_dirs;
struct partition;

struct log_dir_state {
    struct log_dir dir;
    struct log_dirs *all;
    int lane; /* of the worker pool, 1 + index */
    bool was_clean;
    bool is_closed;           /* stopped in order, with its marker written */
    _Atomic int partitions;   /* logs in it */
    _Atomic int logs_to_load; /* that the start has yet to open */
    bool is_ours;             /* the last run in it was ours, and did not stop in order */
    bool power_lost;          /* and the machine was started again since */

    pthread_mutex_t checkpoints_lock; /* its checkpoint maps, also while they are written */
    unsigned
        forgotten; /* kinds of checkpoints whose files may still say what was forgotten; under that lock */

    /* The flush group: partitions whose logs are to be synced together. Guarded by `lock`. */
    pthread_mutex_t lock;
    struct list flush_queue;
    bool flush_running;
    struct work flush_work;
    struct work fail_work;
    struct log_dir_notice notice;
    _Atomic int uncleanable_logs;      /* that the cleaner has set aside */
    _Atomic int64_t uncleanable_bytes; /* that it would compact of them */
    struct hang_watch hang;            /* of those who may wait for its disk; only where there is a writer */
    struct workers *writer;  /* one thread; NULL when there is one directory, where loops write themselves */
    struct workers *control; /* one thread, for what the controller wants of its partitions; NULL as writer */
    _Atomic int parts;       /* what the controller wants of its partitions, on its way (dir_parts.h) */
    _Atomic bool told_offline;   /* the controller was told of some of its partitions that they are offline */
    _Atomic bool hang_announced; /* the controller was made to ask for its partitions */
};

struct log_dirs {
    struct broker *broker;
    struct log_dir_state **items;
    int count;
    void (*failed)(void *arg, struct log_dir_state *state); /* on a worker, once per directory */
    void (*all_failed)(void *arg);
    void *arg;
};

/*
 * Opens and locks them, checks that they are distinct, reads their checkpoints. Start only; blocks.
 * A directory that cannot be used is offline from the start; ERR_LOCKED and ERR_INVALID_ARGUMENT end
 * the start, as does having none left.
 */
MUST_USE enum err log_dirs_open(struct log_dirs *dirs, struct broker *broker, const char *const *paths,
                                int count, struct errmsg *why);
/* Lets the threads of the directories finish; what is handed to them later is done at once by whoever hands
 * it over. Blocks. */
void log_dirs_stop_writers(struct log_dirs *dirs);
void log_dirs_close(struct log_dirs *dirs);

/* Live directory with the fewest logs, one that answers before one that hangs; NULL when none is live. Any
 * thread. */
struct log_dir_state *log_dirs_pick(struct log_dirs *dirs);
/* By its absolute path, as DescribeLogDirs tells it; NULL when log.dirs has no such. Any thread. */
struct log_dir_state *log_dirs_find(const struct log_dirs *dirs, const char *path);
/* The absolute path, a fresh heap string. */
char *log_dir_state_path(const struct log_dir_state *state);
/* True if some directory is offline: a log that is not found may be on it. Any thread. */
bool log_dirs_any_offline(const struct log_dirs *dirs);

/*
 * Around what may wait for the directory's disk, by a thread that may; and whether it hangs, so that whoever
 * may not wait for it does not ask. Any thread.
 */
void log_dir_state_begin(struct log_dir_state *state);
void log_dir_state_end(struct log_dir_state *state);
bool log_dir_state_hangs(struct log_dir_state *state);

/* Makes the controller ask for the partitions of a directory that has not answered for so long, once. Any
 * thread. */
void log_dir_state_announce_hang(struct log_dir_state *state, int64_t limit_ms);
/*
 * The controller hears or was told that partitions are offline because the directory hangs: when it answers
 * again the controller is told so. Any thread.
 */
void log_dir_state_told_offline(struct log_dir_state *state);

/* Takes a directory offline; what follows happens on a worker. Any thread; only the first call counts. */
void log_dir_state_fail(struct log_dir_state *state, enum err err, const struct errmsg *why);

/* Asks for a flush of the partition's log, together with others of its directory. By its holder. */
void log_dir_state_flush(struct log_dir_state *state, struct partition *part);
/* The partition's log is elsewhere now, synced: what waits in this directory's queue is not needed. By its
 * holder. */
void log_dir_state_forget_flush(struct log_dir_state *state, struct partition *part);

#endif
