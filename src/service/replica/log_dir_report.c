#include "service/replica/log_dir_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/mover/mover.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_manager_internal.h"

/* Values above are cut, as Java's are (adjustForLargeFileSystems). */
static int64_t not_negative(int64_t bytes)
{
    return bytes < 0 ? INT64_MAX : bytes;
}

static const char *absolute(const struct log_dir_state *state, struct arena *arena)
{
    char *path = log_dir_state_path(state);
    const char *out = arena_strdup(arena, path);
    free(path);
    return out;
}

static void describe_dir(struct log_dir_report *report, const struct log_dir_state *state,
                         struct log_dir_report_dir *out)
{
    struct errmsg why;
    out->path = absolute(state, report->arena);
    out->total_bytes = -1;
    out->usable_bytes = -1;
    if (log_dir_is_offline(&state->dir)) {
        out->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    enum err err =
        DISK(report->broker->disk, space, state->dir.path, &out->usable_bytes, &out->total_bytes, &why);
    if (err != ERR_NONE) {
        log_warn("storage", "space_unknown", "dir=%s error=\"%s\"", state->dir.path, why.text);
        out->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    out->total_bytes = not_negative(out->total_bytes);
    out->usable_bytes = not_negative(out->usable_bytes);
}

/* --- replicas --------------------------------------------------------------------------------------------
 */

struct seen {
    const struct log_dir_state *dir; /* NULL = not there */
    int64_t size_bytes;
    int64_t offset_lag;
    struct mover_progress future;
    int64_t future_lag;
};

static int64_t lag_of(int64_t end, int64_t behind)
{
    return end > behind ? end - behind : 0;
}

/* By the holder. */
static void look(struct partition *part, void *arg)
{
    struct seen *seen = arg;
    if (part->deleted || !part->log)
        return;
    int64_t end = log_end(part->log).offset;
    *seen = (struct seen){.dir = part->dir,
                          .size_bytes = log_size_bytes(part->log),
                          .offset_lag = lag_of(log_high_watermark(part->log).offset, end),
                          .future = mover_progress(part)};
    seen->future_lag = lag_of(end, seen->future.end_offset);
}

static bool is_wanted(const struct log_dir_report *report, const struct partition *part)
{
    uint8_t key[PARTITION_KEY_MAX];
    return !report->wanted || map_get(report->wanted, partition_key(key, view_str(part->topic), part->index));
}

static void take(struct log_dir_report *report, const struct log_dirs *dirs, struct partition *part)
{
    struct seen seen = {0};
    partition_try_call(part, look, &seen); /* one that hangs is left out */
    const char *topic = arena_strdup(report->arena, part->topic);
    for (int i = 0; i < dirs->count; i++) {
        struct log_dir_report_dir *dir = &report->dirs[i];
        if (dir->err != ERR_NONE)
            continue;
        if (dirs->items[i] == seen.dir)
            dir->replicas[dir->count++] =
                (struct log_dir_report_replica){topic, part->index, seen.size_bytes, seen.offset_lag, false};
        if (dirs->items[i] == seen.future.dir)
            dir->replicas[dir->count++] = (struct log_dir_report_replica){
                topic, part->index, seen.future.size_bytes, seen.future_lag, true};
    }
}

static int by_name(const void *a, const void *b)
{
    const struct log_dir_report_replica *x = a;
    const struct log_dir_report_replica *y = b;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static void report_run(struct work *work)
{
    struct log_dir_report *report = CONTAINER_OF(work, struct log_dir_report, work);
    struct replica_manager *manager = report->broker->replicas;
    const struct log_dirs *dirs = replica_manager_dirs(manager);
    int count;
    struct partition **all = replica_manager_all(manager, &count);
    report->dirs = arena_zalloc(report->arena, sizeof *report->dirs * (size_t)(dirs->count + 1));
    report->dirs_count = dirs->count;
    for (int i = 0; i < dirs->count; i++) {
        report->dirs[i].replicas =
            arena_alloc(report->arena, sizeof *report->dirs[i].replicas * (size_t)(count + 1));
        describe_dir(report, dirs->items[i], &report->dirs[i]);
    }
    for (int i = 0; i < count; i++) {
        if (is_wanted(report, all[i]))
            take(report, dirs, all[i]);
        partition_release(all[i]);
    }
    free(all);
    for (int i = 0; i < dirs->count; i++)
        qsort(report->dirs[i].replicas, report->dirs[i].count, sizeof *report->dirs[i].replicas, by_name);
}

static void report_done(struct work *work, bool discard)
{
    (void)discard;
    struct log_dir_report *report = CONTAINER_OF(work, struct log_dir_report, work);
    report->done(report);
}

void log_dir_report_submit(struct log_dir_report *report)
{
    report->dirs_count = 0;
    report->work = (struct work){
        .home = loop_current(), .run = report_run, .done = report_done, .label = "describe_log_dirs"};
    workers_submit(report->broker->workers, &report->work);
}
