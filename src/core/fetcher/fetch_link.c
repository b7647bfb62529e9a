/*
 * The partitions of a link: set, removed, done.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "config/inter_broker.h"
#include "core/fetcher/link_internal.h"

#define TOPIC_MAX 32767

static struct view name_key(uint8_t *out, struct view topic, int32_t index)
{
    size_t len = topic.len < TOPIC_MAX ? topic.len : TOPIC_MAX;
    memcpy(out, topic.ptr, len);
    be_put_i32(out + len, index);
    return view_of(out, len + 4);
}

static struct view id_key(uint8_t out[20], struct uuid id, int32_t index)
{
    memcpy(out, id.bytes, sizeof id.bytes);
    be_put_i32(out + sizeof id.bytes, index);
    return view_of(out, 20);
}

struct fetch_link_part *link_find(const struct fetch_link *link, struct view topic, int32_t index)
{
    uint8_t key[TOPIC_MAX + 4];
    return topic.len == 0 ? NULL : map_get(&link->by_name, name_key(key, topic, index));
}

struct fetch_link_part *link_find_by_id(const struct fetch_link *link, struct uuid id, int32_t index)
{
    uint8_t key[20];
    return map_get(&link->by_id, id_key(key, id, index));
}

/* --- making and freeing ------------------------------------------------------------------------------ */

struct fetch_link *fetch_link_new(const struct fetch_link_config *config)
{
    struct fetch_link *link = MEM_NEW(struct fetch_link);
    link->config = *config;
    list_init(&link->order);
    return link;
}

static void part_free(struct fetch_link_part *part)
{
    free(part->topic);
    free(part);
}

void fetch_link_free(struct fetch_link *link, void (*forget)(void *user))
{
    if (!link)
        return;
    struct list *node;
    while ((node = list_pop_front(&link->order))) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (part->user && forget)
            forget(part->user);
        part_free(part);
    }
    map_close(&link->by_name);
    map_close(&link->by_id);
    free(link);
}

bool link_asks_epochs(const struct fetch_link *link)
{
    return link->config.fetch_version < INTER_BROKER_FETCH_DIVERGING;
}

/* Without epochs there is nothing to ask: such a log was cut when it began to follow. */
static enum part_state first_state(const struct fetch_link *link, const struct follower_log *log)
{
    return link_asks_epochs(link) && log->latest_epoch >= 0 ? PART_TRUNCATE : PART_READY;
}

int fetch_link_count(const struct fetch_link *link)
{
    return link->count;
}

void link_reap(struct fetch_link *link)
{
    LIST_EACH_SAFE (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (!part->gone || part->in_session || part->actions > 0)
            continue;
        uint8_t key[TOPIC_MAX + 4];
        map_remove(&link->by_name, name_key(key, view_str(part->topic), part->index));
        list_remove(node);
        part_free(part);
    }
}

static struct fetch_link_part *part_new(struct fetch_link *link, struct view topic, int32_t index)
{
    struct fetch_link_part *part = MEM_NEW(struct fetch_link_part);
    part->topic = view_to_cstr(topic);
    part->index = index;
    part->gone = true;
    uint8_t key[TOPIC_MAX + 4];
    map_put(&link->by_name, name_key(key, topic, index), part);
    list_push_back(&link->order, &part->node);
    return part;
}

/* --- set and remove ---------------------------------------------------------------------------------- */

static void forget_id(struct fetch_link *link, const struct fetch_link_part *part)
{
    uint8_t key[20];
    if (!uuid_is_zero(part->topic_id))
        map_remove(&link->by_id, id_key(key, part->topic_id, part->index));
}

/* A session knows a topic by its id: under another one it is another topic. */
static void take_id(struct fetch_link *link, struct fetch_link_part *part, struct uuid id)
{
    if (part->in_session && !uuid_equal(part->topic_id, id))
        link_restart_session(link, true);
    uint8_t key[20];
    part->topic_id = id;
    if (!uuid_is_zero(id))
        map_put(&link->by_id, id_key(key, id, part->index), part);
}

void *fetch_link_set(struct fetch_link *link, struct view topic, struct uuid topic_id, int32_t index,
                     int32_t leader_epoch, const struct follower_log *log, void *user)
{
    struct fetch_link_part *part = link_find(link, topic, index);
    if (!part)
        part = part_new(link, topic, index);
    if (!part->gone && leader_epoch < part->leader_epoch)
        return user;
    void *before = part->user;
    if (part->gone)
        link->count++;
    else
        forget_id(link, part);
    part->gone = false;
    take_id(link, part, topic_id);
    part->generation++;
    part->leader_epoch = leader_epoch;
    part->state = first_state(link, log);
    part->look_for_start = false;
    part->delayed_until_ms = INT64_MIN;
    part->not_yet = 0;
    part->log = *log;
    part->seen_high_watermark = -1;
    part->seen_start = -1;
    part->last_error = ERR_NONE;
    part->user = user;
    return before;
}

void *fetch_link_remove(struct fetch_link *link, struct view topic, int32_t index, int32_t leader_epoch)
{
    struct fetch_link_part *part = link_find(link, topic, index);
    if (!part || part->gone || part->leader_epoch > leader_epoch)
        return NULL;
    void *user = part->user;
    forget_id(link, part);
    part->gone = true;
    part->user = NULL;
    part->generation++;
    part->state = PART_READY;
    link->count--;
    link_reap(link);
    return user;
}

/* --- actions ----------------------------------------------------------------------------------------- */

void link_delay(struct fetch_link *link, struct fetch_link_part *part, enum part_state state, int64_t now_ms)
{
    part->state = state;
    part->delayed_until_ms = now_ms + link->config.backoff_ms;
}

static void take_log(struct fetch_link *link, struct fetch_link_part *part,
                     const struct fetch_link_action *action, const struct follower_log *log, int64_t now_ms)
{
    bool moved = log->end != part->log.end || log->latest_epoch != part->log.latest_epoch;
    part->state = PART_READY;
    part->log = *log;
    if (action->kind == FETCH_LINK_APPEND) {
        part->seen_high_watermark = action->high_watermark;
        part->seen_start = action->leader_start;
    } else if (!moved && !link_asks_epochs(link)) {
        link_delay(link, part, PART_READY, now_ms); /* a cut that cut nothing would be told again at once */
    }
}

/* What was to be cut is not to be fetched before it is. */
static enum part_state state_to_retry(const struct fetch_link *link, const struct fetch_link_part *part,
                                      const struct fetch_link_action *action)
{
    return action->kind == FETCH_LINK_APPEND ? PART_READY : first_state(link, &part->log);
}

void fetch_link_done(struct fetch_link *link, const struct fetch_link_action *action,
                     enum fetch_link_outcome outcome, const struct follower_log *log, int64_t now_ms)
{
    struct fetch_link_part *part = action->part;
    ASSERT(part->actions > 0 && link->actions > 0);
    part->actions--;
    link->actions--;
    if (part->generation != action->generation) {
        link_reap(link); /* set anew or removed meanwhile */
        return;
    }
    switch (outcome) {
    case FETCH_LINK_OK:
        take_log(link, part, action, log, now_ms);
        return;
    case FETCH_LINK_MORE:
        take_log(link, part, action, log, now_ms);
        if (part->state == PART_READY && link_asks_epochs(link))
            part->state = first_state(link, log);
        return;
    case FETCH_LINK_RETRY:
        link_delay(link, part, state_to_retry(link, part, action), now_ms);
        return;
    case FETCH_LINK_FAILED:
        part->state = PART_FAILED;
        return;
    }
    UNREACHABLE();
}

/* --- numbers ----------------------------------------------------------------------------------------- */

void fetch_link_numbers(const struct fetch_link *link, struct fetch_link_numbers *out)
{
    *out = (struct fetch_link_numbers){.fetches = link->fetches};
    LIST_EACH (node, &link->order) {
        const struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (part->gone)
            continue;
        int64_t lag = part->seen_high_watermark - part->log.end;
        out->max_lag = lag > out->max_lag ? lag : out->max_lag;
        out->failed += part->state == PART_FAILED;
    }
}
