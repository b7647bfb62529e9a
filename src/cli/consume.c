/*
 * `barnabas consume`: prints messages as kafka-console-consumer.sh does (consume_loop.c); as a member of a
 * group when one is named (consume_group.c), all partitions without one otherwise (consume_partitions.c).
 * Here is what the command line says.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/consume.h"
#include "cli/key_values.h"
#include "cli/options.h"
#include "cli/rdkafka_settings.h"
#include "cli/signals.h"

enum {
    OPT_TOPIC,
    OPT_WHITELIST,
    OPT_INCLUDE,
    OPT_PARTITION,
    OPT_OFFSET,
    OPT_CONSUMER_PROPERTY,
    OPT_CONSUMER_CONFIG,
    OPT_FORMATTER,
    OPT_PROPERTY,
    OPT_FORMATTER_CONFIG,
    OPT_FROM_BEGINNING,
    OPT_MAX_MESSAGES,
    OPT_TIMEOUT_MS,
    OPT_SKIP_MESSAGE_ON_ERROR,
    OPT_BOOTSTRAP_SERVER,
    OPT_KEY_DESERIALIZER,
    OPT_VALUE_DESERIALIZER,
    OPT_ENABLE_SYSTEST_EVENTS,
    OPT_ISOLATION_LEVEL,
    OPT_GROUP,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic", "The topic to read."},
    [OPT_WHITELIST] = {"whitelist", OPTION_TEXT, false, "regex", "Older name of --include."},
    [OPT_INCLUDE] = {"include", OPTION_TEXT, false, "regex",
                     "Read all topics whose whole name matches this regular expression."},
    [OPT_PARTITION] = {"partition", OPTION_INT, false, "partition",
                       "The one partition to read; from its end unless --offset is given."},
    [OPT_OFFSET] = {"offset", OPTION_TEXT, false, "consume offset",
                    "Where to begin in the partition: earliest, latest or a number (default: latest)."},
    [OPT_CONSUMER_PROPERTY] = {"consumer-property", OPTION_TEXT, true, "consumer_prop",
                               "A setting of the consumer, key=value."},
    [OPT_CONSUMER_CONFIG] = {"consumer.config", OPTION_TEXT, false, "config file",
                             "File of settings of the consumer; --consumer-property is stronger."},
    [OPT_FORMATTER] = {"formatter", OPTION_TEXT, false, "class",
                       "DefaultMessageFormatter (default) or NoOpMessageFormatter."},
    [OPT_PROPERTY] = {"property", OPTION_TEXT, true, "prop",
                      "What is printed, key=value:\n"
                      " print.timestamp=true|false\n"
                      " print.key=true|false\n"
                      " print.offset=true|false\n"
                      " print.partition=true|false\n"
                      " print.headers=true|false\n"
                      " print.value=true|false\n"
                      " key.separator=<text>\n"
                      " line.separator=<text>\n"
                      " headers.separator=<text>\n"
                      " null.literal=<text>\n"
                      " key.deserializer=<class>\n"
                      " value.deserializer=<class>\n"
                      " headers.deserializer=<class>"},
    [OPT_FORMATTER_CONFIG] = {"formatter-config", OPTION_TEXT, false, "config file",
                              "File of such properties; --property is stronger."},
    [OPT_FROM_BEGINNING] = {"from-beginning", OPTION_FLAG, false, NULL,
                            "Begin with the oldest message, not with those to come."},
    [OPT_MAX_MESSAGES] = {"max-messages", OPTION_INT, false, "num_messages", "End after so many messages."},
    [OPT_TIMEOUT_MS] = {"timeout-ms", OPTION_LONG, false, "timeout_ms",
                        "End when no message came for so long."},
    [OPT_SKIP_MESSAGE_ON_ERROR] = {"skip-message-on-error", OPTION_FLAG, false, NULL,
                                   "Go on after a message that cannot be printed."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_KEY_DESERIALIZER] = {"key-deserializer", OPTION_TEXT, false, "deserializer for key",
                              "The same as --property key.deserializer=<class>."},
    [OPT_VALUE_DESERIALIZER] = {"value-deserializer", OPTION_TEXT, false, "deserializer for values",
                                "The same as --property value.deserializer=<class>."},
    [OPT_ENABLE_SYSTEST_EVENTS] = {"enable-systest-events", OPTION_FLAG, false, NULL,
                                   "Print shutdown_complete at the end."},
    [OPT_ISOLATION_LEVEL] = {"isolation-level", OPTION_TEXT, false, "level",
                             "read_committed leaves out messages of transactions that were not committed; "
                             "read_uncommitted (default) does not."},
    [OPT_GROUP] = {"group", OPTION_TEXT, false, "consumer group id",
                   "Read as a member of this group, from where it has committed, and commit; without it all "
                   "partitions are read, and nothing is committed."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

/* --- settings -------------------------------------------------------------------------------------- */

static const char *include_of(const struct options *opts)
{
    const char *include = options_text(opts, OPT_INCLUDE);
    return include ? include : options_text(opts, OPT_WHITELIST);
}

static bool check_options(const struct options *opts, struct errmsg *why)
{
    if ((options_has(opts, OPT_TOPIC) ? 1 : 0) + (include_of(opts) ? 1 : 0) != 1) {
        errmsg_set(why, "Exactly one of --include/--topic is required. %s",
                   options_has(opts, OPT_WHITELIST)
                       ? "--whitelist is DEPRECATED use --include instead; ignored if --include specified."
                       : "");
        return false;
    }
    if (options_has(opts, OPT_PARTITION) && !options_has(opts, OPT_TOPIC)) {
        errmsg_set(why, "The topic is required when partition is specified.");
        return false;
    }
    if (options_has(opts, OPT_PARTITION) && options_has(opts, OPT_FROM_BEGINNING) &&
        options_has(opts, OPT_OFFSET)) {
        errmsg_set(why, "Options from-beginning and offset cannot be specified together.");
        return false;
    }
    if (!options_has(opts, OPT_PARTITION) && options_has(opts, OPT_OFFSET)) {
        errmsg_set(why, "The partition is required when offset is specified.");
        return false;
    }
    return options_require(opts, OPT_BOOTSTRAP_SERVER, why);
}

static bool is_word(const char *text, const char *word)
{
    return strcasecmp(text, word) == 0;
}

static bool parse_offset(const struct options *opts, bool earliest, int64_t *out, struct errmsg *why)
{
    const char *text = options_text(opts, OPT_OFFSET);
    *out = earliest ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    if (text == NULL)
        return true;
    *out = is_word(text, "earliest") ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    if (is_word(text, "earliest") || is_word(text, "latest"))
        return true;
    char *end;
    errno = 0;
    long long offset = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || offset < 0) {
        errmsg_set(why,
                   "The provided offset value '%.60s' is incorrect. Valid values are 'earliest', "
                   "'latest', or a non-negative long.",
                   text);
        return false;
    }
    *out = (int64_t)offset;
    return true;
}

/* All places that name a group must name the same one. Gives it in `group`, NULL when none does. */
static bool find_group(const struct options *opts, const struct properties *props, const char **group,
                       struct errmsg *why)
{
    *group = options_text(opts, OPT_GROUP);
    for (size_t i = 0; i < props->count; i++) {
        if (strcmp(props->items[i].key, "group.id") != 0)
            continue;
        if (*group != NULL && strcmp(*group, props->items[i].value) != 0) {
            errmsg_set(why,
                       "The group ids provided in different places (directly using '--group', via "
                       "'--consumer-property', or via '--consumer.config') do not match. Detected group ids: "
                       "'%.30s', '%.30s'",
                       *group, props->items[i].value);
            return false;
        }
        *group = props->items[i].value;
    }
    if (*group == NULL || !options_has(opts, OPT_PARTITION))
        return true;
    errmsg_set(why, "Options group and partition cannot be specified together.");
    return false;
}

static bool check_reset(const struct options *opts, const struct properties *props, bool *earliest,
                        struct errmsg *why)
{
    const char *reset = properties_get(props, "auto.offset.reset");
    *earliest = options_has(opts, OPT_FROM_BEGINNING) || (reset && strcmp(reset, "earliest") == 0);
    if (reset == NULL || !options_has(opts, OPT_FROM_BEGINNING) || strcmp(reset, "earliest") == 0)
        return true;
    errmsg_set(why,
               "Can't simultaneously specify --from-beginning and 'auto.offset.reset=%.40s', please "
               "remove one option",
               reset);
    return false;
}

/* librdkafka's word for it. */
static const char *reset_of(const struct properties *props, bool earliest)
{
    const char *reset = properties_get(props, "auto.offset.reset");
    if (reset != NULL && strcmp(reset, "none") == 0)
        return "error";
    return reset ? reset : earliest ? "earliest" : "latest";
}

static bool configure(rd_kafka_conf_t *conf, const struct options *opts, const struct properties *props,
                      const char *group, bool earliest, struct errmsg *why)
{
    static const char *const ours[] = {
        "bootstrap.servers",        "auto.offset.reset",       "isolation.level", "enable.auto.commit",
        "allow.auto.create.topics", "exclude.internal.topics", "group.id",        NULL};
    const char *client_id = properties_get(props, "client.id");
    const char *isolation = options_text(opts, OPT_ISOLATION_LEVEL);
    if (isolation == NULL)
        isolation = properties_get(props, "isolation.level");
    return rdkafka_set(conf, "bootstrap.servers", options_text(opts, OPT_BOOTSTRAP_SERVER), why) &&
           rdkafka_set(conf, "client.id", client_id ? client_id : "console-consumer", why) &&
           rdkafka_set(conf, "check.crcs", "true", why) && rdkafka_set_all(conf, props, ours, why) &&
           (group == NULL || consume_group_configure(conf, group, props, why)) &&
           rdkafka_set(conf, "auto.offset.reset", reset_of(props, earliest), why) &&
           rdkafka_set(conf, "isolation.level", isolation ? isolation : "read_uncommitted", why);
}

/* --- all of it ------------------------------------------------------------------------------------- */

static bool connect_client(struct consumer *consumer, struct errmsg *why)
{
    struct client_config config;
    if (!client_config_load(NULL, "console-consumer", &config, why))
        return false;
    consumer->client = admin_client_new(consumer->bootstrap, &config, why);
    client_config_close(&config);
    return consumer->client != NULL;
}

static bool open_consumer(struct consumer *consumer, const struct options *opts,
                          const struct properties *props, bool earliest, struct errmsg *why)
{
    char reason[200] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rdkafka_quiet(conf);
    if (!configure(conf, opts, props, consumer->group, earliest, why) || !connect_client(consumer, why)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (consumer->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        errmsg_set(why, "%s", reason);
        return false;
    }
    if (consumer->group)
        return consume_group_join(consumer, why);
    consumer->queue = rd_kafka_queue_new(consumer->rk);
    return consume_partitions_look_up(consumer, why);
}

static void close_consumer(struct consumer *consumer)
{
    if (consumer->rk != NULL) {
        if (consumer->group)
            consume_group_leave(consumer);
        else
            consume_partitions_stop(consumer);
        if (consumer->queue != NULL)
            rd_kafka_queue_destroy(consumer->queue);
        rd_kafka_destroy(consumer->rk);
    }
    admin_client_free(consumer->client);
    buf_close(&consumer->out);
}

static int run_consumer(struct consumer *consumer, const struct options *opts, const struct properties *props,
                        bool earliest)
{
    struct errmsg why = {0};
    signals_block();
    int status;
    if (open_consumer(consumer, opts, props, earliest, &why))
        status = consume_loop(consumer);
    else
        status = consume_fail(&why);
    /* A broker that is gone may hold up the leaving: whoever asks again means it. */
    signals_unblock();
    close_consumer(consumer);
    if (options_has(opts, OPT_ENABLE_SYSTEST_EVENTS))
        puts("shutdown_complete");
    return status;
}

static bool read_settings(struct consumer *consumer, const struct options *opts, struct properties *props,
                          struct properties *formatter_props, bool *earliest, struct errmsg *why)
{
    if (!key_values_read(opts, OPT_FORMATTER_CONFIG, OPT_PROPERTY, formatter_props, why) ||
        !key_values_read(opts, OPT_CONSUMER_CONFIG, OPT_CONSUMER_PROPERTY, props, why))
        return false;
    if (options_has(opts, OPT_KEY_DESERIALIZER))
        key_values_add(formatter_props, "key.deserializer", options_text(opts, OPT_KEY_DESERIALIZER));
    if (options_has(opts, OPT_VALUE_DESERIALIZER))
        key_values_add(formatter_props, "value.deserializer", options_text(opts, OPT_VALUE_DESERIALIZER));
    return find_group(opts, props, &consumer->group, why) && check_reset(opts, props, earliest, why) &&
           parse_offset(opts, *earliest, &consumer->start_offset, why) &&
           formatter_configure(&consumer->formatter, options_text(opts, OPT_FORMATTER), formatter_props,
                               why) &&
           topic_filter_open(&consumer->filter, include_of(opts),
                             key_values_bool(props, "exclude.internal.topics", true), why);
}

static int run(const struct options *opts)
{
    struct errmsg why = {0};
    struct properties props = {0}, formatter_props = {0};
    struct consumer consumer = {.bootstrap = options_text(opts, OPT_BOOTSTRAP_SERVER),
                                .topic = options_text(opts, OPT_TOPIC),
                                .filter = {.everything = true},
                                .only_partition =
                                    (int32_t)options_number(opts, OPT_PARTITION, CONSUME_NO_LIMIT),
                                .skip_bad = options_has(opts, OPT_SKIP_MESSAGE_ON_ERROR),
                                .timeout_ms = options_number(opts, OPT_TIMEOUT_MS, CONSUME_NO_LIMIT),
                                .max_messages = options_number(opts, OPT_MAX_MESSAGES, CONSUME_NO_LIMIT)};
    bool earliest = false;
    int status;
    if (read_settings(&consumer, opts, &props, &formatter_props, &earliest, &why))
        status = run_consumer(&consumer, opts, &props, earliest);
    else
        status = consume_fail(&why);
    topic_filter_close(&consumer.filter);
    properties_close(&props);
    properties_close(&formatter_props);
    return status;
}

int consume_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to read data from Kafka topics and outputs it to "
                                      "standard output.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_options(&opts, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
