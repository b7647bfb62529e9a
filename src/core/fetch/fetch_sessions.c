#include "core/fetch/fetch_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "wire/generated/wire_messages.h"

/* Key of a partition in a session: its id or, where ids are not used, its name; then the number. */
#define KEY_MAX (32767 + 16 + 4)

typedef struct wire_fetch_request_fetch_topic asked_topic;
typedef struct wire_fetch_request_fetch_partition asked_partition;

static struct view part_key(uint8_t *out, struct view topic, struct uuid id, int32_t partition)
{
    memcpy(out, id.bytes, sizeof id.bytes);
    size_t len = topic.len < 32767 ? topic.len : 32767;
    if (len > 0)
        memcpy(out + sizeof id.bytes, topic.ptr, len);
    be_put_i32(out + sizeof id.bytes + len, partition);
    return view_of(out, sizeof id.bytes + len + 4);
}

/* --- partitions ---------------------------------------------------------------------------------------- */

static void part_free(struct fetch_session_part *part)
{
    free(part->topic);
    free(part);
}

static void part_update(struct fetch_session_part *part, const asked_partition *asked)
{
    part->fetch_offset = asked->fetch_offset;
    part->log_start_offset = asked->log_start_offset;
    part->max_bytes = asked->partition_max_bytes;
    part->current_leader_epoch = asked->current_leader_epoch;
    part->last_fetched_epoch = asked->last_fetched_epoch;
}

static void session_put(struct fetch_sessions *cache, struct fetch_session *session, const asked_topic *topic,
                        const asked_partition *asked)
{
    uint8_t key[KEY_MAX];
    struct view name = part_key(key, topic->topic, topic->topic_id, asked->partition);
    struct fetch_session_part *part = map_get(&session->parts, name);
    if (!part) {
        part = MEM_NEW(struct fetch_session_part);
        part->topic = topic->topic.ptr ? view_to_cstr(topic->topic) : mem_strdup("");
        part->topic_id = topic->topic_id;
        part->partition = asked->partition;
        part->sent_high_watermark = -1;
        part->sent_log_start = -1;
        map_put(&session->parts, name, part);
        list_push_back(&session->order, &part->node);
        session->count++;
        cache->parts_count++;
    }
    part_update(part, asked);
}

static void session_forget(struct fetch_sessions *cache, struct fetch_session *session, struct view topic,
                           struct uuid id, int32_t partition)
{
    uint8_t key[KEY_MAX];
    struct fetch_session_part *part = map_remove(&session->parts, part_key(key, topic, id, partition));
    if (!part)
        return;
    list_remove(&part->node);
    session->count--;
    cache->parts_count--;
    /* A request that is waiting may still look at it. */
    list_push_back(&session->dropped, &part->node);
}

static void session_take(struct fetch_sessions *cache, struct fetch_session *session,
                         const struct wire_fetch_request *request)
{
    for (int32_t t = 0; t < request->topics_count; t++)
        for (int32_t p = 0; p < request->topics[t].partitions_count; p++)
            session_put(cache, session, &request->topics[t], &request->topics[t].partitions[p]);
    for (int32_t t = 0; t < request->forgotten_topics_data_count; t++) {
        const struct wire_fetch_request_forgotten_topic *topic = &request->forgotten_topics_data[t];
        for (int32_t p = 0; p < topic->partitions_count; p++)
            session_forget(cache, session, topic->topic, topic->topic_id, topic->partitions[p]);
    }
}

/* --- sessions ------------------------------------------------------------------------------------------- */

static void list_free_parts(struct list *list)
{
    struct list *node;
    while ((node = list_pop_front(list)))
        part_free(CONTAINER_OF(node, struct fetch_session_part, node));
}

static void session_free(struct fetch_session *session)
{
    list_free_parts(&session->order);
    list_free_parts(&session->dropped);
    map_close(&session->parts);
    free(session);
}

static void session_end(struct fetch_sessions *cache, struct fetch_session *session)
{
    map_remove_int(&cache->by_id, session->id);
    list_remove(&session->node);
    cache->parts_count -= session->count;
    session->closed = true;
    if (session->holds == 0)
        session_free(session);
}

void fetch_session_let_go(struct fetch_session *session)
{
    ASSERT(session->holds > 0);
    if (--session->holds > 0)
        return;
    list_free_parts(&session->dropped);
    if (session->closed)
        session_free(session);
}

void fetch_sessions_init(struct fetch_sessions *cache, int max, uint64_t seed)
{
    *cache = (struct fetch_sessions){.max = max};
    prng_seed(&cache->prng, seed);
    list_init(&cache->lru);
}

void fetch_sessions_close(struct fetch_sessions *cache)
{
    struct list *node;
    while ((node = list_pop_front(&cache->lru))) {
        struct fetch_session *session = CONTAINER_OF(node, struct fetch_session, node);
        session_free(session);
    }
    map_close(&cache->by_id);
}

/* Order in which sessions are given up: consumers before followers, then the smaller. */
static bool weighs_less(const struct fetch_session *a, const struct fetch_session *b)
{
    if (a->privileged != b->privileged)
        return b->privileged;
    return a->count != b->count ? a->count < b->count : a->id < b->id;
}

/* May a session of this kind and size take the place of `old`? (storage-replication-coordinators 4.9) */
static bool may_replace(const struct fetch_session *old, bool privileged, int count, int64_t now_ms)
{
    bool settled = now_ms - old->created_ms > FETCH_SESSION_STALE_MS;
    bool evictable = settled || (privileged && !old->privileged);
    if (!evictable)
        return false;
    if (privileged != old->privileged)
        return privileged;
    return count > old->count;
}

/* Makes room for one more; false when the present sessions have the better right. */
static bool make_room(struct fetch_sessions *cache, bool privileged, int count, int64_t now_ms)
{
    if ((int)cache->by_id.count < cache->max)
        return true;
    if (list_is_empty(&cache->lru))
        return false;
    struct fetch_session *victim = CONTAINER_OF(cache->lru.next, struct fetch_session, node);
    if (now_ms - victim->last_used_ms <= FETCH_SESSION_STALE_MS) {
        victim = NULL;
        LIST_EACH (node, &cache->lru) {
            struct fetch_session *session = CONTAINER_OF(node, struct fetch_session, node);
            if (may_replace(session, privileged, count, now_ms) && (!victim || weighs_less(session, victim)))
                victim = session;
        }
    }
    if (!victim)
        return false;
    session_end(cache, victim);
    cache->evicted_count++;
    return true;
}

static int count_asked(const struct wire_fetch_request *request)
{
    int count = 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        count += request->topics[t].partitions_count > 0 ? request->topics[t].partitions_count : 0;
    return count;
}

static int32_t new_id(struct fetch_sessions *cache)
{
    int32_t id;
    do
        id = (int32_t)(1 + prng_below(&cache->prng, INT32_MAX - 1));
    while (map_get_int(&cache->by_id, id));
    return id;
}

static struct fetch_session *session_new(struct fetch_sessions *cache,
                                         const struct wire_fetch_request *request, bool uses_ids,
                                         bool privileged, int64_t now_ms)
{
    int count = count_asked(request);
    if (!make_room(cache, privileged, count, now_ms))
        return NULL;
    struct fetch_session *session = MEM_NEW(struct fetch_session);
    session->id = new_id(cache);
    session->epoch = 1;
    session->privileged = privileged;
    session->uses_ids = uses_ids;
    session->created_ms = now_ms;
    session->last_used_ms = now_ms;
    list_init(&session->order);
    list_init(&session->dropped);
    map_put_int(&cache->by_id, session->id, session);
    list_push_back(&cache->lru, &session->node);
    session_take(cache, session, request);
    session->holds = 1;
    return session;
}

static enum err resume(struct fetch_sessions *cache, const struct wire_fetch_request *request, bool uses_ids,
                       int64_t now_ms, struct fetch_session **out)
{
    struct fetch_session *session = map_get_int(&cache->by_id, request->session_id);
    if (!session)
        return ERR_FETCH_SESSION_ID_NOT_FOUND;
    if (request->session_epoch != session->epoch)
        return ERR_INVALID_FETCH_SESSION_EPOCH;
    if (session->uses_ids != uses_ids)
        return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
    session_take(cache, session, request);
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
    session->last_used_ms = now_ms;
    list_remove(&session->node);
    list_push_back(&cache->lru, &session->node);
    if (session->count == 0) { /* nothing is left in it: the client is answered without one */
        session_end(cache, session);
        return ERR_NONE;
    }
    session->holds++;
    *out = session;
    return ERR_NONE;
}

enum err fetch_sessions_begin(struct fetch_sessions *cache, const struct wire_fetch_request *request,
                              bool uses_ids, bool privileged, int64_t now_ms, struct fetch_session **session,
                              bool *full)
{
    *session = NULL;
    *full = true;
    if (request->session_epoch != FETCH_EPOCH_INITIAL && request->session_epoch != FETCH_EPOCH_FINAL) {
        *full = false;
        return resume(cache, request, uses_ids, now_ms, session);
    }
    struct fetch_session *old = map_get_int(&cache->by_id, request->session_id);
    if (old)
        session_end(cache, old);
    if (request->session_epoch == FETCH_EPOCH_INITIAL)
        *session = session_new(cache, request, uses_ids, privileged, now_ms);
    return ERR_NONE;
}

bool fetch_session_part_has_news(struct fetch_session_part *part, bool incremental, int64_t records_bytes,
                                 enum err err, bool redirects, int64_t high_watermark, int64_t log_start)
{
    bool news = records_bytes > 0 || err != ERR_NONE || redirects ||
                part->sent_high_watermark != high_watermark || part->sent_log_start != log_start;
    part->sent_high_watermark = err == ERR_NONE ? high_watermark : -1;
    part->sent_log_start = log_start;
    return news || !incremental;
}

void fetch_session_part_served(struct fetch_session *session, struct fetch_session_part *part)
{
    uint8_t key[KEY_MAX];
    struct view name =
        part_key(key, part->topic[0] ? view_str(part->topic) : VIEW_NULL, part->topic_id, part->partition);
    if (map_get(&session->parts, name) != part)
        return; /* forgotten meanwhile */
    list_remove(&part->node);
    list_push_back(&session->order, &part->node);
}
