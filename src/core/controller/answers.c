#include "base/assert.h"
#include "core/controller/internal.h"

static void append(struct controller *c, struct ctl_event *event, const struct controller_answer *answer)
{
    ASSERT(!event->answered);
    event->answered = true;
    struct controller_effect *effect = controller_effects_add(c->out, CONTROLLER_EFFECT_ANSWER);
    effect->answer.ticket = event->ticket;
    effect->answer.answer = *answer;
}

void ctl_answer(struct controller *c, struct controller_answer *answer)
{
    answer->kind = c->event->request->kind;
    append(c, c->event, answer);
}

void ctl_answer_error(struct controller *c, enum err err)
{
    ctl_answer(c, &(struct controller_answer){.err = err});
}

void ctl_answer_event(struct controller *c, struct ctl_event *event, enum err err)
{
    append(c, event, &(struct controller_answer){.kind = event->request->kind, .err = err});
}
