/*
 * What `make check` runs: seeds without a plant, each of the first twice, and every planted mistake until it
 * is found. Runs on: the one thread; plants in processes of their own.
 */
#ifndef BARNABAS_TESTS_SIM_SUITE_H
#define BARNABAS_TESTS_SIM_SUITE_H

/* Gives the exit status. */
int suite_run(void);

#endif
