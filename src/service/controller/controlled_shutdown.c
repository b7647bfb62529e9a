#include "service/controller/controlled_shutdown.h"

#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/inter_broker.h"
#include "loop/latch.h"
#include "service/controller/controller_channel.h"
#include "service/metadata_cache.h"
#include "service/settings/broker_settings.h"
#include "wire/generated/wire_messages.h"

#define KEY_CONTROLLED_SHUTDOWN 7

struct attempt {
    struct controller_question question;
    struct wire_controlled_shutdown_request request;
    struct latch answered;
    enum err err;
    int32_t remaining;
};

static void answered(struct controller_question *question, enum err err, const void *arg)
{
    struct attempt *attempt = CONTAINER_OF(question, struct attempt, question);
    const struct wire_controlled_shutdown_response *answer = arg;
    attempt->err = err;
    if (err == ERR_NONE) {
        attempt->err = (enum err)answer->error_code; /* errors of Kafka's have the same numbers here */
        attempt->remaining = answer->remaining_partitions_count;
    }
    latch_open(&attempt->answered);
}

/* One request to the controller and its answer. */
static bool ask(struct broker *broker, const struct config *config, int64_t timeout_ms)
{
    struct attempt attempt = {.err = ERR_NONE};
    latch_init(&attempt.answered);
    attempt.request = (struct wire_controlled_shutdown_request){.broker_id = broker->id,
                                                                .broker_epoch = atomic_load(&broker->epoch)};
    attempt.question =
        (struct controller_question){.api_key = KEY_CONTROLLED_SHUTDOWN,
                                     .version = config_inter_broker(config)->controlled_shutdown,
                                     .request = &attempt.request,
                                     .timeout_ms = timeout_ms,
                                     .once = true,
                                     .home = broker->control_loop,
                                     .done = answered};
    controller_channel_ask(broker->controller_channel, &attempt.question);
    latch_await(&attempt.answered);
    if (attempt.err != ERR_NONE)
        log_warn("server", "controlled_shutdown_failed", "error=%s", err_name(attempt.err));
    else if (attempt.remaining > 0)
        log_warn("server", "controlled_shutdown_incomplete",
                 "partitions_led=%d reason=\"no other replica in sync is alive\"", attempt.remaining);
    return attempt.err == ERR_NONE && attempt.remaining == 0;
}

static void pause_for(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

static const char *reason_not_to(const struct broker *broker, const struct config *config)
{
    if (!config_bool(config, CONFIG_CONTROLLED_SHUTDOWN_ENABLE))
        return "controlled.shutdown.enable is false";
    if (metadata_cache_count_alive(broker->metadata) < 2)
        return "no other broker is alive";
    if (!atomic_load(&broker->registered))
        return "this broker is not registered";
    return NULL;
}

static bool ask_until_done(struct broker *broker, const struct config *config)
{
    int attempts = config_int(config, CONFIG_CONTROLLED_SHUTDOWN_MAX_RETRIES);
    int64_t backoff_ms = config_long(config, CONFIG_CONTROLLED_SHUTDOWN_RETRY_BACKOFF_MS);
    int64_t timeout_ms = config_int(config, CONFIG_CONTROLLER_SOCKET_TIMEOUT_MS);
    log_info("server", "controlled_shutdown", "attempts=%d", attempts);
    for (int i = 0; i < attempts; i++) {
        if (i > 0)
            pause_for(backoff_ms);
        if (ask(broker, config, timeout_ms)) {
            log_info("server", "controlled_shutdown_done", "attempt=%d", i + 1);
            return true;
        }
    }
    log_warn("server", "controlled_shutdown_given_up",
             "attempts=%d consequence=\"what is led here has no leader until it is elected anew\"", attempts);
    return false;
}

bool controlled_shutdown(struct broker *broker)
{
    struct config *config = broker_settings_share(broker); /* they may change meanwhile */
    const char *reason = reason_not_to(broker, config);
    if (reason)
        log_info("server", "controlled_shutdown_skipped", "reason=\"%s\"", reason);
    bool done = !reason && ask_until_done(broker, config);
    config_release(config);
    return done;
}
