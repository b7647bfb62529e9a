#include "service/replica/isr_changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/inter_broker.h"
#include "service/controller/controller_channel.h"
#include "service/count.h"
#include "service/partition/followers.h"
#include "service/partition/partition.h"
#include "service/replica/isr_znodes.h"
#include "wire/codec.h"

#define KEY_ALTER_PARTITION 56
/*
 * From version 2 on with topic ids, and from 3 on, for each member, with the epoch of its broker as its last
 * fetch said it: a broker that was started again since, perhaps without its log, is not taken for the one
 * that was in sync (KIP-903). Kafka's own ZooKeeper-mode leaders say -1 there, and its controllers pass it
 * over.
 */
#define VERSION_BY_ID     2
#define VERSION_BY_EPOCHS 3
#define RETRY_MS          50

/* One proposal. */
struct isr_change {
    struct list node;
    struct isr_changes *changes;
    struct partition *part; /* a share */
    struct uuid topic_id;   /* zero = the topic has none */
    int32_t leader_epoch;
    int32_t partition_epoch;
    int32_t controller_epoch;
    bool grows;
    struct replica_ids isr;
    int64_t *epochs; /* of the members' brokers; -1 = unknown */
    struct loop_message message;
    struct isr_write write;
    struct partition_op op;
    struct replica_isr_answer answer; /* its isr is owned */
    enum replica_isr_next next;
};

struct isr_changes {
    struct broker *broker;
    int16_t most_version;      /* of AlterPartition at inter.broker.protocol.version */
    struct isr_znodes *znodes; /* NULL = the controller is asked */
    /* Control loop. */
    struct list queue;
    struct map queued; /* partition -> its change in the queue */
    struct loop_timer later;
    bool asking;
    bool refused;              /* the last request was, as a whole: said once */
    struct isr_change **asked; /* those of the request that is away, by topic and partition */
    int32_t asked_count;
    int16_t version;
    struct arena arena; /* the request's */
    struct controller_question question;
};

/* --- one change ----------------------------------------------------------------------------------------- */

static void change_free(struct isr_change *change)
{
    replica_ids_close(&change->isr);
    free(change->epochs);
    replica_ids_close(&change->answer.isr);
    partition_release(change->part);
    free(change);
}

/* A newer proposal for the same partition takes the place of one that was not sent. */
static void enqueue(struct isr_change *change)
{
    struct isr_changes *changes = change->changes;
    struct isr_change *old = map_put_int(&changes->queued, (int64_t)(intptr_t)change->part, change);
    if (old) {
        list_remove(&old->node);
        change_free(old);
    }
    list_push_back(&changes->queue, &change->node);
}

static struct isr_change *dequeue(struct isr_changes *changes)
{
    struct list *node = list_pop_front(&changes->queue);
    if (!node)
        return NULL;
    struct isr_change *change = CONTAINER_OF(node, struct isr_change, node);
    map_remove_int(&changes->queued, (int64_t)(intptr_t)change->part);
    return change;
}

/* --- the request ---------------------------------------------------------------------------------------- */

static int compare_topic(const struct isr_change *a, const struct isr_change *b)
{
    int by_id = memcmp(a->topic_id.bytes, b->topic_id.bytes, sizeof a->topic_id.bytes);
    return by_id ? by_id : strcmp(a->part->topic, b->part->topic);
}

static int compare(const void *left, const void *right)
{
    const struct isr_change *a = *(struct isr_change *const *)left;
    const struct isr_change *b = *(struct isr_change *const *)right;
    int by_topic = compare_topic(a, b);
    return by_topic ? by_topic : (a->part->index > b->part->index) - (a->part->index < b->part->index);
}

typedef struct wire_alter_partition_request_topic_data request_topic;
typedef struct wire_alter_partition_request_partition_data request_partition;
typedef struct wire_alter_partition_request_broker_state request_member;

static void put_change(struct isr_changes *changes, const struct isr_change *change, request_partition *to)
{
    const struct replica_ids *isr = &change->isr;
    to->partition_index = change->part->index;
    to->leader_epoch = change->leader_epoch;
    to->partition_epoch = change->partition_epoch;
    if (changes->version < VERSION_BY_EPOCHS) {
        to->new_isr = isr->ids;
        to->new_isr_count = isr->count;
        return;
    }
    request_member *members =
        wire_new(&wire_alter_partition_request_broker_state_desc, &changes->arena, (size_t)isr->count);
    for (int32_t i = 0; i < isr->count; i++)
        members[i] = (request_member){.broker_id = isr->ids[i], .broker_epoch = change->epochs[i]};
    to->new_isr_with_epochs = members;
    to->new_isr_with_epochs_count = isr->count;
}

static struct wire_alter_partition_request *make_request(struct isr_changes *changes)
{
    struct arena *arena = &changes->arena;
    size_t count = (size_t)changes->asked_count;
    struct wire_alter_partition_request *request = wire_new(&wire_alter_partition_request_desc, arena, 1);
    request_topic *topics = wire_new(&wire_alter_partition_request_topic_data_desc, arena, count);
    request_partition *partitions = wire_new(&wire_alter_partition_request_partition_data_desc, arena, count);
    for (int32_t i = 0; i < changes->asked_count; i++) {
        const struct isr_change *change = changes->asked[i];
        if (i == 0 || compare_topic(changes->asked[i - 1], change) != 0) {
            request_topic *topic = &topics[request->topics_count++];
            if (changes->version < VERSION_BY_ID)
                topic->topic_name = view_str(change->part->topic);
            else
                topic->topic_id = change->topic_id;
            topic->partitions = &partitions[i];
        }
        topics[request->topics_count - 1].partitions_count++;
        put_change(changes, change, &partitions[i]);
    }
    request->topics = topics;
    request->broker_id = changes->broker->id;
    request->broker_epoch = atomic_load(&changes->broker->epoch);
    return request;
}

static void take_queue(struct isr_changes *changes)
{
    changes->asked = mem_zalloc(sizeof(struct isr_change *) * changes->queued.count);
    changes->asked_count = 0;
    changes->version = changes->most_version;
    struct isr_change *change;
    while ((change = dequeue(changes))) {
        changes->asked[changes->asked_count++] = change;
        if (uuid_is_zero(change->topic_id) && changes->version >= VERSION_BY_ID)
            changes->version = VERSION_BY_ID - 1; /* for all of the request */
    }
    qsort(changes->asked, (size_t)changes->asked_count, sizeof(struct isr_change *), compare);
}

/* --- the answer ----------------------------------------------------------------------------------------- */

static void send_queue(struct isr_changes *changes);

static void send_later(struct isr_changes *changes)
{
    struct loop *loop = changes->broker->control_loop;
    if (!loop_timer_is_armed(&changes->later))
        loop_timer_arm(loop, &changes->later, loop_now_ms(loop) + RETRY_MS);
}

static void later_fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    send_queue(CONTAINER_OF(timer, struct isr_changes, later));
}

static enum op_outcome tell_run(struct partition_op *op, struct partition *part)
{
    struct isr_change *change = CONTAINER_OF(op, struct isr_change, op);
    change->next = partition_isr_answered(part, &change->answer);
    return OP_DONE;
}

static void count(const struct isr_change *change)
{
    struct metrics_shard *shard = count_shard(change->changes->broker);
    if (change->next == REPLICA_ISR_TAKEN)
        metrics_add(shard, change->grows ? METRIC_ISR_EXPANDS : METRIC_ISR_SHRINKS, 1);
    else if (change->next != REPLICA_ISR_IGNORED)
        metrics_add(shard, METRIC_FAILED_ISR_UPDATES, 1);
}

static void tell_done(struct partition_op *op)
{
    struct isr_change *change = CONTAINER_OF(op, struct isr_change, op);
    count(change);
    if (change->next != REPLICA_ISR_AGAIN) {
        change_free(change);
        return;
    }
    struct isr_changes *changes = change->changes;
    if (map_get_int(&changes->queued, (int64_t)(intptr_t)change->part)) {
        change_free(change); /* a newer one is there already */
        return;
    }
    enqueue(change);
    send_later(changes);
}

/* The partition hears what the controller said. */
static void tell(struct isr_change *change)
{
    change->op = (struct partition_op){.home = change->changes->broker->control_loop,
                                       .run = tell_run,
                                       .done = tell_done,
                                       .label = "isr_answer"};
    partition_submit(change->part, &change->op);
}

typedef struct wire_alter_partition_response_topic_data answer_topic;
typedef struct wire_alter_partition_response_partition_data answer_partition;

static const answer_partition *find_in_topic(const answer_topic *topic, int32_t index)
{
    for (int32_t p = 0; p < topic->partitions_count; p++)
        if (topic->partitions[p].partition_index == index)
            return &topic->partitions[p];
    return NULL;
}

/* Answers come in the order of the request as a rule, so the search begins where the last one ended. */
static const answer_partition *find_answer(const struct isr_changes *changes,
                                           const struct wire_alter_partition_response *answer,
                                           const struct isr_change *change, int32_t *hint)
{
    for (int32_t i = 0; i < answer->topics_count; i++) {
        int32_t t = (*hint + i) % answer->topics_count;
        const answer_topic *topic = &answer->topics[t];
        bool same = changes->version < VERSION_BY_ID ? view_equal_str(topic->topic_name, change->part->topic)
                                                     : uuid_equal(topic->topic_id, change->topic_id);
        const answer_partition *found = same ? find_in_topic(topic, change->part->index) : NULL;
        if (found) {
            *hint = t;
            return found;
        }
    }
    return NULL;
}

static void take_answer(struct isr_change *change, const answer_partition *found)
{
    replica_ids_close(&change->answer.isr);
    change->answer = (struct replica_isr_answer){.err = ERR_UNKNOWN_SERVER_ERROR,
                                                 .asked_leader_epoch = change->leader_epoch,
                                                 .asked_partition_epoch = change->partition_epoch};
    if (!found)
        return;
    const struct replica_ids isr = {found->isr, found->isr_count > 0 ? found->isr_count : 0};
    change->answer.err = (enum err)found->error_code; /* errors of Kafka's have the same numbers here */
    change->answer.leader_epoch = found->leader_epoch;
    change->answer.partition_epoch = found->partition_epoch;
    replica_ids_copy(&change->answer.isr, &isr);
}

static void answered(struct controller_question *question, enum err err, const void *arg)
{
    struct isr_changes *changes = CONTAINER_OF(question, struct isr_changes, question);
    const struct wire_alter_partition_response *answer = arg;
    struct isr_change **asked = changes->asked;
    int32_t hint = 0;
    bool whole = err == ERR_NONE && answer->error_code == 0;
    if (err == ERR_NONE && !whole && !changes->refused)
        log_warn("replica", "isr_request_refused", "partitions=%d error=%s", changes->asked_count,
                 err_name((enum err)answer->error_code));
    changes->refused = !whole;
    arena_reset(&changes->arena);
    changes->asked = NULL;
    changes->asking = false;
    for (int32_t i = 0; i < changes->asked_count; i++) {
        if (whole) {
            take_answer(asked[i], find_answer(changes, answer, asked[i], &hint));
            tell(asked[i]);
        } else if (err == ERR_CLOSED || map_get_int(&changes->queued, (int64_t)(intptr_t)asked[i]->part)) {
            change_free(asked[i]);
        } else {
            enqueue(asked[i]);
        }
    }
    free(asked);
    if (whole)
        send_queue(changes);
    else if (err != ERR_CLOSED)
        send_later(changes);
}

/* --- by ZooKeeper ---------------------------------------------------------------------------------------
 *
 * Each change is a write of its own.
 */

static void written(struct isr_write *write, bool discard)
{
    struct isr_change *change = CONTAINER_OF(write, struct isr_change, write);
    if (discard || write->err == ERR_CLOSED) {
        change_free(change);
        return;
    }
    replica_ids_close(&change->answer.isr);
    change->answer = (struct replica_isr_answer){.err = write->err,
                                                 .asked_leader_epoch = change->leader_epoch,
                                                 .asked_partition_epoch = change->partition_epoch,
                                                 .leader_epoch = change->leader_epoch,
                                                 .partition_epoch = write->new_version};
    replica_ids_copy(&change->answer.isr, &change->isr);
    tell(change);
}

static void write_queue(struct isr_changes *changes)
{
    struct isr_change *change;
    while ((change = dequeue(changes))) {
        change->write = (struct isr_write){.topic = change->part->topic,
                                           .partition = change->part->index,
                                           .state = {.leader = changes->broker->id,
                                                     .leader_epoch = change->leader_epoch,
                                                     .controller_epoch = change->controller_epoch,
                                                     .isr = {change->isr.ids, change->isr.count}},
                                           .version = change->partition_epoch,
                                           .home = changes->broker->control_loop,
                                           .done = written};
        isr_znodes_write(changes->znodes, &change->write);
    }
}

/* --- by the controller ---------------------------------------------------------------------------------- */

static void send_queue(struct isr_changes *changes)
{
    if (changes->znodes) {
        if (!loop_timer_is_armed(&changes->later))
            write_queue(changes);
        return;
    }
    if (changes->asking || list_is_empty(&changes->queue) || loop_timer_is_armed(&changes->later))
        return;
    take_queue(changes);
    changes->asking = true;
    changes->question = (struct controller_question){.api_key = KEY_ALTER_PARTITION,
                                                     .version = changes->version,
                                                     .request = make_request(changes),
                                                     .home = changes->broker->control_loop,
                                                     .done = answered};
    controller_channel_ask(changes->broker->controller_channel, &changes->question);
}

/* --- submitting ----------------------------------------------------------------------------------------- */

static void change_arrived(struct loop_message *msg, bool discard)
{
    struct isr_change *change = CONTAINER_OF(msg, struct isr_change, message);
    struct isr_changes *changes = change->changes;
    if (discard) {
        change_free(change);
        return;
    }
    enqueue(change);
    send_queue(changes);
}

void isr_changes_submit(struct isr_changes *changes, struct partition *part)
{
    const struct replica *replica = &part->replica;
    struct isr_change *change = MEM_NEW(struct isr_change);
    change->changes = changes;
    change->part = partition_share(part);
    change->topic_id = log_topic_id(part->log);
    change->leader_epoch = replica->leader_epoch;
    change->partition_epoch = replica->partition_epoch;
    change->controller_epoch = replica->controller_epoch;
    change->grows = replica->isr_state == REPLICA_ISR_GROWS;
    replica_ids_copy(&change->isr, &replica->pending);
    change->epochs = mem_zalloc(sizeof *change->epochs * (size_t)(change->isr.count + 1));
    for (int32_t i = 0; i < change->isr.count; i++)
        change->epochs[i] = change->isr.ids[i] == part->broker_id
                                ? atomic_load(&changes->broker->epoch)
                                : replica_follower_epoch(replica, change->isr.ids[i]);
    list_node_init(&change->node);
    change->message = (struct loop_message){.run = change_arrived, .label = "isr_change"};
    loop_post(changes->broker->control_loop, &change->message);
}

struct isr_changes *isr_changes_new(struct broker *broker)
{
    struct isr_changes *changes = MEM_NEW(struct isr_changes);
    changes->broker = broker;
    changes->most_version = config_inter_broker(atomic_load(&broker->config.value))->alter_partition;
    if (changes->most_version == INTER_BROKER_BY_ZOOKEEPER)
        changes->znodes = isr_znodes_new(broker);
    changes->later.fire = later_fired;
    list_init(&changes->queue);
    return changes;
}

void isr_changes_free(struct isr_changes *changes)
{
    if (!changes)
        return;
    loop_timer_cancel(changes->broker->control_loop, &changes->later);
    struct isr_change *change;
    while ((change = dequeue(changes)))
        change_free(change);
    map_close(&changes->queued);
    isr_znodes_free(changes->znodes);
    arena_close(&changes->arena);
    free(changes);
}
