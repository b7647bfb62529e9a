/*
 * A request to the groups of this broker: whoever holds them answers it or lets it wait, and it comes home
 * with the answer, which is encoded where it was made if its parts are only valid there.
 *
 * Ownership: lives in the request's arena, which is the holder's while the request is away.
 * Runs on: as marked; `H` the loop of the request, `G` the loop that holds the groups.
 */
#ifndef BARNABAS_API_GROUP_CALL_H
#define BARNABAS_API_GROUP_CALL_H

#include "api/api.h"
#include "service/group/groups.h"

struct group_call {
    struct groups_ask ask;
    struct api_call *call;
    const void *request; /* decoded */
    void *answer;        /* with its defaults */
    void *state;         /* the handler's */

    /* Private. */
    bool (*run)(struct group_call *gc);
    void (*settled)(struct group_call *gc, const struct group_effect *effect);
    size_t arena_before; /* bytes of the request itself */
    bool encoded;
    enum err encode_err;
    struct errmsg why;
};

/* H. `run` and `settled` (NULL: nothing waits) as in groups_ask. The answer is sent when it is home. */
struct group_call *group_call_new(struct api_call *call, const void *request,
                                  bool (*run)(struct group_call *gc),
                                  void (*settled)(struct group_call *gc, const struct group_effect *effect));
/* H; the request may be gone when this returns. */
void group_call_submit(struct group_call *gc);
/* G. `answer` is encoded now, instead of gc->answer at home. */
void group_call_encode(struct group_call *gc, const void *answer);
/* G. */
struct groups_turn group_call_begin(struct group_call *gc, struct view group_id);
void group_call_end(struct group_call *gc, const struct groups_turn *turn);
/*
 * G. What one request is told of groups is bounded: there may be so much in each that a short request which
 * names it again and again would take all memory. False: what follows is answered INVALID_REQUEST.
 */
bool group_call_has_room(const struct group_call *gc);
/* G. How full the request's arena may become by its answer. */
size_t group_call_arena_max(const struct group_call *gc);
/* A code that an answer of the core has already: counts it. */
void group_call_count(const struct group_call *gc, int16_t code);

/* H. Is the partition one of the cluster's, as far as this broker was told? */
bool group_call_knows(const struct api_call *call, struct view topic, int32_t partition);

#endif
