/*
 * Partitions that move to other brokers.
 *
 * While it moves, a partition's replicas are the list it moves to and behind that what it
 * leaves; `adding` are those that it did not have before, `removing` those that it will not
 * have any more. All of it stands in the topic's znode, so that the next controller goes on
 * from there.
 *
 *   start      znode, memory; what an earlier move was adding and this one is not: stopped and
 *              deleted. Unless it is complete at once: leader epoch + 1, LeaderAndIsr to all, the
 *              added ones with a log to be made.
 *   complete   when every replica of the target is in the ISR and one of them can lead: a leader
 *              among them; the removed ones leave the ISR, are stopped and deleted; the znode says
 *              the target and nothing else; everybody is told.
 *
 * Whether it is complete is looked at when it starts, after each change of the ISR, when a broker
 * of the target starts, and by a new controller. The znode is written last: until then all of
 * this can be done again.
 *
 * Runs on: controller loop.
 */
#ifndef BARNABAS_CORE_CONTROLLER_REASSIGNMENT_H
#define BARNABAS_CORE_CONTROLLER_REASSIGNMENT_H

#include "core/controller/internal.h"

/* The lists a partition moves from and to; in the arena. */
struct znode_ids ctl_move_origin(struct arena *arena, const struct ctl_partition *p);
struct znode_ids ctl_move_target(struct arena *arena, const struct ctl_partition *p);
/* What its assignment becomes when it is to move to `target` from where it is now. */
struct znode_assignment ctl_move_to(struct arena *arena, const struct ctl_partition *p,
                                    const struct znode_ids *target);
/* Whether its assignment is that one already. */
bool ctl_move_is_same(const struct ctl_partition *p, const struct znode_assignment *to);
/*
 * False when every member of the ISR would be deleted by it: what was acknowledged would be lost. Kafka
 * does it all the same.
 */
bool ctl_move_is_safe(const struct ctl_partition *p, const struct znode_assignment *to);

/* One partition to be moved. `to` lives in the activity's arena. */
struct ctl_move {
    struct ctl_partition *p;
    struct znode_assignment to;
    enum err err; /* outcome; ERR_NONE: begun, or done */
};
struct ctl_moves {
    struct ctl_move *items;
    int32_t count;
    int32_t cap;
};
void ctl_moves_add(struct controller *c, struct ctl_moves *moves, struct ctl_partition *p,
                   const struct znode_assignment *to);

/* reassignment.c: each partition at most once. `moves` must stay in place until the frame has ended. */
void ctl_call_moves(struct controller *c, struct ctl_moves *moves);

/* reassign_write.c: the assignments into the topics' znodes, read first. err: what became of each. */
void ctl_call_write_assignments(struct controller *c, struct ctl_moves *moves);

/* reassign_znode.c: takes the partitions out of /admin/reassign_partitions: somebody decided otherwise. */
void ctl_call_unlist_moves(struct controller *c, const struct ctl_moves *moves);

#endif
