/*
 * Structs to bytes, in two passes over the plan of a version: the first checks
 * everything and adds up the size, the second writes and cannot fail. So a
 * large answer is allocated once, and a bad one leaves nothing behind.
 */
#include "base/be.h"
#include "base/varint.h"
#include "wire/walk.h"

struct sizer {
    size_t size;
    struct errmsg *why;
};

static enum err refuse(struct sizer *s, enum err err, const char *what)
{
    errmsg_set(s->why, "%s", what);
    return err;
}

static enum err failed_at(struct sizer *s, const struct wire_plan *plan, uint16_t field, enum err err)
{
    if (s->why)
        errmsg_prefix(s->why, "%s", plan->of->fields[field].name);
    return err;
}

/* Bytes of a length or a count; len -1 is null. */
static inline size_t length_size(uint8_t flags, bool two_bytes, int64_t len)
{
    if (flags & WIRE_OP_COMPACT)
        return len < 127 ? 1 : varint_size_u32((uint32_t)(len + 1));
    return two_bytes ? 2 : 4;
}

static inline enum err size_view(struct sizer *s, uint8_t flags, bool is_string, const struct view *v)
{
    int64_t len = v->ptr ? (int64_t)v->len : -1;
    if (len < 0 && !(flags & WIRE_OP_NULLABLE))
        return refuse(s, ERR_INVALID_ARGUMENT, "null is not allowed here");
    if (len > (is_string ? WIRE_STRING_MAX : INT32_MAX - 1))
        return refuse(s, ERR_INVALID_ARGUMENT, "too long");
    s->size += length_size(flags, is_string, len) + v->len;
    return ERR_NONE;
}

static enum err size_struct(struct sizer *s, const struct wire_plan *plan, const uint8_t *in);

static enum err size_array(struct sizer *s, const struct wire_op *op, const uint8_t *in)
{
    int32_t count = walk_count(in + op->count_offset);
    if (count < 0 && !(op->flags & WIRE_OP_NULLABLE))
        return refuse(s, ERR_INVALID_ARGUMENT, "null is not allowed here");
    if (count == INT32_MAX)
        return refuse(s, ERR_INVALID_ARGUMENT, "too long");
    s->size += length_size(op->flags, false, count);
    const uint8_t *items = walk_pointer(in + op->offset);
    if (op->type < WIRE_STRING) {
        s->size += count > 0 ? (size_t)count * walk_width(op->type) : 0;
        return ERR_NONE;
    }
    enum err err = ERR_NONE;
    uint8_t flags = op->flags & WIRE_OP_COMPACT;
    size_t size = op->type == WIRE_STRUCT ? op->plan->of->size : sizeof(struct view);
    for (int32_t i = 0; i < count && !err; i++, items += size)
        err = op->type == WIRE_STRUCT
                  ? size_struct(s, op->plan, items)
                  : size_view(s, flags, op->type == WIRE_STRING, (const struct view *)(const void *)items);
    return err;
}

static inline enum err size_field(struct sizer *s, const struct wire_op *op, const uint8_t *in)
{
    if (op->flags & WIRE_OP_ARRAY)
        return size_array(s, op, in);
    in += op->offset;
    if (op->type < WIRE_STRING) {
        s->size += walk_width(op->type);
        return ERR_NONE;
    }
    if (op->type != WIRE_STRUCT)
        return size_view(s, op->flags, op->type == WIRE_STRING, (const struct view *)(const void *)in);
    if (!(op->flags & WIRE_OP_NULLABLE))
        return size_struct(s, op->plan, in);
    const uint8_t *inner = walk_pointer(in);
    s->size += 1;
    return inner ? size_struct(s, op->plan, inner) : ERR_NONE;
}

static inline const struct wire_field *field_of(const struct wire_plan *plan, const struct wire_op *op)
{
    return &plan->of->fields[op->field];
}

static enum err size_tags(struct sizer *s, const struct wire_plan *plan, const uint8_t *in)
{
    s->size += 1; /* number of tags: the schema has fewer than 127 */
    const struct wire_op *end = plan->tagged + plan->tagged_count;
    for (const struct wire_op *op = plan->tagged; op < end; op++) {
        const struct wire_field *field = field_of(plan, op);
        if (walk_is_default(plan->of, field, in))
            continue;
        size_t before = s->size;
        enum err err = size_field(s, op, in);
        if (err)
            return failed_at(s, plan, op->field, err);
        s->size += varint_size_u32((uint32_t)field->tag) + varint_size_u32((uint32_t)(s->size - before));
    }
    return ERR_NONE;
}

static enum err size_struct(struct sizer *s, const struct wire_plan *plan, const uint8_t *in)
{
    for (uint16_t i = 0; i < plan->absent_count; i++) {
        uint16_t field = plan->absent[i];
        if (!walk_is_default(plan->of, &plan->of->fields[field], in))
            return failed_at(s, plan, field, refuse(s, ERR_UNSUPPORTED_VERSION, "not in this version"));
    }
    const struct wire_op *end = plan->ops + plan->op_count;
    for (const struct wire_op *op = plan->ops; op < end; op++) {
        enum err err = size_field(s, op, in);
        if (err)
            return failed_at(s, plan, op->field, err);
    }
    return plan->flexible ? size_tags(s, plan, in) : ERR_NONE;
}

static inline uint8_t *put_uvarint(uint8_t *at, uint32_t v)
{
    if (v < 0x80) {
        *at = (uint8_t)v;
        return at + 1;
    }
    return at + varint_write_u32(at, v);
}

static inline uint8_t *put_length(uint8_t *at, uint8_t flags, bool two_bytes, int64_t len)
{
    if (flags & WIRE_OP_COMPACT)
        return put_uvarint(at, (uint32_t)(len + 1));
    if (two_bytes) {
        be_put_i16(at, (int16_t)len);
        return at + 2;
    }
    be_put_i32(at, (int32_t)len);
    return at + 4;
}

static inline uint8_t *put_view(uint8_t *at, uint8_t flags, bool is_string, const struct view *v)
{
    at = put_length(at, flags, is_string, v->ptr ? (int64_t)v->len : -1);
    if (v->len)
        memcpy(at, v->ptr, v->len);
    return at + v->len;
}

/* A number, a bool or a uuid. */
static inline uint8_t *put_fixed(uint8_t *at, uint8_t type, const uint8_t *in)
{
    switch ((enum wire_type)type) {
    case WIRE_BOOL:
    case WIRE_INT8:
        *at = *in;
        return at + 1;
    case WIRE_INT16:
    case WIRE_UINT16: {
        int16_t v;
        memcpy(&v, in, sizeof v);
        be_put_i16(at, v);
        return at + 2;
    }
    case WIRE_INT32: {
        int32_t v;
        memcpy(&v, in, sizeof v);
        be_put_i32(at, v);
        return at + 4;
    }
    case WIRE_INT64:
    case WIRE_FLOAT64: {
        int64_t v;
        memcpy(&v, in, sizeof v);
        be_put_i64(at, v);
        return at + 8;
    }
    case WIRE_UUID:
        memcpy(at, in, 16);
        return at + 16;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_STRUCT:
        break;
    }
    return at;
}

static uint8_t *put_struct(uint8_t *at, const struct wire_plan *plan, const uint8_t *in);

static uint8_t *put_array(uint8_t *at, const struct wire_op *op, const uint8_t *in)
{
    int32_t count = walk_count(in + op->count_offset);
    const uint8_t *items = walk_pointer(in + op->offset);
    at = put_length(at, op->flags, false, count < 0 ? -1 : count);
    if (op->type < WIRE_STRING) {
        size_t width = walk_width(op->type);
        for (int32_t i = 0; i < count; i++, items += width)
            at = put_fixed(at, op->type, items);
        return at;
    }
    uint8_t flags = op->flags & WIRE_OP_COMPACT;
    size_t size = op->type == WIRE_STRUCT ? op->plan->of->size : sizeof(struct view);
    for (int32_t i = 0; i < count; i++, items += size)
        at = op->type == WIRE_STRUCT
                 ? put_struct(at, op->plan, items)
                 : put_view(at, flags, op->type == WIRE_STRING, (const struct view *)(const void *)items);
    return at;
}

/* `null_mark` stands before a struct that is null: 0 in a tag, -1 in line. */
static inline uint8_t *put_field(uint8_t *at, const struct wire_op *op, uint8_t null_mark, const uint8_t *in)
{
    if (op->flags & WIRE_OP_ARRAY)
        return put_array(at, op, in);
    in += op->offset;
    if (op->type < WIRE_STRING)
        return put_fixed(at, op->type, in);
    if (op->type != WIRE_STRUCT)
        return put_view(at, op->flags, op->type == WIRE_STRING, (const struct view *)(const void *)in);
    if (!(op->flags & WIRE_OP_NULLABLE))
        return put_struct(at, op->plan, in);
    const uint8_t *inner = walk_pointer(in);
    *at++ = inner ? 1 : null_mark;
    return inner ? put_struct(at, op->plan, inner) : at;
}

static uint8_t *put_tags(uint8_t *at, const struct wire_plan *plan, const uint8_t *in)
{
    uint8_t *count = at++;
    *count = 0;
    const struct wire_op *end = plan->tagged + plan->tagged_count;
    for (const struct wire_op *op = plan->tagged; op < end; op++) {
        const struct wire_field *field = field_of(plan, op);
        if (walk_is_default(plan->of, field, in))
            continue;
        struct sizer content = {0};
        if (size_field(&content, op, in))
            continue; /* the first pass has seen that it is valid */
        at = put_uvarint(at, (uint32_t)field->tag);
        at = put_uvarint(at, (uint32_t)content.size);
        at = put_field(at, op, 0, in);
        *count = (uint8_t)(*count + 1);
    }
    return at;
}

static uint8_t *put_struct(uint8_t *at, const struct wire_plan *plan, const uint8_t *in)
{
    const struct wire_op *end = plan->ops + plan->op_count;
    for (const struct wire_op *op = plan->ops; op < end; op++)
        at = put_field(at, op, 0xff, in);
    return plan->flexible ? put_tags(at, plan, in) : at;
}

enum err wire_encode(const struct wire_message *desc, int16_t version, const void *in, struct buf *out,
                     struct errmsg *why)
{
    const struct wire_plan *plan = walk_plan(desc, version);
    if (!plan) {
        errmsg_set(why, "%s has no version %d", desc->name, version);
        return ERR_UNSUPPORTED_VERSION;
    }
    struct sizer s = {0, why};
    enum err err = size_struct(&s, plan, in);
    if (err) {
        errmsg_prefix(why, "%s v%d", desc->name, version);
        return err;
    }
    if (s.size > INT32_MAX) { /* before there is memory for it */
        errmsg_set(why, "%s v%d would be %zu bytes, more than a frame can have", desc->name, version, s.size);
        return ERR_MESSAGE_TOO_LARGE;
    }
    put_struct(buf_reserve(out, s.size), plan, in);
    out->len += s.size;
    return ERR_NONE;
}

size_t wire_encoded_size(const struct wire_message *desc, int16_t version, const void *in)
{
    const struct wire_plan *plan = walk_plan(desc, version);
    struct sizer s = {0};
    return plan && !size_struct(&s, plan, in) ? s.size : 0;
}
