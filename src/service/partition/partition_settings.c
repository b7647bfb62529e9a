#include "service/partition/partition_settings.h"

#include <stdlib.h>

#include "base/mem.h"
#include "config/topic_config.h"
#include "service/partition/partition.h"

static int target_level(const struct topic_config *config)
{
    switch (config->compression_type) {
    case TOPIC_COMPRESSION_GZIP:
        return config->compression_gzip_level;
    case TOPIC_COMPRESSION_LZ4:
        return config->compression_lz4_level;
    case TOPIC_COMPRESSION_ZSTD:
        return config->compression_zstd_level;
    case TOPIC_COMPRESSION_PRODUCER:
    case TOPIC_COMPRESSION_NONE:
    case TOPIC_COMPRESSION_SNAPPY:
        break;
    }
    return CODEC_LEVEL_DEFAULT;
}

static void fill_log(struct log_settings *log, const struct topic_config *config)
{
    log_settings_init(log);
    log->segment_ms = config->segment_ms;
    log->segment_jitter_ms = config->segment_jitter_ms;
    log->max_compaction_lag_ms = config->max_compaction_lag_ms;
    log->retention_ms = config->retention_ms;
    log->retention_bytes = config->retention_bytes;
    log->flush_messages = config->flush_messages;
    log->segment_bytes = config->segment_bytes;
    log->segment_index_bytes = config->segment_index_bytes;
    log->index_interval_bytes = config->index_interval_bytes;
    log->max_message_bytes = config->max_message_bytes;
    log->cleanup_delete = config->cleanup_delete;
    log->cleanup_compact = config->cleanup_compact;
    log->preallocate = config->preallocate;
}

struct partition_settings *partition_settings_new(const struct topic_config *config,
                                                  int64_t producer_id_expiration_ms, bool verify_transactions)
{
    struct partition_settings *settings = MEM_NEW(struct partition_settings);
    fill_log(&settings->log, config);
    settings->log.producer_id_expiration_ms = producer_id_expiration_ms;
    settings->log.verify_transactions = verify_transactions;
    settings->log_append_time = config->message_timestamp_type == TOPIC_TIMESTAMP_LOG_APPEND_TIME;
    settings->rules = APPEND_RULES_DEFAULT;
    settings->rules.max_message_bytes = config->max_message_bytes;
    settings->rules.compacted = config->cleanup_compact;
    settings->rules.log_append_time = settings->log_append_time;
    settings->rules.timestamp_before_max_ms = config->message_timestamp_before_max_ms;
    settings->rules.timestamp_after_max_ms = config->message_timestamp_after_max_ms;
    settings->rules.target_codec = config->compression_type == TOPIC_COMPRESSION_PRODUCER
                                       ? CODEC_PRODUCER
                                       : (int)config->compression_type;
    settings->rules.target_level = target_level(config);
    settings->file_delete_delay_ms = config->file_delete_delay_ms;
    settings->flush_ms = config->flush_ms;
    settings->min_insync_replicas = config->min_insync_replicas;
    settings->downconversion = config->message_downconversion_enable;
    settings->zstd_configured = config->compression_type == TOPIC_COMPRESSION_ZSTD;
    settings->delete_retention_ms = config->delete_retention_ms;
    settings->min_compaction_lag_ms = config->min_compaction_lag_ms;
    settings->min_cleanable_ratio = config->min_cleanable_dirty_ratio;
    settings->deletes_records = config->cleanup_delete;
    settings->sync_before_commit = config->flush_messages <= 1;
    return settings;
}

struct partition_settings *partition_settings_give(struct partition *part,
                                                   struct partition_settings *settings)
{
    const bool is_compacted = settings->log.cleanup_compact;
    struct partition_settings *before = atomic_exchange(&part->settings, settings);
    atomic_store(&part->is_compacted, is_compacted);
    atomic_fetch_add(&part->settings_given, 1);
    return before;
}

void partition_settings_free(void *settings)
{
    free(settings);
}
