/*
 * The settings of the broker as one snapshot: what the file, the command line and ZooKeeper say,
 * parsed, checked, and never changed again. A change at run time makes a new snapshot.
 *
 * Strongest last: built-in default, file and --override, /config/brokers/<default>,
 * /config/brokers/N.
 *
 * Ownership: **shares** by count: config_share, config_release. All texts that a getter returns
 * borrow from the snapshot.
 * Runs on: any; a snapshot may be read by all threads at once.
 */
#ifndef BARNABAS_CONFIG_CONFIG_H
#define BARNABAS_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "config/config_table.h"
#include "config/listeners.h"

struct config;
struct config_report;
struct inter_broker;
struct config_value;

/* Where a value comes from: the wire codes of DescribeConfigs (ConfigSource). */
enum config_source {
    CONFIG_SOURCE_UNKNOWN = 0,
    CONFIG_SOURCE_TOPIC = 1,
    CONFIG_SOURCE_DYNAMIC_BROKER = 2,
    CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER = 3,
    CONFIG_SOURCE_STATIC_BROKER = 4,
    CONFIG_SOURCE_DEFAULT = 5,
};

/* A setting as ZooKeeper or a request gives it; neither may be NULL. */
struct config_pair {
    const char *name;
    const char *value;
};

/* What one znode says. */
struct config_pairs {
    const struct config_pair *items;
    size_t count;
};

struct config_list {
    const char *const *items;
    size_t count;
};

/*
 * Reads the text of a server.properties; `path` is its name in messages. Each override is
 * "name=value" and beats the file. Everything there is to say goes to `report`; NULL when that
 * holds an error. The caller logs the report either way. Gives a snapshot (config_release).
 */
struct config *config_load(struct view text, const char *path, const char *const *overrides,
                           size_t override_count, struct config_report *report);

struct config *config_share(struct config *config);
void config_release(struct config *config);

/* Value of a setting of that type. A number that may be unset has a fallback; without it, it is asserted set.
 */
bool config_bool(const struct config *config, enum config_key key);
int32_t config_int(const struct config *config, enum config_key key); /* INT and SHORT */
int32_t config_int_or(const struct config *config, enum config_key key, int32_t unset);
int64_t config_long(const struct config *config, enum config_key key);
int64_t config_long_or(const struct config *config, enum config_key key, int64_t unset);
double config_double(const struct config *config, enum config_key key);
/* STRING, CLASS and PASSWORD; NULL when unset. */
const char *config_str(const struct config *config, enum config_key key);
struct config_list config_list(const struct config *config, enum config_key key);

/* The same for one listener: listener.name.<listener>.<name>, else the plain setting. Any case. */
int32_t config_listener_int(const struct config *config, const char *listener, enum config_key key);
int64_t config_listener_long(const struct config *config, const char *listener, enum config_key key);
/* listener.name.<listener>.<name> itself is set. */
bool config_listener_has(const struct config *config, const char *listener, enum config_key key);

bool config_is_set(const struct config *config, enum config_key key); /* not null */
enum config_source config_source(const struct config *config, enum config_key key);

/* broker.id or node.id; -1: take one from ZooKeeper. */
int32_t config_broker_id(const struct config *config);
/* log.dirs, or log.dir when that is unset; at least one. */
struct config_list config_log_dirs(const struct config *config);
const struct config_listeners *config_listeners(const struct config *config);
/* max.connections.per.ip, or the override for this address. */
int32_t config_max_connections_per_ip(const struct config *config, const char *address);
/* inter.broker.protocol.version is at or after this one, such as "2.8-IV0". */
bool config_protocol_at_least(const struct config *config, const char *version);
/* What brokers may say to each other at it; does not end. */
const struct inter_broker *config_inter_broker(const struct config *config);

/* replica.selector.class sends consumers to replicas in their rack. */
bool config_selects_by_rack(const struct config *config);

#endif
