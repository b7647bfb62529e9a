#include "service/replica/hang_watch.h"

void hang_watch_begin(struct hang_watch *watch, int64_t now_ms)
{
    atomic_store(&watch->moved_ms, now_ms);
    atomic_fetch_add(&watch->busy, 1);
}

bool hang_watch_end(struct hang_watch *watch, int64_t now_ms)
{
    atomic_store(&watch->moved_ms, now_ms);
    atomic_fetch_sub(&watch->busy, 1);
    return atomic_load(&watch->noticed) && atomic_exchange(&watch->noticed, false);
}

bool hang_watch_hangs(const struct hang_watch *watch, int64_t now_ms)
{
    return hang_watch_standstill_ms(watch, now_ms) > HANG_WATCH_MS;
}

int64_t hang_watch_standstill_ms(const struct hang_watch *watch, int64_t now_ms)
{
    return atomic_load(&watch->busy) > 0 ? now_ms - atomic_load(&watch->moved_ms) : 0;
}

bool hang_watch_notice(struct hang_watch *watch)
{
    return !atomic_exchange(&watch->noticed, true);
}
