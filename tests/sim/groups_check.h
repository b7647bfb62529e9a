/*
 * I12: what the group's coordinators promise. What they append is known by its place in the log of their
 * partition, so the log's own checker says what of it is committed.
 *
 * Passed over, because it is as with Kafka: a coordinator that has not heard of its successor yet answers
 * what it knows (groups_may_be_late); and a generation or an assignment that nobody was given out of a
 * committed record may come again.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_GROUPS_CHECK_H
#define BARNABAS_TESTS_SIM_GROUPS_CHECK_H

#include "sim/groups.h"

void groups_check_new(struct sim *sim);
void groups_check_free(struct sim *sim);

/* A value that no other commit of this run has. */
int64_t groups_check_value(struct sim *sim, int share);
/* The newest generation whose assignment was given out, and is committed. */
int32_t groups_check_generation(const struct sim *sim);

/* A coordinator's batch is in its log. */
void groups_check_appended(const struct groups *groups, struct view batch, int64_t base_offset);

/* --- about to be answered --- */

void groups_check_joined(const struct groups *groups, const struct groups_ask *ask,
                         const struct wire_join_group_response *answer);
void groups_check_synced(const struct groups *groups, const struct groups_ask *ask,
                         const struct wire_sync_group_response *answer);
void groups_check_committed(const struct groups *groups, const struct groups_ask *ask, enum err err);
void groups_check_fetched(const struct groups *groups, int share, int64_t value);

#endif
