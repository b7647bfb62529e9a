/*
 * Names of the resources that settings belong to: this broker's id, or a mistake that is told in
 * Kafka's words.
 *
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_CONFIG_RESOURCE_H
#define BARNABAS_API_CONFIG_RESOURCE_H

#include "api/api.h"

/* Codes of resource types (ConfigResource.Type). */
enum config_resource {
    CONFIG_RESOURCE_TOPIC = 2,
    CONFIG_RESOURCE_BROKER = 4,
    CONFIG_RESOURCE_LOGGER = 8,
    CONFIG_RESOURCE_CLIENT_METRICS = 16
};

/*
 * Is `name` the id of this broker? ERR_INVALID_REQUEST if not; `noun` begins the message for what is no
 * number ("Broker id must be an integer, but it is: x"), `or_else` follows the id that was expected.
 */
MUST_USE enum err config_resource_check_id(const struct api_call *call, struct view name, const char *noun,
                                           const char *or_else, struct errmsg *why);

#endif
