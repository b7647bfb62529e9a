#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#include "config.h"

/* Columns of the usage: as wide as those of Kafka's tools. */
#define USAGE_NAME_WIDTH 41
#define USAGE_TEXT_WIDTH 39
#define USAGE_INDENT     2

/* The release of Kafka whose tools these are like. */
#define KAFKA_VERSION "3.9.1"

/* --- parsing -------------------------------------------------------------------------------------- */

static int find_spec(const struct options *opts, const char *name, size_t len)
{
    for (int id = 0; id < opts->count; id++)
        if (strlen(opts->specs[id].name) == len && memcmp(opts->specs[id].name, name, len) == 0)
            return id;
    return -1;
}

/* Index of the option that an argument names, -1 if it is none; `*value` is what follows '='. */
static int option_of(const struct options *opts, const char *arg, const char **value)
{
    const char *name = arg + (arg[0] == '-' && arg[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    *value = equals ? equals + 1 : NULL;
    return find_spec(opts, name, equals ? (size_t)(equals - name) : strlen(name));
}

static bool looks_like_an_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0';
}

static bool parse_number(const struct option_spec *spec, const char *text, int64_t *out, struct errmsg *why)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool fits = spec->kind == OPTION_LONG || (number >= INT32_MIN && number <= INT32_MAX);
    if (errno != 0 || end == text || *end != '\0' || !fits || text[0] == ' ') {
        errmsg_set(why, "Cannot parse argument '%.100s' of option %s", text, spec->name);
        return false;
    }
    *out = (int64_t)number;
    return true;
}

static bool add_value(struct options *opts, int id, const char *value, struct errmsg *why)
{
    const struct option_spec *spec = &opts->specs[id];
    struct option_found *found = &opts->found[id];
    if (found->count > 0 && !spec->repeatable) {
        errmsg_set(why, "Found multiple arguments for option %s, but you asked for only one", spec->name);
        return false;
    }
    if ((spec->kind == OPTION_INT || spec->kind == OPTION_LONG) &&
        !parse_number(spec, value, &found->number, why))
        return false;
    found->values = mem_resize(found->values, (size_t)(found->count + 1) * sizeof *found->values);
    found->values[found->count++] = value;
    return true;
}

bool options_parse(struct options *opts, const struct option_spec *specs, int count, int argc, char **argv,
                   struct errmsg *why)
{
    *opts = (struct options){.specs = specs, .count = count, .given = argc};
    opts->found = mem_zalloc((size_t)count * sizeof *opts->found);
    for (int i = 0; i < argc; i++) {
        if (!looks_like_an_option(argv[i]))
            continue;
        if (strcmp(argv[i], "--") == 0)
            break;
        const char *value;
        int id = option_of(opts, argv[i], &value);
        if (id < 0) {
            errmsg_set(why, "%.100s is not a recognized option", argv[i] + strspn(argv[i], "-"));
            return false;
        }
        opts->found[id].present = true;
        if (specs[id].kind == OPTION_FLAG) {
            if (value == NULL)
                continue;
            errmsg_set(why, "Option %s does not take an argument", specs[id].name);
            return false;
        }
        if (value == NULL || *value == '\0') {
            bool more = i + 1 < argc;
            if (specs[id].kind == OPTION_MAYBE_TEXT && (!more || looks_like_an_option(argv[i + 1])))
                continue;
            if (!more) {
                errmsg_set(why, "Option %s requires an argument", specs[id].name);
                return false;
            }
            value = argv[++i];
        }
        if (!add_value(opts, id, value, why))
            return false;
    }
    return true;
}

void options_close(struct options *opts)
{
    for (int id = 0; opts->found != NULL && id < opts->count; id++)
        free(opts->found[id].values);
    free(opts->found);
    opts->found = NULL;
}

/* --- questions ------------------------------------------------------------------------------------ */

bool options_has(const struct options *opts, int id)
{
    return opts->found[id].present;
}

const char *options_text(const struct options *opts, int id)
{
    const struct option_found *found = &opts->found[id];
    return found->count > 0 ? found->values[found->count - 1] : NULL;
}

int64_t options_number(const struct options *opts, int id, int64_t otherwise)
{
    return opts->found[id].count > 0 ? opts->found[id].number : otherwise;
}

int options_count(const struct options *opts, int id)
{
    return opts->found[id].count;
}

const char *options_at(const struct options *opts, int id, int index)
{
    return opts->found[id].values[index];
}

bool options_require(const struct options *opts, int id, struct errmsg *why)
{
    if (options_has(opts, id))
        return true;
    errmsg_set(why, "Missing required argument \"[%s]\"", opts->specs[id].name);
    return false;
}

bool options_exclude(const struct options *opts, int id, int other, struct errmsg *why)
{
    if (!options_has(opts, id) || !options_has(opts, other))
        return true;
    errmsg_set(why, "Option \"[%s]\" can't be used with option \"[%s]\"", opts->specs[id].name,
               opts->specs[other].name);
    return false;
}

/* --- usage ---------------------------------------------------------------------------------------- */

/* Takes one line of at most `width` characters off the text, broken at a blank where there is one. */
static size_t take_line(const char **text, size_t width)
{
    const char *start = *text;
    const char *newline = strchr(start, '\n');
    size_t len = newline ? (size_t)(newline - start) : strlen(start);
    if (len <= width) {
        *text = start + len + (newline ? 1 : 0);
        return len;
    }
    size_t cut = width;
    while (cut > 0 && start[cut] != ' ')
        cut--;
    if (cut == 0) {
        *text = start + width;
        return width;
    }
    *text = start + cut + 1;
    return cut;
}

static void print_row(FILE *to, const char *name, const char *help)
{
    for (bool first = true; first || *name != '\0' || *help != '\0'; first = false) {
        int indent = first ? 0 : USAGE_INDENT;
        const char *name_line = name;
        size_t name_len = take_line(&name, (size_t)(USAGE_NAME_WIDTH - 1 - indent));
        const char *help_line = help;
        size_t help_len = take_line(&help, (size_t)(USAGE_TEXT_WIDTH - indent));
        fprintf(to, "%*s%-*.*s%*s%.*s\n", indent, "", USAGE_NAME_WIDTH - indent, (int)name_len, name_line,
                indent, "", (int)help_len, help_line);
    }
}

static const char *kind_name(enum option_kind kind)
{
    return kind == OPTION_INT ? "Integer" : kind == OPTION_LONG ? "Long" : "String";
}

static int compare_specs(const void *a, const void *b)
{
    return strcmp((*(const struct option_spec *const *)a)->name,
                  (*(const struct option_spec *const *)b)->name);
}

void options_print_table(const struct options *opts, FILE *to)
{
    const struct option_spec **sorted = mem_alloc((size_t)opts->count * sizeof *sorted);
    for (int id = 0; id < opts->count; id++)
        sorted[id] = &opts->specs[id];
    qsort(sorted, (size_t)opts->count, sizeof *sorted, compare_specs);
    print_row(to, "Option", "Description");
    print_row(to, "------", "-----------");
    struct buf name = {0};
    for (int i = 0; i < opts->count; i++) {
        const struct option_spec *spec = sorted[i];
        buf_clear(&name);
        buf_printf(&name, "--%s", spec->name);
        if (spec->kind == OPTION_MAYBE_TEXT)
            buf_printf(&name, " [%s: %s]", kind_name(spec->kind), spec->value_name);
        else if (spec->kind != OPTION_FLAG)
            buf_printf(&name, " <%s: %s>", kind_name(spec->kind), spec->value_name);
        print_row(to, buf_cstr(&name), spec->help);
    }
    buf_close(&name);
    free(sorted);
}

int options_usage(const struct options *opts, const char *message)
{
    if (message != NULL)
        fprintf(stderr, "%s\n", message);
    options_print_table(opts, stderr);
    return 1;
}

int options_print_version(void)
{
    printf("%s (Barnabas %s)\n", KAFKA_VERSION, PACKAGE_VERSION);
    return 0;
}
