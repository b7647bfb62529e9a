/*
 * The parts of `barnabas topics`: what was asked for (topics.c), how it is done
 * over the wire (topics_wire.c) and through ZooKeeper alone (topics_zk.c), and
 * how topics are printed (topics_print.c).
 *
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_TOPICS_H
#define BARNABAS_CLI_TOPICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/errmsg.h"
#include "base/uuid.h"
#include "base/view.h"
#include "cli/topic_filter.h"

enum topics_action { TOPICS_CREATE, TOPICS_LIST, TOPICS_ALTER, TOPICS_DESCRIBE, TOPICS_DELETE };

/* Values from 1 on; 0 = not given. */
struct topics_assignment {
    int32_t *brokers; /* replicas of partition 0, then of 1, ... */
    int partitions;
    int replicas; /* of each partition */
};

struct topics_config {
    struct view name;
    struct view value;
};

struct topics_request {
    enum topics_action action;
    const char *topic;    /* NULL = not given */
    const char *topic_id; /* NULL = not given */
    bool has_partitions;
    int32_t partitions;
    bool has_replication_factor;
    int32_t replication_factor;
    struct topics_assignment assignment;
    struct topics_config *configs; /* to set */
    int config_count;
    struct view *deleted_configs; /* ZooKeeper only */
    int deleted_config_count;
    bool if_exists;
    bool if_not_exists;
    bool exclude_internal;
    bool under_replicated;
    bool under_min_isr;
    bool at_min_isr;
    bool unavailable;
    bool with_overrides;
    bool disable_rack_aware; /* ZooKeeper only */
    bool force;              /* ZooKeeper only */
};

/* --- what is printed ------------------------------------------------------------------------------ */

struct topics_partition {
    int32_t partition;
    int32_t leader; /* negative = none */
    const int32_t *replicas;
    int replica_count;
    const int32_t *isr;
    int isr_count;
    bool reassigning; /* a reassignment of it is known */
    const int32_t *adding;
    int adding_count;
    const int32_t *removing;
    int removing_count;
    int target_count; /* replicas without those being added */
};

struct topics_description {
    struct view name;
    struct uuid topic_id;                /* zero = none */
    struct topics_partition *partitions; /* ascending */
    int partition_count;
    const struct topics_config *overrides; /* what differs from the built-in defaults, as it is printed */
    int override_count;
    int min_isr;
    bool marked_for_deletion;
};

/* Prints what the request's filters let through. `live` are the ids of the brokers that are up. */
void topics_print(const struct topics_request *request, const struct topics_description *topic,
                  const int32_t *live, int live_count);

/* "Error while executing topic command : <message>" on standard output; returns 1. */
int topics_fail(struct view message);
int topics_fail_why(const struct errmsg *why);
/* "Topic 'Optional[t]' does not exist as expected". */
int topics_fail_missing(const struct topics_request *request);

/* --- how it is done ------------------------------------------------------------------------------- */

/* Both return the exit status. */
int topics_over_wire(const struct topics_request *request, const char *bootstrap, const char *command_config);
int topics_over_zookeeper(const struct topics_request *request, const char *connect);

/*
 * "1:2,2:1" as the replicas of partitions 0 and 1, in the arena. False with why when a list is no list of
 * broker ids, names one twice, or is longer than another.
 */
bool topics_parse_assignment(const char *text, struct arena *arena, struct topics_assignment *out,
                             struct errmsg *why);

#endif
