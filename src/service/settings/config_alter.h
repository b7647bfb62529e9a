/*
 * Changing the settings of one topic, of this broker, or of all brokers: checks, write to
 * ZooKeeper, notification. The change takes effect by the notification (config_changes.h).
 *
 * Runs on: threads that may wait (workers).
 */
#ifndef BARNABAS_SERVICE_SETTINGS_CONFIG_ALTER_H
#define BARNABAS_SERVICE_SETTINGS_CONFIG_ALTER_H

#include "service/broker.h"
#include "service/settings/config_edit.h"

enum config_alter_kind { CONFIG_ALTER_TOPIC, CONFIG_ALTER_BROKER, CONFIG_ALTER_ALL_BROKERS };

struct config_alter {
    /* Filled by the caller. */
    enum config_alter_kind kind;
    const char *topic; /* CONFIG_ALTER_TOPIC */
    bool topic_known;  /* it stands in the metadata */
    bool replace;      /* what is not named is removed (AlterConfigs); every edit is then a SET */
    const struct config_edit *edits;
    size_t edits_count;

    /* Result. */
    enum err err;
    const char *message; /* in the arena, or constant; NULL = none */
};

/* Carries it out, or with `validate_only` just the checks. */
void config_alter_run(struct broker *broker, struct config_alter *alter, bool validate_only,
                      struct arena *arena);

#endif
