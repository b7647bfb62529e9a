/*
 * Silence: a broker that answers nothing has not refused either. It may stand still, or be cut off; or this
 * broker is. No single one can tell, so each says whom it does not hear, and what they say together decides.
 *
 *   /barnabas/silent/<witness>   ephemeral: whom this broker does not hear, by registration
 *
 *   the controller suspects   whom it does not hear, while it hears a majority of the registered brokers
 *                             (itself included), and a broker that it hears says the same
 *   another broker replaces   a controller that it does not hear, when a majority of the registered brokers
 *                             (itself included) says so, all of which it hears
 *
 * Who has not answered for half of the time that makes silence is not heard any more, though not silent
 * either: where many are cut off at once, the first of them is found silent when of none of the others it is
 * thought that it is heard.
 *
 * A controller that hears no majority is perhaps the one that is cut off: it does nothing of this. It goes on
 * being controller, for its writes are fenced; the majority, where there is one, replaces it. Of two brokers
 * one is no majority: nothing of this happens there.
 *
 * Brokers of another make may pause, and are not judged; but they are counted.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

#define SILENT_PATH "/barnabas/silent"

struct silence {
    struct ctl_frame frame;
    struct znode_ids witnesses;
};

enum { SILENCE_SAY, SILENCE_SAID, SILENCE_LISTED, SILENCE_READ, SILENCE_END };

/* ---- what this broker says */

static bool is_silent(const struct ctl_peer *peer)
{
    return peer->is_ours && peer->hearing == CTL_HEARING_SILENT;
}

static bool hears_all(const struct controller *c)
{
    for (int32_t i = 0; i < c->peers_count; i++)
        if (is_silent(&c->peers[i]))
            return false;
    return true;
}

static struct znode_silence whom_i_do_not_hear(struct controller *c)
{
    struct znode_silent_broker *brokers =
        arena_zalloc(&c->arena, (size_t)c->peers_count * sizeof *brokers + 1);
    struct znode_silence silence = {.timestamp_ms = -1, .brokers = brokers};
    for (int32_t i = 0; i < c->peers_count; i++)
        if (is_silent(&c->peers[i]))
            brokers[silence.brokers_count++] =
                (struct znode_silent_broker){.id = c->peers[i].id, .epoch = c->peers[i].epoch};
    return silence;
}

/* Each peer as it was when it was last written. */
static bool is_said(const struct controller *c)
{
    for (int32_t i = 0; i < c->peers_count; i++)
        if (c->peers[i].said_epoch != (is_silent(&c->peers[i]) ? c->peers[i].epoch : 0))
            return false;
    return c->silence_known;
}

static void note_said(struct controller *c)
{
    for (int32_t i = 0; i < c->peers_count; i++)
        c->peers[i].said_epoch = is_silent(&c->peers[i]) ? c->peers[i].epoch : 0;
    c->silence_known = true;
}

void ctl_unsay(struct controller *c)
{
    for (int32_t i = 0; i < c->peers_count; i++)
        c->peers[i].said_epoch = 0;
    c->silence_known = true;
}

/* Deleted and made anew: whatever is there, of this session or one before, what is there then is ours. */
static enum ctl_next say(struct controller *c)
{
    if (is_said(c))
        return ctl_submit(c);
    char *path = ctl_path(c, SILENT_PATH "/%d", c->config.broker_id);
    ctl_op(c, CONTROLLER_OP_DELETE, path)->version = CONTROLLER_ANY_VERSION;
    if (!hears_all(c)) {
        ctl_op(c, CONTROLLER_OP_CREATE, "/barnabas");
        ctl_op(c, CONTROLLER_OP_CREATE, SILENT_PATH);
        struct controller_op *create = ctl_op(c, CONTROLLER_OP_CREATE, path);
        create->ephemeral = true;
        create->value.kind = CONTROLLER_VALUE_SILENCE;
        create->value.silence = whom_i_do_not_hear(c);
    }
    note_said(c);
    return ctl_submit(c);
}

/* Whatever went wrong is tried again when silence is told again. */
static void take_said(struct controller *c)
{
    for (int32_t i = 0; i < c->results_count; i++) {
        enum err err = c->results[i].err;
        bool is_parent = i > 0 && i < c->results_count - 1;
        if (err == ERR_SESSION_EXPIRED || err == ERR_CLOSED)
            ctl_session_lost(c);
        if (err != ERR_NONE && err != (is_parent ? ERR_EXISTS : i == 0 ? ERR_NOT_FOUND : ERR_NONE))
            c->silence_known = false;
    }
}

/* ---- what the others say */

static int32_t registered(const struct controller *c)
{
    return 1 + c->peers_count;
}

static bool hears_majority(const struct controller *c)
{
    int32_t heard = 1;
    for (int32_t i = 0; i < c->peers_count; i++)
        heard += c->peers[i].hearing == CTL_HEARING_HEARD;
    return 2 * heard > registered(c);
}

static bool says_so(const struct controller_op_result *said, const struct ctl_peer *silent)
{
    for (int32_t i = 0; said->err == ERR_NONE && i < said->value.silence.brokers_count; i++)
        if (said->value.silence.brokers[i].id == silent->id &&
            said->value.silence.brokers[i].epoch == silent->epoch)
            return true;
    return false;
}

/* Those that are heard: of the others nobody knows whether they still mean it. */
static int32_t count_witnesses(const struct controller *c, const struct silence *s,
                               const struct ctl_peer *silent)
{
    int32_t count = 0;
    for (int32_t i = 0; i < s->witnesses.count; i++) {
        const struct ctl_peer *witness = ctl_peer_find(c, s->witnesses.ids[i]);
        count += witness && witness->hearing == CTL_HEARING_HEARD && says_so(&c->results[i], silent);
    }
    return count;
}

static void suspect_silent(struct controller *c, const struct silence *s)
{
    bool majority = hears_majority(c);
    if (!majority && !c->abstains)
        log_warn(
            "controller", "controller_abstains",
            "epoch=%d brokers=%d reason=\"it hears no majority of them\" effect=\"it suspects nobody for "
            "being silent\"",
            c->epoch, registered(c));
    c->abstains = !majority;
    bool any = false;
    for (int32_t i = 0; majority && i < c->peers_count; i++) {
        const struct ctl_peer *peer = &c->peers[i];
        if (is_silent(peer) && count_witnesses(c, s, peer) > 0)
            any |= ctl_suspect(c, peer->id, peer->epoch, CTL_EVIDENCE_SILENT);
    }
    if (any)
        ctl_call_move_from_suspects(c);
}

static void replace_silent(struct controller *c, const struct silence *s)
{
    const struct ctl_peer *rival = ctl_peer_find(c, c->rival.id);
    if (rival && is_silent(rival) && 2 * (1 + count_witnesses(c, s, rival)) > registered(c))
        ctl_start_replace(c, rival->id, rival->epoch, CTL_EVIDENCE_SILENT);
}

/* ---- the event */

/* A suspect that is heard again is asked at once, on a connection of its own. */
static void greet_suspects(struct controller *c)
{
    for (int32_t i = 0; i < c->peers_count; i++) {
        struct ctl_peer *peer = &c->peers[i];
        struct ctl_broker *broker = c->active ? ctl_broker_find(&c->ctx, peer->id) : NULL;
        if (peer->is_back && broker && broker->suspected && broker->epoch == peer->epoch) {
            ctl_announce_channel(c, broker);
            ctl_outbox_abandon(broker);
            ctl_send_brokers_to(broker);
        }
        peer->is_back = false;
    }
}

/* Only who may have to act on it asks what the others say. */
static bool is_concerned(const struct controller *c)
{
    for (int32_t i = 0; i < c->peers_count; i++) {
        const struct ctl_peer *peer = &c->peers[i];
        bool concerns = c->active ? !ctl_broker_is_suspected(&c->ctx, peer->id) : peer->id == c->rival.id;
        if (concerns && is_silent(peer))
            return true;
    }
    return false;
}

static void ask_witnesses(struct controller *c, struct silence *s)
{
    const struct controller_op_result *list = &c->results[0];
    s->witnesses.ids = arena_alloc(&c->arena, (size_t)list->children_count * sizeof(int32_t) + 1);
    for (int32_t i = 0; i < list->children_count; i++) {
        int32_t id;
        if (!ctl_parse_broker_id(list->children[i], &id) || id == c->config.broker_id)
            continue;
        s->witnesses.ids[s->witnesses.count++] = id;
        ctl_get(c, CONTROLLER_VALUE_SILENCE, false, ctl_path(c, SILENT_PATH "/%d", id));
    }
}

static enum ctl_next run_silence(struct controller *c, struct ctl_frame *frame)
{
    struct silence *s = (struct silence *)frame;
    switch (frame->phase++) {
    case SILENCE_SAY:
        greet_suspects(c);
        return say(c);
    case SILENCE_SAID:
        take_said(c);
        if (!is_concerned(c))
            return CTL_DONE;
        ctl_children(c, true, SILENT_PATH);
        return ctl_submit(c);
    case SILENCE_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        ask_witnesses(c, s);
        return ctl_submit(c);
    case SILENCE_READ:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        if (c->active)
            suspect_silent(c, s);
        else
            replace_silent(c, s);
        return CTL_AGAIN;
    case SILENCE_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_silence(struct controller *c)
{
    if (c->session_id != 0)
        ctl_call(c, sizeof(struct silence), run_silence);
}

void ctl_hear(struct controller *c, int32_t id, int64_t epoch, enum ctl_hearing hearing)
{
    struct ctl_peer *peer = ctl_peer_find(c, id);
    if (!peer || peer->epoch != epoch)
        return;
    bool spoke = hearing == CTL_HEARING_SILENT || peer->hearing == CTL_HEARING_SILENT;
    peer->is_back = hearing == CTL_HEARING_HEARD && c->active && ctl_broker_is_suspected(&c->ctx, id);
    peer->hearing = hearing;
    if (spoke || peer->is_back)
        ctl_enqueue_kind(c, CTL_EVENT_SILENCE);
}
