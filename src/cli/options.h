/*
 * Command lines as Kafka's tools take them: `--name value`, `--name=value`,
 * flags without a value, `-name` as well as `--name`. A name is never
 * abbreviated. What is no option is kept and ignored, `--` ends the options.
 *
 * A command describes its options in a table indexed by an enum of its own;
 * every question names an option by its index there.
 *
 * Ownership: borrows the table and argv until options_close.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_OPTIONS_H
#define BARNABAS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/errmsg.h"

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_INT,       /* 32 bits */
    OPTION_LONG,      /* 64 bits */
    OPTION_MAYBE_TEXT /* the value may be left out */
};

struct option_spec {
    const char *name; /* without the dashes */
    enum option_kind kind;
    bool repeatable;
    const char *value_name; /* what the value is, for the usage; NULL of a flag */
    const char *help;       /* may hold newlines */
};

/* The two that every tool has. */
#define OPTION_SPEC_HELP                                                                                     \
    {                                                                                                        \
        "help", OPTION_FLAG, false, NULL, "Print usage information."                                         \
    }
#define OPTION_SPEC_VERSION                                                                                  \
    {                                                                                                        \
        "version", OPTION_FLAG, false, NULL, "Display the version and end."                                  \
    }

struct option_found {
    bool present;
    int count; /* of values; 0 of a flag */
    const char **values;
    int64_t number; /* of the last value, OPTION_INT and OPTION_LONG */
};

struct options {
    const struct option_spec *specs;
    int count;
    struct option_found *found;
    int given; /* arguments on the command line */
};

/* False with why for what the table does not allow; options_close in both cases. */
bool options_parse(struct options *opts, const struct option_spec *specs, int count, int argc, char **argv,
                   struct errmsg *why);
void options_close(struct options *opts);

bool options_has(const struct options *opts, int id);
/* The value, or NULL when the option is absent or has none. */
const char *options_text(const struct options *opts, int id);
int64_t options_number(const struct options *opts, int id, int64_t otherwise);
/* Values of a repeatable option. */
int options_count(const struct options *opts, int id);
const char *options_at(const struct options *opts, int id, int index);

/* Each returns false and says in Kafka's words what is wrong. */
bool options_require(const struct options *opts, int id, struct errmsg *why);
bool options_exclude(const struct options *opts, int id, int other, struct errmsg *why);

/* Prints the message (may be NULL) and the table of options to standard error; returns 1, the exit status. */
int options_usage(const struct options *opts, const char *message);
void options_print_table(const struct options *opts, FILE *to);
/* Prints the version to standard output; returns 0. */
int options_print_version(void);

#endif
