/*
 * The broker's copy of the cluster's metadata: a snapshot that loops read without a lock,
 * replaced with each UpdateMetadata; and those who wait for it to say something.
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_METADATA_CACHE_H
#define BARNABAS_SERVICE_METADATA_CACHE_H

#include "base/list.h"
#include "core/metadata/metadata.h"
#include "loop/loop.h"

struct broker;
struct metadata_cache;

/* Waits until the metadata says something: CreateTopics for leaders, DeleteTopics for absence. */
struct metadata_wait {
    struct list node;
    struct loop_message message;
    struct loop_timer timer;
    struct loop *home;
    int64_t deadline_ms; /* monotonic */
    bool finished;
    /* On the control loop: is it so? */
    bool (*satisfied)(struct metadata_wait *wait, const struct metadata *metadata);
    /* On home, once. */
    void (*done)(struct metadata_wait *wait, bool in_time);
    bool in_time;
    struct metadata_cache *cache;
};

struct metadata_cache *metadata_cache_new(struct broker *broker);
void metadata_cache_free(struct metadata_cache *cache);

/*
 * On a loop; borrowed until its callback returns. Also inside a control job
 * (service/replica/replica_manager.h), borrowed until that has run: UpdateMetadata is one of them, so nothing
 * replaces it meanwhile.
 */
const struct metadata *metadata_cache_get(const struct metadata_cache *cache);

/* Is the broker in the cluster, as was told last? Any thread; takes a lock. */
bool metadata_cache_is_alive(const struct metadata_cache *cache, int32_t broker_id);
/* How many brokers are. Likewise. */
int32_t metadata_cache_count_alive(const struct metadata_cache *cache);

/* On the control loop. Publishes what follows from the request and wakes those it satisfies. */
void metadata_cache_update(struct metadata_cache *cache, const struct wire_update_metadata_request *request);

/* Any loop. `wait` lives until done ran. */
void metadata_cache_wait(struct metadata_cache *cache, struct metadata_wait *wait);

#endif
