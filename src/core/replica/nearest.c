#include "core/replica/nearest.h"

#include <stddef.h>

static bool has_offset(const struct replica *replica, const struct replica_remote *remote, int64_t offset)
{
    return replica_ids_contain(&replica->isr, remote->broker_id) && remote->start_offset <= offset &&
           remote->end_offset >= offset;
}

static bool is_better(const struct replica_remote *one, const struct replica_remote *other)
{
    if (one->end_offset != other->end_offset)
        return one->end_offset > other->end_offset;
    if (one->last_caught_up_ms != other->last_caught_up_ms)
        return one->last_caught_up_ms > other->last_caught_up_ms;
    return one->broker_id > other->broker_id;
}

int32_t replica_nearest(const struct replica *replica, const struct replica_ids *rack, int64_t offset)
{
    const struct replica_remote *best = NULL;
    if (replica_ids_contain(rack, replica->leader_id))
        return -1;
    for (int32_t i = 0; i < replica->remotes_count; i++) {
        const struct replica_remote *remote = &replica->remotes[i];
        if (replica_ids_contain(rack, remote->broker_id) && has_offset(replica, remote, offset) &&
            (!best || is_better(remote, best)))
            best = remote;
    }
    return best ? best->broker_id : -1;
}
