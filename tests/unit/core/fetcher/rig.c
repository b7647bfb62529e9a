#include "rig.h"

#include <stdlib.h>
#include <string.h>

static bool by_id;

static bool is_throttled(const void *user)
{
    return *(const char *)user == 't';
}

void rig_open_at(struct rig *rig, const struct inter_broker *versions)
{
    *rig = (struct rig){.now_ms = 5000};
    rig->link =
        fetch_link_new(&(struct fetch_link_config){.broker_id = RIG_ME,
                                                   .leader_id = 1,
                                                   .max_wait_ms = 500,
                                                   .min_bytes = 1,
                                                   .max_bytes = 10000,
                                                   .partition_bytes = 1000,
                                                   .backoff_ms = RIG_BACKOFF_MS,
                                                   .fetch_version = versions->fetch,
                                                   .offsets_version = versions->list_offsets,
                                                   .epochs_version = versions->offset_for_leader_epoch,
                                                   .is_throttled = is_throttled});
}

void rig_open(struct rig *rig)
{
    rig_open_at(rig, inter_broker_newest());
}

void rig_close(struct rig *rig)
{
    fetch_link_free(rig->link, NULL);
    arena_close(&rig->arena);
    buf_close(&rig->text);
}

struct uuid rig_id(const char *topic)
{
    struct uuid id = {0};
    id.bytes[3] = (uint8_t)topic[0];
    return id;
}

static void *set(struct rig *rig, const char *topic, struct uuid id, int32_t index, int32_t leader_epoch,
                 int64_t end, int32_t latest_epoch)
{
    struct follower_log log = {.start = 0, .end = end, .latest_epoch = latest_epoch};
    return fetch_link_set(rig->link, view_str(topic), id, index, leader_epoch, &log,
                          (void *)(uintptr_t)topic);
}

void *rig_set(struct rig *rig, const char *topic, int32_t index, int32_t leader_epoch, int64_t end,
              int32_t latest_epoch)
{
    return set(rig, topic, rig_id(topic), index, leader_epoch, end, latest_epoch);
}

void *rig_set_without_id(struct rig *rig, const char *topic, int32_t index, int32_t leader_epoch, int64_t end)
{
    return set(rig, topic, (struct uuid){0}, index, leader_epoch, end, -1);
}

/* --- requests ---------------------------------------------------------------------------------------- */

static const char *finished(struct rig *rig)
{
    buf_put(&rig->text, "", 1);
    return (const char *)rig->text.data;
}

static void print_fetch(struct rig *rig, int16_t version, const struct wire_fetch_request *fetch)
{
    by_id = version >= 13;
    ck_assert_int_eq(version >= 15 ? fetch->replica_state.replica_id : fetch->replica_id, RIG_ME);
    if (version >= 15)
        ck_assert_int_eq(fetch->replica_state.replica_epoch, RIG_EPOCH);
    buf_printf(&rig->text, "fetch%d session=%d/%d", version, fetch->session_id, fetch->session_epoch);
    for (int32_t t = 0; t < fetch->topics_count; t++)
        for (int32_t p = 0; p < fetch->topics[t].partitions_count; p++) {
            const struct wire_fetch_request_fetch_partition *part = &fetch->topics[t].partitions[p];
            buf_printf(&rig->text, " %.*s-%d@%lld,e%d,l%d", (int)fetch->topics[t].topic.len,
                       fetch->topics[t].topic.ptr, part->partition, (long long)part->fetch_offset,
                       part->current_leader_epoch, part->last_fetched_epoch);
        }
    for (int32_t t = 0; t < fetch->forgotten_topics_data_count; t++)
        buf_printf(&rig->text, " forget %.*s-%d", (int)fetch->forgotten_topics_data[t].topic.len,
                   fetch->forgotten_topics_data[t].topic.ptr, fetch->forgotten_topics_data[t].partitions[0]);
    /* It can be sent. */
    struct buf bytes = {0};
    struct errmsg why;
    ck_assert_int_eq(wire_encode(&wire_fetch_request_desc, version, fetch, &bytes, &why), ERR_NONE);
    buf_close(&bytes);
}

static void print_offsets(struct rig *rig, const struct wire_list_offsets_request *request)
{
    ck_assert_int_eq(request->replica_id, RIG_ME);
    buf_printf(&rig->text, "offsets");
    for (int32_t t = 0; t < request->topics_count; t++)
        buf_printf(&rig->text, " %.*s-%d,e%d,%s", (int)request->topics[t].name.len,
                   request->topics[t].name.ptr, request->topics[t].partitions[0].partition_index,
                   request->topics[t].partitions[0].current_leader_epoch,
                   request->topics[t].partitions[0].timestamp == -1 ? "latest" : "earliest");
}

static void print_epochs(struct rig *rig, int16_t version,
                         const struct wire_offset_for_leader_epoch_request *request)
{
    ck_assert_int_eq(request->replica_id, RIG_ME);
    buf_printf(&rig->text, "epochs%d", version);
    for (int32_t t = 0; t < request->topics_count; t++)
        buf_printf(&rig->text, " %.*s-%d,e%d,l%d", (int)request->topics[t].topic.len,
                   request->topics[t].topic.ptr, request->topics[t].partitions[0].partition,
                   request->topics[t].partitions[0].current_leader_epoch,
                   request->topics[t].partitions[0].leader_epoch);
    struct buf bytes = {0};
    struct errmsg why;
    ck_assert_int_eq(wire_encode(&wire_offset_for_leader_epoch_request_desc, version, request, &bytes, &why),
                     ERR_NONE);
    buf_close(&bytes);
}

const char *rig_plan(struct rig *rig)
{
    arena_reset(&rig->arena);
    buf_clear(&rig->text);
    struct fetch_link_plan plan;
    rig->answer = (struct wire_fetch_response){0};
    struct fetch_link_moment moment = {
        .broker_epoch = RIG_EPOCH, .now_ms = rig->now_ms, .over_quota = rig->over_quota};
    switch (fetch_link_plan(rig->link, &moment, &rig->arena, &plan)) {
    case FETCH_LINK_NOTHING:
        rig->until_ms = plan.until_ms;
        buf_printf(&rig->text, "nothing");
        break;
    case FETCH_LINK_FETCH:
        print_fetch(rig, plan.version, plan.fetch);
        break;
    case FETCH_LINK_EPOCHS:
        print_epochs(rig, plan.version, plan.epochs);
        break;
    case FETCH_LINK_LIST_OFFSETS:
        print_offsets(rig, plan.offsets);
        break;
    }
    return finished(rig);
}

/* --- answers ----------------------------------------------------------------------------------------- */

struct wire_fetch_response_partition_data *rig_part(struct rig *rig, const char *topic, int32_t index)
{
    if (!rig->answer.responses)
        rig->answer.responses = wire_new(&wire_fetch_response_fetchable_topic_response_desc, &rig->arena, 16);
    struct wire_fetch_response_fetchable_topic_response *to =
        &rig->answer.responses[rig->answer.responses_count++];
    if (by_id)
        to->topic_id = rig_id(topic);
    else
        to->topic = view_str(topic);
    to->partitions = wire_new(&wire_fetch_response_partition_data_desc, &rig->arena, 1);
    to->partitions_count = 1;
    to->partitions->partition_index = index;
    return to->partitions;
}

void rig_error(struct rig *rig, const char *topic, int32_t index, enum err err)
{
    rig_part(rig, topic, index)->error_code = err_wire_code(err);
}

void rig_records(struct rig *rig, const char *topic, int32_t index, const char *records,
                 int64_t high_watermark)
{
    struct wire_fetch_response_partition_data *part = rig_part(rig, topic, index);
    part->records = view_str(records);
    part->high_watermark = high_watermark;
    part->log_start_offset = 0;
}

static const char *print_actions(struct rig *rig)
{
    static const char *const KINDS[] = {"append", "truncate", "truncate_to", "truncate_to_watermark",
                                        "start_at"};
    buf_clear(&rig->text);
    for (int32_t i = 0; i < rig->actions.count; i++) {
        const struct fetch_link_action *action = &rig->actions.items[i];
        buf_printf(&rig->text, "%s%s %s", i ? " " : "", KINDS[action->kind], (const char *)action->user);
        if (action->kind == FETCH_LINK_APPEND)
            buf_printf(&rig->text, " %.*s hw=%lld", (int)action->records.len, action->records.ptr,
                       (long long)action->high_watermark);
        else if (action->kind == FETCH_LINK_TRUNCATE)
            buf_printf(&rig->text, " %d@%lld", action->epoch, (long long)action->end_offset);
        else if (action->kind != FETCH_LINK_TRUNCATE_TO_WATERMARK)
            buf_printf(&rig->text, " %lld", (long long)action->end_offset);
    }
    return finished(rig);
}

const char *rig_take(struct rig *rig, int32_t session_id)
{
    rig->answer.session_id = session_id;
    fetch_link_take_fetch(rig->link, &rig->answer, rig->now_ms, &rig->arena, &rig->actions);
    return print_actions(rig);
}

const char *rig_take_error(struct rig *rig, enum err err)
{
    rig->answer.error_code = err_wire_code(err);
    return rig_take(rig, 0);
}

const char *rig_take_offset(struct rig *rig, const char *topic, int32_t index, enum err err, int64_t offset)
{
    struct wire_list_offsets_response_list_offsets_partition_response part = {
        .partition_index = index, .error_code = err_wire_code(err), .offset = offset};
    struct wire_list_offsets_response_list_offsets_topic_response named = {
        .name = view_str(topic), .partitions = &part, .partitions_count = 1};
    struct wire_list_offsets_response answer = {.topics = &named, .topics_count = 1};
    fetch_link_take_offsets(rig->link, &answer, rig->now_ms, &rig->arena, &rig->actions);
    return print_actions(rig);
}

const char *rig_take_epoch(struct rig *rig, const char *topic, int32_t index, enum err err, int32_t epoch,
                           int64_t end_offset)
{
    struct wire_offset_for_leader_epoch_response_epoch_end_offset part = {.partition = index,
                                                                          .error_code = err_wire_code(err),
                                                                          .leader_epoch = epoch,
                                                                          .end_offset = end_offset};
    struct wire_offset_for_leader_epoch_response_offset_for_leader_topic_result named = {
        .topic = view_str(topic), .partitions = &part, .partitions_count = 1};
    struct wire_offset_for_leader_epoch_response answer = {.topics = &named, .topics_count = 1};
    fetch_link_take_epochs(rig->link, &answer, rig->now_ms, &rig->arena, &rig->actions);
    return print_actions(rig);
}

void rig_done(struct rig *rig, int i, enum fetch_link_outcome outcome, int64_t end, int32_t latest_epoch)
{
    struct follower_log log = {.start = 0, .end = end, .latest_epoch = latest_epoch};
    fetch_link_done(rig->link, &rig->actions.items[i], outcome, &log, rig->now_ms);
}
