/*
 * The fewest kinds of faults with which a seed still finds the same.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_MINIMISE_H
#define BARNABAS_TESTS_SIM_MINIMISE_H

#include "sim/run.h"

/* Leaves out one kind after the other, runs what is left with its last events printed, and names it. */
void minimise(const struct sim_options *options, const struct run_result *found);

#endif
