#include "api/group_call.h"

#include "base/mem.h"
#include "core/metadata/metadata.h"
#include "service/metadata_cache.h"

/* More than clients take (librdkafka: 100 MB, unless told otherwise). */
#define ANSWER_BYTES_MAX ((size_t)256 * 1024 * 1024)

static struct group_call *of(struct groups_ask *ask)
{
    return CONTAINER_OF(ask, struct group_call, ask);
}

static bool run(struct groups_ask *ask)
{
    return of(ask)->run(of(ask));
}

static void settled(struct groups_ask *ask, const struct group_effect *effect)
{
    of(ask)->settled(of(ask), effect);
}

static void came_home(struct groups_ask *ask)
{
    struct group_call *gc = of(ask);
    if (!gc->encoded)
        call_answer(gc->call, gc->answer);
    else if (gc->encode_err != ERR_NONE)
        call_fail(gc->call, gc->encode_err, &gc->why);
    else
        call_send(gc->call);
}

struct group_call *group_call_new(struct api_call *call, const void *request,
                                  bool (*run_fn)(struct group_call *),
                                  void (*settled_fn)(struct group_call *, const struct group_effect *))
{
    struct group_call *gc = CALL_ALLOC(call, struct group_call);
    gc->call = call;
    gc->request = request;
    gc->answer = call_new_answer(call);
    gc->arena_before = call->req->arena.total;
    gc->run = run_fn;
    gc->settled = settled_fn;
    gc->ask = (struct groups_ask){.run = run, .settled = settled, .done = came_home, .home = call->req->loop};
    return gc;
}

void group_call_submit(struct group_call *gc)
{
    groups_ask(gc->call->broker->groups, &gc->ask);
}

void group_call_encode(struct group_call *gc, const void *answer)
{
    struct api_call *call = gc->call;
    gc->encoded = true;
    gc->encode_err =
        wire_encode(call->api->response, call->version, answer, call_begin_answer(call), &gc->why);
}

struct groups_turn group_call_begin(struct group_call *gc, struct view group_id)
{
    return groups_begin(gc->call->broker->groups, group_id);
}

void group_call_end(struct group_call *gc, const struct groups_turn *turn)
{
    groups_end(gc->call->broker->groups, turn);
}

size_t group_call_arena_max(const struct group_call *gc)
{
    return gc->arena_before + ANSWER_BYTES_MAX;
}

bool group_call_has_room(const struct group_call *gc)
{
    return gc->call->req->arena.total < group_call_arena_max(gc);
}

void group_call_count(const struct group_call *gc, int16_t code)
{
    call_error(gc->call, (enum err)code); /* errors of Kafka's have the same numbers here */
}

bool group_call_knows(const struct api_call *call, struct view topic, int32_t partition)
{
    return !view_is_null(topic) &&
           metadata_partition(metadata_cache_get(call->broker->metadata), topic, partition) != NULL;
}
