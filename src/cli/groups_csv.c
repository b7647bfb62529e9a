#include "cli/groups_csv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define COLUMNS_MAX 4

/* From here on a text is quoted without a look at it. */
#define LONG_TEXT 24
/* Below it are the separator, the quote and blanks. */
#define FIRST_SAFE '-'

/* --- writing ---------------------------------------------------------------------------------------- */

static bool wants_quotes(struct view text)
{
    if (text.len > LONG_TEXT)
        return true;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < FIRST_SAFE || text.ptr[i] == '\\')
            return true;
    return false;
}

static void put_text(struct view text, struct buf *out)
{
    if (!wants_quotes(text)) {
        buf_put_view(out, text);
        return;
    }
    buf_put_i8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_put_i8(out, '"');
        buf_put_i8(out, (int8_t)text.ptr[i]);
    }
    buf_put_i8(out, '"');
}

void groups_csv_write(const struct groups_csv_row *row, bool with_group, struct buf *out)
{
    if (with_group) {
        put_text(row->group, out);
        buf_put_i8(out, ',');
    }
    put_text(row->topic, out);
    buf_printf(out, ",%" PRId32 ",%" PRId64 "\n", row->partition, row->offset);
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* What stands between quotes; false when they are not closed, or something but a comma follows. */
static bool take_quoted(struct view *line, struct arena *arena, struct view *out)
{
    uint8_t *text = arena_alloc(arena, line->len);
    size_t len = 0, i = 1;
    for (; i < line->len; i++) {
        if (line->ptr[i] == '"') {
            if (i + 1 >= line->len || line->ptr[i + 1] != '"')
                break;
            i++;
        }
        text[len++] = line->ptr[i];
    }
    if (i >= line->len || (i + 1 < line->len && line->ptr[i + 1] != ','))
        return false;
    *out = view_of(text, len);
    *line = view_of(line->ptr + i + 1, line->len - i - 1);
    return true;
}

static void take_plain(struct view *line, struct view *out)
{
    const uint8_t *comma = memchr(line->ptr, ',', line->len);
    size_t len = comma ? (size_t)(comma - line->ptr) : line->len;
    *out = view_of(line->ptr, len);
    *line = view_of(line->ptr + len, line->len - len);
}

/* The columns of a line, at most one more than there may be; -1: quotes that make no sense. */
static int split_line(struct view line, struct arena *arena, struct view columns[COLUMNS_MAX + 1])
{
    for (int count = 0; count <= COLUMNS_MAX;) {
        if (line.len > 0 && line.ptr[0] == '"') {
            if (!take_quoted(&line, arena, &columns[count++]))
                return -1;
        } else {
            take_plain(&line, &columns[count++]);
        }
        if (line.len == 0)
            return count;
        line = view_of(line.ptr + 1, line.len - 1);
    }
    return COLUMNS_MAX + 1;
}

static bool read_number(struct view text, int64_t max, int64_t *out)
{
    char copy[32];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    errno = 0;
    long long number = strtoll(copy, &end, 10);
    while (*end == ' ' || *end == '\t')
        end++;
    *out = (int64_t)number;
    return errno == 0 && end != copy && *end == '\0' && number <= max;
}

static bool read_row(const struct view *columns, struct groups_csv_row *out, struct errmsg *why)
{
    int64_t partition;
    if (columns[0].len == 0) {
        errmsg_set(why, "the topic is missing");
        return false;
    }
    out->topic = columns[0];
    if (!read_number(columns[1], INT32_MAX, &partition) || partition < 0) {
        errmsg_set(why, "'%.*s' is no partition", columns[1].len < 60 ? (int)columns[1].len : 60,
                   (const char *)columns[1].ptr);
        return false;
    }
    out->partition = (int32_t)partition;
    if (!read_number(columns[2], INT64_MAX, &out->offset)) {
        errmsg_set(why, "'%.*s' is no offset", columns[2].len < 60 ? (int)columns[2].len : 60,
                   (const char *)columns[2].ptr);
        return false;
    }
    return true;
}

static bool read_line(struct view line, struct view group, bool named, struct arena *arena,
                      struct groups_csv_row *out, struct errmsg *why)
{
    struct view columns[COLUMNS_MAX + 1];
    int count = split_line(line, arena, columns), wanted = named ? COLUMNS_MAX : COLUMNS_MAX - 1;
    if (count < 0) {
        errmsg_set(why, "a quote is not closed");
        return false;
    }
    if (count != wanted) {
        errmsg_set(why, "%s is expected, and %s%d column%s found",
                   named ? "group,topic,partition,offset" : "topic,partition,offset",
                   count > COLUMNS_MAX ? "more than " : "", count > COLUMNS_MAX ? COLUMNS_MAX : count,
                   count == 1 ? " was" : "s were");
        return false;
    }
    if (named && columns[0].len == 0) {
        errmsg_set(why, "the group is missing");
        return false;
    }
    out->group = named ? columns[0] : group;
    return read_row(named ? columns + 1 : columns, out, why);
}

static struct view take_line(struct view *text)
{
    const uint8_t *newline = memchr(text->ptr, '\n', text->len);
    size_t len = newline ? (size_t)(newline - text->ptr) : text->len;
    struct view line = view_of(text->ptr, len);
    *text = newline ? view_of(newline + 1, text->len - len - 1) : view_of(text->ptr + len, 0);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static size_t count_lines(struct view text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

bool groups_csv_read(struct view text, struct view group, struct arena *arena, struct groups_csv_row **out,
                     int32_t *count, struct errmsg *why)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    *out = arena_alloc(arena, sizeof **out * count_lines(text));
    *count = 0;
    bool named = true;
    for (int number = 1; text.len > 0; number++) {
        struct view line = take_line(&text), columns[COLUMNS_MAX + 1];
        if (number == 1 && !view_is_null(group))
            named = split_line(line, arena, columns) == COLUMNS_MAX;
        if (!read_line(line, group, named, arena, &(*out)[*count], why)) {
            errmsg_prefix(why, "line %d", number);
            return false;
        }
        (*count)++;
    }
    return true;
}
