/*
 * How leaders changed an ISR before they could ask the controller (inter.broker.protocol.version below 2.7):
 * they write the state znode themselves, at the version they know, and announce it afterwards by a
 * notification that names all that changed in the last seconds; the controller reads those states anew
 * (zookeeper-and-controller 3.19).
 *
 * The znode's version is what keeps leader and controller from writing over each other: whoever is second is
 * refused.
 *
 * Runs on: the ZooKeeper loop, except where said.
 */
#ifndef BARNABAS_SERVICE_REPLICA_ISR_ZNODES_H
#define BARNABAS_SERVICE_REPLICA_ISR_ZNODES_H

#include "base/buf.h"
#include "loop/loop.h"
#include "port/znodes.h"
#include "service/broker.h"

struct isr_znodes;

/* One write. */
struct isr_write {
    /* Filled by the caller; borrowed until done. */
    const char *topic;
    int32_t partition;
    struct znode_state state;
    int32_t version; /* of the znode, as the leader knows it */
    struct loop *home;
    /* On `home`, once. `discard`: that loop is stopping; free, do nothing else. */
    void (*done)(struct isr_write *write, bool discard);

    /*
     * ERR_NONE; ERR_INVALID_UPDATE_VERSION: somebody else wrote; ERR_UNKNOWN_TOPIC_OR_PARTITION: there is
     * none; ERR_CLOSED; ERR_UNKNOWN_SERVER_ERROR: anything else, and nothing is known of the outcome.
     */
    enum err err;
    int32_t new_version; /* with ERR_NONE */

    /* Private. */
    struct isr_znodes *znodes;
    struct loop_message message;
    char *path;
    struct buf json;
};

/* Gives it (isr_znodes_free). The broker's session is there by the time of the first write. Any thread. */
struct isr_znodes *isr_znodes_new(const struct broker *broker);
/* After the loop was joined. */
void isr_znodes_free(struct isr_znodes *znodes);

/* Any thread. */
void isr_znodes_write(struct isr_znodes *znodes, struct isr_write *write);

#endif
