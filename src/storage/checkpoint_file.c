/*
 * Lines end as Java's BufferedReader ends them (\n, \r or \r\n), and fields are
 * parted as its \s+ parts them: white space before the first field makes an
 * empty one, white space after the last does not count.
 */
#include "storage/checkpoint_file.h"

#include "base/utf8.h"

#define VERSION 0

bool checkpoint_parse_i64(struct view text, int64_t *out)
{
    size_t i = 0;
    bool minus = text.len && text.ptr[0] == '-';
    if (text.len && (minus || text.ptr[0] == '+'))
        i++;
    if (i == text.len)
        return false;
    int64_t value = 0; /* kept negative: the lowest number has no positive twin */
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, (int64_t)(text.ptr[i] - '0'), &value))
            return false;
    }
    if (!minus && value == INT64_MIN)
        return false;
    *out = minus ? value : -value;
    return true;
}

bool checkpoint_parse_i32(struct view text, int32_t *out)
{
    int64_t value;
    if (!checkpoint_parse_i64(text, &value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    *out = (int32_t)value;
    return true;
}

/* Kafka reads with a decoder that refuses malformed bytes. */
static bool is_utf8(struct view text)
{
    for (size_t pos = 0; pos < text.len;) {
        size_t at = pos;
        if (utf8_next(text, &pos) == 0xfffd &&
            (pos - at != 3 || memcmp(text.ptr + at, "\xef\xbf\xbd", 3) != 0))
            return false;
    }
    return true;
}

/* Takes the next line off `text`; false at the end. */
static bool next_line(struct view *text, struct view *line)
{
    if (text->len == 0)
        return false;
    size_t len = 0;
    while (len < text->len && text->ptr[len] != '\n' && text->ptr[len] != '\r')
        len++;
    *line = view_of(text->ptr, len);
    if (len < text->len)
        len += text->ptr[len] == '\r' && len + 1 < text->len && text->ptr[len + 1] == '\n' ? 2 : 1;
    *text = view_of(text->ptr + len, text->len - len);
    return true;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One more than CHECKPOINT_MAX_FIELDS when there are too many. */
static size_t split(struct view line, struct view fields[CHECKPOINT_MAX_FIELDS])
{
    size_t count = 0;
    size_t end = line.len;
    while (end && is_space(line.ptr[end - 1]))
        end--;
    for (size_t i = 0; i < end || (i == 0 && count == 0);) {
        size_t start = i;
        while (i < end && !is_space(line.ptr[i]))
            i++;
        if (count == CHECKPOINT_MAX_FIELDS)
            return count + 1;
        fields[count++] = view_of(line.ptr + start, i - start);
        while (i < end && is_space(line.ptr[i]))
            i++;
    }
    return count;
}

static enum err malformed(struct view line, const char *location, struct errmsg *why)
{
    errmsg_set(why, "Malformed line in checkpoint file [%s]: %.*s", location,
               line.len > 80 ? 80 : (int)line.len, (const char *)line.ptr);
    return ERR_CORRUPT_FILE;
}

static enum err parse_rows(struct view text, struct view count_line, const char *location,
                           checkpoint_row_fn fn, void *arg, struct errmsg *why)
{
    int32_t expected;
    if (!checkpoint_parse_i32(count_line, &expected) || expected < 0)
        return malformed(count_line, location, why);
    struct view line;
    size_t count = 0;
    while (next_line(&text, &line)) {
        struct view fields[CHECKPOINT_MAX_FIELDS];
        size_t field_count = split(line, fields);
        if (field_count > CHECKPOINT_MAX_FIELDS || !fn(arg, fields, field_count))
            return malformed(line, location, why);
        count++;
    }
    if (count == (size_t)expected)
        return ERR_NONE;
    errmsg_set(why, "Expected [%d] entries in checkpoint file [%s], but found [%zu]", expected, location,
               count);
    return ERR_CORRUPT_FILE;
}

enum err checkpoint_parse(struct view text, const char *location, checkpoint_row_fn fn, void *arg,
                          struct errmsg *why)
{
    if (!is_utf8(text)) {
        errmsg_set(why, "checkpoint file [%s] is not UTF-8", location);
        return ERR_CORRUPT_FILE;
    }
    struct view line;
    if (!next_line(&text, &line))
        return ERR_NONE;
    int32_t version;
    if (!checkpoint_parse_i32(line, &version))
        return malformed(line, location, why);
    if (version != VERSION) {
        errmsg_set(why, "Unrecognised version:%d, expected version: %d in checkpoint file at: %s", version,
                   VERSION, location);
        return ERR_CORRUPT_FILE;
    }
    if (!next_line(&text, &line))
        return ERR_NONE;
    return parse_rows(text, line, location, fn, arg, why);
}

void checkpoint_put_head(struct buf *out, size_t count)
{
    buf_printf(out, "%d\n%zu\n", VERSION, count);
}

void checkpoint_put_offset_row(struct buf *out, struct view topic, int32_t partition, int64_t offset)
{
    buf_put_view(out, topic);
    buf_printf(out, " %d %lld\n", partition, (long long)offset);
}

void checkpoint_put_epoch_row(struct buf *out, int32_t epoch, int64_t start_offset)
{
    buf_printf(out, "%d %lld\n", epoch, (long long)start_offset);
}

bool checkpoint_read_offset_row(const struct view *fields, size_t field_count, struct view *topic,
                                int32_t *partition, int64_t *offset)
{
    if (field_count != 3)
        return false;
    *topic = fields[0];
    return checkpoint_parse_i32(fields[1], partition) && checkpoint_parse_i64(fields[2], offset);
}

bool checkpoint_read_epoch_row(const struct view *fields, size_t field_count, int32_t *epoch,
                               int64_t *start_offset)
{
    return field_count == 2 && checkpoint_parse_i32(fields[0], epoch) &&
           checkpoint_parse_i64(fields[1], start_offset);
}
