/*
 * Proposals of this broker's leaders to change an ISR, on their way to the controller and back
 * (AlterPartition, KIP-497): all that wait go in one request, one request is out at a time.
 *
 *   holder: replica_propose_* --> isr_changes_submit --> control loop: AlterPartition --> controller
 *   holder: replica_isr_answered <-- op on the partition <-- answer
 *
 * Below inter.broker.protocol.version 2.7 a leader writes to ZooKeeper itself (isr_znodes.h).
 *
 * The decisions are core/replica's: when to propose, what counts for the high watermark meanwhile (the
 * maximal ISR), what an answer means.
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_REPLICA_ISR_CHANGES_H
#define BARNABAS_SERVICE_REPLICA_ISR_CHANGES_H

#include "service/broker.h"

struct isr_changes;
struct partition;

/* Gives it (isr_changes_free). The broker's controller channel is there by the time a proposal comes. */
struct isr_changes *isr_changes_new(struct broker *broker);
/* After the controller channel was stopped and the loops were joined. */
void isr_changes_free(struct isr_changes *changes);

/* Sends what the partition's replica has pending. By the partition's holder, on any thread. */
void isr_changes_submit(struct isr_changes *changes, struct partition *part);

#endif
