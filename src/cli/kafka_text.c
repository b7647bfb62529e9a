#include "cli/kafka_text.h"

#include "base/err.h"

const char *kafka_error_text(int16_t code)
{
    switch ((enum err)code) {
    case ERR_UNKNOWN_SERVER_ERROR:
        return "The server experienced an unexpected error when processing the request.";
    case ERR_OFFSET_OUT_OF_RANGE:
        return "The requested offset is not within the range of offsets maintained by the server.";
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
        return "This server does not host this topic-partition.";
    case ERR_LEADER_NOT_AVAILABLE:
        return "There is no leader for this topic-partition as we are in the middle of a leadership "
               "election.";
    case ERR_REQUEST_TIMED_OUT:
        return "The request timed out.";
    case ERR_INVALID_TOPIC_EXCEPTION:
        return "The request attempted to perform an operation on an invalid topic.";
    case ERR_TOPIC_AUTHORIZATION_FAILED:
        return "Topic authorization failed.";
    case ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "Cluster authorization failed.";
    case ERR_COORDINATOR_LOAD_IN_PROGRESS:
        return "The coordinator is loading and hence can't process requests.";
    case ERR_COORDINATOR_NOT_AVAILABLE:
        return "The coordinator is not available.";
    case ERR_NOT_COORDINATOR:
        return "This is not the correct coordinator.";
    case ERR_INVALID_GROUP_ID:
        return "The group id is invalid.";
    case ERR_GROUP_AUTHORIZATION_FAILED:
        return "Group authorization failed.";
    case ERR_NON_EMPTY_GROUP:
        return "The group is not empty.";
    case ERR_GROUP_ID_NOT_FOUND:
        return "The group id does not exist.";
    case ERR_UNSUPPORTED_VERSION:
        return "The version of API is not supported.";
    case ERR_TOPIC_ALREADY_EXISTS:
        return "Topic with this name already exists.";
    case ERR_INVALID_PARTITIONS:
        return "Number of partitions is below 1.";
    case ERR_INVALID_REPLICATION_FACTOR:
        return "Replication factor is below 1 or larger than the number of available brokers.";
    case ERR_INVALID_REPLICA_ASSIGNMENT:
        return "Replica assignment is invalid.";
    case ERR_INVALID_CONFIG:
        return "Configuration is invalid.";
    case ERR_NOT_CONTROLLER:
        return "This is not the correct controller for this cluster.";
    case ERR_INVALID_REQUEST:
        return "This most likely occurs because of a request being malformed by the client library or the "
               "message was sent to an incompatible broker. See the broker logs for more details.";
    case ERR_POLICY_VIOLATION:
        return "Request parameters do not satisfy the configured policy.";
    case ERR_TOPIC_DELETION_DISABLED:
        return "Topic deletion is disabled.";
    case ERR_UNKNOWN_TOPIC_ID:
        return "This server does not host this topic ID.";
    case ERR_KAFKA_STORAGE_ERROR:
        return "Disk error when trying to access log file on the disk.";
    default:
        return err_meaning((enum err)code);
    }
}

struct view kafka_error_message(int16_t code, struct view message)
{
    return view_is_null(message) ? view_str(kafka_error_text(code)) : message;
}
