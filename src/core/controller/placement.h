/*
 * Where the partitions of CreateTopics and CreatePartitions go: the client's lists, checked,
 * or lists of our own.
 * Runs on: controller loop.
 */
#ifndef BARNABAS_CORE_CONTROLLER_PLACEMENT_H
#define BARNABAS_CORE_CONTROLLER_PLACEMENT_H

#include "base/errmsg.h"
#include "core/controller/internal.h"

/* Of a new topic, lists by partition in the activity's arena. */
MUST_USE enum err placement_of_topic(struct controller *c, const struct controller_new_topic *wanted,
                                     struct znode_ids **lists, int32_t *count, struct errmsg *why);
/* Of the partitions that `wanted` adds to what `now` holds. */
MUST_USE enum err placement_of_more(struct controller *c, const struct controller_more_partitions *wanted,
                                    const struct znode_topic *now, struct znode_ids **lists, int32_t *count,
                                    struct errmsg *why);

/* Answers a request about topics: copies names and messages. */
void ctl_answer_topics(struct controller *c, const struct controller_topic_answer *topics, int32_t count);

#endif
