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
 * by a session without it. ERR_REQUEST_TIMED_OUT when no server answers in time.
 */
MUST_USE enum err zk_session_ensure_chroot(const char *connect, int timeout_ms, struct errmsg *why);

/*
 * Takes up a session that an earlier process left behind and closes it: the server is told, and its
 * ephemerals go a moment later. ERR_NONE when it was closed or had expired already;
 * ERR_REQUEST_TIMED_OUT when no server answers.
 */
MUST_USE enum err zk_session_end(const char *connect, int timeout_ms, int64_t id,
                                 const uint8_t password[ZK_PASSWORD_BYTES], struct errmsg *why);

#endif
