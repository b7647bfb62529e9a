/*
 * ElectLeaders (43): the controller elects, then the answer waits until this broker's metadata
 * shows it, or the client's timeout is over.
 */
#include "api/api.h"

#include "api/request_text.h"
#include "base/mem.h"
#include "service/controller/controller_loop.h"
#include "service/metadata_cache.h"

enum election_type { ELECTION_PREFERRED = 0, ELECTION_UNCLEAN = 1 };

/* One partition of the answer. */
struct elected {
    struct view topic;
    int32_t partition;
    enum err err;
    const char *message;
};

struct elect_state {
    struct api_call *call;
    const struct wire_elect_leaders_request *request;
    enum controller_election election;
    enum err err; /* of the whole request */
    struct elected *items;
    int32_t count;
    struct controller_call controller;
    struct metadata_wait wait;
    int64_t begun_ms;
};

/* --- the answer -------------------------------------------------------------------------------------- */

/* The partitions from `first` on that are of one topic; returns how many. */
static int32_t put_topic(struct api_call *call, const struct elected *first, int32_t left,
                         struct wire_elect_leaders_response_replica_election_result *to)
{
    int32_t count = 1;
    while (count < left && view_equal(first[count].topic, first->topic))
        count++;
    to->topic = first->topic;
    to->partition_result =
        wire_new(&wire_elect_leaders_response_partition_result_desc, &call->req->arena, (size_t)count);
    to->partition_result_count = count;
    for (int32_t i = 0; i < count; i++) {
        to->partition_result[i].partition_id = first[i].partition;
        to->partition_result[i].error_code = call_error(call, first[i].err);
        to->partition_result[i].error_message = view_str(first[i].message);
    }
    return count;
}

static void answer(struct elect_state *state)
{
    struct api_call *call = state->call;
    struct wire_elect_leaders_response *response = call_new_answer(call);
    if (call->version >= 1)
        response->error_code = call_error(call, state->err);
    response->replica_election_results = wire_new(&wire_elect_leaders_response_replica_election_result_desc,
                                                  &call->req->arena, (size_t)state->count);
    for (int32_t i = 0; i < state->count;)
        i += put_topic(call, &state->items[i], state->count - i,
                       &response->replica_election_results[response->replica_election_results_count++]);
    call_answer(call, response);
}

/* --- waiting for the metadata ------------------------------------------------------------------------- */

static bool is_shown(const struct elect_state *state, const struct elected *item,
                     const struct metadata *metadata)
{
    const struct metadata_partition *known = metadata_partition(metadata, item->topic, item->partition);
    if (!known || known->leader < 0)
        return false;
    return state->election == CONTROLLER_ELECT_UNCLEAN ||
           (known->replicas_count > 0 && known->leader == known->replicas[0]);
}

static bool all_shown(struct metadata_wait *wait, const struct metadata *metadata)
{
    const struct elect_state *state = CONTAINER_OF(wait, struct elect_state, wait);
    for (int32_t i = 0; i < state->count; i++)
        if (state->items[i].err == ERR_NONE && !is_shown(state, &state->items[i], metadata))
            return false;
    return true;
}

static void waited(struct metadata_wait *wait, bool in_time)
{
    struct elect_state *state = CONTAINER_OF(wait, struct elect_state, wait);
    const struct metadata *metadata = metadata_cache_get(state->call->broker->metadata);
    for (int32_t i = 0; i < state->count && !in_time; i++)
        if (state->items[i].err == ERR_NONE && !is_shown(state, &state->items[i], metadata))
            state->items[i].err = ERR_REQUEST_TIMED_OUT;
    answer(state);
}

/* --- the controller's answer ---------------------------------------------------------------------------- */

static const char *message_of(const struct elect_state *state, enum err err)
{
    switch (err) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
        return "The partition does not exist.";
    case ERR_INVALID_TOPIC_EXCEPTION:
        return "The topic is being deleted";
    case ERR_ELECTION_NOT_NEEDED:
        return "Leader election not needed for topic partition.";
    case ERR_PREFERRED_LEADER_NOT_AVAILABLE:
    case ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE:
        return state->election == CONTROLLER_ELECT_PREFERRED
                   ? "The preferred replica is not alive or not in sync."
                   : "No replica is alive.";
    default:
        return NULL;
    }
}

/* True when at least one partition has a new leader. */
static bool take_answer(struct elect_state *state, const struct controller_answer *from)
{
    struct arena *arena = &state->call->req->arena;
    bool any = false;
    state->items = arena_alloc(arena, sizeof *state->items * ((size_t)from->partitions_count + 1));
    for (int32_t i = 0; i < from->partitions_count; i++) {
        enum err err = from->partitions[i].err;
        if (err == ERR_ELECTION_NOT_NEEDED && state->request->topic_partitions_count < 0)
            continue;
        state->items[state->count++] =
            (struct elected){.topic = view_str(arena_strdup(arena, from->partitions[i].topic)),
                             .partition = from->partitions[i].partition,
                             .err = err,
                             .message = message_of(state, err)};
        any |= err == ERR_NONE;
    }
    return any;
}

/* Every partition that was asked for gets the same error. */
static void fail_all(struct elect_state *state, enum err err)
{
    const struct znode_partitions *asked = &state->controller.request.elect_leaders.partitions;
    state->items = arena_zalloc(&state->call->req->arena, sizeof *state->items * ((size_t)asked->count + 1));
    state->count = asked->count;
    for (int32_t i = 0; i < asked->count; i++) {
        state->items[i].topic = view_str(asked->items[i].topic);
        state->items[i].partition = asked->items[i].partition;
        state->items[i].err = err;
    }
}

static void answered(struct controller_call *controller, bool discard)
{
    struct elect_state *state = CONTAINER_OF(controller, struct elect_state, controller);
    bool any = false;
    if (discard || controller->answer.err != ERR_NONE)
        fail_all(state, discard ? ERR_UNKNOWN_SERVER_ERROR : controller->answer.err);
    else
        any = take_answer(state, &controller->answer);
    controller_call_close(controller);
    if (!any) {
        answer(state);
        return;
    }
    int32_t timeout_ms = state->request->timeout_ms;
    state->wait.home = state->call->req->loop;
    state->wait.deadline_ms = state->begun_ms + (timeout_ms > 0 ? timeout_ms : 0);
    state->wait.satisfied = all_shown;
    state->wait.done = waited;
    metadata_cache_wait(state->call->broker->metadata, &state->wait);
}

/* --- the call
 * ----------------------------------------------------------------------------------------------- */

static void take_partitions(struct elect_state *state)
{
    const struct wire_elect_leaders_request *request = state->request;
    struct arena *arena = &state->call->req->arena;
    struct znode_partitions *to = &state->controller.request.elect_leaders.partitions;
    int32_t count = 0;
    for (int32_t t = 0; t < request->topic_partitions_count; t++)
        count += request->topic_partitions[t].partitions_count > 0
                     ? request->topic_partitions[t].partitions_count
                     : 0;
    to->items = arena_zalloc(arena, sizeof *to->items * ((size_t)count + 1));
    for (int32_t t = 0; t < request->topic_partitions_count; t++) {
        const struct wire_elect_leaders_request_topic_partitions *from = &request->topic_partitions[t];
        const char *name = request_topic_name(state->call, from->topic);
        for (int32_t p = 0; p < from->partitions_count; p++)
            to->items[to->count++] =
                (struct znode_partition){.topic = name, .partition = from->partitions[p]};
    }
}

void api_elect_leaders(struct api_call *call)
{
    const struct wire_elect_leaders_request *request = call_decode(call);
    if (!request)
        return;
    struct elect_state *state = CALL_ALLOC(call, struct elect_state);
    state->call = call;
    state->request = request;
    state->begun_ms = loop_now_ms(call->req->loop);
    state->election =
        request->election_type == ELECTION_UNCLEAN ? CONTROLLER_ELECT_UNCLEAN : CONTROLLER_ELECT_PREFERRED;
    take_partitions(state);
    if (request->election_type != ELECTION_PREFERRED && request->election_type != ELECTION_UNCLEAN) {
        state->err = ERR_INVALID_REQUEST;
        fail_all(state, ERR_INVALID_REQUEST);
        answer(state);
        return;
    }
    state->controller.request.kind = CONTROLLER_ELECT_LEADERS;
    state->controller.request.elect_leaders.election = state->election;
    state->controller.request.elect_leaders.all = request->topic_partitions_count < 0;
    state->controller.home = call->req->loop;
    state->controller.done = answered;
    controller_loop_request(call->broker->controller, &state->controller);
}
