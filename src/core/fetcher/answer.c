/*
 * What follows from an answer, partition by partition.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/fetcher/link_internal.h"
#include "wire/codec.h"

typedef struct wire_fetch_response_partition_data fetched;
typedef struct wire_offset_for_leader_epoch_response_epoch_end_offset epoch_end;
typedef struct wire_list_offsets_response_list_offsets_partition_response listed;

/* --- actions and errors ------------------------------------------------------------------------------ */

static struct fetch_link_action *new_action(struct fetch_link *link, struct fetch_link_part *part,
                                            enum fetch_link_action_kind kind,
                                            struct fetch_link_actions *actions)
{
    struct fetch_link_action *action = &actions->items[actions->count++];
    *action = (struct fetch_link_action){.kind = kind,
                                         .part = part,
                                         .generation = part->generation,
                                         .user = part->user,
                                         .leader_epoch = part->leader_epoch,
                                         .fetch_offset = part->log.end,
                                         .high_watermark = -1,
                                         .leader_start = -1,
                                         .epoch = -1,
                                         .end_offset = -1};
    part->state = PART_BUSY;
    part->actions++;
    link->actions++;
    return action;
}

static void make_room(const struct fetch_link *link, struct arena *arena, struct fetch_link_actions *actions)
{
    *actions = (struct fetch_link_actions){
        .items = arena_alloc(arena, sizeof *actions->items * (size_t)(link->count + 1))};
}

/* Once for each error in a row: it may come every second for hours. */
static void note_error(const struct fetch_link *link, struct fetch_link_part *part, enum err err,
                       const char *effect)
{
    if (part->last_error == err)
        return;
    part->last_error = err;
    log_info("fetcher", "partition_refused",
             "partition=%s-%d leader=%d leader_epoch=%d error=%s effect=\"%s\"", part->topic, part->index,
             link->config.leader_id, part->leader_epoch, err_name(err), effect);
}

/* First pause where a leader has not heard yet what the controller told us; doubled each time. */
#define NOT_YET_PAUSE_MS ((int64_t)20)

static bool leader_may_not_have_heard(enum err err)
{
    switch ((int)err) {
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_UNKNOWN_LEADER_EPOCH:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_UNKNOWN_TOPIC_ID:
        return true;
    default:
        return false;
    }
}

/*
 * The controller tells everybody at once, so that a follower may be at its new leader before the leader
 * knows. Kafka's followers wait for all of replica.fetch.backoff.ms then, and acks=all with them.
 */
static void wait_for_news(struct fetch_link *link, struct fetch_link_part *part, enum part_state state,
                          int64_t now_ms)
{
    int64_t pause_ms = NOT_YET_PAUSE_MS << (part->not_yet < 16 ? part->not_yet : 16);
    part->not_yet++;
    link_delay(link, part, state, now_ms);
    if (now_ms + pause_ms < part->delayed_until_ms)
        part->delayed_until_ms = now_ms + pause_ms;
}

/* The leader refuses the partition: what Kafka's followers do (4.7). `state` is where it is to go on. */
static void take_error(struct fetch_link *link, struct fetch_link_part *part, enum err err,
                       enum part_state state, int64_t now_ms)
{
    if (err == ERR_FENCED_LEADER_EPOCH) {
        /* It was asked for in our present epoch, so the controller will tell of a newer one. */
        note_error(link, part, err, "not fetched until a new leader epoch is told");
        part->state = PART_FAILED;
        return;
    }
    note_error(link, part, err, "asked for again, after replica.fetch.backoff.ms at the latest");
    if (leader_may_not_have_heard(err))
        wait_for_news(link, part, state, now_ms);
    else
        link_delay(link, part, state, now_ms);
}

/* --- Fetch ------------------------------------------------------------------------------------------- */

static void take_records(struct fetch_link *link, struct fetch_link_part *part, const fetched *answer,
                         struct fetch_link_actions *actions)
{
    part->last_error = ERR_NONE;
    part->not_yet = 0;
    if (answer->records.len == 0 && answer->high_watermark == part->seen_high_watermark &&
        answer->log_start_offset == part->seen_start) {
        part->state = PART_READY;
        return;
    }
    if (answer->records.len > 0) {
        list_remove(&part->node);
        list_push_back(&link->order, &part->node);
    }
    struct fetch_link_action *action = new_action(link, part, FETCH_LINK_APPEND, actions);
    action->records = answer->records;
    action->high_watermark = answer->high_watermark;
    action->leader_start = answer->log_start_offset;
}

static void take_fetched(struct fetch_link *link, struct fetch_link_part *part, const fetched *answer,
                         int64_t now_ms, struct fetch_link_actions *actions)
{
    enum err err = (enum err)answer->error_code;
    if (err == ERR_OFFSET_OUT_OF_RANGE) {
        part->state = PART_LOOK;
        part->look_for_start = false;
    } else if (err != ERR_NONE) {
        take_error(link, part, err, PART_READY, now_ms);
    } else if (answer->diverging_epoch.epoch >= 0 || answer->diverging_epoch.end_offset >= 0) {
        struct fetch_link_action *action = new_action(link, part, FETCH_LINK_TRUNCATE, actions);
        action->epoch = answer->diverging_epoch.epoch;
        action->end_offset = answer->diverging_epoch.end_offset;
    } else {
        take_records(link, part, answer, actions);
    }
}

/* The whole request was refused. */
static void take_refusal(struct fetch_link *link, enum err err, int64_t now_ms)
{
    bool of_session = err == ERR_FETCH_SESSION_ID_NOT_FOUND || err == ERR_INVALID_FETCH_SESSION_EPOCH;
    link_restart_session(link, err != ERR_FETCH_SESSION_ID_NOT_FOUND);
    /* A session that is not known there is begun anew at once; a second refusal has another reason. */
    link->refusals++;
    if (!of_session || link->refusals > 1)
        link->delayed_until_ms = now_ms + link->config.backoff_ms;
    log_info("fetcher", "fetch_refused", "leader=%d error=%s effect=\"a new fetch session is begun\"",
             link->config.leader_id, err_name(err));
}

/* All of them: ready, if they were asked for and nothing was heard. Gives how many. */
static int end_of_answer(struct fetch_link *link)
{
    int unheard = 0;
    LIST_EACH (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (part->state == PART_ASKED) {
            part->state = PART_READY;
            unheard++;
        } else if (part->state == PART_LOOK_ASKED) {
            part->state = PART_LOOK;
        } else if (part->state == PART_TRUNCATE_ASKED) {
            part->state = PART_TRUNCATE;
        }
    }
    link->out = FETCH_LINK_NOTHING;
    return unheard;
}

/* Gives false if it names a partition that is not of the session. */
static bool take_topics(struct fetch_link *link, const struct wire_fetch_response *answer, int64_t now_ms,
                        struct fetch_link_actions *actions)
{
    bool all_known = true;
    for (int32_t t = 0; t < answer->responses_count; t++) {
        const struct wire_fetch_response_fetchable_topic_response *topic = &answer->responses[t];
        for (int32_t p = 0; p < topic->partitions_count; p++) {
            const fetched *item = &topic->partitions[p];
            struct fetch_link_part *part = link->uses_ids
                                               ? link_find_by_id(link, topic->topic_id, item->partition_index)
                                               : link_find(link, topic->topic, item->partition_index);
            if (part && part->state == PART_ASKED)
                take_fetched(link, part, item, now_ms, actions);
            else
                all_known &= part && part->in_session;
        }
    }
    return all_known;
}

/* What the answer means for the session; `sound`: it names what it had to and nothing else. */
static void advance_session(struct fetch_link *link, int32_t session_id, bool sound)
{
    link->session_id = session_id;
    if (!sound || session_id == 0) { /* without a session each Fetch names everything */
        link_restart_session(link, true);
        return;
    }
    link->session_epoch = link->session_epoch == INT32_MAX ? 1 : link->session_epoch + 1;
}

void fetch_link_take_fetch(struct fetch_link *link, const struct wire_fetch_response *answer, int64_t now_ms,
                           struct arena *arena, struct fetch_link_actions *actions)
{
    ASSERT(link->out == FETCH_LINK_FETCH);
    make_room(link, arena, actions);
    if (answer->error_code != 0) {
        take_refusal(link, (enum err)answer->error_code, now_ms);
        end_of_answer(link);
        link_reap(link);
        return;
    }
    bool sound = take_topics(link, answer, now_ms, actions);
    int unheard = end_of_answer(link);
    if (link->full && unheard > 0) {
        sound = false; /* a full answer names every partition */
        link->delayed_until_ms = now_ms + link->config.backoff_ms;
    }
    link->refusals = 0;
    advance_session(link, answer->session_id, sound);
    link_reap(link);
}

/* --- ListOffsets ------------------------------------------------------------------------------------- */

static void take_leader_end(struct fetch_link *link, struct fetch_link_part *part, int64_t leader_end,
                            struct fetch_link_actions *actions)
{
    if (leader_end >= part->log.end) {
        part->state = PART_LOOK; /* it is the start, then, that lies above us */
        part->look_for_start = true;
        return;
    }
    log_warn("fetcher", "leader_is_shorter",
             "partition=%s-%d leader=%d leader_end=%" PRId64 " log_end=%" PRId64
             " effect=\"what is above is cut\" reason=\"an unclean election, or the leader lost records\"",
             part->topic, part->index, link->config.leader_id, leader_end, part->log.end);
    new_action(link, part, FETCH_LINK_TRUNCATE_TO, actions)->end_offset = leader_end;
}

static void take_leader_start(struct fetch_link *link, struct fetch_link_part *part, int64_t leader_start,
                              int64_t now_ms, struct fetch_link_actions *actions)
{
    if (leader_start <= part->log.end) {
        /* In range after all: it changed in between, or the leader knows nothing of our epoch. */
        link_delay(link, part, PART_READY, now_ms);
        return;
    }
    log_warn("fetcher", "log_begins_anew",
             "partition=%s-%d leader=%d leader_start=%" PRId64 " log_end=%" PRId64
             " effect=\"the log is dropped and fetched from there\"",
             part->topic, part->index, link->config.leader_id, leader_start, part->log.end);
    new_action(link, part, FETCH_LINK_START_AT, actions)->end_offset = leader_start;
}

static void take_listed(struct fetch_link *link, struct fetch_link_part *part, const listed *answer,
                        int64_t now_ms, struct fetch_link_actions *actions)
{
    if (answer->error_code != 0)
        take_error(link, part, (enum err)answer->error_code, PART_LOOK, now_ms);
    else if (answer->offset < 0)
        link_delay(link, part, PART_LOOK, now_ms);
    else if (part->look_for_start)
        take_leader_start(link, part, answer->offset, now_ms, actions);
    else
        take_leader_end(link, part, answer->offset, actions);
}

void fetch_link_take_offsets(struct fetch_link *link, const struct wire_list_offsets_response *answer,
                             int64_t now_ms, struct arena *arena, struct fetch_link_actions *actions)
{
    ASSERT(link->out == FETCH_LINK_LIST_OFFSETS);
    make_room(link, arena, actions);
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            const listed *item = &answer->topics[t].partitions[p];
            struct fetch_link_part *part = link_find(link, answer->topics[t].name, item->partition_index);
            if (part && part->state == PART_LOOK_ASKED)
                take_listed(link, part, item, now_ms, actions);
        }
    LIST_EACH (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (part->state == PART_LOOK_ASKED)
            link_delay(link, part, PART_LOOK, now_ms); /* it was not answered */
    }
    end_of_answer(link);
}

/* --- OffsetForLeaderEpoch ----------------------------------------------------------------------------- */

static void take_epoch_end(struct fetch_link *link, struct fetch_link_part *part, const epoch_end *answer,
                           int64_t now_ms, struct fetch_link_actions *actions)
{
    if (answer->error_code != 0) {
        take_error(link, part, (enum err)answer->error_code, PART_TRUNCATE, now_ms);
        return;
    }
    part->last_error = ERR_NONE;
    part->not_yet = 0;
    if (answer->end_offset < 0) {
        new_action(link, part, FETCH_LINK_TRUNCATE_TO_WATERMARK, actions);
        return;
    }
    /* Leaders of before 2.0 do not say of which epoch that is. */
    struct fetch_link_action *action = new_action(
        link, part, answer->leader_epoch < 0 ? FETCH_LINK_TRUNCATE_TO : FETCH_LINK_TRUNCATE, actions);
    action->epoch = answer->leader_epoch;
    action->end_offset = answer->end_offset;
}

void fetch_link_take_epochs(struct fetch_link *link,
                            const struct wire_offset_for_leader_epoch_response *answer, int64_t now_ms,
                            struct arena *arena, struct fetch_link_actions *actions)
{
    ASSERT(link->out == FETCH_LINK_EPOCHS);
    make_room(link, arena, actions);
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            const epoch_end *item = &answer->topics[t].partitions[p];
            struct fetch_link_part *part = link_find(link, answer->topics[t].topic, item->partition);
            if (part && part->state == PART_TRUNCATE_ASKED)
                take_epoch_end(link, part, item, now_ms, actions);
        }
    LIST_EACH (node, &link->order) {
        struct fetch_link_part *part = CONTAINER_OF(node, struct fetch_link_part, node);
        if (part->state == PART_TRUNCATE_ASKED)
            link_delay(link, part, PART_TRUNCATE, now_ms); /* it was not answered */
    }
    end_of_answer(link);
}

/* --- none -------------------------------------------------------------------------------------------- */

void fetch_link_take_failure(struct fetch_link *link, int64_t now_ms)
{
    ASSERT(link->out != FETCH_LINK_NOTHING);
    end_of_answer(link);
    link_restart_session(link, true);
    link->delayed_until_ms = now_ms + link->config.backoff_ms;
    link_reap(link);
}
