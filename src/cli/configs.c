/*
 * `barnabas configs`: the command line of kafka-configs.sh, for topics, brokers
 * and their loggers.
 */
#include "cli/configs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/client_config.h"
#include "cli/commands.h"
#include "cli/options.h"

enum {
    OPT_ZOOKEEPER,
    OPT_BOOTSTRAP_SERVER,
    OPT_BOOTSTRAP_CONTROLLER,
    OPT_COMMAND_CONFIG,
    OPT_ALTER,
    OPT_DESCRIBE,
    OPT_ALL,
    OPT_ENTITY_TYPE,
    OPT_ENTITY_NAME,
    OPT_ENTITY_DEFAULT,
    OPT_ADD_CONFIG,
    OPT_ADD_CONFIG_FILE,
    OPT_DELETE_CONFIG,
    OPT_FORCE,
    OPT_TOPIC,
    OPT_CLIENT,
    OPT_CLIENT_DEFAULTS,
    OPT_USER,
    OPT_USER_DEFAULTS,
    OPT_BROKER,
    OPT_BROKER_DEFAULTS,
    OPT_BROKER_LOGGER,
    OPT_IP,
    OPT_IP_DEFAULTS,
    OPT_ZK_TLS_CONFIG_FILE,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_ZOOKEEPER] =
        {"zookeeper", OPTION_TEXT, false, "urls",
         "Work through ZooKeeper, host:port[/chroot]: for brokers that are down, and for topics."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "A broker to connect to, host:port."},
    [OPT_BOOTSTRAP_CONTROLLER] = {"bootstrap-controller", OPTION_TEXT, false, "controller to connect to",
                                  "Not supported: a cluster on ZooKeeper has no separate controllers."},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "command config property file",
                            "File of settings for the admin client."},
    [OPT_ALTER] = {"alter", OPTION_FLAG, false, NULL, "Alter the configuration for the entity."},
    [OPT_DESCRIBE] = {"describe", OPTION_FLAG, false, NULL, "List configs for the given entity."},
    [OPT_ALL] = {"all", OPTION_FLAG, false, NULL, "List all settings, not just those that were altered."},
    [OPT_ENTITY_TYPE] = {"entity-type", OPTION_TEXT, true, "type", "topics, brokers or broker-loggers."},
    [OPT_ENTITY_NAME] = {"entity-name", OPTION_TEXT, true, "name", "Topic's name or broker's id."},
    [OPT_ENTITY_DEFAULT] = {"entity-default", OPTION_FLAG, false, NULL, "The settings of all brokers."},
    [OPT_ADD_CONFIG] = {"add-config", OPTION_TEXT, false, "k1=v1,k2=[v1,v2]",
                        "Settings to set; brackets keep a value with commas together."},
    [OPT_ADD_CONFIG_FILE] = {"add-config-file", OPTION_TEXT, false, "file",
                             "File of settings to set, as of server.properties."},
    [OPT_DELETE_CONFIG] = {"delete-config", OPTION_TEXT, true, "k1,k2",
                           "Settings to put back to their defaults."},
    [OPT_FORCE] = {"force", OPTION_FLAG, false, NULL, "Has no effect: nothing asks back."},
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic", "The topic's name."},
    [OPT_CLIENT] = {"client", OPTION_TEXT, false, "client", "Not supported by this version."},
    [OPT_CLIENT_DEFAULTS] = {"client-defaults", OPTION_FLAG, false, NULL, "Not supported by this version."},
    [OPT_USER] = {"user", OPTION_TEXT, false, "user", "Not supported by this version."},
    [OPT_USER_DEFAULTS] = {"user-defaults", OPTION_FLAG, false, NULL, "Not supported by this version."},
    [OPT_BROKER] = {"broker", OPTION_TEXT, false, "broker", "The broker's ID."},
    [OPT_BROKER_DEFAULTS] = {"broker-defaults", OPTION_FLAG, false, NULL,
                             "The config defaults for all brokers."},
    [OPT_BROKER_LOGGER] = {"broker-logger", OPTION_TEXT, false, "broker",
                           "The broker's ID for its logger config."},
    [OPT_IP] = {"ip", OPTION_TEXT, false, "ip", "Not supported by this version."},
    [OPT_IP_DEFAULTS] = {"ip-defaults", OPTION_FLAG, false, NULL, "Not supported by this version."},
    [OPT_ZK_TLS_CONFIG_FILE] = {"zk-tls-config-file", OPTION_TEXT, false, "file",
                                "Not supported by this version."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

/* Options that name an entity's type, in the order in which Kafka looks at them. */
static const struct {
    int option;
    const char *type;
    bool is_default;
} entity_flags[] = {
    {OPT_TOPIC, "topics", false},
    {OPT_CLIENT, "clients", false},
    {OPT_USER, "users", false},
    {OPT_BROKER, "brokers", false},
    {OPT_BROKER_LOGGER, "broker-loggers", false},
    {OPT_IP, "ips", false},
    {OPT_CLIENT_DEFAULTS, "clients", true},
    {OPT_USER_DEFAULTS, "users", true},
    {OPT_BROKER_DEFAULTS, "brokers", true},
    {OPT_IP_DEFAULTS, "ips", true},
};

/* --- messages --------------------------------------------------------------------------------------- */

int configs_refuse(const struct errmsg *why)
{
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

int configs_fail(const struct configs_request *request, struct view message)
{
    fflush(stdout);
    fputs("Error while executing config command with args '", stderr);
    for (int i = 0; i < request->argc; i++)
        fprintf(stderr, "%s%s", i == 0 ? "" : " ", request->argv[i]);
    fprintf(stderr, "'\n%.*s\n", VIEW_FMT(message));
    return 1;
}

bool configs_check_removed(const struct configs_request *request,
                           bool (*has)(const void *arg, const char *name), const void *arg, const char *what,
                           struct errmsg *why)
{
    struct buf names = {0};
    for (int i = 0; i < request->edits.count; i++) {
        const struct config_edit *edit = &request->edits.items[i];
        if (edit->value == NULL && !has(arg, edit->name))
            buf_printf(&names, "%s%s", names.len > 0 ? "," : "", edit->name);
    }
    bool fine = names.len == 0;
    if (!fine)
        errmsg_set(why, "%s: %s", what, buf_cstr(&names));
    buf_close(&names);
    return fine;
}

/* --- which entity ----------------------------------------------------------------------------------- */

static bool set_type(struct configs_request *request, const char *type, bool zookeeper, struct errmsg *why)
{
    static const char *const known[] = {[CONFIGS_TOPICS] = "topics",
                                        [CONFIGS_BROKERS] = "brokers",
                                        [CONFIGS_BROKER_LOGGERS] = "broker-loggers"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(type, known[i]) == 0 && !(zookeeper && i == CONFIGS_BROKER_LOGGERS)) {
            request->type = (enum configs_type)i;
            request->type_name = known[i];
            return true;
        }
    }
    errmsg_set(why,
               "Invalid entity type %.60s, the entity type must be one of %s with a %s argument; users, "
               "clients and ips are not supported by this version",
               type, zookeeper ? "topics, brokers" : "topics, brokers, broker-loggers",
               zookeeper ? "--zookeeper" : "--bootstrap-server");
    return false;
}

static bool read_entity(const struct options *opts, struct configs_request *request, struct errmsg *why)
{
    const char *type = options_text(opts, OPT_ENTITY_TYPE);
    bool general = options_has(opts, OPT_ENTITY_TYPE) || options_has(opts, OPT_ENTITY_NAME) ||
                   options_has(opts, OPT_ENTITY_DEFAULT);
    int types = options_count(opts, OPT_ENTITY_TYPE);
    request->name = options_has(opts, OPT_ENTITY_DEFAULT) ? "" : options_text(opts, OPT_ENTITY_NAME);
    for (size_t i = 0; i < ARRAY_LEN(entity_flags); i++) {
        if (!options_has(opts, entity_flags[i].option))
            continue;
        if (general) {
            errmsg_set(why, "--entity-{type,name,default} should not be used in conjunction with specific "
                            "entity flags");
            return false;
        }
        types++;
        type = entity_flags[i].type;
        request->name = entity_flags[i].is_default ? "" : options_text(opts, entity_flags[i].option);
    }
    if (types == 0) {
        errmsg_set(why, "At least one entity type must be specified");
        return false;
    }
    if (types > 1) {
        errmsg_set(why, "Only 'users' and 'clients' entity types may be specified together; they are not "
                        "supported by this version");
        return false;
    }
    return set_type(request, type, options_has(opts, OPT_ZOOKEEPER), why);
}

static bool check_name(const struct configs_request *request, struct errmsg *why)
{
    if (request->alter && request->name == NULL) {
        errmsg_set(why, "An entity name must be specified with --alter of %s", request->type_name);
        return false;
    }
    if (request->name == NULL || request->name[0] == '\0') {
        if (request->name == NULL || request->type == CONFIGS_BROKERS)
            return true;
        errmsg_set(why, "There are no defaults of %s: name one with --entity-name", request->type_name);
        return false;
    }
    if (request->type == CONFIGS_TOPICS)
        return true;
    char *end;
    errno = 0;
    long id = strtol(request->name, &end, 10);
    if (errno == 0 && *end == '\0' && id >= INT32_MIN && id <= INT32_MAX)
        return true;
    errmsg_set(why, "The entity name for %s must be a valid integer broker id, but it is: %.60s",
               request->type_name, request->name);
    return false;
}

/* --- command line ----------------------------------------------------------------------------------- */

/* What Kafka's tool refuses together with its usage. */
static bool check_actions(const struct options *opts, struct errmsg *why)
{
    if (options_has(opts, OPT_ALTER) == options_has(opts, OPT_DESCRIBE)) {
        errmsg_set(why, "Command must include exactly one action: --describe, --alter");
        return false;
    }
    return options_exclude(opts, OPT_DESCRIBE, OPT_ADD_CONFIG, why) &&
           options_exclude(opts, OPT_DESCRIBE, OPT_DELETE_CONFIG, why);
}

static bool check_connection(const struct options *opts, struct errmsg *why)
{
    int count = (options_has(opts, OPT_BOOTSTRAP_SERVER) ? 1 : 0) +
                (options_has(opts, OPT_BOOTSTRAP_CONTROLLER) ? 1 : 0) +
                (options_has(opts, OPT_ZOOKEEPER) ? 1 : 0);
    if (count != 1)
        errmsg_set(why, count == 0 ? "One of the required --bootstrap-server, --boostrap-controller, or "
                                     "--zookeeper arguments must be specified"
                                   : "Only one of --bootstrap-server, --boostrap-controller, and --zookeeper "
                                     "can be specified");
    else if (options_has(opts, OPT_BOOTSTRAP_CONTROLLER))
        errmsg_set(why, "--bootstrap-controller is not supported: use --bootstrap-server");
    else if (options_has(opts, OPT_ALL) && options_has(opts, OPT_ZOOKEEPER))
        errmsg_set(why, "--bootstrap-server must be specified for --all");
    else if (options_has(opts, OPT_ZK_TLS_CONFIG_FILE))
        errmsg_set(why,
                   "--zk-tls-config-file is not supported by this version: ZooKeeper is reached without TLS");
    else
        return true;
    return false;
}

static bool read_edits(const struct options *opts, struct configs_request *request, struct arena *arena,
                       struct errmsg *why)
{
    const char *file = options_text(opts, OPT_ADD_CONFIG_FILE);
    const char *added = options_text(opts, OPT_ADD_CONFIG);
    bool fine = true;
    if (!request->alter)
        return true;
    if (file == NULL && added == NULL && !options_has(opts, OPT_DELETE_CONFIG)) {
        errmsg_set(why,
                   "At least one of --add-config, --add-config-file, or --delete-config must be specified "
                   "with --alter");
        return false;
    }
    if (file != NULL) {
        struct properties props;
        if (!client_properties_load(file, &props, why))
            return false;
        for (size_t i = 0; fine && i < props.count; i++)
            fine = config_edits_set(&request->edits, props.items[i].key, props.items[i].value, arena, why);
        properties_close(&props);
    }
    if (fine && added != NULL)
        fine = config_edits_add(&request->edits, added, arena, why);
    for (int i = 0; fine && i < options_count(opts, OPT_DELETE_CONFIG); i++)
        config_edits_remove(&request->edits, options_at(opts, OPT_DELETE_CONFIG, i), arena);
    return fine;
}

static int run(const struct options *opts, struct configs_request *request)
{
    struct arena arena = {0};
    struct errmsg why = {0};
    int status;
    request->alter = options_has(opts, OPT_ALTER);
    request->all = options_has(opts, OPT_ALL);
    if (!check_connection(opts, &why) || !read_entity(opts, request, &why) || !check_name(request, &why) ||
        !read_edits(opts, request, &arena, &why))
        status = configs_refuse(&why);
    else if (options_has(opts, OPT_ZOOKEEPER))
        status = configs_over_zookeeper(request, &arena, options_text(opts, OPT_ZOOKEEPER));
    else
        status = configs_over_wire(request, &arena, options_text(opts, OPT_BOOTSTRAP_SERVER),
                                   options_text(opts, OPT_COMMAND_CONFIG));
    arena_close(&arena);
    return status;
}

int configs_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    struct configs_request request = {.argc = argc, .argv = argv};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to manipulate and describe entity config for a topic, "
                                      "client, user, broker, ip or client-metrics");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_actions(&opts, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts, &request);
    options_close(&opts);
    return status;
}
