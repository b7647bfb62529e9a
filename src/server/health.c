#include "server/health.h"

#include "loop/loop.h"
#include "service/replica/replica_manager.h"

static bool loops_turn(const struct broker *broker, struct loop *const *loops, int loops_count,
                       struct buf *why)
{
    bool well = true;
    int64_t now_ns = broker->clock->mono_ns(broker->clock);
    for (int i = 0; i < loops_count; i++) {
        int64_t since_ns = loop_busy_since_ns(loops[i]);
        int64_t busy_ms = since_ns == 0 ? 0 : (now_ns - since_ns) / 1000000;
        if (busy_ms <= HEALTH_STALL_MS)
            continue;
        buf_printf(why, "thread %s has been in one turn for %lld ms\n", loop_name(loops[i]),
                   (long long)busy_ms);
        well = false;
    }
    return well;
}

static bool dirs_work(const struct broker *broker, struct buf *why)
{
    bool well = true;
    const struct log_dirs *dirs = replica_manager_dirs(broker->replicas);
    for (int i = 0; i < dirs->count; i++) {
        const char *reason = log_dir_offline_reason(&dirs->items[i]->dir);
        if (!reason)
            continue;
        buf_printf(why, "log directory %s is offline: %s\n", dirs->items[i]->dir.path, reason);
        well = false;
    }
    return well;
}

bool health_is_well(const struct broker *broker, struct loop *const *loops, int loops_count, struct buf *why)
{
    bool well = loops_turn(broker, loops, loops_count, why);
    if (atomic_load(&broker->state) >= BROKER_RECOVERY)
        well &= dirs_work(broker, why);
    return well;
}

static void say_progress(const struct broker *broker, struct buf *why)
{
    const struct log_dirs *dirs = replica_manager_dirs(broker->replicas);
    int left = 0;
    for (int i = 0; i < dirs->count; i++)
        left += atomic_load(&dirs->items[i]->logs_to_load);
    buf_printf(why, "starting: %d logs are still to be loaded\n", left);
}

bool health_is_ready(const struct broker *broker, struct buf *why)
{
    switch (atomic_load(&broker->state)) {
    case BROKER_RUNNING:
        break;
    case BROKER_RECOVERY:
        say_progress(broker, why);
        return false;
    case BROKER_PENDING_SHUTDOWN:
    case BROKER_SHUTTING_DOWN:
        buf_put_str(why, "shutting down\n");
        return false;
    default:
        buf_put_str(why, "starting\n");
        return false;
    }
    if (atomic_load(&broker->registered))
        return true;
    buf_put_str(why, "not registered in ZooKeeper\n");
    return false;
}
