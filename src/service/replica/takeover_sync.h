/*
 * What another make left unsynced in a log directory is synced before this broker goes on with it, and the
 * recovery points are raised to it. From then on all that lies above a recovery point is Barnabas' own, whose
 * segments follow on each other without gaps: after the next loss of power a gap is a lost tail, also where a
 * cleaner of Kafka's may have left some (storage/log_load.c).
 *
 * Nothing is to be done after a clean stop, of either make: all is synced, and the recovery points say so. A
 * Kafka that took over what we left by a crash, and crashed itself, is taken for us.
 */
#ifndef BARNABAS_SERVICE_REPLICA_TAKEOVER_SYNC_H
#define BARNABAS_SERVICE_REPLICA_TAKEOVER_SYNC_H

#include "service/replica/log_dirs.h"

/*
 * Of the logs in `dir` among `parts`, which nobody else has yet. A directory that fails goes offline. At the
 * start, after the logs were loaded, before the session is recorded; waits for the disk.
 */
void takeover_sync(struct log_dir_state *dir, struct partition *const *parts, int count);

#endif
