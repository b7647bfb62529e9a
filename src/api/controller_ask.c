#include "api/controller_ask.h"

#include "base/mem.h"

static void answered(struct controller_call *controller, bool discard)
{
    (void)discard; /* then the answer is an error, and so is ours */
    struct controller_ask *ask = CONTAINER_OF(controller, struct controller_ask, controller);
    ask->answer(ask);
    controller_call_close(controller);
}

struct controller_ask *controller_ask_new(struct api_call *call, enum controller_request_kind kind,
                                          void (*answer)(struct controller_ask *))
{
    struct controller_ask *ask = CALL_ALLOC(call, struct controller_ask);
    ask->call = call;
    ask->answer = answer;
    ask->controller.request.kind = kind;
    ask->controller.home = call->req->loop;
    ask->controller.done = answered;
    return ask;
}

void controller_ask_submit(struct controller_ask *ask)
{
    controller_loop_request(ask->call->broker->controller, &ask->controller);
}
