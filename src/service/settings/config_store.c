#include "service/settings/config_store.h"

#include "base/buf.h"
#include "base/mem.h"
#include "service/broker.h"
#include "service/settings/config_changes.h"
#include "zk/sync.h"
#include "zk/znode_json.h"

/* A notification that may or may not have been made is made again; twice does no harm. */
#define NOTIFY_TRIES 5

static struct zk_sync session(struct broker *broker)
{
    return (struct zk_sync){broker->zk, broker->zk_loop};
}

enum err config_store_read(struct broker *broker, const char *entity, struct arena *arena,
                           struct config_pairs *out, int32_t *version, struct errmsg *why)
{
    struct zk_sync sync = session(broker);
    struct view json;
    struct zk_stat stat;
    struct znode_config config = {0};
    *version = CONFIG_STORE_ABSENT;
    enum err err =
        zk_sync_get(&sync, arena_printf(arena, "/config/%s", entity), false, arena, &json, &stat, why);
    if (err == ERR_NONE) {
        *version = stat.version;
        err = znode_decode_config(json, arena, &config, why);
    } else if (err == ERR_NOT_FOUND) {
        err = ERR_NONE;
    }
    if (err != ERR_NONE)
        return err;
    struct config_pair *pairs = arena_alloc(arena, sizeof *pairs * (size_t)(config.count + 1));
    for (int32_t i = 0; i < config.count; i++)
        pairs[i] = (struct config_pair){config.entries[i].name, config.entries[i].value};
    *out = (struct config_pairs){pairs, (size_t)config.count};
    return ERR_NONE;
}

static void encode(struct config_pairs pairs, struct arena *arena, struct buf *out)
{
    struct znode_config config = {.entries = arena_alloc(arena, sizeof *config.entries * (pairs.count + 1)),
                                  .count = (int32_t)pairs.count};
    for (size_t i = 0; i < pairs.count; i++)
        config.entries[i] = (struct znode_config_entry){pairs.items[i].name, pairs.items[i].value};
    znode_encode_config(&config, out);
}

/* What the caller is to make of the multi's outcome. */
static enum err judge(enum err err, const struct zk_result *result, bool guarded)
{
    if (guarded && result->results_count > 0 && result->results[0].err == ERR_NOT_FOUND)
        return ERR_NOT_FOUND;
    switch (err) {
    case ERR_EXISTS:          /* it was absent when it was read */
    case ERR_NOT_FOUND:       /* it was there */
    case ERR_CONNECTION_LOSS: /* it may have been written, and nobody was told */
    case ERR_SESSION_EXPIRED:
        return ERR_BAD_VERSION;
    default:
        return err;
    }
}

static enum err write_entity(struct broker *broker, const char *path, const char *guard, struct view json,
                             int32_t version, struct arena *arena, struct errmsg *why)
{
    struct zk_op ops[2];
    int count = 0;
    if (guard)
        ops[count++] = (struct zk_op){.kind = ZK_OP_CHECK, .path = guard, .version = ZK_ANY_VERSION};
    ops[count++] = (struct zk_op){.kind = version == CONFIG_STORE_ABSENT ? ZK_OP_CREATE : ZK_OP_SET,
                                  .path = path,
                                  .data = json,
                                  .version = version};
    struct zk_op multi = {.kind = ZK_OP_MULTI, .ops = ops, .ops_count = count};
    struct zk_sync sync = session(broker);
    struct zk_result result = {0};
    enum err err = zk_sync_call(&sync, &multi, arena, &result, why);
    return judge(err, &result, guard != NULL);
}

static enum err notify(struct broker *broker, const char *entity, struct errmsg *why)
{
    struct buf json = {0};
    znode_encode_config_change(entity, &json);
    struct zk_op op = {.kind = ZK_OP_CREATE,
                       .path = CONFIG_CHANGES_PATH "/" CONFIG_CHANGES_PREFIX,
                       .data = buf_view(&json),
                       .sequential = true};
    struct zk_sync sync = session(broker);
    enum err err = ERR_CONNECTION_LOSS;
    for (int i = 0; i < NOTIFY_TRIES && zk_sync_is_unclear(err); i++) {
        struct zk_result result;
        err = zk_sync_call(&sync, &op, NULL, &result, why);
    }
    buf_close(&json);
    return err;
}

enum err config_store_write(struct broker *broker, const char *entity, const char *guard,
                            struct config_pairs pairs, int32_t version, struct errmsg *why)
{
    struct arena arena = {0};
    struct buf json = {0};
    encode(pairs, &arena, &json);
    enum err err = write_entity(broker, arena_printf(&arena, "/config/%s", entity), guard, buf_view(&json),
                                version, &arena, why);
    if (err == ERR_NONE)
        err = notify(broker, entity, why);
    buf_close(&json);
    arena_close(&arena);
    return err;
}
