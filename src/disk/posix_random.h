/*
 * The random port on getrandom.
 * Runs on: any.
 */
#ifndef BARNABAS_DISK_POSIX_RANDOM_H
#define BARNABAS_DISK_POSIX_RANDOM_H

#include "port/random.h"

/* Keeps no state, so a copy is as good as the original. */
struct random random_posix(void);

#endif
