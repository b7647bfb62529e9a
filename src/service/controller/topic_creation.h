/*
 * Topics that are made because somebody asked for them (auto.create.topics.enable).
 *
 * Runs on: any loop.
 */
#ifndef BARNABAS_SERVICE_CONTROLLER_TOPIC_CREATION_H
#define BARNABAS_SERVICE_CONTROLLER_TOPIC_CREATION_H

#include "base/err.h"
#include "base/view.h"

struct broker;
struct topic_creation;

/* Gives it (topic_creation_free). */
struct topic_creation *topic_creation_new(void);
void topic_creation_free(struct topic_creation *creation);

/*
 * What Metadata answers for a topic that is not there: ERR_LEADER_NOT_AVAILABLE when its creation was
 * begun, ERR_UNKNOWN_TOPIC_OR_PARTITION when that is not allowed or under way already,
 * ERR_INVALID_TOPIC_EXCEPTION for a name that no topic may have; for __consumer_offsets see below.
 */
enum err topic_creation_on_demand(struct broker *broker, struct view name, bool may_create);

/*
 * Begins to make __consumer_offsets, with the settings offsets.topic.*; answers as above, and
 * ERR_INVALID_REPLICATION_FACTOR while fewer brokers live than it is to have replicas.
 */
enum err topic_creation_of_groups(struct broker *broker);

#endif
