/*
 * Where logs begin and end, and what they hold from a time on: asked of each partition's leader, again
 * when it moves meanwhile.
 */
#include <stdlib.h>

#include "cli/groups.h"
#include "cli/kafka_text.h"

#define KEY_LIST_OFFSETS 2

/* One partition that has no offset yet. */
struct asked {
    struct groups_offset *of;
    int32_t leader; /* -1: none */
};

struct question {
    struct groups_session *session;
    int64_t timestamp;
    struct asked *asked; /* by topic and partition */
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    const struct groups_offset *x = ((const struct asked *)a)->of, *y = ((const struct asked *)b)->of;
    int topics = view_compare(x->topic, y->topic);
    return topics ? topics : (x->partition > y->partition) - (x->partition < y->partition);
}

static int compare_leaders(const void *a, const void *b)
{
    const struct asked *x = a, *y = b;
    if (x->leader != y->leader)
        return x->leader < y->leader ? -1 : 1;
    return compare_names(a, b);
}

static struct asked *find(const struct question *question, struct view topic, int32_t partition)
{
    struct groups_offset key = {.topic = topic, .partition = partition};
    struct asked wanted = {.of = &key};
    return bsearch(&wanted, question->asked, question->count, sizeof wanted, compare_names);
}

/* --- who leads --------------------------------------------------------------------------------------- */

static struct view *topics_of(const struct question *question, int *count)
{
    struct view *names = arena_alloc(&question->session->arena, sizeof *names * (question->count + 1));
    *count = 0;
    for (size_t i = 0; i < question->count; i++)
        if (*count == 0 || !view_equal(names[*count - 1], question->asked[i].of->topic))
            names[(*count)++] = question->asked[i].of->topic;
    return names;
}

static bool find_leaders(struct question *question, struct errmsg *why)
{
    struct wire_metadata_response answer;
    int count;
    struct view *names = topics_of(question, &count);
    if (admin_metadata(question->session->client, names, count, false, &question->session->arena, &answer,
                       why) != ERR_NONE)
        return false;
    for (size_t i = 0; i < question->count; i++) {
        question->asked[i].leader = -1;
        question->asked[i].of->error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    for (int32_t t = 0; t < answer.topics_count; t++)
        for (int32_t p = 0; p < answer.topics[t].partitions_count; p++) {
            struct asked *one =
                find(question, answer.topics[t].name, answer.topics[t].partitions[p].partition_index);
            if (!one)
                continue;
            one->leader = answer.topics[t].partitions[p].leader_id;
            one->of->error = ERR_LEADER_NOT_AVAILABLE;
        }
    return true;
}

/* --- asking ------------------------------------------------------------------------------------------ */

static void take_answer(const struct question *question, const struct wire_list_offsets_response *answer)
{
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            const struct wire_list_offsets_response_list_offsets_partition_response *from =
                &answer->topics[t].partitions[p];
            struct asked *one = find(question, answer->topics[t].name, from->partition_index);
            if (!one)
                continue;
            one->of->error = from->error_code;
            one->of->offset = from->old_style_offsets_count > 0 ? from->old_style_offsets[0] : from->offset;
        }
}

/* `list` is what one broker leads. */
static void ask_leader(const struct question *question, const struct asked *list, size_t count)
{
    struct arena *arena = &question->session->arena;
    struct wire_list_offsets_request request;
    struct wire_list_offsets_response answer;
    struct errmsg why;
    wire_init(&wire_list_offsets_request_desc, &request);
    request.replica_id = -1;
    request.topics = wire_new(&wire_list_offsets_request_list_offsets_topic_desc, arena, count);
    for (size_t at = 0, n; at < count; at += n) {
        for (n = 1; at + n < count && view_equal(list[at + n].of->topic, list[at].of->topic);)
            n++;
        struct wire_list_offsets_request_list_offsets_topic *topic = &request.topics[request.topics_count++];
        topic->name = list[at].of->topic;
        topic->partitions_count = (int32_t)n;
        topic->partitions = wire_new(&wire_list_offsets_request_list_offsets_partition_desc, arena, n);
        for (size_t i = 0; i < n; i++) {
            topic->partitions[i].partition_index = list[at + i].of->partition;
            topic->partitions[i].timestamp = question->timestamp;
        }
    }
    for (size_t i = 0; i < count; i++)
        list[i].of->error = ERR_REQUEST_TIMED_OUT;
    if (groups_call(question->session, list[0].leader, KEY_LIST_OFFSETS, &request, &answer, &why))
        take_answer(question, &answer);
}

static bool ask_leaders(struct question *question, struct errmsg *why)
{
    if (!find_leaders(question, why))
        return false;
    struct asked *list = arena_alloc(&question->session->arena, sizeof *list * question->count);
    memcpy(list, question->asked, sizeof *list * question->count);
    qsort(list, question->count, sizeof *list, compare_leaders);
    for (size_t at = 0, n; at < question->count; at += n) {
        for (n = 1; at + n < question->count && list[at + n].leader == list[at].leader;)
            n++;
        if (list[at].leader >= 0)
            ask_leader(question, list + at, n);
    }
    return true;
}

/* What has no offset yet; false when all that is missing will stay so. */
static bool find_missing(struct question *question, struct groups_offsets *list)
{
    bool may_come = false;
    question->count = 0;
    for (int32_t i = 0; i < list->count; i++) {
        if (list->items[i].error == ERR_NONE)
            continue;
        may_come |= err_is_retriable((enum err)list->items[i].error);
        question->asked[question->count++].of = &list->items[i];
    }
    qsort(question->asked, question->count, sizeof *question->asked, compare_names);
    return may_come;
}

bool groups_log_offsets(struct groups_session *session, struct groups_offsets *list, int64_t timestamp,
                        bool patient, struct errmsg *why)
{
    struct question question = {.session = session, .timestamp = timestamp};
    question.asked = arena_alloc(&session->arena, sizeof *question.asked * (size_t)(list->count + 1));
    for (int32_t i = 0; i < list->count; i++) {
        list->items[i].offset = GROUPS_NO_OFFSET;
        list->items[i].error = ERR_LEADER_NOT_AVAILABLE;
    }
    int64_t end_ms = groups_now_ms() + session->timeout_ms;
    while (find_missing(&question, list)) {
        if (!ask_leaders(&question, why))
            return false;
        if (!find_missing(&question, list) || !patient || groups_now_ms() >= end_ms)
            return true;
        groups_pause();
    }
    return true;
}

bool groups_need_log_offsets(struct groups_session *session, struct groups_offsets *list, int64_t timestamp,
                             struct errmsg *why)
{
    if (!groups_log_offsets(session, list, timestamp, true, why))
        return false;
    for (int32_t i = 0; i < list->count; i++)
        if (list->items[i].error != ERR_NONE) {
            errmsg_set(why, GROUPS_EXECUTION ": %s (%.*s-%d)",
                       kafka_exception(list->items[i].error, &session->arena), VIEW_FMT(list->items[i].topic),
                       list->items[i].partition);
            return false;
        }
    return true;
}

static int compare_partitions(const void *a, const void *b)
{
    const struct groups_offset *x = a, *y = b;
    return (x->partition > y->partition) - (x->partition < y->partition);
}

bool groups_partitions_of(struct groups_session *session, struct view topic, struct groups_offsets *out,
                          int16_t *code, struct errmsg *why)
{
    struct wire_metadata_response answer;
    if (admin_metadata(session->client, &topic, 1, false, &session->arena, &answer, why) != ERR_NONE)
        return false;
    *code = answer.topics_count == 1 ? answer.topics[0].error_code : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    int32_t count = *code == ERR_NONE ? answer.topics[0].partitions_count : 0;
    *out = groups_offsets_new(session, count);
    for (int32_t i = 0; i < count; i++)
        groups_offsets_add(out, topic, answer.topics[0].partitions[i].partition_index, GROUPS_NO_OFFSET);
    if (count > 1)
        qsort(out->items, (size_t)count, sizeof *out->items, compare_partitions);
    return true;
}
