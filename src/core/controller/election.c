#include "core/controller/election.h"

#include "base/assert.h"
#include "base/mem.h"

static bool contains(const struct znode_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->count; i++) {
        if (ids->ids[i] == id)
            return true;
    }
    return false;
}

static bool is_online(const struct ctl_candidate *replica)
{
    return replica->reachable && !replica->shutting_down;
}

static struct znode_ids ids_with_room(struct arena *arena, int32_t count)
{
    return (struct znode_ids){.ids = arena_alloc(arena, (size_t)count * sizeof(int32_t))};
}

static const struct ctl_candidate *find(const struct ctl_candidate *replicas, int32_t count, int32_t id)
{
    for (int32_t i = 0; i < count; i++) {
        if (replicas[i].id == id)
            return &replicas[i];
    }
    return NULL;
}

static bool is_unsuspected(const struct ctl_candidate *replica)
{
    return is_online(replica) && !replica->suspected;
}

/* An ISR member may be missing from the assignment while a reassignment ends; then it is not kept. */
static struct znode_ids isr_online(const struct ctl_candidate *replicas, int32_t count,
                                   const struct znode_ids *isr, struct arena *arena)
{
    struct znode_ids out = ids_with_room(arena, isr->count);
    for (int32_t i = 0; i < isr->count; i++) {
        const struct ctl_candidate *replica = find(replicas, count, isr->ids[i]);
        if (replica && is_online(replica))
            out.ids[out.count++] = isr->ids[i];
    }
    return out;
}

/* Of the members that are online, those that are not suspected; all of them where a suspect must lead. */
static struct znode_ids isr_of_leader(const struct ctl_candidate *replicas, int32_t count,
                                      const struct znode_ids *isr, const struct ctl_candidate *leader,
                                      struct arena *arena)
{
    struct znode_ids online = isr_online(replicas, count, isr, arena);
    if (leader->suspected)
        return online;
    struct znode_ids out = ids_with_room(arena, online.count);
    for (int32_t i = 0; i < online.count; i++) {
        if (!find(replicas, count, online.ids[i])->suspected)
            out.ids[out.count++] = online.ids[i];
    }
    return out;
}

/* Who has lost data keeps its place while nobody leads; from a leader it fetches, and joins as any other. */
static void drop_lost(const struct ctl_candidate *replicas, int32_t count, struct arena *arena,
                      struct znode_ids *isr)
{
    struct znode_ids out = ids_with_room(arena, isr->count);
    for (int32_t i = 0; i < isr->count; i++) {
        const struct ctl_candidate *replica = find(replicas, count, isr->ids[i]);
        if (!replica || replica->loss == ZNODE_LOSS_NONE)
            out.ids[out.count++] = isr->ids[i];
    }
    if (out.count < isr->count)
        *isr = out;
}

/* Who does not leave: for a controlled shutdown the brokers that stay, for a suspicion those not suspected.
 */
static struct znode_ids isr_staying(enum ctl_strategy strategy, const struct ctl_candidate *replicas,
                                    int32_t count, const struct znode_ids *isr, struct arena *arena)
{
    struct znode_ids out = ids_with_room(arena, isr->count);
    for (int32_t i = 0; i < isr->count; i++) {
        const struct ctl_candidate *replica = find(replicas, count, isr->ids[i]);
        if (!replica || !(strategy == CTL_STRATEGY_SUSPICION ? replica->suspected : replica->shutting_down))
            out.ids[out.count++] = isr->ids[i];
    }
    return out;
}

/* The candidate that the strategy takes, in assignment order; NULL when there is none. */
static const struct ctl_candidate *first_of(enum ctl_strategy strategy, const struct ctl_candidate *replicas,
                                            int32_t count, const struct znode_ids *isr,
                                            bool (*may_lead)(const struct ctl_candidate *))
{
    for (int32_t i = 0; i < count; i++) {
        const struct ctl_candidate *replica = &replicas[i];
        if (strategy == CTL_STRATEGY_REASSIGN && !replica->target)
            continue;
        if (may_lead(replica) && contains(isr, replica->id) && replica->loss == ZNODE_LOSS_NONE)
            return replica;
        if (strategy == CTL_STRATEGY_PREFERRED)
            return NULL;
    }
    return NULL;
}

/* Where nobody else can, a suspect leads, as if it were not one: a suspicion takes no leader away. */
static const struct ctl_candidate *first(enum ctl_strategy strategy, const struct ctl_candidate *replicas,
                                         int32_t count, const struct znode_ids *isr)
{
    const struct ctl_candidate *leader = first_of(strategy, replicas, count, isr, is_unsuspected);
    if (!leader && (strategy == CTL_STRATEGY_OFFLINE || strategy == CTL_STRATEGY_REASSIGN))
        leader = first_of(strategy, replicas, count, isr, is_online);
    return leader;
}

/* Not one of the ISR is as it was when it acknowledged. */
static bool all_lost(const struct ctl_candidate *replicas, int32_t count, const struct znode_ids *isr)
{
    for (int32_t i = 0; i < isr->count; i++) {
        const struct ctl_candidate *replica = find(replicas, count, isr->ids[i]);
        if (!replica || replica->loss == ZNODE_LOSS_NONE)
            return false;
    }
    return isr->count > 0;
}

static const struct ctl_candidate *first_eligible(const struct ctl_candidate *replicas, int32_t count)
{
    const struct ctl_candidate *suspect = NULL;
    for (int32_t i = 0; i < count; i++) {
        if (!replicas[i].eligible)
            continue;
        if (is_unsuspected(&replicas[i]))
            return &replicas[i];
        if (!suspect && is_online(&replicas[i]))
            suspect = &replicas[i];
    }
    return suspect;
}

/* ---- the longest log */

/* Records of a later epoch were written by a leader that had all that was committed in the epochs before. */
static bool is_longer(const struct ctl_candidate *a, const struct ctl_candidate *b)
{
    if (a->end.state != CTL_LOG_END_KNOWN || b->end.state != CTL_LOG_END_KNOWN)
        return a->end.state == CTL_LOG_END_KNOWN && b->end.state != CTL_LOG_END_KNOWN;
    return a->end.epoch != b->end.epoch ? a->end.epoch > b->end.epoch : a->end.offset > b->end.offset;
}

/* Its log may have all that was acknowledged. */
static bool had_all(const struct ctl_candidate *replica, const struct znode_ids *isr)
{
    return contains(isr, replica->id) || replica->was_eligible;
}

static int32_t count_of_all(const struct ctl_candidate *replicas, int32_t count, const struct znode_ids *isr)
{
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++)
        found += had_all(&replicas[i], isr);
    return found;
}

/*
 * Without them nothing is decided: the members; who left the ISR with everything; and where nobody but a
 * single one is known to have had all, every replica.
 */
static bool is_needed(const struct ctl_candidate *replica, const struct znode_ids *isr, bool alone)
{
    return alone || had_all(replica, isr);
}

/* All of the ISR have lost what they had not synced, nothing else, and everybody is there who is needed. */
static bool may_recover(const struct ctl_candidate *replicas, int32_t count, const struct znode_ids *isr)
{
    bool alone = count_of_all(replicas, count, isr) < 2;
    for (int32_t i = 0; i < count; i++) {
        if (contains(isr, replicas[i].id) &&
            (replicas[i].loss != ZNODE_LOSS_TAIL || replicas[i].end.state == CTL_LOG_END_NONE))
            return false;
        if (is_needed(&replicas[i], isr, alone) && !is_unsuspected(&replicas[i]))
            return false;
    }
    return true;
}

/*
 * Those whose logs are not known yet. Whoever was in the ISR once may have what all of its members have lost
 * since: those that are not needed are waited for, too, until they are overdue.
 */
static struct znode_ids awaited(const struct ctl_candidate *replicas, int32_t count,
                                const struct znode_ids *isr, struct arena *arena)
{
    struct znode_ids out = ids_with_room(arena, count);
    bool alone = count_of_all(replicas, count, isr) < 2;
    for (int32_t i = 0; i < count; i++) {
        const struct ctl_candidate *replica = &replicas[i];
        bool is_known = replica->end.state == CTL_LOG_END_NONE ||
                        (replica->end.state == CTL_LOG_END_KNOWN && is_unsuspected(replica));
        if (!is_known && (is_needed(replica, isr, alone) || !replica->overdue))
            out.ids[out.count++] = replica->id;
    }
    return out;
}

/* Among equals a member of the ISR, and the first. */
static const struct ctl_candidate *longest(const struct ctl_candidate *replicas, int32_t count,
                                           const struct znode_ids *isr)
{
    const struct ctl_candidate *found = NULL;
    for (int members = 1; members >= 0; members--) {
        for (int32_t i = 0; i < count; i++) {
            const struct ctl_candidate *replica = &replicas[i];
            if (contains(isr, replica->id) == members && is_unsuspected(replica) &&
                replica->end.state == CTL_LOG_END_KNOWN && (!found || is_longer(replica, found)))
                found = replica;
        }
    }
    return found;
}

static const struct ctl_candidate *best_with_loss(const struct ctl_candidate *replicas, int32_t count,
                                                  enum znode_loss loss,
                                                  bool (*may_lead)(const struct ctl_candidate *))
{
    const struct ctl_candidate *found = NULL;
    for (int32_t i = 0; i < count; i++) {
        if (may_lead(&replicas[i]) && replicas[i].loss == loss && (!found || is_longer(&replicas[i], found)))
            found = &replicas[i];
    }
    return found;
}

/* The order of an unclean election: who misses an unsynced tail at most, who fell behind, who lost a disk;
 * suspects behind all others. */
static const struct ctl_candidate *first_unclean(const struct ctl_candidate *replicas, int32_t count)
{
    static const enum znode_loss order[] = {ZNODE_LOSS_TAIL, ZNODE_LOSS_NONE, ZNODE_LOSS_DATA};
    const struct ctl_candidate *found = NULL;
    for (size_t o = 0; !found && o < ARRAY_LEN(order); o++)
        found = best_with_loss(replicas, count, order[o], is_unsuspected);
    for (size_t o = 0; !found && o < ARRAY_LEN(order); o++)
        found = best_with_loss(replicas, count, order[o], is_online);
    return found;
}

static bool is_recipient(enum ctl_strategy strategy, const struct ctl_candidate *replica)
{
    switch (strategy) {
    case CTL_STRATEGY_OFFLINE:
        return is_online(replica);
    case CTL_STRATEGY_REASSIGN:
        return replica->target;
    case CTL_STRATEGY_PREFERRED:
    case CTL_STRATEGY_SAME:
        return true;
    case CTL_STRATEGY_CONTROLLED_SHUTDOWN:
    case CTL_STRATEGY_SUSPICION: /* the suspect, too: should it live, it learns who leads */
        return replica->reachable;
    }
    UNREACHABLE();
}

static struct znode_ids recipients(enum ctl_strategy strategy, const struct ctl_candidate *replicas,
                                   int32_t count, struct arena *arena)
{
    struct znode_ids out = ids_with_room(arena, count);
    for (int32_t i = 0; i < count; i++) {
        if (is_recipient(strategy, &replicas[i]))
            out.ids[out.count++] = replicas[i].id;
    }
    return out;
}

bool ctl_choose(enum ctl_strategy strategy, const struct ctl_candidate *replicas, int32_t count,
                const struct znode_state *now, bool allow_unclean, struct arena *arena,
                struct ctl_choice *out)
{
    *out = (struct ctl_choice){.leader = now->leader,
                               .isr = now->isr,
                               .leader_recovery_state = now->leader_recovery_state,
                               .recipients = recipients(strategy, replicas, count, arena)};
    if (strategy == CTL_STRATEGY_SAME)
        return true;
    const struct ctl_candidate *leader = first(strategy, replicas, count, &now->isr);
    if (!leader && strategy == CTL_STRATEGY_OFFLINE && all_lost(replicas, count, &now->isr)) {
        leader = first_eligible(replicas, count);
        out->eligible = leader != NULL;
        if (!leader && may_recover(replicas, count, &now->isr)) {
            out->awaited = awaited(replicas, count, &now->isr, arena);
            leader = out->awaited.count ? NULL : longest(replicas, count, &now->isr);
            out->recovered = leader != NULL;
        }
    }
    if (!leader && strategy == CTL_STRATEGY_OFFLINE && allow_unclean) {
        leader = first_unclean(replicas, count);
        out->unclean = leader != NULL;
    }
    if (!leader)
        return false;
    out->leader = leader->id;
    if (out->unclean || out->eligible || out->recovered) {
        out->leader_recovery_state = out->eligible ? now->leader_recovery_state : 1;
        out->isr = ids_with_room(arena, 1);
        out->isr.ids[out->isr.count++] = leader->id;
    } else if (strategy == CTL_STRATEGY_OFFLINE)
        out->isr = isr_of_leader(replicas, count, &now->isr, leader, arena);
    else if (strategy == CTL_STRATEGY_CONTROLLED_SHUTDOWN || strategy == CTL_STRATEGY_SUSPICION)
        out->isr = isr_staying(strategy, replicas, count, &now->isr, arena);
    if (leader->loss == ZNODE_LOSS_NONE)
        drop_lost(replicas, count, arena, &out->isr);
    return true;
}

bool ctl_shrink(const struct ctl_candidate *replicas, int32_t count, const struct znode_ids *gone,
                const struct znode_state *now, struct arena *arena, struct znode_state *out)
{
    *out = *now;
    struct znode_ids left = ids_with_room(arena, now->isr.count);
    bool one_online = false;
    for (int32_t i = 0; i < now->isr.count; i++) {
        if (contains(gone, now->isr.ids[i]))
            continue;
        const struct ctl_candidate *replica = find(replicas, count, now->isr.ids[i]);
        left.ids[left.count++] = now->isr.ids[i];
        one_online |= replica && is_unsuspected(replica) && replica->loss == ZNODE_LOSS_NONE;
    }
    if (one_online)
        out->isr = left;
    if (contains(gone, now->leader))
        out->leader = ZNODE_NO_LEADER;
    if (out->leader == now->leader && out->isr.count == now->isr.count)
        return false;
    out->leader_epoch = now->leader_epoch + 1;
    return true;
}
