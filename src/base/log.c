#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define PAIRS_BYTES 1024 /* longer lines are formatted on the heap */
#define HEAD_BYTES  160

/* What a process has once, as it has one standard error; passing it everywhere would say no more. */
static _Atomic int minimum_level = LOG_LEVEL_INFO;
static _Atomic int output_fd = STDERR_FILENO;
static _Thread_local const char *thread_name = "main";

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&minimum_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&minimum_level, memory_order_relaxed);
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_fd(int fd)
{
    atomic_store_explicit(&output_fd, fd, memory_order_relaxed);
}

void log_set_thread_name(const char *name)
{
    thread_name = name;
}

const char *log_thread_name(void)
{
    return thread_name;
}

/* Writes the line's fixed part, without a NUL; returns its length. */
static size_t put_head(char *out, size_t size, enum log_level level, const char *room, const char *event)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    int n = snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s %s %s %s", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                     (int)(now.tv_nsec / 1000000), level_names[level], thread_name, room, event);
    if (n < 0)
        return 0;
    return (size_t)n < size ? (size_t)n : size - 1;
}

/* Copies text so that it stays on one line and cannot steer a terminal; `out` has room for 4 * len. */
static size_t put_escaped(char *out, const char *text, size_t len)
{
    char *p = out;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != 0x7f) {
            *p++ = (char)c;
            continue;
        }
        *p++ = '\\';
        if (c == '\n' || c == '\r' || c == '\t') {
            *p++ = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
        } else {
            *p++ = 'x';
            *p++ = "0123456789abcdef"[c >> 4];
            *p++ = "0123456789abcdef"[c & 15];
        }
    }
    return (size_t)(p - out);
}

/* One write() for the line; more only if the descriptor takes a part of it (a full pipe or disk). */
static void write_line(const char *line, size_t len)
{
    int fd = atomic_load_explicit(&output_fd, memory_order_relaxed);
    while (len > 0) {
        ssize_t n = write(fd, line, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line += n;
        len -= (size_t)n;
    }
}

void log_write(enum log_level level, const char *room, const char *event, const char *fmt, ...)
{
    int saved_errno = errno;
    char pairs_space[PAIRS_BYTES];
    char line_space[HEAD_BYTES + 1 + 4 * PAIRS_BYTES + 1];
    char *pairs = pairs_space;
    char *line = line_space;

    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int formatted = vsnprintf(pairs, PAIRS_BYTES, fmt, args);
    size_t pairs_len = formatted < 0 ? 0 : (size_t)formatted;
    if (pairs_len >= PAIRS_BYTES) {
        char *big_pairs = mem_try_alloc(pairs_len + 1);
        char *big_line = mem_try_alloc(HEAD_BYTES + 1 + 4 * pairs_len + 1);
        if (big_pairs && big_line) {
            pairs = big_pairs;
            line = big_line;
            vsnprintf(pairs, pairs_len + 1, fmt, again);
        } else {
            /* Cut the line rather than lose it. */
            free(big_pairs);
            free(big_line);
            pairs_len = PAIRS_BYTES - 1;
        }
    }
    va_end(again);
    va_end(args);

    size_t len = put_head(line, HEAD_BYTES, level, room, event);
    if (pairs_len > 0) {
        line[len++] = ' ';
        len += put_escaped(line + len, pairs, pairs_len);
    }
    line[len++] = '\n';
    write_line(line, len);
    if (pairs != pairs_space) {
        free(pairs);
        free(line);
    }
    errno = saved_errno;
}
