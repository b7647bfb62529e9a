/*
 * What is wrong in a tree: a list of findings, and how it is printed.
 *
 * Ownership: texts live in the list's arena; remedies and rules are constant or live as long as it.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_ZK_FINDINGS_H
#define BARNABAS_CLI_ZK_FINDINGS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "zk/znode_schema.h"

struct zk_finding {
    enum znode_severity severity;
    const char *rule; /* "leader-not-in-isr": the same from release to release */
    const char *path;
    const char *what;
    const char *remedy; /* NULL = nothing is to be done */
};

struct zk_findings {
    struct arena *arena;
    struct zk_finding *items;
    int count;
    int cap;
};

void zk_findings_add(struct zk_findings *findings, enum znode_severity severity, const char *rule,
                     const char *path, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
void zk_findings_close(struct zk_findings *findings);

int zk_findings_errors(const struct zk_findings *findings);
/* Every error of `now` is one of `before` too: path and rule are the same. */
bool zk_findings_are_confirmed(const struct zk_findings *now, const struct zk_findings *before);
/* Takes out the errors that `before` does not have: they came or went while the tree was read. */
void zk_findings_keep_confirmed(struct zk_findings *now, const struct zk_findings *before);

/* A finding a line, then the count. */
void zk_findings_print_text(const struct zk_findings *findings, int znodes, FILE *to);
/* One object: znodes, errors, notes, findings. */
void zk_findings_print_json(const struct zk_findings *findings, int znodes, FILE *to);

#endif
