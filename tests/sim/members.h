/*
 * The members of the group, and an observer that asks any broker at any time what the group has committed.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_MEMBERS_H
#define BARNABAS_TESTS_SIM_MEMBERS_H

#include "sim/world.h"

/* Where this run has a group. */
void members_new(struct sim *sim);
void members_free(struct sim *sim);
/* They commit no more, when one commit of each went through. */
void members_rest(struct sim *sim);
/* Is the group whole, and did commits go through? Fails I12 otherwise. */
void members_end(struct sim *sim);

#endif
