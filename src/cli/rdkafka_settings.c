#include "cli/rdkafka_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/client_config.h"

static const struct {
    const char *java;
    const char *name; /* NULL: known to Java, of no effect here */
} names[] = {
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"max.request.size", "message.max.bytes"},
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"connections.max.idle.ms", "connections.max.idle.ms"},
    {"max.block.ms", NULL},
    {"buffer.memory", NULL},
    {"key.serializer", NULL},
    {"value.serializer", NULL},
    {"key.deserializer", NULL},
    {"value.deserializer", NULL},
    {"partitioner.class", NULL},
    {"interceptor.classes", NULL},
    {"metric.reporters", NULL},
    {"max.poll.records", NULL},
    {"default.api.timeout.ms", NULL},
    {"retry.backoff.max.ms", NULL},
};

static const char *name_of(const char *java)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].java, java) == 0)
            return names[i].name;
    return java;
}

bool rdkafka_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct errmsg *why)
{
    if (!client_property_allowed(key, value, why))
        return false;
    const char *name = name_of(key);
    char reason[200] = "";
    if (name == NULL)
        return true;
    switch (rd_kafka_conf_set(conf, name, value, reason, sizeof reason)) {
    case RD_KAFKA_CONF_OK:
        return true;
    case RD_KAFKA_CONF_UNKNOWN:
        fprintf(stderr, "The configuration '%s' was supplied but isn't a known config.\n", key);
        return true;
    case RD_KAFKA_CONF_INVALID:
    default:
        errmsg_set(why, "Invalid value %.60s for configuration %.60s: %.100s", value, key, reason);
        return false;
    }
}

bool rdkafka_set_all(rd_kafka_conf_t *conf, const struct properties *props, const char *const *except,
                     struct errmsg *why)
{
    for (size_t i = 0; i < props->count; i++) {
        bool excepted = false;
        for (const char *const *name = except; *name != NULL; name++)
            excepted = excepted || strcmp(*name, props->items[i].key) == 0;
        if (!excepted && !rdkafka_set(conf, props->items[i].key, props->items[i].value, why))
            return false;
    }
    return true;
}

static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static void say_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        fprintf(stderr, "%s: no broker can be reached; waiting for one\n", reason);
    else if (err == RD_KAFKA_RESP_ERR__FATAL || err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        fprintf(stderr, "%s\n", reason);
}

void rdkafka_quiet(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_log_cb(conf, drop_log);
    rd_kafka_conf_set_error_cb(conf, say_error);
}
