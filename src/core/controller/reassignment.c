#include "core/controller/reassignment.h"

#include "base/assert.h"
#include "base/log.h"

/* ---- replicas that go for good */

struct removal {
    struct ctl_frame frame;
    struct ctl_refs refs;
};

static int32_t known_epoch(const struct ctl_partition *p)
{
    return p->has_leadership ? p->leadership.leader_epoch : CTL_EPOCH_NEVER;
}

/*
 * A member of the ISR is never deleted: it may be the only one that has everything. A broker that is away
 * is told when it comes back, in this controller's time.
 */
static void delete_replica(struct controller *c, struct ctl_partition *p, int32_t id)
{
    if (ctl_replica_get_state(p, id) != CTL_REPLICA_OFFLINE)
        return;
    if (!ctl_topic_is_going(p->topic) && p->has_leadership && ctl_ids_contain(&p->leadership.isr, id)) {
        log_error("controller", "replica_kept", "topic=%s partition=%d broker=%d; it is still in the ISR",
                  p->topic->name, p->number, id);
        return;
    }
    ctl_replica_set_state(p, id, CTL_REPLICA_DELETION_STARTED);
    ctl_send_stop_replica(c, p, id, known_epoch(p), true);
}

static enum ctl_next run_removal(struct controller *c, struct ctl_frame *frame)
{
    struct ctl_refs *refs = &((struct removal *)frame)->refs;
    if (frame->phase++ == 0) {
        ctl_call_replicas_offline(c, refs);
        return CTL_AGAIN;
    }
    for (int32_t i = 0; i < refs->count; i++)
        delete_replica(c, refs->items[i].p, refs->items[i].broker_id);
    return CTL_DONE;
}

static void call_removal(struct controller *c, const struct ctl_refs *refs)
{
    if (refs->count == 0)
        return;
    struct removal *frame = ctl_call(c, sizeof *frame, run_removal);
    frame->refs = *refs;
}

static bool is_removed_one(const struct ctl_partition *p, int32_t id)
{
    return !ctl_ids_contain(&p->replicas, id) && ctl_replica_get_state(p, id) == CTL_REPLICA_DELETION_STARTED;
}

/* Forgets what the broker had of it. */
static void forget_replica(struct ctl_partition *p, int32_t id)
{
    ctl_replica_set_state(p, id, CTL_REPLICA_DELETION_SUCCESSFUL);
    ctl_replica_set_state(p, id, CTL_REPLICA_NONEXISTENT);
    ctl_replica_of(p, id)->acked_leader_epoch = CTL_EPOCH_NEVER;
}

bool ctl_removed_replica_stopped(struct ctl_partition *p, int32_t broker_id, enum err err)
{
    if (!is_removed_one(p, broker_id))
        return false;
    if (err == ERR_NONE)
        forget_replica(p, broker_id);
    else
        log_warn(
            "controller", "replica_not_deleted",
            "topic=%s partition=%d broker=%d error=%s; its log stays there until the broker starts again",
            p->topic->name, p->number, broker_id, err_name(err));
    return true;
}

void ctl_delete_removed_replicas(struct controller *c, const struct znode_ids *brokers)
{
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            for (int32_t r = 0; r < p->states_count; r++) {
                int32_t id = p->states[r].broker_id;
                if (ctl_ids_contain(brokers, id) && is_removed_one(p, id))
                    ctl_send_stop_replica(c, p, id, known_epoch(p), true);
            }
        }
    }
}

/* ---- the sequence */

struct reassign {
    struct ctl_frame frame;
    struct ctl_moves *moves;
    struct ctl_moves writes; /* of these: what has to be written to the topics' znodes */
    int32_t *places;         /* of each write: its move */
    struct ctl_parts parts;
    struct ctl_parts pending;
    struct ctl_parts complete;
    struct ctl_parts same_leader; /* complete, and the leader stays */
    struct ctl_parts new_leader;
    struct ctl_elect *elect;
    struct ctl_refs removed;
};

enum {
    MOVE_WRITE,
    MOVE_WRITTEN,
    MOVE_READ,
    MOVE_DECIDE,
    MOVE_PENDING_TOLD,
    MOVE_ELECT,
    MOVE_SWITCH,
    MOVE_REMOVE,
    MOVE_WRITE_END,
    MOVE_END
};

static void write_new(struct controller *c, struct reassign *r)
{
    r->places = arena_alloc(&c->arena, (size_t)r->moves->count * sizeof *r->places + 1);
    for (int32_t i = 0; i < r->moves->count; i++) {
        const struct ctl_move *move = &r->moves->items[i];
        bool same = ctl_move_is_same(move->p, &move->to);
        if (same && ctl_partition_is_reassigning(move->p))
            ctl_parts_add(c, &r->parts, move->p);
        if (same)
            continue;
        r->places[r->writes.count] = i;
        ctl_moves_add(c, &r->writes, move->p, &move->to);
    }
    ctl_call_write_assignments(c, &r->writes);
}

/* Into memory; what an earlier move was adding and is not wanted any more goes. */
static void take_new(struct controller *c, struct reassign *r)
{
    struct ctl_refs dropped = {0};
    for (int32_t i = 0; i < r->writes.count; i++) {
        const struct ctl_move *write = &r->writes.items[i];
        struct ctl_partition *p = write->p;
        r->moves->items[r->places[i]].err = write->err;
        if (write->err != ERR_NONE)
            continue;
        for (int32_t k = 0; k < p->replicas.count; k++) {
            if (!ctl_ids_contain(&write->to.replicas, p->replicas.ids[k]))
                ctl_refs_add(c, &dropped, p, p->replicas.ids[k]);
        }
        ctl_partition_set_assignment(p, &write->to);
        ctl_parts_add(c, &r->parts, p);
        log_info("controller", "reassignment", "topic=%s partition=%d replicas=%d adding=%d removing=%d",
                 p->topic->name, p->number, p->replicas.count, p->adding.count, p->removing.count);
    }
    r->writes = (struct ctl_moves){0};
    call_removal(c, &dropped);
}

static bool is_complete(const struct ctl_partition *p)
{
    if (!ctl_partition_is_reassigning(p))
        return true;
    for (int32_t i = 0; i < p->replicas.count; i++) {
        int32_t id = p->replicas.ids[i];
        if (!ctl_ids_contain(&p->removing, id) &&
            (!p->has_leadership || !ctl_ids_contain(&p->leadership.isr, id)))
            return false;
    }
    return true;
}

static void decide(struct controller *c, struct reassign *r)
{
    for (int32_t i = 0; i < r->parts.count; i++) {
        struct ctl_partition *p = r->parts.items[i];
        ctl_parts_add(c, is_complete(p) ? &r->complete : &r->pending, p);
    }
    ctl_call_elect(c, &r->pending, CTL_STRATEGY_SAME);
}

/* The added ones are new there: a log may be made in any directory that is in order. */
static void start_added(struct controller *c, struct ctl_partition *p)
{
    for (int32_t i = 0; i < p->adding.count; i++) {
        int32_t id = p->adding.ids[i];
        if (ctl_replica_get_state(p, id) == CTL_REPLICA_DELETION_STARTED)
            forget_replica(p, id); /* its deletion has been sent, and stays in front of what is sent now */
        if (ctl_replica_get_state(p, id) == CTL_REPLICA_NONEXISTENT)
            ctl_replica_set_state(p, id, CTL_REPLICA_NEW);
        ctl_send_leader_and_isr_to(c, p, id, true);
    }
}

static bool keeps_leader(const struct controller *c, const struct ctl_partition *p)
{
    return ctl_leader_is_online(&c->ctx, p) && ctl_ids_contain(&p->replicas, p->leadership.leader) &&
           !ctl_ids_contain(&p->removing, p->leadership.leader);
}

static void elect_among_target(struct controller *c, struct reassign *r)
{
    for (int32_t i = 0; i < r->complete.count; i++) {
        struct ctl_partition *p = r->complete.items[i];
        for (int32_t k = 0; k < p->adding.count; k++) {
            if (ctl_replica_get_state(p, p->adding.ids[k]) == CTL_REPLICA_NEW)
                ctl_replica_set_state(p, p->adding.ids[k], CTL_REPLICA_ONLINE);
        }
        ctl_parts_add(c, keeps_leader(c, p) ? &r->same_leader : &r->new_leader, p);
    }
    r->elect = ctl_call_elect(c, &r->new_leader, CTL_STRATEGY_REASSIGN);
}

/* From here on the requests to the brokers name the target alone. */
static void switch_one(struct controller *c, struct reassign *r, struct ctl_partition *p)
{
    struct znode_assignment to = {.partition = p->number, .replicas = ctl_move_target(&c->arena, p)};
    for (int32_t i = 0; i < p->removing.count; i++)
        ctl_refs_add(c, &r->removed, p, p->removing.ids[i]);
    ctl_moves_add(c, &r->writes, p, &to);
    ctl_partition_set_assignment(p, &to);
}

/*
 * A move that found no leader goes on as it was: those who leave are needed yet. Kafka lets them go. One
 * that has nobody to remove need not wait.
 */
static void switch_over(struct controller *c, struct reassign *r)
{
    for (int32_t i = 0; i < r->new_leader.count; i++) {
        struct ctl_partition *p = r->new_leader.items[i];
        if (r->elect->items[i].err == ERR_NONE || !ctl_partition_is_reassigning(p))
            switch_one(c, r, p);
    }
    for (int32_t i = 0; i < r->same_leader.count; i++)
        switch_one(c, r, r->same_leader.items[i]);
    ctl_call_elect(c, &r->same_leader, CTL_STRATEGY_SAME);
}

static void end(struct controller *c, struct reassign *r)
{
    for (int32_t i = 0; i < r->writes.count; i++) {
        struct ctl_partition *p = r->writes.items[i].p;
        if (r->writes.items[i].err == ERR_NONE)
            log_info("controller", "reassigned", "topic=%s partition=%d replicas=%d leader=%d",
                     p->topic->name, p->number, p->replicas.count,
                     p->has_leadership ? p->leadership.leader : ZNODE_NO_LEADER);
        ctl_send_update_metadata(c, p);
        if (p->topic->to_be_deleted)
            p->topic->ineligible = ctl_topic_is_reassigning(p->topic);
    }
    if (r->writes.count && c->ctx.moves_listed)
        ctl_enqueue_kind(c, CTL_EVENT_REASSIGNMENTS);
    if (r->writes.count)
        ctl_call_resume_deletions(c);
}

static enum ctl_next run_complete(struct controller *c, struct reassign *r)
{
    switch (r->frame.phase++) {
    case MOVE_ELECT:
        elect_among_target(c, r);
        return CTL_AGAIN;
    case MOVE_SWITCH:
        switch_over(c, r);
        return CTL_AGAIN;
    case MOVE_REMOVE:
        call_removal(c, &r->removed);
        return CTL_AGAIN;
    case MOVE_WRITE_END:
        ctl_call_write_assignments(c, &r->writes);
        return CTL_AGAIN;
    case MOVE_END:
        end(c, r);
        return CTL_AGAIN;
    default:
        return CTL_DONE;
    }
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct reassign *r = (struct reassign *)frame;
    switch (frame->phase) {
    case MOVE_WRITE:
        write_new(c, r);
        break;
    case MOVE_WRITTEN:
        take_new(c, r);
        break;
    case MOVE_READ:
        ctl_call_refresh(c, &r->parts);
        break;
    case MOVE_DECIDE:
        decide(c, r);
        break;
    case MOVE_PENDING_TOLD:
        for (int32_t i = 0; i < r->pending.count; i++)
            start_added(c, r->pending.items[i]);
        if (r->complete.count == 0)
            return CTL_DONE;
        break;
    default:
        return run_complete(c, r);
    }
    frame->phase++;
    return CTL_AGAIN;
}

void ctl_call_moves(struct controller *c, struct ctl_moves *moves)
{
    if (moves->count == 0)
        return;
    struct reassign *r = ctl_call(c, sizeof *r, run);
    r->moves = moves;
}

/* ---- going on with what is under way */

static void add_as_it_is(struct controller *c, struct ctl_moves *moves, struct ctl_partition *p)
{
    struct znode_assignment to = {.partition = p->number,
                                  .replicas = ctl_ids_dup(&c->arena, &p->replicas),
                                  .adding = ctl_ids_dup(&c->arena, &p->adding),
                                  .removing = ctl_ids_dup(&c->arena, &p->removing)};
    ctl_moves_add(c, moves, p, &to);
}

void ctl_call_complete_moves(struct controller *c, const struct ctl_parts *parts)
{
    struct ctl_moves *moves = arena_zalloc(&c->arena, sizeof *moves);
    for (int32_t i = 0; i < parts->count; i++)
        parts->items[i]->mark = 0;
    for (int32_t i = 0; i < parts->count; i++) {
        struct ctl_partition *p = parts->items[i];
        if (!p->mark && ctl_partition_is_reassigning(p) && is_complete(p))
            add_as_it_is(c, moves, p);
        p->mark = 1;
    }
    ctl_call_moves(c, moves);
}

static bool moves_to_one_of(const struct ctl_partition *p, const struct znode_ids *brokers)
{
    for (int32_t i = 0; i < p->replicas.count; i++) {
        if (!ctl_ids_contain(&p->removing, p->replicas.ids[i]) &&
            ctl_ids_contain(brokers, p->replicas.ids[i]))
            return true;
    }
    return false;
}

void ctl_call_resume_moves(struct controller *c, const struct znode_ids *brokers)
{
    struct ctl_moves *moves = arena_zalloc(&c->arena, sizeof *moves);
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (ctl_partition_is_reassigning(p) && (!brokers || moves_to_one_of(p, brokers)))
                add_as_it_is(c, moves, p);
        }
    }
    ctl_call_moves(c, moves);
}
