/*
 * AlterReplicaLogDirs (34): a job of the replica manager, as the controller's requests are, so that it comes
 * between them and not into the middle of one.
 *
 * A partition that is named twice is meant for the directory named last, as with Kafka.
 */
#include "api/api.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "service/mover/mover.h"
#include "service/replica/replica_manager.h"

typedef struct wire_alter_replica_log_dirs_response_alter_replica_log_dir_partition_result answer_partition;
typedef struct wire_alter_replica_log_dirs_response_alter_replica_log_dir_topic_result answer_topic;

struct alter_log_dirs_state {
    struct control_job job;
    struct api_call *call;
    struct mover_request *items;
    int32_t count;
};

/* --- what is wanted ---------------------------------------------------------------------------------------
 */

static int32_t count_all(const struct wire_alter_replica_log_dirs_request *request)
{
    int32_t count = 0;
    for (int32_t d = 0; d < request->dirs_count; d++)
        for (int32_t t = 0; t < request->dirs[d].topics_count; t++)
            if (request->dirs[d].topics[t].partitions_count > 0)
                count += request->dirs[d].topics[t].partitions_count;
    return count;
}

static void want(struct alter_log_dirs_state *state, struct map *named, struct view topic, int32_t index,
                 const char *path)
{
    uint8_t key[PARTITION_KEY_MAX];
    struct view name = partition_key(key, topic, index);
    struct mover_request *item = map_get(named, name);
    if (!item) {
        item = &state->items[state->count++];
        map_put(named, name, item);
    }
    *item = (struct mover_request){.topic = topic, .index = index, .path = path};
}

static void collect(struct alter_log_dirs_state *state,
                    const struct wire_alter_replica_log_dirs_request *request)
{
    struct arena *arena = &state->call->req->arena;
    struct map named = {0};
    state->items = arena_zalloc(arena, sizeof *state->items * ((size_t)count_all(request) + 1));
    for (int32_t d = 0; d < request->dirs_count; d++) {
        const char *path = arena_cstr(arena, request->dirs[d].path);
        for (int32_t t = 0; t < request->dirs[d].topics_count; t++)
            for (int32_t p = 0; p < request->dirs[d].topics[t].partitions_count; p++)
                want(state, &named, request->dirs[d].topics[t].name, request->dirs[d].topics[t].partitions[p],
                     path);
    }
    map_close(&named);
}

/* --- carrying out ------------------------------------------------------------------------------------------
 */

static void alter_run(struct control_job *job)
{
    struct alter_log_dirs_state *state = CONTAINER_OF(job, struct alter_log_dirs_state, job);
    replica_manager_alter_log_dirs(state->call->broker->replicas, state->items, state->count);
    for (int32_t i = 0; i < state->count; i++) {
        const struct mover_request *item = &state->items[i];
        if (item->err != ERR_NONE)
            log_warn("api", "log_dir_not_altered", "partition=%.*s-%d dir=%s error=%s", VIEW_FMT(item->topic),
                     item->index, item->path, err_name(item->err));
    }
}

static int by_topic(const void *a, const void *b)
{
    const struct mover_request *x = a, *y = b;
    int order = view_compare(x->topic, y->topic);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void alter_done(struct control_job *job)
{
    struct alter_log_dirs_state *state = CONTAINER_OF(job, struct alter_log_dirs_state, job);
    struct api_call *call = state->call;
    struct arena *arena = &call->req->arena;
    size_t count = (size_t)state->count;
    struct wire_alter_replica_log_dirs_response *answer = call_new_answer(call);
    answer_topic *topics =
        wire_new(&wire_alter_replica_log_dirs_response_alter_replica_log_dir_topic_result_desc, arena, count);
    answer_partition *partitions = wire_new(
        &wire_alter_replica_log_dirs_response_alter_replica_log_dir_partition_result_desc, arena, count);
    if (count > 0)
        qsort(state->items, count, sizeof *state->items, by_topic);
    for (size_t i = 0; i < count; i++) {
        const struct mover_request *item = &state->items[i];
        if (i == 0 || !view_equal(item->topic, item[-1].topic)) {
            topics[answer->results_count].topic_name = item->topic;
            topics[answer->results_count++].partitions = &partitions[i];
        }
        topics[answer->results_count - 1].partitions_count++;
        partitions[i].partition_index = item->index;
        partitions[i].error_code = call_error(call, item->err);
    }
    answer->results = topics;
    call_answer(call, answer);
}

void api_alter_replica_log_dirs(struct api_call *call)
{
    const struct wire_alter_replica_log_dirs_request *request = call_decode(call);
    if (!request)
        return;
    struct alter_log_dirs_state *state = CALL_ALLOC(call, struct alter_log_dirs_state);
    state->call = call;
    collect(state, request);
    state->job = (struct control_job){
        .home = call->req->loop, .run = alter_run, .done = alter_done, .label = "alter_replica_log_dirs"};
    replica_manager_submit(call->broker->replicas, &state->job);
}
