/*
 * Does a log directory still answer? Threads that may wait for its disk say when they begin and end; it hangs
 * while some are on their way and none has begun or ended one for HANG_WATCH_MS. Who would have to wait for
 * it is then refused at once instead, so that the rest of its request is served.
 *
 * Nothing is taken offline for it here: a disk that comes back goes on where it stood.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_SERVICE_REPLICA_HANG_WATCH_H
#define BARNABAS_SERVICE_REPLICA_HANG_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HANG_WATCH_MS 10000

struct hang_watch {
    _Atomic int busy;         /* calls on their way */
    _Atomic int64_t moved_ms; /* when one began or ended last; monotonic */
    _Atomic bool noticed;     /* somebody was refused since */
};

void hang_watch_begin(struct hang_watch *watch, int64_t now_ms);
/* True when it had been noticed that it hung: it answers again. */
bool hang_watch_end(struct hang_watch *watch, int64_t now_ms);
bool hang_watch_hangs(const struct hang_watch *watch, int64_t now_ms);
/* For how long somebody has waited and nothing has moved; 0: nobody waits. */
int64_t hang_watch_standstill_ms(const struct hang_watch *watch, int64_t now_ms);
/* Of a watch that hangs. True for the first who notices. */
bool hang_watch_notice(struct hang_watch *watch);

#endif
