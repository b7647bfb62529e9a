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
        struct wire_incremental_alter_configs_response_alter_configs_resource_response *to =
            &response->responses[i];
        to->error_code =
            alter_call_outcome(alter, i, &to->resource_type, &to->resource_name, &to->error_message);
    }
    call_answer(call, response);
}

void api_incremental_alter_configs(struct api_call *call)
{
    const struct wire_incremental_alter_configs_request *request = call_decode(call);
    if (!request)
        return;
    struct alter_call *alter = alter_call_new(call, request->resources_count, request->validate_only, answer);
    alter->incremental = true;
    for (int32_t i = 0; i < alter->count; i++) {
        const struct wire_incremental_alter_configs_request_alter_configs_resource *from =
            &request->resources[i];
        struct alter_resource *to =
            alter_call_resource(alter, i, from->resource_type, from->resource_name, from->configs_count);
        for (size_t e = 0; e < to->edits_count; e++)
            alter_call_edit(alter, to, e, (enum config_edit_op)from->configs[e].config_operation,
                            from->configs[e].name, from->configs[e].value);
    }
    alter_call_run(alter);
}
