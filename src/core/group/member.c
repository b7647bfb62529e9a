#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "core/group/internal.h"

/* What the wire's strings hold at most, and what a UUID and its hyphen take of it. */
#define ID_MAX     32767
#define UUID_CHARS 37

struct grp_member *grp_member_find(const struct grp_group *g, struct view id)
{
    return map_get(&g->members_by_id, id);
}

struct grp_member *grp_static_find(const struct grp_group *g, struct view instance_id)
{
    return view_is_null(instance_id) ? NULL : map_get(&g->statics, instance_id);
}

int32_t grp_member_count(const struct grp_group *g)
{
    return (int32_t)g->members_by_id.count;
}

struct grp_member *grp_member_add(struct grp_group *g, const struct grp_member *from)
{
    struct grp_member *m = MEM_NEW(struct grp_member);
    *m = *from;
    m->group = g;
    m->session = (struct grp_timer){.kind = GRP_TIMER_SESSION};
    list_push_back(&g->members, &m->node);
    struct grp_member *before = map_put(&g->members_by_id, m->id, m);
    ASSERT(!before);
    if (!view_is_null(m->instance_id)) {
        before = map_put(&g->statics, m->instance_id, m);
        ASSERT(!before);
    }
    grp_protocols_count(g, &m->protocols, +1);
    grp_pending_remove(g, m->id);
    if (!g->leader)
        g->leader = m;
    return m;
}

void grp_member_remove(struct grp_member *m)
{
    struct grp_group *g = m->group;
    grp_fail_join(m, ERR_UNKNOWN_MEMBER_ID);
    grp_fail_sync(m, ERR_UNKNOWN_MEMBER_ID);
    if (g->c)
        grp_timer_disarm(g->c, &m->session);
    g->owing_sync -= m->owes_sync;
    grp_protocols_count(g, &m->protocols, -1);
    map_remove(&g->members_by_id, m->id);
    if (!view_is_null(m->instance_id))
        map_remove(&g->statics, m->instance_id);
    list_remove(&m->node);
    if (g->leader == m)
        g->leader = grp_member_after(g, NULL);
    grp_drop(&m->id);
    grp_drop(&m->instance_id);
    grp_drop(&m->client_id);
    grp_drop(&m->client_host);
    grp_drop(&m->assignment);
    free(m->protocols.bytes);
    free(m);
}

void grp_member_rename(struct grp_member *m, struct view id)
{
    map_remove(&m->group->members_by_id, m->id);
    struct view owned = grp_dup(id);
    grp_drop(&m->id);
    m->id = owned;
    map_put(&m->group->members_by_id, m->id, m);
}

void grp_member_update(struct grp_member *m, struct grp_protocols protocols, int32_t rebalance_timeout_ms,
                       int32_t session_timeout_ms)
{
    grp_protocols_count(m->group, &m->protocols, -1);
    free(m->protocols.bytes);
    m->protocols = protocols;
    grp_protocols_count(m->group, &m->protocols, +1);
    m->rebalance_timeout_ms = rebalance_timeout_ms;
    m->session_timeout_ms = session_timeout_ms;
}

void grp_member_set_assignment(struct grp_member *m, struct view assignment)
{
    grp_drop(&m->assignment);
    if (assignment.len)
        m->assignment = grp_dup(assignment);
}

/* A version-4 UUID in its usual form. */
static void put_uuid(struct prng *prng, char *out)
{
    uint8_t bytes[16];
    be_put_i64(bytes, (int64_t)prng_next(prng));
    be_put_i64(bytes + 8, (int64_t)prng_next(prng));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = hex[bytes[i] >> 4];
        *out++ = hex[bytes[i] & 15];
    }
}

struct view grp_member_id_new(struct group_coordinator *c, struct view client_id, struct view instance_id)
{
    struct view prefix = view_is_null(instance_id) ? client_id : instance_id;
    size_t len = prefix.len < ID_MAX - UUID_CHARS ? prefix.len : ID_MAX - UUID_CHARS;
    char *id = mem_alloc(len + UUID_CHARS);
    if (len)
        memcpy(id, prefix.ptr, len);
    id[len] = '-';
    put_uuid(&c->prng, id + len + 1);
    return view_of(id, len + UUID_CHARS);
}

enum err grp_member_identify(const struct grp_group *g, struct view member_id, struct view instance_id,
                             struct grp_member **out)
{
    struct grp_member *m =
        view_is_null(instance_id) ? grp_member_find(g, member_id) : grp_static_find(g, instance_id);
    if (!m)
        return ERR_UNKNOWN_MEMBER_ID;
    if (!view_equal(m->id, member_id))
        return ERR_FENCED_INSTANCE_ID;
    *out = m;
    return ERR_NONE;
}

int32_t grp_rebalance_timeout(const struct grp_group *g)
{
    int32_t longest = 0;
    GRP_EACH_MEMBER (m, g)
        longest = m->rebalance_timeout_ms > longest ? m->rebalance_timeout_ms : longest;
    return longest;
}

void grp_pending_add(struct grp_group *g, struct view id, int32_t timeout_ms)
{
    struct grp_pending_member *p = MEM_NEW(struct grp_pending_member);
    p->group = g;
    p->id = grp_dup(id);
    p->timer.kind = GRP_TIMER_PENDING;
    map_put(&g->pending, p->id, p);
    grp_timer_arm(g->c, &p->timer, timeout_ms);
}

bool grp_pending_has(const struct grp_group *g, struct view id)
{
    return map_get(&g->pending, id) != NULL;
}

void grp_pending_remove(struct grp_group *g, struct view id)
{
    struct grp_pending_member *p = map_remove(&g->pending, id);
    if (!p)
        return;
    grp_timer_disarm(g->c, &p->timer);
    grp_drop(&p->id);
    free(p);
}
