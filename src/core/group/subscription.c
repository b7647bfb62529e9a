#include "base/be.h"
#include "core/group/internal.h"

bool grp_is_consumer(const struct grp_group *g)
{
    return view_equal_str(g->protocol_type, "consumer");
}

/* Version 0 is the beginning of every version, so no newer one need be known (wire-protocol 7.2). */
static bool add_topics(struct map *topics, struct view metadata, struct arena *arena)
{
    if (metadata.len < 2 || be_get_i16(metadata.ptr) < 0)
        return false;
    struct wire_consumer_protocol_subscription s;
    struct view body = view_of(metadata.ptr + 2, metadata.len - 2);
    if (wire_decode(&wire_consumer_protocol_subscription_desc, 0, body, NULL, arena, &s, NULL))
        return false;
    for (int32_t i = 0; i < s.topics_count; i++)
        map_put(topics, s.topics[i], topics);
    return true;
}

void grp_subscription_of(const struct grp_group *g, struct grp_subscription *out)
{
    *out = (struct grp_subscription){0};
    if (!grp_is_consumer(g))
        return;
    struct arena arena = {0};
    out->is_known = grp_member_count(g) == 0 || !view_is_null(g->protocol_name);
    GRP_EACH_MEMBER (m, g) {
        if (!out->is_known)
            break;
        struct view metadata = grp_member_metadata(m, g->protocol_name);
        out->is_known = add_topics(&out->topics, metadata, &arena);
        arena_reset(&arena);
    }
    arena_close(&arena);
}

void grp_subscription_close(struct grp_subscription *s)
{
    map_close(&s->topics);
}

bool grp_subscription_has(const struct grp_subscription *s, struct view topic)
{
    return !s->is_known || map_get(&s->topics, topic) != NULL;
}
