/*
 * FindCoordinator (10). This broker has no group or transaction coordinator, so there is
 * none to name: COORDINATOR_NOT_AVAILABLE, as Kafka answers while its internal topic cannot
 * be made. The request is served because clients take its presence for a sign of a
 * broker that understands LZ4 (librdkafka) and refuse that codec without it.
 */
#include "api/api.h"

static void put_none(struct api_call *call, struct wire_find_coordinator_response_coordinator *to,
                     struct view key)
{
    to->key = key;
    to->node_id = -1;
    to->host = VIEW_LIT("");
    to->port = -1;
    to->error_code = call_error(call, ERR_COORDINATOR_NOT_AVAILABLE);
}

void api_find_coordinator(struct api_call *call)
{
    const struct wire_find_coordinator_request *request = call_decode(call);
    if (!request)
        return;
    struct wire_find_coordinator_response *answer = call_new_answer(call);
    if (call->version >= 4) {
        int32_t count = request->coordinator_keys_count > 0 ? request->coordinator_keys_count : 0;
        answer->coordinators =
            wire_new(&wire_find_coordinator_response_coordinator_desc, &call->req->arena, (size_t)count);
        answer->coordinators_count = count;
        for (int32_t i = 0; i < count; i++)
            put_none(call, &answer->coordinators[i], request->coordinator_keys[i]);
    } else {
        answer->error_code = call_error(call, ERR_COORDINATOR_NOT_AVAILABLE);
        answer->node_id = -1;
        answer->host = VIEW_LIT("");
        answer->port = -1;
    }
    call_answer(call, answer);
}
