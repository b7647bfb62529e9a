#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replica_ids rig_ids(const char *text)
{
    static int32_t store[8][8];
    static int next;
    int32_t *ids = store[next++ % 8];
    int32_t count = 0;
    for (const char *at = text; *at; at += *at == ',') {
        char *end;
        ids[count++] = (int32_t)strtol(at, &end, 10);
        at = end;
    }
    return (struct replica_ids){ids, count};
}

const char *rig_text(const struct replica_ids *ids)
{
    static char text[64];
    size_t used = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < ids->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", i ? "," : "", ids->ids[i]);
    return text;
}

void rig_open(struct rig *rig, const char *isr, int64_t end)
{
    *rig = (struct rig){.leader_end = end, .now_ms = 1000, .min_insync_replicas = 1, .dead = -1};
    replica_init(&rig->replica);
    rig_command(rig, 5, RIG_ME, isr);
}

void rig_close(struct rig *rig)
{
    replica_close(&rig->replica);
}

void rig_command(struct rig *rig, int32_t epoch, int32_t leader, const char *isr)
{
    struct replica_command command = {.controller_epoch = 1,
                                      .leader_id = leader,
                                      .leader_epoch = epoch,
                                      .partition_epoch = 10 * epoch,
                                      .isr = rig_ids(isr),
                                      .assigned = rig_ids("1,2,3")};
    ck_assert_int_eq(replica_judge(&rig->replica, &command, RIG_ME), ERR_NONE);
    replica_apply(&rig->replica, &command, RIG_ME, rig->leader_end, rig->now_ms);
}

bool rig_fetch(struct rig *rig, int32_t broker, int64_t offset)
{
    struct replica_fetch fetch = {.broker_id = broker,
                                  .broker_epoch = -1,
                                  .offset = offset,
                                  .now_ms = rig->now_ms,
                                  .gap_ms = 500,
                                  .leader_end = rig->leader_end};
    struct replica_progress progress;
    ck_assert(replica_note_fetch(&rig->replica, &fetch, &progress));
    return progress.end_moved;
}

static bool is_alive(const void *arg, int32_t broker_id)
{
    return ((const struct rig *)arg)->dead != broker_id;
}

int64_t rig_advance(struct rig *rig)
{
    struct replica_lag lag = {.now_ms = rig->now_ms, .max_ms = RIG_LAG_MS, .is_alive = is_alive, .arg = rig};
    rig->high_watermark = replica_high_watermark(&rig->replica, rig->leader_end, rig->high_watermark,
                                                 rig->min_insync_replicas, &lag);
    return rig->high_watermark;
}

enum replica_isr_next rig_answer(struct rig *rig, enum err err, const char *isr, int32_t partition_epoch)
{
    struct replica_isr_answer answer = {.err = err,
                                        .asked_leader_epoch = rig->replica.leader_epoch,
                                        .asked_partition_epoch = rig->replica.partition_epoch,
                                        .leader_epoch = rig->replica.leader_epoch,
                                        .partition_epoch = partition_epoch,
                                        .isr = rig_ids(isr)};
    return replica_isr_answered(&rig->replica, &answer);
}

const char *rig_laggards(struct rig *rig)
{
    static int32_t ids[8];
    struct replica_ids found = {ids, 0};
    found.count =
        replica_laggards(&rig->replica, RIG_ME, rig->leader_end, rig->now_ms, RIG_LAG_MS, found.ids);
    return rig_text(&found);
}
