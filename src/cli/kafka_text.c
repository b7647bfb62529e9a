#include "cli/kafka_text.h"

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

#define CLASSES "org.apache.kafka.common.errors."

static const struct {
    enum err err;
    const char *exception;
    const char *sentence;
} texts[] = {
    {ERR_UNKNOWN_SERVER_ERROR, "UnknownServerException",
     "The server experienced an unexpected error when processing the request."},
    {ERR_OFFSET_OUT_OF_RANGE, "OffsetOutOfRangeException",
     "The requested offset is not within the range of offsets maintained by the server."},
    {ERR_UNKNOWN_TOPIC_OR_PARTITION, "UnknownTopicOrPartitionException",
     "This server does not host this topic-partition."},
    {ERR_LEADER_NOT_AVAILABLE, "LeaderNotAvailableException",
     "There is no leader for this topic-partition as we are in the middle of a leadership election."},
    {ERR_NOT_LEADER_OR_FOLLOWER, "NotLeaderOrFollowerException",
     "For requests intended only for the leader, this error indicates that the broker is not the current "
     "leader. "
     "For requests intended for any replica, this error indicates that the broker is not a replica of the "
     "topic partition."},
    {ERR_REQUEST_TIMED_OUT, "TimeoutException", "The request timed out."},
    {ERR_MESSAGE_TOO_LARGE, "RecordTooLargeException",
     "The request included a message larger than the max message size the server will accept."},
    {ERR_OFFSET_METADATA_TOO_LARGE, "OffsetMetadataTooLarge",
     "The metadata field of the offset request was too large."},
    {ERR_COORDINATOR_LOAD_IN_PROGRESS, "CoordinatorLoadInProgressException",
     "The coordinator is loading and hence can't process requests."},
    {ERR_COORDINATOR_NOT_AVAILABLE, "CoordinatorNotAvailableException", "The coordinator is not available."},
    {ERR_NOT_COORDINATOR, "NotCoordinatorException", "This is not the correct coordinator."},
    {ERR_INVALID_TOPIC_EXCEPTION, "InvalidTopicException",
     "The request attempted to perform an operation on an invalid topic."},
    {ERR_INVALID_GROUP_ID, "InvalidGroupIdException", "The configured groupId is invalid."},
    {ERR_UNKNOWN_MEMBER_ID, "UnknownMemberIdException", "The coordinator is not aware of this member."},
    {ERR_REBALANCE_IN_PROGRESS, "RebalanceInProgressException",
     "The group is rebalancing, so a rejoin is needed."},
    {ERR_INVALID_COMMIT_OFFSET_SIZE, "InvalidCommitOffsetSizeException",
     "The committing offset data size is not valid."},
    {ERR_TOPIC_AUTHORIZATION_FAILED, "TopicAuthorizationException", "Topic authorization failed."},
    {ERR_GROUP_AUTHORIZATION_FAILED, "GroupAuthorizationException", "Group authorization failed."},
    {ERR_CLUSTER_AUTHORIZATION_FAILED, "ClusterAuthorizationException", "Cluster authorization failed."},
    {ERR_UNSUPPORTED_VERSION, "UnsupportedVersionException", "The version of API is not supported."},
    {ERR_TOPIC_ALREADY_EXISTS, "TopicExistsException", "Topic with this name already exists."},
    {ERR_INVALID_PARTITIONS, "InvalidPartitionsException", "Number of partitions is below 1."},
    {ERR_INVALID_REPLICATION_FACTOR, "InvalidReplicationFactorException",
     "Replication factor is below 1 or larger than the number of available brokers."},
    {ERR_INVALID_REPLICA_ASSIGNMENT, "InvalidReplicaAssignmentException", "Replica assignment is invalid."},
    {ERR_INVALID_CONFIG, "InvalidConfigurationException", "Configuration is invalid."},
    {ERR_NOT_CONTROLLER, "NotControllerException", "This is not the correct controller for this cluster."},
    {ERR_INVALID_REQUEST, "InvalidRequestException",
     "This most likely occurs because of a request being malformed by the client library or the message was "
     "sent to an incompatible broker. See the broker logs for more details."},
    {ERR_POLICY_VIOLATION, "PolicyViolationException",
     "Request parameters do not satisfy the configured policy."},
    {ERR_KAFKA_STORAGE_ERROR, "KafkaStorageException",
     "Disk error when trying to access log file on the disk."},
    {ERR_NON_EMPTY_GROUP, "GroupNotEmptyException", "The group is not empty."},
    {ERR_GROUP_ID_NOT_FOUND, "GroupIdNotFoundException", "The group id does not exist."},
    {ERR_TOPIC_DELETION_DISABLED, "TopicDeletionDisabledException", "Topic deletion is disabled."},
    {ERR_PREFERRED_LEADER_NOT_AVAILABLE, "PreferredLeaderNotAvailableException",
     "The preferred leader was not available."},
    {ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE, "EligibleLeadersNotAvailableException",
     "Eligible topic partition leaders are not available."},
    {ERR_GROUP_SUBSCRIBED_TO_TOPIC, "GroupSubscribedToTopicException",
     "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it."},
    {ERR_UNKNOWN_TOPIC_ID, "UnknownTopicIdException", "This server does not host this topic ID."},
};

const char *kafka_error_text(int16_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if ((int16_t)texts[i].err == code)
            return texts[i].sentence;
    return err_meaning((enum err)code);
}

const char *kafka_error_class(int16_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if ((int16_t)texts[i].err == code)
            return texts[i].exception;
    return err_name((enum err)code);
}

struct view kafka_error_message(int16_t code, struct view message)
{
    return view_is_null(message) ? view_str(kafka_error_text(code)) : message;
}

const char *kafka_exception(int16_t code, struct arena *arena)
{
    return arena_printf(arena, CLASSES "%s: %s", kafka_error_class(code), kafka_error_text(code));
}
