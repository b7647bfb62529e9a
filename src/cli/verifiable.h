/*
 * What `barnabas verifiable-producer` and `barnabas verifiable-consumer` have in common: the command line of
 * Kafka's two tools for system tests, and events as lines of JSON on standard output.
 *
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_VERIFIABLE_H
#define BARNABAS_CLI_VERIFIABLE_H

#include "base/buf.h"
#include "base/properties.h"
#include "cli/options.h"

struct verifiable_tool {
    const char *name;
    const char *summary;
    const struct option_spec *specs;
    int count;
    int help, bootstrap_server, broker_list; /* options */
    const int *required;                     /* the others without which it does not start */
    int required_count;
    int (*run)(const struct options *opts);
};

/* Parses and checks the arguments and runs the tool; the exit status. */
int verifiable_main(const struct verifiable_tool *tool, int argc, char **argv);

/* The settings of a file, none when `path` is NULL. Gives `out` (properties_close). */
bool verifiable_load(const char *path, struct properties *out, struct errmsg *why);

/* --- events: {"timestamp":1764201366123,"name":"startup_complete"} */

int64_t verifiable_now_ms(void);
/* Replaces what is in the buffer. */
void verifiable_begin(struct buf *event, const char *name);
void verifiable_put_text(struct buf *event, const char *key, struct view value);
void verifiable_put_number(struct buf *event, const char *key, int64_t value);
/* {"topic":"t","partition":0 : the members of a list begin so. */
void verifiable_put_partition(struct buf *event, bool first, struct view topic, int32_t partition);
/* Writes it. */
void verifiable_end(struct buf *event);
/* One that says nothing but its name. */
void verifiable_print(const char *name);

#endif
