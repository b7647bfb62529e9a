#include "api/topic_admin.h"

#include "base/mem.h"

struct view topic_admin_message(const struct admin_topic *topic)
{
    return view_str(topic->message);
}

void topic_admin_refuse_repeated(struct topic_admin *admin, const char *message)
{
    struct map seen = {0};
    for (int32_t i = 0; i < admin->count; i++) {
        struct admin_topic *topic = &admin->topics[i];
        if (!topic->name)
            continue;
        struct admin_topic *first = map_get_str(&seen, topic->name);
        if (first) {
            first->err = topic->err = ERR_INVALID_REQUEST;
            first->message = topic->message = message;
        } else {
            map_put_str(&seen, topic->name, topic);
        }
    }
    map_close(&seen);
}

static void finish(struct topic_admin *admin)
{
    struct controller_call answered = admin->controller; /* names and messages are in its memory */
    admin->answer(admin);                                /* `admin` ends with the request */
    controller_call_close(&answered);
}

/* --- waiting for the metadata ----------------------------------------------------------------------------
 */

static bool all_shown(struct metadata_wait *wait, const struct metadata *metadata)
{
    struct topic_admin *admin = CONTAINER_OF(wait, struct topic_admin, wait);
    for (int32_t i = 0; i < admin->sent_count; i++) {
        const struct admin_topic *topic = &admin->topics[admin->sent[i]];
        if (topic->err == ERR_NONE && !admin->is_shown(topic, metadata))
            return false;
    }
    return true;
}

static void time_out(struct topic_admin *admin, const struct metadata *metadata)
{
    for (int32_t i = 0; i < admin->sent_count; i++) {
        struct admin_topic *topic = &admin->topics[admin->sent[i]];
        if (topic->err == ERR_NONE && !(metadata && admin->is_shown(topic, metadata))) {
            topic->err = ERR_REQUEST_TIMED_OUT;
            topic->message = NULL;
        }
    }
}

static void waited(struct metadata_wait *wait, bool in_time)
{
    struct topic_admin *admin = CONTAINER_OF(wait, struct topic_admin, wait);
    if (!in_time)
        time_out(admin, metadata_cache_get(admin->call->broker->metadata));
    finish(admin);
}

/* --- the controller's answer ------------------------------------------------------------------------------
 */

static bool take_answer(struct topic_admin *admin, const struct controller_answer *answer)
{
    bool any = false;
    for (int32_t i = 0; i < admin->sent_count; i++) {
        struct admin_topic *topic = &admin->topics[admin->sent[i]];
        if (answer->err != ERR_NONE || i >= answer->topics_count) {
            topic->err = answer->err != ERR_NONE ? answer->err : ERR_UNKNOWN_SERVER_ERROR;
            continue;
        }
        const struct controller_topic_answer *from = &answer->topics[i];
        topic->err = from->err;
        topic->message = from->message;
        topic->name = from->name ? from->name : topic->name;
        topic->id = from->id;
        if (from->partitions_count > 0)
            topic->partitions_count = from->partitions_count;
        topic->replication_factor = from->replication_factor;
        any |= from->err == ERR_NONE;
    }
    return any;
}

static void answered(struct controller_call *controller, bool discard)
{
    struct topic_admin *admin = CONTAINER_OF(controller, struct topic_admin, controller);
    bool any = !discard && take_answer(admin, &controller->answer);
    if (!any || admin->validate_only) {
        finish(admin);
        return;
    }
    if (admin->timeout_ms <= 0) {
        time_out(admin, NULL);
        finish(admin);
        return;
    }
    admin->wait.home = admin->call->req->loop;
    admin->wait.deadline_ms = admin->begun_ms + admin->timeout_ms;
    admin->wait.satisfied = all_shown;
    admin->wait.done = waited;
    metadata_cache_wait(admin->call->broker->metadata, &admin->wait);
}

/* Whatever else is wrong: the client is to ask the controller. */
static void refuse_all(struct topic_admin *admin)
{
    for (int32_t i = 0; i < admin->count; i++) {
        admin->topics[i].err = ERR_NOT_CONTROLLER;
        admin->topics[i].message = admin->elsewhere;
    }
}

void topic_admin_run(struct topic_admin *admin)
{
    struct arena *arena = &admin->call->req->arena;
    const struct admin_topic **good = arena_alloc(arena, sizeof(*good) * (size_t)(admin->count + 1));
    admin->sent = arena_alloc(arena, sizeof *admin->sent * (size_t)(admin->count + 1));
    admin->begun_ms = loop_now_ms(admin->call->req->loop);
    if (!controller_loop_is_active(admin->call->broker->controller))
        refuse_all(admin);
    for (int32_t i = 0; i < admin->count; i++)
        if (admin->topics[i].err == ERR_NONE) {
            good[admin->sent_count] = &admin->topics[i];
            admin->sent[admin->sent_count++] = i;
        }
    if (admin->sent_count == 0) {
        admin->answer(admin);
        return;
    }
    admin->fill(admin, good, admin->sent_count);
    admin->controller.home = admin->call->req->loop;
    admin->controller.done = answered;
    controller_loop_request(admin->call->broker->controller, &admin->controller);
}
