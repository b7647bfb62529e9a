/*
 * Heartbeat (storage-replication-coordinators 5.7).
 */
#include "core/group/internal.h"

enum err group_heartbeat(struct group_coordinator *c, const struct wire_heartbeat_request *request,
                         const struct group_time *now)
{
    enum err err = grp_check(c, request->group_id, false);
    if (!err)
        err = grp_check_instance(c, request->group_instance_id);
    if (err) /* while loading all is well, for all that is known */
        return err == ERR_COORDINATOR_LOAD_IN_PROGRESS ? ERR_NONE : err;
    grp_enter(c, now, NULL);
    const struct grp_group *g = grp_find(&c->tables, request->group_id);
    if (!g)
        return ERR_UNKNOWN_MEMBER_ID;
    struct grp_member *m;
    err = grp_member_identify(g, request->member_id, request->group_instance_id, &m);
    if (!err && request->generation_id != g->generation)
        err = ERR_ILLEGAL_GENERATION;
    if (err)
        return err;
    grp_session_renew(m);
    return g->state == GROUP_PREPARING ? ERR_REBALANCE_IN_PROGRESS : ERR_NONE;
}
