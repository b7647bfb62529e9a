/*
 * UpdateFeatures (57). A broker in ZooKeeper mode knows no feature whose level could be changed, so
 * that each update is refused, for the first of the reasons here that holds.
 */
#include "api/api.h"

#include <stdio.h>

#include "base/map.h"
#include "service/controller/controller_loop.h"

enum upgrade_type { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };

typedef struct wire_update_features_request_feature_update_key feature_update;
typedef struct wire_update_features_response_updatable_feature_result feature_result;

/* What the update asks for; 0 = no type that there is. Version 0 has a flag in its place. */
static int type_of(const feature_update *update, int16_t version)
{
    if (version == 0)
        return update->allow_downgrade ? SAFE_DOWNGRADE : UPGRADE;
    return update->upgrade_type >= UPGRADE && update->upgrade_type <= UNSAFE_DOWNGRADE ? update->upgrade_type
                                                                                       : 0;
}

static const char *reason_of(const struct api_call *call, const feature_update *update)
{
    int type = type_of(update, call->version);
    if (update->feature.len == 0)
        return "Feature name can not be empty.";
    if (type == 0)
        return "Received unknown upgrade type.";
    if (update->max_version_level >= 1)
        return "Could not apply finalized feature update because the provided feature is not supported.";
    if (type != UPGRADE)
        return "Can not delete non-existing finalized feature.";
    char text[160];
    snprintf(text, sizeof text,
             "Can not provide versionLevel: %d less than 1 without setting the SAFE downgradeType in the "
             "request.",
             update->max_version_level);
    return arena_strdup(&call->req->arena, text);
}

/* The result of the feature: of two updates of one feature the last counts. */
static feature_result *result_of(struct wire_update_features_response *answer, struct map *named,
                                 struct view feature)
{
    feature_result *result = map_get(named, feature);
    if (result)
        return result;
    result = &answer->results[answer->results_count++];
    result->feature = feature;
    map_put(named, feature, result);
    return result;
}

void api_update_features(struct api_call *call)
{
    const struct wire_update_features_request *request = call_decode(call);
    if (!request)
        return;
    struct wire_update_features_response *answer = call_new_answer(call);
    answer->error_message = VIEW_NULL;
    if (!controller_loop_is_active(call->broker->controller)) {
        answer->error_code = call_error(call, ERR_NOT_CONTROLLER);
        answer->error_message = view_str(err_meaning(ERR_NOT_CONTROLLER));
        call_answer(call, answer);
        return;
    }
    int32_t count = request->feature_updates_count > 0 ? request->feature_updates_count : 0;
    answer->results = wire_new(&wire_update_features_response_updatable_feature_result_desc,
                               &call->req->arena, (size_t)count);
    struct map named = {0};
    for (int32_t i = 0; i < count; i++) {
        const feature_update *update = &request->feature_updates[i];
        feature_result *result = result_of(answer, &named, update->feature);
        result->error_code = call_error(call, ERR_INVALID_REQUEST);
        result->error_message = view_str(reason_of(call, update));
    }
    map_close(&named);
    call_answer(call, answer);
}
