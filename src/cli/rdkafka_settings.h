/*
 * Settings of Kafka's Java clients for librdkafka: most have the same name,
 * some another one, some no counterpart.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_RDKAFKA_SETTINGS_H
#define BARNABAS_CLI_RDKAFKA_SETTINGS_H

#include <stdbool.h>

#include "base/errmsg.h"
#include "base/properties.h"
#include <librdkafka/rdkafka.h>

/*
 * Sets one. A setting that librdkafka has no use for is said on standard error and passed over, as Java's
 * clients do; false with why for a value that is not allowed, and for what asks for SSL or SASL.
 */
bool rdkafka_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct errmsg *why);
/* All of them but those whose names are in `except` (NULL at the end). */
bool rdkafka_set_all(rd_kafka_conf_t *conf, const struct properties *props, const char *const *except,
                     struct errmsg *why);
/* Says on standard error what the client cannot mend by itself; the rest of its log is left out. */
void rdkafka_quiet(rd_kafka_conf_t *conf);

#endif
