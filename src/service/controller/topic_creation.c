#include "service/controller/topic_creation.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/inter_broker.h"
#include "core/controller/topic_name.h"
#include "service/broker.h"
#include "service/controller/controller_channel.h"
#include "service/controller/controller_loop.h"
#include "service/group/groups.h"
#include "service/metadata_cache.h"
#include "wire/codec.h"

#define KEY_CREATE_TOPICS 19
#define COMPLAIN_EVERY_MS 10000

struct topic_creation {
    pthread_mutex_t lock;
    struct map under_way;  /* name -> struct creating */
    int64_t complained_ms; /* of too few brokers; monotonic, 0 = not yet */
};

struct creating {
    struct broker *broker;
    char *name;
    int32_t partitions;
    int16_t replicas;
    struct znode_config_entry config[3]; /* of an internal topic */
    int config_count;
    char segment_bytes[16];
    /* Here, when this broker is the controller. */
    struct controller_call call;
    struct controller_new_topic topic;
    /* Else over the wire. */
    struct controller_question question;
    struct wire_create_topics_request request;
    struct wire_create_topics_request_creatable_topic wire_topic;
    struct wire_create_topics_request_creatable_topic_config wire_config[3];
};

struct topic_creation *topic_creation_new(void)
{
    struct topic_creation *creation = MEM_NEW(struct topic_creation);
    pthread_mutex_init(&creation->lock, NULL);
    return creation;
}

void topic_creation_free(struct topic_creation *creation)
{
    if (!creation)
        return;
    map_close(&creation->under_way);
    pthread_mutex_destroy(&creation->lock);
    free(creation);
}

/* A time-out is no failure: nobody waits for the topic's leaders. */
static void finish(struct creating *creating, enum err err)
{
    struct topic_creation *creation = creating->broker->topic_creation;
    if (err != ERR_NONE && err != ERR_TOPIC_ALREADY_EXISTS && err != ERR_REQUEST_TIMED_OUT &&
        err != ERR_CLOSED)
        log_warn("topics", "auto_creation_failed", "topic=%s error=%s", creating->name, err_name(err));
    pthread_mutex_lock(&creation->lock);
    map_remove(&creation->under_way, view_str(creating->name));
    pthread_mutex_unlock(&creation->lock);
    free(creating->name);
    free(creating);
}

/* --- by this broker ---------------------------------------------------------------------------------------
 */

static void created_here(struct controller_call *call, bool discard)
{
    enum err err = discard ? ERR_CLOSED : call->answer.err;
    if (err == ERR_NONE && call->answer.topics_count == 1)
        err = call->answer.topics[0].err;
    controller_call_close(call);
    finish(CONTAINER_OF(call, struct creating, call), err);
}

static void create_here(struct creating *creating)
{
    creating->topic = (struct controller_new_topic){
        .name = creating->name,
        .partitions_count = creating->partitions,
        .replication_factor = creating->replicas,
        .config = {.entries = creating->config, .count = creating->config_count}};
    creating->call.request.kind = CONTROLLER_CREATE_TOPICS;
    creating->call.request.create_topics.topics = &creating->topic;
    creating->call.request.create_topics.topics_count = 1;
    creating->call.home = loop_current();
    creating->call.done = created_here;
    controller_loop_request(creating->broker->controller, &creating->call);
}

/* --- by another -------------------------------------------------------------------------------------------
 */

static void created_there(struct controller_question *question, enum err err, const void *arg)
{
    const struct wire_create_topics_response *answer = arg;
    if (err == ERR_NONE && answer->topics_count == 1)
        err = (enum err)answer->topics[0].error_code; /* errors of Kafka's have the same numbers here */
    finish(CONTAINER_OF(question, struct creating, question), err);
}

/* With a time-out of 0: what else is asked of the controller does not wait behind it. */
static void create_there(struct creating *creating)
{
    struct broker *broker = creating->broker;
    wire_init(&wire_create_topics_request_desc, &creating->request);
    wire_init(&wire_create_topics_request_creatable_topic_desc, &creating->wire_topic);
    creating->wire_topic.name = view_str(creating->name);
    creating->wire_topic.num_partitions = creating->partitions;
    creating->wire_topic.replication_factor = creating->replicas;
    for (int i = 0; i < creating->config_count; i++)
        creating->wire_config[i] = (struct wire_create_topics_request_creatable_topic_config){
            .name = view_str(creating->config[i].name), .value = view_str(creating->config[i].value)};
    creating->wire_topic.configs = creating->wire_config;
    creating->wire_topic.configs_count = creating->config_count;
    creating->request.topics = &creating->wire_topic;
    creating->request.topics_count = 1;
    creating->request.timeout_ms = 0;
    creating->question = (struct controller_question){
        .api_key = KEY_CREATE_TOPICS,
        .version = config_inter_broker(broker_config(broker))->create_topics,
        .request = &creating->request,
        .timeout_ms = config_int(broker_config(broker), CONFIG_REQUEST_TIMEOUT_MS),
        .home = broker->control_loop,
        .done = created_there};
    controller_channel_ask(broker->controller_channel, &creating->question);
}

/* --- on demand --------------------------------------------------------------------------------------------
 */

static bool begin(struct topic_creation *creation, struct creating *creating)
{
    pthread_mutex_lock(&creation->lock);
    bool fresh = map_get_str(&creation->under_way, creating->name) == NULL;
    if (fresh)
        map_put_str(&creation->under_way, creating->name, creating);
    pthread_mutex_unlock(&creation->lock);
    return fresh;
}

static void settle_internal(struct creating *creating, const struct config *config)
{
    creating->partitions = config_int(config, CONFIG_OFFSETS_TOPIC_NUM_PARTITIONS);
    creating->replicas = (int16_t)config_int(config, CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR);
    snprintf(creating->segment_bytes, sizeof creating->segment_bytes, "%d",
             config_int(config, CONFIG_OFFSETS_TOPIC_SEGMENT_BYTES));
    creating->config[0] = (struct znode_config_entry){"compression.type", "producer"};
    creating->config[1] = (struct znode_config_entry){"cleanup.policy", "compact"};
    creating->config[2] = (struct znode_config_entry){"segment.bytes", creating->segment_bytes};
    creating->config_count = 3;
}

/* What Metadata says meanwhile. */
static enum err create(struct broker *broker, struct view name, bool internal)
{
    const struct config *config = broker_config(broker);
    struct creating *creating = MEM_NEW(struct creating);
    creating->broker = broker;
    creating->name = view_to_cstr(name);
    if (!begin(broker->topic_creation, creating)) {
        free(creating->name);
        free(creating);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION; /* it is under way already */
    }
    creating->partitions = config_int(config, CONFIG_NUM_PARTITIONS);
    creating->replicas = (int16_t)config_int(config, CONFIG_DEFAULT_REPLICATION_FACTOR);
    if (internal)
        settle_internal(creating, config);
    if (controller_loop_is_active(broker->controller))
        create_here(creating);
    else
        create_there(creating);
    return ERR_LEADER_NOT_AVAILABLE;
}

/* Every client asks again and again: one line now and then. */
static bool may_complain(struct topic_creation *creation)
{
    int64_t now_ms = loop_now_ms(loop_current());
    pthread_mutex_lock(&creation->lock);
    bool may = creation->complained_ms == 0 || now_ms - creation->complained_ms >= COMPLAIN_EVERY_MS;
    if (may)
        creation->complained_ms = now_ms;
    pthread_mutex_unlock(&creation->lock);
    return may;
}

enum err topic_creation_of_groups(struct broker *broker)
{
    int32_t wanted = config_int(broker_config(broker), CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR);
    int32_t alive = metadata_cache_count_alive(broker->metadata);
    if (alive >= wanted)
        return create(broker, VIEW_LIT(GROUPS_TOPIC), true);
    if (may_complain(broker->topic_creation))
        log_warn("topics", "too_few_brokers",
                 "topic=" GROUPS_TOPIC " alive=%d offsets.topic.replication.factor=%d "
                 "effect=\"no group finds its coordinator\" remedy=\"start more brokers, or lower the factor "
                 "before the topic is made\"",
                 alive, wanted);
    return ERR_INVALID_REPLICATION_FACTOR;
}

enum err topic_creation_on_demand(struct broker *broker, struct view name, bool may_create)
{
    char *text = view_to_cstr(name);
    bool valid = strlen(text) == name.len && topic_name_is_valid(text, NULL);
    free(text);
    if (!valid)
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (!may_create || !config_bool(broker_config(broker), CONFIG_AUTO_CREATE_TOPICS_ENABLE))
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return view_equal_str(name, GROUPS_TOPIC) ? topic_creation_of_groups(broker)
                                              : create(broker, name, false);
}
