/*
 * Bytes to structs. One loop over the plan of a version; every length is held
 * against the bytes that are left before anything is allocated for it.
 */
#include "base/be.h"
#include "base/varint.h"
#include "wire/walk.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    struct arena *arena;
    struct errmsg *why;
};

static inline size_t bytes_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static enum err malformed(struct reader *r, const char *what)
{
    errmsg_set(r->why, "%s", what);
    return ERR_MALFORMED;
}

static enum err too_short(struct reader *r)
{
    return malformed(r, "the message ends too early");
}

static inline bool read_uvarint(struct reader *r, uint32_t *out)
{
    if (r->at < r->end && *r->at < 0x80) {
        *out = *r->at++;
        return true;
    }
    return varint_read_u32(&r->at, r->end, out);
}

/* Reads a length or a count; any negative one is null and becomes -1. */
static inline enum err read_length(struct reader *r, uint8_t flags, bool two_bytes, int32_t *out)
{
    if (flags & WIRE_OP_COMPACT) {
        uint32_t raw;
        if (!read_uvarint(r, &raw))
            return malformed(r, "bad length");
        if (raw > INT32_MAX)
            return malformed(r, "length out of range");
        *out = (int32_t)raw - 1;
    } else if (two_bytes) {
        if (bytes_left(r) < 2)
            return too_short(r);
        *out = be_get_i16(r->at);
        r->at += 2;
    } else {
        if (bytes_left(r) < 4)
            return too_short(r);
        *out = be_get_i32(r->at);
        r->at += 4;
    }
    if (*out < 0) {
        *out = -1;
        if (!(flags & WIRE_OP_NULLABLE))
            return malformed(r, "null is not allowed here");
    }
    return ERR_NONE;
}

static inline enum err read_view(struct reader *r, uint8_t flags, bool is_string, struct view *out)
{
    int32_t len;
    enum err err = read_length(r, flags, is_string, &len);
    if (err)
        return err;
    if (len < 0) {
        *out = VIEW_NULL;
        return ERR_NONE;
    }
    if (is_string && len > WIRE_STRING_MAX)
        return malformed(r, "string over 32767 bytes");
    if ((size_t)len > bytes_left(r))
        return too_short(r);
    *out = view_of(r->at, (size_t)len);
    r->at += len;
    return ERR_NONE;
}

/* A number, a bool or a uuid, the bytes of which are known to be there. */
static inline const uint8_t *read_fixed(const uint8_t *at, uint8_t type, uint8_t *out)
{
    switch ((enum wire_type)type) {
    case WIRE_BOOL:
        *out = *at != 0;
        return at + 1;
    case WIRE_INT8:
        *out = *at;
        return at + 1;
    case WIRE_INT16:
    case WIRE_UINT16: {
        int16_t v = be_get_i16(at);
        memcpy(out, &v, sizeof v);
        return at + 2;
    }
    case WIRE_INT32: {
        int32_t v = be_get_i32(at);
        memcpy(out, &v, sizeof v);
        return at + 4;
    }
    case WIRE_INT64:
    case WIRE_FLOAT64: {
        int64_t v = be_get_i64(at);
        memcpy(out, &v, sizeof v);
        return at + 8;
    }
    case WIRE_UUID:
        memcpy(out, at, 16);
        return at + 16;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_STRUCT:
        break;
    }
    return at;
}

static enum err read_struct(struct reader *r, const struct wire_plan *plan, uint8_t *out);

/* Says which field failed. */
static enum err failed_at(struct reader *r, const struct wire_plan *plan, const struct wire_op *op,
                          enum err err)
{
    if (r->why)
        errmsg_prefix(r->why, "%s", plan->of->fields[op->field].name);
    return err;
}

static enum err read_items(struct reader *r, const struct wire_op *op, int32_t count, uint8_t *items)
{
    uint8_t flags = op->flags & WIRE_OP_COMPACT; /* elements are never null */
    for (int32_t i = 0; i < count; i++) {
        enum err err;
        if (op->type == WIRE_STRUCT) {
            const struct wire_message *of = op->plan->of;
            wire_init(of, items);
            err = read_struct(r, op->plan, items);
            items += of->size;
        } else {
            err = read_view(r, flags, op->type == WIRE_STRING, (struct view *)(void *)items);
            items += sizeof(struct view);
        }
        if (err)
            return err;
    }
    return ERR_NONE;
}

/* Fewest bytes of an element on the wire: what bounds a count, and so the memory for it. */
static inline size_t least_item_bytes(const struct wire_op *op)
{
    if (op->type == WIRE_STRUCT)
        return op->plan->min_size ? op->plan->min_size : 1;
    if (op->type == WIRE_STRING || op->type == WIRE_BYTES)
        return op->flags & WIRE_OP_COMPACT ? 1 : 2;
    return walk_width(op->type);
}

static enum err read_array(struct reader *r, const struct wire_op *op, uint8_t *out)
{
    int32_t count;
    enum err err = read_length(r, op->flags, false, &count);
    if (err)
        return err;
    void *items = NULL;
    if (count > 0) {
        if ((size_t)count > bytes_left(r) / least_item_bytes(op))
            return malformed(r, "more elements than bytes");
        size_t size = op->type == WIRE_STRUCT ? op->plan->of->size : walk_width(op->type);
        items = arena_try_zalloc(r->arena, (size_t)count, size);
        if (!items) {
            errmsg_set(r->why, "no memory for %d elements", count);
            return ERR_NO_MEMORY;
        }
        if (op->type >= WIRE_STRING)
            err = read_items(r, op, count, items);
        else
            for (int32_t i = 0; i < count; i++)
                r->at = read_fixed(r->at, op->type, (uint8_t *)items + (size_t)i * size);
    }
    memcpy(out + op->offset, &items, sizeof items);
    memcpy(out + op->count_offset, &count, sizeof count);
    return err;
}

/* A struct of its own, or one behind a pointer after a mark: in line null is negative, in a tag it is 0. */
static enum err read_single_struct(struct reader *r, const struct wire_op *op, bool tagged, uint8_t *out)
{
    const struct wire_message *of = op->plan->of;
    if (!(op->flags & WIRE_OP_NULLABLE))
        return read_struct(r, op->plan, out);
    if (bytes_left(r) < 1)
        return too_short(r);
    int8_t mark = (int8_t)*r->at++;
    void *inner = NULL;
    if (tagged ? mark != 0 : mark >= 0) {
        inner = arena_try_zalloc(r->arena, 1, of->size);
        if (!inner)
            return ERR_NO_MEMORY;
        wire_init(of, inner);
    }
    memcpy(out, &inner, sizeof inner);
    return inner ? read_struct(r, op->plan, inner) : ERR_NONE;
}

static inline enum err read_field(struct reader *r, const struct wire_op *op, bool tagged, uint8_t *out)
{
    if (op->flags & WIRE_OP_ARRAY)
        return read_array(r, op, out);
    out += op->offset;
    if (op->type < WIRE_STRING) {
        if (bytes_left(r) < walk_width(op->type))
            return too_short(r);
        r->at = read_fixed(r->at, op->type, out);
        return ERR_NONE;
    }
    if (op->type == WIRE_STRUCT)
        return read_single_struct(r, op, tagged, out);
    return read_view(r, op->flags, op->type == WIRE_STRING, (struct view *)(void *)out);
}

/* One tag's content, which must fill its bytes exactly. */
static enum err read_tagged(struct reader *r, const struct wire_plan *plan, const struct wire_op *op,
                            uint32_t size, uint8_t *out)
{
    struct reader inner = {r->at, r->at + size, r->arena, r->why};
    enum err err = read_field(&inner, op, true, out);
    if (!err && inner.at != inner.end)
        err = malformed(r, "size of the tag does not fit its content");
    r->at = inner.at;
    return err ? failed_at(r, plan, op, err) : ERR_NONE;
}

/* A tag that is in the schema, but not in this version. */
static bool is_known_tag(const struct wire_plan *plan, uint32_t tag)
{
    for (uint16_t i = 0; i < plan->of->field_count; i++)
        if (plan->of->fields[i].tag >= 0 && (uint32_t)plan->of->fields[i].tag == tag)
            return true;
    return false;
}

static enum err read_tags(struct reader *r, const struct wire_plan *plan, uint8_t *out)
{
    uint32_t count;
    if (!read_uvarint(r, &count))
        return malformed(r, "bad number of tags");
    const struct wire_op *op = plan->tagged, *end = op + plan->tagged_count;
    int64_t last = -1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tag, size;
        if (!read_uvarint(r, &tag) || !read_uvarint(r, &size) || size > bytes_left(r))
            return malformed(r, "bad tag");
        if ((int64_t)tag <= last)
            return malformed(r, "tags do not ascend");
        last = tag;
        while (op < end && (uint32_t)plan->of->fields[op->field].tag < tag)
            op++;
        if (op < end && (uint32_t)plan->of->fields[op->field].tag == tag) {
            enum err err = read_tagged(r, plan, op, size, out);
            if (err)
                return err;
        } else if (is_known_tag(plan, tag)) {
            return malformed(r, "a tag that this version does not have");
        } else {
            r->at += size;
        }
    }
    return ERR_NONE;
}

static enum err read_struct(struct reader *r, const struct wire_plan *plan, uint8_t *out)
{
    const struct wire_op *end = plan->ops + plan->op_count;
    for (const struct wire_op *op = plan->ops; op < end; op++) {
        enum err err = read_field(r, op, false, out);
        if (err)
            return failed_at(r, plan, op, err);
    }
    return plan->flexible ? read_tags(r, plan, out) : ERR_NONE;
}

enum err wire_decode(const struct wire_message *desc, int16_t version, struct view bytes, size_t *used,
                     struct arena *arena, void *out, struct errmsg *why)
{
    const struct wire_plan *plan = walk_plan(desc, version);
    if (!plan) {
        errmsg_set(why, "%s has no version %d", desc->name, version);
        return ERR_UNSUPPORTED_VERSION;
    }
    const uint8_t *begin = bytes.ptr ? bytes.ptr : (const uint8_t *)"";
    struct reader r = {begin, begin + bytes.len, arena, why};
    wire_init(desc, out);
    enum err err = read_struct(&r, plan, out);
    if (err)
        errmsg_prefix(why, "%s v%d", desc->name, version);
    else if (used)
        *used = (size_t)(r.at - begin);
    return err;
}
