/*
 * What groups have committed: asked for, written, deleted.
 */
#include <stdlib.h>

#include "cli/groups.h"
#include "cli/java_order.h"
#include "cli/kafka_text.h"

enum { KEY_OFFSET_COMMIT = 8, KEY_OFFSET_FETCH = 9, KEY_OFFSET_DELETE = 47 };

/* --- lists ------------------------------------------------------------------------------------------- */

struct groups_offsets groups_offsets_new(struct groups_session *session, int32_t room)
{
    struct groups_offsets list = {0};
    list.items = arena_alloc(&session->arena, sizeof *list.items * (size_t)(room + 1));
    return list;
}

void groups_offsets_add(struct groups_offsets *list, struct view topic, int32_t partition, int64_t offset)
{
    list->items[list->count++] = (struct groups_offset){topic, partition, offset, ERR_NONE};
}

struct groups_offset *groups_offsets_find(const struct groups_offsets *list, struct view topic,
                                          int32_t partition)
{
    for (int32_t i = 0; i < list->count; i++)
        if (list->items[i].partition == partition && view_equal(list->items[i].topic, topic))
            return &list->items[i];
    return NULL;
}

void groups_offsets_hash_order(struct groups_offsets *list, size_t capacity)
{
    size_t count = (size_t)list->count;
    struct arena arena = {0};
    int32_t *hashes = arena_alloc(&arena, sizeof *hashes * (count + 1));
    size_t *order = arena_alloc(&arena, sizeof *order * (count + 1));
    struct groups_offset *before = arena_alloc(&arena, sizeof *before * (count + 1));
    for (size_t i = 0; i < count; i++) {
        before[i] = list->items[i];
        hashes[i] = java_partition_hash(before[i].topic, before[i].partition);
    }
    java_hash_codes_order(hashes, count, capacity, order);
    for (size_t i = 0; i < count; i++)
        list->items[i] = before[order[i]];
    arena_close(&arena);
}

static int compare_names(const void *a, const void *b)
{
    const struct groups_offset *x = a, *y = b;
    int topics = view_compare(x->topic, y->topic);
    return topics ? topics : (x->partition > y->partition) - (x->partition < y->partition);
}

/* For requests: what is of one topic stands together. */
static struct groups_offsets sorted_copy(struct groups_session *session, const struct groups_offsets *list)
{
    struct groups_offsets copy = groups_offsets_new(session, list->count);
    for (int32_t i = 0; i < list->count; i++)
        copy.items[copy.count++] = list->items[i];
    qsort(copy.items, (size_t)copy.count, sizeof *copy.items, compare_names);
    return copy;
}

/* --- asked for --------------------------------------------------------------------------------------- */

static int32_t count_fetched(const struct wire_offset_fetch_response *answer)
{
    int32_t count = 0;
    for (int32_t t = 0; t < answer->topics_count; t++)
        count += answer->topics[t].partitions_count;
    for (int32_t g = 0; g < answer->groups_count; g++)
        for (int32_t t = 0; t < answer->groups[g].topics_count; t++)
            count += answer->groups[g].topics[t].partitions_count;
    return count;
}

static void take_fetched(struct groups_offsets *out, struct view topic, int32_t partition, int64_t offset,
                         int16_t error)
{
    if (error == ERR_NONE && offset >= 0)
        groups_offsets_add(out, topic, partition, offset);
}

/* Of either layout: the other one's lists are empty. */
static void take_answer(struct groups_offsets *out, const struct wire_offset_fetch_response *answer)
{
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++)
            take_fetched(out, answer->topics[t].name, answer->topics[t].partitions[p].partition_index,
                         answer->topics[t].partitions[p].committed_offset,
                         answer->topics[t].partitions[p].error_code);
    for (int32_t t = 0; answer->groups_count == 1 && t < answer->groups[0].topics_count; t++)
        for (int32_t p = 0; p < answer->groups[0].topics[t].partitions_count; p++)
            take_fetched(out, answer->groups[0].topics[t].name,
                         answer->groups[0].topics[t].partitions[p].partition_index,
                         answer->groups[0].topics[t].partitions[p].committed_offset,
                         answer->groups[0].topics[t].partitions[p].error_code);
}

static bool ask_committed(struct groups_session *session, struct view id, int32_t broker, void *arg,
                          int16_t *code, struct errmsg *why)
{
    struct groups_offsets *out = arg;
    struct connection *conn = admin_client_connection(session->client, broker, why);
    if (!conn)
        return false;
    struct wire_offset_fetch_request_offset_fetch_request_group one;
    struct wire_offset_fetch_request request;
    struct wire_offset_fetch_response answer;
    wire_init(&wire_offset_fetch_request_desc, &request);
    wire_init(&wire_offset_fetch_request_offset_fetch_request_group_desc, &one);
    if (connection_version(conn, wire_api_find_any(KEY_OFFSET_FETCH)) >= 8) {
        one.group_id = id;
        one.topics_count = -1;
        request.groups = &one;
        request.groups_count = 1;
    } else {
        request.group_id = id;
        request.topics_count = -1;
    }
    if (!groups_call(session, broker, KEY_OFFSET_FETCH, &request, &answer, why))
        return false;
    *code = answer.groups_count == 1 ? answer.groups[0].error_code : answer.error_code;
    *out = groups_offsets_new(session, count_fetched(&answer));
    take_answer(out, &answer);
    return true;
}

bool groups_committed(struct groups_session *session, struct view id, struct groups_offsets *out,
                      struct errmsg *why)
{
    int16_t code;
    int32_t broker;
    if (!groups_at_coordinator(session, id, &broker, ask_committed, out, &code, why))
        return false;
    if (code != ERR_NONE)
        return groups_failed(session, code, why);
    groups_offsets_hash_order(out, 0);
    return true;
}

/* --- written ----------------------------------------------------------------------------------------- */

/* What of one topic stands together from `at` on. */
static int32_t same_topic(const struct groups_offsets *list, int32_t at)
{
    int32_t n = 0;
    while (at + n < list->count && view_equal(list->items[at + n].topic, list->items[at].topic))
        n++;
    return n;
}

struct commit {
    struct groups_offsets list; /* by topic */
    struct wire_offset_commit_response answer;
};

static bool ask_commit(struct groups_session *session, struct view id, int32_t broker, void *arg,
                       int16_t *code, struct errmsg *why)
{
    struct commit *commit = arg;
    const struct groups_offsets *list = &commit->list;
    struct wire_offset_commit_request request;
    wire_init(&wire_offset_commit_request_desc, &request);
    request.group_id = id;
    request.topics = wire_new(&wire_offset_commit_request_offset_commit_request_topic_desc, &session->arena,
                              (size_t)list->count);
    for (int32_t at = 0, n; at < list->count; at += n) {
        n = same_topic(list, at);
        struct wire_offset_commit_request_offset_commit_request_topic *topic =
            &request.topics[request.topics_count++];
        topic->name = list->items[at].topic;
        topic->partitions_count = n;
        topic->partitions = wire_new(&wire_offset_commit_request_offset_commit_request_partition_desc,
                                     &session->arena, (size_t)n);
        for (int32_t i = 0; i < n; i++) {
            topic->partitions[i].partition_index = list->items[at + i].partition;
            topic->partitions[i].committed_offset = list->items[at + i].offset;
            topic->partitions[i].committed_metadata = VIEW_LIT("");
        }
    }
    if (!groups_call(session, broker, KEY_OFFSET_COMMIT, &request, &commit->answer, why))
        return false;
    *code = ERR_NONE;
    for (int32_t t = 0; t < commit->answer.topics_count; t++)
        for (int32_t p = 0; p < commit->answer.topics[t].partitions_count; p++)
            if (*code == ERR_NONE)
                *code = commit->answer.topics[t].partitions[p].error_code;
    return true;
}

/* "[t-0, t-1]": what was refused. */
static struct view refused(struct groups_session *session, const struct wire_offset_commit_response *answer)
{
    const char *text = "";
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++)
            if (answer->topics[t].partitions[p].error_code != ERR_NONE)
                text = arena_printf(&session->arena, "%s%s%.*s-%d", text, *text ? ", " : "",
                                    VIEW_FMT(answer->topics[t].name),
                                    answer->topics[t].partitions[p].partition_index);
    return view_str(text);
}

bool groups_commit(struct groups_session *session, struct view id, const struct groups_offsets *list,
                   struct errmsg *why)
{
    if (list->count == 0)
        return true;
    struct commit commit = {.list = sorted_copy(session, list)};
    int32_t broker;
    int16_t code;
    if (!groups_at_coordinator(session, id, &broker, ask_commit, &commit, &code, why))
        return false;
    if (code == ERR_NONE)
        return true;
    errmsg_set(why,
               "org.apache.kafka.common.errors.%s: Failed altering consumer group offsets for the following "
               "partitions: [%.*s]",
               kafka_error_class(code), VIEW_FMT(refused(session, &commit.answer)));
    return false;
}

/* --- deleted ----------------------------------------------------------------------------------------- */

struct deletion {
    struct groups_offsets sorted;
    struct groups_offsets *list;
};

static void take_deleted(struct groups_offsets *list, const struct wire_offset_delete_response *answer)
{
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            struct groups_offset *of = groups_offsets_find(list, answer->topics[t].name,
                                                           answer->topics[t].partitions[p].partition_index);
            if (of)
                of->error = answer->topics[t].partitions[p].error_code;
        }
}

static bool ask_deletion(struct groups_session *session, struct view id, int32_t broker, void *arg,
                         int16_t *code, struct errmsg *why)
{
    struct deletion *deletion = arg;
    const struct groups_offsets *list = &deletion->sorted;
    struct wire_offset_delete_request request;
    struct wire_offset_delete_response answer;
    wire_init(&wire_offset_delete_request_desc, &request);
    request.group_id = id;
    request.topics = wire_new(&wire_offset_delete_request_offset_delete_request_topic_desc, &session->arena,
                              (size_t)list->count);
    for (int32_t at = 0, n; at < list->count; at += n) {
        n = same_topic(list, at);
        struct wire_offset_delete_request_offset_delete_request_topic *topic =
            &request.topics[request.topics_count++];
        topic->name = list->items[at].topic;
        topic->partitions_count = n;
        topic->partitions = wire_new(&wire_offset_delete_request_offset_delete_request_partition_desc,
                                     &session->arena, (size_t)n);
        for (int32_t i = 0; i < n; i++)
            topic->partitions[i].partition_index = list->items[at + i].partition;
    }
    if (!groups_call(session, broker, KEY_OFFSET_DELETE, &request, &answer, why))
        return false;
    *code = answer.error_code;
    take_deleted(deletion->list, &answer);
    return true;
}

bool groups_delete_committed(struct groups_session *session, struct view id, struct groups_offsets *list,
                             int16_t *code, struct errmsg *why)
{
    struct deletion deletion = {.sorted = sorted_copy(session, list), .list = list};
    int32_t broker;
    if (!groups_at_coordinator(session, id, &broker, ask_deletion, &deletion, code, why))
        return false;
    for (int32_t i = 0; *code != ERR_NONE && i < list->count; i++)
        list->items[i].error = *code;
    return true;
}
