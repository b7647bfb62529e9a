#include "base/errmsg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Every function formats into a copy first: an argument may be the text that is replaced. */

static void format(struct errmsg *out, const char *fmt, va_list args)
{
    if (vsnprintf(out->text, sizeof out->text, fmt, args) < 0)
        out->text[0] = '\0';
}

/* Sets "<head>: <tail>", cutting the far end. */
static void join(struct errmsg *why, const struct errmsg *head, const char *tail)
{
    struct errmsg joined = *head;
    size_t at = strlen(joined.text);
    const char *parts[] = {": ", tail};
    for (int i = 0; i < 2; i++) {
        size_t len = strnlen(parts[i], sizeof joined.text - 1 - at);
        memcpy(joined.text + at, parts[i], len);
        at += len;
    }
    joined.text[at] = '\0';
    *why = joined;
}

void errmsg_set(struct errmsg *why, const char *fmt, ...)
{
    if (!why)
        return;
    struct errmsg fresh;
    va_list args;
    va_start(args, fmt);
    format(&fresh, fmt, args);
    va_end(args);
    *why = fresh;
}

void errmsg_prefix(struct errmsg *why, const char *fmt, ...)
{
    if (!why)
        return;
    struct errmsg head;
    va_list args;
    va_start(args, fmt);
    format(&head, fmt, args);
    va_end(args);
    join(why, &head, why->text);
}

void errmsg_set_errno(struct errmsg *why, int errnum, const char *fmt, ...)
{
    if (!why)
        return;
    struct errmsg head;
    va_list args;
    va_start(args, fmt);
    format(&head, fmt, args);
    va_end(args);
    char text[128];
    join(why, &head, strerror_r(errnum, text, sizeof text));
}
