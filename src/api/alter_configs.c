/*
 * AlterConfigs (33): the settings given are all that the resource is to have.
 */
#include "api/config_alter_call.h"

static void answer(struct alter_call *alter)
{
    struct api_call *call = alter->call;
    struct wire_alter_configs_response *response = call_new_answer(call);
    response->responses = wire_new(&wire_alter_configs_response_alter_configs_resource_response_desc,
                                   &call->req->arena, (size_t)alter->count);
    response->responses_count = alter->count;
    for (int32_t i = 0; i < alter->count; i++) {
        struct wire_alter_configs_response_alter_configs_resource_response *to = &response->responses[i];
        to->error_code =
            alter_call_outcome(alter, i, &to->resource_type, &to->resource_name, &to->error_message);
    }
    call_answer(call, response);
}

void api_alter_configs(struct api_call *call)
{
    const struct wire_alter_configs_request *request = call_decode(call);
    if (!request)
        return;
    struct alter_call *alter = alter_call_new(call, request->resources_count, request->validate_only, answer);
    for (int32_t i = 0; i < alter->count; i++) {
        const struct wire_alter_configs_request_alter_configs_resource *from = &request->resources[i];
        struct alter_resource *to =
            alter_call_resource(alter, i, from->resource_type, from->resource_name, from->configs_count);
        for (size_t e = 0; e < to->edits_count; e++)
            alter_call_edit(alter, to, e, CONFIG_EDIT_SET, from->configs[e].name, from->configs[e].value);
    }
    alter_call_run(alter);
}
