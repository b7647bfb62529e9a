/*
 * InitProducerId (22) of an idempotent producer. A transactional one needs a transaction
 * coordinator, which this broker does not have yet: COORDINATOR_NOT_AVAILABLE.
 */
#include "api/api.h"

#include "base/mem.h"
#include "service/controller/producer_ids.h"

struct init_state {
    struct api_call *call;
    struct producer_id_wait wait;
};

static void answer_with(struct api_call *call, enum err err, int64_t producer_id)
{
    struct wire_init_producer_id_response *answer = call_new_answer(call);
    answer->error_code = call_error(call, err);
    answer->producer_id = err == ERR_NONE ? producer_id : -1;
    answer->producer_epoch = err == ERR_NONE ? 0 : -1;
    call_answer(call, answer);
}

static void id_is_there(struct producer_id_wait *wait)
{
    struct init_state *state = CONTAINER_OF(wait, struct init_state, wait);
    answer_with(state->call, wait->err, wait->producer_id);
}

void api_init_producer_id(struct api_call *call)
{
    const struct wire_init_producer_id_request *request = call_decode(call);
    if (!request)
        return;
    if (!view_is_null(request->transactional_id)) {
        bool empty = request->transactional_id.len == 0;
        answer_with(call, empty ? ERR_INVALID_REQUEST : ERR_COORDINATOR_NOT_AVAILABLE, -1);
        return;
    }
    /* Either both of the caller's id and epoch are said or neither (KIP-360). */
    if ((request->producer_id == -1) != (request->producer_epoch == -1)) {
        answer_with(call, ERR_INVALID_REQUEST, -1);
        return;
    }
    struct init_state *state = CALL_ALLOC(call, struct init_state);
    state->call = call;
    state->wait.done = id_is_there;
    producer_ids_next(call->broker->producer_ids, &state->wait);
}
