/*
 * Settings that change at run time: the two znodes /config/brokers/<default> and /config/brokers/N.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_DYNAMIC_H
#define BARNABAS_CONFIG_DYNAMIC_H

#include "base/err.h"
#include "base/errmsg.h"
#include "config/config.h"

struct config_report;

/*
 * A new snapshot: the file's layer of `base`, and these two. What cannot be applied (not dynamic,
 * not for that level, invalid) is left out with a warning in `report`, as Kafka does. NULL, with an
 * error in `report`, when the settings contradict each other: then `base` goes on.
 * Gives a snapshot (config_release).
 */
struct config *config_with_dynamic(const struct config *base, struct config_pairs cluster_default,
                                   struct config_pairs broker, struct config_report *report);

/*
 * May these pairs be stored for one broker (per_broker) or for all of them (AlterConfigs,
 * IncrementalAlterConfigs)? ERR_INVALID_CONFIG with Kafka's kind of message.
 */
enum err config_validate_dynamic(const struct config *current, bool per_broker, struct config_pairs pairs,
                                 struct errmsg *why) MUST_USE;

#endif
