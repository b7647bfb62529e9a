#include "service/settings/config_read.h"

#include "base/log.h"
#include "base/mem.h"
#include "port/zk.h"
#include "service/broker.h"
#include "service/settings/topic_configs.h"
#include "zk/znode_json.h"

static struct config_pairs pairs_of(const struct znode_config *config, struct arena *arena)
{
    struct config_pair *pairs = arena_alloc(arena, sizeof *pairs * (size_t)(config->count + 1));
    for (int32_t i = 0; i < config->count; i++)
        pairs[i] = (struct config_pair){config->entries[i].name, config->entries[i].value};
    return (struct config_pairs){pairs, (size_t)config->count};
}

static void came_home(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct config_read *op = CONTAINER_OF(msg, struct config_read, message);
    op->done(op);
}

static void one_is_done(struct config_read *op)
{
    if (--op->away > 0)
        return;
    op->message = (struct loop_message){.run = came_home, .label = "config_read"};
    loop_post(op->home, &op->message);
}

static void take_known(struct config_read_item *item, enum err err, const struct errmsg *why)
{
    struct config_read *op = item->op;
    log_warn("config", "topic_config_unreadable", "topic=%s error=\"%s%s\" effect=\"shown as last known\"",
             item->topic, err_name(err), why->text);
    struct znode_config known = topic_configs_overrides(op->broker->topic_configs, item->topic, op->arena);
    item->pairs = pairs_of(&known, op->arena);
}

static void answered(void *arg, const struct zk_result *result)
{
    struct config_read_item *item = arg;
    struct arena *arena = item->op->arena;
    struct znode_config config = {0};
    struct errmsg why = {{0}};
    enum err err = result->err;
    if (err == ERR_NONE)
        err = znode_decode_config(result->data, arena, &config, &why);
    if (err == ERR_NONE)
        item->pairs = pairs_of(&config, arena);
    else if (err != ERR_NOT_FOUND)
        take_known(item, err, &why);
    one_is_done(item->op);
}

static void arrived(struct loop_message *msg, bool discard)
{
    struct config_read *op = CONTAINER_OF(msg, struct config_read, message);
    op->away = 1;
    for (size_t i = 0; i < op->count && !discard; i++) {
        struct config_read_item *item = &op->items[i];
        struct zk_op get = {.kind = ZK_OP_GET,
                            .path = arena_printf(op->arena, "/config/topics/%s", item->topic)};
        op->away++;
        zk_submit(op->broker->zk, &get, answered, item);
    }
    one_is_done(op);
}

void config_read_submit(struct config_read *op)
{
    op->home = loop_current();
    for (size_t i = 0; i < op->count; i++) {
        op->items[i].op = op;
        op->items[i].pairs = (struct config_pairs){NULL, 0};
    }
    op->message = (struct loop_message){.run = arrived, .label = "config_read"};
    loop_post(op->broker->zk_loop, &op->message);
}
