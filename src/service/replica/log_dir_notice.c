#include "service/replica/log_dir_notice.h"

#include "base/log.h"
#include "base/mem.h"
#include "port/zk.h"
#include "service/broker.h"
#include "zk/znode_json.h"

#define PREFIX   "/log_dir_event_notification/log_dir_event_"
#define FAILURE  1
#define RETRY_MS 1000

static void answered(void *arg, const struct zk_result *result)
{
    struct log_dir_notice *notice = arg;
    if (result->err == ERR_NONE || result->err == ERR_CLOSED)
        return;
    log_warn("storage", "log_dir_failure_not_announced", "error=%s retry_ms=%d", err_name(result->err),
             RETRY_MS);
    struct loop *loop = notice->broker->zk_loop;
    loop_timer_arm(loop, &notice->retry, loop_now_ms(loop) + RETRY_MS);
}

static void submit(struct log_dir_notice *notice)
{
    if (notice->broker->id < 0)
        return;
    struct znode_log_dir_event event = {.broker_id = notice->broker->id, .event = FAILURE};
    struct buf json = {0};
    znode_encode_log_dir_event(&event, &json);
    struct zk_op op = {.kind = ZK_OP_CREATE, .path = PREFIX, .data = buf_view(&json), .sequential = true};
    zk_submit(notice->broker->zk, &op, answered, notice);
    buf_close(&json);
}

static void retry_fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    submit(CONTAINER_OF(timer, struct log_dir_notice, retry));
}

static void arrived(struct loop_message *msg, bool discard)
{
    struct log_dir_notice *notice = CONTAINER_OF(msg, struct log_dir_notice, message);
    atomic_store(&notice->on_its_way, false);
    if (!discard)
        submit(notice);
}

void log_dir_notice_send(struct log_dir_notice *notice, struct broker *broker)
{
    if (!broker->zk || atomic_exchange(&notice->on_its_way, true))
        return;
    notice->broker = broker;
    notice->retry.fire = retry_fired;
    notice->message = (struct loop_message){.run = arrived, .label = "log_dir_notice"};
    loop_post(broker->zk_loop, &notice->message);
}
