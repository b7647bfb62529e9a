#include "service/topic_creation.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/config.h"
#include "core/controller/topic_name.h"
#include "service/broker.h"
#include "service/controller_loop.h"

struct topic_creation {
    pthread_mutex_t lock;
    struct map under_way; /* name -> struct creating */
};

struct creating {
    struct controller_call call;
    struct controller_new_topic topic;
    struct broker *broker;
    char *name;
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

static void created(struct controller_call *call, bool discard)
{
    struct creating *creating = CONTAINER_OF(call, struct creating, call);
    struct topic_creation *creation = creating->broker->topic_creation;
    if (!discard) {
        enum err err = call->answer.err;
        if (err == ERR_NONE && call->answer.topics_count == 1)
            err = call->answer.topics[0].err;
        if (err != ERR_NONE && err != ERR_TOPIC_ALREADY_EXISTS)
            log_warn("topics", "auto_creation_failed", "topic=%s error=%s", creating->name, err_name(err));
    }
    pthread_mutex_lock(&creation->lock);
    map_remove(&creation->under_way, view_str(creating->name));
    pthread_mutex_unlock(&creation->lock);
    controller_call_close(call);
    free(creating->name);
    free(creating);
}

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
    creating->topic = (struct controller_new_topic){
        .name = creating->name,
        .partitions_count = config_int(config, CONFIG_NUM_PARTITIONS),
        .replication_factor = config_int(config, CONFIG_DEFAULT_REPLICATION_FACTOR)};
    creating->call.request.kind = CONTROLLER_CREATE_TOPICS;
    creating->call.request.create_topics.topics = &creating->topic;
    creating->call.request.create_topics.topics_count = 1;
    creating->call.home = loop_current();
    creating->call.done = created;
    if (!begin(broker->topic_creation, creating)) {
        free(creating->name);
        free(creating);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    controller_loop_request(broker->controller, &creating->call);
    return ERR_LEADER_NOT_AVAILABLE;
}
