#include "metrics/metrics.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "metrics/internal.h"

/* --- one number ---------------------------------------------------------------------------------------- */

static void cell_add(const struct metrics_shard *shard, _Atomic int64_t *cell, int64_t n)
{
    if (shard->common)
        atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
    else
        atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                              memory_order_relaxed);
}

static int64_t cell_read(const _Atomic int64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* --- lifecycle ----------------------------------------------------------------------------------------- */

/* Lines of memory of two shards must not meet. */
static struct metrics_shard *shard_new(struct metrics *metrics, int index)
{
    size_t size = (sizeof(struct metrics_shard) + 63) / 64 * 64;
    struct metrics_shard *shard = aligned_alloc(64, size);
    if (!shard)
        mem_fail(size);
    memset(shard, 0, size);
    shard->metrics = metrics;
    shard->index = index;
    return shard;
}

struct metrics *metrics_new(int writers)
{
    ASSERT(writers >= 0);
    struct metrics *metrics = MEM_NEW(struct metrics);
    metrics->shards_count = writers + 1;
    metrics->shards = mem_zalloc(sizeof *metrics->shards * (size_t)metrics->shards_count);
    for (int i = 0; i < metrics->shards_count; i++)
        metrics->shards[i] = shard_new(metrics, i);
    metrics->shards[writers]->common = true;
    pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

static void shard_free(struct metrics_shard *shard)
{
    for (int i = 0; i < METRICS_KINDS; i++)
        free(atomic_load(&shard->kinds[i]));
    for (int i = 0; i < METRIC_COUNT; i++)
        free(atomic_load(&shard->summaries[i]));
    free(shard);
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    ASSERT(metrics->topics.count == 0);
    for (int i = 0; i < metrics->shards_count; i++)
        shard_free(metrics->shards[i]);
    for (int i = 0; i < METRIC_COUNT; i++)
        free(metrics->summary_windows[i]);
    for (int kind = 0; kind < METRICS_KINDS; kind++)
        for (int time = 0; time < METRICS_TIMES; time++)
            free(metrics->kind_windows[kind][time]);
    free(metrics->shards);
    map_close(&metrics->topics);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

struct metrics_shard *metrics_shard(struct metrics *metrics, int index)
{
    int common = metrics->shards_count - 1;
    return metrics->shards[index >= 0 && index < common ? index : common];
}

/* --- counting ------------------------------------------------------------------------------------------ */

void metrics_add(struct metrics_shard *shard, enum metric id, int64_t n)
{
    cell_add(shard, &shard->values[id], n);
}

void metrics_set(struct metrics_shard *shard, enum metric id, int64_t value)
{
    ASSERT(!shard->common);
    atomic_store_explicit(&shard->values[id], value, memory_order_relaxed);
}

void metrics_observe(struct metrics_shard *shard, enum metric id, int64_t value)
{
    if (shard->common)
        pthread_mutex_lock(&shard->metrics->lock);
    struct histogram *summary = atomic_load_explicit(&shard->summaries[id], memory_order_relaxed);
    if (!summary) {
        summary = MEM_NEW(struct histogram);
        atomic_store_explicit(&shard->summaries[id], summary, memory_order_release);
    }
    histogram_add(summary, value > 0 ? (uint64_t)value : 0);
    if (shard->common)
        pthread_mutex_unlock(&shard->metrics->lock);
}

/* --- requests ------------------------------------------------------------------------------------------ */

static struct metrics_kind *kind_of(struct metrics_shard *shard, int kind, const char *name)
{
    ASSERT(!shard->common && kind >= 0 && kind < METRICS_KINDS);
    struct metrics_kind *counts = atomic_load_explicit(&shard->kinds[kind], memory_order_relaxed);
    if (!counts) {
        counts = MEM_NEW(struct metrics_kind);
        counts->name = name;
        atomic_store_explicit(&shard->kinds[kind], counts, memory_order_release);
    }
    return counts;
}

void metrics_count_request(struct metrics_shard *shard, const struct metrics_request *request)
{
    struct metrics_kind *counts = kind_of(shard, request->kind, request->name);
    int version = request->version < METRICS_VERSIONS ? request->version : METRICS_VERSIONS - 1;
    cell_add(shard, &counts->requests[version > 0 ? version : 0], 1);
    const int64_t times[METRICS_TIMES] = {request->total_us, request->local_us, request->remote_us,
                                          request->send_us};
    for (int i = 0; i < METRICS_TIMES; i++)
        if (times[i] >= 0)
            histogram_add(&counts->times[i], (uint64_t)times[i]);
}

void metrics_count_error(struct metrics_shard *shard, int kind, const char *name, enum err err)
{
    int code = err_wire_code(err) + 1;
    if (code >= 0 && code < METRICS_ERRORS)
        cell_add(shard, &kind_of(shard, kind, name)->errors[code], 1);
}

/* --- topics -------------------------------------------------------------------------------------------- */

struct metrics_topic *metrics_topic_get(struct metrics *metrics, const char *name)
{
    pthread_mutex_lock(&metrics->lock);
    struct metrics_topic *topic = map_get_str(&metrics->topics, name);
    if (!topic) {
        topic = mem_zalloc(sizeof *topic + sizeof topic->counts[0] * (size_t)metrics->shards_count);
        topic->metrics = metrics;
        topic->name = mem_strdup(name);
        map_put_str(&metrics->topics, name, topic);
    }
    topic->shares++;
    pthread_mutex_unlock(&metrics->lock);
    return topic;
}

void metrics_topic_release(struct metrics_topic *topic)
{
    if (!topic)
        return;
    struct metrics *metrics = topic->metrics;
    pthread_mutex_lock(&metrics->lock);
    bool last = --topic->shares == 0;
    if (last)
        map_remove(&metrics->topics, view_str(topic->name));
    pthread_mutex_unlock(&metrics->lock);
    if (!last)
        return;
    for (int i = 0; i < metrics->shards_count; i++)
        free((void *)atomic_load(&topic->counts[i]));
    free(topic->name);
    free(topic);
}

/* The first count of a shard for a topic. Its counts fill lines of memory of their own. */
static _Atomic int64_t *new_counts(const struct metrics_shard *shard, struct metrics_topic *topic)
{
    if (shard->common)
        pthread_mutex_lock(&shard->metrics->lock);
    _Atomic int64_t *counts = atomic_load_explicit(&topic->counts[shard->index], memory_order_relaxed);
    if (!counts) {
        size_t size = (sizeof *counts * METRIC_TOPIC_COUNT + 63) / 64 * 64;
        counts = aligned_alloc(64, size);
        if (!counts)
            mem_fail(size);
        memset((void *)counts, 0, size);
        atomic_store_explicit(&topic->counts[shard->index], counts, memory_order_release);
    }
    if (shard->common)
        pthread_mutex_unlock(&shard->metrics->lock);
    return counts;
}

void metrics_topic_add(struct metrics_shard *shard, struct metrics_topic *topic, enum metric id, int64_t n)
{
    cell_add(shard, &shard->values[id], n);
    if (!topic)
        return;
    ASSERT((int)id < METRIC_TOPIC_COUNT);
    _Atomic int64_t *counts = atomic_load_explicit(&topic->counts[shard->index], memory_order_acquire);
    if (!counts)
        counts = new_counts(shard, topic);
    cell_add(shard, &counts[id], n);
}

/* --- reading ------------------------------------------------------------------------------------------- */

int64_t metrics_value(const struct metrics *metrics, enum metric id)
{
    int64_t sum = 0;
    for (int i = 0; i < metrics->shards_count; i++)
        sum += cell_read(&metrics->shards[i]->values[id]);
    return sum;
}

int64_t metrics_topic_value(const struct metrics_topic *topic, enum metric id)
{
    int64_t sum = 0;
    for (int i = 0; i < topic->metrics->shards_count; i++) {
        const _Atomic int64_t *counts = atomic_load_explicit(&topic->counts[i], memory_order_acquire);
        if (counts)
            sum += cell_read(&counts[id]);
    }
    return sum;
}
