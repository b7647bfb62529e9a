/*
 * What is known of a partition's replicas beyond their place in the ISR (KIP-966):
 *
 *   lost      members of the ISR that came back with less than they had acknowledged, when no
 *             member that is whole was there. None of them is elected on its old standing.
 *   eligible  replicas that left the ISR while it was, or fell, below min.insync.replicas.
 *             From then on the high watermark stands still, so they have all that was
 *             acknowledged and may be elected when the whole ISR is lost. One that lost its
 *             tail may not: it only counts among those who are waited for (recovery.c).
 *
 * Both are kept in /barnabas/standing/T-P, written in one multi with the state znode and
 * bound to its version: when a Kafka controller writes the state, they are void. Almost no
 * partition has one, and none in the steady state.
 *
 * Ownership: a standing is one block per list and one for itself (ctl_standing_free).
 * Runs on: controller loop.
 */
#ifndef BARNABAS_CORE_CONTROLLER_STANDING_H
#define BARNABAS_CORE_CONTROLLER_STANDING_H

#include "core/controller/context.h"

struct ctl_parts;
struct ctl_write;
struct ctl_writes;

/* NULL is fine. */
void ctl_standing_free(struct znode_standing *standing);
/* Takes a copy of what was read as what the znode says. */
void ctl_standing_set(struct ctl_partition *p, const struct znode_standing *standing);
/* True when it holds for the partition's state as it is. */
bool ctl_standing_holds(const struct ctl_partition *p);
char *ctl_standing_path(struct controller *c, const struct ctl_partition *p);

/* Of a member of the ISR. */
enum znode_loss ctl_standing_loss(const struct ctl_partition *p, int32_t broker_id);
/* Its data must be what it was then, and min.insync.replicas too, as ctl_call_isr_rules read it last. */
bool ctl_standing_is_eligible(const struct controller *c, const struct ctl_partition *p, int32_t broker_id);
/* It left so, and has lost nothing but its tail since, as far as is known. */
bool ctl_standing_was_eligible(const struct controller *c, const struct ctl_partition *p, int32_t broker_id);
/* True when somebody may not lead because of what it lost: nobody leads then. */
bool ctl_standing_keeps_offline(const struct ctl_partition *p);
/* Says so, and what to do; once, until somebody else is lost or leads. */
void ctl_standing_log(struct ctl_partition *p);

/*
 * Whether a write of the state could change the standing, so that min.insync.replicas must be known: when
 * those of the ISR that are not online, suspected or shutting down leave it, or those in `gone`.
 */
bool ctl_standing_may_change(const struct controller *c, const struct ctl_partition *p);
bool ctl_standing_may_change_without(const struct controller *c, const struct ctl_partition *p,
                                     const struct znode_ids *gone);
/* Reads min.insync.replicas of the partitions' topics. */
void ctl_call_isr_rules(struct controller *c, const struct ctl_parts *parts);

enum ctl_standing_change {
    CTL_STANDING_FOLLOWS,  /* from who is in the next ISR */
    CTL_STANDING_ENDS,     /* an unclean election: what was acknowledged counts no more */
    CTL_STANDING_RECOVERED /* the longest log leads: what it has counts, and the others had it */
};

/*
 * Right after a write of the partition's next state was added: adds what follows for its standing, joined to
 * it.
 */
void ctl_standing_join(struct controller *c, struct ctl_writes *writes, struct ctl_partition *p,
                       enum ctl_standing_change change);
/*
 * Adds that these members of the ISR have lost data: joined to the write of the next state, or by itself
 * (next NULL) where the state stays. False when there is nothing to write.
 */
bool ctl_standing_add_lost(struct controller *c, struct ctl_writes *writes, struct ctl_partition *p,
                           const struct znode_state *next, const struct znode_member *lost,
                           int32_t lost_count);
/* After the write succeeded and the new state was taken in. */
void ctl_standing_written(struct controller *c, struct ctl_partition *p);
/* The joined write failed: ZooKeeper holds something else than memory. Ends the activity; a term starts anew.
 */
bool ctl_standing_refused(struct controller *c, const struct ctl_write *write);

/* ---- brokers: the data that elections go by */

/* NULL = the broker never said what its data is, as one of Kafka. */
const struct uuid *ctl_trusted_find(const struct ctl_context *ctx, int32_t broker_id);
void ctl_trusted_set(struct ctl_context *ctx, int32_t broker_id, struct uuid incarnation);
/* It is trusted, and not known to have come back with other data. */
bool ctl_trusted_is_current(const struct ctl_context *ctx, int32_t broker_id);

#endif
