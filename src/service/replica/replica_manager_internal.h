/*
 * The inside of the replica manager, for its files: table, load, roles, upkeep.
 */
#ifndef BARNABAS_SERVICE_REPLICA_REPLICA_MANAGER_INTERNAL_H
#define BARNABAS_SERVICE_REPLICA_REPLICA_MANAGER_INTERNAL_H

#include "service/replica/hang_patrol.h"
#include "service/replica/replica_manager.h"

struct cleaner;
struct mover;
struct upkeep;

struct replica_manager {
    struct broker *broker;
    struct log_dirs dirs;
    struct snapshot table;         /* struct partition_table */
    pthread_mutex_t table_lock;    /* writers */
    pthread_mutex_t settings_lock; /* whoever gives a partition new settings: the later ones come later */
    struct upkeep *upkeep;
    struct mover *mover;
    struct cleaner *cleaner;
    struct hang_patrol patrol;
    atomic_uint settings_changes; /* settings that were put into force so far, of topics or of all */

    /* Control loop: jobs in order. */
    struct control_job *jobs_head;
    struct control_job **jobs_tail;
    struct control_job *job; /* on the worker or applying */
    struct work job_work;
};

/* The table for threads that are not loops: the caller shares what it keeps. Under table_lock. */
const struct partition_table *replica_manager_table_locked(struct replica_manager *manager);

/* Publishes a table with `added` in and `removed` out; takes a share of each added. Any thread that may wait.
 */
void replica_manager_change_table(struct replica_manager *manager, struct partition **added, int added_count,
                                  struct partition **removed, int removed_count);

/* Every partition, shared, as an array; release each and free it. Any thread that may wait. */
struct partition **replica_manager_all(struct replica_manager *manager, int *count);

/* Shared; NULL when there is none. Any thread that may wait. */
struct partition *replica_manager_find_shared(struct replica_manager *manager, struct view topic,
                                              int32_t index);

/* The settings of its topic, before the partition is published: requests look at them without asking. */
void replica_manager_give_settings(struct replica_manager *manager, struct partition *part);

/* The same for one that is published. Settings that changed before that did not find it. */
void replica_manager_renew_settings(struct replica_manager *manager, struct partition *part);

/* Where the partition's log begins according to the directory's checkpoint; 0 for one that was never there.
 */
int64_t replica_manager_log_start(struct log_dir_state *dir, struct partition *part);

/* Opens the log of a partition whose directory exists. On success the partition has its log and its
 * directory. */
enum err replica_manager_open_log(struct replica_manager *manager, struct partition *part,
                                  struct log_dir_state *dir, bool clean, struct errmsg *why);
/* The same for a directory that was just made, with what is in its files (log_create). */
enum err replica_manager_create_log(struct replica_manager *manager, struct partition *part,
                                    struct log_dir_state *dir, struct uuid topic_id, int32_t leader_epoch,
                                    struct errmsg *why);

/* A partition that is to be made here. */
struct replica_birth {
    struct partition *part; /* borrowed; placed */
    struct uuid topic_id;
    int32_t leader_epoch; /* of this broker as its first leader; LEADER_EPOCH_UNDEFINED as a follower */
    bool with_log;        /* filled in */
};

/*
 * Gives each of these partitions, which have their settings, a directory and publishes them; while one has no
 * log it answers NOT_LEADER_OR_FOLLOWER. Where no directory is left it has none, and is not published. On a
 * worker.
 */
void replica_manager_place(struct replica_manager *manager, struct partition **parts, int count);
/*
 * Makes the directories and logs of all of them, durably. They were placed in `dir`, which goes offline when
 * it fails. Where nobody holds a loop up.
 */
void replica_manager_create(struct replica_manager *manager, struct replica_birth *births, int count,
                            struct log_dir_state *dir);

/* A log without a role that others have all of (strays.h); nothing if it was given one meanwhile. In a
 * control job. */
void replica_manager_delete_stray(struct replica_manager *manager, struct partition *part);

/* Waits until every job that was submitted before has been carried out. Not on a loop. */
void replica_manager_drain(struct replica_manager *manager);

/* A directory failed: its partitions go offline. On a worker. */
void replica_manager_dir_failed(void *arg, struct log_dir_state *state);
void replica_manager_all_dirs_failed(void *arg);

struct upkeep *upkeep_new(struct replica_manager *manager);
void upkeep_start(struct upkeep *upkeep);
/* No more periodic work after this. Blocks until what runs has ended. */
void upkeep_stop(struct upkeep *upkeep);
void upkeep_free(struct upkeep *upkeep);
/* Deletes a renamed partition directory after `delay_ms`. Takes `path`. Any thread. */
void upkeep_delete_dir(struct upkeep *upkeep, struct log_dir_state *dir, char *path, int64_t delay_ms);
/* Removes what a shortened log left behind, after file.delete.delay.ms. Empties `doomed`. By the holder. */
struct log_doomed;
void upkeep_remove_files(struct upkeep *upkeep, struct partition *part, struct log_doomed *doomed);
/* Writes the checkpoints of all live directories now (stop). */
void upkeep_checkpoint_all(struct replica_manager *manager);

#endif
