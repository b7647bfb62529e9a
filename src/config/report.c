#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/setting.h"

void config_report_close(struct config_report *report)
{
    free(report->items);
    arena_close(&report->arena);
    *report = (struct config_report){0};
}

struct config_problem *config_report_add(struct config_report *report, enum report_severity severity,
                                         struct config_place place, const char *name, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (report->count == report->cap) {
        report->cap = report->cap ? report->cap * 2 : 16;
        report->items = mem_resize(report->items, report->cap * sizeof(*report->items));
    }
    report->error_count += severity == REPORT_ERROR;
    struct config_problem *problem = &report->items[report->count++];
    *problem = (struct config_problem){
        .severity = severity,
        .path = place.path ? arena_strdup(&report->arena, place.path) : NULL,
        .line = place.line,
        .name = arena_strdup(&report->arena, name),
        .text = arena_strdup(&report->arena, text),
    };
    return problem;
}

static const char *severity_name(enum report_severity severity)
{
    switch (severity) {
    case REPORT_NOTICE:
        return "notice";
    case REPORT_WARNING:
        return "warning";
    case REPORT_ERROR:
        break;
    }
    return "error";
}

void config_problem_put(const struct config_problem *problem, struct buf *out)
{
    if (problem->path)
        buf_printf(out, "%s:", problem->path);
    if (problem->path && problem->line)
        buf_printf(out, "%d:", problem->line);
    buf_printf(out, "%s%s: %s: %s", problem->path ? " " : "", severity_name(problem->severity), problem->name,
               problem->text);
    if (problem->allowed) {
        buf_printf(out, " (allowed: %s", config_type_name(problem->allowed->type));
        size_t before = out->len;
        buf_put_str(out, " ");
        valid_put_text(&problem->allowed->valid, out);
        if (out->len == before + 1)
            out->len = before;
        buf_put_str(out, ")");
    }
    if (problem->nearest)
        buf_printf(out, " (did you mean %s?)", problem->nearest);
}

void config_report_log(const struct config_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct buf line = {0};
        config_problem_put(&report->items[i], &line);
        switch (report->items[i].severity) {
        case REPORT_NOTICE:
            log_info("config", "setting", "%s", buf_cstr(&line));
            break;
        case REPORT_WARNING:
            log_warn("config", "setting", "%s", buf_cstr(&line));
            break;
        case REPORT_ERROR:
            log_error("config", "setting", "%s", buf_cstr(&line));
            break;
        }
        buf_close(&line);
    }
}
