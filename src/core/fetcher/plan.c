/*
 * What a link sends next, and the session by which it fetches.
 *
 * The session's rule: the leader knows of each partition what was sent last, so a request names only what
 * differs. Partitions that are not to be fetched now (backing off, out of range, failed, removed) are
 * forgotten there, so an answer never brings what nobody asked for.
 */
#include "base/assert.h"
#include "core/fetcher/link_internal.h"
#include "wire/codec.h"

#define FETCH_BY_NAME       12 /* the last version with topics' names */
#define FETCH_REPLICA_STATE 15 /* the replica is named in a struct of its own from here on */
#define TIME_LATEST         (-1)
#define TIME_EARLIEST       (-2)

void link_restart_session(struct fetch_link *link, bool close)
{
    link->session_epoch = 0;
    if (!close)
        link->session_id = 0;
    LIST_EACH (node, &link->order)
        CONTAINER_OF(node, struct fetch_link_part, node)->in_session = false;
}

/* --- Fetch ------------------------------------------------------------------------------------------- */

/* It has all that the leader, as heard last, had committed. */
static bool is_in_sync(const struct fetch_link_part *part)
{
    return part->seen_high_watermark >= 0 && part->log.end >= part->seen_high_watermark;
}

static bool is_held_back(const struct fetch_link *link, const struct fetch_link_part *part)
{
    return link->over_quota && !is_in_sync(part) && link->config.is_throttled &&
           link->config.is_throttled(part->user);
}

static bool is_ready(const struct fetch_link_part *part, int64_t now_ms)
{
    return !part->gone && part->state == PART_READY && part->delayed_until_ms <= now_ms;
}

static bool is_due(const struct fetch_link *link, const struct fetch_link_part *part, int64_t now_ms)
{
    return is_ready(part, now_ms) && !is_held_back(link, part);
}

static bool is_news(const struct fetch_link_part *part)
{
    return !part->in_session || part->sent_leader_epoch != part->leader_epoch ||
           part->sent.start != part->log.start || part->sent.end != part->log.end ||
           part->sent.latest_epoch != part->log.latest_epoch;
}

static bool is_of_topic(struct view topic, struct uuid id, const struct fetch_link_part *part)
{
    return uuid_equal(id, part->topic_id) && view_equal(topic, view_str(part->topic));
}

static void put_asked(struct wire_fetch_request *fetch, const struct fetch_link *link,
                      struct fetch_link_part *part, struct wire_fetch_request_fetch_partition *to)
{
    struct wire_fetch_request_fetch_topic *topic =
        fetch->topics_count > 0 ? &fetch->topics[fetch->topics_count - 1] : NULL;
    if (!topic || !is_of_topic(topic->topic, topic->topic_id, part)) {
        topic = &fetch->topics[fetch->topics_count++];
        topic->topic = view_str(part->topic);
        topic->topic_id = part->topic_id;
        topic->partitions = to;
        topic->partitions_count = 0;
    }
    topic->partitions_count++;
    to->partition = part->index;
    to->current_leader_epoch = part->leader_epoch;
    to->fetch_offset = part->log.end;
    if (!link_asks_epochs(link))
        to->last_fetched_epoch = part->log.latest_epoch;
    to->log_start_offset = part->log.start;
    to->partition_max_bytes = link->config.partition_bytes;
}

/* The partitions that are due, those of them that are news to the session. */
static void put_topics(struct fetch_link *link, int64_t now_ms, struct arena *arena,
                       struct wire_fetch_request *fetch)
{
    fetch->topics = wire_new(&wire_fetch_request_fetch_topic_desc, arena, (size_t)link->count);
    struct wire_fetch_request_fetch_partition *next =
        wire_new(&wire_fetch_request_fetch_partition_desc, arena, (size_t)link->count);
    LIST_EACH (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (!is_due(link, part, now_ms))
            continue;
        if (is_news(part))
            put_asked(fetch, link, part, next++);
        part->state = PART_ASKED;
        part->in_session = true;
        part->sent_leader_epoch = part->leader_epoch;
        part->sent = part->log;
    }
}

/* What the session has and is not due. */
static void put_forgotten(struct fetch_link *link, struct arena *arena, struct wire_fetch_request *fetch)
{
    size_t count = 0;
    LIST_EACH (node, &link->order) {
        const struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        count += part->in_session && part->state != PART_ASKED;
    }
    if (count == 0)
        return;
    fetch->forgotten_topics_data = wire_new(&wire_fetch_request_forgotten_topic_desc, arena, count);
    int32_t *indexes = arena_alloc(arena, count * sizeof *indexes);
    LIST_EACH (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (!part->in_session || part->state == PART_ASKED)
            continue;
        struct wire_fetch_request_forgotten_topic *to =
            &fetch->forgotten_topics_data[fetch->forgotten_topics_data_count++];
        to->topic = view_str(part->topic);
        to->topic_id = part->topic_id;
        to->partitions = indexes;
        to->partitions_count = 1;
        *indexes++ = part->index;
        part->in_session = false;
    }
}

/* Ids only if every partition that is due has one. */
static bool all_have_ids(const struct fetch_link *link, int64_t now_ms)
{
    LIST_EACH (node, &link->order) {
        const struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (is_due(link, part, now_ms) && uuid_is_zero(part->topic_id))
            return false;
    }
    return true;
}

static void make_fetch(struct fetch_link *link, int64_t broker_epoch, int64_t now_ms, struct arena *arena,
                       struct fetch_link_plan *plan)
{
    bool uses_ids = link->config.fetch_version > FETCH_BY_NAME && all_have_ids(link, now_ms);
    if (link->uses_ids != uses_ids && link->session_epoch != 0)
        link_restart_session(link, true);
    link->uses_ids = uses_ids;
    link->full = link->session_epoch == 0;
    plan->version =
        uses_ids || link->config.fetch_version < FETCH_BY_NAME ? link->config.fetch_version : FETCH_BY_NAME;
    struct wire_fetch_request *fetch = wire_new(&wire_fetch_request_desc, arena, 1);
    if (plan->version >= FETCH_REPLICA_STATE) {
        fetch->replica_state.replica_id = link->config.broker_id;
        fetch->replica_state.replica_epoch = broker_epoch;
    } else {
        fetch->replica_id = link->config.broker_id;
    }
    fetch->max_wait_ms = link->config.max_wait_ms;
    fetch->min_bytes = link->config.min_bytes;
    fetch->max_bytes = link->config.max_bytes;
    fetch->session_id = link->session_id;
    fetch->session_epoch = link->session_epoch;
    put_topics(link, now_ms, arena, fetch);
    put_forgotten(link, arena, fetch);
    plan->fetch = fetch;
    link->fetches++;
}

/* --- ListOffsets ------------------------------------------------------------------------------------- */

static bool is_look_due(const struct fetch_link_part *part, int64_t now_ms)
{
    return !part->gone && part->state == PART_LOOK && part->delayed_until_ms <= now_ms;
}

static void make_list_offsets(struct fetch_link *link, int64_t now_ms, struct arena *arena,
                              struct fetch_link_plan *plan)
{
    plan->version = link->config.offsets_version;
    struct wire_list_offsets_request *request = wire_new(&wire_list_offsets_request_desc, arena, 1);
    request->replica_id = link->config.broker_id;
    request->topics =
        wire_new(&wire_list_offsets_request_list_offsets_topic_desc, arena, (size_t)link->count);
    struct wire_list_offsets_request_list_offsets_partition *items =
        wire_new(&wire_list_offsets_request_list_offsets_partition_desc, arena, (size_t)link->count);
    LIST_EACH (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (!is_look_due(part, now_ms))
            continue;
        struct wire_list_offsets_request_list_offsets_topic *topic = &request->topics[request->topics_count];
        topic->name = view_str(part->topic);
        topic->partitions = &items[request->topics_count++];
        topic->partitions_count = 1;
        topic->partitions[0].partition_index = part->index;
        topic->partitions[0].current_leader_epoch = part->leader_epoch;
        topic->partitions[0].timestamp = part->look_for_start ? TIME_EARLIEST : TIME_LATEST;
        part->state = PART_LOOK_ASKED;
    }
    plan->offsets = request;
}

/* --- OffsetForLeaderEpoch ----------------------------------------------------------------------------- */

static bool is_cut_due(const struct fetch_link_part *part, int64_t now_ms)
{
    return !part->gone && part->state == PART_TRUNCATE && part->delayed_until_ms <= now_ms;
}

static void make_epochs(struct fetch_link *link, int64_t now_ms, struct arena *arena,
                        struct fetch_link_plan *plan)
{
    plan->version = link->config.epochs_version;
    struct wire_offset_for_leader_epoch_request *request =
        wire_new(&wire_offset_for_leader_epoch_request_desc, arena, 1);
    request->replica_id = link->config.broker_id;
    request->topics = wire_new(&wire_offset_for_leader_epoch_request_offset_for_leader_topic_desc, arena,
                               (size_t)link->count);
    struct wire_offset_for_leader_epoch_request_offset_for_leader_partition *items = wire_new(
        &wire_offset_for_leader_epoch_request_offset_for_leader_partition_desc, arena, (size_t)link->count);
    LIST_EACH (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (!is_cut_due(part, now_ms))
            continue;
        struct wire_offset_for_leader_epoch_request_offset_for_leader_topic *topic =
            &request->topics[request->topics_count];
        topic->topic = view_str(part->topic);
        topic->partitions = &items[request->topics_count++];
        topic->partitions_count = 1;
        topic->partitions[0].partition = part->index;
        topic->partitions[0].current_leader_epoch = part->leader_epoch;
        topic->partitions[0].leader_epoch = part->log.latest_epoch;
        part->state = PART_TRUNCATE_ASKED;
    }
    plan->epochs = request;
}

/* --- which of them ----------------------------------------------------------------------------------- */

static enum fetch_link_wish choose(const struct fetch_link *link, int64_t now_ms, int64_t *until_ms)
{
    *until_ms = INT64_MAX;
    if (link->out != FETCH_LINK_NOTHING || link->actions > 0)
        return FETCH_LINK_NOTHING;
    if (link->delayed_until_ms > now_ms) {
        *until_ms = link->delayed_until_ms;
        return FETCH_LINK_NOTHING;
    }
    bool any_due = false, any_look = false, any_cut = false;
    int64_t again_ms = INT64_MAX;
    LIST_EACH (node, &link->order) {
        const struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        any_look |= is_look_due(part, now_ms);
        any_cut |= is_cut_due(part, now_ms);
        if (is_ready(part, now_ms)) {
            if (is_held_back(link, part))
                again_ms = now_ms + link->config.backoff_ms;
            else
                any_due = true;
            continue;
        }
        bool waits = !part->gone &&
                     (part->state == PART_READY || part->state == PART_LOOK || part->state == PART_TRUNCATE);
        if (waits && part->delayed_until_ms < *until_ms)
            *until_ms = part->delayed_until_ms;
    }
    if (again_ms < *until_ms)
        *until_ms = again_ms;
    return any_look  ? FETCH_LINK_LIST_OFFSETS
           : any_cut ? FETCH_LINK_EPOCHS
           : any_due ? FETCH_LINK_FETCH
                     : FETCH_LINK_NOTHING;
}

enum fetch_link_wish fetch_link_plan(struct fetch_link *link, const struct fetch_link_moment *moment,
                                     struct arena *arena, struct fetch_link_plan *plan)
{
    *plan = (struct fetch_link_plan){0};
    link->over_quota = moment->over_quota;
    enum fetch_link_wish wish = choose(link, moment->now_ms, &plan->until_ms);
    if (wish == FETCH_LINK_FETCH)
        make_fetch(link, moment->broker_epoch, moment->now_ms, arena, plan);
    else if (wish == FETCH_LINK_LIST_OFFSETS)
        make_list_offsets(link, moment->now_ms, arena, plan);
    else if (wish == FETCH_LINK_EPOCHS)
        make_epochs(link, moment->now_ms, arena, plan);
    if (wish != FETCH_LINK_NOTHING)
        link->out = wish;
    return wish;
}
