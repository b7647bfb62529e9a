#include "core/group/effects.h"

#include <stdlib.h>

#include "base/mem.h"

struct group_effect *group_effects_add(struct group_effects *effects, enum group_effect_kind kind)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? effects->capacity * 2 : 16;
        effects->items = mem_resize(effects->items, (size_t)effects->capacity * sizeof *effects->items);
    }
    struct group_effect *effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

void group_effects_reset(struct group_effects *effects)
{
    effects->count = 0;
    arena_reset(&effects->arena);
}

void group_effects_close(struct group_effects *effects)
{
    free(effects->items);
    arena_close(&effects->arena);
    memset(effects, 0, sizeof *effects);
}
