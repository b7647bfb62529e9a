/*
 * Batches leave in order; one that is refused is sent again before any later one. A sequence that is called
 * out of order while an earlier one is open is sent again; otherwise acknowledged records are gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/mem.h"
#include "sim/checker.h"
#include "sim/client.h"
#include "sim/compacted.h"
#include "wire/record_builder.h"

#define TIMEOUT_US (2500 * SIM_MS)

struct attempt {
    struct client_part *part;
    int32_t sequence;
    int32_t number;
    bool was_first; /* all before it was acknowledged when it was sent */
};

static struct client_batch *find(struct client_part *part, int32_t sequence)
{
    for (int i = 0; i < part->batches_count; i++)
        if (part->batches[i].sequence == sequence)
            return &part->batches[i];
    return NULL;
}

static void retry(struct sim *sim, void *arg)
{
    (void)sim;
    struct client_part *part = arg;
    part->retries = false;
    producer_send(part);
}

static void retry_soon(struct client_part *part)
{
    struct sim *sim = part->client->sim;
    if (part->retries)
        return;
    part->retries = true;
    sim_after(sim, sim_between(sim, SIM_RNG_WORK, 20, 150) * SIM_MS, part->client->endpoint, "produce_again",
              retry, NULL, part);
}

static void drop_acknowledged(struct client_part *part)
{
    while (part->batches_count > 0 && part->batches[0].acknowledged) {
        part->batches_count--;
        memmove(part->batches, part->batches + 1, sizeof *part->batches * (size_t)part->batches_count);
    }
}

static void acknowledge(struct client_part *part, struct client_batch *batch, int64_t offset)
{
    struct client *client = part->client;
    checker_produced(client->sim, part->number, client->producer_id, batch->sequence, offset);
    client->acknowledged++;
    batch->acknowledged = true;
    drop_acknowledged(part);
}

static void refused(struct client_part *part, struct client_batch *batch, bool was_first, enum err err)
{
    struct client *client = part->client;
    if (err != ERR_NOT_LEADER_OR_FOLLOWER && err != ERR_NOT_ENOUGH_REPLICAS)
        sim_trace(client->sim, "producer %lld: %s of sequence %d of partition %d",
                  (long long)client->producer_id, err_name(err), batch->sequence, part->number);
    if (err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && was_first &&
        checker_gap(client->sim, part->number, client->producer_id, batch->sequence)) {
        batch->acknowledged = true;
        drop_acknowledged(part);
        return;
    }
    if (err == ERR_INVALID_PRODUCER_EPOCH || err == ERR_CORRUPT_MESSAGE || err == ERR_INVALID_RECORD)
        sim_fail(client->sim, "I10", "producer %lld is told %s of sequence %d of partition %d",
                 (long long)client->producer_id, err_name(err), batch->sequence, part->number);
    batch->sent = false;
    client_refresh(client);
    retry_soon(part);
}

static void answered(struct sim *sim, void *arg, enum err err, struct view answer)
{
    (void)sim;
    struct attempt attempt = *(struct attempt *)arg;
    free(arg);
    if (err == ERR_CLOSED)
        return;
    struct client_part *part = attempt.part;
    struct client_batch *batch = find(part, attempt.sequence);
    if (!batch || batch->acknowledged || batch->attempt != attempt.number)
        return;
    enum err said = err == ERR_NONE ? (enum err)be_get_i16(answer.ptr) : err;
    if (said == ERR_NONE)
        acknowledge(part, batch, be_get_i64(answer.ptr + 2));
    else
        refused(part, batch, attempt.was_first, said);
}

static void send_batch(struct client_part *part, struct client_batch *batch)
{
    struct client *client = part->client;
    struct buf body = {0};
    struct record_builder builder;
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.producer_id = client->producer_id;
    spec.producer_epoch = 0;
    spec.base_sequence = batch->sequence;
    buf_put_i32(&body, part->number);
    record_builder_open(&builder, &spec, NULL, &body);
    for (int32_t i = 0; i < batch->count; i++) {
        char value[64];
        char key = (char)('a' + compacted_key(client->producer_id, batch->sequence + i));
        int len =
            snprintf(value, sizeof value, "%d of %lld", batch->sequence + i, (long long)client->producer_id);
        record_builder_put(&builder, 1000000 + batch->sequence, view_of(&key, 1),
                           view_of(value, (size_t)len));
    }
    if (record_builder_finish(&builder, NULL) != ERR_NONE)
        abort();
    struct attempt *attempt = MEM_NEW(struct attempt);
    *attempt = (struct attempt){part, batch->sequence, ++batch->attempt, batch == &part->batches[0]};
    batch->sent = true;
    net_call(client_conn(client, part->leader), NET_PRODUCE, buf_view(&body), TIMEOUT_US, answered, attempt);
    buf_close(&body);
}

void producer_send(struct client_part *part)
{
    if (part->leader < 1) {
        if (part->batches_count > 0) {
            client_refresh(part->client);
            retry_soon(part);
        }
        return;
    }
    for (int i = 0; i < part->batches_count && !part->retries; i++)
        if (!part->batches[i].sent && !part->batches[i].acknowledged)
            send_batch(part, &part->batches[i]);
}

static void produce(struct sim *sim, void *arg)
{
    struct client_part *part = arg;
    if (part->exists && part->batches_count < CLIENT_IN_FLIGHT && !part->client->rests) {
        struct client_batch *batch = &part->batches[part->batches_count++];
        *batch = (struct client_batch){.sequence = part->next_sequence,
                                       .count = (int32_t)sim_between(sim, SIM_RNG_WORK, 1, 4)};
        part->next_sequence += batch->count;
        producer_send(part);
    }
    int64_t pause_ms = sim_chance(sim, SIM_RNG_WORK, 700) ? sim_between(sim, SIM_RNG_WORK, 1, 60)
                                                          : sim_between(sim, SIM_RNG_WORK, 60, 900);
    sim_after(sim, pause_ms * SIM_MS, part->client->endpoint, "produce", produce, NULL, part);
}

void producer_begin(struct client_part *part)
{
    sim_after(part->client->sim, 0, part->client->endpoint, "produce", produce, NULL, part);
}
