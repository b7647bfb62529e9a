/*
 * The parts of `barnabas reassign`: the files it reads and prints
 * (reassign_file.c), throttles (reassign_throttle.c), moves between the log
 * directories of a broker (reassign_dirs.c), and the cluster, over the
 * wire (reassign_wire.c) or through ZooKeeper alone (reassign_zk.c).
 *
 * Ownership: everything lives in the arena of the session.
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_REASSIGN_H
#define BARNABAS_CLI_REASSIGN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "core/controller/assign.h"
#include "port/znodes.h"

struct reassign_part {
    const char *topic;
    int32_t partition;
    struct znode_ids replicas;
    const char **dirs;         /* log directory of each replica, NULL = any; NULL = none is named */
    struct znode_ids adding;   /* of a move that is under way */
    struct znode_ids removing; /* likewise */
    const char *error;         /* what the cluster said about it; NULL = nothing */
    bool cancel;               /* to be moved back */
};

struct reassign_list {
    struct reassign_part *items;
    int count;
    int cap;
};

/* The partition's name as it is printed, "t-0". */
const char *reassign_name(struct arena *arena, const struct reassign_part *part);
struct reassign_part *reassign_add(struct arena *arena, struct reassign_list *list, const char *topic,
                                   int32_t partition);
struct reassign_part *reassign_find(const struct reassign_list *list, const char *topic, int32_t partition);
/* By topic and partition. */
void reassign_sort(struct reassign_list *list);
bool reassign_ids_contain(const struct znode_ids *ids, int32_t id);
/* Names of the topics, each once, in order of the list. */
const char **reassign_topics(struct arena *arena, const struct reassign_list *list, int *count);

/* A replica that is to lie in a log directory. */
struct reassign_dir {
    const char *topic;
    int32_t partition;
    int32_t broker;
    const char *target;
    /* What the cluster says: */
    const char *current; /* NULL = in no directory that lives */
    const char *future;  /* where it is being moved to; NULL = nowhere */
    int16_t error;       /* of asking for the move */
    bool begun;
};

struct reassign_dirs {
    struct reassign_dir *items;
    int count;
};

/* --- reassign_file.c: false, with why in Kafka's words, for what is none. */

bool reassign_read_moves(const char *path, struct arena *arena, struct reassign_list *out,
                         struct errmsg *why);
bool reassign_read_topics(const char *path, struct arena *arena, const char ***topics, int *count,
                          struct errmsg *why);
/* "1,2,3", each once. */
bool reassign_read_brokers(const char *text, struct arena *arena, struct znode_ids *out, struct errmsg *why);
/* What execute demands of the moves beyond that they can be read. */
bool reassign_check_moves(const struct reassign_list *moves, struct arena *arena, struct errmsg *why);
/* One line of JSON, as --reassignment-json-file takes it. */
void reassign_print_json(const struct reassign_list *list);

/* --- the cluster */

struct reassign_edit {
    const char *name;
    const char *value; /* NULL: remove */
};

struct reassign_cluster {
    void *session;
    /* Moves under way, of all topics. */
    enum err (*active)(void *session, struct arena *arena, struct reassign_list *out, struct errmsg *why);
    /* Present replicas of the topics; a topic that is not there is not in `out`. */
    enum err (*present)(void *session, struct arena *arena, const char *const *topics, int count,
                        struct reassign_list *out, struct errmsg *why);
    /* Brokers that live, ascending. */
    enum err (*brokers)(void *session, struct arena *arena, struct assign_broker **out, int *count,
                        struct errmsg *why);
    /* Begins the moves, or takes them back; the error of each is left in it. */
    enum err (*alter)(void *session, struct arena *arena, struct reassign_list *moves, struct errmsg *why);
    enum err (*edit_broker)(void *session, struct arena *arena, int32_t id, const struct reassign_edit *edits,
                            int count, struct errmsg *why);
    enum err (*edit_topic)(void *session, struct arena *arena, const char *topic,
                           const struct reassign_edit *edits, int count, struct errmsg *why);
    /* Where the replicas are: fills in current and future. NULL: cannot be asked. */
    enum err (*find_dirs)(void *session, struct arena *arena, struct reassign_dirs *dirs, struct errmsg *why);
    /* Asks for the moves that are not begun; the error of each is left in it. */
    enum err (*alter_dirs)(void *session, struct arena *arena, struct reassign_dirs *dirs,
                           struct errmsg *why);
    void (*close)(void *session);
};

/* False with why when nobody answers. */
bool reassign_over_wire(const char *bootstrap, const char *command_config, struct reassign_cluster *out,
                        struct errmsg *why);
bool reassign_over_zookeeper(const char *connect, struct reassign_cluster *out, struct errmsg *why);

/* --- reassign_throttle.c */

/* Limits what moves, and says so: `rate` in bytes per second for each broker that sends or receives. */
enum err reassign_throttle(const struct reassign_cluster *cluster, struct arena *arena,
                           const struct reassign_list *active, const struct reassign_list *moves,
                           const struct reassign_list *present, int64_t rate, struct errmsg *why);
/* The limit of what moves between the directories of a broker, for those brokers where something does. */
enum err reassign_throttle_dirs(const struct reassign_cluster *cluster, struct arena *arena,
                                const struct reassign_dirs *dirs, int64_t rate, struct errmsg *why);
/* Takes the limits from every broker and from the topics of the list, and says so. */
enum err reassign_unthrottle(const struct reassign_cluster *cluster, struct arena *arena,
                             const struct reassign_list *moves, struct errmsg *why);

/* --- reassign_dirs.c */

/* The replicas of the moves that name a directory, by topic, partition and broker. */
struct reassign_dirs reassign_dirs_of(struct arena *arena, const struct reassign_list *moves);
/* False with why when there are some and the cluster cannot be asked for them: through ZooKeeper alone. */
bool reassign_dirs_check(const struct reassign_cluster *cluster, const struct reassign_dirs *dirs,
                         struct errmsg *why);
/*
 * Begins the moves and says so. A replica that its broker has not got yet is asked for again until
 * `timeout_ms` is over.
 */
enum err reassign_dirs_begin(const struct reassign_cluster *cluster, struct arena *arena,
                             struct reassign_dirs *dirs, int64_t timeout_ms, struct errmsg *why);
/* Says how far each is. *moving: some are on their way. */
enum err reassign_dirs_verify(const struct reassign_cluster *cluster, struct arena *arena,
                              struct reassign_dirs *dirs, bool *moving, struct errmsg *why);
/* Takes back those that are on their way, and says so. */
enum err reassign_dirs_cancel(const struct reassign_cluster *cluster, struct arena *arena,
                              struct reassign_dirs *dirs, int64_t timeout_ms, struct errmsg *why);

#endif
