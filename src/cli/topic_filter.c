#include "cli/topic_filter.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

bool topic_is_internal(struct view name)
{
    return view_equal_str(name, "__consumer_offsets") || view_equal_str(name, "__transaction_state");
}

/* The text without blanks, without quotes at its ends, with '|' for ','. */
static void clean(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++)
        if (*text != ' ' && *text != '\t')
            buf_put_i8(out, *text == ',' ? '|' : *text);
    size_t start = 0;
    while (start < out->len && (out->data[start] == '"' || out->data[start] == '\''))
        start++;
    while (out->len > start && (out->data[out->len - 1] == '"' || out->data[out->len - 1] == '\''))
        out->len--;
    memmove(out->data, out->data + start, out->len - start);
    out->len -= start;
}

/* One escape: Java's classes become sets, `\Q..\E` and the like have no match in POSIX. */
static bool translate_escape(char letter, bool in_set, struct buf *out, struct errmsg *why)
{
    switch (letter) {
    case 'd':
        buf_put_str(out, in_set ? "0-9" : "[0-9]");
        return true;
    case 'D':
        buf_put_str(out, "[^0-9]");
        return !in_set;
    case 'w':
        buf_put_str(out, in_set ? "a-zA-Z0-9_" : "[a-zA-Z0-9_]");
        return true;
    case 'W':
        buf_put_str(out, "[^a-zA-Z0-9_]");
        return !in_set;
    case 's':
        buf_put_str(out, in_set ? "[:space:]" : "[[:space:]]");
        return true;
    default:
        if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) {
            errmsg_set(why, "\\%c is not supported in the expression of a topic", letter);
            return false;
        }
        if (!in_set)
            buf_put_i8(out, '\\');
        buf_put_i8(out, letter);
        return true;
    }
}

/* A POSIX extended expression that means what the Java one means; false for what POSIX has not. */
static bool translate(struct view java, struct buf *out, struct errmsg *why)
{
    bool in_set = false;
    buf_put_str(out, "^(");
    for (size_t i = 0; i < java.len; i++) {
        char c = (char)java.ptr[i];
        if (c == '\\' && i + 1 < java.len) {
            if (!translate_escape((char)java.ptr[++i], in_set, out, why))
                return false;
            continue;
        }
        if (in_set) {
            in_set = c != ']';
        } else if (c == '[') {
            in_set = true;
        } else if (c == '(' && i + 1 < java.len && java.ptr[i + 1] == '?') {
            if (i + 2 >= java.len || java.ptr[i + 2] != ':') {
                errmsg_set(why, "(?...) is not supported in the expression of a topic, except (?:...)");
                return false;
            }
            i += 2;
        }
        buf_put_i8(out, c);
    }
    buf_put_str(out, ")$");
    return true;
}

bool topic_filter_open(struct topic_filter *out, const char *text, bool exclude_internal, struct errmsg *why)
{
    *out = (struct topic_filter){.everything = text == NULL, .exclude_internal = exclude_internal};
    if (text == NULL)
        return true;
    struct buf cleaned = {0}, posix = {0};
    clean(text, &cleaned);
    bool fine = translate(buf_view(&cleaned), &posix, why);
    if (fine) {
        int rc = regcomp(&out->regex, buf_cstr(&posix), REG_EXTENDED | REG_NOSUB);
        fine = rc == 0;
        if (!fine) {
            char reason[100];
            regerror(rc, &out->regex, reason, sizeof reason);
            errmsg_set(why, "%.100s is an invalid regex: %s", text, reason);
        }
    }
    if (fine)
        out->posix = mem_strdup(buf_cstr(&posix));
    else
        out->everything = true; /* holds no expression to free */
    buf_close(&cleaned);
    buf_close(&posix);
    return fine;
}

void topic_filter_close(struct topic_filter *filter)
{
    if (!filter->everything)
        regfree(&filter->regex);
    free(filter->posix);
    filter->posix = NULL;
    filter->everything = true;
}

bool topic_filter_matches(const struct topic_filter *filter, struct view name)
{
    if (filter->exclude_internal && topic_is_internal(name))
        return false;
    if (filter->everything)
        return true;
    char *text = view_to_cstr(name);
    bool matches = regexec(&filter->regex, text, 0, NULL, 0) == 0;
    free(text);
    return matches;
}
