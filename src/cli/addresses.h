/*
 * "host:port,host:port" as --bootstrap-server takes it. An IPv6 address stands
 * in brackets; a scheme ("PLAINTEXT://") is passed over, as in Kafka.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_ADDRESSES_H
#define BARNABAS_CLI_ADDRESSES_H

#include <stdbool.h>

#include "base/errmsg.h"

struct address {
    char *host;
    int port;
};

struct addresses {
    struct address *items;
    int count;
};

/*
 * Gives `out` (addresses_close); false with why when it is not such a list. `setting` names in the message
 * what the list is: "bootstrap.servers".
 */
bool addresses_parse(const char *text, const char *setting, struct addresses *out, struct errmsg *why);
void addresses_close(struct addresses *list);

#endif
