/*
 * LeaveGroup (storage-replication-coordinators 5.7): of one member, or of several, by member id or, as
 * administrators do, by instance id alone.
 */
#include "core/group/internal.h"

#define BATCH_VERSION 3

static enum err leave(struct grp_group *g, const struct wire_leave_group_request_member_identity *who)
{
    struct grp_member *m;
    if (who->member_id.len == 0) {
        m = grp_static_find(g, who->group_instance_id);
        if (!m)
            return ERR_UNKNOWN_MEMBER_ID;
    } else if (grp_pending_has(g, who->member_id)) {
        grp_remove_pending(g, who->member_id);
        return ERR_NONE;
    } else {
        enum err err = grp_member_identify(g, who->member_id, who->group_instance_id, &m);
        if (err)
            return err;
    }
    grp_remove_and_rebalance(m, (struct grp_why){.cause = GROUP_CAUSE_LEAVE, .reason = who->reason});
    return ERR_NONE;
}

static void leave_all(struct grp_group *g, const struct wire_leave_group_request_member_identity *who,
                      int32_t count, struct arena *arena, struct wire_leave_group_response *answer)
{
    answer->members_count = count;
    answer->members =
        wire_new(&wire_leave_group_response_member_response_desc, arena, (size_t)(count > 0 ? count : 1));
    for (int32_t i = 0; i < count; i++) {
        answer->members[i].member_id = who[i].member_id;
        answer->members[i].group_instance_id = who[i].group_instance_id;
        answer->members[i].error_code = err_wire_code(g ? leave(g, &who[i]) : ERR_UNKNOWN_MEMBER_ID);
    }
}

void group_leave(struct group_coordinator *c, const struct wire_leave_group_request *request, int16_t version,
                 const struct group_time *now, struct arena *arena, struct wire_leave_group_response *answer,
                 struct group_effects *out)
{
    wire_init(&wire_leave_group_response_desc, answer);
    enum err err = grp_check(c, request->group_id, false);
    if (err) {
        answer->error_code = err_wire_code(err);
        return;
    }
    grp_enter(c, now, out);
    struct grp_group *g = grp_find(&c->tables, request->group_id);
    if (version >= BATCH_VERSION) {
        leave_all(g, request->members, request->members_count, arena, answer);
        return;
    }
    struct wire_leave_group_request_member_identity one = {.member_id = request->member_id};
    answer->error_code = err_wire_code(g ? leave(g, &one) : ERR_UNKNOWN_MEMBER_ID);
}
