/*
 * Settings as DescribeConfigs shows them: value, source, synonyms, type and meaning.
 *
 * Ownership: entries and all their texts are in the caller's arena, or borrow from the snapshot and
 * the overrides.
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_DESCRIBE_H
#define BARNABAS_CONFIG_DESCRIBE_H

#include "config/config.h"
#include "config/topic_table.h"

struct arena;

struct config_synonym {
    const char *name;
    const char *value; /* NULL when sensitive */
    enum config_source source;
};

struct config_entry {
    const char *name;
    const char *value; /* NULL when unset or sensitive */
    enum config_source source;
    enum config_type type;
    bool sensitive;
    bool read_only;
    const struct config_synonym *synonyms; /* strongest first */
    size_t synonym_count;
    const char *documentation; /* NULL for an unknown name */
};

struct config_entries {
    struct config_entry *items;
    size_t count;
};

/* The broker's own settings (resource BROKER, this broker's id). */
struct config_entries config_describe_broker(const struct config *config, struct arena *arena);
/* What is set for all brokers (resource BROKER, empty name). */
struct config_entries config_describe_cluster_default(const struct config *config, struct arena *arena);
/* A topic's settings (resource TOPIC). */
struct config_entries topic_config_describe(const struct config *broker, struct config_pairs overrides,
                                            struct arena *arena);

#endif
