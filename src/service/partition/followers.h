/*
 * A leader and its followers: what their fetches tell, who joins the ISR, who leaves it, and
 * what the controller's answer makes of a proposal. Decisions are core/replica's.
 *
 * Runs on: the holder of the partition.
 */
#ifndef BARNABAS_SERVICE_PARTITION_FOLLOWERS_H
#define BARNABAS_SERVICE_PARTITION_FOLLOWERS_H

#include "core/replica/replica.h"
#include "storage/leader_epochs.h"

struct partition;

/*
 * A follower stands where its fetch says: the high watermark may move, it may be proposed for the ISR, those
 * who wait for its log start are told. ERR_NOT_LEADER_OR_FOLLOWER for a fetch of an earlier life of its
 * broker.
 */
enum err partition_note_fetch(struct partition *part, const struct replica_fetch *fetch);

/*
 * Proposes that members which are not caught up leave. Nothing where this broker does not lead. Where those
 * who stay would be fewer than min.insync.replicas, what is committed is synced first: the few must not lose
 * to a power cut what they are about to be the only ones to vouch for.
 */
void partition_shrink_isr(struct partition *part);
/* A flush of the log has ended well. */
void partition_flushed(struct partition *part);

/* The controller answered a proposal. What to do about it is the caller's. */
enum replica_isr_next partition_isr_answered(struct partition *part, const struct replica_isr_answer *answer);

/*
 * May this leader answer for what it has not got? One that was deposed while it stood still lacks what its
 * successor took, and cannot know; but its followers have left it. By the holder, of a leader.
 */
bool partition_is_sure_to_lead(const struct partition *part);
/*
 * The epoch at or below `epoch` and where it ends, as broker `replica_id`, or a consumer (-1), is told;
 * {-1, -1} when that is not known here. With `nowait` ERR_WOULD_BLOCK instead of waiting for the disk, which
 * only followers may have to.
 */
MUST_USE enum err partition_epoch_end(struct partition *part, int32_t replica_id, int32_t epoch, bool nowait,
                                      struct leader_epoch *out, struct errmsg *why);

#endif
