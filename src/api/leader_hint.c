#include "api/leader_hint.h"

#include "service/metadata_cache.h"

struct leader_hint leader_hint_of(const struct api_call *call, struct view topic, int32_t partition)
{
    const struct metadata *metadata = metadata_cache_get(call->broker->metadata);
    const struct metadata_partition *found = metadata_partition(metadata, topic, partition);
    if (!found)
        return (struct leader_hint){-1, -1};
    return (struct leader_hint){found->leader, found->leader_epoch};
}

bool leader_hint_endpoint(const struct api_call *call, int32_t node_id, struct view *host, int32_t *port,
                          struct view *rack)
{
    const struct metadata *metadata = metadata_cache_get(call->broker->metadata);
    const struct metadata_broker *broker = metadata_broker(metadata, node_id);
    const struct metadata_endpoint *endpoint =
        broker ? metadata_broker_endpoint(broker, call_listener(call)) : NULL;
    if (!endpoint)
        return false;
    *host = view_str(endpoint->host);
    *port = endpoint->port;
    *rack = view_str(broker->rack);
    return true;
}
