/*
 * A broker of the simulated cluster: a machine (disk, boot), and the process on it while it runs. The process
 * hosts the real cores and the real storage; what it does by itself is what the shells of src/service do.
 *
 *   node.c       start, stop, death
 *   register.c   registration, and whose data it is
 *   roles.c      LeaderAndIsr, UpdateMetadata, StopReplica
 *   replica.c    one partition: high watermark, ISR, waiting appends
 *   follow.c     fetching from leaders
 *   serve.c      Fetch, ListOffsets, Produce, Metadata
 *   conductor.c  the controller's core
 *   isr.c        asking the controller for another ISR
 *   upkeep.c     checkpoints, flush
 *   cleaner.c    compaction
 *   groups.c     coordinating a consumer group
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_NODE_H
#define BARNABAS_TESTS_SIM_NODE_H

#include "base/buf.h"
#include "core/controller/controller.h"
#include "core/fetch/fetch_sessions.h"
#include "core/fetcher/fetch_link.h"
#include "core/metadata/metadata.h"
#include "core/replica/replica.h"
#include "fake/crash_disk.h"
#include "service/broker.h"
#include "service/replica/control_fence.h"
#include "sim/net.h"
#include "sim/world.h"
#include "sim/zk.h"
#include "storage/log.h"
#include "storage/log_dir.h"
#include "storage/log_flush.h"
#include "storage/log_settings.h"

#define NODE_DIR "/log"

/* What becomes of a process. */
enum node_end {
    NODE_END_STOPPED, /* in order */
    NODE_END_KILLED,  /* what it wrote is in the page cache */
    NODE_END_POWER,   /* the machine went down: what was not synced may be gone */
    NODE_END_WIPED    /* and its disk is replaced by an empty one */
};

/* A partition on this broker. */
struct part {
    struct proc *proc;
    int number;
    const char *topic;
    int32_t index;
    char name[40];
    struct replica replica;
    struct log *log; /* NULL = not here, or failed */
    bool is_leader;  /* it serves */
    int64_t leader_high_watermark;
    struct list waiting; /* appends that wait for the high watermark */
    int waiting_count;
    bool flushing;
    bool leaves_when_flushed;
    /* The proposal that is to be made, or was; see isr.c. */
    bool proposes;
    int32_t proposed_leader_epoch;
    int32_t proposed_partition_epoch;
    struct replica_ids proposed;
    int64_t *proposed_epochs;
};

/* What this broker follows at one other. */
struct follow_link {
    struct proc *proc;
    int leader;
    struct fetch_link *link;
    struct net_conn *conn;
    struct arena arena;
    struct buf answer;
    enum fetch_link_wish out;
    int away;
    bool kicked;
};

/* Another broker whose port is watched, as net/presence.h does. */
struct peer {
    bool watched;
    int64_t epoch;
    bool heard; /* ever */
    bool quiet; /* that was told */
    int refused_ms;
    int silent_ms;
};

struct fetch_state;
struct cleaning;
struct groups;

struct proc {
    struct sim *sim;
    struct broker_node *node;
    int id;
    /* For what takes the real one: its id and epoch. */
    struct broker broker;
    struct control_fence fence;
    struct log_dir dir;
    bool was_clean;
    bool power_lost;
    struct part *parts[SIM_PARTS_MAX]; /* NULL = none here */

    struct zk_client *zk;
    int64_t session_id;
    bool registering;
    bool ready; /* it registered for the first time: requests are served from here on */
    bool stopping;
    bool failing; /* its directory failed: it answers so and ends */
    struct znode_incarnation incarnation;
    bool settled;             /* the incarnation of this start is known and written down */
    int64_t own_sessions[16]; /* of this process, newest last, cyclic */
    int own_sessions_count;
    int stop_tries;

    struct controller *core;
    struct controller_effects effects;
    struct net_conn *channels[SIM_BROKERS_MAX + 1];
    struct peer peers[SIM_BROKERS_MAX + 1];
    struct map asks; /* ticket -> struct ask */
    uint64_t last_ticket;

    struct metadata *metadata;
    struct fetch_sessions sessions;
    struct list fetches; /* that wait */
    int fetches_count;
    uint64_t last_fetch;
    struct follow_link *links[SIM_BROKERS_MAX + 1];
    struct list jobs; /* of the controller, in order */
    bool job_runs;
    struct net_conn *to_controller[SIM_BROKERS_MAX + 1];
    bool asking;
    struct cleaning *cleaning; /* NULL = nothing is compacted */
    struct groups *groups;     /* NULL = there are none in this run */
    uint64_t last_wait;        /* of an append */
    bool flush_runs;           /* one flush at a time, as of one directory */

    struct control_sender obeyed; /* whom it obeyed last */
    unsigned touched;             /* parts that the checker is to look at after this step */
};

struct broker_node {
    struct sim *sim;
    int id;
    struct crash_disk *disk;
    int boot;
    int64_t last_session; /* recorded in the log directory */
    int last_session_boot;
    int64_t wall_ahead_ms;
    struct proc *proc; /* NULL = down */
    enum node_end ended;
};

/* --- node.c --- */

void node_init(struct sim *sim, int id);
void node_free(struct broker_node *node);
void node_start(struct broker_node *node);
void node_end(struct broker_node *node, enum node_end how);
/* Begins a controlled stop; it ends by itself. */
void node_stop(struct broker_node *node);
/* Asks for the next step of a registration; see register.c. */
void register_opened(struct proc *proc, int64_t session_id);
/* The log directory failed: this process cannot go on, as with one directory. */
void proc_fail_storage(struct proc *proc, const struct errmsg *why);
int64_t proc_wall_ms(const struct proc *proc);
/* Of a partition by its number. */
struct log_settings node_log_settings(const struct sim *sim, int number);

/* --- replica.c --- */

struct part *part_new(struct proc *proc, int number);
void part_free(struct part *part);
/* See broker.h: sure_to_lead_ms. */
int64_t part_sure_to_lead_ms(const struct part *part);
void part_advance(struct part *part);
void part_announce(struct part *part);
enum err part_note_fetch(struct part *part, const struct replica_fetch *fetch);
void part_shrink_isr(struct part *part);
void part_flushed(struct part *part);
/* Ends the appends that wait, as partition_fail_waiters does. */
void part_fail_waiting(struct part *part);
void part_touch(struct part *part);
bool proc_sees_alive(const struct proc *proc, int broker_id);

/* --- roles.c --- */

void roles_serve(struct proc *proc, const struct net_request *request);
void roles_free(struct proc *proc);

/* --- follow.c --- */

void follow_begin(struct part *part, int leader, int32_t leader_epoch);
void follow_leave(struct part *part, int32_t leader_epoch);
void follow_kick_all(struct proc *proc);
void follow_free(struct proc *proc);

/* --- serve.c, produce.c --- */

void serve_fetch(struct proc *proc, uint64_t id, struct view body);
void serve_list_offsets(struct proc *proc, uint64_t id, struct view body);
void serve_metadata(struct proc *proc, uint64_t id);
/* Where the controller finds the longest log; the answer is the arena's. */
struct wire_list_offsets_request;
const struct wire_list_offsets_response *
serve_log_ends(struct proc *proc, const struct wire_list_offsets_request *request, struct arena *arena);
void serve_produce(struct proc *proc, uint64_t id, struct view body);
/* Parked fetches of this partition look again. */
void serve_wake(struct part *part);
void serve_free(struct proc *proc);

/* --- conductor.c --- */

void conductor_new(struct proc *proc);
void conductor_free(struct proc *proc);
void conductor_opened(struct proc *proc);
void conductor_expired(struct proc *proc);
void conductor_watch(struct proc *proc, const char *path, bool children);
void conductor_ask(struct proc *proc, uint64_t id, enum net_api api, struct view body);
/* By the clock: whose port refuses. */
void conductor_look(struct proc *proc);

/* --- isr.c --- */

void isr_propose(struct part *part);
void isr_send(struct proc *proc);

/* --- cleaner.c --- */

void cleaner_begin(struct proc *proc);
void cleaner_free(struct proc *proc);

/* --- upkeep.c --- */

void upkeep_begin(struct proc *proc);
void upkeep_flush(struct part *part);
enum err upkeep_save(struct proc *proc, unsigned kinds, struct errmsg *why);
/* Lowers what the checkpoints say of a log that is about to be cut. */
enum err upkeep_lower(struct part *part, int64_t offset, struct errmsg *why);

#endif
