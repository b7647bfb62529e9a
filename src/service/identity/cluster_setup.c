#include "service/identity/cluster_setup.h"

#include <string.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "zk/znode_json.h"

/* What every broker sees to, parents first: created in this order without waiting for one another. */
static const char *const PATHS[] = {
    "/consumers",
    "/brokers",
    "/brokers/ids",
    "/brokers/topics",
    "/brokers/seqid",
    "/config",
    "/config/changes",
    "/config/topics",
    "/config/clients",
    "/config/users",
    "/config/brokers",
    "/config/ips",
    "/admin",
    "/admin/delete_topics",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
    "/cluster",
};

enum { PATHS_COUNT = ARRAY_LEN(PATHS), ASK_ID = PATHS_COUNT, OPS_MAX = PATHS_COUNT + 2 };

static const char ID_PATH[] = "/cluster/id";

static void new_id(struct random *random, struct buf *json)
{
    struct uuid id;
    uint8_t bytes[16];
    char text[UUID_TEXT_SIZE];
    do
        random_fill(random, bytes, sizeof bytes);
    while (!uuid_from_random(bytes, &id));
    uuid_to_text(id, text);
    znode_encode_cluster_id(text, json);
}

static enum err take_id(struct view json, struct arena *arena, char out[64], struct errmsg *why)
{
    const char *id;
    enum err err = znode_decode_cluster_id(json, arena, &id, why);
    if (err == ERR_NONE && strlen(id) >= 64) {
        errmsg_set(why, "the id is longer than 63 bytes");
        err = ERR_MALFORMED;
    }
    if (err == ERR_NONE)
        memcpy(out, id, strlen(id) + 1);
    else
        errmsg_prefix(why, "znode %s", ID_PATH);
    return err;
}

/* Creates what is missing, and the id; whoever was first with that is read back. */
static enum err create_missing(struct zk_sync *sync, const struct zk_result *found, struct random *random,
                               struct arena *arena, struct view *id_json, struct errmsg *why)
{
    struct buf json = {0};
    new_id(random, &json);
    struct zk_op ops[OPS_MAX];
    struct zk_result results[OPS_MAX];
    enum err err;
    do {
        int count = 0;
        for (int i = 0; i < PATHS_COUNT; i++)
            if (found[i].err == ERR_NOT_FOUND)
                ops[count++] = (struct zk_op){.kind = ZK_OP_CREATE, .path = PATHS[i]};
        if (found[ASK_ID].err == ERR_NOT_FOUND)
            ops[count++] = (struct zk_op){.kind = ZK_OP_CREATE, .path = ID_PATH, .data = buf_view(&json)};
        ops[count++] = (struct zk_op){.kind = ZK_OP_GET, .path = ID_PATH};
        zk_sync_calls(sync, ops, count, arena, results);
        err = ERR_NONE;
        for (int i = 0; i < count && err == ERR_NONE; i++) {
            err = results[i].err == ERR_EXISTS ? ERR_NONE : results[i].err;
            if (err != ERR_NONE)
                zk_sync_explain(&ops[i], err, why);
        }
        *id_json = results[count - 1].data;
    } while (zk_sync_is_unclear(err)); /* what was done is found to exist */
    buf_close(&json);
    return err;
}

enum err cluster_setup(struct zk_sync *sync, struct random *random, char id[64], struct errmsg *why)
{
    struct arena arena = {0};
    struct zk_op ops[OPS_MAX];
    struct zk_result found[OPS_MAX];
    for (int i = 0; i < PATHS_COUNT; i++)
        ops[i] = (struct zk_op){.kind = ZK_OP_EXISTS, .path = PATHS[i]};
    ops[ASK_ID] = (struct zk_op){.kind = ZK_OP_GET, .path = ID_PATH};
    zk_sync_calls(sync, ops, ASK_ID + 1, &arena, found);
    enum err err = ERR_NONE;
    bool missing = false;
    for (int i = 0; i <= ASK_ID && err == ERR_NONE; i++) {
        missing |= found[i].err == ERR_NOT_FOUND;
        err = found[i].err == ERR_NOT_FOUND ? ERR_NONE : found[i].err;
        if (err != ERR_NONE)
            zk_sync_explain(&ops[i], err, why);
    }
    struct view id_json = found[ASK_ID].data;
    if (err == ERR_NONE && missing)
        err = create_missing(sync, found, random, &arena, &id_json, why);
    if (err == ERR_NONE)
        err = take_id(id_json, &arena, id, why);
    arena_close(&arena);
    return err;
}

enum err cluster_setup_broker_id(struct zk_sync *sync, int32_t reserved_max, int32_t *out, struct errmsg *why)
{
    struct zk_op op = {
        .kind = ZK_OP_SET, .path = "/brokers/seqid", .data = VIEW_LIT(""), .version = ZK_ANY_VERSION};
    struct zk_result result;
    enum err err;
    do
        err = zk_sync_call(sync, &op, NULL, &result, why); /* a write that was lost only skips a number */
    while (zk_sync_is_unclear(err));
    if (err == ERR_NONE)
        *out = reserved_max + result.stat.version;
    return err;
}
