#include "storage/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/prng.h"
#include "storage/log_internal.h"

void log_settings_init(struct log_settings *settings)
{
    *settings = (struct log_settings){
        .segment_ms = INT64_C(604800000),
        .max_compaction_lag_ms = INT64_MAX,
        .retention_ms = INT64_C(604800000),
        .retention_bytes = -1,
        .flush_messages = INT64_MAX,
        .producer_id_expiration_ms = 86400000,
        .segment_bytes = 1073741824,
        .segment_index_bytes = 10485760,
        .index_interval_bytes = 4096,
        .max_message_bytes = 1048588,
        .cleanup_delete = true,
        .verify_transactions = true,
    };
}

/* --- lifecycle --- */

void log_free(struct log *log)
{
    if (!log)
        return;
    for (int i = 0; i < log->segment_count; i++)
        segment_free(log->segments[i]);
    free(log->segments);
    leader_epochs_close(&log->epochs);
    producer_append_close(&log->append);
    producer_state_close(&log->producers);
    producer_snapshots_close(&log->snapshots);
    free(log->recent);
    free(log->failed_why);
    free(log->path);
    free(log);
}

/* --- failure --- */

enum err log_fail(struct log *log, enum err err, struct errmsg *why)
{
    (void)err;
    if (!log->failed) {
        log->failed = ERR_KAFKA_STORAGE_ERROR;
        log->failed_why = MEM_NEW(struct errmsg);
        if (why)
            *log->failed_why = *why;
        errmsg_prefix(log->failed_why, "log %s", log_name(log));
    }
    if (why)
        *why = *log->failed_why;
    return log->failed;
}

enum err log_check(const struct log *log, struct errmsg *why)
{
    if (log->failed && why)
        *why = *log->failed_why;
    return log->failed;
}

enum err log_read_error(struct log *log, enum err err, struct errmsg *why)
{
    switch (err) {
    case ERR_NONE:
    case ERR_WOULD_BLOCK:
    case ERR_CORRUPT_MESSAGE:
    case ERR_NO_MEMORY:
        return err;
    default:
        return log_fail(log, err, why);
    }
}

/* --- queries --- */

const char *log_path(const struct log *log)
{
    return log->path;
}

const char *log_name(const struct log *log)
{
    const char *slash = strrchr(log->path, '/');
    return slash ? slash + 1 : log->path;
}

struct uuid log_topic_id(const struct log *log)
{
    return log->topic_id;
}

int64_t log_start_offset(const struct log *log)
{
    return log->start_offset;
}

struct log_position log_end(const struct log *log)
{
    return log->end;
}

struct log_position log_high_watermark(const struct log *log)
{
    return log->hw;
}

struct log_position log_last_stable(const struct log *log)
{
    if (log->unstable.offset >= 0 && log->unstable.offset < log->hw.offset)
        return log->unstable;
    return log->hw;
}

int64_t log_first_unstable_offset(const struct log *log)
{
    return log->unstable.offset;
}

int64_t log_recovery_point(const struct log *log)
{
    return log->recovery_point;
}

int64_t log_size_bytes(const struct log *log)
{
    int64_t sum = 0;
    for (int i = 0; i < log->segment_count; i++)
        sum += log->segments[i]->size_bytes;
    return sum;
}

int log_segment_count(const struct log *log)
{
    return log->segment_count;
}

int64_t log_active_base_offset(const struct log *log)
{
    return log_active(log)->base_offset;
}

int64_t log_first_base_offset(const struct log *log)
{
    return log->segments[0]->base_offset;
}

struct leader_epochs *log_leader_epochs(struct log *log)
{
    return &log->epochs;
}

struct producer_state *log_producers(struct log *log)
{
    return &log->producers;
}

const struct log_settings *log_settings(const struct log *log)
{
    return &log->settings;
}

uint32_t log_cuts(const struct log *log)
{
    return log->truncations;
}

int64_t log_take_cut(struct log *log)
{
    int64_t cut_to = log->cut_to;
    log->cut_to = INT64_MAX;
    return cut_to;
}

enum err log_failure(const struct log *log, struct errmsg *why)
{
    return log_check(log, why);
}

/* --- commands --- */

void log_adopt_topic_id(struct log *log, struct uuid id)
{
    ASSERT(uuid_is_zero(log->topic_id) || uuid_equal(log->topic_id, id));
    log->topic_id = id;
}

static bool locate_recent(const struct log *log, int64_t offset, struct log_position *out,
                          int32_t *size_bytes)
{
    const struct log_recent *recent = log->recent;
    if (!recent)
        return false;
    const uint32_t n = recent->next < LOG_RECENT_COUNT ? recent->next : LOG_RECENT_COUNT;
    for (uint32_t k = 1; k <= n; k++) {
        const uint32_t i = (recent->next - k) % LOG_RECENT_COUNT;
        if (recent->items[i].size_bytes == 0 || offset < recent->items[i].base_offset ||
            offset > recent->items[i].last_offset)
            continue;
        *out = (struct log_position){offset, recent->items[i].segment_base, recent->items[i].pos};
        *size_bytes = recent->items[i].size_bytes;
        return true;
    }
    return false;
}

void log_update_unstable(struct log *log)
{
    struct log_position first;
    if (!producer_state_first_unstable(&log->producers, &first)) {
        log->unstable = LOG_POSITION_OF_OFFSET(-1);
        return;
    }
    if (first.offset < log->start_offset)
        first = LOG_POSITION_OF_OFFSET(log->start_offset);
    if (first.offset != log->unstable.offset || log_position_is_known(first))
        log->unstable = first;
}

struct log_position log_set_high_watermark(struct log *log, struct log_position position)
{
    if (position.offset < log->start_offset)
        position = LOG_POSITION_OF_OFFSET(log->start_offset);
    if (position.offset >= log->end.offset)
        position = log->end;
    /* An offset alone does not make us forget where it lies. */
    if (position.offset == log->hw.offset && !log_position_is_known(position))
        return log->hw;
    if (!log_position_is_known(position))
        (void)locate_recent(log, position.offset, &position, &(int32_t){0});
    log->hw = position;
    producer_state_on_high_watermark(&log->producers, position.offset);
    log_update_unstable(log);
    return log->hw;
}

void log_update_config(struct log *log, const struct log_settings *settings)
{
    log->settings = *settings;
}

/* --- segments --- */

int log_floor_segment(const struct log *log, int64_t offset)
{
    if (log->segment_count > 0 && offset >= log_active(log)->base_offset)
        return log->segment_count - 1;
    int lo = 0, hi = log->segment_count; /* the first base above offset is in [lo, hi] */
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (log->segments[mid]->base_offset <= offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo - 1;
}

void log_add_segment(struct log *log, struct segment *seg)
{
    ASSERT(log->segment_count == 0 || log_active(log)->base_offset < seg->base_offset);
    if (log->segment_count == log->segment_cap) {
        log->segment_cap = log->segment_cap ? 2 * log->segment_cap : 1;
        log->segments = mem_resize(log->segments, (size_t)log->segment_cap * sizeof(struct segment *));
    }
    log->segments[log->segment_count++] = seg;
}

int64_t log_next_jitter(struct log *log)
{
    int64_t bound = log->settings.segment_jitter_ms < log->settings.segment_ms
                        ? log->settings.segment_jitter_ms
                        : log->settings.segment_ms;
    if (bound <= 0)
        return 0;
    struct prng prng;
    prng_seed(&prng, log->seed++);
    return (int64_t)prng_below(&prng, (uint64_t)bound);
}

enum err log_create_segment(struct log *log, int64_t base_offset, int64_t now_ms, struct errmsg *why)
{
    struct segment *seg = segment_new(base_offset, now_ms, log_next_jitter(log));
    struct segment_files files = log_files(log, seg);
    enum err err = segment_create(seg, &files, &log->settings, why);
    if (err) {
        errmsg_prefix(why, "create segment %" PRId64, base_offset);
        segment_free(seg);
        return err;
    }
    log_add_segment(log, seg);
    return ERR_NONE;
}

/* An active segment that holds nothing but whose indexes are full begins anew under its own name. */
static enum err restart_empty_segment(struct log *log, int64_t now_ms, struct errmsg *why)
{
    struct segment *seg = log_active(log);
    log->segment_count--;
    segment_free(seg);
    enum err err = log_create_segment(log, log->end.offset, now_ms, why);
    /* A log always has a segment, also a failed one. */
    if (err)
        log_add_segment(log, segment_new(log->end.offset, now_ms, 0));
    return err;
}

enum err log_roll_to(struct log *log, int64_t min_base, int64_t now_ms, struct errmsg *why)
{
    struct segment *active = log_active(log);
    const int64_t base_offset = min_base > log->end.offset ? min_base : log->end.offset;
    if (active->base_offset == base_offset && active->size_bytes == 0)
        return restart_empty_segment(log, now_ms, why);
    if (active->base_offset >= base_offset) {
        errmsg_set(why, "roll to %" PRId64 " although the active segment begins at %" PRId64, base_offset,
                   active->base_offset);
        return ERR_CORRUPT_FILE;
    }
    struct segment_files files = log_files(log, active);
    enum err err = segment_seal(active, &files, why);
    if (err) {
        errmsg_prefix(why, "seal segment %" PRId64, active->base_offset);
        return err;
    }
    producer_state_set_end_offset(&log->producers, base_offset);
    err = producer_snapshots_take(&log->snapshots, &log->producers, false, why);
    if (!err)
        err = log_create_segment(log, base_offset, now_ms, why);
    if (err)
        return err;
    log->unsynced_snapshot = base_offset;
    log_set_end(log, log->end.offset);
    return ERR_NONE;
}

enum err log_roll(struct log *log, int64_t now_ms, struct errmsg *why)
{
    enum err err = log_check(log, why);
    if (err || log_active(log)->size_bytes == 0)
        return err;
    err = log_roll_to(log, 0, now_ms, why);
    return err ? log_fail(log, err, why) : ERR_NONE;
}

/* --- positions --- */

void log_set_end(struct log *log, int64_t offset)
{
    const struct segment *active = log_active(log);
    log->end = (struct log_position){offset, active->base_offset, active->size_bytes};
    if (log->hw.offset >= offset)
        log->hw = log->end;
}

void log_recent_add(struct log *log, int64_t base_offset, int64_t last_offset, int64_t segment_base,
                    int32_t pos, int32_t size_bytes)
{
    if (!log->recent)
        log->recent = MEM_NEW(struct log_recent);
    struct log_recent *recent = log->recent;
    const uint32_t i = recent->next++ % LOG_RECENT_COUNT;
    recent->items[i].base_offset = base_offset;
    recent->items[i].last_offset = last_offset;
    recent->items[i].segment_base = segment_base;
    recent->items[i].pos = pos;
    recent->items[i].size_bytes = size_bytes;
}

void log_recent_clear(struct log *log)
{
    if (log->recent)
        memset(log->recent, 0, sizeof *log->recent);
}

enum err log_locate(struct log *log, int64_t offset, bool nowait, struct log_position *out,
                    int32_t *size_bytes, struct errmsg *why)
{
    *size_bytes = 0;
    if (offset >= log->end.offset) {
        *out = log->end;
        return ERR_NONE;
    }
    if (locate_recent(log, offset, out, size_bytes))
        return ERR_NONE;
    int i = log_floor_segment(log, offset);
    for (i = i < 0 ? 0 : i; i < log->segment_count; i++) {
        struct segment *seg = log->segments[i];
        struct segment_files files = log_files(log, seg);
        struct batch_info info;
        int32_t pos;
        bool found;
        enum err err = segment_find(seg, &files, offset, nowait, &pos, &info, &found, why);
        if (err)
            return log_read_error(log, err, why);
        if (!found)
            continue;
        *out = (struct log_position){offset, seg->base_offset, pos};
        *size_bytes = info.size_bytes;
        return ERR_NONE;
    }
    *out = log->end;
    return ERR_NONE;
}
