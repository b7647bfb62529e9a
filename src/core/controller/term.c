/*
 * Standing for controller, and resigning.
 *
 *   read /controller (watched)
 *     of this session, active      nothing to do
 *     of this session, not active  the election's answer was lost: take the term up; if a later epoch was met
 *                                  in it, which only a /controller_epoch that was set back explains: delete
 *                                  it (fenced), read again, so that the next term has another epoch
 *     of an older session of mine  delete it (fenced), read again
 *     of another broker            not controller; its deletion wakes us. Its broker is watched (peers.c)
 *     nobody                       read /controller_epoch, then in one multi create
 *                                  /controller and raise the epoch
 *
 * A controller whose port refuses, or that a majority does not hear (suspicion.c, silence.c), is replaced
 * without waiting for its session: one multi raises /controller_epoch, deletes /controller, creates ours.
 * What guards it is the version of /controller_epoch, read before /controller was read and found to be the
 * suspect's: had anybody been elected since, the version would be another. (/controller's own version is
 * always 0.) A controller that was replaced while it lived finds its next write refused, resigns, and does
 * not stand for a while.
 *
 * Whether this broker is controller is decided by the owner of the znode, never by the id in
 * it: the id may be mine and the session not. An election whose answer was lost is not
 * guessed at: reading /controller again tells.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

/* What the epoch is read for. */
enum want { WANT_ELECTION, WANT_TAKE_UP, WANT_DELETE, WANT_REPLACE };

struct check {
    struct ctl_frame frame;
    int64_t controller_czxid; /* of another's */
    int32_t epoch;
    int32_t epoch_version;
    enum want want;
};

enum {
    PHASE_READ,
    PHASE_READ_DONE,
    PHASE_EPOCH,
    PHASE_EPOCH_DONE,
    PHASE_EPOCH_CREATED,
    PHASE_VOTED,
    PHASE_RIVAL_DONE,
    PHASE_REPLACE,
    PHASE_REPLACE_READ,
    PHASE_END
};

static void stand_later(struct controller *c, int64_t delay_ms)
{
    ctl_arm(c, CTL_TIMER_STAND, delay_ms);
}

static enum ctl_next look_for_epoch(struct check *check, enum want want)
{
    check->want = want;
    check->frame.phase = PHASE_EPOCH;
    return CTL_AGAIN;
}

static bool parse_epoch(struct view text, int32_t *out)
{
    int64_t value = 0;
    if (text.len == 0 || text.len > 10)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (text.ptr[i] - '0');
    }
    if (value >= INT32_MAX)
        return false;
    *out = (int32_t)value;
    return true;
}

/* ---- the controller that is another */

static void forget_rival(struct controller *c)
{
    c->rival.id = -1;
}

enum { RIVAL_EPOCH, RIVAL_CONTROLLER, RIVAL_BROKER };

/* In this order: see above. */
static enum ctl_next ask_rival(struct controller *c, struct check *check)
{
    ctl_get(c, CONTROLLER_VALUE_RAW, false, "/controller_epoch");
    ctl_get(c, CONTROLLER_VALUE_CONTROLLER, false, "/controller");
    ctl_get(c, CONTROLLER_VALUE_BROKER, false, ctl_path(c, "/brokers/ids/%d", c->known_id));
    check->frame.phase = PHASE_RIVAL_DONE;
    return ctl_submit(c);
}

static enum ctl_next on_rival_read(struct controller *c, struct check *check)
{
    if (!ctl_reads_ok(c))
        return CTL_AGAIN;
    const struct controller_op_result *epoch = &c->results[RIVAL_EPOCH];
    const struct controller_op_result *controller = &c->results[RIVAL_CONTROLLER];
    const struct controller_op_result *broker = &c->results[RIVAL_BROKER];
    struct ctl_rival rival = {.id = c->known_id};
    if (controller->err != ERR_NONE || controller->czxid != check->controller_czxid) {
        check->frame.phase = PHASE_READ; /* it is another by now */
        return CTL_AGAIN;
    }
    if (epoch->err != ERR_NONE || !parse_epoch(epoch->value.raw, &rival.epoch) || broker->err != ERR_NONE) {
        forget_rival(c);
        return CTL_DONE;
    }
    rival.controller_czxid = controller->czxid;
    rival.epoch_version = epoch->version;
    rival.broker_epoch = broker->czxid;
    rival.broker_version = broker->version;
    c->rival = rival;
    return CTL_DONE;
}

static void been_deposed(struct controller *c)
{
    c->deposed = false;
    c->elect_at_ms = c->now_ms + c->config.suspect_pause_ms;
}

static enum ctl_next on_others_controller(struct controller *c, struct check *check,
                                          const struct controller_op_result *found)
{
    log_info("controller", "controller_is", "broker=%d", c->known_id);
    if (c->deposed && c->config.suspect)
        been_deposed(c);
    if (!c->config.suspect || c->known_id < 0 || found->ephemeral_owner == 0) {
        forget_rival(c);
        return CTL_DONE;
    }
    check->controller_czxid = found->czxid;
    return ask_rival(c, check);
}

static enum ctl_next on_controller_read(struct controller *c, struct check *check)
{
    if (!ctl_reads_ok(c))
        return CTL_AGAIN;
    const struct controller_op_result *found = &c->results[1];
    if (found->ephemeral_owner != c->session_id)
        c->replaced.id = -1;
    if (found->err == ERR_NOT_FOUND) {
        c->known_id = -1;
        if (c->active)
            ctl_resign(c, "/controller is gone");
        forget_rival(c);
        if (c->now_ms < c->elect_at_ms) {
            stand_later(c, c->elect_at_ms - c->now_ms);
            return CTL_DONE;
        }
        return look_for_epoch(check, WANT_ELECTION);
    }
    bool readable = found->err == ERR_NONE;
    c->known_id = readable ? found->value.controller.broker_id : -1;
    if (found->ephemeral_owner == c->session_id) {
        if (c->active)
            return CTL_DONE;
        return look_for_epoch(check, c->deposed ? WANT_DELETE : WANT_TAKE_UP);
    }
    if (c->active) {
        ctl_resign(c, "/controller is another's");
        c->deposed = true;
    }
    if (readable && c->known_id == c->config.broker_id && found->ephemeral_owner != 0)
        return look_for_epoch(check, WANT_DELETE);
    return on_others_controller(c, check, found);
}

static void add_raw_epoch(struct controller *c, struct controller_op *op, int32_t epoch)
{
    op->value.kind = CONTROLLER_VALUE_RAW;
    op->value.raw = view_str(ctl_path(c, "%d", epoch));
}

static void add_vote(struct controller *c, const struct check *check)
{
    struct controller_op *multi = ctl_op(c, CONTROLLER_OP_MULTI, NULL);
    multi->ops = arena_zalloc(&c->arena, 3 * sizeof *multi->ops);
    multi->ops_count = check->want == WANT_REPLACE ? 3 : 2;
    if (check->want == WANT_DELETE) {
        multi->ops[0] = (struct controller_op){
            .kind = CONTROLLER_OP_CHECK, .path = "/controller_epoch", .version = check->epoch_version};
        multi->ops[1] = (struct controller_op){
            .kind = CONTROLLER_OP_DELETE, .path = "/controller", .version = CONTROLLER_ANY_VERSION};
        return;
    }
    int32_t at = 0;
    if (check->want == WANT_REPLACE)
        multi->ops[at++] = (struct controller_op){
            .kind = CONTROLLER_OP_DELETE, .path = "/controller", .version = CONTROLLER_ANY_VERSION};
    struct controller_op *create = &multi->ops[at++];
    *create = (struct controller_op){.kind = CONTROLLER_OP_CREATE, .path = "/controller", .ephemeral = true};
    create->value.kind = CONTROLLER_VALUE_CONTROLLER;
    create->value.controller = (struct znode_controller){
        .broker_id = c->config.broker_id, .timestamp_ms = -1, .kraft_controller_epoch = -1};
    multi->ops[at] = (struct controller_op){
        .kind = CONTROLLER_OP_SET, .path = "/controller_epoch", .version = check->epoch_version};
    add_raw_epoch(c, &multi->ops[at], check->epoch + 1);
}

static enum ctl_next begin_term(struct controller *c, struct check *check, int32_t epoch, int32_t version)
{
    c->active = true;
    c->epoch = epoch;
    c->epoch_version = version;
    c->known_id = c->config.broker_id;
    c->deposed = c->abstains = false;
    forget_rival(c);
    log_info("controller", "elected", "epoch=%d", epoch);
    controller_effects_add(c->out, CONTROLLER_EFFECT_ACTIVE)->active.epoch = epoch;
    check->frame.phase = PHASE_END;
    ctl_call_failover(c);
    return CTL_AGAIN;
}

static enum ctl_next on_epoch_read(struct controller *c, struct check *check)
{
    if (!ctl_reads_ok(c))
        return CTL_AGAIN;
    const struct controller_op_result *found = &c->results[0];
    if (found->err == ERR_NOT_FOUND) {
        struct controller_op *op = ctl_op(c, CONTROLLER_OP_CREATE, "/controller_epoch");
        add_raw_epoch(c, op, 0);
        check->frame.phase = PHASE_EPOCH_CREATED;
        return ctl_submit(c);
    }
    if (found->err != ERR_NONE || !parse_epoch(found->value.raw, &check->epoch)) {
        ctl_give_up(c, "read /controller_epoch", ERR_MALFORMED);
        return CTL_AGAIN;
    }
    check->epoch_version = found->version;
    if (check->want == WANT_TAKE_UP)
        return begin_term(c, check, check->epoch, check->epoch_version);
    add_vote(c, check);
    check->frame.phase = PHASE_VOTED;
    return ctl_submit(c);
}

static enum ctl_next on_vote(struct controller *c, struct check *check)
{
    const struct controller_op_result *vote = &c->results[0];
    if (vote->err == ERR_SESSION_EXPIRED || vote->err == ERR_CLOSED) {
        ctl_session_lost(c);
        return CTL_AGAIN;
    }
    if (vote->err == ERR_NO_AUTH) {
        ctl_give_up(c, "election", vote->err);
        return CTL_AGAIN;
    }
    if (vote->err == ERR_NONE && check->want == WANT_ELECTION && vote->results_count == 2)
        return begin_term(c, check, check->epoch + 1, vote->results[1].version);
    if (vote->err == ERR_NONE && check->want == WANT_REPLACE && vote->results_count == 3) {
        log_warn("controller", "controller_replaced", "broker=%d reason=\"%s, its session goes on\"",
                 c->rival.id, ctl_evidence_text(c->rival.evidence));
        return begin_term(c, check, check->epoch + 1, vote->results[2].version);
    }
    check->frame.phase = PHASE_READ; /* lost, or not known: what is there now decides */
    return CTL_AGAIN;
}

/* ---- replacing a controller that is gone */

/* The endpoint that refused may not be the present one, nor the controller the one that was watched. */
static enum ctl_next ask_whether_replaceable(struct controller *c, struct check *check)
{
    ctl_get(c, CONTROLLER_VALUE_CONTROLLER, false, "/controller");
    ctl_get(c, CONTROLLER_VALUE_BROKER, false, ctl_path(c, "/brokers/ids/%d", c->rival.id));
    check->frame.phase = PHASE_REPLACE_READ;
    return ctl_submit(c);
}

static enum ctl_next on_replaceable_read(struct controller *c, struct check *check)
{
    if (!ctl_reads_ok(c))
        return CTL_AGAIN;
    const struct controller_op_result *controller = &c->results[0];
    const struct controller_op_result *broker = &c->results[1];
    if (controller->err != ERR_NONE || controller->czxid != c->rival.controller_czxid ||
        broker->err != ERR_NONE || broker->czxid != c->rival.broker_epoch ||
        broker->version != c->rival.broker_version) {
        check->frame.phase = PHASE_READ;
        return CTL_AGAIN;
    }
    check->want = WANT_REPLACE;
    c->replaced = c->rival;
    check->epoch = c->rival.epoch;
    check->epoch_version = c->rival.epoch_version;
    add_vote(c, check);
    check->frame.phase = PHASE_VOTED;
    return ctl_submit(c);
}

static enum ctl_next run_check(struct controller *c, struct ctl_frame *frame)
{
    struct check *check = (struct check *)frame;
    switch (frame->phase) {
    case PHASE_READ:
        ctl_watch(c, "/controller");
        ctl_get(c, CONTROLLER_VALUE_CONTROLLER, false, "/controller");
        frame->phase = PHASE_READ_DONE;
        return ctl_submit(c);
    case PHASE_READ_DONE:
        return on_controller_read(c, check);
    case PHASE_EPOCH:
        ctl_get(c, CONTROLLER_VALUE_RAW, false, "/controller_epoch");
        frame->phase = PHASE_EPOCH_DONE;
        return ctl_submit(c);
    case PHASE_EPOCH_DONE:
        return on_epoch_read(c, check);
    case PHASE_EPOCH_CREATED:
        if (c->results[0].err == ERR_SESSION_EXPIRED || c->results[0].err == ERR_CLOSED)
            ctl_session_lost(c);
        else if (c->results[0].err == ERR_NO_AUTH)
            ctl_give_up(c, "create /controller_epoch", c->results[0].err);
        frame->phase = PHASE_EPOCH;
        return CTL_AGAIN;
    case PHASE_VOTED:
        return on_vote(c, check);
    case PHASE_RIVAL_DONE:
        return on_rival_read(c, check);
    case PHASE_REPLACE:
        return ask_whether_replaceable(c, check);
    case PHASE_REPLACE_READ:
        return on_replaceable_read(c, check);
    case PHASE_END:
        c->give_ups = 0;
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_check(struct controller *c)
{
    if (c->session_id == 0)
        return;
    if (!c->active && c->now_ms < c->stand_at_ms)
        stand_later(c, c->stand_at_ms - c->now_ms);
    else
        ctl_call(c, sizeof(struct check), run_check);
}

void ctl_start_replace(struct controller *c, int32_t id, int64_t broker_epoch, enum ctl_evidence evidence)
{
    if (c->session_id == 0 || c->active || c->rival.id != id || c->rival.broker_epoch != broker_epoch ||
        c->now_ms < c->elect_at_ms || c->now_ms < c->stand_at_ms)
        return;
    c->rival.evidence = evidence;
    struct check *check = ctl_call(c, sizeof *check, run_check);
    check->frame.phase = PHASE_REPLACE;
}

/* ---- giving the znode back */

struct relinquish {
    struct ctl_frame frame;
    int32_t epoch_version;
};

/* A lost answer needs no care: the check that follows finds the znode gone, or deletes it as an old one. */
static enum ctl_next run_relinquish(struct controller *c, struct ctl_frame *frame)
{
    if (frame->phase++ == 0) {
        struct check as_check = {.want = WANT_DELETE,
                                 .epoch_version = ((struct relinquish *)frame)->epoch_version};
        add_vote(c, &as_check);
        return ctl_submit(c);
    }
    if (c->results[0].err == ERR_CONNECTION_LOSS) {
        frame->phase = 0;
        return CTL_AGAIN;
    }
    if (c->results[0].err == ERR_SESSION_EXPIRED || c->results[0].err == ERR_CLOSED)
        ctl_session_lost(c);
    return CTL_DONE;
}

void ctl_start_relinquish(struct controller *c, int32_t epoch_version)
{
    if (c->session_id == 0)
        return;
    struct relinquish *frame = ctl_call(c, sizeof *frame, run_relinquish);
    frame->epoch_version = epoch_version;
}

void ctl_resign(struct controller *c, const char *why)
{
    if (!c->active)
        return;
    log_info("controller", "resigned", "epoch=%d reason=%s", c->epoch, why);
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        controller_effects_add(c->out, CONTROLLER_EFFECT_REMOVE_CHANNEL)->remove_channel.broker_id =
            broker->id;
    }
    ctl_context_clear(&c->ctx);
    c->active = false;
    c->epoch = 0;
    c->epoch_version = 0;
    controller_effects_add(c->out, CONTROLLER_EFFECT_RESIGNED);
}
