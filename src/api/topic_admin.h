/*
 * What CreateTopics, CreatePartitions and DeleteTopics have in common: topics that passed
 * the checks here go to the controller; when it is done the answer waits until this broker's
 * metadata shows it, or the client's timeout is over (REQUEST_TIMED_OUT although it is done).
 *
 * Ownership: everything lives in the request's arena.
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_TOPIC_ADMIN_H
#define BARNABAS_API_TOPIC_ADMIN_H

#include "api/api.h"
#include "service/controller/controller_loop.h"
#include "service/metadata_cache.h"

/* One topic of the request, in its order. */
struct admin_topic {
    const char *name; /* NULL when only the id is known */
    struct uuid id;
    enum err err; /* set by the checks: such a topic is not sent */
    const char *message;
    int32_t partitions_count; /* as the controller answered; of CreatePartitions: wanted */
    int32_t replication_factor;
};

struct topic_admin {
    struct api_call *call;
    struct admin_topic *topics;
    int32_t count;
    int32_t timeout_ms;
    bool validate_only;
    const char *elsewhere; /* message when another broker is controller; NULL = none */
    /* The controller's request for the topics that are good; fills controller.request. */
    void (*fill)(struct topic_admin *admin, const struct admin_topic *const *good, int32_t count);
    /* Does the metadata show what was asked for? On the control loop: reads only. */
    bool (*is_shown)(const struct admin_topic *topic, const struct metadata *metadata);
    /* Writes the answer. Ends the call. */
    void (*answer)(struct topic_admin *admin);
    void *request; /* the decoded one */
    /* Private. */
    struct controller_call controller;
    struct metadata_wait wait;
    int32_t *sent; /* index of each topic that was sent */
    int32_t sent_count;
    int64_t begun_ms;
};

/* Sends, waits and answers. */
void topic_admin_run(struct topic_admin *admin);

/* Sets ERR_INVALID_REQUEST on every topic that is named more than once. */
void topic_admin_refuse_repeated(struct topic_admin *admin, const char *message);

/* Text for the answer: NULL stays null. */
struct view topic_admin_message(const struct admin_topic *topic);

#endif
