/*
 * OffsetFetch (9): what groups have committed. Version 0 reads it from ZooKeeper, past all groups.
 */
#include "api/group_call.h"
#include "api/zk_offsets.h"
#include "base/mem.h"
#include "loop/workers.h"

#define VERSION_ZOOKEEPER 0
#define VERSION_TOP_ERROR 2
#define VERSION_GROUPS    8

typedef struct wire_offset_fetch_response_offset_fetch_response_topic answer_topic;
typedef struct wire_offset_fetch_response_offset_fetch_response_partition answer_partition;
typedef struct wire_offset_fetch_response_offset_fetch_response_topics answer_topics;
typedef struct wire_offset_fetch_response_offset_fetch_response_group answer_group;

/* --- one group, up to version 7 ---------------------------------------------------------------------------
 */

static answer_topic *new_topics(struct wire_offset_fetch_response *answer, int32_t count, struct arena *arena)
{
    answer->topics_count = count;
    answer->topics =
        wire_new(&wire_offset_fetch_response_offset_fetch_response_topic_desc, arena, (size_t)count);
    return answer->topics;
}

static answer_partition *new_partitions(answer_topic *to, struct view name, int32_t count,
                                        struct arena *arena)
{
    to->name = name;
    to->partitions_count = count;
    to->partitions =
        wire_new(&wire_offset_fetch_response_offset_fetch_response_partition_desc, arena, (size_t)count);
    return to->partitions;
}

/* Version 1 has no place for an error of the whole. */
static void put_error(struct group_call *gc, enum err err)
{
    const struct wire_offset_fetch_request *request = gc->request;
    struct wire_offset_fetch_response *answer = gc->answer;
    struct arena *arena = &gc->call->req->arena;
    if (gc->call->version >= VERSION_TOP_ERROR) {
        answer->error_code = call_error(gc->call, err);
        return;
    }
    new_topics(answer, request->topics_count, arena);
    for (int32_t t = 0; t < request->topics_count; t++) {
        int32_t count = request->topics[t].partition_indexes_count;
        answer_partition *to =
            new_partitions(&answer->topics[t], request->topics[t].name, count > 0 ? count : 0, arena);
        for (int32_t p = 0; p < count; p++)
            to[p] = (answer_partition){.partition_index = request->topics[t].partition_indexes[p],
                                       .committed_offset = -1,
                                       .committed_leader_epoch = -1,
                                       .metadata = VIEW_LIT(""),
                                       .error_code = call_error(gc->call, err)};
    }
}

static void put_fetched(struct group_call *gc, const struct group_fetched_topic *fetched, int32_t count)
{
    struct arena *arena = &gc->call->req->arena;
    answer_topic *topics = new_topics(gc->answer, count, arena);
    for (int32_t t = 0; t < count; t++) {
        answer_partition *to = new_partitions(&topics[t], fetched[t].name, fetched[t].offsets_count, arena);
        for (int32_t p = 0; p < fetched[t].offsets_count; p++) {
            const struct group_fetched_offset *from = &fetched[t].offsets[p];
            to[p] = (answer_partition){.partition_index = from->partition,
                                       .committed_offset = from->offset,
                                       .committed_leader_epoch = from->leader_epoch,
                                       .metadata = from->metadata,
                                       .error_code = call_error(gc->call, from->err)};
        }
    }
}

static bool fetch_one(struct group_call *gc)
{
    const struct wire_offset_fetch_request *request = gc->request;
    struct arena *arena = &gc->call->req->arena;
    int32_t count = request->topics_count;
    struct group_topic_partitions *topics =
        arena_alloc(arena, sizeof *topics * (size_t)((count > 0 ? count : 0) + 1));
    for (int32_t t = 0; t < count; t++)
        topics[t] =
            (struct group_topic_partitions){request->topics[t].name, request->topics[t].partition_indexes,
                                            request->topics[t].partition_indexes_count};
    struct group_fetched_topic *fetched;
    int32_t fetched_count;
    struct groups_turn turn = group_call_begin(gc, request->group_id);
    enum err err =
        group_fetch_offsets(turn.coordinator, request->group_id, topics, count, request->require_stable,
                            arena, group_call_arena_max(gc), &fetched, &fetched_count);
    group_call_end(gc, &turn);
    if (err != ERR_NONE)
        put_error(gc, err);
    else
        put_fetched(gc, fetched, fetched_count);
    return true;
}

/* --- several groups ---------------------------------------------------------------------------------------
 */

static void put_group(struct group_call *gc, const struct group_fetched_topic *fetched, int32_t count,
                      answer_group *to)
{
    struct arena *arena = &gc->call->req->arena;
    to->topics_count = count;
    to->topics =
        wire_new(&wire_offset_fetch_response_offset_fetch_response_topics_desc, arena, (size_t)count);
    for (int32_t t = 0; t < count; t++) {
        answer_topics *topic = &to->topics[t];
        topic->name = fetched[t].name;
        topic->partitions_count = fetched[t].offsets_count;
        topic->partitions = wire_new(&wire_offset_fetch_response_offset_fetch_response_partitions_desc, arena,
                                     (size_t)topic->partitions_count);
        for (int32_t p = 0; p < topic->partitions_count; p++) {
            const struct group_fetched_offset *from = &fetched[t].offsets[p];
            topic->partitions[p].partition_index = from->partition;
            topic->partitions[p].committed_offset = from->offset;
            topic->partitions[p].committed_leader_epoch = from->leader_epoch;
            topic->partitions[p].metadata = from->metadata;
            topic->partitions[p].error_code = call_error(gc->call, from->err);
        }
    }
}

static void fetch_group(struct group_call *gc,
                        const struct wire_offset_fetch_request_offset_fetch_request_group *asked,
                        answer_group *to)
{
    const struct wire_offset_fetch_request *request = gc->request;
    struct arena *arena = &gc->call->req->arena;
    int32_t count = asked->topics_count;
    struct group_topic_partitions *topics =
        arena_alloc(arena, sizeof *topics * (size_t)((count > 0 ? count : 0) + 1));
    for (int32_t t = 0; t < count; t++)
        topics[t] = (struct group_topic_partitions){asked->topics[t].name, asked->topics[t].partition_indexes,
                                                    asked->topics[t].partition_indexes_count};
    struct group_fetched_topic *fetched;
    int32_t fetched_count;
    struct groups_turn turn = group_call_begin(gc, asked->group_id);
    enum err err =
        group_fetch_offsets(turn.coordinator, asked->group_id, topics, count, request->require_stable, arena,
                            group_call_arena_max(gc), &fetched, &fetched_count);
    group_call_end(gc, &turn);
    to->group_id = asked->group_id;
    to->error_code = call_error(gc->call, err);
    if (err == ERR_NONE)
        put_group(gc, fetched, fetched_count, to);
}

static bool fetch_several(struct group_call *gc)
{
    const struct wire_offset_fetch_request *request = gc->request;
    struct wire_offset_fetch_response *answer = gc->answer;
    int32_t count = request->groups_count > 0 ? request->groups_count : 0;
    answer->groups_count = count;
    answer->groups = wire_new(&wire_offset_fetch_response_offset_fetch_response_group_desc,
                              &gc->call->req->arena, (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        answer_group *to = &answer->groups[i];
        if (group_call_has_room(gc)) {
            fetch_group(gc, &request->groups[i], to);
        } else {
            to->group_id = request->groups[i].group_id;
            to->error_code = call_error(gc->call, ERR_INVALID_REQUEST);
        }
    }
    return true;
}

/* --- from ZooKeeper ---------------------------------------------------------------------------------------
 */

struct zookeeper_fetch {
    struct work work;
    struct api_call *call;
    const struct wire_offset_fetch_request *request;
    struct wire_offset_fetch_response *answer; /* ERR_NONE: the cluster has the partition */
};

static void fetch_from_zookeeper(struct work *work)
{
    struct zookeeper_fetch *fetch = CONTAINER_OF(work, struct zookeeper_fetch, work);
    struct api_call *call = fetch->call;
    for (int32_t t = 0; t < fetch->answer->topics_count; t++) {
        answer_topic *topic = &fetch->answer->topics[t];
        for (int32_t p = 0; p < topic->partitions_count; p++) {
            answer_partition *to = &topic->partitions[p];
            if (to->error_code == ERR_NONE)
                to->error_code = err_wire_code(zk_offsets_get(call->broker, fetch->request->group_id,
                                                              topic->name, to->partition_index,
                                                              &call->req->arena, &to->committed_offset));
        }
    }
}

static void zookeeper_done(struct work *work, bool discard)
{
    (void)discard; /* its connection is gone */
    struct zookeeper_fetch *fetch = CONTAINER_OF(work, struct zookeeper_fetch, work);
    for (int32_t t = 0; t < fetch->answer->topics_count; t++)
        for (int32_t p = 0; p < fetch->answer->topics[t].partitions_count; p++)
            call_error(fetch->call, (enum err)fetch->answer->topics[t].partitions[p].error_code);
    call_answer(fetch->call, fetch->answer);
}

static void submit_to_zookeeper(struct api_call *call, const struct wire_offset_fetch_request *request)
{
    struct arena *arena = &call->req->arena;
    struct zookeeper_fetch *fetch = CALL_ALLOC(call, struct zookeeper_fetch);
    fetch->call = call;
    fetch->request = request;
    fetch->answer = call_new_answer(call);
    int32_t topics = request->topics_count > 0 ? request->topics_count : 0;
    new_topics(fetch->answer, topics, arena);
    for (int32_t t = 0; t < topics; t++) {
        int32_t count = request->topics[t].partition_indexes_count;
        struct view name = request->topics[t].name;
        answer_partition *to = new_partitions(&fetch->answer->topics[t], name, count > 0 ? count : 0, arena);
        for (int32_t p = 0; p < count; p++) {
            int32_t index = request->topics[t].partition_indexes[p];
            bool known = group_call_knows(call, name, index);
            to[p] = (answer_partition){.partition_index = index,
                                       .committed_offset = -1,
                                       .committed_leader_epoch = -1,
                                       .metadata = VIEW_LIT(""),
                                       .error_code = known ? ERR_NONE : ERR_UNKNOWN_TOPIC_OR_PARTITION};
        }
    }
    fetch->work = (struct work){.home = call->req->loop,
                                .lane = WORKERS_LANE_ZK,
                                .run = fetch_from_zookeeper,
                                .done = zookeeper_done,
                                .label = "zookeeper_offsets"};
    workers_submit(call->broker->workers, &fetch->work);
}

void api_offset_fetch(struct api_call *call)
{
    const struct wire_offset_fetch_request *request = call_decode(call);
    if (!request)
        return;
    if (call->version == VERSION_ZOOKEEPER)
        submit_to_zookeeper(call, request);
    else
        group_call_submit(
            group_call_new(call, request, call->version >= VERSION_GROUPS ? fetch_several : fetch_one, NULL));
}
