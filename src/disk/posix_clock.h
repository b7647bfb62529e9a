/*
 * The clock port on clock_gettime.
 * Runs on: any.
 */
#ifndef BARNABAS_DISK_POSIX_CLOCK_H
#define BARNABAS_DISK_POSIX_CLOCK_H

#include "port/clock.h"

/* CLOCK_REALTIME and CLOCK_MONOTONIC. Keeps no state, so a copy is as good as the original. */
struct clock clock_posix(void);

#endif
