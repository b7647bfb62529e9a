#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "cli/groups.h"
#include "cli/java_order.h"
#include "cli/kafka_text.h"

enum { KEY_FIND_COORDINATOR = 10, KEY_DESCRIBE_GROUPS = 15, KEY_LIST_GROUPS = 16, KEY_DELETE_GROUPS = 42 };
#define AGAIN_MS 100

typedef struct wire_list_groups_response_listed_group listed_group;

int64_t groups_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool groups_call(struct groups_session *session, int32_t broker, int16_t key, const void *request,
                 void *answer, struct errmsg *why)
{
    return admin_call(session->client, broker, wire_api_find_any(key), request, &session->arena, answer,
                      why) == ERR_NONE;
}

bool groups_failed(struct groups_session *session, int16_t code, struct errmsg *why)
{
    errmsg_set(why, "%s", kafka_exception(code, &session->arena));
    return false;
}

void groups_pause(void)
{
    struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
    nanosleep(&pause, NULL);
}

/* --- all groups --------------------------------------------------------------------------------------- */

/* "Stable, Empty" in the arena. */
static struct view *split(struct groups_session *session, const char *list, int32_t *count)
{
    struct view *words = arena_alloc(&session->arena, sizeof *words * (strlen(list) / 2 + 2));
    *count = 0;
    while (*list) {
        size_t len = strcspn(list, ",");
        struct view word = view_of(list, len);
        while (word.len > 0 && isspace(word.ptr[0]))
            word = view_of(word.ptr + 1, word.len - 1);
        while (word.len > 0 && isspace(word.ptr[word.len - 1]))
            word.len--;
        if (word.len > 0)
            words[(*count)++] = word;
        list += len + (list[len] == ',');
    }
    return words;
}

/* Groups of consumers, and those that only commit. */
static void take_listed(struct groups_session *session, const struct wire_list_groups_response *answer,
                        listed_group **out, int32_t *count)
{
    size_t more = (size_t)(answer->groups_count > 0 ? answer->groups_count : 0);
    listed_group *all = arena_alloc(&session->arena, sizeof *all * ((size_t)*count + more + 1));
    if (*count > 0)
        memcpy(all, *out, sizeof *all * (size_t)*count);
    for (size_t i = 0; i < more; i++)
        if (answer->groups[i].protocol_type.len == 0 ||
            view_equal_str(answer->groups[i].protocol_type, "consumer"))
            all[(*count)++] = answer->groups[i];
    *out = all;
}

static void sort_listed(struct groups_session *session, listed_group **list, int32_t count)
{
    struct view *ids = arena_alloc(&session->arena, sizeof *ids * (size_t)(count + 1));
    listed_group *sorted = arena_alloc(&session->arena, sizeof *sorted * (size_t)(count + 1));
    for (int32_t i = 0; i < count; i++)
        ids[i] = (*list)[i].group_id;
    size_t *order = groups_hash_order(session, ids, count);
    for (int32_t i = 0; i < count; i++)
        sorted[i] = (*list)[order[i]];
    *list = sorted;
}

bool groups_list(struct groups_session *session, const char *states, const char *types, listed_group **out,
                 int32_t *count, struct errmsg *why)
{
    struct wire_list_groups_request request;
    wire_init(&wire_list_groups_request_desc, &request);
    request.states_filter = states ? split(session, states, &request.states_filter_count) : NULL;
    request.types_filter = types ? split(session, types, &request.types_filter_count) : NULL;
    *out = NULL;
    *count = 0;
    for (int i = 0; i < admin_client_broker_count(session->client); i++) {
        struct wire_list_groups_response answer;
        int32_t id = admin_client_broker_at(session->client, i)->id;
        if (!groups_call(session, id, KEY_LIST_GROUPS, &request, &answer, why))
            return false;
        if (answer.error_code != ERR_NONE)
            return groups_failed(session, answer.error_code, why);
        take_listed(session, &answer, out, count);
    }
    sort_listed(session, out, *count);
    return true;
}

size_t *groups_hash_order(struct groups_session *session, const struct view *ids, int32_t count)
{
    size_t *order = arena_alloc(&session->arena, sizeof *order * (size_t)(count + 1));
    java_hash_order(ids, (size_t)count, order);
    return order;
}

/* --- one group ---------------------------------------------------------------------------------------- */

/* Either layout of the request, as the broker's versions want it. */
static bool find_coordinator(struct groups_session *session, struct view id, int32_t *broker, int16_t *code,
                             struct errmsg *why)
{
    struct connection *conn = admin_client_connection(session->client, ADMIN_ANY_BROKER, why);
    if (!conn)
        return false;
    bool batched = connection_version(conn, wire_api_find_any(KEY_FIND_COORDINATOR)) >= 4;
    struct wire_find_coordinator_request request;
    struct wire_find_coordinator_response answer;
    wire_init(&wire_find_coordinator_request_desc, &request);
    if (batched) {
        request.coordinator_keys = &id;
        request.coordinator_keys_count = 1;
    } else {
        request.key = id;
    }
    if (!groups_call(session, ADMIN_ANY_BROKER, KEY_FIND_COORDINATOR, &request, &answer, why))
        return false;
    if (batched && answer.coordinators_count != 1)
        return groups_failed(session, ERR_COORDINATOR_NOT_AVAILABLE, why);
    *code = batched ? answer.coordinators[0].error_code : answer.error_code;
    *broker = batched ? answer.coordinators[0].node_id : answer.node_id;
    return true;
}

/* Passes by itself: the coordinator is being found, loads, or moves. */
static bool passes(int16_t code)
{
    return code == ERR_COORDINATOR_NOT_AVAILABLE || code == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == ERR_NOT_COORDINATOR || code == ERR_REBALANCE_IN_PROGRESS;
}

bool groups_at_coordinator(struct groups_session *session, struct view id, int32_t *broker, groups_asker *ask,
                           void *arg, int16_t *code, struct errmsg *why)
{
    int64_t end_ms = groups_now_ms() + session->timeout_ms;
    for (;;) {
        if (!find_coordinator(session, id, broker, code, why))
            return false;
        if (*code == ERR_NONE && !admin_client_broker(session->client, *broker)) {
            struct wire_metadata_response answer;
            if (admin_metadata(session->client, NULL, 0, false, &session->arena, &answer, why) != ERR_NONE)
                return false;
        }
        if (*code == ERR_NONE && !ask(session, id, *broker, arg, code, why))
            return false;
        if (!passes(*code) || groups_now_ms() >= end_ms)
            return true;
        groups_pause();
    }
}

static bool ask_description(struct groups_session *session, struct view id, int32_t broker, void *arg,
                            int16_t *code, struct errmsg *why)
{
    struct groups_found *out = arg;
    struct wire_describe_groups_request request;
    struct wire_describe_groups_response answer;
    wire_init(&wire_describe_groups_request_desc, &request);
    request.groups = &id;
    request.groups_count = 1;
    request.rebalances_wanted = out->with_history;
    if (!groups_call(session, broker, KEY_DESCRIBE_GROUPS, &request, &answer, why))
        return false;
    if (answer.groups_count != 1) {
        errmsg_set(why, "The coordinator's answer does not name the group");
        return false;
    }
    out->described = answer.groups[0];
    *code = answer.groups[0].error_code;
    return true;
}

static void read_assignment(struct groups_session *session, struct view bytes,
                            struct wire_consumer_protocol_assignment *out)
{
    wire_init(&wire_consumer_protocol_assignment_desc, out);
    if (bytes.len < 2)
        return;
    struct wire_consumer_protocol_assignment read;
    struct view body = view_of(bytes.ptr + 2, bytes.len - 2);
    if (wire_decode(&wire_consumer_protocol_assignment_desc, 0, body, NULL, &session->arena, &read, NULL) ==
        ERR_NONE)
        *out = read;
}

bool groups_describe(struct groups_session *session, struct view id, bool with_history,
                     struct groups_found *out, struct errmsg *why)
{
    int16_t code;
    *out = (struct groups_found){.id = id, .with_history = with_history};
    if (!groups_at_coordinator(session, id, &out->coordinator, ask_description, out, &code, why))
        return false;
    if (code != ERR_NONE)
        return groups_failed(session, code, why);
    int32_t count = out->described.members_count;
    out->assignments = arena_alloc(&session->arena, sizeof *out->assignments * (size_t)(count + 1));
    bool consumers = view_equal_str(out->described.protocol_type, "consumer");
    for (int32_t i = 0; i < count; i++)
        read_assignment(session, consumers ? out->described.members[i].member_assignment : VIEW_NULL,
                        &out->assignments[i]);
    return true;
}

static bool ask_deletion(struct groups_session *session, struct view id, int32_t broker, void *arg,
                         int16_t *code, struct errmsg *why)
{
    (void)arg;
    struct wire_delete_groups_request request;
    struct wire_delete_groups_response answer;
    wire_init(&wire_delete_groups_request_desc, &request);
    request.groups_names = &id;
    request.groups_names_count = 1;
    if (!groups_call(session, broker, KEY_DELETE_GROUPS, &request, &answer, why))
        return false;
    *code = answer.results_count == 1 ? answer.results[0].error_code : ERR_UNKNOWN_SERVER_ERROR;
    return true;
}

bool groups_delete(struct groups_session *session, struct view id, int16_t *code, struct errmsg *why)
{
    int32_t broker;
    return groups_at_coordinator(session, id, &broker, ask_deletion, NULL, code, why);
}
