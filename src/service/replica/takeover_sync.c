#include "service/replica/takeover_sync.h"

#include "base/log.h"
#include "service/broker.h"
#include "service/partition/partition.h"
#include "service/replica/dir_checkpoints.h"
#include "storage/log_flush.h"

/* Logs that are synced together: each holds files open meanwhile. */
#define TOGETHER_MAX 64

static bool is_in(const struct log_dir_state *dir, const struct partition *part)
{
    return part->dir == dir && part->log;
}

static bool is_unsynced(const struct partition *part)
{
    return log_recovery_point(part->log) < log_end(part->log).offset;
}

static enum err sync_together(struct partition *const *parts, int count, struct errmsg *why)
{
    struct log_flush flush = {0};
    struct log_flush_ticket tickets[TOGETHER_MAX];
    bool needed[TOGETHER_MAX] = {false};
    enum err err = ERR_NONE;
    for (int i = 0; i < count && !err; i++)
        err = log_flush_begin(parts[i]->log, log_end(parts[i]->log).offset, &flush, &tickets[i], &needed[i],
                              why);
    if (!err)
        err = log_flush_run(&flush, why);
    for (int i = 0; i < count; i++)
        if (needed[i])
            log_flush_end(parts[i]->log, &tickets[i], err, why);
    log_flush_close(&flush);
    return err;
}

/* Gives how many logs were synced. */
static enum err sync_all(struct log_dir_state *dir, struct partition *const *parts, int count, int *synced,
                         struct errmsg *why)
{
    struct partition *together[TOGETHER_MAX];
    int waiting = 0;
    enum err err = ERR_NONE;
    *synced = 0;
    for (int i = 0; i < count && !err; i++) {
        if (is_in(dir, parts[i]) && is_unsynced(parts[i]))
            together[waiting++] = parts[i];
        if (waiting == 0 || (waiting < TOGETHER_MAX && i + 1 < count))
            continue;
        err = sync_together(together, waiting, why);
        *synced += waiting;
        waiting = 0;
    }
    return err;
}

/* True when a row was another. */
static bool put_recovery_points(struct log_dir_state *dir, struct partition *const *parts, int count)
{
    bool moved = false;
    for (int i = 0; i < count; i++) {
        if (!is_in(dir, parts[i]))
            continue;
        const struct view topic = view_str(parts[i]->topic);
        const int64_t point = log_recovery_point(parts[i]->log);
        int64_t row = -1;
        (void)dir_checkpoints_get(dir, LOG_DIR_RECOVERY_POINT, topic, parts[i]->index, &row);
        if (row == point)
            continue;
        dir_checkpoints_put(dir, LOG_DIR_RECOVERY_POINT, topic, parts[i]->index, point);
        moved = true;
    }
    return moved;
}

void takeover_sync(struct log_dir_state *dir, struct partition *const *parts, int count)
{
    struct clock *clock = dir->all->broker->clock;
    const int64_t begun_ms = clock_mono_ms(clock);
    struct errmsg why;
    int synced;
    enum err err = sync_all(dir, parts, count, &synced, &why);
    if (!err && put_recovery_points(dir, parts, count))
        err = dir_checkpoints_save(dir, 1u << LOG_DIR_RECOVERY_POINT, &why);
    if (err)
        log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
    else if (synced > 0)
        log_info("storage", "taken_over",
                 "dir=%s logs=%d ms=%lld reason=\"no run of ours left them: what was not synced is now\"",
                 dir->dir.path, synced, (long long)(clock_mono_ms(clock) - begun_ms));
}
