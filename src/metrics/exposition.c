#include "metrics/exposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "metrics/internal.h"

/* As the JMX exporter writes them: dashboards compare the text. */
static const struct {
    const char *text;
    double q;
} QUANTILES[] = {{"0.50", 0.5},  {"0.75", 0.75}, {"0.95", 0.95},
                 {"0.98", 0.98}, {"0.99", 0.99}, {"0.999", 0.999}};

static const char *const TYPES[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_SUMMARY] = "summary"};

/* --- pieces of a line ---------------------------------------------------------------------------------- */

/* Backslash and line feed are written as two characters; in a label's value the quote too. */
static void put_escaped(struct buf *out, const char *text, bool quotes)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\n')
            buf_put_str(out, "\\n");
        else if (*at == '\\')
            buf_put_str(out, "\\\\");
        else if (*at == '"' && quotes)
            buf_put_str(out, "\\\"");
        else
            buf_put(out, at, 1);
    }
}

static void begin_family(struct metrics_text *text, enum metric id)
{
    const struct metric_info *info = metric_info(id);
    if (text->family && strcmp(text->family, info->name) == 0)
        return;
    text->family = info->name;
    buf_put_str(text->out, "# HELP ");
    buf_put_str(text->out, info->name);
    buf_put_str(text->out, " ");
    put_escaped(text->out, info->help, false);
    buf_put_str(text->out, "\n# TYPE ");
    buf_put_str(text->out, info->name);
    buf_put_str(text->out, " ");
    buf_put_str(text->out, TYPES[info->kind]);
    buf_put_str(text->out, "\n");
}

static void put_label(struct buf *out, bool *first, const char *name, size_t name_len, const char *value)
{
    buf_put_str(out, *first ? "{" : ",");
    *first = false;
    buf_put(out, name, name_len);
    buf_put_str(out, "=\"");
    put_escaped(out, value, true);
    buf_put_str(out, "\"");
}

/* `labels` NULL: only those that never change. */
static void put_labels(struct buf *out, const char *names, const char *const *labels, const char *quantile)
{
    bool first = true;
    while (*names) {
        size_t len = strcspn(names, ",");
        const char *equals = memchr(names, '=', len);
        if (equals) {
            struct buf value = {0};
            buf_put(&value, equals + 1, len - (size_t)(equals + 1 - names));
            put_label(out, &first, names, (size_t)(equals - names), buf_cstr(&value));
            buf_close(&value);
        } else if (labels) {
            put_label(out, &first, names, len, *labels++);
        }
        names += len + (names[len] == ',');
    }
    if (quantile)
        put_label(out, &first, "quantile", 8, quantile);
    if (!first)
        buf_put_str(out, "}");
}

static void put_number(struct buf *out, int64_t value, int64_t divisor)
{
    if (divisor == 1)
        buf_printf(out, " %lld\n", (long long)value);
    else
        buf_printf(out, " %.12g\n", (double)value / (double)divisor);
}

/* --- series that were gathered ------------------------------------------------------------------------- */

static void put_series(struct metrics_text *text, enum metric id, const char *const *labels, int64_t value)
{
    const struct metric_info *info = metric_info(id);
    begin_family(text, id);
    buf_put_str(text->out, info->name);
    put_labels(text->out, info->labels, labels, NULL);
    put_number(text->out, value, info->divisor);
}

void metrics_put(struct metrics_text *text, enum metric id, const char *const *labels, int64_t value)
{
    ASSERT(metric_info(id)->kept == METRIC_KEPT_GATHERED && metric_info(id)->kind != METRIC_SUMMARY);
    put_series(text, id, labels, value);
}

void metrics_put_real(struct metrics_text *text, enum metric id, const char *const *labels, double value)
{
    const struct metric_info *info = metric_info(id);
    begin_family(text, id);
    buf_put_str(text->out, info->name);
    put_labels(text->out, info->labels, labels, NULL);
    buf_printf(text->out, " %.12g\n", value);
}

static void put_summary(struct metrics_text *text, enum metric id, const char *const *labels,
                        const struct histogram *window, uint64_t count)
{
    const struct metric_info *info = metric_info(id);
    begin_family(text, id);
    for (size_t i = 0; i < ARRAY_LEN(QUANTILES); i++) {
        buf_put_str(text->out, info->name);
        put_labels(text->out, info->labels, labels, QUANTILES[i].text);
        put_number(text->out, (int64_t)histogram_quantile(window, QUANTILES[i].q), info->divisor);
    }
    buf_put_str(text->out, info->name);
    buf_put_str(text->out, "_count");
    put_labels(text->out, info->labels, labels, NULL);
    put_number(text->out, (int64_t)count, 1);
}

/* --- windows ------------------------------------------------------------------------------------------- */

static void take_counts(uint32_t counts[HISTOGRAM_BUCKETS], const struct histogram *sum)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        counts[i] = (uint32_t)atomic_load_explicit(&sum->buckets[i], memory_order_relaxed);
}

/* Takes out of `sum` what was there some minutes ago. Counts wrap, their differences do not matter. */
static void keep_recent(struct histogram *sum, struct metrics_window **window, int64_t now_ms)
{
    if (!*window) {
        *window = MEM_NEW(struct metrics_window);
        (*window)->newer_ms = now_ms;
    }
    struct metrics_window *marks = *window;
    if (now_ms - marks->newer_ms >= METRICS_WINDOW_MS) {
        memcpy(marks->older, marks->newer, sizeof marks->older);
        take_counts(marks->newer, sum);
        marks->newer_ms = now_ms;
    }
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint32_t recent = (uint32_t)sum->buckets[i] - marks->older[i];
        atomic_store_explicit(&sum->buckets[i], recent, memory_order_relaxed);
    }
}

void metrics_put_summary(struct metrics_text *text, enum metric id, const char *const *labels,
                         const struct histogram *histogram, struct metrics_window **window, int64_t now_ms)
{
    struct histogram *sum = MEM_NEW(struct histogram);
    histogram_merge(sum, histogram);
    uint64_t count = sum->count;
    keep_recent(sum, window, now_ms);
    put_summary(text, id, labels, sum, count);
    free(sum);
}

/* --- requests ------------------------------------------------------------------------------------------ */

static const struct metrics_kind *shard_kind(const struct metrics *metrics, int shard, int kind)
{
    return atomic_load_explicit(&metrics->shards[shard]->kinds[kind], memory_order_acquire);
}

static const char *kind_name(const struct metrics *metrics, int kind)
{
    for (int i = 0; i < metrics->shards_count; i++) {
        const struct metrics_kind *counts = shard_kind(metrics, i, kind);
        if (counts)
            return counts->name;
    }
    return NULL;
}

static void put_requests(struct metrics_text *text, const struct metrics *metrics, int kind, const char *name)
{
    for (int version = 0; version < METRICS_VERSIONS; version++) {
        int64_t sum = 0;
        for (int i = 0; i < metrics->shards_count; i++) {
            const struct metrics_kind *counts = shard_kind(metrics, i, kind);
            sum += counts ? atomic_load_explicit(&counts->requests[version], memory_order_relaxed) : 0;
        }
        char number[12];
        snprintf(number, sizeof number, "%d", version);
        if (sum > 0)
            put_series(text, METRIC_REQUESTS, (const char *const[]){name, number}, sum);
    }
}

static void put_errors(struct metrics_text *text, const struct metrics *metrics, int kind, const char *name)
{
    for (int code = 0; code < METRICS_ERRORS; code++) {
        int64_t sum = 0;
        for (int i = 0; i < metrics->shards_count; i++) {
            const struct metrics_kind *counts = shard_kind(metrics, i, kind);
            sum += counts ? atomic_load_explicit(&counts->errors[code], memory_order_relaxed) : 0;
        }
        if (sum > 0)
            put_series(text, METRIC_ERRORS, (const char *const[]){name, err_name((enum err)(code - 1))}, sum);
    }
}

static void put_times(struct metrics_text *text, struct metrics *metrics, int kind, const char *name,
                      int time, int64_t now_ms)
{
    struct histogram *sum = MEM_NEW(struct histogram);
    for (int i = 0; i < metrics->shards_count; i++) {
        const struct metrics_kind *counts = shard_kind(metrics, i, kind);
        if (counts)
            histogram_merge(sum, &counts->times[time]);
    }
    uint64_t count = sum->count;
    keep_recent(sum, &metrics->kind_windows[kind][time], now_ms);
    put_summary(text, (enum metric)(METRIC_TOTAL_TIME + time), (const char *const[]){name}, sum, count);
    free(sum);
}

static void put_request_metric(struct metrics_text *text, struct metrics *metrics, enum metric id,
                               int64_t now_ms)
{
    for (int kind = 0; kind < METRICS_KINDS; kind++) {
        const char *name = kind_name(metrics, kind);
        if (!name)
            continue;
        if (id == METRIC_REQUESTS)
            put_requests(text, metrics, kind, name);
        else if (id == METRIC_ERRORS)
            put_errors(text, metrics, kind, name);
        else
            put_times(text, metrics, kind, name, (int)id - METRIC_TOTAL_TIME, now_ms);
    }
}

/* --- the rest that is counted -------------------------------------------------------------------------- */

static void put_counted_summary(struct metrics_text *text, struct metrics *metrics, enum metric id,
                                int64_t now_ms)
{
    struct histogram *sum = MEM_NEW(struct histogram);
    for (int i = 0; i < metrics->shards_count; i++) {
        const struct histogram *part =
            atomic_load_explicit(&metrics->shards[i]->summaries[id], memory_order_acquire);
        if (part)
            histogram_merge(sum, part);
    }
    uint64_t count = sum->count;
    keep_recent(sum, &metrics->summary_windows[id], now_ms);
    put_summary(text, id, NULL, sum, count);
    free(sum);
}

static int by_name(const void *a, const void *b)
{
    const struct metrics_topic *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Every topic, shared, sorted; release each and free the array. */
static struct metrics_topic **all_topics(struct metrics *metrics, size_t *count)
{
    pthread_mutex_lock(&metrics->lock);
    struct metrics_topic **topics = mem_zalloc(sizeof(struct metrics_topic *) * (metrics->topics.count + 1));
    struct map_slot *slot;
    size_t at = 0;
    *count = 0;
    while ((slot = map_next(&metrics->topics, &at))) {
        topics[*count] = slot->value;
        topics[(*count)++]->shares++;
    }
    pthread_mutex_unlock(&metrics->lock);
    qsort(topics, *count, sizeof(struct metrics_topic *), by_name);
    return topics;
}

void metrics_put_counted(struct metrics_text *text, struct metrics *metrics, int64_t now_ms)
{
    size_t topics_count;
    struct metrics_topic **topics = all_topics(metrics, &topics_count);
    for (int i = 0; i < METRIC_COUNT; i++) {
        enum metric id = (enum metric)i;
        switch (metric_info(id)->kept) {
        case METRIC_KEPT_TOPIC:
            put_series(text, id, NULL, metrics_value(metrics, id));
            for (size_t t = 0; t < topics_count; t++)
                put_series(text, id, (const char *const[]){topics[t]->name},
                           metrics_topic_value(topics[t], id));
            break;
        case METRIC_KEPT_COUNTED:
            if (metric_info(id)->kind == METRIC_SUMMARY)
                put_counted_summary(text, metrics, id, now_ms);
            else
                put_series(text, id, NULL, metrics_value(metrics, id));
            break;
        case METRIC_KEPT_REQUESTS:
            put_request_metric(text, metrics, id, now_ms);
            break;
        case METRIC_KEPT_GATHERED:
            break;
        }
    }
    for (size_t t = 0; t < topics_count; t++)
        metrics_topic_release(topics[t]);
    free(topics);
}
