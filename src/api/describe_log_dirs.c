/*
 * DescribeLogDirs (35).
 */
#include "api/api.h"

#include "base/mem.h"
#include "service/replica/log_dir_report.h"
#include "service/replica/replica_manager.h"

typedef struct wire_describe_log_dirs_response_describe_log_dirs_result answer_dir;
typedef struct wire_describe_log_dirs_response_describe_log_dirs_topic answer_topic;

struct describe_log_dirs_state {
    struct api_call *call;
    struct log_dir_report report;
    struct map wanted;
};

/* The replicas from `first` on that are of one topic; returns how many. */
static size_t put_topic(struct api_call *call, const struct log_dir_report_replica *first, size_t left,
                        answer_topic *to)
{
    size_t count = 1;
    while (count < left && strcmp(first[count].topic, first->topic) == 0)
        count++;
    to->name = view_str(first->topic);
    to->partitions =
        wire_new(&wire_describe_log_dirs_response_describe_log_dirs_partition_desc, &call->req->arena, count);
    to->partitions_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        to->partitions[i].partition_index = first[i].partition;
        to->partitions[i].partition_size = first[i].size_bytes;
        to->partitions[i].offset_lag = first[i].offset_lag;
        to->partitions[i].is_future_key = first[i].is_future;
    }
    return count;
}

static void put_dir(struct api_call *call, const struct log_dir_report_dir *from, answer_dir *to)
{
    to->error_code = call_error(call, from->err);
    to->log_dir = view_str(from->path);
    to->total_bytes = from->total_bytes;
    to->usable_bytes = from->usable_bytes;
    to->topics = wire_new(&wire_describe_log_dirs_response_describe_log_dirs_topic_desc, &call->req->arena,
                          from->count);
    for (size_t i = 0; i < from->count;)
        i += put_topic(call, &from->replicas[i], from->count - i, &to->topics[to->topics_count++]);
}

static void reported(struct log_dir_report *report)
{
    struct describe_log_dirs_state *state = CONTAINER_OF(report, struct describe_log_dirs_state, report);
    struct api_call *call = state->call;
    struct wire_describe_log_dirs_response *answer = call_new_answer(call);
    answer->results = wire_new(&wire_describe_log_dirs_response_describe_log_dirs_result_desc,
                               &call->req->arena, (size_t)report->dirs_count);
    answer->results_count = report->dirs_count;
    for (int i = 0; i < report->dirs_count; i++)
        put_dir(call, &report->dirs[i], &answer->results[i]);
    map_close(&state->wanted);
    call_answer(call, answer);
}

static void want(struct describe_log_dirs_state *state, const struct wire_describe_log_dirs_request *request)
{
    for (int32_t t = 0; t < request->topics_count; t++)
        for (int32_t p = 0; p < request->topics[t].partitions_count; p++) {
            uint8_t key[PARTITION_KEY_MAX];
            map_put(&state->wanted,
                    partition_key(key, request->topics[t].topic, request->topics[t].partitions[p]), state);
        }
}

void api_describe_log_dirs(struct api_call *call)
{
    const struct wire_describe_log_dirs_request *request = call_decode(call);
    if (!request)
        return;
    struct describe_log_dirs_state *state = CALL_ALLOC(call, struct describe_log_dirs_state);
    state->call = call;
    want(state, request);
    state->report.broker = call->broker;
    state->report.wanted = request->topics_count < 0 ? NULL : &state->wanted;
    state->report.arena = &call->req->arena;
    state->report.done = reported;
    log_dir_report_submit(&state->report);
}
