/*
 * What members offer to divide their work by, and which of it the group takes.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "core/group/internal.h"

static uint8_t *put_protocol(uint8_t *at, struct view name, struct view metadata)
{
    be_put_i16(at, (int16_t)name.len);
    if (name.len)
        memcpy(at + 2, name.ptr, name.len);
    at += 2 + name.len;
    be_put_i32(at, (int32_t)metadata.len);
    if (metadata.len)
        memcpy(at + 4, metadata.ptr, metadata.len);
    return at + 4 + metadata.len;
}

/* A name that stands there twice counts once, as it was first. */
struct grp_protocols grp_protocols_of(const struct wire_join_group_request *request)
{
    struct grp_protocols p = {0};
    struct map seen = {0};
    for (int32_t i = 0; i < request->protocols_count; i++)
        p.len += 6 + request->protocols[i].name.len + request->protocols[i].metadata.len;
    p.bytes = mem_alloc(p.len + 1);
    uint8_t *at = p.bytes;
    for (int32_t i = 0; i < request->protocols_count; i++)
        if (request->protocols_count == 1 || !map_put(&seen, request->protocols[i].name, &seen))
            at = put_protocol(at, request->protocols[i].name, request->protocols[i].metadata);
    p.len = (size_t)(at - p.bytes);
    map_close(&seen);
    return p;
}

struct grp_protocols grp_protocols_one(struct view name, struct view metadata)
{
    struct grp_protocols p = {.len = 6 + name.len + metadata.len};
    p.bytes = mem_alloc(p.len);
    put_protocol(p.bytes, name, metadata);
    return p;
}

bool grp_protocols_next(struct view *rest, struct view *name, struct view *metadata)
{
    if (rest->len == 0)
        return false;
    const uint8_t *at = rest->ptr;
    *name = view_of(at + 2, (size_t)be_get_i16(at));
    at += 2 + name->len;
    *metadata = view_of(at + 4, (size_t)be_get_i32(at));
    at += 4 + metadata->len;
    *rest = view_of(at, rest->len - (size_t)(at - rest->ptr));
    return true;
}

struct view grp_member_metadata(const struct grp_member *m, struct view protocol)
{
    struct view rest = grp_protocols_view(&m->protocols), name, metadata;
    while (grp_protocols_next(&rest, &name, &metadata))
        if (view_equal(name, protocol))
            return metadata;
    return VIEW_NULL;
}

static int32_t offers_of(const struct grp_group *g, struct view name)
{
    return (int32_t)(intptr_t)map_get(&g->offered, name);
}

void grp_protocols_count(struct grp_group *g, const struct grp_protocols *p, int delta)
{
    struct view rest = grp_protocols_view(p), name, metadata;
    while (grp_protocols_next(&rest, &name, &metadata)) {
        intptr_t count = offers_of(g, name) + delta;
        ASSERT(count >= 0);
        if (count == 0)
            map_remove(&g->offered, name);
        else
            map_put(&g->offered, name, (void *)count);
    }
}

bool grp_protocols_fit(const struct grp_group *g, const struct wire_join_group_request *request)
{
    if (g->state == GROUP_EMPTY)
        return request->protocol_type.len > 0 && request->protocols_count > 0;
    if (!view_equal(g->protocol_type, request->protocol_type))
        return false;
    for (int32_t i = 0; i < request->protocols_count; i++)
        if (offers_of(g, request->protocols[i].name) == grp_member_count(g))
            return true;
    return false;
}

bool grp_protocols_same(const struct grp_protocols *p, const struct wire_join_group_request *request)
{
    struct view rest = grp_protocols_view(p), name, metadata;
    for (int32_t i = 0; i < request->protocols_count; i++)
        if (!grp_protocols_next(&rest, &name, &metadata) || !view_equal(name, request->protocols[i].name) ||
            !view_equal(metadata, request->protocols[i].metadata))
            return false;
    return rest.len == 0;
}

/* The member's first protocol that all offer. */
static struct view vote_of(const struct grp_member *m)
{
    struct view rest = grp_protocols_view(&m->protocols), name, metadata;
    while (grp_protocols_next(&rest, &name, &metadata))
        if (offers_of(m->group, name) == grp_member_count(m->group))
            return name;
    return VIEW_NULL;
}

/* Among equals the one that was voted for first: a group of two does not flap between its members'
 * favourites. */
struct view grp_protocols_vote(const struct grp_group *g)
{
    struct map votes = {0};
    intptr_t most = 0;
    struct view winner = VIEW_NULL;
    GRP_EACH_MEMBER (m, g) {
        struct view choice = vote_of(m);
        if (!view_is_null(choice))
            map_put(&votes, choice, (void *)((intptr_t)map_get(&votes, choice) + 1));
    }
    GRP_EACH_MEMBER (m, g) {
        struct view choice = vote_of(m);
        if (view_is_null(choice) || (intptr_t)map_get(&votes, choice) <= most)
            continue;
        most = (intptr_t)map_get(&votes, choice);
        winner = choice;
    }
    map_close(&votes);
    return winner;
}
