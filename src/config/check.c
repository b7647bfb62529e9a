#include "config/check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/inter_broker.h"
#include "config/snapshot.h"
#include "config/versions.h"

static void broken(const struct config *config, struct config_report *report, enum config_key key,
                   const char *rule)
{
    config_report_add(report, REPORT_ERROR, snapshot_place(config, key), config_table_get(key)->name, "%s",
                      rule);
}

static void check_identity(const struct config *config, struct config_report *report)
{
    int32_t id = config_int(config, CONFIG_BROKER_ID);
    if (id != config_int(config, CONFIG_NODE_ID))
        broken(config, report, CONFIG_NODE_ID, "You must set `node.id` to the same value as `broker.id`.");
    if (!config_bool(config, CONFIG_BROKER_ID_GENERATION_ENABLE)) {
        if (id < 0)
            broken(config, report, CONFIG_BROKER_ID, "broker.id must be greater than or equal to 0");
    } else if (id < -1 || id > config_int(config, CONFIG_RESERVED_BROKER_MAX_ID)) {
        broken(config, report, CONFIG_BROKER_ID,
               "broker.id must be greater than or equal to -1 and not greater than reserved.broker.max.id");
    }
    const char *zookeeper = config_str(config, CONFIG_ZOOKEEPER_CONNECT);
    if (!zookeeper || !*zookeeper)
        broken(config, report, CONFIG_ZOOKEEPER_CONNECT,
               "Missing required configuration `zookeeper.connect` which has no default value.");
}

static void check_log_dirs(const struct config *config, struct config_report *report)
{
    struct config_list dirs = config_log_dirs(config);
    enum config_key key = config_is_set(config, CONFIG_LOG_DIRS) ? CONFIG_LOG_DIRS : CONFIG_LOG_DIR;
    if (dirs.count == 0)
        broken(config, report, key, "At least one log directory must be defined via log.dirs or log.dir.");
    for (size_t i = 0; i < dirs.count; i++)
        for (size_t j = i + 1; j < dirs.count; j++)
            if (strcmp(dirs.items[i], dirs.items[j]) == 0)
                config_report_add(report, REPORT_ERROR, snapshot_place(config, key),
                                  config_table_get(key)->name, "Duplicate log directory found: %.200s",
                                  dirs.items[i]);
}

static void check_log(const struct config *config, struct config_report *report)
{
    if (config_long_or(config, CONFIG_LOG_ROLL_MS, 1) < 1)
        broken(config, report, CONFIG_LOG_ROLL_MS, "log.roll.ms must be greater than or equal to 1");
    if (config_long_or(config, CONFIG_LOG_ROLL_JITTER_MS, 0) < 0)
        broken(config, report, CONFIG_LOG_ROLL_JITTER_MS,
               "log.roll.jitter.ms must be greater than or equal to 0");
    enum config_key retention = config_is_set(config, CONFIG_LOG_RETENTION_MS) ? CONFIG_LOG_RETENTION_MS
                                : config_is_set(config, CONFIG_LOG_RETENTION_MINUTES)
                                    ? CONFIG_LOG_RETENTION_MINUTES
                                    : CONFIG_LOG_RETENTION_HOURS;
    if (snapshot_value(config, retention)->integer == 0)
        broken(config, report, retention,
               "log.retention.ms must be unlimited (-1) or, greater than or equal to 1");
    int32_t threads = config_int(config, CONFIG_LOG_CLEANER_THREADS);
    if (threads == 0)
        broken(config, report, CONFIG_LOG_CLEANER_THREADS, "log.cleaner.threads must be at least 1");
    else if (config_long(config, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE) / threads <= 1024 * 1024)
        broken(config, report, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE,
               "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.");
    if (config_long(config, CONFIG_LOG_CLEANER_MIN_COMPACTION_LAG_MS) >
        config_long(config, CONFIG_LOG_CLEANER_MAX_COMPACTION_LAG_MS))
        broken(config, report, CONFIG_LOG_CLEANER_MIN_COMPACTION_LAG_MS,
               "log.cleaner.min.compaction.lag.ms must not be greater than "
               "log.cleaner.max.compaction.lag.ms");
}

static void check_replication(const struct config *config, struct config_report *report)
{
    int32_t wait_ms = config_int(config, CONFIG_REPLICA_FETCH_WAIT_MAX_MS);
    if (wait_ms > config_int(config, CONFIG_REPLICA_SOCKET_TIMEOUT_MS))
        broken(config, report, CONFIG_REPLICA_FETCH_WAIT_MAX_MS,
               "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent "
               "unnecessary socket timeouts");
    if (wait_ms > config_long(config, CONFIG_REPLICA_LAG_TIME_MAX_MS))
        broken(config, report, CONFIG_REPLICA_FETCH_WAIT_MAX_MS,
               "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to "
               "prevent frequent changes in ISR");
    const char *protocol = config_str(config, CONFIG_INTER_BROKER_PROTOCOL_VERSION);
    const char *format = config_str(config, CONFIG_LOG_MESSAGE_FORMAT_VERSION);
    int known = metadata_version_record_format(protocol);
    if (!metadata_version_at_least(protocol, inter_broker_oldest))
        broken(config, report, CONFIG_INTER_BROKER_PROTOCOL_VERSION,
               "0.11.0 is the oldest that can be set: before it records had formats that are not written any "
               "more; "
               "raise it on the brokers of the old cluster first");
    if (!metadata_version_at_least(protocol, "3.0-IV1") && metadata_version_record_format(format) > known)
        broken(config, report, CONFIG_LOG_MESSAGE_FORMAT_VERSION,
               "log.message.format.version is newer than inter.broker.protocol.version knows");
    if (config_int(config, CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC) == 4 && known < 2)
        broken(config, report, CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC,
               "offsets.topic.compression.codec zstd can only be used when inter.broker.protocol.version is "
               "set to version 2.1 or higher");
}

static void check_replica_selector(const struct config *config, struct config_report *report)
{
    const char *selector = config_str(config, CONFIG_REPLICA_SELECTOR_CLASS);
    if (selector && *selector && strcmp(selector, CONFIG_SELECTOR_RACK) != 0 &&
        strcmp(selector, CONFIG_SELECTOR_LEADER) != 0)
        broken(config, report, CONFIG_REPLICA_SELECTOR_CLASS,
               "a JVM class cannot be loaded: leave it unset, or use " CONFIG_SELECTOR_RACK
               " or " CONFIG_SELECTOR_LEADER ", which are built in");
}

static void check_groups(const struct config *config, struct config_report *report)
{
    struct config_list protocols = config_list(config, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS);
    bool classic = false;
    for (size_t i = 0; i < protocols.count; i++) {
        classic = classic || strcasecmp(protocols.items[i], "classic") == 0;
        if (strcasecmp(protocols.items[i], "consumer") == 0)
            broken(config, report, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS,
                   "The new 'consumer' rebalance protocol is only supported in KRaft cluster.");
    }
    if (!classic)
        broken(config, report, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS,
               "Disabling the 'classic' protocol is not supported.");
    int32_t codec = config_int(config, CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC);
    if (codec < 0 || codec > 4)
        broken(config, report, CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC,
               "it must be 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)");
    int32_t acks = config_int(config, CONFIG_OFFSETS_COMMIT_REQUIRED_ACKS);
    if (acks < -1 || acks > config_int(config, CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR))
        broken(config, report, CONFIG_OFFSETS_COMMIT_REQUIRED_ACKS,
               "it must be -1 to offsets.topic.replication.factor");
}

/* "host:limit": Utils.validHostPattern before the last colon, a number behind it. */
static bool is_ip_override(const char *text)
{
    static const char host_chars[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-%._:";
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    const char *number = colon + 1 + strspn(colon + 1, " \t");
    size_t digits = strspn(number, "0123456789");
    return digits && digits < 10 && number[digits] == '\0' &&
           strspn(text, host_chars) >= (size_t)(colon - text);
}

static void check_connections(const struct config *config, struct config_report *report)
{
    int64_t queued = config_long(config, CONFIG_QUEUED_MAX_REQUEST_BYTES);
    if (queued > 0 && queued < config_int(config, CONFIG_SOCKET_REQUEST_MAX_BYTES))
        broken(config, report, CONFIG_QUEUED_MAX_REQUEST_BYTES,
               "queued.max.request.bytes must be larger or equal to socket.request.max.bytes");
    struct arena arena = {0};
    const char *const *overrides;
    size_t count =
        config_split_list(config_str(config, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES), &arena, &overrides);
    if (config_int(config, CONFIG_MAX_CONNECTIONS_PER_IP) == 0 && count == 0)
        broken(
            config, report, CONFIG_MAX_CONNECTIONS_PER_IP,
            "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is "
            "set.");
    for (size_t i = 0; i < count; i++)
        if (!is_ip_override(overrides[i]))
            config_report_add(
                report, REPORT_ERROR, snapshot_place(config, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES),
                "max.connections.per.ip.overrides", "'%.80s' is not address:limit", overrides[i]);
    arena_close(&arena);
    int64_t idle_ms = config_long(config, CONFIG_CONNECTIONS_MAX_IDLE_MS);
    if (idle_ms >= 0 && config_int(config, CONFIG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS) >= idle_ms)
        broken(config, report, CONFIG_CONNECTIONS_MAX_IDLE_MS,
               "connection.failed.authentication.delay.ms should always be less than connections.max.idle.ms "
               "to prevent failed authentication responses from timing out");
}

static void check_named_listeners(const struct config *config, struct config_report *report)
{
    const struct config_listeners *listeners = config_listeners(config);
    const char *control = config_str(config, CONFIG_CONTROL_PLANE_LISTENER_NAME);
    int index = control ? config_listeners_find(listeners, control) : -1;
    if (control && (index < 0 || !listeners->items[index].advertised))
        broken(config, report, CONFIG_CONTROL_PLANE_LISTENER_NAME,
               "control.plane.listener.name must be a listener name defined in advertised.listeners");
    else if (control && (size_t)index == listeners->inter_broker)
        broken(config, report, CONFIG_CONTROL_PLANE_LISTENER_NAME,
               "control.plane.listener.name, when defined, should have a different value from the inter "
               "broker listener name");
    const char *early = config_str(config, CONFIG_EARLY_START_LISTENERS);
    struct arena arena = {0};
    const char *const *names;
    size_t count = early ? config_split_list(early, &arena, &names) : 0;
    for (size_t i = 0; i < count; i++)
        if (config_listeners_find(listeners, names[i]) < 0)
            config_report_add(report, REPORT_ERROR, snapshot_place(config, CONFIG_EARLY_START_LISTENERS),
                              "early.start.listeners", "%.80s is not a name in listeners", names[i]);
    arena_close(&arena);
}

void config_check(const struct config *config, struct config_report *report)
{
    check_identity(config, report);
    check_log_dirs(config, report);
    check_log(config, report);
    check_replication(config, report);
    check_replica_selector(config, report);
    check_groups(config, report);
    check_connections(config, report);
    check_named_listeners(config, report);
}
