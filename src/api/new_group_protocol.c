/*
 * ConsumerGroupHeartbeat (68) and ConsumerGroupDescribe (69): groups of the protocol of KIP-848, which a
 * broker in ZooKeeper mode does not coordinate. They are listed and refused, as by Kafka: clients then say
 * what to set, and administrators ask again for groups of the classic protocol.
 */
#include "api/api.h"

void api_consumer_group_heartbeat(struct api_call *call)
{
    if (!call_decode(call))
        return;
    struct wire_consumer_group_heartbeat_response *answer = call_new_answer(call);
    answer->error_code = call_error(call, ERR_UNSUPPORTED_VERSION);
    call_answer(call, answer);
}

void api_consumer_group_describe(struct api_call *call)
{
    const struct wire_consumer_group_describe_request *request = call_decode(call);
    if (!request)
        return;
    struct wire_consumer_group_describe_response *answer = call_new_answer(call);
    int32_t count = request->group_ids_count > 0 ? request->group_ids_count : 0;
    answer->groups = wire_new(&wire_consumer_group_describe_response_described_group_desc, &call->req->arena,
                              (size_t)count);
    answer->groups_count = count;
    for (int32_t i = 0; i < count; i++) {
        answer->groups[i].group_id = request->group_ids[i];
        answer->groups[i].error_code = call_error(call, ERR_UNSUPPORTED_VERSION);
    }
    call_answer(call, answer);
}
