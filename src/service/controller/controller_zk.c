/*
 * The controller's ZooKeeper operations: values to bytes and back.
 */
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "service/controller/controller_translate.h"
#include "zk/znode_json.h"

/* --- values to bytes --------------------------------------------------------------------------------------
 */

static int64_t time_of(int64_t timestamp_ms, int64_t now_ms)
{
    return timestamp_ms == -1 ? now_ms : timestamp_ms;
}

static void encode_value(const struct controller_value *value, int64_t now_ms, struct buf *out)
{
    switch (value->kind) {
    case CONTROLLER_VALUE_NULL:
    case CONTROLLER_VALUE_RAW:
        UNREACHABLE();
    case CONTROLLER_VALUE_BROKER: {
        struct znode_broker broker = value->broker;
        broker.timestamp_ms = time_of(broker.timestamp_ms, now_ms);
        znode_encode_broker(&broker, out);
        return;
    }
    case CONTROLLER_VALUE_TOPIC:
        znode_encode_topic(&value->topic, out);
        return;
    case CONTROLLER_VALUE_STATE:
        znode_encode_state(&value->state, out);
        return;
    case CONTROLLER_VALUE_CONTROLLER: {
        struct znode_controller controller = value->controller;
        controller.timestamp_ms = time_of(controller.timestamp_ms, now_ms);
        znode_encode_controller(&controller, out);
        return;
    }
    case CONTROLLER_VALUE_PRODUCER_IDS:
        znode_encode_producer_id_block(&value->producer_ids, out);
        return;
    case CONTROLLER_VALUE_REASSIGNMENT:
        znode_encode_reassignment(&value->partitions, out);
        return;
    case CONTROLLER_VALUE_PARTITIONS:
        znode_encode_partitions(&value->partitions, out);
        return;
    case CONTROLLER_VALUE_CONFIG:
        znode_encode_config(&value->config, out);
        return;
    case CONTROLLER_VALUE_LOG_DIR_EVENT:
        znode_encode_log_dir_event(&value->log_dir_event, out);
        return;
    case CONTROLLER_VALUE_FEATURE:
        znode_encode_feature(&value->feature, out);
        return;
    case CONTROLLER_VALUE_INCARNATION:
        znode_encode_incarnation(&value->incarnation, out);
        return;
    case CONTROLLER_VALUE_STANDING:
        znode_encode_standing(&value->standing, out);
        return;
    case CONTROLLER_VALUE_SUSPECT: {
        struct znode_suspect suspect = value->suspect;
        suspect.timestamp_ms = time_of(suspect.timestamp_ms, now_ms);
        znode_encode_suspect(&suspect, out);
        return;
    }
    case CONTROLLER_VALUE_SILENCE: {
        struct znode_silence silence = value->silence;
        silence.timestamp_ms = time_of(silence.timestamp_ms, now_ms);
        znode_encode_silence(&silence, out);
        return;
    }
    }
}

static struct view value_bytes(const struct controller_value *value, int64_t now_ms, struct arena *arena)
{
    if (value->kind == CONTROLLER_VALUE_NULL)
        return VIEW_NULL;
    if (value->kind == CONTROLLER_VALUE_RAW)
        return arena_dup_view(arena, value->raw);
    struct buf json = {0};
    encode_value(value, now_ms, &json);
    struct view bytes = arena_dup_view(arena, buf_view(&json));
    buf_close(&json);
    return bytes;
}

static enum zk_op_kind kind_of(enum controller_op_kind kind)
{
    switch (kind) {
    case CONTROLLER_OP_CREATE:
        return ZK_OP_CREATE;
    case CONTROLLER_OP_SET:
        return ZK_OP_SET;
    case CONTROLLER_OP_DELETE:
        return ZK_OP_DELETE;
    case CONTROLLER_OP_CHECK:
        return ZK_OP_CHECK;
    case CONTROLLER_OP_GET:
        return ZK_OP_GET;
    case CONTROLLER_OP_EXISTS:
        return ZK_OP_EXISTS;
    case CONTROLLER_OP_CHILDREN:
        return ZK_OP_CHILDREN;
    case CONTROLLER_OP_MULTI:
        return ZK_OP_MULTI;
    }
    UNREACHABLE();
}

struct zk_op controller_to_zk_op(const struct controller_op *op, int64_t now_ms, struct arena *arena)
{
    struct zk_op out = {.kind = kind_of(op->kind),
                        .path = op->path,
                        .version = op->version,
                        .ephemeral = op->ephemeral,
                        .watch = op->watch};
    if (op->kind == CONTROLLER_OP_CREATE || op->kind == CONTROLLER_OP_SET)
        out.data = value_bytes(&op->value, now_ms, arena);
    if (op->ops_count > 0) {
        struct zk_op *ops = arena_alloc(arena, sizeof *ops * (size_t)op->ops_count);
        for (int32_t i = 0; i < op->ops_count; i++)
            ops[i] = controller_to_zk_op(&op->ops[i], now_ms, arena);
        out.ops = ops;
        out.ops_count = op->ops_count;
    }
    return out;
}

struct controller_op controller_copy_op(const struct controller_op *op, struct arena *arena)
{
    struct controller_op copy = *op;
    copy.path = op->path ? arena_strdup(arena, op->path) : NULL;
    /* Only what decoding the answer needs: the kind of the value. */
    copy.value = (struct controller_value){.kind = op->value.kind};
    if (op->ops_count > 0) {
        copy.ops = arena_alloc(arena, sizeof *copy.ops * (size_t)op->ops_count);
        for (int32_t i = 0; i < op->ops_count; i++)
            copy.ops[i] = controller_copy_op(&op->ops[i], arena);
    }
    return copy;
}

/* --- bytes to values --------------------------------------------------------------------------------------
 */

static enum err decode_value(enum controller_value_kind kind, struct view data, struct arena *arena,
                             struct controller_value *out, struct errmsg *why)
{
    out->kind = kind;
    switch (kind) {
    case CONTROLLER_VALUE_NULL:
        return ERR_NONE;
    case CONTROLLER_VALUE_RAW:
        out->raw = data;
        return ERR_NONE;
    case CONTROLLER_VALUE_BROKER:
        return znode_decode_broker(data, arena, &out->broker, why);
    case CONTROLLER_VALUE_TOPIC:
        return znode_decode_topic(data, arena, &out->topic, why);
    case CONTROLLER_VALUE_STATE:
        return znode_decode_state(data, arena, &out->state, why);
    case CONTROLLER_VALUE_CONTROLLER:
        return znode_decode_controller(data, arena, &out->controller, why);
    case CONTROLLER_VALUE_PRODUCER_IDS:
        return znode_decode_producer_id_block(data, arena, &out->producer_ids, why);
    case CONTROLLER_VALUE_REASSIGNMENT:
        return znode_decode_reassignment(data, arena, &out->partitions, why);
    case CONTROLLER_VALUE_PARTITIONS:
        return znode_decode_partitions(data, arena, &out->partitions, why);
    case CONTROLLER_VALUE_CONFIG:
        return znode_decode_config(data, arena, &out->config, why);
    case CONTROLLER_VALUE_LOG_DIR_EVENT:
        return znode_decode_log_dir_event(data, arena, &out->log_dir_event, why);
    case CONTROLLER_VALUE_FEATURE:
        return znode_decode_feature(data, arena, &out->feature, why);
    case CONTROLLER_VALUE_INCARNATION:
        return znode_decode_incarnation(data, arena, &out->incarnation, why);
    case CONTROLLER_VALUE_STANDING:
        return znode_decode_standing(data, arena, &out->standing, why);
    case CONTROLLER_VALUE_SUSPECT:
        return znode_decode_suspect(data, arena, &out->suspect, why);
    case CONTROLLER_VALUE_SILENCE:
        return znode_decode_silence(data, arena, &out->silence, why);
    }
    UNREACHABLE();
}

/* Null data means something for these: nothing was assigned, set or allocated yet. */
static bool may_be_null(enum controller_value_kind kind)
{
    return kind == CONTROLLER_VALUE_TOPIC || kind == CONTROLLER_VALUE_CONFIG ||
           kind == CONTROLLER_VALUE_PRODUCER_IDS;
}

static void take_data(const struct controller_op *op, const struct zk_result *result, struct arena *arena,
                      struct controller_op_result *out)
{
    struct errmsg why;
    enum controller_value_kind kind = op->value.kind;
    if (result->data.len == 0 && may_be_null(kind)) {
        out->value.kind = CONTROLLER_VALUE_NULL;
        return;
    }
    if (decode_value(kind, arena_dup_view(arena, result->data), arena, &out->value, &why) == ERR_NONE)
        return;
    log_warn("controller", "znode_unreadable",
             "path=%s error=\"%s\" effect=\"it is passed over; mend it by hand\"", op->path, why.text);
    out->err = ERR_MALFORMED;
}

struct controller_op_result controller_from_zk_result(const struct controller_op *op,
                                                      const struct zk_result *result, struct arena *arena)
{
    struct controller_op_result out = {.err = result->err,
                                       .version = result->stat.version,
                                       .czxid = result->stat.czxid,
                                       .mzxid = result->stat.mzxid,
                                       .ephemeral_owner = result->stat.ephemeral_owner};
    if (op->kind == CONTROLLER_OP_GET && result->err == ERR_NONE)
        take_data(op, result, arena, &out);
    if (op->kind == CONTROLLER_OP_CHILDREN && result->err == ERR_NONE) {
        out.children = arena_alloc(arena, sizeof *out.children * (size_t)(result->children_count + 1));
        for (int i = 0; i < result->children_count; i++)
            out.children[i] = arena_cstr(arena, result->children[i]);
        out.children_count = result->children_count;
    }
    if (op->kind == CONTROLLER_OP_MULTI && result->results_count == op->ops_count) {
        out.results = arena_alloc(arena, sizeof *out.results * (size_t)(op->ops_count + 1));
        for (int32_t i = 0; i < op->ops_count; i++)
            out.results[i] = controller_from_zk_result(&op->ops[i], &result->results[i], arena);
        out.results_count = op->ops_count;
    }
    return out;
}
