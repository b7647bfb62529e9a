/*
 * The other registered brokers, whoever is controller: each is watched by its port, so that this broker can
 * say whom it hears (silence.c), and who refuses (suspicion.c, term.c).
 *
 *   /brokers/ids changed, or a registration -> children, and what is new or changed of
 *       /brokers/ids/N       (watched) where it is, under which registration
 *       /barnabas/brokers/N  whether it is of our make: written in the transaction of the registration
 */
#include <stdlib.h>

#include "base/assert.h"
#include "core/controller/internal.h"

struct ctl_peer *ctl_peer_find(const struct controller *c, int32_t id)
{
    for (int32_t i = 0; i < c->peers_count; i++)
        if (c->peers[i].id == id)
            return &c->peers[i];
    return NULL;
}

void ctl_peers_doubt(struct controller *c, int32_t id)
{
    for (int32_t i = 0; i < c->peers_count; i++)
        if (id < 0 || c->peers[i].id == id)
            c->peers[i].doubts++;
}

static struct ctl_peer *add_peer(struct controller *c, int32_t id)
{
    if (c->peers_count == c->peers_cap) {
        c->peers_cap = c->peers_cap ? c->peers_cap * 2 : 8;
        c->peers = mem_resize(c->peers, (size_t)c->peers_cap * sizeof *c->peers);
    }
    struct ctl_peer *peer = &c->peers[c->peers_count++];
    *peer = (struct ctl_peer){.id = id, .doubts = 1};
    return peer;
}

static void drop_peer(struct controller *c, struct ctl_peer *peer)
{
    c->silence_known &= peer->said_epoch == 0;
    controller_effects_add(c->out, CONTROLLER_EFFECT_UNWATCH_PEER)->unwatch_peer.broker_id = peer->id;
    *peer = c->peers[--c->peers_count];
}

struct look {
    struct ctl_frame frame;
    struct znode_ids asked;
};

enum { LOOK_LIST, LOOK_LISTED, LOOK_READ };

/* What changes after this makes its watch fire, and is doubted anew. */
static void ask(struct controller *c, struct look *look, int32_t id)
{
    struct ctl_peer *peer = ctl_peer_find(c, id);
    if (!peer)
        peer = add_peer(c, id);
    if (peer->known == peer->doubts)
        return;
    peer->asked = peer->doubts;
    look->asked.ids[look->asked.count++] = id;
    ctl_get(c, CONTROLLER_VALUE_BROKER, true, ctl_path(c, "/brokers/ids/%d", id));
    ctl_get(c, CONTROLLER_VALUE_INCARNATION, false, ctl_path(c, "/barnabas/brokers/%d", id));
}

static void take_list(struct controller *c, struct look *look)
{
    const struct controller_op_result *list = &c->results[0];
    struct znode_ids listed = {
        .ids = arena_alloc(&c->arena, (size_t)list->children_count * sizeof(int32_t) + 1)};
    look->asked.ids = arena_alloc(&c->arena, (size_t)list->children_count * sizeof(int32_t) + 1);
    for (int32_t i = 0; i < list->children_count; i++) {
        int32_t id;
        if (!ctl_parse_broker_id(list->children[i], &id) || id == c->config.broker_id)
            continue;
        listed.ids[listed.count++] = id;
        ask(c, look, id);
    }
    for (int32_t i = c->peers_count - 1; i >= 0; i--)
        if (!ctl_ids_contain(&listed, c->peers[i].id))
            drop_peer(c, &c->peers[i]);
}

static void take_registration(struct controller *c, struct ctl_peer *peer,
                              const struct controller_op_result *broker,
                              const struct controller_op_result *incarnation)
{
    if (broker->err != ERR_NONE) { /* gone meanwhile, or unreadable */
        drop_peer(c, peer);
        return;
    }
    peer->known = peer->asked;
    peer->is_ours = incarnation->err == ERR_NONE && incarnation->mzxid >= broker->czxid;
    if (peer->epoch == broker->czxid && peer->version == broker->version)
        return;
    peer->epoch = broker->czxid;
    peer->version = broker->version;
    peer->hearing = CTL_HEARING_UNKNOWN;
    struct controller_live_broker copy = ctl_copy_live_broker(
        c, peer->id, broker->value.broker.endpoints, broker->value.broker.endpoints_count, broker->czxid);
    controller_effects_add(c->out, CONTROLLER_EFFECT_WATCH_PEER)->watch_peer = copy;
}

static enum ctl_next run_look(struct controller *c, struct ctl_frame *frame)
{
    struct look *look = (struct look *)frame;
    switch (frame->phase++) {
    case LOOK_LIST:
        ctl_children(c, true, "/brokers/ids");
        return ctl_submit(c);
    case LOOK_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_list(c, look);
        return ctl_submit(c);
    case LOOK_READ:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        for (int32_t i = 0; i < look->asked.count; i++)
            take_registration(c, ctl_peer_find(c, look->asked.ids[i]), &c->results[2 * i],
                              &c->results[2 * i + 1]);
        ctl_enqueue_kind(c, CTL_EVENT_SILENCE); /* of an earlier registration nothing more is said */
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_peers(struct controller *c)
{
    if (c->session_id != 0)
        ctl_call(c, sizeof(struct look), run_look);
}
