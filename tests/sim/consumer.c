/*
 * Reads up to the high watermark, names the leader's epoch and that of the last record it has, and never goes
 * back: being told to is a loss of what was committed.
 */
#include "base/assert.h"
#include "sim/checker.h"
#include "sim/client.h"
#include "wire/codec.h"

#define FETCH_VERSION 17
#define TIMEOUT_US    (2500 * SIM_MS)

static void consume(struct sim *sim, void *arg);

static void later(struct client_part *part, int64_t delay_ms)
{
    sim_after(part->client->sim, delay_ms * SIM_MS, part->client->endpoint, "consume", consume, NULL, part);
}

/*
 * A leader that copied the log when compaction had taken all of an epoch does not know it, and names the end
 * of the one before, which is where its next one begins: not below us. We go on, as clients of Kafka do.
 */
static void take_divergence(struct client_part *part, int32_t epoch, int64_t end_offset)
{
    struct sim *sim = part->client->sim;
    if (sim->parts[part->number].compacted && epoch < part->read_epoch && end_offset >= part->position)
        part->read_epoch = epoch;
    else
        sim_fail(sim, "I9",
                 "a consumer at %lld of partition %d, epoch %d, is told by %d that the logs part at %lld",
                 (long long)part->position, part->number, part->read_epoch, part->leader,
                 (long long)end_offset);
}

static void take_records(struct client_part *part, const struct wire_fetch_response_partition_data *from)
{
    struct sim *sim = part->client->sim;
    struct view rest = from->records;
    struct batch_info info;
    if (from->diverging_epoch.epoch >= 0 || from->diverging_epoch.end_offset >= 0) {
        take_divergence(part, from->diverging_epoch.epoch, from->diverging_epoch.end_offset);
        return;
    }
    part->position = checker_consumed(sim, part->number, part->position, from->records);
    while (batch_next(&rest, &info, NULL) == ERR_NONE)
        part->read_epoch = info.leader_epoch;
}

static void answered(struct sim *sim, void *arg, enum err err, struct view answer)
{
    struct client_part *part = arg;
    part->fetching = false;
    if (err == ERR_CLOSED)
        return;
    struct arena arena = {0};
    struct wire_fetch_response response = {0};
    if (err == ERR_NONE)
        ASSERT(wire_decode(&wire_fetch_response_desc, FETCH_VERSION, answer, NULL, &arena, &response, NULL) ==
               ERR_NONE);
    const struct wire_fetch_response_partition_data *data =
        response.responses_count == 1 ? response.responses[0].partitions : NULL;
    enum err said = data ? (enum err)data->error_code : ERR_CONNECTION_LOSS;
    if (said == ERR_NONE)
        take_records(part, data);
    else
        client_refresh(part->client);
    if (said == ERR_OFFSET_OUT_OF_RANGE)
        sim_fail(sim, "I9", "a consumer at %lld of partition %d is out of range at %d, epoch %d",
                 (long long)part->position, part->number, part->leader, part->leader_epoch);
    arena_close(&arena);
    later(part, said == ERR_NONE ? 5 : 100);
}

static void consume(struct sim *sim, void *arg)
{
    (void)sim;
    struct client_part *part = arg;
    if (!part->exists || part->leader < 1) {
        later(part, 100);
        return;
    }
    struct wire_fetch_request_fetch_partition asked = {.partition =
                                                           part->client->sim->parts[part->number].index,
                                                       .current_leader_epoch = part->leader_epoch,
                                                       .fetch_offset = part->position,
                                                       .last_fetched_epoch = part->read_epoch,
                                                       .log_start_offset = -1,
                                                       .partition_max_bytes = 1000};
    struct wire_fetch_request_fetch_topic topic = {
        .topic = VIEW_LIT(""), .topic_id = part->topic_id, .partitions = &asked, .partitions_count = 1};
    struct wire_fetch_request request;
    wire_init(&wire_fetch_request_desc, &request);
    request.replica_state.replica_id = -1;
    request.max_wait_ms = 300;
    request.min_bytes = 1;
    request.max_bytes = 4000;
    request.session_epoch = -1;
    request.topics = &topic;
    request.topics_count = 1;
    struct buf body = {0};
    ASSERT(wire_encode(&wire_fetch_request_desc, FETCH_VERSION, &request, &body, NULL) == ERR_NONE);
    net_call(client_conn(part->client, part->leader), NET_FETCH, buf_view(&body), TIMEOUT_US, answered, part);
    buf_close(&body);
}

void consumer_begin(struct client_part *part)
{
    part->consumes = true;
    later(part, 10);
}
