#include "api/broker_loggers.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* Kafka's levels; ours has none below DEBUG and none above ERROR. The first of a level is its name. */
static const struct {
    const char *name;
    enum log_level level;
} LEVELS[] = {
    {"DEBUG", LOG_LEVEL_DEBUG}, {"INFO", LOG_LEVEL_INFO},   {"WARN", LOG_LEVEL_WARN},
    {"ERROR", LOG_LEVEL_ERROR}, {"TRACE", LOG_LEVEL_DEBUG}, {"FATAL", LOG_LEVEL_ERROR},
};

const char *broker_loggers_root_level(void)
{
    size_t i = 0;
    while (!log_enabled(LEVELS[i].level))
        i++;
    return LEVELS[i].name;
}

static bool find_level(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(LEVELS); i++)
        if (strcmp(LEVELS[i].name, name) == 0) {
            *out = LEVELS[i].level;
            return true;
        }
    return false;
}

static enum err check(const struct config_edit *edit, struct errmsg *why)
{
    enum log_level level;
    if (edit->op == CONFIG_EDIT_APPEND || edit->op == CONFIG_EDIT_SUBTRACT) {
        errmsg_set(why, "%s operation is not allowed for the BROKER_LOGGER resource",
                   edit->op == CONFIG_EDIT_APPEND ? "APPEND" : "SUBTRACT");
        return ERR_INVALID_REQUEST;
    }
    if (edit->op != CONFIG_EDIT_SET && edit->op != CONFIG_EDIT_DELETE) {
        errmsg_set(why, "Unknown operation type %d is not allowed for the BROKER_LOGGER resource",
                   (int)edit->op);
        return ERR_INVALID_REQUEST;
    }
    if (strcmp(edit->name, BROKER_LOGGER_ROOT) != 0) {
        errmsg_set(why, "Logger %.150s does not exist!", edit->name);
        return ERR_INVALID_CONFIG;
    }
    if (edit->op == CONFIG_EDIT_DELETE) {
        errmsg_set(why, "Removing the log level of the root logger is not allowed");
        return ERR_INVALID_REQUEST;
    }
    if (!find_level(edit->value, &level)) {
        errmsg_set(why,
                   "Cannot set the log level of %s to %.60s as it is not a supported log level. Valid log "
                   "levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
                   edit->name, edit->value);
        return ERR_INVALID_CONFIG;
    }
    return ERR_NONE;
}

enum err broker_loggers_alter(const struct config_edit *edits, size_t count, bool validate_only,
                              struct errmsg *why)
{
    for (size_t i = 0; i < count; i++) {
        enum err err = check(&edits[i], why);
        if (err != ERR_NONE)
            return err;
    }
    for (size_t i = 0; i < count && !validate_only; i++) {
        enum log_level level;
        if (!find_level(edits[i].value, &level))
            continue;
        log_set_level(level);
        log_warn("config", "log_level_changed", "logger=%s level=%s", edits[i].name, edits[i].value);
    }
    return ERR_NONE;
}
