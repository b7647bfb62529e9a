/*
 * Looks every second for log directories that have not answered for barnabas.log.dir.hang.ms, and then lets
 * the controller ask for their partitions: it is told that they are offline, gives them other leaders, and
 * has them back when the directory answers again (log_dir_state_told_offline).
 *
 * Runs on: the control loop; start and close on the starting thread.
 */
#ifndef BARNABAS_SERVICE_REPLICA_HANG_PATROL_H
#define BARNABAS_SERVICE_REPLICA_HANG_PATROL_H

#include "loop/loop.h"

struct log_dirs;

struct hang_patrol {
    struct log_dirs *dirs;
    struct loop *loop;
    int64_t limit_ms;
    struct loop_timer timer;
    struct loop_message start_message;
};

/* Zero-initialised is one that never looks. `limit_ms` 0: it is not started. */
void hang_patrol_start(struct hang_patrol *patrol, struct log_dirs *dirs, struct loop *loop,
                       int64_t limit_ms);
/* After its loop has ended. */
void hang_patrol_close(struct hang_patrol *patrol);

#endif
