#include "service/cluster_setup.h"

#include <string.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "zk/znode_json.h"

static const char *const PATHS[] = {
    "/consumers",
    "/brokers/ids",
    "/brokers/topics",
    "/config/changes",
    "/admin/delete_topics",
    "/brokers/seqid",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
    "/config/topics",
    "/config/clients",
    "/config/users",
    "/config/brokers",
    "/config/ips",
};

enum err cluster_setup_paths(struct zk_sync *sync, struct errmsg *why)
{
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        enum err err;
        do
            err = zk_sync_create_path(sync, PATHS[i], VIEW_NULL, why);
        while (err == ERR_CONNECTION_LOSS);
        if (err != ERR_NONE && err != ERR_EXISTS)
            return err;
    }
    return ERR_NONE;
}

static void new_uuid(struct random *random, struct uuid *out)
{
    uint8_t bytes[16];
    do
        random_fill(random, bytes, sizeof bytes);
    while (!uuid_from_random(bytes, out));
}

enum err cluster_setup_id(struct zk_sync *sync, struct random *random, char out[64], struct errmsg *why)
{
    struct arena arena = {0};
    enum err err;
    for (;;) {
        struct view json;
        err = zk_sync_get(sync, "/cluster/id", false, &arena, &json, NULL, why);
        if (err == ERR_NONE) {
            const char *id;
            err = znode_decode_cluster_id(json, &arena, &id, why);
            if (err == ERR_NONE && strlen(id) >= 64)
                err = ERR_MALFORMED;
            if (err == ERR_NONE)
                memcpy(out, id, strlen(id) + 1);
            else
                errmsg_prefix(why, "znode /cluster/id");
            break;
        }
        if (err != ERR_NOT_FOUND)
            break;
        struct uuid id;
        char text[UUID_TEXT_SIZE];
        new_uuid(random, &id);
        uuid_to_text(id, text);
        struct buf data = {0};
        znode_encode_cluster_id(text, &data);
        err = zk_sync_create_path(sync, "/cluster/id", buf_view(&data), why);
        buf_close(&data);
        /* Whoever was first, and whether our write got through, is read back. */
        if (err != ERR_NONE && err != ERR_EXISTS && err != ERR_CONNECTION_LOSS)
            break;
    }
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
    while (err == ERR_CONNECTION_LOSS);
    if (err == ERR_NONE)
        *out = reserved_max + result.stat.version;
    return err;
}
