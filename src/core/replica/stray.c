#include "core/replica/stray.h"

#include <stddef.h>

#include "base/assert.h"

static bool contains(const struct znode_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

static bool contains_all(const struct znode_ids *ids, const struct znode_ids *wanted)
{
    for (int32_t i = 0; i < wanted->count; i++)
        if (!contains(ids, wanted->ids[i]))
            return false;
    return true;
}

static const struct znode_assignment *assignment_of(const struct znode_topic *topic, int32_t partition)
{
    for (int32_t i = 0; i < topic->partitions_count; i++)
        if (topic->partitions[i].partition == partition)
            return &topic->partitions[i];
    return NULL;
}

static enum stray_verdict judge_excluded(const struct stray_facts *facts,
                                         const struct znode_assignment *assignment)
{
    if (!facts->state_read)
        return STRAY_UNKNOWN;
    if (!facts->state)
        return STRAY_ELSEWHERE;
    bool whole = assignment->replicas.count > 0 && facts->state->leader >= 0 &&
                 contains_all(&facts->state->isr, &assignment->replicas);
    if (assignment->adding.count > 0 || assignment->removing.count > 0 || !whole)
        return STRAY_MOVING;
    bool newer = facts->state->leader_epoch > facts->latest_epoch;
    return newer ? STRAY_SUPERFLUOUS : STRAY_ELSEWHERE;
}

enum stray_verdict stray_judge(const struct stray_facts *facts)
{
    if (!facts->topic_read)
        return STRAY_UNKNOWN;
    if (!facts->topic)
        return STRAY_TOPIC_GONE;
    const struct znode_assignment *assignment = assignment_of(facts->topic, facts->partition);
    if (assignment && (contains(&assignment->replicas, facts->broker_id) ||
                       contains(&assignment->adding, facts->broker_id) ||
                       contains(&assignment->removing, facts->broker_id)))
        return STRAY_NOT;
    if (!assignment || uuid_is_zero(facts->topic_id) || !uuid_equal(facts->topic_id, facts->topic->topic_id))
        return STRAY_OTHER_TOPIC;
    return judge_excluded(facts, assignment);
}

const char *stray_reason(enum stray_verdict verdict)
{
    switch (verdict) {
    case STRAY_NOT:
        return "it is assigned to this broker";
    case STRAY_UNKNOWN:
        return "ZooKeeper could not be read";
    case STRAY_MOVING:
        return "its partition is being moved";
    case STRAY_TOPIC_GONE:
        return "ZooKeeper has no such topic";
    case STRAY_OTHER_TOPIC:
        return "ZooKeeper has another topic of that name, without this id or this partition";
    case STRAY_ELSEWHERE:
        return "its partition is assigned to others, but nothing shows that they have all of it";
    case STRAY_SUPERFLUOUS:
        return "its partition was moved to others, who have all of it";
    }
    UNREACHABLE();
}
