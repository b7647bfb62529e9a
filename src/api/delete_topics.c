/*
 * DeleteTopics (20): by name, from version 6 also by id.
 */
#include "api/request_text.h"
#include "api/topic_admin.h"

#include "base/mem.h"
#include "config/config.h"

static void fill(struct topic_admin *admin, const struct admin_topic *const *good, int32_t count)
{
    struct controller_topic_ref *topics =
        arena_zalloc(&admin->call->req->arena, sizeof *topics * (size_t)count);
    for (int32_t i = 0; i < count; i++)
        topics[i] = (struct controller_topic_ref){.name = good[i]->name, .id = good[i]->id};
    admin->controller.request.kind = CONTROLLER_DELETE_TOPICS;
    admin->controller.request.delete_topics =
        (struct controller_delete_topics){.topics = topics, .topics_count = count};
}

/* Shown when the topic is gone; one that was made again under the name has another id. */
static bool is_shown(const struct admin_topic *topic, const struct metadata *metadata)
{
    const struct metadata_topic *known = topic->name ? metadata_topic(metadata, view_str(topic->name)) : NULL;
    return !known || (!uuid_is_zero(topic->id) && !uuid_equal(topic->id, known->id));
}

static void answer(struct topic_admin *admin)
{
    struct api_call *call = admin->call;
    const struct wire_delete_topics_request *request = admin->request;
    struct wire_delete_topics_response *response = call_new_answer(call);
    response->responses = wire_new(&wire_delete_topics_response_deletable_topic_result_desc,
                                   &call->req->arena, (size_t)admin->count);
    response->responses_count = admin->count;
    for (int32_t i = 0; i < admin->count; i++) {
        const struct admin_topic *topic = &admin->topics[i];
        struct view asked = call->version >= 6 ? request->topics[i].name : request->topic_names[i];
        response->responses[i].name = view_is_null(asked) ? view_str(topic->name) : asked;
        if (call->version >= 6)
            response->responses[i].topic_id = request->topics[i].topic_id; /* as asked, also by name */
        response->responses[i].error_code = call_error(call, topic->err);
        /* Kafka has nothing to say beyond the code. */
    }
    call_answer(call, response);
}

static void take_topics(struct topic_admin *admin, const struct wire_delete_topics_request *request)
{
    struct api_call *call = admin->call;
    bool listed = call->version >= 6;
    int32_t count = listed ? request->topics_count : request->topic_names_count;
    admin->count = count > 0 ? count : 0;
    admin->topics = arena_zalloc(&call->req->arena, sizeof *admin->topics * (size_t)admin->count);
    for (int32_t i = 0; i < admin->count; i++) {
        struct admin_topic *topic = &admin->topics[i];
        struct view name = listed ? request->topics[i].name : request->topic_names[i];
        topic->name = request_topic_name(call, name);
        if (listed)
            topic->id = request->topics[i].topic_id;
    }
}

static void check_all(struct topic_admin *admin)
{
    struct api_call *call = admin->call;
    bool enabled = config_bool(broker_config(call->broker), CONFIG_DELETE_TOPIC_ENABLE);
    bool misused = false;
    for (int32_t i = 0; i < admin->count; i++)
        misused |= admin->topics[i].name && !uuid_is_zero(admin->topics[i].id);
    for (int32_t i = 0; i < admin->count; i++) {
        struct admin_topic *topic = &admin->topics[i];
        if (!enabled)
            topic->err = call->version < 3 ? ERR_INVALID_REQUEST : ERR_TOPIC_DELETION_DISABLED;
        else if (misused)
            topic->err = ERR_INVALID_REQUEST;
    }
}

void api_delete_topics(struct api_call *call)
{
    struct wire_delete_topics_request *request = call_decode(call);
    if (!request)
        return;
    struct topic_admin *admin = CALL_ALLOC(call, struct topic_admin);
    admin->call = call;
    admin->request = request;
    admin->timeout_ms = request->timeout_ms;
    admin->fill = fill;
    admin->is_shown = is_shown;
    admin->answer = answer;
    take_topics(admin, request);
    check_all(admin);
    topic_admin_run(admin);
}
