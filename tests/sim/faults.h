/*
 * What goes wrong. Each seed draws which kinds of faults it has and how often (swarm); in the end all is
 * healed. Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_FAULTS_H
#define BARNABAS_TESTS_SIM_FAULTS_H

#include "port/znodes.h"
#include "sim/world.h"

void faults_new(struct sim *sim);
void faults_free(struct sim *sim);
/* After each step: machines whose disk died in the middle of it. */
void faults_step(struct sim *sim);
/* Everything is up and connected from here on. */
void faults_heal(struct sim *sim);

/* A leader asks to take a follower into the ISR: a good moment for the follower to lose its disk. */
void faults_join_proposed(struct sim *sim, int number, int leader, int follower);
/* An ISR is in ZooKeeper: a good moment for the leader to die, if the follower did. */
void faults_isr_written(struct sim *sim, int number, const struct znode_ids *isr);

/* Name of a kind of fault; NULL = there are no more. */
const char *faults_name(int fault);
/* Does this run have it? */
bool faults_has(const struct sim *sim, int fault);

#endif
