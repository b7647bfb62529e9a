#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "cli/groups.h"
#include "cli/kafka_text.h"
#include "cli/led_partitions.h"

enum {
    KEY_LIST_OFFSETS = 2,
    KEY_OFFSET_FETCH = 9,
    KEY_FIND_COORDINATOR = 10,
    KEY_DESCRIBE_GROUPS = 15,
    KEY_LIST_GROUPS = 16,
    KEY_DELETE_GROUPS = 42
};
#define TIMESTAMP_LATEST (-1)
#define AGAIN_MS         100

typedef struct wire_list_groups_response_listed_group listed_group;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool call(struct groups_session *session, int32_t broker, int16_t key, const void *request,
                 void *answer, struct errmsg *why)
{
    return admin_call(session->client, broker, wire_api_find_any(key), request, &session->arena, answer,
                      why) == ERR_NONE;
}

static bool failed(struct errmsg *why, int16_t code)
{
    errmsg_set(why, "%s", kafka_error_text(code));
    return false;
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

static int compare_listed(const void *a, const void *b)
{
    return view_compare(((const listed_group *)a)->group_id, ((const listed_group *)b)->group_id);
}

static void take_listed(struct groups_session *session, const struct wire_list_groups_response *answer,
                        listed_group **out, int32_t *count)
{
    listed_group *all =
        arena_alloc(&session->arena, sizeof *all * (size_t)(*count + answer->groups_count + 1));
    if (*count > 0)
        memcpy(all, *out, sizeof *all * (size_t)*count);
    if (answer->groups_count > 0)
        memcpy(all + *count, answer->groups, sizeof *all * (size_t)answer->groups_count);
    *count += answer->groups_count > 0 ? answer->groups_count : 0;
    *out = all;
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
        if (!call(session, id, KEY_LIST_GROUPS, &request, &answer, why))
            return false;
        if (answer.error_code != ERR_NONE)
            return failed(why, answer.error_code);
        take_listed(session, &answer, out, count);
    }
    if (*count > 1)
        qsort(*out, (size_t)*count, sizeof **out, compare_listed);
    return true;
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
    if (!call(session, ADMIN_ANY_BROKER, KEY_FIND_COORDINATOR, &request, &answer, why))
        return false;
    if (batched && answer.coordinators_count != 1)
        return failed(why, ERR_COORDINATOR_NOT_AVAILABLE);
    *code = batched ? answer.coordinators[0].error_code : answer.error_code;
    *broker = batched ? answer.coordinators[0].node_id : answer.node_id;
    return true;
}

/* Passes by itself: the coordinator is being found, loads, or moves. */
static bool passes(int16_t code)
{
    return code == ERR_COORDINATOR_NOT_AVAILABLE || code == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == ERR_NOT_COORDINATOR;
}

/* Asks the group's coordinator until it is there. `ask` gives its code; false: no answer. */
static bool at_coordinator(struct groups_session *session, struct view id, int32_t *broker,
                           bool (*ask)(struct groups_session *session, struct view id, int32_t broker,
                                       void *arg, int16_t *code, struct errmsg *why),
                           void *arg, int16_t *code, struct errmsg *why)
{
    int64_t end_ms = now_ms() + session->timeout_ms;
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
        if (!passes(*code) || now_ms() >= end_ms)
            return true;
        struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
        nanosleep(&pause, NULL);
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
    if (!call(session, broker, KEY_DESCRIBE_GROUPS, &request, &answer, why))
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

bool groups_describe(struct groups_session *session, struct view id, struct groups_found *out,
                     struct errmsg *why)
{
    int16_t code;
    *out = (struct groups_found){.id = id};
    if (!at_coordinator(session, id, &out->coordinator, ask_description, out, &code, why))
        return false;
    if (code != ERR_NONE)
        return failed(why, code);
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
    if (!call(session, broker, KEY_DELETE_GROUPS, &request, &answer, why))
        return false;
    *code = answer.results_count == 1 ? answer.results[0].error_code : ERR_UNKNOWN_SERVER_ERROR;
    return true;
}

bool groups_delete(struct groups_session *session, struct view id, int16_t *code, struct errmsg *why)
{
    int32_t broker;
    return at_coordinator(session, id, &broker, ask_deletion, NULL, code, why);
}

/* --- offsets ------------------------------------------------------------------------------------------ */

static struct groups_row *find_row(struct groups_found *group, struct view topic, int32_t partition)
{
    for (int32_t i = 0; i < group->rows_count; i++)
        if (group->rows[i].partition == partition && view_equal(group->rows[i].topic, topic))
            return &group->rows[i];
    return NULL;
}

static struct groups_row *new_row(struct groups_found *group, struct view topic, int32_t partition)
{
    struct groups_row *row = &group->rows[group->rows_count++];
    *row = (struct groups_row){
        .topic = topic, .partition = partition, .offset = GROUPS_NO_OFFSET, .end = GROUPS_NO_OFFSET};
    return row;
}

/* What each member reads; who reads nothing has a row of its own. */
static void add_assigned(struct groups_found *group)
{
    for (int32_t m = 0; m < group->described.members_count; m++) {
        const struct wire_consumer_protocol_assignment *assignment = &group->assignments[m];
        int32_t before = group->rows_count;
        for (int32_t t = 0; t < assignment->assigned_partitions_count; t++)
            for (int32_t p = 0; p < assignment->assigned_partitions[t].partitions_count; p++)
                new_row(group, assignment->assigned_partitions[t].topic,
                        assignment->assigned_partitions[t].partitions[p])
                    ->member = &group->described.members[m];
        if (group->rows_count == before)
            new_row(group, VIEW_NULL, -1)->member = &group->described.members[m];
    }
}

static void add_committed(struct groups_found *group, struct view topic, int32_t partition, int64_t offset)
{
    struct groups_row *row = find_row(group, topic, partition);
    if (!row)
        row = new_row(group, topic, partition);
    row->offset = offset;
}

static size_t room_for(const struct groups_found *group, const struct wire_offset_fetch_response *answer)
{
    size_t room = (size_t)group->described.members_count + 1;
    for (int32_t m = 0; m < group->described.members_count; m++)
        for (int32_t t = 0; t < group->assignments[m].assigned_partitions_count; t++)
            room += (size_t)group->assignments[m].assigned_partitions[t].partitions_count;
    for (int32_t t = 0; t < answer->topics_count; t++)
        room += (size_t)answer->topics[t].partitions_count;
    for (int32_t g = 0; g < answer->groups_count; g++)
        for (int32_t t = 0; t < answer->groups[g].topics_count; t++)
            room += (size_t)answer->groups[g].topics[t].partitions_count;
    return room;
}

/* Of either layout: the other one's lists are empty. */
static void take_committed(struct groups_found *group, const struct wire_offset_fetch_response *answer)
{
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++)
            add_committed(group, answer->topics[t].name, answer->topics[t].partitions[p].partition_index,
                          answer->topics[t].partitions[p].committed_offset);
    for (int32_t t = 0; answer->groups_count == 1 && t < answer->groups[0].topics_count; t++)
        for (int32_t p = 0; p < answer->groups[0].topics[t].partitions_count; p++)
            add_committed(group, answer->groups[0].topics[t].name,
                          answer->groups[0].topics[t].partitions[p].partition_index,
                          answer->groups[0].topics[t].partitions[p].committed_offset);
}

static bool ask_committed(struct groups_session *session, const struct groups_found *group,
                          struct wire_offset_fetch_response *answer, struct errmsg *why)
{
    struct connection *conn = admin_client_connection(session->client, group->coordinator, why);
    if (!conn)
        return false;
    struct wire_offset_fetch_request_offset_fetch_request_group one;
    struct wire_offset_fetch_request request;
    wire_init(&wire_offset_fetch_request_desc, &request);
    wire_init(&wire_offset_fetch_request_offset_fetch_request_group_desc, &one);
    if (connection_version(conn, wire_api_find_any(KEY_OFFSET_FETCH)) >= 8) {
        one.group_id = group->id;
        one.topics_count = -1;
        request.groups = &one;
        request.groups_count = 1;
    } else {
        request.group_id = group->id;
        request.topics_count = -1;
    }
    if (!call(session, group->coordinator, KEY_OFFSET_FETCH, &request, answer, why))
        return false;
    int16_t code = answer->groups_count == 1 ? answer->groups[0].error_code : answer->error_code;
    return code == ERR_NONE || failed(why, code);
}

static void take_ends(struct groups_found *group, const struct wire_list_offsets_response *answer)
{
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            const struct wire_list_offsets_response_list_offsets_partition_response *from =
                &answer->topics[t].partitions[p];
            struct groups_row *row = find_row(group, answer->topics[t].name, from->partition_index);
            if (row && from->error_code == ERR_NONE)
                row->end = from->offset;
        }
}

/* From one leader: `list` is all it leads. A leader that does not answer leaves the ends unknown. */
static void ask_ends(struct groups_session *session, struct groups_found *group,
                     const struct led_partition *list, size_t count)
{
    struct arena *arena = &session->arena;
    struct wire_list_offsets_request request;
    struct wire_list_offsets_response answer;
    struct errmsg why;
    wire_init(&wire_list_offsets_request_desc, &request);
    request.replica_id = -1;
    request.topics = wire_new(&wire_list_offsets_request_list_offsets_topic_desc, arena, count);
    for (size_t at = 0; at < count;) {
        size_t same = led_partitions_same_topic(list + at, count - at);
        struct wire_list_offsets_request_list_offsets_topic *topic = &request.topics[request.topics_count++];
        topic->name = list[at].topic;
        topic->partitions_count = (int32_t)same;
        topic->partitions = wire_new(&wire_list_offsets_request_list_offsets_partition_desc, arena, same);
        for (size_t i = 0; i < same; i++) {
            topic->partitions[i].partition_index = list[at + i].partition;
            topic->partitions[i].timestamp = TIMESTAMP_LATEST;
        }
        at += same;
    }
    if (list[0].leader >= 0 && call(session, list[0].leader, KEY_LIST_OFFSETS, &request, &answer, &why))
        take_ends(group, &answer);
}

static int32_t leader_of(const struct wire_metadata_response *metadata, struct view topic, int32_t partition)
{
    for (int32_t t = 0; t < metadata->topics_count; t++)
        for (int32_t p = 0;
             view_equal(metadata->topics[t].name, topic) && p < metadata->topics[t].partitions_count; p++)
            if (metadata->topics[t].partitions[p].partition_index == partition)
                return metadata->topics[t].partitions[p].leader_id;
    return -1;
}

static bool fetch_ends(struct groups_session *session, struct groups_found *group, struct errmsg *why)
{
    struct wire_metadata_response metadata;
    if (admin_metadata(session->client, NULL, -1, false, &session->arena, &metadata, why) != ERR_NONE)
        return false;
    size_t count = 0;
    struct led_partition *list =
        arena_zalloc(&session->arena, sizeof *list * (size_t)(group->rows_count + 1));
    for (int32_t i = 0; i < group->rows_count; i++)
        if (!view_is_null(group->rows[i].topic))
            list[count++] = (struct led_partition){
                .topic = group->rows[i].topic,
                .partition = group->rows[i].partition,
                .leader = leader_of(&metadata, group->rows[i].topic, group->rows[i].partition)};
    led_partitions_sort_by_leader(list, count);
    for (size_t at = 0; at < count;) {
        size_t same = led_partitions_same_leader(list + at, count - at);
        ask_ends(session, group, list + at, same);
        at += same;
    }
    return true;
}

bool groups_fetch_offsets(struct groups_session *session, struct groups_found *group, struct errmsg *why)
{
    struct wire_offset_fetch_response answer;
    if (!ask_committed(session, group, &answer, why))
        return false;
    group->rows = arena_alloc(&session->arena, sizeof *group->rows * room_for(group, &answer));
    add_assigned(group);
    take_committed(group, &answer);
    return fetch_ends(session, group, why);
}
