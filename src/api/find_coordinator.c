/*
 * FindCoordinator (10): who leads the partition of __consumer_offsets that a group belongs to. The topic is
 * made when it is first asked for, whatever auto.create.topics.enable says.
 *
 * Transactions have no coordinator yet: COORDINATOR_NOT_AVAILABLE, as Kafka answers while their topic cannot
 * be made.
 */
#include "api/api.h"

#include "api/leader_hint.h"
#include "core/metadata/metadata.h"
#include "service/controller/topic_creation.h"
#include "service/group/groups.h"
#include "service/metadata_cache.h"

#define VERSION_ERROR_MESSAGE 1
#define VERSION_BATCHED       4
#define VERSION_SHARE         6

enum key_type { KEY_GROUP = 0, KEY_TRANSACTION = 1, KEY_SHARE = 2 };

typedef struct wire_find_coordinator_response_coordinator answer_coordinator;

static enum err find_group(struct api_call *call, struct view group_id, answer_coordinator *to)
{
    struct broker *broker = call->broker;
    struct view topic = VIEW_LIT(GROUPS_TOPIC), rack;
    if (!metadata_topic(metadata_cache_get(broker->metadata), topic)) {
        (void)topic_creation_of_groups(broker);
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    int32_t partition = group_partition_of(group_id, groups_partitions(broker->groups));
    int32_t leader = leader_hint_of(call, topic, partition).leader_id;
    if (leader < 0 || !leader_hint_endpoint(call, leader, &to->host, &to->port, &rack))
        return ERR_COORDINATOR_NOT_AVAILABLE;
    to->node_id = leader;
    return ERR_NONE;
}

static enum err find(struct api_call *call, int8_t key_type, struct view key, answer_coordinator *to)
{
    to->key = key;
    to->node_id = -1;
    to->host = VIEW_LIT("");
    to->port = -1;
    switch (key_type) {
    case KEY_GROUP:
        return find_group(call, key, to);
    case KEY_TRANSACTION:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case KEY_SHARE:
        return call->version < VERSION_SHARE ? ERR_INVALID_REQUEST : ERR_COORDINATOR_NOT_AVAILABLE;
    default:
        return ERR_INVALID_REQUEST;
    }
}

/* Up to version 3 there is always a message, "NONE" included; later only where the request makes no sense. */
static struct view message_of(const struct api_call *call, enum err err)
{
    if (call->version < VERSION_ERROR_MESSAGE ||
        (call->version >= VERSION_BATCHED && err != ERR_INVALID_REQUEST))
        return VIEW_LIT("");
    return err == ERR_NONE ? VIEW_LIT("NONE") : view_str(err_meaning(err));
}

void api_find_coordinator(struct api_call *call)
{
    const struct wire_find_coordinator_request *request = call_decode(call);
    if (!request)
        return;
    struct wire_find_coordinator_response *answer = call_new_answer(call);
    if (call->version >= VERSION_BATCHED) {
        int32_t count = request->coordinator_keys_count > 0 ? request->coordinator_keys_count : 0;
        answer->coordinators =
            wire_new(&wire_find_coordinator_response_coordinator_desc, &call->req->arena, (size_t)count);
        answer->coordinators_count = count;
        for (int32_t i = 0; i < count; i++) {
            answer_coordinator *to = &answer->coordinators[i];
            enum err err = find(call, request->key_type, request->coordinator_keys[i], to);
            to->error_code = call_error(call, err);
            to->error_message = message_of(call, err);
        }
    } else {
        answer_coordinator found = {0};
        enum err err = find(call, request->key_type, request->key, &found);
        answer->error_code = call_error(call, err);
        answer->node_id = found.node_id;
        answer->host = found.host;
        answer->port = found.port;
        answer->error_message = message_of(call, err);
    }
    call_answer(call, answer);
}
