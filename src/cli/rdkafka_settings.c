#include "cli/rdkafka_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
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
    {"exclude.internal.topics", NULL},
    {"group.protocol", NULL},
    {"group.remote.assignor", NULL},
};

#define ASSIGNMENT "partition.assignment.strategy"

/* Assignors of Java's consumer. The eager "sticky" one has no counterpart. */
static const struct {
    const char *java;
    const char *name;
} assignors[] = {
    {"RangeAssignor", "range"},
    {"RoundRobinAssignor", "roundrobin"},
    {"CooperativeStickyAssignor", "cooperative-sticky"},
};

static const char *name_of(const char *java)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].java, java) == 0)
            return names[i].name;
    return java;
}

/* One class as librdkafka names it; the name itself when it is none of Java's. */
static bool put_assignor(struct view class, struct buf *out, struct errmsg *why)
{
    for (size_t i = class.len; i > 0; i--)
        if (class.ptr[i - 1] == '.') {
            class = view_of(class.ptr + i, class.len - i);
            break;
        }
    for (size_t i = 0; i < ARRAY_LEN(assignors); i++)
        if (view_equal_str(class, assignors[i].java) || view_equal_str(class, assignors[i].name)) {
            buf_printf(out, "%s%s", out->len > 0 ? "," : "", assignors[i].name);
            return true;
        }
    errmsg_set(why,
               ASSIGNMENT "=%.*s: there is no such assignor here; RangeAssignor, RoundRobinAssignor and "
                          "CooperativeStickyAssignor can be used",
               class.len < 80 ? (int)class.len : 80, (const char *)class.ptr);
    return false;
}

/* "org.apache.kafka.clients.consumer.RangeAssignor,..." becomes "range,...". */
static bool translate_assignors(const char *classes, struct buf *out, struct errmsg *why)
{
    while (*classes) {
        size_t len = strcspn(classes, ",");
        struct view class = view_of(classes, len);
        while (class.len > 0 && class.ptr[0] == ' ')
            class = view_of(class.ptr + 1, class.len - 1);
        while (class.len > 0 && class.ptr[class.len - 1] == ' ')
            class.len--;
        if (!put_assignor(class, out, why))
            return false;
        classes += len + (classes[len] == ',');
    }
    return true;
}

/* What is no matter of names: values that mean something else, or cannot be honoured. */
static bool check_value(const char *key, const char *value, struct errmsg *why)
{
    if (strcmp(key, "group.protocol") != 0 || strcasecmp(value, "classic") == 0)
        return true;
    errmsg_set(why, "group.protocol=%.40s: only classic can be used; brokers with ZooKeeper know no other",
               value);
    return false;
}

static bool set_translated(rd_kafka_conf_t *conf, const char *key, const char *value, struct errmsg *why)
{
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

bool rdkafka_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct errmsg *why)
{
    if (!client_property_allowed(key, value, why) || !check_value(key, value, why))
        return false;
    if (strcmp(key, ASSIGNMENT) != 0)
        return set_translated(conf, key, value, why);
    struct buf found = {0};
    bool fine = translate_assignors(value, &found, why) && set_translated(conf, key, buf_cstr(&found), why);
    buf_close(&found);
    return fine;
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
