/*
 * IncrementalAlterConfigs (44): single settings are set, deleted, appended to and subtracted from.
 */
#include "api/config_alter_call.h"

static void answer(struct alter_call *alter)
{
    struct api_call *call = alter->call;
    struct wire_incremental_alter_configs_response *response = call_new_answer(call);
    response->responses =
        wire_new(&wire_incremental_alter_configs_response_alter_configs_resource_response_desc,
                 &call->req->arena, (size_t)alter->count);
    response->responses_count = alter->count;
    for (int32_t i = 0; i < alter->count; i++) {
        const struct alter_resource *resource = &alter->resources[i];
        response->responses[i].error_code = call_error(call, resource->alter.err);
        response->responses[i].error_message = view_str(resource->alter.message);
        response->responses[i].resource_type = resource->type;
        response->responses[i].resource_name = resource->name;
    }
    call_answer(call, response);
}

static void take(struct alter_call *alter,
                 const struct wire_incremental_alter_configs_request_alter_configs_resource *from,
                 struct alter_resource *to)
{
    size_t count = from->configs_count > 0 ? (size_t)from->configs_count : 0;
    to->type = from->resource_type;
    to->name = from->resource_name;
    to->edits = arena_zalloc(&alter->call->req->arena, sizeof *to->edits * (count + 1));
    to->edits_count = count;
    for (size_t i = 0; i < count; i++) {
        to->edits[i].op = (enum config_edit_op)from->configs[i].config_operation;
        to->edits[i].name = alter_call_text(alter, to, from->configs[i].name);
        to->edits[i].value = alter_call_text(alter, to, from->configs[i].value);
    }
}

void api_incremental_alter_configs(struct api_call *call)
{
    const struct wire_incremental_alter_configs_request *request = call_decode(call);
    if (!request)
        return;
    struct alter_call *alter = CALL_ALLOC(call, struct alter_call);
    alter->call = call;
    alter->count = request->resources_count > 0 ? request->resources_count : 0;
    alter->resources = arena_zalloc(&call->req->arena, sizeof *alter->resources * ((size_t)alter->count + 1));
    alter->validate_only = request->validate_only;
    alter->incremental = true;
    alter->answer = answer;
    for (int32_t i = 0; i < alter->count; i++)
        take(alter, &request->resources[i], &alter->resources[i]);
    alter_call_run(alter);
}
