/*
 * Whose port refuses and who answers nothing, as net/presence.h tells: looked at by the clock, since a
 * process that is up and reached answers at once. Time in which the looker itself stands still does not
 * count.
 */
#include "sim/node.h"

#define LOOK_EVERY_MS 100 /* of upkeep.c */
#define REFUSED_MS    500
#define SILENT_MS     2000
#define AGAIN_MS      1000

void watch_begin(struct proc *proc, int id, int64_t epoch)
{
    proc->peers[id] = (struct watched_peer){.watched = id != proc->id, .epoch = epoch};
}

void watch_end(struct proc *proc, int id)
{
    proc->peers[id] = (struct watched_peer){0};
}

static void tell(struct proc *proc, int id, enum controller_event_kind kind)
{
    struct watched_peer *peer = &proc->peers[id];
    struct controller_event event = {
        .kind = kind,
        .watched = {.broker_id = id, .broker_epoch = peer->epoch, .was_there = peer->was_there}};
    conductor_step(proc, &event);
}

static void look_at(struct proc *proc, int id)
{
    struct sim *sim = proc->sim;
    struct watched_peer *peer = &proc->peers[id];
    bool reached = !sim->cut[proc->id][id] && !sim->cut[id][proc->id];
    bool refused = reached && (!sim->up[id] || sim->refused[proc->id][id]);
    if (refused) {
        peer->silent_ms = 0;
        peer->refused_ms += LOOK_EVERY_MS;
        if (peer->refused_ms > REFUSED_MS) {
            peer->refused_ms = REFUSED_MS + LOOK_EVERY_MS - AGAIN_MS;
            peer->told = true;
            tell(proc, id, CONTROLLER_EVENT_REFUSED);
        }
        return;
    }
    peer->refused_ms = 0;
    if (reached && !sim_is_paused(sim, id)) {
        bool news = !peer->heard || peer->told;
        peer->was_there = peer->heard = true;
        peer->told = false;
        peer->silent_ms = 0;
        if (news)
            tell(proc, id, CONTROLLER_EVENT_HEARD);
        return;
    }
    if (!peer->heard)
        return;
    peer->silent_ms += LOOK_EVERY_MS;
    if (peer->silent_ms == SILENT_MS / 2) {
        peer->told = true;
        tell(proc, id, CONTROLLER_EVENT_QUIET);
    } else if (peer->silent_ms > SILENT_MS) {
        peer->silent_ms = SILENT_MS + LOOK_EVERY_MS - AGAIN_MS;
        tell(proc, id, CONTROLLER_EVENT_SILENT);
    }
}

void watch_look(struct proc *proc)
{
    if (!proc->sim->shape.suspect)
        return;
    for (int id = 1; id <= proc->sim->shape.brokers; id++) {
        if (proc->peers[id].watched)
            look_at(proc, id);
    }
}
