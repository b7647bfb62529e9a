/*
 * Kafka's metadata versions ("3.9-IV0"), the values of inter.broker.protocol.version.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_VERSIONS_H
#define BARNABAS_CONFIG_VERSIONS_H

#include <stdbool.h>

struct buf;

/*
 * Position in the order of all versions, or -1. Takes a version ("2.8-IV1"), a release ("2.8": the
 * newest version of it) and a patch release ("2.8.1").
 */
int metadata_version_index(const char *text);
/* `text` is at or after `floor`; both must be versions. */
bool metadata_version_at_least(const char *text, const char *floor);
/* Newest record format (0, 1 or 2) that a version knows. */
int metadata_version_record_format(const char *text);
/* Appends all of them: "0.8.0, 0.8.1, ..." */
void metadata_version_put_all(struct buf *out);

#endif
