/*
 * `barnabas api-versions`: which requests each broker serves, and the version
 * that this program would use.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"

enum { OPT_BOOTSTRAP_SERVER, OPT_COMMAND_CONFIG, OPT_HELP, OPT_VERSION, OPT_COUNT };

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server(s) to use for bootstrapping",
                              "REQUIRED: a broker to connect to, host:port."},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "command config property file",
                            "File of settings for the admin client."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

/* Requests of Kafka 3.9 that have no place in the schema, as clusters without ZooKeeper alone serve them. */
static const struct {
    int16_t key;
    int16_t max_version; /* -1: not listed unless a broker names it */
    const char *name;
    bool client; /* listed as unsupported when a broker does not name it */
} others[] = {
    {52, 1, "Vote", false},
    {53, 1, "BeginQuorumEpoch", false},
    {54, 1, "EndQuorumEpoch", false},
    {55, 2, "DescribeQuorum", true},
    {59, 1, "FetchSnapshot", false},
    {62, 4, "BrokerRegistration", false},
    {63, 1, "BrokerHeartbeat", false},
    {64, 0, "UnregisterBroker", true},
    {70, 0, "ControllerRegistration", false},
    {71, 0, "GetTelemetrySubscriptions", true},
    {72, 0, "PushTelemetry", true},
    {73, 0, "AssignReplicasToDirs", false},
    {74, 0, "ListClientMetricsResources", true},
    {75, 0, "DescribeTopicPartitions", true},
    {76, 0, "ShareGroupHeartbeat", true},
    {77, 0, "ShareGroupDescribe", true},
    {78, 0, "ShareFetch", true},
    {79, 0, "ShareAcknowledge", true},
    {80, 0, "AddRaftVoter", true},
    {81, 0, "RemoveRaftVoter", true},
    {82, 0, "UpdateRaftVoter", false},
    {83, 0, "InitializeShareGroupState", true},
    {84, 0, "ReadShareGroupState", true},
    {85, 0, "WriteShareGroupState", true},
    {86, 0, "DeleteShareGroupState", true},
    {87, 0, "ReadShareGroupStateSummary", true},
};

#define LAST_KEY 87

struct known {
    const char *name; /* NULL = not known */
    int16_t min_version;
    int16_t max_version;
    bool client;
};

static struct known find_known(int16_t key)
{
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (others[i].key == key)
            return (struct known){others[i].name, 0, others[i].max_version, others[i].client};
    const struct wire_api *api = wire_api_find_any(key);
    if (api == NULL)
        return (struct known){0};
    return (struct known){api->name, api->min_version, api->max_version, api->served};
}

static void print_range(const struct api_range *range)
{
    struct known known = find_known(range->key);
    if (known.name != NULL)
        printf("%s(%d): ", known.name, range->key);
    else
        printf("UNKNOWN(%d): ", range->key);
    if (range->min_version == range->max_version)
        printf("%d", range->min_version);
    else
        printf("%d to %d", range->min_version, range->max_version);
    if (known.name == NULL)
        return;
    if (known.max_version < range->min_version)
        fputs(" [unusable: node too new]", stdout);
    else if (range->max_version < known.min_version)
        fputs(" [unusable: node too old]", stdout);
    else
        printf(" [usable: %d]",
               known.max_version < range->max_version ? known.max_version : range->max_version);
}

static const struct api_range *find_range(const struct api_range *ranges, int count, int16_t key)
{
    for (int i = 0; i < count; i++)
        if (ranges[i].key == key)
            return &ranges[i];
    return NULL;
}

static void print_ranges(const struct api_range *ranges, int count)
{
    int16_t last = LAST_KEY;
    for (int i = 0; i < count; i++)
        if (ranges[i].key > last)
            last = ranges[i].key;
    const char *separator = "\n\t";
    fputs("(", stdout);
    for (int key = 0; key <= last; key++) {
        const struct api_range *range = find_range(ranges, count, (int16_t)key);
        struct known known = find_known((int16_t)key);
        if (range == NULL && !(known.name != NULL && known.client))
            continue;
        fputs(separator, stdout);
        separator = ",\n\t";
        if (range != NULL)
            print_range(range);
        else
            printf("%s(%d): UNSUPPORTED", known.name, key);
    }
    fputs("\n)\n", stdout);
}

static int print_brokers(struct admin_client *client)
{
    for (int i = 0; i < admin_client_broker_count(client); i++) {
        const struct admin_broker *broker = admin_client_broker_at(client, i);
        printf("%s:%d (id: %" PRId32 " rack: %s) -> ", broker->host, broker->port, broker->id,
               broker->rack ? broker->rack : "null");
        struct errmsg why = {0};
        int count;
        struct connection *conn = admin_client_connection(client, broker->id, &why);
        if (conn == NULL) {
            printf("ERROR: %s\n", why.text);
            continue;
        }
        const struct api_range *ranges = connection_ranges(conn, &count);
        print_ranges(ranges, count);
    }
    return 0;
}

static int run(const struct options *opts)
{
    struct client_config config;
    struct errmsg why = {0};
    if (!client_config_load(options_text(opts, OPT_COMMAND_CONFIG), "admin-1", &config, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    struct progress progress;
    progress_start(&progress, "Waiting for the cluster", NULL, 0);
    struct admin_client *client = admin_client_new(options_text(opts, OPT_BOOTSTRAP_SERVER), &config, &why);
    progress_stop(&progress);
    int status = client ? print_brokers(client) : 1;
    if (client == NULL)
        fprintf(stderr, "%s\n", why.text);
    admin_client_free(client);
    client_config_close(&config);
    return status;
}

int api_versions_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to retrieve broker version information.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!options_require(&opts, OPT_BOOTSTRAP_SERVER, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
