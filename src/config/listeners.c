#include "config/listeners.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/mem.h"
#include "config/snapshot.h"

/* One "NAME://host:port". */
struct endpoint {
    const char *name;
    const char *host; /* NULL when empty */
    int32_t port;
};

struct endpoints {
    struct endpoint *items;
    size_t count;
};

/* One "NAME:PROTOCOL" of listener.security.protocol.map. */
struct mapping {
    const char *name;
    enum security_protocol protocol;
};

/* What a run of the parser carries around. */
struct parse {
    const struct config *config;
    struct arena *arena;
    struct config_report *report;
    struct mapping *map;
    size_t map_count;
    bool failed;
};

static const char *const protocol_names[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

const char *security_protocol_name(enum security_protocol protocol)
{
    return protocol_names[protocol];
}

/* Reports an error at the place where `key` was set. */
#define FAULT(parse_, key_, ...)                                                                             \
    do {                                                                                                     \
        config_report_add((parse_)->report, REPORT_ERROR, snapshot_place((parse_)->config, (key_)),          \
                          config_table_get(key_)->name, __VA_ARGS__);                                        \
        (parse_)->failed = true;                                                                             \
    } while (0)

/* ListenerName.normalised: upper case. */
static char *upper(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_cstr(arena, view_of(text, len));
    for (char *p = copy; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return copy;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\n\v\f\r")] == '\0';
}

static int protocol_find(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(protocol_names); i++)
        if (strcasecmp(protocol_names[i], text) == 0)
            return (int)i;
    return -1;
}

static void parse_map(struct parse *parse)
{
    const enum config_key key = CONFIG_LISTENER_SECURITY_PROTOCOL_MAP;
    const char *const *items;
    size_t count = config_split_list(config_str(parse->config, key), parse->arena, &items);
    parse->map = arena_zalloc(parse->arena, (count + 1) * sizeof(*parse->map));
    for (size_t i = 0; i < count; i++) {
        const char *colon = strrchr(items[i], ':');
        if (!colon) {
            FAULT(parse, key, "'%.80s' is not NAME:PROTOCOL", items[i]);
            continue;
        }
        const char *text = colon + 1 + strspn(colon + 1, " \t");
        int protocol = protocol_find(text);
        size_t name_len = (size_t)(colon - items[i]);
        while (name_len && strchr(" \t", items[i][name_len - 1]))
            name_len--;
        if (protocol < 0)
            FAULT(parse, key, "Invalid security protocol `%.40s` defined in listener.security.protocol.map",
                  text);
        else if (!name_len)
            FAULT(parse, key, "The provided listener name is null or empty string");
        else
            parse->map[parse->map_count++] =
                (struct mapping){upper(parse->arena, items[i], name_len), (enum security_protocol)protocol};
    }
}

/* The last mapping of a name counts, as in Java's map. */
static const struct mapping *map_find(const struct parse *parse, const char *name)
{
    for (size_t i = parse->map_count; i-- > 0;)
        if (strcmp(parse->map[i].name, name) == 0)
            return &parse->map[i];
    return NULL;
}

/* Kafka's form: ^(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$ */
static bool parse_endpoint(struct arena *arena, const char *text, struct endpoint *out)
{
    static const char host_chars[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-%._:";
    const char *slashes = NULL;
    for (const char *p = text; (p = strstr(p, "://")) != NULL; p++)
        slashes = p;
    if (!slashes)
        return false;
    const char *host = slashes + 3;
    const char *colon = strrchr(host, ':');
    if (!colon)
        return false;
    const char *digits = colon + 1 + (colon[1] == '-');
    if (!*digits || digits[strspn(digits, "0123456789")] != '\0' || strlen(digits) > 9)
        return false;
    out->port = (int32_t)strtol(colon + 1, NULL, 10);
    const char *host_end = colon;
    if (*host == '[')
        host++;
    if (host_end > host && host_end[-1] == ']')
        host_end--;
    size_t host_len = (size_t)(host_end - host);
    if (strspn(host, host_chars) < host_len)
        return false;
    out->host = host_len ? arena_cstr(arena, view_of(host, host_len)) : NULL;
    out->name = upper(arena, text, (size_t)(slashes - text));
    return true;
}

static void check_endpoint(struct parse *parse, enum config_key key, const struct endpoint *endpoint,
                           const char *text, const struct endpoints *earlier)
{
    const char *name = config_table_get(key)->name;
    if (endpoint->port < 0 || endpoint->port > 65535)
        FAULT(parse, key, "%.120s: the port must be 0 to 65535", text);
    if (!map_find(parse, endpoint->name))
        FAULT(parse, key,
              "No security protocol defined for listener %.80s: add it to "
              "listener.security.protocol.map",
              endpoint->name);
    for (size_t i = 0; i < earlier->count; i++)
        if (strcmp(earlier->items[i].name, endpoint->name) == 0)
            FAULT(parse, key, "Each listener must have a different name, %s: %.80s is there twice", name,
                  endpoint->name);
}

static void parse_endpoints(struct parse *parse, enum config_key key, struct endpoints *out)
{
    const char *text = config_str(parse->config, key);
    *out = (struct endpoints){0};
    if (!text)
        return;
    const char *const *items;
    size_t count = config_split_list(text, parse->arena, &items);
    out->items = arena_zalloc(parse->arena, (count + 1) * sizeof(*out->items));
    for (size_t i = 0; i < count; i++) {
        struct endpoint *endpoint = &out->items[out->count];
        if (!parse_endpoint(parse->arena, items[i], endpoint)) {
            FAULT(parse, key, "Unable to parse %.120s to a broker endpoint: it must be NAME://host:port",
                  items[i]);
        } else if (is_blank(endpoint->name)) {
            FAULT(parse, key, "%.120s: The provided listener name is null or empty string", items[i]);
        } else {
            check_endpoint(parse, key, endpoint, items[i], out);
            out->count++;
        }
    }
}

/* 4 or 6 for an address of that family, 0 for a name or for every address. */
static int address_family(const char *host)
{
    unsigned char bytes[16];
    if (host && inet_pton(AF_INET, host, bytes) == 1)
        return 4;
    return host && inet_pton(AF_INET6, host, bytes) == 1 ? 6 : 0;
}

/* Two listeners may share a port only when one is on an IPv4 and the other on an IPv6 address. */
static void check_ports(struct parse *parse, const struct endpoints *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        const struct endpoint *a = &listeners->items[i];
        for (size_t j = i + 1; a->port != 0 && j < listeners->count; j++) {
            const struct endpoint *b = &listeners->items[j];
            int family_a = address_family(a->host);
            int family_b = address_family(b->host);
            if (a->port == b->port && !(family_a && family_b && family_a != family_b))
                FAULT(
                    parse, CONFIG_LISTENERS,
                    "Each listener must have a different port, unless one has an IPv4 and the other an IPv6 "
                    "address: %.60s and %.60s share port %d",
                    a->name, b->name, a->port);
        }
    }
}

static void check_protection(struct parse *parse, const struct config_listener *listener)
{
    if (listener->protocol != PROTOCOL_PLAINTEXT)
        FAULT(parse, CONFIG_LISTENERS,
              "listener %.80s asks for %s, but TLS and SASL are not built yet: it would be an open, "
              "unencrypted door",
              listener->name, security_protocol_name(listener->protocol));
}

static void fill_listeners(struct parse *parse, const struct endpoints *endpoints,
                           struct config_listeners *out)
{
    out->items = arena_zalloc(parse->arena, (endpoints->count + 1) * sizeof(*out->items));
    for (size_t i = 0; i < endpoints->count; i++) {
        const struct endpoint *endpoint = &endpoints->items[i];
        const struct mapping *mapping = map_find(parse, endpoint->name);
        if (!mapping)
            continue;
        struct config_listener *listener = &out->items[out->count++];
        *listener = (struct config_listener){
            .name = endpoint->name,
            .protocol = mapping->protocol,
            .host = endpoint->host,
            .port = endpoint->port,
        };
        check_protection(parse, listener);
    }
}

static void advertise(struct parse *parse, const struct endpoint *endpoint, struct config_listeners *out)
{
    int index = config_listeners_find(out, endpoint->name);
    if (!map_find(parse, endpoint->name))
        return; /* check_endpoint has said so */
    if (index < 0) {
        FAULT(parse, CONFIG_ADVERTISED_LISTENERS,
              "advertised.listeners listener names must be equal to or a subset of the ones defined in "
              "listeners: %.80s is not there",
              endpoint->name);
        return;
    }
    struct config_listener *listener = &out->items[index];
    if (listener->advertised)
        return;
    listener->advertised = true;
    listener->advertised_host = endpoint->host;
    listener->advertised_port = endpoint->port;
    out->advertised[out->advertised_count++] = (size_t)index;
    if (endpoint->host && strcmp(endpoint->host, "0.0.0.0") == 0)
        FAULT(parse,
              config_is_set(parse->config, CONFIG_ADVERTISED_LISTENERS) ? CONFIG_ADVERTISED_LISTENERS
                                                                        : CONFIG_LISTENERS,
              "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP "
              "address.");
}

static void find_inter_broker(struct parse *parse, struct config_listeners *out)
{
    const struct config *config = parse->config;
    const char *name = config_str(config, CONFIG_INTER_BROKER_LISTENER_NAME);
    bool named = name != NULL;
    if (named && config_source(config, CONFIG_SECURITY_INTER_BROKER_PROTOCOL) != CONFIG_SOURCE_DEFAULT) {
        FAULT(parse, CONFIG_INTER_BROKER_LISTENER_NAME,
              "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.");
        return;
    }
    if (!named)
        name = config_str(config, CONFIG_SECURITY_INTER_BROKER_PROTOCOL);
    int index = config_listeners_find(out, name);
    if (index >= 0 && out->items[index].advertised)
        out->inter_broker = (size_t)index;
    else
        FAULT(parse, named ? CONFIG_INTER_BROKER_LISTENER_NAME : CONFIG_LISTENERS,
              "inter.broker.listener.name must be a listener name defined in advertised.listeners: there is "
              "no %.80s (it follows security.inter.broker.protocol when it is not set)",
              name);
}

int config_listeners_find(const struct config_listeners *listeners, const char *name)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (strcasecmp(listeners->items[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool config_listeners_parse(const struct config *config, struct arena *arena, struct config_listeners *out,
                            struct config_report *report)
{
    struct parse parse = {.config = config, .arena = arena, .report = report};
    struct endpoints listeners;
    struct endpoints advertised;
    *out = (struct config_listeners){0};
    parse_map(&parse);
    parse_endpoints(&parse, CONFIG_LISTENERS, &listeners);
    parse_endpoints(&parse, CONFIG_ADVERTISED_LISTENERS, &advertised);
    check_ports(&parse, &listeners);
    fill_listeners(&parse, &listeners, out);
    out->advertised = arena_zalloc(arena, (out->count + 1) * sizeof(*out->advertised));
    if (!config_is_set(config, CONFIG_ADVERTISED_LISTENERS))
        advertised = listeners;
    for (size_t i = 0; i < advertised.count; i++)
        advertise(&parse, &advertised.items[i], out);
    if (out->advertised_count == 0 && !parse.failed)
        FAULT(&parse, CONFIG_LISTENERS, "There must be at least one broker advertised listener.");
    if (!parse.failed)
        find_inter_broker(&parse, out);
    return !parse.failed;
}
