/*
 * `barnabas zk`: what brokers keep in ZooKeeper. `check` holds all of it against
 * the description of the znodes and against itself; `tree` prints it.
 *
 * A cluster that lives changes while it is read. What looks like an error is
 * read again until two readings in a row agree on it.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/zk_admin.h"
#include "cli/zk_check.h"

#define STATUS_TROUBLE 2 /* of usage, or ZooKeeper cannot be reached */
#define READINGS_MAX   10
#define BETWEEN_MS     300
#define NS_PER_MS      1000000L

enum { OPT_ZOOKEEPER, OPT_FORMAT, OPT_HELP, OPT_VERSION, OPT_COUNT };

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_ZOOKEEPER] = {"zookeeper", OPTION_TEXT, false, "HOST1:PORT1,.../chroot",
                       "REQUIRED: zookeeper.connect of the brokers."},
    [OPT_FORMAT] = {"format", OPTION_TEXT, false, "text|json", "How to print (default: text)."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

static int trouble(const struct errmsg *why)
{
    fflush(stdout);
    fprintf(stderr, "barnabas zk: %s\n", why->text);
    return STATUS_TROUBLE;
}

/* --- check ------------------------------------------------------------------------------------------ */

struct reading {
    struct arena arena;
    struct zk_tree tree;
    struct zk_findings findings;
};

static void reading_close(struct reading *reading)
{
    zk_findings_close(&reading->findings);
    arena_close(&reading->arena);
}

static bool read_and_check(struct zk_admin *admin, const char *connect, struct reading *out,
                           struct errmsg *why)
{
    *out = (struct reading){0};
    out->findings.arena = &out->arena;
    enum err err = zk_tree_read(zk_admin_sync(admin), zk_check_descends, &out->arena, &out->tree, why);
    if (err == ERR_NONE && !zk_check_is_cluster(&out->tree)) {
        errmsg_set(why,
                   "There is no /brokers at %.120s: no broker was ever started there (is the chroot right?)",
                   connect);
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NONE)
        zk_check_tree(&out->tree, &out->findings);
    return err == ERR_NONE;
}

static int check(struct zk_admin *admin, const char *connect, bool json)
{
    struct reading now, before = {0};
    struct errmsg why = {0};
    bool agreed = false;
    if (!read_and_check(admin, connect, &now, &why)) {
        reading_close(&now);
        return trouble(&why);
    }
    for (int i = 1; i < READINGS_MAX && !agreed && zk_findings_errors(&now.findings) > 0; i++) {
        struct timespec pause = {.tv_nsec = BETWEEN_MS * NS_PER_MS};
        nanosleep(&pause, NULL);
        reading_close(&before);
        before = now;
        before.findings.arena = &before.arena;
        if (!read_and_check(admin, connect, &now, &why)) {
            reading_close(&before);
            reading_close(&now);
            return trouble(&why);
        }
        agreed = zk_findings_are_confirmed(&now.findings, &before.findings);
    }
    if (!agreed)
        zk_findings_keep_confirmed(&now.findings, &before.findings);
    int errors = zk_findings_errors(&now.findings);
    (json ? zk_findings_print_json : zk_findings_print_text)(&now.findings, now.tree.count, stdout);
    reading_close(&before);
    reading_close(&now);
    return errors > 0 ? 1 : 0;
}

/* --- tree ------------------------------------------------------------------------------------------- */

static bool is_printable(struct view data)
{
    for (size_t i = 0; i < data.len; i++)
        if (data.ptr[i] < ' ' || data.ptr[i] == 0x7f)
            return false;
    return true;
}

static void print_node(const struct zk_node *node)
{
    printf("%s  v%d%s", node->path, node->version, node->ephemeral ? " ephemeral" : "");
    if (node->err != ERR_NONE)
        printf("  (%s)", err_meaning(node->err));
    else if (node->data.len > 0 && !is_printable(node->data))
        printf("  (%zu bytes)", node->data.len);
    else if (node->data.len > 0)
        printf("  %.*s", VIEW_FMT(node->data));
    putchar('\n');
}

/* The data as JSON where it is JSON, else as text, else null. */
static json_t *data_value(struct view data)
{
    json_t *value = data.len
                        ? json_loadb((const char *)data.ptr, data.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL)
                        : NULL;
    if (!value && data.len)
        value = json_stringn((const char *)data.ptr, data.len);
    return value ? value : json_null();
}

static void print_tree_json(const struct zk_tree *tree)
{
    json_t *list = json_array();
    for (int i = 0; i < tree->count; i++) {
        const struct zk_node *node = &tree->nodes[i];
        json_t *object = json_object();
        json_object_set_new(object, "path", json_string(node->path));
        json_object_set_new(object, "version", json_integer(node->version));
        json_object_set_new(object, "ephemeral", json_boolean(node->ephemeral));
        json_object_set_new(object, "data", data_value(node->data));
        json_array_append_new(list, object);
    }
    json_dumpf(list, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(list);
}

static int tree(struct zk_admin *admin, const char *connect, bool json)
{
    struct arena arena = {0};
    struct zk_tree tree;
    struct errmsg why = {0};
    (void)connect;
    enum err err = zk_tree_read(zk_admin_sync(admin), NULL, &arena, &tree, &why);
    if (err == ERR_NONE && json)
        print_tree_json(&tree);
    else if (err == ERR_NONE)
        for (int i = 0; i < tree.count; i++)
            print_node(&tree.nodes[i]);
    arena_close(&arena);
    return err == ERR_NONE ? 0 : trouble(&why);
}

/* --- the command ------------------------------------------------------------------------------------ */

struct sub_command {
    const char *name;
    const char *summary;
    int (*run)(struct zk_admin *admin, const char *connect, bool json);
};

static const struct sub_command sub_commands[] = {
    {"check", "look for what is wrong; exit status 1 when there are errors", check},
    {"tree", "print every znode with its data", tree},
};

static void print_usage(const struct options *opts, const char *message)
{
    if (message)
        fprintf(stderr, "barnabas zk: %s\n\n", message);
    fputs("Usage: barnabas zk COMMAND --zookeeper HOST:PORT[/chroot] [--format text|json]\n\nCommands:\n",
          stderr);
    for (size_t i = 0; i < ARRAY_LEN(sub_commands); i++)
        fprintf(stderr, "  %-14s %s\n", sub_commands[i].name, sub_commands[i].summary);
    fputc('\n', stderr);
    options_print_table(opts, stderr);
}

static const struct sub_command *find_sub_command(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(sub_commands); i++)
        if (strcmp(sub_commands[i].name, name) == 0)
            return &sub_commands[i];
    return NULL;
}

static int run(const struct sub_command *command, const char *connect, bool json)
{
    struct errmsg why = {0};
    struct progress progress;
    progress_start(&progress, "Waiting for ZooKeeper", NULL, 0);
    struct zk_admin *admin = zk_admin_open(connect, &why);
    int status = admin ? command->run(admin, connect, json) : trouble(&why);
    progress_stop(&progress);
    zk_admin_close(admin);
    return status;
}

int zk_command(int argc, char **argv)
{
    const char *name = argc > 0 && argv[0][0] != '-' ? argv[0] : NULL;
    const struct sub_command *command = find_sub_command(name);
    struct options opts;
    struct errmsg why = {0};
    int status = STATUS_TROUBLE;
    bool good = options_parse(&opts, specs, OPT_COUNT, name ? argc - 1 : argc, name ? argv + 1 : argv, &why);
    const char *format = options_text(&opts, OPT_FORMAT);
    if (!good) {
        print_usage(&opts, why.text);
    } else if (options_has(&opts, OPT_HELP)) {
        print_usage(&opts, NULL);
        status = 0;
    } else if (options_has(&opts, OPT_VERSION)) {
        status = options_print_version();
    } else if (!name) {
        print_usage(&opts, "a command is missing");
    } else if (!command) {
        errmsg_set(&why, "there is no command %.40s", name);
        print_usage(&opts, why.text);
    } else if (!options_text(&opts, OPT_ZOOKEEPER)) {
        print_usage(&opts, "--zookeeper is missing");
    } else if (format && strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
        print_usage(&opts, "--format is text or json");
    } else {
        status = run(command, options_text(&opts, OPT_ZOOKEEPER), format && strcmp(format, "json") == 0);
    }
    options_close(&opts);
    return status;
}
