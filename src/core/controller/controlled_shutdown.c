/*
 * ControlledShutdown: what the broker leads goes to others of the ISR, and where it follows
 * it leaves the ISR. Partitions with one replica are left alone.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

struct shutdown {
    struct ctl_frame frame;
    int32_t id;
    struct ctl_refs followed;
};

enum { SHUTDOWN_ELECT, SHUTDOWN_FOLLOWERS, SHUTDOWN_ANSWER };

static bool concerns(const struct ctl_partition *p, int32_t id)
{
    return p->has_leadership && p->replicas.count > 1 && !ctl_topic_is_going(p->topic) &&
           ctl_ids_contain(&p->replicas, id);
}

static void elect_others(struct controller *c, const struct shutdown *s)
{
    struct ctl_parts led = {0};
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (concerns(p, s->id) && p->leadership.leader == s->id)
                ctl_parts_add(c, &led, p);
        }
    }
    ctl_call_elect(c, &led, CTL_STRATEGY_CONTROLLED_SHUTDOWN);
}

/* What it still leads it goes on leading: stopping that would leave no leader. */
static void leave_followed(struct controller *c, struct shutdown *s)
{
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (concerns(p, s->id) && p->leadership.leader != s->id)
                ctl_refs_add(c, &s->followed, p, s->id);
        }
    }
    ctl_call_replicas_offline(c, &s->followed);
}

static void answer(struct controller *c, const struct shutdown *s)
{
    struct arena *arena = &c->out->arena;
    struct controller_partition_answer *left = NULL;
    int32_t count = 0;
    int32_t cap = 0;
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            const struct ctl_partition *p = topic->partitions[i];
            if (!concerns(p, s->id) || p->leadership.leader != s->id)
                continue;
            left = ctl_grow(arena, left, count, &cap, sizeof *left);
            left[count++] = (struct controller_partition_answer){
                .topic = arena_strdup(arena, topic->name), .topic_id = topic->id, .partition = p->number};
        }
    }
    log_info("controller", "controlled_shutdown", "broker=%d remaining=%d", s->id, count);
    ctl_answer(c, &(struct controller_answer){.partitions = left, .partitions_count = count});
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct shutdown *s = (struct shutdown *)frame;
    switch (frame->phase++) {
    case SHUTDOWN_ELECT:
        elect_others(c, s);
        return CTL_AGAIN;
    case SHUTDOWN_FOLLOWERS:
        leave_followed(c, s);
        return CTL_AGAIN;
    case SHUTDOWN_ANSWER:
        answer(c, s);
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_controlled_shutdown(struct controller *c, const struct controller_controlled_shutdown *request)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, request->broker_id);
    if (!broker) {
        /* As Kafka, which trips over the epoch it looks for first. */
        ctl_answer_error(c, ERR_UNKNOWN_SERVER_ERROR);
        return;
    }
    if (request->broker_epoch != -1 && request->broker_epoch < broker->epoch) {
        ctl_answer_error(c, ERR_STALE_BROKER_EPOCH);
        return;
    }
    broker->shutting_down = true;
    struct shutdown *s = ctl_call(c, sizeof *s, run);
    s->id = broker->id;
}
