/*
 * What a leader decides from its followers' fetches: the high watermark, who joins the ISR
 * and who leaves it.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "core/replica/replica.h"

/* --- the maximal ISR ---------------------------------------------------------------------------------- */

/* Whoever the controller may have in the ISR: a proposal may be accepted before its answer is here. */
static bool in_maximal_isr(const struct replica *replica, int32_t id)
{
    return replica_ids_contain(&replica->isr, id) ||
           (replica->isr_state == REPLICA_ISR_GROWS && replica_ids_contain(&replica->pending, id));
}

int32_t replica_maximal_isr_count(const struct replica *replica)
{
    return replica->isr_state == REPLICA_ISR_GROWS ? replica->pending.count : replica->isr.count;
}

bool replica_has_min_maximal_isr(const struct replica *replica, int32_t min_insync_replicas)
{
    return replica_maximal_isr_count(replica) >= replica_effective_min_isr(replica, min_insync_replicas);
}

/* --- followers ---------------------------------------------------------------------------------------- */

static struct replica_remote *find(const struct replica *replica, int32_t id)
{
    for (int32_t i = 0; i < replica->remotes_count; i++)
        if (replica->remotes[i].broker_id == id)
            return &replica->remotes[i];
    return NULL;
}

static bool is_within_lag(const struct replica_remote *remote, int64_t now_ms, int64_t max_ms)
{
    return now_ms - remote->last_caught_up_ms <= max_ms;
}

bool replica_has_follower(const struct replica *replica, int32_t broker_id)
{
    return find(replica, broker_id) != NULL;
}

int64_t replica_follower_epoch(const struct replica *replica, int32_t broker_id)
{
    const struct replica_remote *remote = find(replica, broker_id);
    return remote ? remote->broker_epoch : -1;
}

static void note_time(struct replica_remote *remote, const struct replica_fetch *fetch)
{
    if (remote->last_fetch_ms != REPLICA_NEVER_MS && fetch->now_ms - remote->last_fetch_ms > fetch->gap_ms)
        remote->steady_from_ms = fetch->now_ms + fetch->gap_ms;
    remote->fetch_before_ms = remote->last_fetch_ms;
    if (fetch->now_ms > remote->last_fetch_ms)
        remote->last_fetch_ms = fetch->now_ms;
}

bool replica_note_fetch(struct replica *replica, const struct replica_fetch *fetch,
                        struct replica_progress *progress)
{
    *progress = (struct replica_progress){0};
    struct replica_remote *remote = find(replica, fetch->broker_id);
    if (!remote)
        return false;
    if (fetch->broker_epoch >= 0 && fetch->broker_epoch < remote->broker_epoch)
        return false;
    /* Who now asks for what was our end at the fetch before, was caught up at that time. */
    int64_t caught_up_ms = REPLICA_NEVER_MS;
    if (fetch->offset >= fetch->leader_end)
        caught_up_ms = fetch->now_ms;
    else if (remote->last_fetch_leader_end >= 0 && fetch->offset >= remote->last_fetch_leader_end)
        caught_up_ms = remote->last_fetch_ms;
    if (caught_up_ms > remote->last_caught_up_ms)
        remote->last_caught_up_ms = caught_up_ms;
    progress->end_moved = remote->end_offset != fetch->offset;
    progress->start_moved = remote->start_offset != fetch->start_offset;
    remote->end_offset = fetch->offset;
    remote->start_offset = fetch->start_offset;
    remote->last_fetch_leader_end = fetch->leader_end;
    note_time(remote, fetch);
    if (fetch->broker_epoch >= 0)
        remote->broker_epoch = fetch->broker_epoch;
    return true;
}

/* --- the high watermark ------------------------------------------------------------------------------- */

/* Outside the ISR, but about to join: what it has not is not committed before it has joined or fallen back.
 */
static bool is_about_to_join(const struct replica_remote *remote, const struct replica_lag *lag)
{
    return is_within_lag(remote, lag->now_ms, lag->max_ms) && lag->is_alive(lag->arg, remote->broker_id);
}

int64_t replica_high_watermark(const struct replica *replica, int64_t durable_end, int64_t current,
                               int32_t min_insync_replicas, const struct replica_lag *lag)
{
    if (!replica_has_min_isr(replica, min_insync_replicas))
        return current;
    int64_t candidate = durable_end;
    for (int32_t i = 0; i < replica->remotes_count && candidate > current; i++) {
        const struct replica_remote *remote = &replica->remotes[i];
        if (remote->end_offset < candidate &&
            (in_maximal_isr(replica, remote->broker_id) || is_about_to_join(remote, lag)))
            candidate = remote->end_offset;
    }
    return candidate > current ? candidate : current;
}

int64_t replica_high_watermark_of_follower(int64_t current, int64_t of_leader)
{
    return of_leader > current ? of_leader : current;
}

/* --- proposals ---------------------------------------------------------------------------------------- */

bool replica_may_join(const struct replica *replica, int32_t broker_id, int64_t high_watermark)
{
    const struct replica_remote *remote = find(replica, broker_id);
    return remote && replica->role == REPLICA_ROLE_LEADER && replica->isr_state == REPLICA_ISR_COMMITTED &&
           !replica_ids_contain(&replica->isr, broker_id) && remote->end_offset >= high_watermark &&
           remote->end_offset >= replica->epoch_start_offset;
}

static bool is_steady(const struct replica_remote *remote, int64_t now_ms, int64_t gap_ms)
{
    return remote->fetch_before_ms != REPLICA_NEVER_MS && now_ms - remote->last_fetch_ms <= gap_ms &&
           now_ms >= remote->steady_from_ms;
}

bool replica_is_followed(const struct replica *replica, int32_t my_id, int64_t now_ms, int64_t gap_ms)
{
    for (int32_t i = 0; i < replica->isr.count; i++) {
        const struct replica_remote *remote = find(replica, replica->isr.ids[i]);
        if (replica->isr.ids[i] != my_id && (!remote || !is_steady(remote, now_ms, gap_ms)))
            return false;
    }
    return true;
}

int32_t replica_laggards(const struct replica *replica, int32_t my_id, int64_t leader_end, int64_t now_ms,
                         int64_t lag_max_ms, int32_t *out)
{
    int32_t count = 0;
    if (replica->role != REPLICA_ROLE_LEADER || replica->isr_state != REPLICA_ISR_COMMITTED)
        return 0;
    for (int32_t i = 0; i < replica->isr.count; i++) {
        int32_t id = replica->isr.ids[i];
        const struct replica_remote *remote = find(replica, id);
        if (id == my_id || !remote)
            continue;
        if (remote->end_offset != leader_end && !is_within_lag(remote, now_ms, lag_max_ms))
            out[count++] = id;
    }
    return count;
}

static int32_t *new_pending(struct replica *replica, int32_t room)
{
    ASSERT(replica->isr_state == REPLICA_ISR_COMMITTED);
    replica_ids_close(&replica->pending);
    replica->pending.ids = mem_zalloc(sizeof *replica->pending.ids * (size_t)room);
    return replica->pending.ids;
}

void replica_propose_join(struct replica *replica, int32_t broker_id)
{
    int32_t *ids = new_pending(replica, replica->isr.count + 1);
    int32_t n = 0;
    while (n < replica->isr.count) {
        ids[n] = replica->isr.ids[n];
        n++;
    }
    ids[n++] = broker_id;
    replica->pending.count = n;
    replica->isr_state = REPLICA_ISR_GROWS;
}

void replica_propose_leave(struct replica *replica, const int32_t *ids, int32_t count)
{
    const struct replica_ids leaving = {(int32_t *)(uintptr_t)ids, count};
    int32_t *left = new_pending(replica, replica->isr.count + 1);
    int32_t n = 0;
    for (int32_t i = 0; i < replica->isr.count; i++)
        if (!replica_ids_contain(&leaving, replica->isr.ids[i]))
            left[n++] = replica->isr.ids[i];
    replica->pending.count = n;
    replica->isr_state = REPLICA_ISR_SHRINKS;
}

/* --- the controller's answer (4.5) -------------------------------------------------------------------- */

static void end_proposal(struct replica *replica)
{
    replica_ids_close(&replica->pending);
    replica->isr_state = REPLICA_ISR_COMMITTED;
}

static enum replica_isr_next take_isr(struct replica *replica, const struct replica_isr_answer *answer)
{
    /* Another epoch, or an older state than ours: a LeaderAndIsr is on its way, and says how it stands. */
    if (answer->leader_epoch != replica->leader_epoch || answer->partition_epoch < replica->partition_epoch)
        return REPLICA_ISR_STUCK;
    end_proposal(replica);
    replica_ids_copy(&replica->isr, &answer->isr);
    replica->partition_epoch = answer->partition_epoch;
    return REPLICA_ISR_TAKEN;
}

enum replica_isr_next replica_isr_answered(struct replica *replica, const struct replica_isr_answer *answer)
{
    if (replica->role != REPLICA_ROLE_LEADER || replica->isr_state == REPLICA_ISR_COMMITTED ||
        answer->asked_leader_epoch != replica->leader_epoch ||
        answer->asked_partition_epoch != replica->partition_epoch)
        return REPLICA_ISR_IGNORED;
    switch ((int)answer->err) {
    case ERR_NONE:
        return take_isr(replica, answer);
    case ERR_INELIGIBLE_REPLICA:
    case ERR_OPERATION_NOT_ATTEMPTED:
        /* The one refusal that says it was not applied, by this controller or one before it. */
        end_proposal(replica);
        return REPLICA_ISR_BACK;
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_UNKNOWN_TOPIC_ID:
    case ERR_FENCED_LEADER_EPOCH:
    case ERR_INVALID_UPDATE_VERSION:
    case ERR_INVALID_REQUEST:
    case ERR_NEW_LEADER_ELECTED:
        return REPLICA_ISR_STUCK;
    default:
        return REPLICA_ISR_AGAIN;
    }
}
