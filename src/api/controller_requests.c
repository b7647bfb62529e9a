/*
 * Requests of other brokers to the controller: AllocateProducerIds (67), ControlledShutdown (7),
 * AlterPartition (56). Answered by the controller's core on this broker, if it is active.
 */
#include "api/controller_ask.h"

#include "api/request_text.h"
#include "base/mem.h"

/* --- AllocateProducerIds
 * ------------------------------------------------------------------------------------ */

static void answer_allocate(struct controller_ask *ask)
{
    const struct controller_answer *from = &ask->controller.answer;
    struct wire_allocate_producer_ids_response *answer = call_new_answer(ask->call);
    answer->error_code = call_error(ask->call, from->err);
    answer->producer_id_start = from->producer_id_start;
    answer->producer_id_len = from->producer_id_count;
    call_answer(ask->call, answer);
}

void api_allocate_producer_ids(struct api_call *call)
{
    const struct wire_allocate_producer_ids_request *request = call_decode(call);
    if (!request)
        return;
    struct controller_ask *ask = controller_ask_new(call, CONTROLLER_ALLOCATE_PRODUCER_IDS, answer_allocate);
    ask->controller.request.allocate_producer_ids = (struct controller_allocate_producer_ids){
        .broker_id = request->broker_id, .broker_epoch = request->broker_epoch};
    controller_ask_submit(ask);
}

/* --- ControlledShutdown
 * ------------------------------------------------------------------------------------- */

static void answer_shutdown(struct controller_ask *ask)
{
    const struct controller_answer *from = &ask->controller.answer;
    struct wire_controlled_shutdown_response *answer = call_new_answer(ask->call);
    enum err err = from->err == ERR_NOT_CONTROLLER ? ERR_STALE_CONTROLLER_EPOCH : from->err;
    answer->error_code = call_error(ask->call, err);
    answer->remaining_partitions = wire_new(&wire_controlled_shutdown_response_remaining_partition_desc,
                                            &ask->call->req->arena, (size_t)from->partitions_count);
    answer->remaining_partitions_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        answer->remaining_partitions[i].topic_name = view_str(from->partitions[i].topic);
        answer->remaining_partitions[i].partition_index = from->partitions[i].partition;
    }
    call_answer(ask->call, answer);
}

void api_controlled_shutdown(struct api_call *call)
{
    const struct wire_controlled_shutdown_request *request = call_decode(call);
    if (!request)
        return;
    struct controller_ask *ask = controller_ask_new(call, CONTROLLER_CONTROLLED_SHUTDOWN, answer_shutdown);
    ask->controller.request.controlled_shutdown = (struct controller_controlled_shutdown){
        .broker_id = request->broker_id, .broker_epoch = call->version >= 2 ? request->broker_epoch : -1};
    controller_ask_submit(ask);
}

/* --- AlterPartition
 * ----------------------------------------------------------------------------------------- */

typedef struct wire_alter_partition_request_topic_data asked_topic;
typedef struct wire_alter_partition_request_partition_data asked_partition;

/* Version 3 names the members of the ISR with their broker epochs. */
static struct znode_ids isr_of(const struct api_call *call, const asked_partition *asked)
{
    if (call->version < 3)
        return (struct znode_ids){asked->new_isr, asked->new_isr_count};
    int32_t count = asked->new_isr_with_epochs_count > 0 ? asked->new_isr_with_epochs_count : 0;
    int32_t *ids = arena_alloc(&call->req->arena, sizeof *ids * (size_t)(count + 1));
    for (int32_t i = 0; i < count; i++)
        ids[i] = asked->new_isr_with_epochs[i].broker_id;
    return (struct znode_ids){ids, count};
}

static const int64_t *epochs_of(const struct api_call *call, const asked_partition *asked)
{
    if (call->version < 3)
        return NULL;
    int32_t count = asked->new_isr_with_epochs_count > 0 ? asked->new_isr_with_epochs_count : 0;
    int64_t *epochs = arena_alloc(&call->req->arena, sizeof *epochs * (size_t)(count + 1));
    for (int32_t i = 0; i < count; i++)
        epochs[i] = asked->new_isr_with_epochs[i].broker_epoch;
    return epochs;
}

static void take_changes(struct api_call *call, const struct wire_alter_partition_request *request,
                         struct controller_alter_partition *to)
{
    int32_t count = 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        count += request->topics[t].partitions_count > 0 ? request->topics[t].partitions_count : 0;
    struct controller_isr_change *changes =
        arena_zalloc(&call->req->arena, sizeof *changes * (size_t)(count + 1));
    int32_t n = 0;
    for (int32_t t = 0; t < request->topics_count; t++) {
        const asked_topic *topic = &request->topics[t];
        const char *name = call->version < 2 ? request_topic_name(call, topic->topic_name) : NULL;
        for (int32_t p = 0; p < topic->partitions_count; p++) {
            const asked_partition *asked = &topic->partitions[p];
            changes[n++] =
                (struct controller_isr_change){.topic = {.name = name, .id = topic->topic_id},
                                               .partition = asked->partition_index,
                                               .leader_epoch = asked->leader_epoch,
                                               .partition_epoch = asked->partition_epoch,
                                               .isr = isr_of(call, asked),
                                               .isr_epochs = epochs_of(call, asked),
                                               .leader_recovery_state = asked->leader_recovery_state};
        }
    }
    to->changes = changes;
    to->changes_count = n;
}

static void put_partition(struct api_call *call, const struct controller_partition_answer *from,
                          struct wire_alter_partition_response_partition_data *to)
{
    to->partition_index = from->partition;
    to->error_code = call_error(call, from->err);
    if (from->err != ERR_NONE)
        return;
    to->leader_id = from->state.leader;
    to->leader_epoch = from->state.leader_epoch;
    to->isr = from->state.isr.ids;
    to->isr_count = from->state.isr.count;
    to->leader_recovery_state = (int8_t)from->state.leader_recovery_state;
    to->partition_epoch = from->partition_epoch;
}

static bool same_topic(const struct controller_partition_answer *a,
                       const struct controller_partition_answer *b)
{
    if (a->topic && b->topic)
        return view_equal_str(view_str(a->topic), b->topic);
    return uuid_equal(a->topic_id, b->topic_id);
}

/* Neighbours of one topic stand together; the core answers in the order of the request. */
static void answer_alter(struct controller_ask *ask)
{
    const struct controller_answer *from = &ask->controller.answer;
    struct api_call *call = ask->call;
    struct wire_alter_partition_response *answer = call_new_answer(call);
    answer->error_code = call_error(call, from->err);
    struct wire_alter_partition_response_partition_data *data =
        wire_new(&wire_alter_partition_response_partition_data_desc, &call->req->arena,
                 (size_t)from->partitions_count);
    answer->topics = wire_new(&wire_alter_partition_response_topic_data_desc, &call->req->arena,
                              (size_t)from->partitions_count);
    for (int32_t i = 0; i < from->partitions_count; i++) {
        if (i == 0 || !same_topic(&from->partitions[i - 1], &from->partitions[i])) {
            struct wire_alter_partition_response_topic_data *topic = &answer->topics[answer->topics_count++];
            if (call->version < 2)
                topic->topic_name = view_str(from->partitions[i].topic);
            else
                topic->topic_id = from->partitions[i].topic_id;
            topic->partitions = &data[i];
        }
        put_partition(call, &from->partitions[i], &data[i]);
        answer->topics[answer->topics_count - 1].partitions_count++;
    }
    call_answer(call, answer);
}

void api_alter_partition(struct api_call *call)
{
    const struct wire_alter_partition_request *request = call_decode(call);
    if (!request)
        return;
    struct controller_ask *ask = controller_ask_new(call, CONTROLLER_ALTER_PARTITION, answer_alter);
    struct controller_alter_partition *to = &ask->controller.request.alter_partition;
    to->broker_id = request->broker_id;
    to->broker_epoch = request->broker_epoch;
    to->version = call->version;
    take_changes(call, request, to);
    controller_ask_submit(ask);
}
