/* Any bytes as every znode; what is understood is written, and read again as the same. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "zk/znode_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

static const char *const SEEDS[] = {
    "{\"version\":5,\"host\":\"kafka1\",\"port\":9092,\"jmx_port\":-1,\"timestamp\":\"1731430000000\","
    "\"endpoints\":["
    "\"PLAINTEXT://kafka1:9092\",\"SSL://[::1]:9093\"],\"rack\":\"r1\",\"listener_security_protocol_map\":{"
    "\"PLAINTEXT\":\"PLAINTEXT\",\"SSL\":\"SSL\"},\"features\":{}}",
    "{\"version\":3,\"topic_id\":\"Zt5cB0p1T4mC0uK3q2c9bA\",\"partitions\":{\"0\":[1,2,3],\"1\":[2,3,1]},"
    "\"adding_replicas\":{\"1\":[4]},\"removing_replicas\":{\"1\":[1]}}",
    "{\"controller_epoch\":1,\"leader\":2,\"version\":1,\"leader_epoch\":1,\"isr\":[2,3],"
    "\"leader_recovery_state\":1}",
    "{\"version\":2,\"brokerid\":2,\"timestamp\":\"1731430000000\",\"kraftControllerEpoch\":-1}",
    "7",
    "{\"version\":1,\"broker\":1,\"block_start\":\"0\",\"block_end\":\"999\"}",
    "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[4,5,6]}]}",
    "{\"version\":1,\"config\":{\"retention.ms\":\"3600000\",\"cleanup.policy\":\"compact\"}}",
    "{\"version\":2,\"entity_path\":\"topics/t\"}",
    "{\"version\":1,\"entity_type\":\"topics\",\"entity_name\":\"t\"}",
    "{\"version\":1,\"broker\":3,\"event\":1}",
    "{\"version\":2,\"status\":1,\"features\":{\"f\":{\"max_version_level\":3}}}",
    "{\"version\":1,\"incarnation\":\"Zt5cB0p1T4mC0uK3q2c9bA\",\"starts\":7,\"loss\":\"tail\"}",
    "{\"version\":1,\"topic_id\":\"Zt5cB0p1T4mC0uK3q2c9bA\",\"state_version\":3,\"config_zxid\":9,\"lost\":["
    "{\"broker\":3,\"incarnation\":\"Zt5cB0p1T4mC0uK3q2c9bA\",\"loss\":\"data\"}],\"eligible\":[]}",
    "{\"version\":\"1\",\"id\":\"p2Jw0hGbQ4WcYb0mJt3aZw\"}",
};

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    for (size_t i = 0; i < sizeof SEEDS / sizeof SEEDS[0]; i++)
        add(seeds, view_str(SEEDS[i]));
}

/* Decodes, and encodes twice with a decoding between: both texts are equal. */
#define TRY(name)                                                                                            \
    static void try_##name(struct view text)                                                                 \
    {                                                                                                        \
        struct arena arena = {0};                                                                            \
        struct errmsg why = {.text = ""};                                                                    \
        struct znode_##name value, again;                                                                    \
        if (znode_decode_##name(text, &arena, &value, &why) == ERR_NONE) {                                   \
            struct buf first = {0}, second = {0};                                                            \
            znode_encode_##name(&value, &first);                                                             \
            ASSERT(znode_decode_##name(buf_view(&first), &arena, &again, &why) == ERR_NONE);                 \
            znode_encode_##name(&again, &second);                                                            \
            ASSERT(view_equal(buf_view(&first), buf_view(&second)));                                         \
            buf_close(&first);                                                                               \
            buf_close(&second);                                                                              \
        }                                                                                                    \
        arena_close(&arena);                                                                                 \
    }

TRY(topic)
TRY(state)
TRY(controller)
TRY(producer_id_block)
TRY(partitions)
TRY(config)
TRY(log_dir_event)
TRY(incarnation)
TRY(standing)

/* Those whose texts do not say all that was read, or whose types do not have their names. */
static void try_others(struct view text)
{
    struct arena arena = {0};
    struct errmsg why;
    struct buf out = {0};
    struct znode_broker broker;
    struct znode_partitions reassignment;
    struct znode_feature feature;
    int32_t epoch;
    const char *name;
    if (znode_decode_broker(text, &arena, &broker, &why) == ERR_NONE) {
        for (int32_t i = 0; i < broker.endpoints_count; i++)
            ASSERT(broker.endpoints[i].listener && broker.endpoints[i].protocol && broker.endpoints[i].host);
        znode_encode_broker(&broker, &out);
    }
    if (znode_decode_reassignment(text, &arena, &reassignment, &why) == ERR_NONE)
        znode_encode_reassignment(&reassignment, &out);
    if (znode_decode_feature(text, &arena, &feature, &why) == ERR_NONE)
        znode_encode_feature(&feature, &out);
    if (znode_decode_controller_epoch(text, &epoch, &why) == ERR_NONE)
        ASSERT(epoch >= 0);
    if (znode_decode_config_change(text, &arena, &name, &why) == ERR_NONE)
        znode_encode_config_change(name, &out);
    if (znode_decode_cluster_id(text, &arena, &name, &why) == ERR_NONE)
        znode_encode_cluster_id(name, &out);
    buf_close(&out);
    arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view text = view_of(data ? data : (const uint8_t *)"", size);
    try_topic(text);
    try_state(text);
    try_controller(text);
    try_producer_id_block(text);
    try_partitions(text);
    try_config(text);
    try_log_dir_event(text);
    try_incarnation(text);
    try_standing(text);
    try_others(text);
    return 0;
}
