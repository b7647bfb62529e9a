#include "cli/formatter.h"

#include <inttypes.h>
#include <string.h>

#include "base/be.h"
#include "base/mem.h"
#include "cli/java_number.h"
#include "cli/key_values.h"

/* --- settings -------------------------------------------------------------------------------------- */

static const char *class_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static bool find_deserializer(const struct properties *props, const char *key, enum deserializer *out,
                              struct errmsg *why)
{
    static const struct {
        const char *name;
        enum deserializer deserializer;
    } known[] = {
        {"StringDeserializer", DESERIALIZE_BYTES},    {"BytesDeserializer", DESERIALIZE_BYTES},
        {"ByteArrayDeserializer", DESERIALIZE_BYTES}, {"ShortDeserializer", DESERIALIZE_SHORT},
        {"IntegerDeserializer", DESERIALIZE_INTEGER}, {"LongDeserializer", DESERIALIZE_LONG},
        {"FloatDeserializer", DESERIALIZE_FLOAT},     {"DoubleDeserializer", DESERIALIZE_DOUBLE},
        {"UUIDDeserializer", DESERIALIZE_BYTES},      {"BooleanDeserializer", DESERIALIZE_BOOLEAN},
    };
    const char *name = properties_get(props, key);
    *out = DESERIALIZE_BYTES;
    if (name == NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(class_name(name), known[i].name) == 0) {
            *out = known[i].deserializer;
            return true;
        }
    }
    errmsg_set(why, "%s=%.100s: there is no such deserializer here", key, name);
    return false;
}

static struct view setting(const struct properties *props, const char *key, const char *otherwise)
{
    const char *text = properties_get(props, key);
    return view_str(text ? text : otherwise);
}

bool formatter_configure(struct formatter *out, const char *name, const struct properties *props,
                         struct errmsg *why)
{
    *out = (struct formatter){
        .print_timestamp = key_values_bool(props, "print.timestamp", false),
        .print_partition = key_values_bool(props, "print.partition", false),
        .print_offset = key_values_bool(props, "print.offset", false),
        .print_headers = key_values_bool(props, "print.headers", false),
        .print_key = key_values_bool(props, "print.key", false),
        .print_value = key_values_bool(props, "print.value", true),
        .key_separator = setting(props, "key.separator", "\t"),
        .line_separator = setting(props, "line.separator", "\n"),
        .headers_separator = setting(props, "headers.separator", ","),
        .null_literal = setting(props, "null.literal", "null"),
    };
    const char *class = name ? class_name(name) : "DefaultMessageFormatter";
    if (strcmp(class, "NoOpMessageFormatter") == 0) {
        out->kind = FORMATTER_NONE;
    } else if (strcmp(class, "DefaultMessageFormatter") != 0 &&
               strcmp(class, "LoggingMessageFormatter") != 0) {
        errmsg_set(why,
                   "There is no formatter %.150s here; DefaultMessageFormatter and "
                   "NoOpMessageFormatter can be used",
                   name);
        return false;
    }
    return find_deserializer(props, "key.deserializer", &out->key_deserializer, why) &&
           find_deserializer(props, "value.deserializer", &out->value_deserializer, why) &&
           find_deserializer(props, "headers.deserializer", &out->headers_deserializer, why);
}

/* --- values ---------------------------------------------------------------------------------------- */

static bool check_size(struct view bytes, size_t wanted, const char *type, struct errmsg *why)
{
    if (bytes.len == wanted)
        return true;
    errmsg_set(why, "Size of data received by %sDeserializer is not %zu", type, wanted);
    return false;
}

static bool put_value(const struct formatter *formatter, enum deserializer deserializer, struct view bytes,
                      struct buf *out, struct errmsg *why)
{
    if (view_is_null(bytes)) {
        buf_put_view(out, formatter->null_literal);
        return true;
    }
    switch (deserializer) {
    case DESERIALIZE_BYTES:
        buf_put_view(out, bytes);
        return true;
    case DESERIALIZE_SHORT:
        if (!check_size(bytes, sizeof(int16_t), "Short", why))
            return false;
        buf_printf(out, "%d", be_get_i16(bytes.ptr));
        return true;
    case DESERIALIZE_INTEGER:
        if (!check_size(bytes, sizeof(int32_t), "Integer", why))
            return false;
        buf_printf(out, "%" PRId32, be_get_i32(bytes.ptr));
        return true;
    case DESERIALIZE_LONG:
        if (!check_size(bytes, sizeof(int64_t), "Long", why))
            return false;
        buf_printf(out, "%" PRId64, be_get_i64(bytes.ptr));
        return true;
    case DESERIALIZE_FLOAT:
        if (!check_size(bytes, sizeof(int32_t), "Float", why))
            return false;
        java_put_float(be_get_i32(bytes.ptr), out);
        return true;
    case DESERIALIZE_DOUBLE:
        if (!check_size(bytes, sizeof(int64_t), "Double", why))
            return false;
        java_put_double(be_get_i64(bytes.ptr), out);
        return true;
    case DESERIALIZE_BOOLEAN:
        if (!check_size(bytes, 1, "Boolean", why))
            return false;
        buf_put_str(out, bytes.ptr[0] ? "true" : "false");
        return true;
    }
    return false;
}

/* --- messages -------------------------------------------------------------------------------------- */

/* A field's separator stands only where another field follows; else the line ends. */
static void put_separator(const struct formatter *formatter, bool more, struct buf *out)
{
    buf_put_view(out, more ? formatter->key_separator : formatter->line_separator);
}

static void put_timestamp(const struct formatter_message *message, struct buf *out)
{
    if (message->timestamp_type == FORMATTER_NO_TIMESTAMP)
        buf_put_str(out, "NO_TIMESTAMP");
    else
        buf_printf(out, "%s:%" PRId64,
                   message->timestamp_type == FORMATTER_CREATE_TIME ? "CreateTime" : "LogAppendTime",
                   message->timestamp);
}

static bool put_headers(const struct formatter *formatter, const struct formatter_message *message,
                        struct buf *out, struct errmsg *why)
{
    if (message->header_count == 0)
        buf_put_str(out, "NO_HEADERS");
    for (int i = 0; i < message->header_count; i++) {
        buf_put_view(out, message->headers[i].key);
        buf_put_i8(out, ':');
        if (!put_value(formatter, formatter->headers_deserializer, message->headers[i].value, out, why))
            return false;
        if (i + 1 < message->header_count)
            buf_put_view(out, formatter->headers_separator);
    }
    return true;
}

bool formatter_write(const struct formatter *f, const struct formatter_message *message, struct buf *out,
                     struct errmsg *why)
{
    if (f->kind == FORMATTER_NONE)
        return true;
    bool after_headers = f->print_key || f->print_value;
    bool after_offset = f->print_headers || after_headers;
    bool after_partition = f->print_offset || after_offset;
    if (f->print_timestamp) {
        put_timestamp(message, out);
        put_separator(f, f->print_partition || after_partition, out);
    }
    if (f->print_partition) {
        buf_printf(out, "Partition:%" PRId32, message->partition);
        put_separator(f, after_partition, out);
    }
    if (f->print_offset) {
        buf_printf(out, "Offset:%" PRId64, message->offset);
        put_separator(f, after_offset, out);
    }
    if (f->print_headers) {
        if (!put_headers(f, message, out, why))
            return false;
        put_separator(f, after_headers, out);
    }
    if (f->print_key) {
        if (!put_value(f, f->key_deserializer, message->key, out, why))
            return false;
        put_separator(f, f->print_value, out);
    }
    if (f->print_value) {
        if (!put_value(f, f->value_deserializer, message->value, out, why))
            return false;
        buf_put_view(out, f->line_separator);
    }
    return true;
}
