/*
 * A request that the controller's core on this broker answers, if it is active: asked on the loop of the
 * request, answered there.
 *
 * Ownership: lives in the request's arena.
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_CONTROLLER_ASK_H
#define BARNABAS_API_CONTROLLER_ASK_H

#include "api/api.h"
#include "service/controller/controller_loop.h"

struct controller_ask {
    struct controller_call controller;
    struct api_call *call;
    void (*answer)(struct controller_ask *ask);
};

/* `answer` writes what controller.answer says; the answer is let go afterwards. */
struct controller_ask *controller_ask_new(struct api_call *call, enum controller_request_kind kind,
                                          void (*answer)(struct controller_ask *));
void controller_ask_submit(struct controller_ask *ask);

#endif
