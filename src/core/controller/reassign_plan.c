/* The lists of a move, as values. */
#include "core/controller/reassignment.h"

static struct znode_ids room(struct arena *arena, int32_t count)
{
    return (struct znode_ids){.ids = arena_alloc(arena, (size_t)count * sizeof(int32_t) + 1)};
}

/* Those of `from` that are not in `without`, in order. */
static struct znode_ids difference(struct arena *arena, const struct znode_ids *from,
                                   const struct znode_ids *without)
{
    struct znode_ids out = room(arena, from->count);
    for (int32_t i = 0; i < from->count; i++) {
        if (!ctl_ids_contain(without, from->ids[i]))
            out.ids[out.count++] = from->ids[i];
    }
    return out;
}

struct znode_ids ctl_move_origin(struct arena *arena, const struct ctl_partition *p)
{
    return difference(arena, &p->replicas, &p->adding);
}

struct znode_ids ctl_move_target(struct arena *arena, const struct ctl_partition *p)
{
    return difference(arena, &p->replicas, &p->removing);
}

struct znode_assignment ctl_move_to(struct arena *arena, const struct ctl_partition *p,
                                    const struct znode_ids *target)
{
    struct znode_ids origin = ctl_move_origin(arena, p);
    struct znode_ids all = room(arena, target->count + origin.count);
    for (int32_t i = 0; i < target->count; i++)
        all.ids[all.count++] = target->ids[i];
    for (int32_t i = 0; i < origin.count; i++) {
        if (!ctl_ids_contain(target, origin.ids[i]))
            all.ids[all.count++] = origin.ids[i];
    }
    return (struct znode_assignment){.partition = p->number,
                                     .replicas = all,
                                     .adding = difference(arena, &all, &origin),
                                     .removing = difference(arena, &all, target)};
}

bool ctl_move_is_same(const struct ctl_partition *p, const struct znode_assignment *to)
{
    return ctl_ids_equal(&p->replicas, &to->replicas) && ctl_ids_equal(&p->adding, &to->adding) &&
           ctl_ids_equal(&p->removing, &to->removing);
}

bool ctl_move_is_safe(const struct ctl_partition *p, const struct znode_assignment *to)
{
    for (int32_t i = 0; p->has_leadership && i < p->leadership.isr.count; i++) {
        if (ctl_ids_contain(&to->replicas, p->leadership.isr.ids[i]))
            return true;
    }
    return !p->has_leadership || p->leadership.isr.count == 0;
}

void ctl_moves_add(struct controller *c, struct ctl_moves *moves, struct ctl_partition *p,
                   const struct znode_assignment *to)
{
    moves->items = ctl_grow(&c->arena, moves->items, moves->count, &moves->cap, sizeof *moves->items);
    moves->items[moves->count++] = (struct ctl_move){.p = p, .to = *to};
}
