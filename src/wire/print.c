/* Structs to text, for logs and tests. */
#include <inttypes.h>

#include "wire/walk.h"

#define BYTES_SHOWN 64

static void print_string(struct view v, struct buf *out)
{
    buf_put_i8(out, '"');
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_put_i8(out, (int8_t)c);
    }
    buf_put_i8(out, '"');
}

static void print_bytes(struct view v, struct buf *out)
{
    buf_put_str(out, "hex:");
    for (size_t i = 0; i < v.len && i < BYTES_SHOWN; i++)
        buf_printf(out, "%02x", v.ptr[i]);
    if (v.len > BYTES_SHOWN)
        buf_printf(out, "...(%zu bytes)", v.len);
}

static int64_t load_integer(uint8_t type, const void *at)
{
    int8_t i8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    int64_t i64;
    switch (type) {
    case WIRE_INT8:
        memcpy(&i8, at, sizeof i8);
        return i8;
    case WIRE_INT16:
        memcpy(&i16, at, sizeof i16);
        return i16;
    case WIRE_UINT16:
        memcpy(&u16, at, sizeof u16);
        return u16;
    case WIRE_INT32:
        memcpy(&i32, at, sizeof i32);
        return i32;
    default:
        memcpy(&i64, at, sizeof i64);
        return i64;
    }
}

static void print_view(uint8_t type, struct view v, struct buf *out)
{
    if (view_is_null(v))
        buf_put_str(out, "null");
    else if (type == WIRE_STRING)
        print_string(v, out);
    else
        print_bytes(v, out);
}

static void print_value(const struct wire_field *field, int16_t version, const void *at, struct buf *out)
{
    switch ((enum wire_type)field->type) {
    case WIRE_BOOL:
        buf_put_str(out, *(const uint8_t *)at ? "true" : "false");
        break;
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_INT64:
        buf_printf(out, "%" PRId64, load_integer(field->type, at));
        break;
    case WIRE_FLOAT64: {
        double v;
        memcpy(&v, at, sizeof v);
        buf_printf(out, "%.17g", v);
        break;
    }
    case WIRE_UUID: {
        struct uuid id;
        char text[UUID_TEXT_SIZE];
        memcpy(&id, at, sizeof id);
        uuid_to_text(id, text);
        buf_put_str(out, text);
        break;
    }
    case WIRE_STRING:
    case WIRE_BYTES:
        print_view(field->type, *(const struct view *)at, out);
        break;
    case WIRE_STRUCT:
        wire_print(field->of, version, at, out);
        break;
    }
}

static void print_field(const struct wire_field *field, int16_t version, const uint8_t *in, struct buf *out)
{
    buf_printf(out, "%s: ", field->name);
    if (field->array) {
        int32_t count = walk_count(in + field->count_offset);
        const uint8_t *items = walk_pointer(in + field->offset);
        if (count < 0) {
            buf_put_str(out, "null");
            return;
        }
        size_t size = walk_item_size(field);
        buf_put_i8(out, '[');
        for (int32_t i = 0; i < count; i++) {
            buf_put_str(out, i ? ", " : "");
            print_value(field, version, items + (size_t)i * size, out);
        }
        buf_put_i8(out, ']');
        return;
    }
    const void *at = field->pointer ? walk_pointer(in + field->offset) : in + field->offset;
    if (at)
        print_value(field, version, at, out);
    else
        buf_put_str(out, "null");
}

void wire_print(const struct wire_message *desc, int16_t version, const void *in, struct buf *out)
{
    const char *separator = "";
    buf_put_i8(out, '{');
    for (uint16_t i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        if (version >= 0 && (version < field->min_version || version > field->max_version))
            continue;
        buf_put_str(out, separator);
        print_field(field, version, in, out);
        separator = ", ";
    }
    buf_put_i8(out, '}');
}
