#include "random_message.h"

#include "wire/codec.h"
#include "wire/walk.h"

static struct view random_view(struct prng *prng, struct arena *arena)
{
    size_t len = prng_below(prng, 16) ? prng_below(prng, 12) : 100 + prng_below(prng, 200);
    uint8_t *bytes = arena_alloc(arena, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)prng_next(prng);
    return view_of(bytes, len);
}

static bool null_allowed(const struct wire_field *field, int16_t version)
{
    return version >= field->null_min && version <= field->null_max;
}

/* One value, not null; `at` holds zeroes or a struct's defaults. */
static void random_value(const struct wire_field *field, int16_t version, struct prng *prng,
                         struct arena *arena, void *at)
{
    if (field->type == WIRE_STRUCT) {
        random_message(field->of, version, prng, arena, at);
    } else if (field->type == WIRE_STRING || field->type == WIRE_BYTES) {
        struct view v = random_view(prng, arena);
        memcpy(at, &v, sizeof v);
    } else if (field->type == WIRE_BOOL) {
        *(bool *)at = prng_below(prng, 2) == 1;
    } else {
        uint64_t bits[2] = {prng_next(prng), prng_next(prng)};
        if (prng_below(prng, 2))
            bits[0] >>= prng_below(prng, 64);
        memcpy(at, bits, walk_width(field->type));
    }
}

static void random_array(const struct wire_field *field, int16_t version, struct prng *prng,
                         struct arena *arena, uint8_t *out)
{
    int32_t count = null_allowed(field, version) && !prng_below(prng, 4) ? -1 : (int32_t)prng_below(prng, 4);
    void *items = NULL;
    if (count > 0) {
        size_t size = walk_item_size(field);
        items = arena_zalloc(arena, (size_t)count * size);
        for (int32_t i = 0; i < count; i++)
            random_value(field, version, prng, arena, (uint8_t *)items + (size_t)i * size);
    }
    memcpy(out + field->offset, &items, sizeof items);
    memcpy(out + field->count_offset, &count, sizeof count);
}

static void random_field(const struct wire_field *field, int16_t version, struct prng *prng,
                         struct arena *arena, uint8_t *out)
{
    if (field->array) {
        random_array(field, version, prng, arena, out);
        return;
    }
    bool null = null_allowed(field, version) && !prng_below(prng, 4);
    void *at = out + field->offset;
    if (field->pointer) {
        void *inner = null ? NULL : arena_zalloc(arena, field->of->size);
        memcpy(at, &inner, sizeof inner);
        at = inner;
    } else if (null) {
        memset(at, 0, sizeof(struct view));
        return;
    }
    if (at)
        random_value(field, version, prng, arena, at);
}

void random_message(const struct wire_message *desc, int16_t version, struct prng *prng, struct arena *arena,
                    void *out)
{
    wire_init(desc, out);
    for (uint16_t i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        bool there = version >= field->min_version && version <= field->max_version;
        bool left_out = field->tag >= 0 && !prng_below(prng, 3);
        if (there && !left_out)
            random_field(field, version, prng, arena, out);
    }
}
