/*
 * The parts of `barnabas configs`: what was asked for (configs.c), how it is
 * done over the wire (configs_wire.c) and through ZooKeeper (configs_zk.c).
 *
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_CONFIGS_H
#define BARNABAS_CLI_CONFIGS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/errmsg.h"
#include "base/view.h"
#include "cli/config_edits.h"

enum configs_type { CONFIGS_TOPICS, CONFIGS_BROKERS, CONFIGS_BROKER_LOGGERS };

struct configs_request {
    bool alter;
    bool all;
    enum configs_type type;
    const char *type_name; /* "topics" */
    const char *name;      /* "" = the default of all, NULL = every one */
    struct config_edits edits;
    int argc; /* for the message of a failure */
    char **argv;
};

/* Both return the exit status. */
int configs_over_wire(const struct configs_request *request, struct arena *arena, const char *bootstrap,
                      const char *command_config);
int configs_over_zookeeper(const struct configs_request *request, struct arena *arena, const char *connect);

/* The message alone, on standard error; returns 1. */
int configs_refuse(const struct errmsg *why);
/* "Error while executing config command with args '...'", then the message; returns 1. */
int configs_fail(const struct configs_request *request, struct view message);
/* "Invalid config(s): a,b" for the names to be removed that `has` does not know; true when there is none. */
bool configs_check_removed(const struct configs_request *request,
                           bool (*has)(const void *arg, const char *name), const void *arg, const char *what,
                           struct errmsg *why);

#endif
