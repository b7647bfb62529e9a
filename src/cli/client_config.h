/*
 * The file that --command-config names: settings of Kafka's clients. Those that
 * an admin client here can honour are honoured; one that promises protection
 * which is not built is refused, never ignored.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_CLIENT_CONFIG_H
#define BARNABAS_CLI_CLIENT_CONFIG_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/properties.h"

struct client_config {
    char *client_id;
    int connect_timeout_ms; /* socket.connection.setup.timeout.ms */
    int request_timeout_ms; /* request.timeout.ms */
    int api_timeout_ms;     /* default.api.timeout.ms */
};

/* Kafka's defaults when `path` is NULL. False with why when the file cannot be read or obeyed. */
bool client_config_load(const char *path, const char *client_id, struct client_config *out,
                        struct errmsg *why);
void client_config_close(struct client_config *config);

/* Appends the whole file to `out`; false with why, which names it, when it cannot be read or is too large. */
bool client_file_read(const char *path, size_t max_bytes, struct buf *out, struct errmsg *why);
/* Reads a properties file; gives `out` (properties_close). */
bool client_properties_load(const char *path, struct properties *out, struct errmsg *why);
/* False when the setting asks for what is not built: SSL or SASL. */
bool client_property_allowed(const char *key, const char *value, struct errmsg *why);

#endif
