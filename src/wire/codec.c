#include "wire/codec.h"

#include "wire/walk.h"

void *wire_new(const struct wire_message *desc, struct arena *arena, size_t count)
{
    uint8_t *items = arena_alloc(arena, count * desc->size);
    for (size_t i = 0; i < count; i++)
        wire_init(desc, items + i * desc->size);
    return items;
}

const struct wire_message *wire_message_find(struct view name)
{
    for (uint32_t i = 0; i < wire_message_count; i++)
        if (view_equal_str(name, wire_messages[i]->name))
            return wire_messages[i];
    return NULL;
}

/* Value against value; both are of the field's type, not arrays. */
static bool value_equal(const struct wire_field *field, const void *a, const void *b)
{
    switch ((enum wire_type)field->type) {
    case WIRE_STRING:
    case WIRE_BYTES: {
        const struct view *va = a, *vb = b;
        return view_equal(*va, *vb);
    }
    case WIRE_STRUCT:
        return wire_equal(field->of, a, b);
    case WIRE_BOOL:
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_INT64:
    case WIRE_FLOAT64:
    case WIRE_UUID:
        break;
    }
    return memcmp(a, b, walk_width(field->type)) == 0;
}

static bool array_equal(const struct wire_field *field, const uint8_t *a, const uint8_t *b)
{
    int32_t count = walk_count(a + field->count_offset);
    if (count != walk_count(b + field->count_offset))
        return false;
    size_t size = walk_item_size(field);
    const uint8_t *ia = walk_pointer(a + field->offset);
    const uint8_t *ib = walk_pointer(b + field->offset);
    for (int32_t i = 0; i < count; i++, ia += size, ib += size)
        if (!value_equal(field, ia, ib))
            return false;
    return true;
}

bool walk_field_equal(const struct wire_field *field, const void *a, const void *b)
{
    const uint8_t *pa = a, *pb = b;
    if (field->array)
        return array_equal(field, pa, pb);
    pa += field->offset;
    pb += field->offset;
    if (!field->pointer)
        return value_equal(field, pa, pb);
    const void *ta = walk_pointer(pa), *tb = walk_pointer(pb);
    if (!ta || !tb)
        return ta == tb;
    return wire_equal(field->of, ta, tb);
}

bool wire_equal(const struct wire_message *desc, const void *a, const void *b)
{
    for (uint16_t i = 0; i < desc->field_count; i++)
        if (!walk_field_equal(&desc->fields[i], a, b))
            return false;
    return true;
}
