/*
 * This broker under /brokers/ids: the ephemeral znode whose czxid is the broker's epoch.
 *
 * A session of an earlier process of this broker may still hold the znode. It is taken up
 * and closed, so that the broker serves at once, but only when all of this holds: the
 * session is the one recorded beside meta.properties, by this host, in this boot; the
 * process that recorded it is gone; nothing answers at the advertised address. The locks of
 * all log directories are held by then. Else the broker waits for the session to expire.
 * A copied volume must never end a live broker's session.
 *
 * Runs on: threads that may wait, one at a time (start, then the worker of a new session).
 */
#ifndef BARNABAS_SERVICE_IDENTITY_REGISTRATION_H
#define BARNABAS_SERVICE_IDENTITY_REGISTRATION_H

#include "port/znodes.h"
#include "service/broker.h"
#include "zk/client.h"
#include "zk/sync.h"

struct registration;

struct registration_config {
    const char *connect; /* zookeeper.connect */
    int session_timeout_ms;
    const char *const *dirs; /* live log directories: each keeps a record of the session */
    int dirs_count;
    struct znode_incarnation incarnation; /* of its data; registered together with it. Zero = none */
    struct znode_broker znode;            /* what to register; timestamp is set at each write */
};

/* Copies config. Gives it (registration_free). */
struct registration *registration_new(struct broker *broker, struct zk_client *client,
                                      const struct registration_config *config);
void registration_free(struct registration *registration);

/* Refuses a host:port that another broker advertises already. */
MUST_USE enum err registration_check_endpoints(struct registration *registration, struct errmsg *why);

/*
 * Both, at a start: checks the endpoints and registers. However often the
 * session expires or the connection is lost: from the beginning, with what is in ZooKeeper then. Ends with an
 * error only when that is lasting: ERR_EXISTS, ERR_LOCKED, ERR_NO_AUTH, or ERR_CLOSED when the start is given
 * up.
 */
MUST_USE enum err registration_begin(struct registration *registration, int64_t *epoch, struct errmsg *why);

/*
 * Registers under the present session; gives the broker's new epoch. Resolves what an earlier session left.
 * May wait for as long as a session lasts. ERR_EXISTS: another live broker has this id.
 */
MUST_USE enum err registration_register(struct registration *registration, int64_t *epoch,
                                        struct errmsg *why);

/* The session that was current when it registered last; 0 = never. Any thread. */
int64_t registration_session(const struct registration *registration);

#endif
