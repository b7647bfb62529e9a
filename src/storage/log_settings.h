/*
 * The numbers of a topic's configuration that a log goes by. Filled by the service from the topic's
 * settings, copied into the log.
 * Runs on: any.
 */
#ifndef BARNABAS_STORAGE_LOG_SETTINGS_H
#define BARNABAS_STORAGE_LOG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct log_settings {
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int64_t max_compaction_lag_ms;
    int64_t retention_ms;    /* < 0: forever */
    int64_t retention_bytes; /* < 0: no bound */
    int64_t flush_messages;
    int64_t producer_id_expiration_ms;
    int64_t writeback_bytes; /* start write-back after so many appended bytes; 0 = leave it to the kernel */
    int32_t segment_bytes;
    int32_t segment_index_bytes;
    int32_t index_interval_bytes;
    int32_t max_message_bytes;
    bool cleanup_delete;
    bool cleanup_compact;
    bool preallocate;
    bool verify_transactions; /* transaction.partition.verification.enable */
};

/* Kafka's defaults. */
void log_settings_init(struct log_settings *settings);

#endif
