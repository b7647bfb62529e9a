/*
 * JoinGroup (storage-replication-coordinators 5.5): whether the member may come in, and what its coming means
 * to the group in each state.
 */
#include "base/log.h"
#include "core/group/internal.h"

/* How long a JoinGroup of a new member may wait: it cannot heartbeat, having no id, and a client that gave up
 * would leave a member behind that nobody speaks for. */
#define NEW_MEMBER_MS (5 * 60 * 1000)

/* One JoinGroup on its way through the checks. */
struct joining {
    struct group_coordinator *c;
    const struct wire_join_group_request *request;
    const struct group_client *client;
    int16_t version;
    uint64_t token;
    int32_t rebalance_timeout_ms;
};

static void refuse(const struct joining *j, struct view member_id, enum err err)
{
    grp_answer_join_error(j->c->out, j->token, j->version, member_id, err);
}

/*
 * Is there room? While a rebalance waits, those that wait count, so that a group whose limit was lowered
 * loses who comes last.
 */
static bool has_room(const struct grp_group *g, struct view member_id)
{
    const struct grp_member *m = grp_member_find(g, member_id);
    int32_t max = g->c->config.max_size;
    switch (g->state) {
    case GROUP_EMPTY:
    case GROUP_DEAD:
        return true;
    case GROUP_PREPARING:
        return (m && m->join.waits) || g->awaiting_join < max;
    case GROUP_COMPLETING:
    case GROUP_STABLE:
        return m || grp_member_count(g) < max;
    }
    return false;
}

static struct view or_empty(struct view v)
{
    return view_is_null(v) ? VIEW_LIT("") : v;
}

/* Takes the id. */
static void add_and_rebalance(const struct joining *j, struct grp_group *g, struct view id)
{
    const struct wire_join_group_request *request = j->request;
    struct grp_member fresh = {
        .id = id,
        .instance_id = grp_dup(request->group_instance_id),
        .client_id = grp_dup(or_empty(j->client->id)),
        .client_host = grp_dup(or_empty(j->client->host)),
        .protocols = grp_protocols_of(request),
        .rebalance_timeout_ms = j->rebalance_timeout_ms,
        .session_timeout_ms = request->session_timeout_ms,
        .is_new = true,
    };
    if (grp_member_count(g) == 0) {
        grp_drop(&g->protocol_type);
        g->protocol_type = grp_dup(request->protocol_type);
    }
    if (g->state == GROUP_PREPARING && g->generation == 0)
        g->has_newcomer = true;
    struct grp_member *m = grp_member_add(g, &fresh);
    grp_park_join(m, j->token, j->version);
    grp_timer_arm(j->c, &m->session, NEW_MEMBER_MS);
    grp_rebalance(g, (struct grp_why){GROUP_CAUSE_JOIN, m->id, request->reason});
}

static void join_without_id(const struct joining *j, struct grp_group *g)
{
    struct view instance_id = j->request->group_instance_id;
    struct grp_member *known = grp_static_find(g, instance_id);
    if (!grp_protocols_fit(g, j->request)) {
        refuse(j, VIEW_LIT(""), ERR_INCONSISTENT_GROUP_PROTOCOL);
    } else if (known) {
        grp_join_static(known, j->request, j->version, j->token);
    } else {
        struct view id = grp_member_id_new(j->c, or_empty(j->client->id), instance_id);
        if (view_is_null(instance_id) && j->version >= 4) {
            grp_pending_add(g, id, j->request->session_timeout_ms);
            refuse(j, id, ERR_MEMBER_ID_REQUIRED);
            grp_drop(&id);
        } else {
            add_and_rebalance(j, g, id);
        }
    }
}

static void update_and_rebalance(const struct joining *j, struct grp_member *m, enum group_cause cause)
{
    grp_member_update(m, grp_protocols_of(j->request), j->rebalance_timeout_ms,
                      j->request->session_timeout_ms);
    grp_park_join(m, j->token, j->version);
    grp_rebalance(m->group, (struct grp_why){cause, m->id, j->request->reason});
}

/* It may have missed the answer: the generation as it is. */
static void answer_again(const struct joining *j, struct grp_member *m)
{
    bool is_assigning = m->group->state == GROUP_COMPLETING && m->group->leader == m;
    struct grp_parked parked = {.token = j->token, .version = j->version};
    grp_answer_join_as(m, parked, m->group->leader->id, is_assigning, false);
}

static void rejoin(const struct joining *j, struct grp_member *m)
{
    bool is_same = grp_protocols_same(&m->protocols, j->request);
    switch (m->group->state) {
    case GROUP_PREPARING:
        update_and_rebalance(j, m, GROUP_CAUSE_JOIN);
        return;
    case GROUP_COMPLETING:
        if (is_same)
            answer_again(j, m);
        else
            update_and_rebalance(j, m, GROUP_CAUSE_METADATA);
        return;
    case GROUP_STABLE:
        /* A leader may have seen something that no metadata shows, such as new partitions. */
        if (m->group->leader == m)
            update_and_rebalance(j, m, is_same ? GROUP_CAUSE_LEADER : GROUP_CAUSE_METADATA);
        else if (!is_same)
            update_and_rebalance(j, m, GROUP_CAUSE_METADATA);
        else
            answer_again(j, m);
        return;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        refuse(j, j->request->member_id, ERR_UNKNOWN_MEMBER_ID);
        return;
    }
}

static void join_with_id(const struct joining *j, struct grp_group *g)
{
    const struct wire_join_group_request *request = j->request;
    if (!grp_protocols_fit(g, request)) {
        refuse(j, request->member_id, ERR_INCONSISTENT_GROUP_PROTOCOL);
    } else if (grp_pending_has(g, request->member_id) && view_is_null(request->group_instance_id)) {
        add_and_rebalance(j, g, grp_dup(request->member_id));
    } else {
        struct grp_member *m;
        enum err err = grp_member_identify(g, request->member_id, request->group_instance_id, &m);
        if (err)
            refuse(j, request->member_id, err);
        else
            rejoin(j, m);
    }
}

/* Out of a full group it goes, too, if it was in. */
static void turn_away(const struct joining *j, struct grp_group *g)
{
    struct grp_member *m = grp_member_find(g, j->request->member_id);
    log_info("group", "full", "group=\"%.*s\" members=%d max=%d member=\"%.*s\"", VIEW_FMT(g->id),
             grp_member_count(g), j->c->config.max_size, VIEW_FMT(j->request->member_id));
    if (m)
        grp_member_remove(m);
    else
        grp_pending_remove(g, j->request->member_id);
    refuse(j, VIEW_LIT(""), ERR_GROUP_MAX_SIZE_REACHED);
}

void group_join(struct group_coordinator *c, const struct wire_join_group_request *request, int16_t version,
                const struct group_client *client, uint64_t token, const struct group_time *now,
                struct group_effects *out)
{
    enum err err = grp_check(c, request->group_id, false);
    if (!err)
        err = grp_check_instance(c, request->group_instance_id);
    if (err) {
        grp_answer_join_error(out, token, version, request->member_id, err);
        return;
    }
    grp_enter(c, now, out);
    struct joining j = {c,      request,
                        client, version,
                        token,  version == 0 ? request->session_timeout_ms : request->rebalance_timeout_ms};
    bool has_id = request->member_id.len > 0;
    struct grp_group *g = NULL;
    if (request->session_timeout_ms < c->config.min_session_ms ||
        request->session_timeout_ms > c->config.max_session_ms)
        refuse(&j, request->member_id, ERR_INVALID_SESSION_TIMEOUT);
    else if (!(g = has_id ? grp_find(&c->tables, request->group_id) : grp_find_or_new(c, request->group_id)))
        refuse(&j, request->member_id, ERR_UNKNOWN_MEMBER_ID);
    else if (!has_room(g, request->member_id))
        turn_away(&j, g);
    else if (has_id)
        join_with_id(&j, g);
    else
        join_without_id(&j, g);
    if (g)
        grp_try_complete_join(g);
}
