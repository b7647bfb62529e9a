#include "cli/zk_findings.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WHAT_MAX 512

void zk_findings_add(struct zk_findings *findings, enum znode_severity severity, const char *rule,
                     const char *path, const char *remedy, const char *fmt, ...)
{
    char what[WHAT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (findings->count == findings->cap) {
        findings->cap = findings->cap ? 2 * findings->cap : 16;
        findings->items = mem_resize(findings->items, (size_t)findings->cap * sizeof *findings->items);
    }
    findings->items[findings->count++] =
        (struct zk_finding){severity, rule, path, arena_strdup(findings->arena, what), remedy};
}

void zk_findings_close(struct zk_findings *findings)
{
    free(findings->items);
    *findings = (struct zk_findings){0};
}

int zk_findings_errors(const struct zk_findings *findings)
{
    int errors = 0;
    for (int i = 0; i < findings->count; i++)
        errors += findings->items[i].severity == ZNODE_ERROR;
    return errors;
}

static bool has_error(const struct zk_findings *findings, const struct zk_finding *like)
{
    for (int i = 0; i < findings->count; i++) {
        const struct zk_finding *item = &findings->items[i];
        if (item->severity == ZNODE_ERROR && strcmp(item->rule, like->rule) == 0 &&
            strcmp(item->path, like->path) == 0)
            return true;
    }
    return false;
}

bool zk_findings_are_confirmed(const struct zk_findings *now, const struct zk_findings *before)
{
    for (int i = 0; i < now->count; i++)
        if (now->items[i].severity == ZNODE_ERROR && !has_error(before, &now->items[i]))
            return false;
    return true;
}

void zk_findings_keep_confirmed(struct zk_findings *now, const struct zk_findings *before)
{
    int kept = 0;
    for (int i = 0; i < now->count; i++)
        if (now->items[i].severity == ZNODE_NOTE || has_error(before, &now->items[i]))
            now->items[kept++] = now->items[i];
    now->count = kept;
}

/* --- printing --------------------------------------------------------------------------------------- */

static const char *severity_name(const struct zk_finding *finding)
{
    return finding->severity == ZNODE_ERROR ? "error" : "note";
}

/* Whatever bytes a znode brought: a finding stays one line. */
static void print_text(const char *text, FILE *to)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, to);
}

void zk_findings_print_text(const struct zk_findings *findings, int znodes, FILE *to)
{
    int errors = zk_findings_errors(findings), notes = findings->count - errors;
    for (int i = 0; i < findings->count; i++) {
        const struct zk_finding *item = &findings->items[i];
        fprintf(to, "%s ", severity_name(item));
        print_text(item->path, to);
        fputs(": ", to);
        print_text(item->what, to);
        if (item->remedy)
            fprintf(to, "; %s", item->remedy);
        fputc('\n', to);
    }
    fprintf(to, "%d error%s, %d note%s in %d znodes\n", errors, errors == 1 ? "" : "s", notes,
            notes == 1 ? "" : "s", znodes);
}

/* A path may be any bytes; JSON is UTF-8. */
static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    char *copy = mem_strdup(text);
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at > '~')
            *at = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

void zk_findings_print_json(const struct zk_findings *findings, int znodes, FILE *to)
{
    int errors = zk_findings_errors(findings);
    json_t *list = json_array();
    for (int i = 0; i < findings->count; i++) {
        const struct zk_finding *item = &findings->items[i];
        json_t *object = json_object();
        json_object_set_new(object, "severity", json_string(severity_name(item)));
        json_object_set_new(object, "rule", json_string(item->rule));
        json_object_set_new(object, "path", text_value(item->path));
        json_object_set_new(object, "what", text_value(item->what));
        json_object_set_new(object, "remedy", item->remedy ? text_value(item->remedy) : json_null());
        json_array_append_new(list, object);
    }
    json_t *root = json_object();
    json_object_set_new(root, "znodes", json_integer(znodes));
    json_object_set_new(root, "errors", json_integer(errors));
    json_object_set_new(root, "notes", json_integer(findings->count - errors));
    json_object_set_new(root, "findings", list);
    json_dumpf(root, to, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    fputc('\n', to);
    json_decref(root);
}
