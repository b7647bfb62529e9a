#include "service/controller/producer_blocks.h"

#include "base/buf.h"
#include "port/znodes.h"
#include "zk/znode_json.h"

#define BLOCK_SIZE 1000

static const char PATH[] = "/latest_producer_id_block";

/* Where the next block begins. */
static enum err next_start(struct view json, int64_t *first, struct errmsg *why)
{
    struct arena arena = {0};
    struct znode_producer_id_block last = {.block_end = -1};
    enum err err = json.len == 0 ? ERR_NONE : znode_decode_producer_id_block(json, &arena, &last, why);
    arena_close(&arena);
    if (err == ERR_NONE && last.block_end > INT64_MAX - BLOCK_SIZE) {
        errmsg_set(why, "the last block is taken");
        err = ERR_MALFORMED;
    }
    if (err != ERR_NONE)
        errmsg_prefix(why, "znode %s", PATH);
    *first = last.block_end + 1;
    return err;
}

static enum err write_block(struct zk_sync *sync, const struct znode_producer_id_block *block,
                            int32_t version, struct errmsg *why)
{
    struct buf json = {0};
    znode_encode_producer_id_block(block, &json);
    struct zk_op op = {.kind = ZK_OP_SET, .path = PATH, .data = buf_view(&json), .version = version};
    struct zk_result result;
    enum err err = zk_sync_call(sync, &op, NULL, &result, why);
    buf_close(&json);
    return err;
}

enum err producer_blocks_take(struct zk_sync *sync, int32_t broker_id, int64_t *first, int32_t *count,
                              struct errmsg *why)
{
    enum err err;
    do {
        struct arena arena = {0};
        struct view json;
        struct zk_stat stat;
        err = zk_sync_get(sync, PATH, false, &arena, &json, &stat, why);
        if (err == ERR_NONE)
            err = next_start(json, first, why);
        arena_close(&arena);
        if (err != ERR_NONE)
            return err;
        const struct znode_producer_id_block block = {
            .broker_id = broker_id, .block_start = *first, .block_end = *first + BLOCK_SIZE - 1};
        err = write_block(sync, &block, stat.version, why);
    } while (err == ERR_BAD_VERSION || zk_sync_is_unclear(err));
    *count = BLOCK_SIZE;
    return err;
}
