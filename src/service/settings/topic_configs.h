/*
 * What topics are configured to: the overrides of /config/topics/T over the broker's settings.
 *
 * A topic is read when its first partition is opened, and when partitions are made; the notifications under
 * /config/changes say when it is to be read again.
 *
 * Runs on: threads that may wait (start, workers); guarded by a lock. The overrides may also be
 * copied out on a loop.
 */
#ifndef BARNABAS_SERVICE_SETTINGS_TOPIC_CONFIGS_H
#define BARNABAS_SERVICE_SETTINGS_TOPIC_CONFIGS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "port/znodes.h"

struct broker;
struct partition_settings;
struct topic_configs;

/* Gives it (topic_configs_free). */
struct topic_configs *topic_configs_new(struct broker *broker);
void topic_configs_free(struct topic_configs *configs);

/* Reads the overrides of one topic again. On failure what was known stays. */
MUST_USE enum err topic_configs_refresh(struct topic_configs *configs, const char *topic, struct errmsg *why);
void topic_configs_forget(struct topic_configs *configs, const char *topic);
/*
 * Before a partition is made: reads the topic's overrides again. What a notification left may be of a topic
 * that bore the name before, was never held here, and was deleted without a word; nothing tells what a topic
 * is created with. On failure nothing is known.
 */
void topic_configs_renew(struct topic_configs *configs, const char *topic);
/*
 * Settings for a partition of a topic, from what is known (read now if it never was). Overrides that are
 * not valid are logged and left out; where they cannot be read, no record goes by retention or compaction.
 * Gives them (partition_settings_free).
 */
struct partition_settings *topic_configs_settings(struct topic_configs *configs, const char *topic,
                                                  int32_t partition);
/* The overrides as last read, copied into `arena`; none for a topic that was never read. Any thread. */
struct znode_config topic_configs_overrides(struct topic_configs *configs, const char *topic,
                                            struct arena *arena);

#endif
