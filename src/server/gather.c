#include "server/gather.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "core/metadata/metadata.h"
#include "metrics/exposition.h"
#include "net/server.h"
#include "server/partition_sweep.h"
#include "server/process.h"
#include "server/version.h"
#include "service/cleaner/cleaner.h"
#include "service/controller/controller_loop.h"
#include "service/fetcher/fetchers.h"
#include "service/fetcher/replication_quotas.h"
#include "service/metadata_cache.h"
#include "service/replica/replica_manager.h"
#include "service/replica/strays.h"
#include "zk/client.h"

#define SWEEP_TIMEOUT_MS 5000
/* The idle share is of at least so long a time, if someone asks that often. */
#define IDLE_WINDOW_NS (60 * 1000000000LL)

#define LABELS(...)                                                                                          \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

/* How busy the network loops had been at some time. */
struct idle_mark {
    int64_t at_ns;
    uint64_t busy_us;
};

struct gatherer {
    struct broker *broker;
    struct loop *const *loops;
    int loops_count;
    gatherer_done_fn done;
    void *arg;
    bool at_work;
    int64_t begun_ns;
    struct partition_sweep *sweep;
    struct idle_mark older, newer;
    struct metrics_window *zk_window;
    struct metrics_window **loop_windows;
};

static int64_t now_ns(const struct gatherer *gatherer)
{
    return gatherer->broker->clock->mono_ns(gatherer->broker->clock);
}

/* --- partitions ----------------------------------------------------------------------------------------- */

struct partition_sums {
    int64_t partitions, leaders, under_replicated, under_min_isr, at_min_isr, offline, reassigning,
        producer_ids;
};

static bool is_under_replicated(const struct partition_numbers *found)
{
    return found->leads && found->isr < found->replicas;
}

static bool is_under_min_isr(const struct partition_numbers *found)
{
    return found->leads && found->isr < found->min_isr;
}

static bool is_at_min_isr(const struct partition_numbers *found)
{
    return found->leads && found->isr == found->min_isr;
}

static int64_t partition_value(enum metric id, const struct partition_numbers *found)
{
    switch ((int)id) {
    case METRIC_PART_UNDER_REPLICATED:
        return is_under_replicated(found);
    case METRIC_PART_UNDER_MIN_ISR:
        return is_under_min_isr(found);
    case METRIC_PART_AT_MIN_ISR:
        return is_at_min_isr(found);
    case METRIC_PART_ISR:
        return found->isr;
    case METRIC_PART_REPLICAS:
        return found->replicas;
    case METRIC_PART_STABLE_LAG:
        return found->stable_lag;
    case METRIC_PART_LAG:
        return found->leader_lag;
    case METRIC_LOG_SIZE:
        return found->size_bytes;
    case METRIC_LOG_SEGMENTS:
        return found->segments;
    case METRIC_LOG_START:
        return found->start_offset;
    default:
        return found->end_offset;
    }
}

static void put_partition_rows(struct metrics_text *text, const struct partition_sweep *sweep)
{
    static const enum metric ROWS[] = {
        METRIC_PART_UNDER_REPLICATED, METRIC_PART_UNDER_MIN_ISR, METRIC_PART_AT_MIN_ISR, METRIC_PART_ISR,
        METRIC_PART_REPLICAS,         METRIC_PART_STABLE_LAG,    METRIC_PART_LAG,        METRIC_LOG_SIZE,
        METRIC_LOG_SEGMENTS,          METRIC_LOG_START,          METRIC_LOG_END};
    for (size_t row = 0; row < ARRAY_LEN(ROWS); row++)
        for (int i = 0; i < sweep->count; i++) {
            const struct partition_numbers *found = partition_sweep_found(sweep, i);
            bool of_log = ROWS[row] >= METRIC_LOG_SIZE;
            if (!found || (of_log && found->offline))
                continue;
            const struct partition *part = sweep->items[i].part;
            char index[12];
            snprintf(index, sizeof index, "%d", part->index);
            metrics_put(text, ROWS[row], LABELS(part->topic, index), partition_value(ROWS[row], found));
        }
}

static void put_replicas(struct metrics_text *text, const struct partition_sweep *sweep)
{
    struct partition_sums sums = {0};
    for (int i = 0; i < sweep->count; i++) {
        const struct partition_numbers *found = partition_sweep_found(sweep, i);
        if (!found)
            continue;
        sums.partitions++;
        sums.leaders += found->leads;
        sums.under_replicated += is_under_replicated(found);
        sums.under_min_isr += is_under_min_isr(found);
        sums.at_min_isr += is_at_min_isr(found);
        sums.offline += found->offline;
        sums.reassigning += found->reassigning;
        sums.producer_ids += found->producer_ids;
    }
    metrics_put(text, METRIC_LEADER_COUNT, NULL, sums.leaders);
    metrics_put(text, METRIC_PARTITION_COUNT, NULL, sums.partitions);
    metrics_put(text, METRIC_UNDER_REPLICATED, NULL, sums.under_replicated);
    metrics_put(text, METRIC_UNDER_MIN_ISR, NULL, sums.under_min_isr);
    metrics_put(text, METRIC_AT_MIN_ISR, NULL, sums.at_min_isr);
    metrics_put(text, METRIC_OFFLINE_REPLICAS, NULL, sums.offline);
    metrics_put(text, METRIC_REASSIGNING, NULL, sums.reassigning);
    metrics_put(text, METRIC_PRODUCER_IDS, NULL, sums.producer_ids);
    metrics_put(text, METRIC_SCRAPE_MISSING, NULL, partition_sweep_missing(sweep));
}

static void put_replication(struct metrics_text *text, const struct broker *broker)
{
    struct fetchers_numbers numbers;
    fetchers_numbers(broker->fetchers, &numbers);
    metrics_put(text, METRIC_FETCHER_MAX_LAG, NULL, numbers.max_lag);
    metrics_put(text, METRIC_FETCHER_MIN_RATE, NULL, numbers.min_rate);
    metrics_put(text, METRIC_FETCHER_FAILED, NULL, numbers.failed);
    int64_t now_ms = clock_mono_ms(broker->clock);
    metrics_put(text, METRIC_LEADER_THROTTLED_RATE, NULL,
                replication_quota_rate(broker->quotas, REPLICATION_QUOTA_LEADER, now_ms));
    metrics_put(text, METRIC_FOLLOWER_THROTTLED_RATE, NULL,
                replication_quota_rate(broker->quotas, REPLICATION_QUOTA_FOLLOWER, now_ms));
    metrics_put(text, METRIC_STRAY_LOGS, NULL, strays_count(broker->strays));
    metrics_put(text, METRIC_LOG_DIRS_MAX_LAG, NULL, replica_manager_move_lag(broker->replicas));
}

/* --- log directories ------------------------------------------------------------------------------------ */

static void put_dirs(struct metrics_text *text, const struct broker *broker)
{
    const struct log_dirs *dirs = replica_manager_dirs(broker->replicas);
    int64_t offline = 0;
    for (int i = 0; i < dirs->count; i++)
        offline += log_dir_is_offline(&dirs->items[i]->dir);
    metrics_put(text, METRIC_LOG_DIRS_OFFLINE, NULL, offline);
    for (int i = 0; i < dirs->count; i++)
        metrics_put(text, METRIC_LOG_DIR_OFFLINE, LABELS(dirs->items[i]->dir.path),
                    log_dir_is_offline(&dirs->items[i]->dir));
    for (int i = 0; i < dirs->count; i++)
        metrics_put(text, METRIC_LOGS_TO_RECOVER, LABELS(dirs->items[i]->dir.path),
                    atomic_load(&dirs->items[i]->logs_to_load));
}

/* --- compaction ------------------------------------------------------------------------------------------
 */

static void put_cleaner(struct metrics_text *text, const struct broker *broker)
{
    const struct log_dirs *dirs = replica_manager_dirs(broker->replicas);
    struct cleaner_numbers numbers;
    cleaner_numbers(replica_manager_cleaner(broker->replicas), &numbers);
    for (int i = 0; i < dirs->count; i++)
        metrics_put(text, METRIC_CLEANER_UNCLEANABLE, LABELS(dirs->items[i]->dir.path),
                    atomic_load(&dirs->items[i]->uncleanable_logs));
    for (int i = 0; i < dirs->count; i++)
        metrics_put(text, METRIC_CLEANER_UNCLEANABLE_BYTES, LABELS(dirs->items[i]->dir.path),
                    atomic_load(&dirs->items[i]->uncleanable_bytes));
    metrics_put(text, METRIC_CLEANER_MAX_DIRTY, NULL, (int64_t)(100 * numbers.max_dirty_ratio));
    metrics_put(text, METRIC_CLEANER_SINCE_RUN, NULL, numbers.idle_ms);
    metrics_put(text, METRIC_CLEANER_MAX_BUFFER, NULL, (int64_t)(100 * numbers.max_map_load));
    metrics_put(text, METRIC_CLEANER_RECOPY, NULL, (int64_t)(100 * numbers.recopy_ratio));
    metrics_put(text, METRIC_CLEANER_MAX_TIME, NULL, numbers.max_clean_ms / 1000);
    metrics_put(text, METRIC_CLEANER_MAX_DELAY, NULL, numbers.max_delay_ms / 1000);
    metrics_put(text, METRIC_CLEANER_DEAD_THREADS, NULL, numbers.missing_threads);
}

/* --- cluster -------------------------------------------------------------------------------------------- */

static void count_leaders(const struct metadata *metadata, int64_t *offline, int64_t *imbalanced)
{
    struct map_slot *slot;
    size_t at = 0;
    while ((slot = map_next(&metadata->topics, &at))) {
        const struct metadata_topic *topic = slot->value;
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            const struct metadata_partition *partition = &topic->partitions[i];
            if (!partition->known)
                continue;
            *offline += partition->leader < 0;
            *imbalanced += partition->replicas_count > 0 && partition->leader != partition->replicas[0];
        }
    }
}

/* The controller's numbers as its own metadata has them; another broker's are 0, so that sums are right. */
static void put_cluster(struct metrics_text *text, const struct broker *broker)
{
    bool active = controller_loop_is_active(broker->controller);
    const struct metadata *metadata = metadata_cache_get(broker->metadata);
    int64_t offline = 0, imbalanced = 0;
    if (active)
        count_leaders(metadata, &offline, &imbalanced);
    metrics_put(text, METRIC_ACTIVE_CONTROLLER, NULL, active);
    metrics_put(text, METRIC_ACTIVE_BROKERS, NULL, active ? metadata->brokers_count : 0);
    metrics_put(text, METRIC_GLOBAL_TOPICS, NULL, active ? (int64_t)metadata->topics.count : 0);
    metrics_put(text, METRIC_GLOBAL_PARTITIONS, NULL, active ? metadata->partitions_count : 0);
    metrics_put(text, METRIC_OFFLINE_PARTITIONS, NULL, offline);
    metrics_put(text, METRIC_KEPT_OFFLINE_PARTITIONS, NULL, controller_loop_kept_offline(broker->controller));
    metrics_put(text, METRIC_PREFERRED_IMBALANCE, NULL, imbalanced);
}

/* --- network and threads -------------------------------------------------------------------------------- */

static uint64_t busy_us(const struct loop *loop)
{
    return atomic_load_explicit(&loop_turn_times(loop)->sum, memory_order_relaxed);
}

static void put_idle(struct metrics_text *text, struct gatherer *gatherer)
{
    const struct broker *broker = gatherer->broker;
    struct idle_mark now = {.at_ns = now_ns(gatherer)};
    for (int i = 0; i < broker->net_loops_count; i++)
        now.busy_us += busy_us(broker->net_loops[i]);
    if (gatherer->newer.at_ns == 0 || now.at_ns - gatherer->newer.at_ns >= IDLE_WINDOW_NS) {
        gatherer->older = gatherer->newer.at_ns ? gatherer->newer : now;
        gatherer->newer = now;
    }
    double span_us = (double)(now.at_ns - gatherer->older.at_ns) / 1000 * broker->net_loops_count;
    double idle = span_us > 0 ? 1 - (double)(now.busy_us - gatherer->older.busy_us) / span_us : 1;
    idle = idle < 0 ? 0 : idle;
    metrics_put_real(text, METRIC_NETWORK_IDLE, NULL, idle);
    metrics_put_real(text, METRIC_HANDLER_IDLE, NULL, idle);
}

static void put_network(struct metrics_text *text, const struct broker *broker)
{
    struct net_counters net;
    net_server_counters(broker->net, &net);
    metrics_put(text, METRIC_CONNECTIONS, NULL, net.connections);
    metrics_put(text, METRIC_FRAME_BYTES, NULL, net.frame_bytes);
    metrics_put(text, METRIC_ACCEPTED, NULL, net.accepted);
    metrics_put(text, METRIC_REFUSED, NULL, net.refused);
    metrics_put(text, METRIC_CLOSED_IDLE, NULL, net.closed_idle);
    metrics_put(text, METRIC_NET_BYTES_IN, NULL, net.bytes_in);
    metrics_put(text, METRIC_NET_BYTES_OUT, NULL, net.bytes_out);
    metrics_put(text, METRIC_NET_CALLS, LABELS("read"), net.reads);
    metrics_put(text, METRIC_NET_CALLS, LABELS("write"), net.writes);
    metrics_put(text, METRIC_NET_CALLS, LABELS("sendfile"), net.sendfiles);
}

static void put_loops(struct metrics_text *text, const struct gatherer *gatherer, int64_t now_ms)
{
    for (int i = 0; i < gatherer->loops_count; i++)
        metrics_put_summary(text, METRIC_LOOP_TURNS, LABELS(loop_name(gatherer->loops[i])),
                            loop_turn_times(gatherer->loops[i]), &gatherer->loop_windows[i], now_ms);
    for (int i = 0; i < gatherer->loops_count; i++)
        metrics_put(text, METRIC_LOOP_BUSY, LABELS(loop_name(gatherer->loops[i])),
                    (int64_t)busy_us(gatherer->loops[i]));
    for (int i = 0; i < gatherer->loops_count; i++)
        metrics_put(text, METRIC_LOOP_STALLED, LABELS(loop_name(gatherer->loops[i])),
                    loop_stalled_us(gatherer->loops[i]));
}

/* --- process -------------------------------------------------------------------------------------------- */

static void put_if_known(struct metrics_text *text, enum metric id, int64_t value)
{
    if (value >= 0)
        metrics_put(text, id, NULL, value);
}

static void put_process(struct metrics_text *text)
{
    struct process_numbers process;
    process_read_numbers(&process);
    metrics_put(text, METRIC_BUILD_INFO, LABELS(BARNABAS_VERSION), 1);
    put_if_known(text, METRIC_DISK_READ, process.disk_read_bytes);
    put_if_known(text, METRIC_DISK_WRITE, process.disk_write_bytes);
    put_if_known(text, METRIC_CPU_SECONDS, process.cpu_us);
    put_if_known(text, METRIC_RESIDENT, process.resident_bytes);
    put_if_known(text, METRIC_VIRTUAL, process.virtual_bytes);
    put_if_known(text, METRIC_OPEN_FDS, process.open_fds);
    put_if_known(text, METRIC_MAX_FDS, process.max_fds);
    if (process.started_s >= 0)
        metrics_put_real(text, METRIC_START_TIME, NULL, process.started_s);
}

/* --- the whole ------------------------------------------------------------------------------------------ */

/* What there is depends on how far the start has come. */
static void write_text(struct gatherer *gatherer)
{
    struct broker *broker = gatherer->broker;
    struct buf all = {0}, rows = {0};
    struct metrics_text text = {.out = &all}, partitions = {.out = &rows};
    int state = atomic_load(&broker->state);
    int64_t now_ms = now_ns(gatherer) / 1000000;
    metrics_put_counted(&text, broker->metrics, now_ms);
    if (gatherer->sweep) {
        put_replicas(&text, gatherer->sweep);
        put_dirs(&text, broker);
        put_partition_rows(&partitions, gatherer->sweep);
    }
    metrics_put(&text, METRIC_BROKER_STATE, NULL, state);
    if (state >= BROKER_RUNNING) {
        put_replication(&text, broker);
        put_cleaner(&text, broker);
        put_cluster(&text, broker);
        metrics_put_summary(&text, METRIC_ZK_LATENCY, NULL, zk_client_latency(broker->zk_client),
                            &gatherer->zk_window, now_ms);
        put_idle(&text, gatherer);
        put_network(&text, broker);
    }
    put_loops(&text, gatherer, now_ms);
    put_process(&text);
    metrics_put(&text, METRIC_SCRAPE_SECONDS, NULL, (now_ns(gatherer) - gatherer->begun_ns) / 1000);
    gatherer->done(gatherer->arg, &all, &rows);
    buf_close(&all);
    buf_close(&rows);
}

static void sweep_is_done(struct partition_sweep *sweep)
{
    struct gatherer *gatherer = sweep->arg;
    write_text(gatherer);
    gatherer->sweep = NULL;
    gatherer->at_work = false;
    partition_sweep_end(sweep);
}

void gatherer_begin(struct gatherer *gatherer)
{
    if (gatherer->at_work)
        return;
    struct broker *broker = gatherer->broker;
    gatherer->begun_ns = now_ns(gatherer);
    if (atomic_load(&broker->state) < BROKER_RECOVERY) {
        write_text(gatherer); /* there are no partitions yet */
        return;
    }
    gatherer->at_work = true;
    gatherer->sweep = partition_sweep_begin(replica_manager_table(broker->replicas), SWEEP_TIMEOUT_MS,
                                            sweep_is_done, gatherer);
}

struct gatherer *gatherer_new(struct broker *broker, struct loop *const *loops, int loops_count,
                              gatherer_done_fn done, void *arg)
{
    struct gatherer *gatherer = MEM_NEW(struct gatherer);
    gatherer->broker = broker;
    gatherer->loops = loops;
    gatherer->loops_count = loops_count;
    gatherer->loop_windows = mem_zalloc(sizeof *gatherer->loop_windows * (size_t)loops_count);
    gatherer->done = done;
    gatherer->arg = arg;
    return gatherer;
}

void gatherer_free(struct gatherer *gatherer)
{
    if (!gatherer)
        return;
    if (gatherer->sweep)
        partition_sweep_end(gatherer->sweep);
    for (int i = 0; i < gatherer->loops_count; i++)
        free(gatherer->loop_windows[i]);
    free(gatherer->loop_windows);
    free(gatherer->zk_window);
    free(gatherer);
}
