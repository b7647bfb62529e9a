#include "api/count.h"

#include "service/count.h"
#include "wire/api.h"

#define API_KEY_FETCH 1

static int64_t us_between(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
}

void count_request_over(void *arg, const struct request *req)
{
    const struct broker *broker = arg;
    const struct wire_api *api = req->api_key >= 0 ? wire_api_find(req->api_key) : NULL;
    if (!api || req->ended_ns == 0)
        return;
    int64_t handled_ns = req->handled_ns != 0 ? req->handled_ns : req->ended_ns;
    struct metrics_request request = {.kind = req->api_key,
                                      .version = req->api_version,
                                      .name = api->name,
                                      .total_us = us_between(req->received_ns, req->written_ns),
                                      .local_us = us_between(req->received_ns, handled_ns),
                                      .remote_us = us_between(handled_ns, req->ended_ns),
                                      .send_us = us_between(req->ended_ns, req->written_ns)};
    struct metrics_shard *shard = metrics_shard(broker->metrics, loop_index(req->loop));
    metrics_count_request(shard, &request);
    if (req->api_key != API_KEY_FETCH)
        return;
    request.kind = req->of_follower ? METRICS_KIND_FETCH_FOLLOWER : METRICS_KIND_FETCH_CONSUMER;
    request.name = req->of_follower ? "FetchFollower" : "FetchConsumer";
    metrics_count_request(shard, &request);
}
