/*
 * listeners, advertised.listeners and who talks over which: parsed once, in the order of the file.
 *
 * Ownership: all texts borrow from the snapshot they were parsed for.
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_LISTENERS_H
#define BARNABAS_CONFIG_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct config;
struct config_report;

/* Values are Kafka's ids of the security protocols. */
enum security_protocol {
    PROTOCOL_PLAINTEXT = 0,
    PROTOCOL_SSL = 1,
    PROTOCOL_SASL_PLAINTEXT = 2,
    PROTOCOL_SASL_SSL = 3,
};

struct config_listener {
    const char *name; /* in upper case */
    enum security_protocol protocol;
    const char *host; /* NULL: every address */
    int32_t port;     /* 0: any free one */
    bool advertised;
    const char *advertised_host; /* NULL: the name of this machine */
    int32_t advertised_port;
};

struct config_listeners {
    struct config_listener *items;
    size_t count;
    size_t *advertised; /* indexes into items, in the order they are published */
    size_t advertised_count;
    size_t inter_broker; /* index: how brokers reach this one */
};

/* "PLAINTEXT", "SASL_SSL". */
const char *security_protocol_name(enum security_protocol protocol);

/* Index of the listener with that name (any case), or -1. */
int config_listeners_find(const struct config_listeners *listeners, const char *name);

/* Used while a snapshot is made: false when `report` got an error. */
bool config_listeners_parse(const struct config *config, struct arena *arena, struct config_listeners *out,
                            struct config_report *report);

#endif
