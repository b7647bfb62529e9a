/*
 * What is to be said about a configuration: all of it at once, each item with its place.
 *
 *   server.properties:12: error: log.segment.bytes: Invalid value 3x for configuration
 *     log.segment.bytes: Not a number of type INT (allowed: int, [14,...])
 *   server.properties:14: warning: log.retention.hors: unknown setting (did you mean log.retention.hours?)
 *
 * Ownership: the report owns everything in it. Zero-initialised is empty and valid.
 * Runs on: whoever owns the report.
 */
#ifndef BARNABAS_CONFIG_REPORT_H
#define BARNABAS_CONFIG_REPORT_H

#include <stddef.h>

#include "base/arena.h"

struct buf;
struct setting;

enum report_severity {
    REPORT_NOTICE,  /* nobody has to act: a setting without effect */
    REPORT_WARNING, /* it was passed over, and somebody should look */
    REPORT_ERROR,   /* the broker does not start */
};

struct config_problem {
    enum report_severity severity;
    const char *path; /* NULL: no file is to blame */
    int line;         /* 0: no line is */
    const char *name;
    const char *text;
    const struct setting *allowed; /* its type and valid values are worth saying, or NULL */
    const char *nearest;           /* known name that may have been meant, or NULL */
};

struct config_report {
    struct config_problem *items;
    size_t count;
    size_t cap;
    size_t error_count;
    struct arena arena;
};

void config_report_close(struct config_report *report);

/* One line for a human, without a newline. */
void config_problem_put(const struct config_problem *problem, struct buf *out);
/* Every item as a log line of its own. */
void config_report_log(const struct config_report *report);

/* Where something was set. */
struct config_place {
    const char *path;
    int line;
};

/* Copies all texts. Gives the new item, borrowed until the next one is added. */
struct config_problem *config_report_add(struct config_report *report, enum report_severity severity,
                                         struct config_place place, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
