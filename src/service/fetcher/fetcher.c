/*
 * One link to a leader: the connection, requests out, answers in, their actions carried out.
 *
 *   kick --> plan --> encode, send --> answer (kept) --> decode --> actions --> all done --> kick
 *                `--> nothing: a timer
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/inter_broker.h"
#include "core/metadata/metadata.h"
#include "net/channel.h"
#include "service/fetcher/fetchers_internal.h"
#include "service/fetcher/replication_quotas.h"
#include "service/metadata_cache.h"
#include "service/partition/partition_settings.h"
#include "wire/api.h"
#include "wire/codec.h"

#define FETCH_KEY        1
#define LIST_OFFSETS_KEY 2
#define EPOCHS_KEY       23
/* What a burst of large batches made of the buffers is given back. */
#define KEEP_BYTES ((size_t)16 * 1024 * 1024)

static struct broker *broker_of(const struct fetcher *fetcher)
{
    return fetcher->owner->broker;
}

static int16_t key_of(enum fetch_link_wish wish)
{
    switch (wish) {
    case FETCH_LINK_FETCH:
        return FETCH_KEY;
    case FETCH_LINK_EPOCHS:
        return EPOCHS_KEY;
    case FETCH_LINK_LIST_OFFSETS:
        return LIST_OFFSETS_KEY;
    case FETCH_LINK_NOTHING:
        break;
    }
    UNREACHABLE();
}

/* --- the connection ------------------------------------------------------------------------------------- */

static const struct metadata_endpoint *find_leader(const struct fetcher *fetcher, const char *listener)
{
    const struct metadata *metadata = metadata_cache_get(broker_of(fetcher)->metadata);
    const struct metadata_broker *leader = metadata_broker(metadata, fetcher->leader_id);
    return leader ? metadata_broker_endpoint(leader, listener) : NULL;
}

static void note_unreachable(struct fetcher *fetcher, const char *reason)
{
    if (fetcher->unreachable)
        return;
    fetcher->unreachable = true;
    log_warn("fetcher", "leader_unreachable",
             "leader=%d host=%s port=%d reason=\"%s\" effect=\"tried again\"", fetcher->leader_id,
             fetcher->host ? fetcher->host : "?", fetcher->port, reason);
}

/* A channel to where the metadata says that the leader is. */
static bool connect_to_leader(struct fetcher *fetcher)
{
    const struct config *config = broker_config(broker_of(fetcher));
    const struct config_listeners *listeners = config_listeners(config);
    const char *listener = listeners->items[listeners->inter_broker].name;
    const struct metadata_endpoint *endpoint = find_leader(fetcher, listener);
    if (!endpoint) {
        note_unreachable(fetcher, "the metadata has no endpoint of it for the listener between brokers");
        return false;
    }
    if (fetcher->channel && fetcher->port == endpoint->port && strcmp(fetcher->host, endpoint->host) == 0)
        return true;
    channel_free(fetcher->channel);
    free(fetcher->host);
    fetcher->host = mem_strdup(endpoint->host);
    fetcher->port = endpoint->port;
    struct channel_config settings = {
        .host = fetcher->host,
        .port = fetcher->port,
        .connect_timeout_ms = config_long(config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MS),
        .request_timeout_ms = config_int(config, CONFIG_REPLICA_SOCKET_TIMEOUT_MS),
        .max_answer_bytes = INT32_MAX}; /* a first batch may be larger than any limit asked for */
    fetcher->channel = channel_new(fetcher->owner->loop, &settings);
    return true;
}

void fetcher_disconnect(struct fetcher *fetcher)
{
    struct channel *channel = fetcher->channel;
    fetcher->channel = NULL;
    channel_free(channel); /* what is out is answered with ERR_CLOSED now */
    loop_timer_cancel(fetcher->owner->loop, &fetcher->timer);
    loop_deferred_cancel(&fetcher->kick);
}

/* --- actions -------------------------------------------------------------------------------------------- */

struct doing {
    struct follow_op op;
    struct fetcher *fetcher;
};

static void is_done(struct follow_op *op)
{
    struct doing *doing = CONTAINER_OF(op, struct doing, op);
    struct fetcher *fetcher = doing->fetcher;
    struct fetcher_loop *owner = fetcher->owner;
    fetch_link_done(fetcher->link, &op->action, op->outcome, &op->log, loop_now_ms(owner->loop));
    if (--fetcher->away == 0)
        fetcher_kick(fetcher);
    fetcher_loop_op_is_home(owner);
}

static void carry_out(struct fetcher *fetcher, const struct fetch_link_actions *actions)
{
    struct doing *all = arena_zalloc(&fetcher->arena, sizeof *all * (size_t)(actions->count + 1));
    fetcher->away += actions->count;
    fetcher->owner->away += actions->count;
    for (int32_t i = 0; i < actions->count; i++) {
        all[i].fetcher = fetcher;
        all[i].op = (struct follow_op){.broker = broker_of(fetcher),
                                       .part = actions->items[i].user,
                                       .action = actions->items[i],
                                       .done = is_done};
        follow_submit(&all[i].op);
    }
}

/* --- answers -------------------------------------------------------------------------------------------- */

static enum err decode(struct fetcher *fetcher, struct view answer, const struct wire_api *api, void **out,
                       struct errmsg *why)
{
    int32_t correlation_id;
    size_t used;
    enum err err = wire_decode_response_header(api, fetcher->version, answer, &correlation_id, &used, why);
    if (err != ERR_NONE)
        return err;
    if (correlation_id != fetcher->correlation_id) {
        errmsg_set(why, "correlation id %d instead of %d", correlation_id, fetcher->correlation_id);
        return ERR_MALFORMED;
    }
    *out = arena_alloc(&fetcher->arena, api->response->size);
    return wire_decode(api->response, fetcher->version, view_of(answer.ptr + used, answer.len - used), NULL,
                       &fetcher->arena, *out, why);
}

static void take_answer(struct fetcher *fetcher, struct view answer)
{
    enum fetch_link_wish out = fetcher->out;
    const struct wire_api *api = wire_api_find(key_of(out));
    int64_t now_ms = loop_now_ms(fetcher->owner->loop);
    struct fetch_link_actions actions;
    struct errmsg why;
    void *decoded;
    fetcher->out = FETCH_LINK_NOTHING;
    if (decode(fetcher, answer, api, &decoded, &why) != ERR_NONE) {
        log_warn("fetcher", "answer_malformed", "leader=%d api=%s error=\"%s\" effect=\"connected anew\"",
                 fetcher->leader_id, api->name, why.text);
        struct channel *channel = fetcher->channel;
        fetcher->channel = NULL;
        channel_free(channel);
        fetch_link_take_failure(fetcher->link, now_ms);
        return;
    }
    if (out == FETCH_LINK_FETCH)
        fetch_link_take_fetch(fetcher->link, decoded, now_ms, &fetcher->arena, &actions);
    else if (out == FETCH_LINK_EPOCHS)
        fetch_link_take_epochs(fetcher->link, decoded, now_ms, &fetcher->arena, &actions);
    else
        fetch_link_take_offsets(fetcher->link, decoded, now_ms, &fetcher->arena, &actions);
    carry_out(fetcher, &actions);
}

static void answered(void *arg, enum err err, struct view answer)
{
    struct fetcher *fetcher = arg;
    bool stopping = fetcher->owner->stopping;
    if (err != ERR_NONE || stopping) {
        fetcher->out = FETCH_LINK_NOTHING;
        fetch_link_take_failure(fetcher->link, loop_now_ms(fetcher->owner->loop));
        if (err != ERR_CLOSED && !stopping)
            note_unreachable(fetcher, err == ERR_REQUEST_TIMED_OUT
                                          ? "no answer within replica.socket.timeout.ms"
                                          : strerror(channel_last_errno(fetcher->channel)));
    } else {
        if (fetcher->unreachable)
            log_info("fetcher", "leader_reached", "leader=%d host=%s port=%d", fetcher->leader_id,
                     fetcher->host, fetcher->port);
        fetcher->unreachable = false;
        channel_keep_answer(fetcher->channel, &fetcher->answer);
        take_answer(fetcher, answer);
    }
    fetcher_kick(fetcher);
}

/* --- requests ------------------------------------------------------------------------------------------- */

static void send_request(struct fetcher *fetcher, enum fetch_link_wish wish,
                         const struct fetch_link_plan *plan)
{
    const struct wire_api *api = wire_api_find(key_of(wish));
    const void *request = wish == FETCH_LINK_FETCH    ? (const void *)plan->fetch
                          : wish == FETCH_LINK_EPOCHS ? (const void *)plan->epochs
                                                      : plan->offsets;
    struct buf *frame = &fetcher->frame;
    buf_clear(frame);
    buf_put_i32(frame, 0);
    char *client_id =
        arena_printf(&fetcher->arena, "broker-%d-fetcher-%d", broker_of(fetcher)->id, fetcher->number);
    wire_encode_request_header(api, plan->version, ++fetcher->correlation_id, view_str(client_id), frame);
    ASSERT(wire_encode(api->request, plan->version, request, frame, NULL) == ERR_NONE);
    be_put_i32(frame->data, (int32_t)(frame->len - 4));
    fetcher->out = wish;
    fetcher->version = plan->version;
    channel_send(fetcher->channel, buf_view(frame), answered, fetcher);
}

static void wait_until(struct fetcher *fetcher, int64_t until_ms)
{
    struct loop *loop = fetcher->owner->loop;
    if (until_ms == INT64_MAX)
        loop_timer_cancel(loop, &fetcher->timer);
    else
        loop_timer_arm(loop, &fetcher->timer, until_ms);
}

static void trim_buffers(struct fetcher *fetcher)
{
    arena_reset(&fetcher->arena);
    if (fetcher->answer.cap > KEEP_BYTES)
        buf_close(&fetcher->answer);
}

static void go_on(struct loop_deferred *deferred)
{
    struct fetcher *fetcher = CONTAINER_OF(deferred, struct fetcher, kick);
    struct fetcher_loop *owner = fetcher->owner;
    if (owner->stopping || fetcher->away > 0 || fetcher->out != FETCH_LINK_NOTHING)
        return;
    if (fetch_link_count(fetcher->link) == 0) {
        fetcher_free(fetcher);
        return;
    }
    int64_t now_ms = loop_now_ms(owner->loop);
    struct broker *broker = broker_of(fetcher);
    if (!connect_to_leader(fetcher)) {
        wait_until(fetcher, now_ms + config_int(broker_config(broker), CONFIG_REPLICA_FETCH_BACKOFF_MS));
        return;
    }
    trim_buffers(fetcher);
    struct fetch_link_plan plan;
    struct fetch_link_moment moment = {
        .broker_epoch = atomic_load(&broker->epoch),
        .now_ms = now_ms,
        .over_quota = replication_quota_is_exceeded(broker->quotas, REPLICATION_QUOTA_FOLLOWER, now_ms)};
    enum fetch_link_wish wish = fetch_link_plan(fetcher->link, &moment, &fetcher->arena, &plan);
    if (wish == FETCH_LINK_NOTHING)
        wait_until(fetcher, plan.until_ms);
    else
        send_request(fetcher, wish, &plan);
}

static void fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    fetcher_kick(CONTAINER_OF(timer, struct fetcher, timer));
}

void fetcher_kick(struct fetcher *fetcher)
{
    if (!fetcher->owner->stopping)
        loop_defer(fetcher->owner->loop, &fetcher->kick);
}

/* --- making and freeing --------------------------------------------------------------------------------- */

static bool is_throttled(const void *user)
{
    const struct partition *part = user;
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    return settings->follower_throttled;
}

struct fetcher *fetcher_new(struct fetcher_loop *owner, int32_t leader_id, int number)
{
    struct fetcher *fetcher = MEM_NEW(struct fetcher);
    fetcher->owner = owner;
    fetcher->leader_id = leader_id;
    fetcher->number = number;
    fetcher->timer.fire = fired;
    fetcher->kick.run = go_on;
    struct broker *broker = broker_of(fetcher);
    const struct config *config = broker_config(broker);
    const struct inter_broker *versions = config_inter_broker(config);
    struct fetch_link_config settings = {
        .broker_id = broker->id,
        .leader_id = leader_id,
        .max_wait_ms = config_int(config, CONFIG_REPLICA_FETCH_WAIT_MAX_MS),
        .min_bytes = config_int(config, CONFIG_REPLICA_FETCH_MIN_BYTES),
        .max_bytes = config_int(config, CONFIG_REPLICA_FETCH_RESPONSE_MAX_BYTES),
        .partition_bytes = config_int(config, CONFIG_REPLICA_FETCH_MAX_BYTES),
        .backoff_ms = config_int(config, CONFIG_REPLICA_FETCH_BACKOFF_MS),
        .fetch_version = versions->fetch,
        .offsets_version = versions->list_offsets,
        .epochs_version = versions->offset_for_leader_epoch,
        .is_throttled = is_throttled};
    fetcher->link = fetch_link_new(&settings);
    list_push_back(&owner->links, &fetcher->node);
    log_info("fetcher", "leader_followed", "leader=%d fetcher=%d", leader_id, number);
    return fetcher;
}

void fetcher_free(struct fetcher *fetcher)
{
    ASSERT(fetcher->away == 0);
    fetcher_disconnect(fetcher);
    if (fetcher->link)
        log_info("fetcher", "leader_left", "leader=%d fetcher=%d", fetcher->leader_id, fetcher->number);
    fetch_link_free(fetcher->link, NULL);
    list_remove(&fetcher->node);
    arena_close(&fetcher->arena);
    buf_close(&fetcher->frame);
    buf_close(&fetcher->answer);
    free(fetcher->host);
    free(fetcher);
}

void fetcher_measure(struct fetcher *fetcher, int64_t now_ms)
{
    fetch_link_numbers(fetcher->link, &fetcher->numbers);
    if (fetcher->measured_ms > 0 && now_ms > fetcher->measured_ms)
        fetcher->rate =
            (fetcher->numbers.fetches - fetcher->measured_fetches) * 1000 / (now_ms - fetcher->measured_ms);
    fetcher->measured_ms = now_ms;
    fetcher->measured_fetches = fetcher->numbers.fetches;
}
