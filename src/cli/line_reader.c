#include "cli/line_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/key_values.h"

#define READ_BYTES (64 << 10)

/* --- settings -------------------------------------------------------------------------------------- */

static struct view setting(const struct properties *props, const char *key, const char *otherwise)
{
    const char *text = properties_get(props, key);
    return view_str(text ? text : otherwise);
}

static bool differ(struct view a, const char *a_name, struct view b, const char *b_name, struct errmsg *why)
{
    if (!view_equal(a, b) || view_is_null(a))
        return true;
    errmsg_set(why, "%s and %s may not be equal", a_name, b_name);
    return false;
}

bool line_format_configure(struct line_format *out, const struct properties *props, struct errmsg *why)
{
    *out = (struct line_format){
        .parse_key = key_values_bool(props, "parse.key", false),
        .parse_headers = key_values_bool(props, "parse.headers", false),
        .ignore_error = key_values_bool(props, "ignore.error", false),
        .key_separator = setting(props, "key.separator", "\t"),
        .headers_delimiter = setting(props, "headers.delimiter", "\t"),
        .headers_separator = setting(props, "headers.separator", ","),
        .headers_key_separator = setting(props, "headers.key.separator", ":"),
        .null_marker = setting(props, "null.marker", NULL),
    };
    const char *delimiter = "headers.delimiter", *separator = "headers.separator",
               *key_separator = "headers.key.separator", *marker = "null.marker";
    return differ(out->headers_delimiter, delimiter, out->headers_separator, separator, why) &&
           differ(out->headers_delimiter, delimiter, out->headers_key_separator, key_separator, why) &&
           differ(out->headers_separator, separator, out->headers_key_separator, key_separator, why) &&
           differ(out->null_marker, marker, out->key_separator, "key.separator", why) &&
           differ(out->null_marker, marker, out->headers_separator, separator, why) &&
           differ(out->null_marker, marker, out->headers_delimiter, delimiter, why) &&
           differ(out->null_marker, marker, out->headers_key_separator, key_separator, why);
}

/* --- one line -------------------------------------------------------------------------------------- */

static const uint8_t *find(struct view in, struct view what)
{
    return what.len == 0 ? in.ptr : memmem(in.ptr, in.len, what.ptr, what.len);
}

/* Cuts `*rest` at the separator; `*part` is null when there is none and that is no error. */
static bool cut(const struct line_format *format, struct view line, int64_t line_number,
                struct view separator, const char *name, struct view *rest, struct view *part,
                struct buf *why)
{
    const uint8_t *at = find(*rest, separator);
    *part = VIEW_NULL;
    if (at == NULL) {
        if (!format->ignore_error)
            buf_printf(why, "No %s found on line number %" PRId64 ": '%.*s'", name, line_number,
                       VIEW_FMT(line));
        return format->ignore_error;
    }
    *part = view_of(rest->ptr, (size_t)(at - rest->ptr));
    size_t used = part->len + separator.len;
    *rest = view_of(rest->ptr + used, rest->len - used);
    return true;
}

static struct view null_if_marked(const struct line_format *format, struct view text)
{
    return !view_is_null(format->null_marker) && view_equal(text, format->null_marker) ? VIEW_NULL : text;
}

static void add_header(struct line_message *message, struct view key, struct view value)
{
    if (message->header_count == message->header_cap) {
        message->header_cap = message->header_cap * 2 + 4;
        message->headers =
            mem_resize(message->headers, (size_t)message->header_cap * sizeof *message->headers);
    }
    message->headers[message->header_count++] = (struct line_header){key, value};
}

static bool parse_header(const struct line_format *format, struct view pair, int64_t line_number,
                         struct line_message *out, struct buf *why)
{
    const uint8_t *at = find(pair, format->headers_key_separator);
    if (at == NULL) {
        if (format->ignore_error)
            add_header(out, pair, VIEW_NULL);
        else
            buf_printf(why, "No header key separator found in pair '%.*s' on line number %" PRId64,
                       VIEW_FMT(pair), line_number);
        return format->ignore_error;
    }
    struct view key = view_of(pair.ptr, (size_t)(at - pair.ptr));
    if (view_is_null(null_if_marked(format, key))) {
        buf_printf(why, "Header keys should not be equal to the null marker '%.*s' as they can't be null",
                   VIEW_FMT(format->null_marker));
        return false;
    }
    size_t used = key.len + format->headers_key_separator.len;
    add_header(out, key, null_if_marked(format, view_of(pair.ptr + used, pair.len - used)));
    return true;
}

/* Java's split drops empty pieces at the end. */
static bool parse_headers(const struct line_format *format, struct view text, int64_t line_number,
                          struct line_message *out, struct buf *why)
{
    struct view separator = format->headers_separator;
    while (separator.len > 0 && text.len >= separator.len &&
           memcmp(text.ptr + text.len - separator.len, separator.ptr, separator.len) == 0)
        text.len -= separator.len;
    for (bool more = true; more;) {
        const uint8_t *at = separator.len > 0 ? find(text, separator) : NULL;
        more = at != NULL;
        struct view pair = view_of(text.ptr, more ? (size_t)(at - text.ptr) : text.len);
        if (!parse_header(format, pair, line_number, out, why))
            return false;
        if (more)
            text = view_of(at + separator.len, text.len - pair.len - separator.len);
    }
    return true;
}

bool line_format_parse(const struct line_format *format, struct view line, int64_t line_number,
                       struct line_message *out, struct buf *why)
{
    struct view rest = line;
    struct view headers = VIEW_NULL;
    struct view key = VIEW_NULL;
    out->header_count = 0;
    if (format->parse_headers &&
        !cut(format, line, line_number, format->headers_delimiter, "headers delimiter", &rest, &headers, why))
        return false;
    if (format->parse_key &&
        !cut(format, line, line_number, format->key_separator, "key separator", &rest, &key, why))
        return false;
    out->key = view_is_null(key) ? key : null_if_marked(format, key);
    out->value = null_if_marked(format, rest);
    if (view_is_null(headers) || view_is_null(null_if_marked(format, headers)))
        return true;
    return parse_headers(format, headers, line_number, out, why);
}

void line_message_close(struct line_message *message)
{
    free(message->headers);
    *message = (struct line_message){0};
}

/* --- lines of a descriptor -------------------------------------------------------------------------- */

static bool find_end(struct line_source *source, size_t *end)
{
    for (size_t i = source->searched; i < source->bytes.len; i++) {
        if (source->bytes.data[i] == '\n' || source->bytes.data[i] == '\r') {
            *end = i;
            return true;
        }
    }
    source->searched = source->bytes.len;
    return false;
}

/* More bytes behind those that wait; false at the end and on error. */
static bool read_more(struct line_source *source, struct errmsg *why)
{
    if (source->at > 0) {
        memmove(source->bytes.data, source->bytes.data + source->at, source->bytes.len - source->at);
        source->bytes.len -= source->at;
        source->searched -= source->at;
        source->at = 0;
    }
    buf_reserve(&source->bytes, READ_BYTES);
    ssize_t got;
    do {
        got = read(source->fd, source->bytes.data + source->bytes.len, READ_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        errmsg_set_errno(why, errno, "read standard input");
    if (got <= 0) {
        source->ended = true;
        return false;
    }
    source->bytes.len += (size_t)got;
    return true;
}

bool line_source_next(struct line_source *source, struct view *line, struct errmsg *why)
{
    size_t end;
    for (;;) {
        if (source->skip_newline && source->at < source->bytes.len) {
            if (source->bytes.data[source->at] == '\n')
                source->at++;
            source->skip_newline = false;
            if (source->searched < source->at)
                source->searched = source->at;
        }
        if (find_end(source, &end))
            break;
        if (source->ended || !read_more(source, why)) {
            if (source->at == source->bytes.len)
                return false;
            *line = view_of(source->bytes.data + source->at, source->bytes.len - source->at);
            source->at = source->searched = source->bytes.len;
            return true;
        }
    }
    *line = view_of(source->bytes.data + source->at, end - source->at);
    source->skip_newline = source->bytes.data[end] == '\r';
    source->at = source->searched = end + 1;
    return true;
}

void line_source_close(struct line_source *source)
{
    buf_close(&source->bytes);
}
