/*
 * DescribeCluster (60): the brokers, by the listener that was asked, and the controller.
 */
#include "api/api.h"

#include "service/metadata_cache.h"

#define ENDPOINT_BROKERS     1
#define ENDPOINT_CONTROLLERS 2

/* CREATE ALTER DESCRIBE CLUSTER_ACTION DESCRIBE_CONFIGS ALTER_CONFIGS IDEMPOTENT_WRITE, as without an
 * authorizer. */
#define CLUSTER_OPERATIONS 0x1fa0

static void put_brokers(struct api_call *call, struct wire_describe_cluster_response *answer)
{
    const struct metadata *metadata = metadata_cache_get(call->broker->metadata);
    answer->controller_id = metadata->controller_id;
    answer->brokers = wire_new(&wire_describe_cluster_response_describe_cluster_broker_desc,
                               &call->req->arena, (size_t)metadata->brokers_count);
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        const struct metadata_broker *broker = &metadata->brokers[i];
        const struct metadata_endpoint *endpoint = metadata_broker_endpoint(broker, call_listener(call));
        if (!endpoint)
            continue;
        struct wire_describe_cluster_response_describe_cluster_broker *to =
            &answer->brokers[answer->brokers_count++];
        to->broker_id = broker->id;
        to->host = view_str(endpoint->host);
        to->port = endpoint->port;
        to->rack = view_str(broker->rack);
    }
}

void api_describe_cluster(struct api_call *call)
{
    const struct wire_describe_cluster_request *request = call_decode(call);
    if (!request)
        return;
    struct wire_describe_cluster_response *answer = call_new_answer(call);
    if (call->version >= 1 && request->endpoint_type != ENDPOINT_BROKERS) {
        bool controllers = request->endpoint_type == ENDPOINT_CONTROLLERS;
        answer->error_code =
            call_error(call, controllers ? ERR_MISMATCHED_ENDPOINT_TYPE : ERR_UNSUPPORTED_ENDPOINT_TYPE);
        answer->error_message = controllers ? VIEW_LIT("This broker knows of brokers, not of controllers.")
                                            : VIEW_LIT("Unknown endpoint type.");
        call_answer(call, answer);
        return;
    }
    answer->endpoint_type = ENDPOINT_BROKERS;
    answer->cluster_id = view_str(call->broker->cluster_id);
    put_brokers(call, answer);
    if (request->include_cluster_authorized_operations)
        answer->cluster_authorized_operations = CLUSTER_OPERATIONS;
    call_answer(call, answer);
}
