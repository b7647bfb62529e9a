/*
 * A log on a disk in memory, with a model beside it: every batch that was appended, to compare with.
 * Runs on: one thread.
 */
#ifndef BARNABAS_TESTS_STORAGE_LOG_RIG_H
#define BARNABAS_TESTS_STORAGE_LOG_RIG_H

#include <check.h>

#include "base/buf.h"
#include "base/prng.h"
#include "fake/crash_disk.h"
#include "storage/log.h"
#include "storage/log_load.h"

#define RIG_DIR "/topic-0"

struct rig_batch {
    int64_t base_offset;
    int64_t last_offset;
    int64_t max_timestamp_ms;
    int64_t *timestamps_ms; /* of its records */
    int32_t leader_epoch;
    uint8_t *bytes;
    size_t len;
};

struct rig {
    struct crash_disk *mem;
    struct disk *disk; /* of the log: mem's port, or one in front of it */
    const char *dir;   /* RIG_DIR unless set */
    struct log *log;
    struct log_settings settings;
    struct log_load_report report; /* of the last load */
    int64_t recovery_point;        /* checkpoints, as the next load gets them */
    int64_t log_start_offset;
    int64_t now_ms;
    int32_t leader_epoch;
    bool power_lost;
    struct rig_batch *batches;
    size_t count;
    size_t cap;
    struct errmsg why;
};

struct rig_append {
    int count; /* records; default 1 */
    int value_size;
    int64_t timestamp_ms; /* of the first; 0: rig's now */
    int64_t step_ms;      /* between records */
    int64_t producer_id;  /* 0: none */
    int16_t producer_epoch;
    int32_t base_sequence;
    bool transactional;
};

/* Small segments (4 KB), an index entry every 200 bytes. */
void rig_init(struct rig *rig);
void rig_close(struct rig *rig);
/* Loads; fails the test if that fails. */
void rig_load(struct rig *rig, bool clean);
enum err rig_try_load(struct rig *rig, bool clean);
/* Clean stop: close, flush, checkpoints, free. */
void rig_stop(struct rig *rig);
/* Frees the log as a kill would. */
void rig_kill(struct rig *rig);

enum err rig_try_append(struct rig *rig, const struct rig_append *spec, struct log_append_result *out);
struct log_append_result rig_append(struct rig *rig, struct rig_append spec);
struct log_append_result rig_append_marker(struct rig *rig, int64_t producer_id, int16_t epoch, bool commit);
/* Appends `n` batches of random shape. */
void rig_append_random(struct rig *rig, struct prng *prng, int n);
void rig_hw_to_end(struct rig *rig);
/* Forgets model batches that end at or above `offset`. */
void rig_model_truncate(struct rig *rig, int64_t offset);

/* The model's first batch with last offset >= `offset`, or NULL. */
const struct rig_batch *rig_batch_at(const struct rig *rig, int64_t offset);
/* Reads the whole log from its start and compares it with the model, which may go on further. Gives the end.
 */
int64_t rig_check_prefix(struct rig *rig);
/* Bytes of a slice. */
void rig_read_slice(struct rig *rig, const struct log_slice *slice, struct buf *out);

Suite *log_append_suite(void);
Suite *log_read_suite(void);
Suite *log_load_suite(void);
Suite *log_trim_suite(void);
Suite *log_fault_suite(void);
Suite *log_index_suite(void);
Suite *log_index_search_suite(void);
Suite *log_posix_suite(void);

#endif
