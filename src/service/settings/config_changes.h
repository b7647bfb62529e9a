/*
 * Follows the notifications under /config/changes: each names an entity whose settings are
 * to be read again (zookeeper-and-controller 2.9).
 *
 * Processing is level-triggered: the names say which entity, the entity is read as it is now. Their numbers
 * have no gaps: where some are missing they were purged unseen, and everything is read again.
 * Runs on: kick on any thread; the work on a worker.
 */
#ifndef BARNABAS_SERVICE_SETTINGS_CONFIG_CHANGES_H
#define BARNABAS_SERVICE_SETTINGS_CONFIG_CHANGES_H

#include "service/broker.h"

struct config_changes;

#define CONFIG_CHANGES_PATH   "/config/changes"
#define CONFIG_CHANGES_PREFIX "config_change_"

/* Gives it (config_changes_free). */
struct config_changes *config_changes_new(struct broker *broker);
/* At a start, before any settings are read: what is told of already needs no second look. */
void config_changes_begin(struct config_changes *changes);
/* Something may have changed, or a new session stands: look again. */
void config_changes_kick(struct config_changes *changes);
/* No run begins after this; waits for the one that is under way. */
void config_changes_stop(struct config_changes *changes);
void config_changes_free(struct config_changes *changes);

#endif
