#include "core/cleaner/cleaner_log.h"

double cleaner_log_ratio(const struct cleaner_log *log)
{
    int64_t total = log->clean_bytes + log->cleanable_bytes;
    return total > 0 ? (double)log->cleanable_bytes / (double)total : 0;
}

/* When the oldest dirty record reaches max.compaction.lag.ms; INT64_MAX: never. */
static int64_t overdue_from_ms(const struct cleaner_log *log)
{
    if (log->oldest_dirty_ms <= 0 || log->max_lag_ms > INT64_MAX - log->oldest_dirty_ms)
        return INT64_MAX;
    return log->oldest_dirty_ms + log->max_lag_ms;
}

int64_t cleaner_log_delay_ms(const struct cleaner_log *log, int64_t now_ms)
{
    int64_t from_ms = overdue_from_ms(log);
    return from_ms < now_ms ? now_ms - from_ms : 0;
}

static bool is_dirty_enough(const struct cleaner_log *log)
{
    return cleaner_log_ratio(log) > log->min_ratio;
}

enum cleaner_reason cleaner_log_reason(const struct cleaner_log *log, int64_t now_ms)
{
    if (now_ms < log->not_before_ms)
        return CLEANER_NOT_NOW;
    if (is_dirty_enough(log))
        return CLEANER_BY_RATIO;
    return log->cleanable_bytes > 0 && cleaner_log_delay_ms(log, now_ms) > 0 ? CLEANER_BY_LAG
                                                                             : CLEANER_NOT_NOW;
}

int64_t cleaner_log_due_ms(const struct cleaner_log *log, int64_t now_ms)
{
    if (log->ripens || log->state == CLEANER_PAUSED || is_dirty_enough(log))
        return now_ms > log->not_before_ms ? now_ms : log->not_before_ms;
    if (log->cleanable_bytes == 0)
        return INT64_MAX;
    int64_t from_ms = overdue_from_ms(log);
    return from_ms > log->not_before_ms ? from_ms : log->not_before_ms;
}

int cleaner_log_choose(const struct cleaner_log *const *logs, int count, int64_t now_ms)
{
    int best = -1;
    for (int i = 0; i < count; i++) {
        if (logs[i]->state != CLEANER_IDLE || cleaner_log_reason(logs[i], now_ms) == CLEANER_NOT_NOW)
            continue;
        if (best < 0 || cleaner_log_ratio(logs[i]) > cleaner_log_ratio(logs[best]))
            best = i;
    }
    return best;
}
