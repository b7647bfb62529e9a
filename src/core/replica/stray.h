/*
 * A log on this broker that the controller gives no role: what is it, by what ZooKeeper says? Pure.
 *
 * It may be what a move left here while this broker was away, of a topic that was deleted meanwhile, or the
 * only copy of records that a ZooKeeper restored from an old backup knows nothing of. So nothing is taken for
 * superfluous that ZooKeeper does not know to be elsewhere: the same topic, by its id; assigned to others,
 * all of them in sync, no move under way; and led in an epoch that is newer than anything in the log, which a
 * ZooKeeper older than the log cannot show.
 */
#ifndef BARNABAS_CORE_REPLICA_STRAY_H
#define BARNABAS_CORE_REPLICA_STRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "port/znodes.h"

enum stray_verdict {
    STRAY_NOT,         /* assigned here: the controller will tell its role */
    STRAY_UNKNOWN,     /* ZooKeeper could not be read: looked at again */
    STRAY_MOVING,      /* a move of the partition is under way: looked at again */
    STRAY_TOPIC_GONE,  /* there is no such topic; kept */
    STRAY_OTHER_TOPIC, /* it belongs to an earlier topic of that name, or to one without an id; kept */
    STRAY_ELSEWHERE,   /* others have it, and it may be newer than what they have; kept */
    STRAY_SUPERFLUOUS  /* others have all of it: to be deleted */
};

struct stray_facts {
    int32_t broker_id;
    int32_t partition;
    struct uuid topic_id;            /* of the log; zero = none */
    int32_t latest_epoch;            /* in the log; -1 = none */
    bool topic_read;                 /* or known to be missing */
    const struct znode_topic *topic; /* NULL = there is none */
    bool state_read;
    const struct znode_state *state; /* NULL = there is none */
};

enum stray_verdict stray_judge(const struct stray_facts *facts);
/* For people. */
const char *stray_reason(enum stray_verdict verdict);

#endif
