/*
 * Which partitions `--topic` means: "t" all of t, "t:0,1" these two.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli/groups.h"

/* The next piece up to the letter; false when there is none left. */
static bool take_piece(struct view *text, uint8_t letter, struct view *out)
{
    if (view_is_null(*text))
        return false;
    const uint8_t *end = text->len > 0 ? memchr(text->ptr, letter, text->len) : NULL;
    *out = view_of(text->ptr, end ? (size_t)(end - text->ptr) : text->len);
    *text = end ? view_of(end + 1, text->len - out->len - 1) : VIEW_NULL;
    return true;
}

static bool read_partition(struct view piece, int32_t *out)
{
    char copy[16];
    if (piece.len == 0 || piece.len >= sizeof copy)
        return false;
    memcpy(copy, piece.ptr, piece.len);
    copy[piece.len] = '\0';
    char *end;
    errno = 0;
    long long number = strtoll(copy, &end, 10);
    *out = (int32_t)number;
    return errno == 0 && *end == '\0' && number >= 0 && number <= INT32_MAX;
}

/* Commas at the end say nothing, as for Java's split. */
static struct view without_last_commas(struct view text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == ',')
        text.len--;
    return text;
}

bool groups_scope_partitions(struct groups_session *session, struct view text, struct groups_offsets *out,
                             struct errmsg *why)
{
    struct view rest = text, topic, numbers, piece;
    bool two = take_piece(&rest, ':', &topic) && take_piece(&rest, ':', &numbers) && numbers.len > 0 &&
               view_is_null(rest);
    if (!two) {
        session->misused = true;
        errmsg_set(why, "Invalid topic arg '%.*s', expected topic name and partitions", VIEW_FMT(text));
        return false;
    }
    for (numbers = without_last_commas(numbers); take_piece(&numbers, ',', &piece);) {
        int32_t partition;
        if (!read_partition(piece, &partition)) {
            session->misused = true;
            errmsg_set(why, "Invalid partition '%.*s' specified in topic arg '%.*s''", VIEW_FMT(piece),
                       VIEW_FMT(text));
            return false;
        }
        groups_offsets_add(out, topic, partition, GROUPS_NO_OFFSET);
    }
    return true;
}
