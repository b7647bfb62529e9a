#include "sim/pipe.h"

#include <stdlib.h>

#include "base/mem.h"

struct pipe {
    struct sim *sim;
    int from;
    int to;
    int64_t last_us; /* when the latest arrives */
    struct list queue;
    int pumps; /* tasks that know the pipe */
    bool closed;
};

struct pipe *pipe_new(struct sim *sim, int from, int to)
{
    struct pipe *pipe = MEM_NEW(struct pipe);
    pipe->sim = sim;
    pipe->from = from;
    pipe->to = to;
    list_init(&pipe->queue);
    return pipe;
}

static void reap(struct pipe *pipe)
{
    if (pipe->closed && pipe->pumps == 0)
        free(pipe);
}

void pipe_free(struct pipe *pipe)
{
    if (!pipe)
        return;
    struct list *node;
    while ((node = list_pop_front(&pipe->queue))) {
        struct pipe_message *message = CONTAINER_OF(node, struct pipe_message, node);
        if (message->lost)
            message->lost(pipe->sim, message);
    }
    pipe->closed = true;
    reap(pipe);
}

int64_t pipe_latency_us(struct sim *sim)
{
    int64_t latency_us = sim_between(sim, SIM_RNG_NET, 100, 2 * SIM_MS);
    if (sim->slowness > 0 && sim_chance(sim, SIM_RNG_NET, 100 * sim->slowness))
        latency_us += sim_between(sim, SIM_RNG_NET, 0, 80 * SIM_MS);
    if (sim->slowness > 1 && sim_chance(sim, SIM_RNG_NET, 10 * sim->slowness))
        latency_us += sim_between(sim, SIM_RNG_NET, 0, 2000 * SIM_MS);
    return latency_us;
}

static void pump(struct sim *sim, void *arg);

static void dropped(struct sim *sim, void *arg)
{
    (void)sim;
    struct pipe *pipe = arg;
    pipe->pumps--;
    reap(pipe);
}

static void arm(struct pipe *pipe, int64_t delay_us)
{
    pipe->pumps++;
    sim_after(pipe->sim, delay_us, SIM_WORLD, "pump", pump, dropped, pipe);
}

static void pump(struct sim *sim, void *arg)
{
    struct pipe *pipe = arg;
    pipe->pumps--;
    if (pipe->closed) {
        reap(pipe);
    } else if (sim->cut[pipe->from][pipe->to]) {
        arm(pipe, sim_between(sim, SIM_RNG_NET, 20 * SIM_MS, 60 * SIM_MS));
    } else if (sim_is_paused(sim, pipe->to)) {
        arm(pipe, sim->paused_until_us[pipe->to] - sim->now_us + sim_between(sim, SIM_RNG_NET, 0, SIM_MS));
    } else {
        struct list *node = list_pop_front(&pipe->queue);
        struct pipe_message *message = CONTAINER_OF(node, struct pipe_message, node);
        message->arrive(sim, message);
    }
}

void pipe_send(struct pipe *pipe, struct pipe_message *message)
{
    struct sim *sim = pipe->sim;
    int64_t at_us = sim->now_us + pipe_latency_us(sim);
    if (at_us <= pipe->last_us)
        at_us = pipe->last_us + 1;
    pipe->last_us = at_us;
    list_push_back(&pipe->queue, &message->node);
    arm(pipe, at_us - sim->now_us);
}
