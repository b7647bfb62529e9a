/*
 * Log lines: "time LEVEL thread room event key=value ...", one event a line.
 *
 *   2026-11-27T13:22:27.123Z INFO net-0 storage log_loaded topic=orders partition=3 ms=12
 *
 * Levels are chosen by who must act:
 *   ERROR  an operator, now: something that was promised does not hold
 *   WARN   an operator, in working hours: it was handled, but should not go on
 *   INFO   nobody: a change of state that one wants to find afterwards
 *   DEBUG  a developer: off by default
 * A failure is logged once, where it is handled; passing it on does not log.
 * Runs on: any thread (each line is one write()).
 */
#ifndef BARNABAS_BASE_LOG_H
#define BARNABAS_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Lines below this level are dropped. Default INFO. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* Parses DEBUG, INFO, WARN or ERROR in any case; false if it is none of them. */
bool log_level_parse(const char *text, enum log_level *out);

/* Descriptor that lines go to (default 2, standard error). */
void log_set_fd(int fd);

/* Names the calling thread in its lines; `name` must live as long as the thread. */
void log_set_thread_name(const char *name);
const char *log_thread_name(void);

void log_write(enum log_level level, const char *room, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* `fmt` holds the key=value pairs and may be "". */
#define LOG_AT(level, room, event, ...)                                                                      \
    do {                                                                                                     \
        if (log_enabled(level))                                                                              \
            log_write(level, room, event, __VA_ARGS__);                                                      \
    } while (0)

#define log_debug(room, event, ...) LOG_AT(LOG_LEVEL_DEBUG, room, event, __VA_ARGS__)
#define log_info(room, event, ...)  LOG_AT(LOG_LEVEL_INFO, room, event, __VA_ARGS__)
#define log_warn(room, event, ...)  LOG_AT(LOG_LEVEL_WARN, room, event, __VA_ARGS__)
#define log_error(room, event, ...) LOG_AT(LOG_LEVEL_ERROR, room, event, __VA_ARGS__)

#endif
