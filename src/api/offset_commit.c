/*
 * OffsetCommit (8): how far a group has read. Version 0 writes to ZooKeeper, past all groups.
 */
#include "api/group_call.h"
#include "api/zk_offsets.h"
#include "base/mem.h"
#include "config/config.h"
#include "loop/workers.h"

#define VERSION_ZOOKEEPER 0
#define VERSION_TIMESTAMP 1

typedef struct wire_offset_commit_request_offset_commit_request_partition asked_partition;
typedef struct wire_offset_commit_response_offset_commit_response_topic answer_topic;

/* The partitions that the cluster has, with where each one's error goes. */
struct offset_commit {
    struct group_commit_offset *offsets;
    int16_t **codes;
    int32_t count;
    /* Version 0. */
    struct work work;
    struct api_call *call;
    const struct wire_offset_commit_request *request;
    void *answer;
    int32_t metadata_max;
};

/* --- which, and the answer's frame ------------------------------------------------------------------------
 */

static void add(struct offset_commit *commit, struct api_call *call, struct view topic,
                const asked_partition *asked, int16_t *code)
{
    if (!group_call_knows(call, topic, asked->partition_index)) {
        *code = call_error(call, ERR_UNKNOWN_TOPIC_OR_PARTITION);
        return;
    }
    commit->codes[commit->count] = code;
    commit->offsets[commit->count++] = (struct group_commit_offset){
        .topic = topic,
        .partition = asked->partition_index,
        .offset = asked->committed_offset,
        .leader_epoch = asked->committed_leader_epoch,
        .commit_ms = call->version == VERSION_TIMESTAMP ? asked->commit_timestamp : -1,
        .metadata = asked->committed_metadata};
}

static size_t count_partitions(const struct wire_offset_commit_request *request)
{
    size_t count = 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        if (request->topics[t].partitions_count > 0)
            count += (size_t)request->topics[t].partitions_count;
    return count;
}

static struct offset_commit *collect(struct api_call *call, const struct wire_offset_commit_request *request,
                                     struct wire_offset_commit_response *answer)
{
    struct arena *arena = &call->req->arena;
    struct offset_commit *commit = CALL_ALLOC(call, struct offset_commit);
    size_t partitions = count_partitions(request);
    int32_t topics = request->topics_count > 0 ? request->topics_count : 0;
    commit->offsets = arena_alloc(arena, sizeof *commit->offsets * (partitions + 1));
    commit->codes = arena_alloc(arena, sizeof *commit->codes * (partitions + 1));
    answer->topics =
        wire_new(&wire_offset_commit_response_offset_commit_response_topic_desc, arena, (size_t)topics);
    answer->topics_count = topics;
    for (int32_t t = 0; t < topics; t++) {
        answer_topic *to = &answer->topics[t];
        int32_t count = request->topics[t].partitions_count > 0 ? request->topics[t].partitions_count : 0;
        to->name = request->topics[t].name;
        to->partitions = wire_new(&wire_offset_commit_response_offset_commit_response_partition_desc, arena,
                                  (size_t)count);
        to->partitions_count = count;
        for (int32_t p = 0; p < count; p++) {
            to->partitions[p].partition_index = request->topics[t].partitions[p].partition_index;
            add(commit, call, to->name, &request->topics[t].partitions[p], &to->partitions[p].error_code);
        }
    }
    return commit;
}

/* --- to the coordinator -----------------------------------------------------------------------------------
 */

static bool commit_to_group(struct group_call *gc)
{
    const struct wire_offset_commit_request *request = gc->request;
    const struct offset_commit *commit = gc->state;
    struct group_commit_request to_group = {.group_id = request->group_id,
                                            .member_id = request->member_id,
                                            .instance_id = request->group_instance_id,
                                            .generation = request->generation_id_or_member_epoch,
                                            .retention_ms = request->retention_time_ms,
                                            .producer_id = -1,
                                            .producer_epoch = -1,
                                            .offsets = commit->offsets,
                                            .offsets_count = commit->count};
    struct groups_turn turn = group_call_begin(gc, request->group_id);
    group_commit(turn.coordinator, &to_group, groups_token(&gc->ask), turn.now, turn.out);
    group_call_end(gc, &turn);
    return false;
}

static void committed(struct group_call *gc, const struct group_effect *effect)
{
    const struct offset_commit *commit = gc->state;
    for (int32_t i = 0; i < commit->count; i++)
        *commit->codes[i] = call_error(gc->call, effect->committed.errs[i]);
    group_call_encode(gc, gc->answer);
}

/* --- to ZooKeeper -----------------------------------------------------------------------------------------
 */

static void commit_to_zookeeper(struct work *work)
{
    struct offset_commit *commit = CONTAINER_OF(work, struct offset_commit, work);
    struct api_call *call = commit->call;
    for (int32_t i = 0; i < commit->count; i++) {
        const struct group_commit_offset *offset = &commit->offsets[i];
        enum err err = (int64_t)offset->metadata.len > commit->metadata_max
                           ? ERR_OFFSET_METADATA_TOO_LARGE
                           : zk_offsets_put(call->broker, commit->request->group_id, offset->topic,
                                            offset->partition, offset->offset, &call->req->arena);
        *commit->codes[i] = err_wire_code(err);
    }
}

static void zookeeper_done(struct work *work, bool discard)
{
    (void)discard; /* its connection is gone */
    struct offset_commit *commit = CONTAINER_OF(work, struct offset_commit, work);
    for (int32_t i = 0; i < commit->count; i++)
        call_error(commit->call, (enum err) * commit->codes[i]);
    call_answer(commit->call, commit->answer);
}

static void submit_to_zookeeper(struct api_call *call, const struct wire_offset_commit_request *request)
{
    struct wire_offset_commit_response *answer = call_new_answer(call);
    struct offset_commit *commit = collect(call, request, answer);
    commit->call = call;
    commit->request = request;
    commit->answer = answer;
    commit->metadata_max = config_int(broker_config(call->broker), CONFIG_OFFSET_METADATA_MAX_BYTES);
    commit->work = (struct work){.home = call->req->loop,
                                 .lane = WORKERS_LANE_ZK,
                                 .run = commit_to_zookeeper,
                                 .done = zookeeper_done,
                                 .label = "zookeeper_commit"};
    workers_submit(call->broker->workers, &commit->work);
}

void api_offset_commit(struct api_call *call)
{
    const struct wire_offset_commit_request *request = call_decode(call);
    if (!request)
        return;
    if (call->version == VERSION_ZOOKEEPER) {
        submit_to_zookeeper(call, request);
        return;
    }
    struct group_call *gc = group_call_new(call, request, commit_to_group, committed);
    struct offset_commit *commit = collect(call, request, gc->answer);
    gc->state = commit;
    if (commit->count == 0)
        call_answer(call, gc->answer);
    else
        group_call_submit(gc);
}
