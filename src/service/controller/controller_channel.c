/*
 * One tick looks whether the controller is still the one the channel goes to, and sends what waits: soon
 * while something waits, from time to time while something is away, for a controller that hangs closes no
 * connection.
 */
#include "service/controller/controller_channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "loop/latch.h"
#include "net/channel.h"
#include "service/metadata_cache.h"
#include "wire/api.h"
#include "wire/codec.h"

#define RETRY_MS 50
#define CHECK_MS 1000

#define KEY_ALTER_PARTITION       56
#define KEY_ALLOCATE_PRODUCER_IDS 67
#define KEY_CONTROLLED_SHUTDOWN   7
#define KEY_CREATE_TOPICS         19

struct controller_channel {
    struct broker *broker;
    struct loop *loop;
    char *listener;
    int64_t connect_timeout_ms;
    int64_t request_timeout_ms;
    int64_t max_answer_bytes;

    struct channel *to; /* NULL = no controller is known */
    int32_t controller_id;
    char *host;
    int32_t port;
    int32_t correlation_id;
    struct list waiting;
    int away;
    struct loop_timer tick;
    bool complained; /* once for each time that it cannot be reached */
    bool stopping;
};

/* A question on its way; outlives a question whose time is over. */
struct controller_asked {
    struct controller_channel *channel;
    struct controller_question *question; /* NULL = nobody waits for it any more */
    const struct wire_api *api;
    int16_t version;
};

/* --- coming home ---------------------------------------------------------------------------------------- */

static void came_home(struct loop_message *msg, bool discard)
{
    struct controller_question *question = CONTAINER_OF(msg, struct controller_question, message);
    struct arena arena = question->arena; /* done may free the question */
    enum err err = discard && question->err == ERR_NONE ? ERR_CLOSED : question->err;
    question->done(question, err, err == ERR_NONE ? question->answer : NULL);
    arena_close(&arena);
}

static void finish(struct controller_question *question, enum err err)
{
    loop_timer_cancel(question->channel->loop, &question->timer);
    question->err = err;
    question->message = (struct loop_message){.run = came_home, .label = "controller_answer"};
    loop_post(question->home, &question->message);
}

static void time_is_over(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct controller_question *question = CONTAINER_OF(timer, struct controller_question, timer);
    if (question->asked)
        question->asked->question = NULL;
    else
        list_remove(&question->node);
    finish(question, ERR_REQUEST_TIMED_OUT);
}

/* --- to whom -------------------------------------------------------------------------------------------- */

static const struct metadata_endpoint *find_controller(const struct controller_channel *channel, int32_t *id)
{
    const struct metadata *metadata = metadata_cache_get(channel->broker->metadata);
    *id = metadata->controller_id;
    const struct metadata_broker *broker =
        metadata->controller_id >= 0 ? metadata_broker(metadata, metadata->controller_id) : NULL;
    return broker ? metadata_broker_endpoint(broker, channel->listener) : NULL;
}

static void close_channel(struct controller_channel *channel)
{
    struct channel *to = channel->to;
    channel->to = NULL;
    if (to)
        channel_free(to); /* what is away comes back to wait */
    free(channel->host);
    channel->host = NULL;
}

static void open_channel(struct controller_channel *channel, int32_t id, const struct metadata_endpoint *at)
{
    channel->controller_id = id;
    channel->host = mem_strdup(at->host);
    channel->port = at->port;
    struct channel_config config = {.host = channel->host,
                                    .port = channel->port,
                                    .connect_timeout_ms = channel->connect_timeout_ms,
                                    .request_timeout_ms = channel->request_timeout_ms,
                                    .max_answer_bytes = channel->max_answer_bytes};
    channel->to = channel_new(channel->loop, &config);
    channel->complained = false;
}

/* The channel goes to the controller that the metadata names. One that vanished from there is kept: it may
 * still answer, and another will be named soon. */
static void follow_controller(struct controller_channel *channel)
{
    int32_t id;
    const struct metadata_endpoint *at = find_controller(channel, &id);
    if (!at)
        return;
    bool same = channel->to && channel->controller_id == id && channel->port == at->port &&
                strcmp(channel->host, at->host) == 0;
    if (same)
        return;
    close_channel(channel);
    open_channel(channel, id, at);
}

/* --- asking --------------------------------------------------------------------------------------------- */

static void encode(struct controller_channel *channel, const struct controller_question *question,
                   struct buf *out)
{
    const struct wire_api *api = wire_api_find(question->api_key);
    struct arena arena = {0};
    char *client_id = arena_printf(&arena, "%d", channel->broker->id);
    buf_put_i32(out, 0);
    wire_encode_request_header(api, question->version, channel->correlation_id++, view_str(client_id), out);
    ASSERT(wire_encode(api->request, question->version, question->request, out, NULL) == ERR_NONE);
    be_put_i32(out->data, (int32_t)(out->len - 4));
    arena_close(&arena);
}

/* The error of the answer as a whole. */
static enum err whole_error(int16_t api_key, const void *answer)
{
    int16_t code = 0;
    switch (api_key) {
    case KEY_ALTER_PARTITION:
        code = ((const struct wire_alter_partition_response *)answer)->error_code;
        break;
    case KEY_ALLOCATE_PRODUCER_IDS:
        code = ((const struct wire_allocate_producer_ids_response *)answer)->error_code;
        break;
    case KEY_CONTROLLED_SHUTDOWN:
        code = ((const struct wire_controlled_shutdown_response *)answer)->error_code;
        break;
    case KEY_CREATE_TOPICS: {
        const struct wire_create_topics_response *topics = answer;
        code = topics->topics_count > 0 ? topics->topics[0].error_code : (int16_t)0;
        break;
    }
    default:
        UNREACHABLE();
    }
    return (enum err)code; /* errors of Kafka's have the same numbers here */
}

/* Into the question's memory: the frame is gone when this returns. */
static enum err decode(struct controller_asked *asked, struct view frame)
{
    struct controller_question *question = asked->question;
    struct arena *arena = &question->arena;
    struct view bytes = arena_dup_view(arena, frame);
    int32_t correlation_id;
    size_t used;
    struct errmsg why;
    enum err err =
        wire_decode_response_header(asked->api, asked->version, bytes, &correlation_id, &used, &why);
    if (err == ERR_NONE) {
        question->answer = arena_alloc(arena, asked->api->response->size);
        err = wire_decode(asked->api->response, asked->version, view_of(bytes.ptr + used, bytes.len - used),
                          NULL, arena, question->answer, &why);
    }
    if (err != ERR_NONE)
        log_warn("controller", "answer_unreadable", "broker=%d request=%s error=\"%s\"",
                 asked->channel->controller_id, asked->api->name, why.text);
    return err == ERR_NONE ? ERR_NONE : ERR_MALFORMED;
}

static void complain(struct controller_channel *channel, enum err err)
{
    if (channel->complained || err == ERR_CLOSED)
        return;
    channel->complained = true;
    log_warn("controller", "controller_unreachable", "broker=%d at=%s:%d error=%s", channel->controller_id,
             channel->host, channel->port, err_name(err));
}

static void rearm(struct controller_channel *channel);

static void answered(void *arg, enum err err, struct view frame)
{
    struct controller_asked *asked = arg;
    struct controller_channel *channel = asked->channel;
    struct controller_question *question = asked->question;
    channel->away--;
    if (err != ERR_NONE)
        complain(channel, err);
    else
        channel->complained = false;
    if (question) {
        question->asked = NULL;
        bool again = err != ERR_NONE;
        if (err == ERR_NONE) {
            err = decode(asked, frame);
            again = err == ERR_NONE && whole_error(question->api_key, question->answer) == ERR_NOT_CONTROLLER;
        }
        if (channel->stopping)
            finish(question, err == ERR_NONE && again ? ERR_CLOSED : err);
        else if (again && !question->once)
            list_push_back(&channel->waiting, &question->node);
        else
            finish(question, err);
    }
    free(asked);
    rearm(channel);
}

static void send_one(struct controller_channel *channel, struct controller_question *question)
{
    struct controller_asked *asked = MEM_NEW(struct controller_asked);
    *asked = (struct controller_asked){.channel = channel,
                                       .question = question,
                                       .api = wire_api_find(question->api_key),
                                       .version = question->version};
    question->asked = asked;
    arena_reset(&question->arena); /* of an answer that sent it back here */
    channel->away++;
    struct buf frame = {0};
    encode(channel, question, &frame);
    channel_send(channel->to, buf_view(&frame), answered, asked);
    buf_close(&frame);
}

static void send_waiting(struct controller_channel *channel)
{
    follow_controller(channel);
    struct list now; /* what comes back meanwhile waits for the next time */
    list_init(&now);
    struct list *node;
    while ((node = list_pop_front(&channel->waiting)))
        list_push_back(&now, node);
    while ((node = list_pop_front(&now))) {
        struct controller_question *question = CONTAINER_OF(node, struct controller_question, node);
        if (channel->to)
            send_one(channel, question);
        else if (question->once)
            finish(question, ERR_NOT_CONTROLLER);
        else
            list_push_back(&channel->waiting, &question->node);
    }
    rearm(channel);
}

static void tick_fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    send_waiting(CONTAINER_OF(timer, struct controller_channel, tick));
}

/* Soon while something waits, now and then while something is away, else not. */
static void rearm(struct controller_channel *channel)
{
    loop_timer_cancel(channel->loop, &channel->tick);
    if (channel->stopping)
        return;
    int64_t delay = !list_is_empty(&channel->waiting) ? RETRY_MS : channel->away > 0 ? CHECK_MS : 0;
    if (delay > 0)
        loop_timer_arm(channel->loop, &channel->tick, loop_now_ms(channel->loop) + delay);
}

static void question_arrived(struct loop_message *msg, bool discard)
{
    struct controller_question *question = CONTAINER_OF(msg, struct controller_question, message);
    struct controller_channel *channel = question->channel;
    if (discard || channel->stopping) {
        finish(question, ERR_CLOSED);
        return;
    }
    if (question->timeout_ms > 0) {
        question->timer.fire = time_is_over;
        loop_timer_arm(channel->loop, &question->timer, loop_now_ms(channel->loop) + question->timeout_ms);
    }
    list_push_back(&channel->waiting, &question->node);
    send_waiting(channel);
}

void controller_channel_ask(struct controller_channel *channel, struct controller_question *question)
{
    question->channel = channel;
    question->asked = NULL;
    question->arena = (struct arena){0};
    question->timer = (struct loop_timer){0};
    list_node_init(&question->node);
    question->message = (struct loop_message){.run = question_arrived, .label = "controller_question"};
    loop_post(channel->loop, &question->message);
}

/* --- lifecycle ------------------------------------------------------------------------------------------ */

struct controller_channel *controller_channel_new(struct broker *broker)
{
    const struct config *config = atomic_load(&broker->config.value);
    const struct config_listeners *listeners = config_listeners(config);
    const char *control_plane = config_str(config, CONFIG_CONTROL_PLANE_LISTENER_NAME);
    struct controller_channel *channel = MEM_NEW(struct controller_channel);
    channel->broker = broker;
    channel->loop = broker->control_loop;
    channel->listener =
        mem_strdup(control_plane ? control_plane : listeners->items[listeners->inter_broker].name);
    channel->connect_timeout_ms = config_int(config, CONFIG_CONTROLLER_SOCKET_TIMEOUT_MS);
    channel->request_timeout_ms = config_int(config, CONFIG_REQUEST_TIMEOUT_MS);
    channel->max_answer_bytes = config_int(config, CONFIG_SOCKET_REQUEST_MAX_BYTES);
    channel->controller_id = -1;
    channel->tick.fire = tick_fired;
    list_init(&channel->waiting);
    return channel;
}

static void stop_on_loop(void *arg, bool discard)
{
    struct controller_channel *channel = arg;
    (void)discard;
    channel->stopping = true;
    close_channel(channel);
    loop_timer_cancel(channel->loop, &channel->tick);
    struct list *node;
    while ((node = list_pop_front(&channel->waiting)))
        finish(CONTAINER_OF(node, struct controller_question, node), ERR_CLOSED);
}

void controller_channel_stop(struct controller_channel *channel)
{
    loop_call(channel->loop, stop_on_loop, channel, "controller_channel_stop");
}

void controller_channel_free(struct controller_channel *channel)
{
    if (!channel)
        return;
    close_channel(channel);
    loop_timer_cancel(channel->loop, &channel->tick);
    free(channel->listener);
    free(channel);
}
