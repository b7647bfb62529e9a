#include "core/controller/outbox.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"
#include "core/controller/outbox_build.h"

#define TRANSPORT_BACKOFF_MS 100
#define ERROR_BACKOFF_MS     1000
#define ERROR_BACKOFF_MAX_MS 30000

/* ---- sets */

static int64_t key_of(const struct ctl_partition *p)
{
    return (int64_t)(intptr_t)p;
}

static struct ctl_out_entry *set_find(struct ctl_out_set *set, const struct ctl_partition *p)
{
    uintptr_t place = (uintptr_t)map_get_int(&set->places, key_of(p));
    return place ? &set->items[place - 1] : NULL;
}

static struct ctl_out_entry *set_append(struct ctl_out_set *set)
{
    if (set->count == set->cap) {
        set->cap = set->cap ? set->cap * 2 : 16;
        set->items = mem_resize(set->items, (size_t)set->cap * sizeof *set->items);
    }
    struct ctl_out_entry *entry = &set->items[set->count++];
    memset(entry, 0, sizeof *entry);
    return entry;
}

static struct ctl_out_entry *set_add(struct ctl_out_set *set, struct ctl_partition *p)
{
    struct ctl_out_entry *entry = set_find(set, p);
    if (entry)
        return entry;
    entry = set_append(set);
    entry->p = p;
    map_put_int(&set->places, key_of(p), (void *)(uintptr_t)set->count);
    return entry;
}

static void set_remove(struct ctl_out_set *set, struct ctl_out_entry *entry)
{
    if (entry->p)
        map_remove_int(&set->places, key_of(entry->p));
    free(entry->topic);
    *entry = set->items[--set->count];
    if (entry != &set->items[set->count] && entry->p)
        map_put_int(&set->places, key_of(entry->p), (void *)(uintptr_t)(entry - set->items + 1));
}

static void set_drop(struct ctl_out_set *set, const struct ctl_partition *p)
{
    struct ctl_out_entry *entry = set_find(set, p);
    if (entry)
        set_remove(set, entry);
}

/* The partition goes; what has to be told of it is told by name. False: nothing has. */
static bool set_name(struct ctl_out_set *set, const struct ctl_partition *p)
{
    struct ctl_out_entry *entry = set_find(set, p);
    if (!entry)
        return false;
    map_remove_int(&set->places, key_of(p));
    entry->topic = mem_strdup(p->topic->name);
    entry->topic_id = p->topic->id;
    entry->number = p->number;
    entry->p = NULL;
    return true;
}

static void set_close(struct ctl_out_set *set)
{
    for (int32_t i = 0; i < set->count; i++)
        free(set->items[i].topic);
    free(set->items);
    map_close(&set->places);
    memset(set, 0, sizeof *set);
}

/* ---- batches */

static void batch_free(struct ctl_out_batch *batch)
{
    list_remove(&batch->node);
    for (int i = 0; i < CTL_OUT_KINDS; i++)
        set_close(&batch->sets[i]);
    free(batch);
}

void ctl_outbox_init(struct ctl_outbox *outbox)
{
    memset(outbox, 0, sizeof *outbox);
    list_init(&outbox->batches);
}

void ctl_outbox_close(struct ctl_outbox *outbox)
{
    LIST_EACH_SAFE (node, &outbox->batches) {
        batch_free(CONTAINER_OF(node, struct ctl_out_batch, node));
    }
    set_close(&outbox->flight);
}

static struct ctl_out_batch *batch_append(struct ctl_outbox *outbox)
{
    struct ctl_out_batch *batch = MEM_NEW(struct ctl_out_batch);
    list_push_back(&outbox->batches, &batch->node);
    return batch;
}

/* The batch that new entries join. */
static struct ctl_out_batch *batch_open(struct ctl_outbox *outbox)
{
    if (!list_is_empty(&outbox->batches)) {
        struct ctl_out_batch *last = CONTAINER_OF(outbox->batches.prev, struct ctl_out_batch, node);
        if (!last->begun)
            return last;
    }
    return batch_append(outbox);
}

void ctl_outbox_scrub(struct ctl_broker *broker, const struct ctl_partition *p)
{
    struct ctl_outbox *outbox = &broker->outbox;
    LIST_EACH (node, &outbox->batches) {
        struct ctl_out_batch *batch = CONTAINER_OF(node, struct ctl_out_batch, node);
        set_drop(&batch->sets[CTL_OUT_LEADER_AND_ISR], p);
        set_name(&batch->sets[CTL_OUT_UPDATE_METADATA], p);
        /* It would stop another topic that is made under this name: that one is told of behind it. */
        batch->begun |= set_name(&batch->sets[CTL_OUT_STOP_REPLICA], p);
        set_drop(&batch->sets[CTL_OUT_LOG_ENDS], p);
    }
    if (outbox->flight_kind == CTL_OUT_LEADER_AND_ISR || outbox->flight_kind == CTL_OUT_LOG_ENDS)
        set_drop(&outbox->flight, p);
    else
        set_name(&outbox->flight, p);
}

/* ---- putting in */

void ctl_send_leader_and_isr_to(struct controller *c, struct ctl_partition *p, int32_t broker_id, bool is_new)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    if (!broker)
        return;
    struct ctl_out_batch *batch = batch_open(&broker->outbox);
    struct ctl_out_entry *stop = set_find(&batch->sets[CTL_OUT_STOP_REPLICA], p);
    if (stop && stop->delete_partition)
        batch = batch_append(&broker->outbox);
    else if (stop)
        set_drop(&batch->sets[CTL_OUT_STOP_REPLICA], p);
    set_add(&batch->sets[CTL_OUT_LEADER_AND_ISR], p)->is_new |= is_new;
}

void ctl_send_leader_and_isr(struct controller *c, struct ctl_partition *p, const struct znode_ids *brokers,
                             bool is_new)
{
    for (int32_t i = 0; i < brokers->count; i++)
        ctl_send_leader_and_isr_to(c, p, brokers->ids[i], is_new);
    ctl_send_update_metadata(c, p);
}

void ctl_send_update_metadata_to(struct ctl_broker *broker, struct ctl_partition *p)
{
    set_add(&batch_open(&broker->outbox)->sets[CTL_OUT_UPDATE_METADATA], p);
}

void ctl_send_update_metadata(struct controller *c, struct ctl_partition *p)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        ctl_send_update_metadata_to(broker, p);
    }
}

void ctl_send_brokers_to(struct ctl_broker *broker)
{
    struct ctl_out_batch *batch = batch_open(&broker->outbox);
    batch->brokers_changed = true;
    /* What comes later may name a leader that only this makes known; nothing may overtake it. */
    batch->begun = true;
}

void ctl_send_brokers(struct controller *c)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        ctl_send_brokers_to(broker);
    }
}

void ctl_send_fewer_brokers(struct controller *c)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        batch_open(&broker->outbox)->brokers_changed = true;
    }
}

void ctl_send_stop_replica(struct controller *c, struct ctl_partition *p, int32_t broker_id,
                           int32_t leader_epoch, bool delete_partition)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    if (!broker)
        return;
    struct ctl_out_batch *batch = batch_open(&broker->outbox);
    set_drop(&batch->sets[CTL_OUT_LEADER_AND_ISR], p);
    struct ctl_out_entry *entry = set_add(&batch->sets[CTL_OUT_STOP_REPLICA], p);
    entry->delete_partition |= delete_partition;
    entry->leader_epoch = leader_epoch;
}

void ctl_ask_log_end(struct controller *c, struct ctl_partition *p, int32_t broker_id)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    if (broker)
        set_add(&batch_open(&broker->outbox)->sets[CTL_OUT_LOG_ENDS], p);
}

/* ---- putting back */

/* Puts one entry of a request that did not get through back, in front of what came later. */
static void put_back(struct ctl_out_batch *batch, enum ctl_out_kind kind, struct ctl_out_entry *sent)
{
    struct ctl_out_set *set = &batch->sets[kind];
    if (!sent->p) {
        *set_append(set) = *sent;
        sent->topic = NULL; /* moved */
        return;
    }
    if (kind == CTL_OUT_LEADER_AND_ISR && set_find(&batch->sets[CTL_OUT_STOP_REPLICA], sent->p))
        return; /* overtaken */
    if (kind == CTL_OUT_STOP_REPLICA && !sent->delete_partition &&
        set_find(&batch->sets[CTL_OUT_LEADER_AND_ISR], sent->p))
        return;
    bool later = set_find(set, sent->p) != NULL;
    struct ctl_out_entry *entry = set_add(set, sent->p);
    entry->is_new |= sent->is_new;
    entry->delete_partition |= sent->delete_partition;
    if (!later)
        entry->leader_epoch = sent->leader_epoch;
}

/* ---- taking out */

/* Before StopReplica said of each partition whether it is deleted: those that are go first. */
static void keep_alike(struct ctl_out_batch *batch, struct ctl_out_set *flight)
{
    bool any_deleted = false;
    for (int32_t i = 0; i < flight->count; i++)
        any_deleted |= flight->items[i].delete_partition;
    for (int32_t i = flight->count - 1; any_deleted && i >= 0; i--) {
        if (flight->items[i].delete_partition)
            continue;
        put_back(batch, CTL_OUT_STOP_REPLICA, &flight->items[i]);
        set_remove(flight, &flight->items[i]);
    }
}

static void send(struct controller *c, struct ctl_broker *broker, struct ctl_out_batch *batch,
                 enum ctl_out_kind kind)
{
    struct ctl_outbox *outbox = &broker->outbox;
    ASSERT(outbox->flight.count == 0);
    set_close(&outbox->flight);
    outbox->flight = batch->sets[kind];
    memset(&batch->sets[kind], 0, sizeof batch->sets[kind]);
    if (kind == CTL_OUT_UPDATE_METADATA)
        batch->brokers_changed = false;
    if (kind == CTL_OUT_STOP_REPLICA && c->config.versions->stop_replica < INTER_BROKER_STOPS_EACH)
        keep_alike(batch, &outbox->flight);
    batch->begun = true;
    outbox->in_flight = true;
    outbox->flight_kind = kind;
    outbox->ticket = ++c->next_ticket;
    ctl_build_request(c, broker, kind, &outbox->flight, outbox->ticket);
}

static void flush_broker(struct controller *c, struct ctl_broker *broker)
{
    struct ctl_outbox *outbox = &broker->outbox;
    while (!outbox->in_flight && !outbox->backing_off && !list_is_empty(&outbox->batches)) {
        struct ctl_out_batch *batch = CONTAINER_OF(outbox->batches.next, struct ctl_out_batch, node);
        if (batch->sets[CTL_OUT_LEADER_AND_ISR].count)
            send(c, broker, batch, CTL_OUT_LEADER_AND_ISR);
        else if (batch->sets[CTL_OUT_UPDATE_METADATA].count || batch->brokers_changed)
            send(c, broker, batch, CTL_OUT_UPDATE_METADATA);
        else if (batch->sets[CTL_OUT_STOP_REPLICA].count)
            send(c, broker, batch, CTL_OUT_STOP_REPLICA);
        else if (batch->sets[CTL_OUT_LOG_ENDS].count)
            send(c, broker, batch, CTL_OUT_LOG_ENDS);
        else
            batch_free(batch);
    }
}

void ctl_outbox_flush(struct controller *c)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        flush_broker(c, broker);
    }
}

/* The batch that was being sent is still the first one. */
static struct ctl_out_batch *batch_first(struct ctl_outbox *outbox)
{
    return list_is_empty(&outbox->batches) ? batch_append(outbox)
                                           : CONTAINER_OF(outbox->batches.next, struct ctl_out_batch, node);
}

static void put_all_back(struct ctl_outbox *outbox)
{
    struct ctl_out_batch *batch = batch_first(outbox);
    if (outbox->flight_kind == CTL_OUT_UPDATE_METADATA)
        batch->brokers_changed = true;
    for (int32_t i = 0; i < outbox->flight.count; i++)
        put_back(batch, outbox->flight_kind, &outbox->flight.items[i]);
}

void ctl_outbox_abandon(struct ctl_broker *broker)
{
    struct ctl_outbox *outbox = &broker->outbox;
    if (outbox->in_flight)
        put_all_back(outbox);
    outbox->in_flight = false;
    set_close(&outbox->flight);
}

static void back_off(struct controller *c, struct ctl_broker *broker, int64_t delay_ms)
{
    broker->outbox.backing_off = true;
    ctl_arm(c, CTL_TIMER_BROKER + (uint64_t)(uint32_t)broker->id, delay_ms);
}

static int64_t error_delay(struct ctl_outbox *outbox)
{
    int64_t delay = INT64_C(1) * ERROR_BACKOFF_MS << (outbox->failures < 5 ? outbox->failures : 5);
    outbox->failures++;
    return delay < ERROR_BACKOFF_MAX_MS ? delay : ERROR_BACKOFF_MAX_MS;
}

void ctl_outbox_timer(struct controller *c, int32_t broker_id)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    if (broker)
        broker->outbox.backing_off = false;
}

/* ---- answers */

static struct ctl_out_entry *flight_entry(struct controller *c, struct ctl_outbox *outbox,
                                          const struct controller_reply_partition *reply)
{
    const struct ctl_topic *topic =
        reply->topic ? ctl_topic_find(&c->ctx, reply->topic) : ctl_topic_find_id(&c->ctx, reply->topic_id);
    const struct ctl_partition *p = topic ? ctl_partition_find(topic, reply->partition) : NULL;
    return p ? set_find(&outbox->flight, p) : NULL;
}

static void add_outcome(struct ctl_event **event, enum ctl_event_kind kind, int32_t broker_id,
                        const char *topic, int32_t partition, enum err err)
{
    if (!*event) {
        *event = ctl_event_new(kind);
        (*event)->number = broker_id;
    }
    struct ctl_event *e = *event;
    if ((e->outcomes_count & (e->outcomes_count - 1)) == 0) { /* a power of two: full */
        size_t room = e->outcomes_count ? (size_t)e->outcomes_count * 2 : 1;
        e->outcomes = mem_resize(e->outcomes, room * sizeof *e->outcomes);
    }
    e->outcomes[e->outcomes_count++] =
        (struct ctl_outcome){.topic = mem_strdup(topic), .partition = partition, .err = err};
}

/*
 * One partition of a LeaderAndIsr's answer. STALE_CONTROLLER_EPOCH is what a broker says that has
 * this leader epoch already.
 */
static bool take_leader_and_isr(struct ctl_broker *broker, const struct ctl_out_entry *sent, enum err err,
                                struct ctl_event **log_errors)
{
    struct ctl_partition *p = sent->p;
    bool offline = map_get_int(&broker->offline, key_of(p)) != NULL;
    switch ((int)err) {
    case ERR_NONE:
    case ERR_STALE_CONTROLLER_EPOCH: {
        struct ctl_replica *replica = ctl_replica_of(p, broker->id);
        if (replica->acked_leader_epoch < sent->leader_epoch)
            replica->acked_leader_epoch = sent->leader_epoch;
        if (offline && err == ERR_NONE)
            add_outcome(log_errors, CTL_EVENT_LOG_ERRORS, broker->id, p->topic->name, p->number, err);
        return true;
    }
    case ERR_KAFKA_STORAGE_ERROR:
        if (!offline)
            add_outcome(log_errors, CTL_EVENT_LOG_ERRORS, broker->id, p->topic->name, p->number, err);
        return true;
    case ERR_INCONSISTENT_TOPIC_ID:
        log_error("controller", "topic_id_differs",
                  "broker=%d topic=%s partition=%d; its log belongs to another topic of this name",
                  broker->id, p->topic->name, p->number);
        return true;
    default:
        log_warn("controller", "leader_and_isr_refused", "broker=%d topic=%s partition=%d error=%s",
                 broker->id, p->topic->name, p->number, err_name(err));
        return !ctl_ids_contain(&p->replicas, broker->id);
    }
}

static void take_leader_and_isr_reply(struct controller *c, struct ctl_broker *broker,
                                      const struct controller_event *event)
{
    struct ctl_outbox *outbox = &broker->outbox;
    struct ctl_event *log_errors = NULL;
    bool again = false;
    for (int32_t i = 0; i < event->reply.partitions_count; i++) {
        struct ctl_out_entry *sent = flight_entry(c, outbox, &event->reply.partitions[i]);
        if (!sent || take_leader_and_isr(broker, sent, event->reply.partitions[i].err, &log_errors))
            continue;
        put_back(batch_first(outbox), CTL_OUT_LEADER_AND_ISR, sent);
        again = true;
    }
    if (log_errors)
        ctl_enqueue(c, log_errors, false);
    if (again)
        back_off(c, broker, error_delay(outbox));
    else
        outbox->failures = 0;
}

/* Deletions are counted: each partition that was to be deleted gets an outcome. */
static void take_stop_replica_reply(struct controller *c, struct ctl_broker *broker,
                                    const struct controller_event *event)
{
    struct ctl_event *stopped = NULL;
    for (int32_t i = 0; i < event->reply.partitions_count; i++) {
        const struct controller_reply_partition *reply = &event->reply.partitions[i];
        const struct ctl_out_entry *sent = flight_entry(c, &broker->outbox, reply);
        if (sent && sent->delete_partition)
            add_outcome(&stopped, CTL_EVENT_STOPPED, broker->id, sent->p->topic->name, sent->p->number,
                        reply->err);
        else if (reply->err != ERR_NONE && reply->err != ERR_FENCED_LEADER_EPOCH)
            log_warn("controller", "stop_replica_refused", "broker=%d topic=%s partition=%d error=%s",
                     broker->id, reply->topic ? reply->topic : "", reply->partition, err_name(reply->err));
    }
    if (stopped)
        ctl_enqueue(c, stopped, false);
    broker->outbox.failures = 0;
}

/* A log that is not shown counts as none, until the broker registers anew. Once somebody leads, logs change.
 */
static void take_log_ends_reply(struct controller *c, struct ctl_broker *broker,
                                const struct controller_event *event)
{
    for (int32_t i = 0; i < event->reply.partitions_count; i++) {
        const struct controller_reply_partition *reply = &event->reply.partitions[i];
        const struct ctl_out_entry *sent = flight_entry(c, &broker->outbox, reply);
        if (sent && sent->p->leadership.leader == ZNODE_NO_LEADER &&
            sent->p->leadership.leader_epoch == sent->leader_epoch)
            ctl_replica_of(sent->p, broker->id)->end =
                (struct ctl_log_end){.state = reply->err == ERR_NONE ? CTL_LOG_END_KNOWN : CTL_LOG_END_NONE,
                                     .epoch = reply->end_epoch,
                                     .offset = reply->end_offset};
    }
    ctl_enqueue_kind(c, CTL_EVENT_LOG_ENDS);
    broker->outbox.failures = 0;
}

/* The whole request was refused. */
static void take_refusal(struct controller *c, struct ctl_broker *broker, enum err err)
{
    static const char *const names[] = {"LeaderAndIsr", "UpdateMetadata", "StopReplica", "ListOffsets"};
    log_warn("controller", "request_refused", "broker=%d request=%s error=%s", broker->id,
             names[broker->outbox.flight_kind], err_name(err));
    switch ((int)err) {
    case ERR_STALE_CONTROLLER_EPOCH: /* somebody with a newer epoch spoke to it */
        ctl_enqueue_kind(c, CTL_EVENT_CHECK);
        put_all_back(&broker->outbox);
        back_off(c, broker, error_delay(&broker->outbox));
        return;
    case ERR_STALE_BROKER_EPOCH: /* it registered anew: it will be told everything under its new epoch */
        ctl_enqueue_kind(c, CTL_EVENT_BROKERS);
        put_all_back(&broker->outbox);
        back_off(c, broker, error_delay(&broker->outbox));
        return;
    default:
        put_all_back(&broker->outbox);
        back_off(c, broker, error_delay(&broker->outbox));
    }
}

/* It lives, and is the registration that we know. */
static void take_answer(struct controller *c, struct ctl_broker *broker, const struct controller_event *event)
{
    if (broker->suspected) {
        struct ctl_event *trust = ctl_event_new(CTL_EVENT_TRUST);
        trust->number = broker->id;
        ctl_enqueue(c, trust, false);
    }
    if (broker->outbox.flight_kind == CTL_OUT_LEADER_AND_ISR)
        take_leader_and_isr_reply(c, broker, event);
    else if (broker->outbox.flight_kind == CTL_OUT_STOP_REPLICA)
        take_stop_replica_reply(c, broker, event);
    else if (broker->outbox.flight_kind == CTL_OUT_LOG_ENDS)
        take_log_ends_reply(c, broker, event);
    else
        broker->outbox.failures = 0;
}

void ctl_outbox_reply(struct controller *c, const struct controller_event *event)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, event->reply.broker_id);
    if (!broker || !broker->outbox.in_flight || broker->outbox.ticket != event->reply.ticket)
        return;
    struct ctl_outbox *outbox = &broker->outbox;
    outbox->in_flight = false;
    if (event->reply.transport != ERR_NONE) {
        log_debug("controller", "broker_unreachable", "broker=%d error=%s", broker->id,
                  err_name(event->reply.transport));
        put_all_back(outbox);
        back_off(c, broker, TRANSPORT_BACKOFF_MS);
    } else if (event->reply.err != ERR_NONE)
        take_refusal(c, broker, event->reply.err);
    else
        take_answer(c, broker, event);
    set_close(&outbox->flight);
}
