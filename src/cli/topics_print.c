#include <inttypes.h>
#include <stdio.h>

#include "cli/topics.h"

static void print_ids(const char *label, const int32_t *ids, int count)
{
    fputs(label, stdout);
    for (int i = 0; i < count; i++)
        printf("%s%" PRId32, i == 0 ? "" : ",", ids[i]);
}

static int replication_factor(const struct topics_partition *partition)
{
    return partition->reassigning ? partition->target_count : partition->replica_count;
}

static void print_topic(const struct topics_description *topic)
{
    printf("Topic: %.*s", VIEW_FMT(topic->name));
    if (!uuid_is_zero(topic->topic_id)) {
        char text[UUID_TEXT_SIZE];
        uuid_to_text(topic->topic_id, text);
        printf("\tTopicId: %s", text);
    }
    int factor = topic->partition_count > 0 ? replication_factor(&topic->partitions[0]) : 0;
    printf("\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: ", topic->partition_count, factor);
    for (int i = 0; i < topic->override_count; i++)
        printf("%s%.*s=%.*s", i == 0 ? "" : ",", VIEW_FMT(topic->overrides[i].name),
               VIEW_FMT(topic->overrides[i].value));
    fputs(topic->marked_for_deletion ? "\tMarkedForDeletion: true\n" : "\n", stdout);
}

static void print_partition(const struct topics_description *topic, const struct topics_partition *partition)
{
    printf("\tTopic: %.*s\tPartition: %" PRId32, VIEW_FMT(topic->name), partition->partition);
    if (partition->leader >= 0)
        printf("\tLeader: %" PRId32, partition->leader);
    else
        fputs("\tLeader: none", stdout);
    print_ids("\tReplicas: ", partition->replicas, partition->replica_count);
    print_ids("\tIsr: ", partition->isr, partition->isr_count);
    if (partition->reassigning) {
        print_ids("\tAdding Replicas: ", partition->adding, partition->adding_count);
        print_ids("\tRemoving Replicas: ", partition->removing, partition->removing_count);
    }
    fputs("\tElr: N/A\tLastKnownElr: N/A", stdout);
    fputs(topic->marked_for_deletion ? "\tMarkedForDeletion: true\n" : "\n", stdout);
}

static bool is_live(int32_t id, const int32_t *live, int live_count)
{
    for (int i = 0; i < live_count; i++)
        if (live[i] == id)
            return true;
    return false;
}

static bool is_wanted(const struct topics_request *request, const struct topics_description *topic,
                      const struct topics_partition *partition, const int32_t *live, int live_count)
{
    bool has_leader = partition->leader >= 0;
    if (request->under_replicated && partition->isr_count < replication_factor(partition))
        return true;
    if (request->unavailable && (!has_leader || !is_live(partition->leader, live, live_count)))
        return true;
    if (request->under_min_isr && (!has_leader || partition->isr_count < topic->min_isr))
        return true;
    return request->at_min_isr && partition->isr_count == topic->min_isr;
}

void topics_print(const struct topics_request *request, const struct topics_description *topic,
                  const int32_t *live, int live_count)
{
    bool filtered =
        request->under_replicated || request->unavailable || request->under_min_isr || request->at_min_isr;
    if (!filtered && (!request->with_overrides || topic->override_count > 0))
        print_topic(topic);
    if (request->with_overrides)
        return;
    for (int i = 0; i < topic->partition_count; i++)
        if (!filtered || is_wanted(request, topic, &topic->partitions[i], live, live_count))
            print_partition(topic, &topic->partitions[i]);
}

int topics_fail(struct view message)
{
    printf("Error while executing topic command : %.*s\n", VIEW_FMT(message));
    return 1;
}

int topics_fail_why(const struct errmsg *why)
{
    return topics_fail(view_str(why->text));
}

int topics_fail_missing(const struct topics_request *request)
{
    printf("Error while executing topic command : Topic 'Optional[%s]' does not exist as expected\n",
           request->topic);
    return 1;
}
