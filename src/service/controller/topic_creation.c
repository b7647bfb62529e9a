#include "service/controller/topic_creation.h"

#include <pthread.h>
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
#include "wire/codec.h"

#define KEY_CREATE_TOPICS 19

struct topic_creation {
    pthread_mutex_t lock;
    struct map under_way; /* name -> struct creating */
};

struct creating {
    struct broker *broker;
    char *name;
    /* Here, when this broker is the controller. */
    struct controller_call call;
    struct controller_new_topic topic;
    /* Else over the wire. */
    struct controller_question question;
    struct wire_create_topics_request request;
    struct wire_create_topics_request_creatable_topic wire_topic;
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

static void create_here(struct creating *creating, int32_t partitions, int16_t replicas)
{
    creating->topic = (struct controller_new_topic){
        .name = creating->name, .partitions_count = partitions, .replication_factor = replicas};
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
static void create_there(struct creating *creating, int32_t partitions, int16_t replicas)
{
    struct broker *broker = creating->broker;
    wire_init(&wire_create_topics_request_desc, &creating->request);
    wire_init(&wire_create_topics_request_creatable_topic_desc, &creating->wire_topic);
    creating->wire_topic.name = view_str(creating->name);
    creating->wire_topic.num_partitions = partitions;
    creating->wire_topic.replication_factor = replicas;
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

enum err topic_creation_on_demand(struct broker *broker, struct view name, bool may_create)
{
    const struct config *config = broker_config(broker);
    char *text = view_to_cstr(name);
    bool valid = strlen(text) == name.len && topic_name_is_valid(text, NULL);
    free(text);
    if (!valid)
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (!may_create || !config_bool(config, CONFIG_AUTO_CREATE_TOPICS_ENABLE))
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    struct creating *creating = MEM_NEW(struct creating);
    creating->broker = broker;
    creating->name = view_to_cstr(name);
    if (!begin(broker->topic_creation, creating)) {
        free(creating->name);
        free(creating);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    int32_t partitions = config_int(config, CONFIG_NUM_PARTITIONS);
    int16_t replicas = (int16_t)config_int(config, CONFIG_DEFAULT_REPLICATION_FACTOR);
    if (controller_loop_is_active(broker->controller))
        create_here(creating, partitions, replicas);
    else
        create_there(creating, partitions, replicas);
    return ERR_LEADER_NOT_AVAILABLE;
}
