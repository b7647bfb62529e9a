/*
 * Offsets in ZooKeeper, /consumers/<group>/offsets/<topic>/<partition>: where OffsetCommit and OffsetFetch of
 * version 0 have them (wire-protocol 4.11). No coordinator knows of these.
 *
 * Runs on: a worker; waits for ZooKeeper.
 */
#ifndef BARNABAS_API_ZK_OFFSETS_H
#define BARNABAS_API_ZK_OFFSETS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"
#include "service/broker.h"

/* ERR_UNKNOWN_SERVER_ERROR when it could not be written, or the names make no path; said in the log. */
enum err zk_offsets_put(struct broker *broker, struct view group_id, struct view topic, int32_t partition,
                        int64_t offset, struct arena *arena);
/* ERR_UNKNOWN_TOPIC_OR_PARTITION when there is none. */
enum err zk_offsets_get(struct broker *broker, struct view group_id, struct view topic, int32_t partition,
                        struct arena *arena, int64_t *offset);

#endif
