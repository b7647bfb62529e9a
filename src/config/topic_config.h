/*
 * The settings that count for one topic, as plain fields for the hot path: what
 * /config/topics/NAME sets, and what the broker says for the rest.
 *
 * Ownership: the struct owns its two strings (topic_config_close).
 * Runs on: any; whoever holds it treats it as constant.
 */
#ifndef BARNABAS_CONFIG_TOPIC_CONFIG_H
#define BARNABAS_CONFIG_TOPIC_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "config/config.h"
#include "config/topic_table.h"

struct arena;

/* Values are the codec ids of record batches. */
enum topic_compression {
    TOPIC_COMPRESSION_PRODUCER = -1, /* keep what the client sent */
    TOPIC_COMPRESSION_NONE = 0,
    TOPIC_COMPRESSION_GZIP = 1,
    TOPIC_COMPRESSION_SNAPPY = 2,
    TOPIC_COMPRESSION_LZ4 = 3,
    TOPIC_COMPRESSION_ZSTD = 4,
};

/* Values are those of the timestamp bit in a batch's attributes. */
enum topic_timestamp_type {
    TOPIC_TIMESTAMP_CREATE_TIME = 0,
    TOPIC_TIMESTAMP_LOG_APPEND_TIME = 1,
};

struct topic_config {
    int32_t max_message_bytes;
    int32_t segment_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int32_t segment_index_bytes;
    int32_t index_interval_bytes;
    int64_t retention_ms;    /* -1: for ever */
    int64_t retention_bytes; /* negative: no bound */
    int64_t flush_messages;  /* 1: every append is synced before it is acknowledged */
    int64_t flush_ms;
    int64_t file_delete_delay_ms;
    int64_t delete_retention_ms;
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    double min_cleanable_dirty_ratio;
    bool cleanup_compact;
    bool cleanup_delete;
    enum topic_compression compression_type;
    int32_t compression_gzip_level; /* -1: the library's default */
    int32_t compression_lz4_level;
    int32_t compression_zstd_level;
    bool preallocate;
    int32_t min_insync_replicas;
    bool unclean_leader_election_enable;
    enum topic_timestamp_type message_timestamp_type;
    int64_t message_timestamp_before_max_ms;
    int64_t message_timestamp_after_max_ms;
    bool message_downconversion_enable;
    char *leader_throttled_replicas; /* "0:1,1:2", "*" or "" */
    char *follower_throttled_replicas;
};

/*
 * Fills `out` from the broker's settings and the topic's own. One that is unknown or invalid is
 * passed over, so that `out` is good in any case; then ERR_INVALID_CONFIG, and `why` tells of the
 * first one. Gives `out` (topic_config_close).
 */
enum err topic_config_build(const struct config *broker, struct config_pairs overrides,
                            struct topic_config *out, struct errmsg *why);
void topic_config_close(struct topic_config *config);

/*
 * Does a list of throttled replicas ("0:1,1:2", "*" or "") name the replica of `partition` on broker
 * `broker_id`?
 */
bool topic_config_list_throttles(const char *replicas, int32_t partition, int32_t broker_id);

/*
 * Longest time a segment is written to: a compacted topic must roll before max.compaction.lag.ms.
 */
int64_t topic_config_max_segment_ms(const struct topic_config *config);

/* One setting by itself, with Kafka's words: "Unknown topic config name: x", "Invalid value ...". */
enum err topic_config_validate_one(const char *name, const char *value, struct errmsg *why) MUST_USE;
/*
 * All that a topic is to have (CreateTopics, AlterConfigs): each by itself, the rules between them
 * and with the broker's settings, and what ZooKeeper mode does not allow.
 */
enum err topic_config_validate(const struct config *broker, struct config_pairs overrides,
                               struct errmsg *why) MUST_USE;

/*
 * The value of one setting before the topic's own counts: the broker's, in the topic's unit. The text
 * is in the arena or constant.
 */
const char *topic_config_inherited_text(const struct config *broker, enum topic_key key, struct arena *arena);

#endif
