/*
 * DescribeGroups, ListGroups (storage-replication-coordinators 5.7), and the history of rebalances.
 */
#include <strings.h>

#include "core/group/internal.h"

#define TYPE_CLASSIC "classic"

static struct view or_empty(struct view v)
{
    return view_is_null(v) ? VIEW_LIT("") : v;
}

static struct view dup(struct arena *arena, struct view v)
{
    return arena_dup_view(arena, or_empty(v));
}

/* What is being negotiated is nobody's business until it stands. */
static void describe_member(const struct grp_member *m, struct arena *arena,
                            struct wire_describe_groups_response_described_group_member *out)
{
    out->member_id = dup(arena, m->id);
    out->group_instance_id = arena_dup_view(arena, m->instance_id);
    out->client_id = dup(arena, m->client_id);
    out->client_host = dup(arena, m->client_host);
    if (m->group->state != GROUP_STABLE)
        return;
    out->member_metadata = dup(arena, grp_member_metadata(m, m->group->protocol_name));
    out->member_assignment = dup(arena, m->assignment);
}

void group_describe(const struct group_coordinator *c, struct view group_id, struct arena *arena,
                    struct wire_describe_groups_response_described_group *answer)
{
    wire_init(&wire_describe_groups_response_described_group_desc, answer);
    answer->group_id = group_id;
    enum err err = grp_check(c, group_id, true);
    answer->error_code = err_wire_code(err);
    if (err)
        return;
    const struct grp_group *g = grp_find(&c->tables, group_id);
    answer->group_state = view_str(group_state_name(g ? g->state : GROUP_DEAD));
    if (!g)
        return;
    answer->protocol_type = dup(arena, g->protocol_type);
    if (g->state == GROUP_STABLE)
        answer->protocol_data = dup(arena, g->protocol_name);
    answer->members = wire_new(&wire_describe_groups_response_described_group_member_desc, arena,
                               (size_t)grp_member_count(g) + 1);
    GRP_EACH_MEMBER (m, g)
        describe_member(m, arena, &answer->members[answer->members_count++]);
}

static bool equals_ignoring_case(struct view v, const char *text)
{
    return v.len == strlen(text) && (v.len == 0 || strncasecmp((const char *)v.ptr, text, v.len) == 0);
}

/* No filter lets everything through. */
static bool passes(const struct view *filter, int32_t count, const char *text)
{
    for (int32_t i = 0; i < count; i++)
        if (equals_ignoring_case(filter[i], text))
            return true;
    return count <= 0;
}

/* Room for one more; the array doubles, its old places stay with the arena. */
static struct wire_list_groups_response_listed_group *add_listed(struct arena *arena,
                                                                 struct wire_list_groups_response *answer)
{
    int32_t count = answer->groups_count;
    if ((count & (count - 1)) == 0) {
        struct wire_list_groups_response_listed_group *larger =
            wire_new(&wire_list_groups_response_listed_group_desc, arena, count ? (size_t)count * 2 : 1);
        if (count)
            memcpy(larger, answer->groups, (size_t)count * sizeof *larger);
        answer->groups = larger;
    }
    return &answer->groups[answer->groups_count++];
}

void group_list(const struct group_coordinator *c, const struct wire_list_groups_request *request,
                struct arena *arena, struct wire_list_groups_response *answer)
{
    if (!c || c->phase == GRP_RESIGNED)
        return;
    if (c->phase == GRP_LOADING)
        answer->error_code = err_wire_code(ERR_COORDINATOR_LOAD_IN_PROGRESS);
    if (!passes(request->types_filter, request->types_filter_count, TYPE_CLASSIC))
        return;
    LIST_EACH (node, &c->tables.list) {
        const struct grp_group *g = CONTAINER_OF(node, struct grp_group, node);
        const char *state = group_state_name(g->state);
        if (!passes(request->states_filter, request->states_filter_count, state))
            continue;
        struct wire_list_groups_response_listed_group *listed = add_listed(arena, answer);
        listed->group_id = dup(arena, g->id);
        listed->protocol_type = dup(arena, g->protocol_type);
        listed->group_state = view_str(state);
        listed->group_type = VIEW_LIT(TYPE_CLASSIC);
    }
}

enum err group_history_of(const struct group_coordinator *c, struct view group_id, struct arena *arena,
                          struct group_rebalance **rebalances, int32_t *count)
{
    *rebalances = NULL;
    *count = 0;
    enum err err = grp_check(c, group_id, true);
    if (err)
        return err;
    const struct grp_group *g = grp_find(&c->tables, group_id);
    if (!g)
        return ERR_GROUP_ID_NOT_FOUND;
    *count = g->history.count;
    *rebalances = arena_alloc(arena, (size_t)*count * sizeof **rebalances);
    for (int32_t i = 0; i < *count; i++) {
        (*rebalances)[i] = *group_history_at(&g->history, i);
        (*rebalances)[i].member = dup(arena, (*rebalances)[i].member);
        (*rebalances)[i].reason = dup(arena, (*rebalances)[i].reason);
    }
    return ERR_NONE;
}
