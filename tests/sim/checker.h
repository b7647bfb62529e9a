/*
 * Whether all is as promised, after every step.
 *
 * The checker keeps what it saw apart from the brokers: of each replica a mirror of its log, batch by batch;
 * of each partition a ghost log of what is committed (a leader's high watermark passed it), and every batch
 * that ever was with who has held it. Invariants have the numbers of docs/simulator.md.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_CHECKER_H
#define BARNABAS_TESTS_SIM_CHECKER_H

#include "sim/node.h"

void checker_new(struct sim *sim);
void checker_free(struct sim *sim);

/* The logs that were touched in this step. */
void checker_step(struct sim *sim);

/* --- told by the brokers --- */

/* A log was made or loaded. */
void checker_log_opened(struct sim *sim, struct part *part);
/* All logs of a start are loaded. */
void checker_loaded(struct sim *sim, struct proc *proc);
/* The replica took over leadership. */
void checker_leads(struct sim *sim, struct part *part);
/* The leader proposes a replica for the ISR that it takes to have everything up to `end`. */
void checker_joins(struct sim *sim, struct part *part, int broker, int64_t end);
/* A request of the controller passed the fence. */
void checker_controlled(struct sim *sim, const struct proc *proc, const struct control_sender *sender);
/* acks=all is about to be answered. */
void checker_acknowledged(struct sim *sim, struct part *part, int64_t base_offset, int64_t last_offset);
/*
 * A leader is about to say that a sequence leaves a gap. It may say so, as with Kafka, when the batch is in
 * its log since before it was last loaded or cut (snapshots keep only the last batch of a producer), when a
 * later batch was the first that it heard of this producer (any sequence will do then), and when it has been
 * deposed.
 */
void checker_refused(struct part *part, int64_t producer_id, int32_t sequence);
/* Segments of it were rewritten. */
void checker_compacted(struct sim *sim, struct part *part);
/* The process is about to be gone. */
void checker_ended(struct sim *sim, const struct broker_node *node, enum node_end how);
/* The disk is now what a power loss left. */
void checker_power_lost(struct sim *sim, const struct broker_node *node, enum node_end how);

/* --- told by ZooKeeper --- */

void checker_zk_written(struct sim *sim, int owner, const struct controller_op *op, int32_t epoch);

/* --- told by the clients --- */

/* An acknowledgement arrived. */
void checker_produced(struct sim *sim, int number, int64_t producer_id, int32_t sequence, int64_t offset);
/*
 * A producer was told that a sequence leaves a gap, though all before it was acknowledged. True when the
 * batch is committed all the same: it may go on. Fails unless checker_refused said why.
 */
bool checker_gap(struct sim *sim, int number, int64_t producer_id, int32_t sequence);
/* Records arrived at a consumer that had asked from `offset`; gives where it goes on. */
int64_t checker_consumed(struct sim *sim, int number, int64_t offset, struct view records);

/* --- at the end --- */

/* Everything is healed for a while: is everything whole? */
void checker_end(struct sim *sim);
int64_t checker_committed(const struct sim *sim, int number);

/* --- for checks of what is built on a log --- */

/* What was written there in this epoch is committed. */
bool checker_is_committed(const struct sim *sim, int number, int32_t epoch, int64_t offset);
/* There is a newer leader epoch in ZooKeeper than this broker has heard of. */
bool checker_is_deposed(const struct part *part);

#endif
