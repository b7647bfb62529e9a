/*
 * Recovering what a loss of power left, twice, on a copy of the disk: the second time must change nothing.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_RECOVERY_H
#define BARNABAS_TESTS_SIM_RECOVERY_H

#include "sim/node.h"

/* Before the broker starts; fails I13. */
void recovery_check(struct sim *sim, const struct broker_node *node);

#endif
