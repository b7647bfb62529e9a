/*
 * A link under test: what it asks as text, answers made from a few words.
 */
#ifndef BARNABAS_TESTS_UNIT_CORE_FETCHER_RIG_H
#define BARNABAS_TESTS_UNIT_CORE_FETCHER_RIG_H

#include <check.h>

#include "base/buf.h"
#include "config/inter_broker.h"
#include "core/fetcher/fetch_link.h"
#include "wire/codec.h"

#define RIG_BACKOFF_MS 1000
#define RIG_ME         7
#define RIG_EPOCH      4711

struct rig {
    struct fetch_link *link;
    struct arena arena; /* of the request and answer that are under way */
    struct buf text;
    int64_t now_ms;
    bool over_quota;  /* of topics that begin with "t" */
    int64_t until_ms; /* of the last plan that gave nothing */
    struct fetch_link_actions actions;
    struct wire_fetch_response answer;
    struct wire_list_offsets_response offsets;
};

void rig_open(struct rig *rig);
/* At an older version of the protocol. */
void rig_open_at(struct rig *rig, const struct inter_broker *versions);
void rig_close(struct rig *rig);

/* Ids of the topics "a", "b"...; rig_set gives none with by_id false. */
struct uuid rig_id(const char *topic);
/* Set with a log that ends at `end` in `epoch`; `user` is the topic's text. Gives what set gives. */
void *rig_set(struct rig *rig, const char *topic, int32_t index, int32_t leader_epoch, int64_t end,
              int32_t latest_epoch);
void *rig_set_without_id(struct rig *rig, const char *topic, int32_t index, int32_t leader_epoch,
                         int64_t end);

/*
 * What is planned: "fetch17 session=0/0 a-0@10,e5,l3 b-0@0,e1,l-1 forget c-1", "offsets a-0,e5,latest",
 * "epochs3 a-0,e5,l3", "nothing". Borrowed until the next call.
 */
const char *rig_plan(struct rig *rig);

/* The answer is put together, then taken. Topics go by id if the request did. */
struct wire_fetch_response_partition_data *rig_part(struct rig *rig, const char *topic, int32_t index);
void rig_error(struct rig *rig, const char *topic, int32_t index, enum err err);
void rig_records(struct rig *rig, const char *topic, int32_t index, const char *records,
                 int64_t high_watermark);
/* Gives the actions as text: "append a-0 xyz hw=5", "truncate a-0 2@40", "truncate_to a-0 9", "start_at a-0
 * 9". */
const char *rig_take(struct rig *rig, int32_t session_id);
const char *rig_take_error(struct rig *rig, enum err err);
/* One partition's answer to ListOffsets; the same text. */
const char *rig_take_offset(struct rig *rig, const char *topic, int32_t index, enum err err, int64_t offset);

/* One partition's answer to OffsetForLeaderEpoch; the same text, and "truncate_to_watermark a". */
const char *rig_take_epoch(struct rig *rig, const char *topic, int32_t index, enum err err, int32_t epoch,
                           int64_t end_offset);

/* Action i of the last answer is done; its log stands at `end` in `epoch`. */
void rig_done(struct rig *rig, int i, enum fetch_link_outcome outcome, int64_t end, int32_t latest_epoch);

Suite *answers_suite(void);
Suite *epochs_suite(void);
Suite *session_suite(void);
Suite *throttle_suite(void);

#endif
