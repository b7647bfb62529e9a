/*
 * Two things that are done before the broker's own session stands, both
 * blocking, both on the starting thread or a worker.
 */
#ifndef BARNABAS_ZK_SESSION_H
#define BARNABAS_ZK_SESSION_H

#include "base/err.h"
#include "base/errmsg.h"
#include "zk/client.h"

/*
 * The library writes a line for each failed attempt to connect, dozens a second while no server is there.
 * What matters of it is logged from the session's events. Any thread; for the whole process.
 */
void zk_session_silence_library(void);

/*
 * Creates the chroot of a connect string if it has one and it is missing (persistent, null data),
 * by a session without it. ERR_REQUEST_TIMED_OUT when no server answers in time (in which this process ran).
 */
MUST_USE enum err zk_session_ensure_chroot(const char *connect, int timeout_ms, struct errmsg *why);

/*
 * Takes up a session that an earlier process left behind and closes it, until the server answers that there
 * is no such session: one close is not enough where its owner lives and takes the session up again before the
 * close has come. ERR_NONE when it is over, its ephemerals with it; ERR_REQUEST_TIMED_OUT when no server
 * answers; ERR_LOCKED when its owner keeps it. Blocks, for timeout_ms a turn.
 */
MUST_USE enum err zk_session_end(const char *connect, int timeout_ms, int64_t id,
                                 const uint8_t password[ZK_PASSWORD_BYTES], struct errmsg *why);

#endif
