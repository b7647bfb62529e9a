/*
 * Log levels as the resource BROKER_LOGGER: there is one logger, "root" (KIP-412). A change lasts
 * until the broker ends; barnabas.log.level says what it starts with.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_API_BROKER_LOGGERS_H
#define BARNABAS_API_BROKER_LOGGERS_H

#include <stddef.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "service/settings/config_edit.h"

#define BROKER_LOGGER_ROOT "root"

/* Its level by Kafka's names. */
const char *broker_loggers_root_level(void);
/* Checks all edits, then carries them out unless they are only to be checked. Kafka's codes and words. */
MUST_USE enum err broker_loggers_alter(const struct config_edit *edits, size_t count, bool validate_only,
                                       struct errmsg *why);

#endif
