#include "service/fetcher/replication_quotas.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/config.h"
#include "core/quota/quota.h"

struct replication_quotas {
    pthread_mutex_t lock;
    struct quota quotas[REPLICATION_QUOTA_COUNT];
    _Atomic bool limited[REPLICATION_QUOTA_COUNT]; /* a hint: no lock where there is no rate */
};

static const struct {
    enum config_key rate;
    enum config_key windows;
    enum config_key window_s;
} KINDS[REPLICATION_QUOTA_COUNT] = {
    [REPLICATION_QUOTA_LEADER] = {CONFIG_LEADER_REPLICATION_THROTTLED_RATE,
                                  CONFIG_REPLICATION_QUOTA_WINDOW_NUM,
                                  CONFIG_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS},
    [REPLICATION_QUOTA_FOLLOWER] = {CONFIG_FOLLOWER_REPLICATION_THROTTLED_RATE,
                                    CONFIG_REPLICATION_QUOTA_WINDOW_NUM,
                                    CONFIG_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS},
    [REPLICATION_QUOTA_LOG_DIRS] = {CONFIG_REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND,
                                    CONFIG_ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_NUM,
                                    CONFIG_ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS},
};

/* What a file says of them has no effect, as in Kafka. */
static int64_t rate_of(const struct config *config, enum config_key key)
{
    enum config_source source = config_source(config, key);
    bool dynamic = source == CONFIG_SOURCE_DYNAMIC_BROKER || source == CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER;
    return dynamic ? config_long(config, key) : QUOTA_UNLIMITED;
}

struct replication_quotas *replication_quotas_new(const struct config *config)
{
    struct replication_quotas *quotas = MEM_NEW(struct replication_quotas);
    pthread_mutex_init(&quotas->lock, NULL);
    for (int i = 0; i < REPLICATION_QUOTA_COUNT; i++)
        quota_init(&quotas->quotas[i], config_int(config, KINDS[i].windows),
                   (int64_t)config_int(config, KINDS[i].window_s) * 1000);
    replication_quotas_update(quotas, config);
    return quotas;
}

void replication_quotas_free(struct replication_quotas *quotas)
{
    if (!quotas)
        return;
    for (int i = 0; i < REPLICATION_QUOTA_COUNT; i++)
        quota_close(&quotas->quotas[i]);
    pthread_mutex_destroy(&quotas->lock);
    free(quotas);
}

void replication_quotas_update(struct replication_quotas *quotas, const struct config *config)
{
    pthread_mutex_lock(&quotas->lock);
    for (int i = 0; i < REPLICATION_QUOTA_COUNT; i++) {
        quotas->quotas[i].limit = rate_of(config, KINDS[i].rate);
        atomic_store(&quotas->limited[i], quotas->quotas[i].limit != QUOTA_UNLIMITED);
    }
    pthread_mutex_unlock(&quotas->lock);
}

void replication_quota_record(struct replication_quotas *quotas, enum replication_quota which, int64_t bytes,
                              int64_t now_ms)
{
    pthread_mutex_lock(&quotas->lock);
    quota_record(&quotas->quotas[which], bytes, now_ms);
    pthread_mutex_unlock(&quotas->lock);
}

int64_t replication_quota_rate(struct replication_quotas *quotas, enum replication_quota which,
                               int64_t now_ms)
{
    pthread_mutex_lock(&quotas->lock);
    double rate = quota_rate(&quotas->quotas[which], now_ms);
    pthread_mutex_unlock(&quotas->lock);
    return (int64_t)(rate + 0.5);
}

bool replication_quota_is_exceeded(struct replication_quotas *quotas, enum replication_quota which,
                                   int64_t now_ms)
{
    if (!atomic_load_explicit(&quotas->limited[which], memory_order_relaxed))
        return false;
    pthread_mutex_lock(&quotas->lock);
    bool exceeded = quota_is_exceeded(&quotas->quotas[which], now_ms);
    pthread_mutex_unlock(&quotas->lock);
    return exceeded;
}
