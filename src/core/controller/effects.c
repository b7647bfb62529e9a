#include "core/controller/effects.h"

#include <stdlib.h>

#include "base/mem.h"

struct controller_effect *controller_effects_add(struct controller_effects *effects,
                                                 enum controller_effect_kind kind)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? effects->capacity * 2 : 16;
        effects->items = mem_resize(effects->items, (size_t)effects->capacity * sizeof *effects->items);
    }
    struct controller_effect *effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

void controller_effects_reset(struct controller_effects *effects)
{
    effects->count = 0;
    arena_reset(&effects->arena);
}

void controller_effects_close(struct controller_effects *effects)
{
    free(effects->items);
    arena_close(&effects->arena);
    memset(effects, 0, sizeof *effects);
}
