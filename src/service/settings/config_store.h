/*
 * Settings in ZooKeeper: /config/topics/T, /config/brokers/N and /config/brokers/<default>.
 *
 * A write holds only against the version that was read (compare-and-set), so that two that
 * change different settings at the same time both count. After it comes the notification
 * under /config/changes by which every broker, this one included, reads the entity again
 * (zookeeper-and-controller 1.3.9, 2.9).
 *
 * Runs on: threads that may wait (workers).
 */
#ifndef BARNABAS_SERVICE_SETTINGS_CONFIG_STORE_H
#define BARNABAS_SERVICE_SETTINGS_CONFIG_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "config/config.h"

struct broker;

/* Version of an entity that has no znode. */
#define CONFIG_STORE_ABSENT (-1)

/* What an entity ("topics/orders") sets; nothing when it has no znode. All of it lives in `arena`. */
MUST_USE enum err config_store_read(struct broker *broker, const char *entity, struct arena *arena,
                                    struct config_pairs *out, int32_t *version, struct errmsg *why);
/*
 * Writes what the entity is to set, if it still has `version`, and notifies. `guard` is a znode that must
 * exist (NULL = none): settings are not left behind for a topic that was deleted meanwhile.
 * ERR_BAD_VERSION: somebody was faster, or the outcome is unknown; read again and decide.
 * ERR_NOT_FOUND: the guard is gone.
 */
MUST_USE enum err config_store_write(struct broker *broker, const char *entity, const char *guard,
                                     struct config_pairs pairs, int32_t version, struct errmsg *why);

#endif
