/*
 * One run of one seed.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_RUN_H
#define BARNABAS_TESTS_SIM_RUN_H

#include "sim/world.h"

struct run_result {
    bool failed;
    char invariant[8];
    char why[400];
    uint64_t hash;
    int64_t steps;
    int64_t virtual_ms;
    int64_t acknowledged;
    unsigned faults; /* kinds that it had, by bit */
    bool finished;   /* not cut short by the limit on steps */
};

/* Prints what failed, with the last events, unless it is to be quiet. */
struct run_result run_seed(const struct sim_options *options);
/* The run that is on; for whoever has to say where it stood. */
const struct sim *run_present(void);
void run_print_failure(const struct sim *sim);

#endif
