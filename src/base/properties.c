/*
 * java.util.Properties, both ways.
 *
 * Reading goes in three steps: next_line joins natural lines into a logical one (still escaped), its key
 * and value are told apart, and unescape turns each into UTF-8. Kafka loads its files through a byte
 * stream, so that a byte is a Latin-1 character; other characters are written as \uXXXX.
 */
#include "base/properties.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"

struct reader {
    struct view text;
    size_t pos;
    int line; /* 1-based line that pos is in */
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* The next byte; "\r\n" is given as a single '\n'. */
static uint8_t take(struct reader *in)
{
    uint8_t c = in->text.ptr[in->pos++];
    if (c == '\r') {
        if (in->pos < in->text.len && in->text.ptr[in->pos] == '\n')
            in->pos++;
        c = '\n';
    }
    in->line += c == '\n';
    return c;
}

static void skip_comment(struct reader *in)
{
    while (in->pos < in->text.len && take(in) != '\n')
        ;
}

/*
 * After a backslash and a line end: is that the end of the text? Then Java ends the logical line, even an
 * empty one, which gives an empty key; but it looks before it has seen the '\n' of a "\r\n".
 */
static bool is_at_end(const struct reader *in)
{
    const uint8_t *end = in->text.ptr + in->text.len;
    return in->pos == in->text.len && !(in->pos >= 2 && end[-1] == '\n' && end[-2] == '\r');
}

/* Reads one logical line without its line ends; false at the end of the text. */
static bool next_line(struct reader *in, struct buf *line, int *begins_at)
{
    bool skip_blanks = true;
    bool continued = false;
    bool escaped = false; /* an odd number of backslashes precedes */
    buf_clear(line);
    while (in->pos < in->text.len) {
        int at = in->line;
        uint8_t c = take(in);
        if (skip_blanks) {
            if (is_blank(c) || (!continued && c == '\n'))
                continue;
            skip_blanks = false;
            continued = false;
        }
        if (line->len == 0 && (c == '#' || c == '!')) {
            skip_comment(in);
            skip_blanks = true;
            continue;
        }
        if (c != '\n') {
            if (line->len == 0)
                *begins_at = at;
            buf_put_i8(line, (int8_t)c);
            escaped = c == '\\' && !escaped;
        } else if (line->len == 0) {
            skip_blanks = true;
        } else if (escaped) {
            line->len--;
            if (is_at_end(in))
                return true;
            skip_blanks = continued = true;
            escaped = false;
        } else {
            return true;
        }
    }
    if (line->len == 0)
        return false;
    if (escaped)
        line->len--;
    return true;
}

static void put_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_put_i8(out, (int8_t)code);
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    uint32_t lead = more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0;
    buf_put_i8(out, (int8_t)(uint8_t)(lead | code >> (6 * more)));
    while (more-- > 0)
        buf_put_i8(out, (int8_t)(uint8_t)(0x80 | (code >> (6 * more) & 0x3f)));
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The UTF-16 unit written as \uXXXX at `pos`, or -1. */
static int32_t unicode_escape(struct view text, size_t pos)
{
    if (text.len - pos < 6 || text.ptr[pos] != '\\' || text.ptr[pos + 1] != 'u')
        return -1;
    int32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(text.ptr[pos + i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Appends the character whose \u escape is at `pos`; returns the bytes read (6, or 12 for a pair). */
static size_t put_unicode(struct buf *out, struct view text, size_t pos, uint32_t unit)
{
    if (unit >= 0xd800 && unit <= 0xdbff) {
        int32_t low = unicode_escape(text, pos + 6);
        if (low >= 0xdc00 && low <= 0xdfff) {
            put_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00));
            return 12;
        }
    }
    /* Half a pair has no UTF-8; Java's encoder writes '?' for it. */
    put_utf8(out, unit >= 0xd800 && unit <= 0xdfff ? '?' : unit == 0 ? 0xfffd : unit);
    return 6;
}

static char *unescape(struct view text)
{
    struct buf out = {0};
    size_t pos = 0;
    while (pos < text.len) {
        uint8_t c = text.ptr[pos];
        if (c == '\\') {
            int32_t unit = unicode_escape(text, pos);
            if (unit >= 0) {
                pos += put_unicode(&out, text, pos, (uint32_t)unit);
                continue;
            }
            if (++pos == text.len)
                break;
            c = text.ptr[pos];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
        }
        put_utf8(&out, c == 0 ? 0xfffd : c); /* a C string cannot hold NUL */
        pos++;
    }
    char *result = mem_strdup(buf_cstr(&out));
    buf_close(&out);
    return result;
}

static struct property split(struct view line)
{
    size_t key_len = 0;
    bool escaped = false;
    while (key_len < line.len) {
        uint8_t c = line.ptr[key_len];
        if (!escaped && (c == '=' || c == ':' || is_blank(c)))
            break;
        escaped = c == '\\' && !escaped;
        key_len++;
    }
    size_t value_at = key_len;
    bool separated = false;
    for (; value_at < line.len; value_at++) {
        uint8_t c = line.ptr[value_at];
        if (is_blank(c))
            continue;
        if (separated || (c != '=' && c != ':'))
            break;
        separated = true;
    }
    return (struct property){
        .key = unescape(view_of(line.ptr, key_len)),
        .value = unescape(view_of(line.ptr + value_at, line.len - value_at)),
    };
}

void properties_parse(struct view text, struct properties *out)
{
    struct reader in = {.text = text, .line = 1};
    struct buf line = {0};
    size_t cap = 0;
    int begins_at = 1;
    *out = (struct properties){0};
    while (next_line(&in, &line, &begins_at)) {
        if (out->count == cap) {
            cap = cap ? cap * 2 : 32;
            out->items = mem_resize(out->items, cap * sizeof *out->items);
        }
        struct property *item = &out->items[out->count++];
        *item = split(buf_view(&line));
        item->line = begins_at;
    }
    buf_close(&line);
}

void properties_close(struct properties *props)
{
    for (size_t i = 0; i < props->count; i++) {
        free(props->items[i].key);
        free(props->items[i].value);
    }
    free(props->items);
    *props = (struct properties){0};
}

const char *properties_get(const struct properties *props, const char *key)
{
    for (size_t i = props->count; i-- > 0;) {
        if (strcmp(props->items[i].key, key) == 0)
            return props->items[i].value;
    }
    return NULL;
}

static void put_unit(struct buf *out, uint32_t unit)
{
    buf_printf(out, "\\u%04X", (unsigned)unit);
}

static void put_escaped(struct buf *out, const char *text, bool is_key)
{
    struct view v = view_str(text);
    for (size_t pos = 0; pos < v.len;) {
        bool first = pos == 0;
        uint32_t c = utf8_next(v, &pos);
        switch (c) {
        case ' ':
            buf_put_str(out, is_key || first ? "\\ " : " ");
            break;
        case '\t':
            buf_put_str(out, "\\t");
            break;
        case '\n':
            buf_put_str(out, "\\n");
            break;
        case '\r':
            buf_put_str(out, "\\r");
            break;
        case '\f':
            buf_put_str(out, "\\f");
            break;
        case '\\':
        case '=':
        case ':':
        case '#':
        case '!':
            buf_put_i8(out, '\\');
            buf_put_i8(out, (int8_t)c);
            break;
        default:
            if (c >= 0x20 && c <= 0x7e) {
                buf_put_i8(out, (int8_t)c);
            } else if (c < 0x10000) {
                put_unit(out, c);
            } else {
                put_unit(out, 0xd7c0 + (c >> 10));
                put_unit(out, 0xdc00 | (c & 0x3ff));
            }
        }
    }
}

void properties_put(struct buf *out, const char *key, const char *value)
{
    put_escaped(out, key, true);
    buf_put_i8(out, '=');
    put_escaped(out, value, false);
    buf_put_i8(out, '\n');
}
