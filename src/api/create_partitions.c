/*
 * CreatePartitions (37).
 */
#include "api/request_text.h"
#include "api/topic_admin.h"

#include "base/mem.h"

static void fill(struct topic_admin *admin, const struct admin_topic *const *good, int32_t count)
{
    const struct wire_create_partitions_request *request = admin->request;
    struct arena *arena = &admin->call->req->arena;
    struct controller_more_partitions *topics = arena_zalloc(arena, sizeof *topics * (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        const struct wire_create_partitions_request_create_partitions_topic *asked =
            &request->topics[good[i] - admin->topics];
        topics[i].topic = good[i]->name;
        topics[i].count = asked->count;
        if (asked->assignments_count < 0)
            continue;
        struct controller_placement *placements =
            arena_alloc(arena, sizeof *placements * (size_t)(asked->assignments_count + 1));
        for (int32_t a = 0; a < asked->assignments_count; a++)
            placements[a] = (struct controller_placement){
                .partition = -1,
                .replicas = {asked->assignments[a].broker_ids, asked->assignments[a].broker_ids_count}};
        topics[i].placements = placements;
        topics[i].placements_count = asked->assignments_count;
    }
    admin->controller.request.kind = CONTROLLER_CREATE_PARTITIONS;
    admin->controller.request.create_partitions = (struct controller_create_partitions){
        .topics = topics, .topics_count = count, .validate_only = admin->validate_only};
}

static bool is_shown(const struct admin_topic *topic, const struct metadata *metadata)
{
    const struct metadata_topic *known = metadata_topic(metadata, view_str(topic->name));
    if (!known || known->partitions_count < topic->partitions_count)
        return false;
    for (int32_t p = 0; p < known->partitions_count; p++)
        if (!known->partitions[p].known || known->partitions[p].leader < 0)
            return false;
    return true;
}

static void answer(struct topic_admin *admin)
{
    struct api_call *call = admin->call;
    const struct wire_create_partitions_request *request = admin->request;
    struct wire_create_partitions_response *response = call_new_answer(call);
    response->results = wire_new(&wire_create_partitions_response_create_partitions_topic_result_desc,
                                 &call->req->arena, (size_t)admin->count);
    response->results_count = admin->count;
    for (int32_t i = 0; i < admin->count; i++) {
        response->results[i].name = request->topics[i].name;
        response->results[i].error_code = call_error(call, admin->topics[i].err);
        response->results[i].error_message = topic_admin_message(&admin->topics[i]);
    }
    call_answer(call, response);
}

void api_create_partitions(struct api_call *call)
{
    struct wire_create_partitions_request *request = call_decode(call);
    if (!request)
        return;
    struct topic_admin *admin = CALL_ALLOC(call, struct topic_admin);
    admin->call = call;
    admin->request = request;
    admin->count = request->topics_count > 0 ? request->topics_count : 0;
    admin->topics = arena_zalloc(&call->req->arena, sizeof *admin->topics * (size_t)admin->count);
    admin->timeout_ms = request->timeout_ms;
    admin->validate_only = request->validate_only;
    admin->fill = fill;
    admin->is_shown = is_shown;
    admin->answer = answer;
    for (int32_t i = 0; i < admin->count; i++) {
        admin->topics[i].name = request_topic_name(call, request->topics[i].name);
        admin->topics[i].partitions_count = request->topics[i].count;
    }
    topic_admin_refuse_repeated(admin, "Duplicate topic in request.");
    topic_admin_run(admin);
}
