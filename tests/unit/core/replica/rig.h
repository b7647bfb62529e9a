/*
 * A replica on broker 1 of the brokers 1, 2 and 3, whose time and followers are what a test says.
 *
 * Runs on: the test's thread.
 */
#ifndef BARNABAS_TESTS_UNIT_CORE_REPLICA_RIG_H
#define BARNABAS_TESTS_UNIT_CORE_REPLICA_RIG_H

#include <check.h>

#include "core/replica/replica.h"

#define RIG_ME     1
#define RIG_LAG_MS 30000

struct rig {
    struct replica replica;
    int64_t now_ms;
    int64_t leader_end;
    int64_t high_watermark;
    int32_t min_insync_replicas;
    int32_t dead; /* a broker that is not alive; -1 = none */
};

/* "1,2" -> ids; kept until the next eight calls. */
struct replica_ids rig_ids(const char *text);
/* "1,2" of the ids. */
const char *rig_text(const struct replica_ids *ids);

/* Broker 1 leads in epoch 5 from offset `end` on, with this ISR of 1, 2 and 3. */
void rig_open(struct rig *rig, const char *isr, int64_t end);
void rig_close(struct rig *rig);

/* LeaderAndIsr for the epoch, of partition epoch 10 * epoch; the replicas are 1, 2 and 3. */
void rig_command(struct rig *rig, int32_t epoch, int32_t leader, const char *isr);
/* A Fetch that is taken note of: did the end move? */
bool rig_fetch(struct rig *rig, int32_t broker, int64_t offset);
/* Moves the high watermark as far as it may go, and gives it. */
int64_t rig_advance(struct rig *rig);
/* The controller's answer to what is proposed: the error, or that the ISR is so at the partition epoch. */
enum replica_isr_next rig_answer(struct rig *rig, enum err err, const char *isr, int32_t partition_epoch);
/* Those who are to leave, as text. */
const char *rig_laggards(struct rig *rig);

#endif
