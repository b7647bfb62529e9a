#include "config/inter_broker.h"

#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"
#include "config/versions.h"

#define ZK INTER_BROKER_BY_ZOOKEEPER

const char inter_broker_oldest[] = "0.11.0-IV2";

/* From `since` on, up to the next. */
static const struct {
    const char *since;
    struct inter_broker at;
} VERSIONS[] = {
    /*  since     Fetch ListOffsets OffsetForLeaderEpoch | LeaderAndIsr UpdateMetadata StopReplica |
     * AlterPartition AllocateProducerIds ControlledShutdown CreateTopics | broker, feature, topic ids |
     * offset, group */
    {"0.11.0-IV2", {5, 2, 0, 0, 3, 0, ZK, ZK, 1, 2, 4, 0, 0, 1, 1}},
    {"1.0-IV0", {5, 2, 0, 1, 4, 0, ZK, ZK, 1, 2, 4, 0, 0, 1, 1}},
    {"1.1-IV0", {7, 2, 0, 1, 4, 0, ZK, ZK, 1, 2, 4, 0, 0, 1, 1}},
    {"2.0-IV0", {7, 2, 1, 1, 4, 0, ZK, ZK, 1, 2, 4, 0, 0, 1, 1}},
    {"2.0-IV1", {8, 3, 1, 1, 4, 0, ZK, ZK, 1, 3, 4, 0, 0, 1, 1}},
    {"2.1-IV0", {8, 3, 1, 1, 4, 0, ZK, ZK, 1, 3, 4, 0, 0, 2, 2}},
    {"2.1-IV1", {8, 4, 2, 1, 4, 0, ZK, ZK, 1, 3, 4, 0, 0, 3, 2}},
    {"2.1-IV2", {10, 4, 2, 1, 4, 0, ZK, ZK, 1, 3, 4, 0, 0, 3, 2}},
    {"2.2-IV0", {10, 4, 2, 2, 5, 1, ZK, ZK, 2, 3, 4, 0, 0, 3, 2}},
    {"2.2-IV1", {10, 5, 2, 2, 5, 1, ZK, ZK, 2, 3, 4, 0, 0, 3, 2}},
    {"2.3-IV0", {10, 5, 2, 2, 5, 1, ZK, ZK, 2, 3, 4, 0, 0, 3, 3}},
    {"2.3-IV1", {11, 5, 3, 2, 5, 1, ZK, ZK, 2, 3, 4, 0, 0, 3, 3}},
    {"2.4-IV0", {11, 5, 3, 3, 5, 1, ZK, ZK, 2, 3, 4, 0, 0, 3, 3}},
    {"2.4-IV1", {11, 5, 3, 4, 6, 2, ZK, ZK, 3, 5, 4, 0, 0, 3, 3}},
    {"2.6-IV0", {11, 5, 3, 4, 6, 3, ZK, ZK, 3, 5, 4, 0, 0, 3, 3}},
    {"2.7-IV0", {11, 5, 3, 4, 6, 3, ZK, ZK, 3, 5, 5, 1, 0, 3, 3}},
    {"2.7-IV1", {12, 5, 3, 4, 6, 3, ZK, ZK, 3, 5, 5, 1, 0, 3, 3}},
    {"2.7-IV2", {12, 5, 3, 4, 6, 3, 0, ZK, 3, 5, 5, 1, 0, 3, 3}},
    {"2.8-IV0", {12, 6, 4, 4, 6, 3, 0, ZK, 3, 7, 5, 1, 1, 3, 3}},
    {"2.8-IV1", {12, 6, 4, 5, 7, 3, 0, ZK, 3, 7, 5, 1, 1, 3, 3}},
    {"3.0-IV0", {12, 6, 4, 5, 7, 3, 0, 0, 3, 7, 5, 1, 1, 3, 3}},
    {"3.0-IV1", {12, 7, 4, 5, 7, 3, 0, 0, 3, 7, 5, 1, 1, 3, 3}},
    {"3.1-IV0", {13, 7, 4, 5, 7, 3, 0, 0, 3, 7, 5, 1, 1, 3, 3}},
    {"3.2-IV0", {13, 7, 4, 6, 7, 3, 1, 0, 3, 7, 5, 1, 1, 3, 3}},
    {"3.3-IV0", {13, 7, 4, 6, 7, 3, 2, 0, 3, 7, 5, 2, 1, 3, 3}},
    {"3.4-IV0", {13, 7, 4, 7, 8, 4, 2, 0, 3, 7, 5, 2, 1, 3, 3}},
    {"3.5-IV0", {14, 8, 4, 7, 8, 4, 2, 0, 3, 7, 5, 2, 1, 3, 3}},
    {"3.5-IV1", {15, 8, 4, 7, 8, 4, 3, 0, 3, 7, 5, 2, 1, 3, 3}},
    {"3.7-IV4", {16, 8, 4, 7, 8, 4, 3, 0, 3, 7, 5, 2, 1, 3, 3}},
    {"3.9-IV0", {17, 9, 4, 7, 8, 4, 3, 0, 3, 7, 5, 2, 1, 3, 3}},
};

const struct inter_broker *inter_broker_at(const char *version)
{
    int wanted = metadata_version_index(version);
    const struct inter_broker *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(VERSIONS); i++)
        if (metadata_version_index(VERSIONS[i].since) <= wanted)
            found = &VERSIONS[i].at;
    ASSERT(found);
    return found;
}

const struct inter_broker *inter_broker_newest(void)
{
    return &VERSIONS[ARRAY_LEN(VERSIONS) - 1].at;
}
