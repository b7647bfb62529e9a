/*
 * A write whose answer was lost is done again at the same version: if it had been done, that is refused, and
 * the znode says what was to be written.
 *
 *   set --> done: announce            refused --> get --> ours: done, announce
 *    ^---- answer or session lost                    '--> another's: refused
 *
 * Announced is, every CHECK_MS, what was written since, when nothing was for LINGER_MS or nothing was
 * announced for ANNOUNCE_MS: Kafka's rule.
 */
#include "service/replica/isr_znodes.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "port/zk.h"
#include "zk/znode_json.h"

#define CHECK_MS    2500
#define LINGER_MS   5000
#define ANNOUNCE_MS 60000

#define STATE_PATH   "/brokers/topics/%s/partitions/%d/state"
#define NOTIFICATION "/isr_change_notification/isr_change_"

struct isr_znodes {
    const struct broker *broker;
    struct loop *loop;
    struct loop_timer timer;
    struct map changed;    /* state path -> struct znode_partition, since the last announcement */
    struct map announcing; /* what the one that is out names */
    int64_t changed_ms;    /* when the last was written */
    int64_t announced_ms;  /* when the last were announced */
};

/* --- announcements -------------------------------------------------------------------------------------- */

static void partition_free(struct znode_partition *partition)
{
    free((char *)(uintptr_t)partition->topic);
    free(partition);
}

static void forget(struct map *partitions)
{
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(partitions, &it)))
        partition_free(slot->value);
    map_close(partitions);
    *partitions = (struct map){0};
}

static void note(struct isr_znodes *znodes, const char *topic, int32_t index)
{
    char *path = mem_printf(STATE_PATH, topic, index);
    if (!map_get_str(&znodes->changed, path)) {
        struct znode_partition *partition = MEM_NEW(struct znode_partition);
        *partition = (struct znode_partition){.topic = mem_strdup(topic), .partition = index};
        map_put_str(&znodes->changed, path, partition);
    }
    free(path);
}

static void check_later(struct isr_znodes *znodes)
{
    if (znodes->changed.count > 0 && !loop_timer_is_armed(&znodes->timer))
        loop_timer_arm(znodes->loop, &znodes->timer, loop_now_ms(znodes->loop) + CHECK_MS);
}

/* Announced twice does no harm, not at all does: the controller would not know until it writes itself. */
static void announced(void *arg, const struct zk_result *result)
{
    struct isr_znodes *znodes = arg;
    if (result->err == ERR_NONE) {
        znodes->announced_ms = loop_now_ms(znodes->loop);
    } else if (result->err != ERR_CLOSED) {
        log_warn("replica", "isr_change_not_announced", "partitions=%zu error=%s effect=\"tried again\"",
                 znodes->announcing.count, err_name(result->err));
        size_t it = 0;
        struct map_slot *slot;
        while ((slot = map_next(&znodes->announcing, &it))) {
            const struct znode_partition *partition = slot->value;
            note(znodes, partition->topic, partition->partition);
        }
    }
    forget(&znodes->announcing);
    check_later(znodes);
}

static void announce(struct isr_znodes *znodes)
{
    znodes->announcing = znodes->changed;
    znodes->changed = (struct map){0};
    struct znode_partitions all = {.items = mem_zalloc(sizeof *all.items * znodes->announcing.count)};
    struct buf json = {0};
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&znodes->announcing, &it)))
        all.items[all.count++] = *(const struct znode_partition *)slot->value;
    znode_encode_partitions(&all, &json);
    free(all.items);
    struct zk_op op = {
        .kind = ZK_OP_CREATE, .path = NOTIFICATION, .data = buf_view(&json), .sequential = true};
    zk_submit(znodes->broker->zk, &op, announced, znodes);
    buf_close(&json);
}

static void fired(struct loop_timer *timer, int64_t now_ms)
{
    struct isr_znodes *znodes = CONTAINER_OF(timer, struct isr_znodes, timer);
    bool quiet = now_ms - znodes->changed_ms >= LINGER_MS;
    bool overdue = now_ms - znodes->announced_ms >= ANNOUNCE_MS;
    if (znodes->announcing.count == 0 && znodes->changed.count > 0 && (quiet || overdue))
        announce(znodes);
    check_later(znodes);
}

/* --- writes --------------------------------------------------------------------------------------------- */

static void came_home(struct loop_message *msg, bool discard)
{
    struct isr_write *write = CONTAINER_OF(msg, struct isr_write, message);
    write->done(write, discard);
}

static void finish(struct isr_write *write, enum err err)
{
    if (err == ERR_NONE) {
        write->znodes->changed_ms = loop_now_ms(write->znodes->loop);
        note(write->znodes, write->topic, write->partition);
        check_later(write->znodes);
    }
    write->err = err;
    free(write->path);
    buf_close(&write->json);
    write->message = (struct loop_message){.run = came_home, .label = "isr_written"};
    loop_post(write->home, &write->message);
}

static bool same_ids(const struct znode_ids *a, const struct znode_ids *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->ids, b->ids, sizeof *a->ids * (size_t)a->count) == 0);
}

static bool same_state(const struct znode_state *a, const struct znode_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch && same_ids(&a->isr, &b->isr) &&
           a->leader_recovery_state == b->leader_recovery_state;
}

static void submit_set(struct isr_write *write);
static void submit_get(struct isr_write *write);

static enum err meaning(enum err err)
{
    return err == ERR_CLOSED      ? ERR_CLOSED
           : err == ERR_NOT_FOUND ? ERR_UNKNOWN_TOPIC_OR_PARTITION
                                  : ERR_UNKNOWN_SERVER_ERROR;
}

static void read_back(void *arg, const struct zk_result *result)
{
    struct isr_write *write = arg;
    if (result->err == ERR_SESSION_EXPIRED) {
        submit_get(write);
        return;
    }
    if (result->err != ERR_NONE) {
        finish(write, meaning(result->err));
        return;
    }
    struct arena arena = {0};
    struct znode_state found;
    struct errmsg why;
    bool ours = znode_decode_state(result->data, &arena, &found, &why) == ERR_NONE &&
                same_state(&found, &write->state);
    arena_close(&arena);
    write->new_version = result->stat.version;
    finish(write, ours ? ERR_NONE : ERR_INVALID_UPDATE_VERSION);
}

static void submit_get(struct isr_write *write)
{
    struct zk_op op = {.kind = ZK_OP_GET, .path = write->path};
    zk_submit(write->znodes->broker->zk, &op, read_back, write);
}

static void was_set(void *arg, const struct zk_result *result)
{
    struct isr_write *write = arg;
    switch ((int)result->err) {
    case ERR_NONE:
        write->new_version = result->stat.version;
        finish(write, ERR_NONE);
        return;
    case ERR_CONNECTION_LOSS:
    case ERR_SESSION_EXPIRED:
        submit_set(write);
        return;
    case ERR_BAD_VERSION:
        submit_get(write);
        return;
    default:
        finish(write, meaning(result->err));
    }
}

static void submit_set(struct isr_write *write)
{
    struct zk_op op = {
        .kind = ZK_OP_SET, .path = write->path, .data = buf_view(&write->json), .version = write->version};
    zk_submit(write->znodes->broker->zk, &op, was_set, write);
}

static void arrived(struct loop_message *msg, bool discard)
{
    struct isr_write *write = CONTAINER_OF(msg, struct isr_write, message);
    write->path = mem_printf(STATE_PATH, write->topic, write->partition);
    write->json = (struct buf){0};
    znode_encode_state(&write->state, &write->json);
    if (discard)
        finish(write, ERR_CLOSED);
    else
        submit_set(write);
}

void isr_znodes_write(struct isr_znodes *znodes, struct isr_write *write)
{
    write->znodes = znodes;
    write->message = (struct loop_message){.run = arrived, .label = "isr_write"};
    loop_post(znodes->loop, &write->message);
}

/* --- lifecycle ------------------------------------------------------------------------------------------ */

struct isr_znodes *isr_znodes_new(const struct broker *broker)
{
    struct isr_znodes *znodes = MEM_NEW(struct isr_znodes);
    znodes->broker = broker;
    znodes->loop = broker->zk_loop;
    znodes->timer.fire = fired;
    return znodes;
}

void isr_znodes_free(struct isr_znodes *znodes)
{
    if (!znodes)
        return;
    loop_timer_cancel(znodes->loop, &znodes->timer);
    forget(&znodes->changed);
    forget(&znodes->announcing);
    free(znodes);
}
