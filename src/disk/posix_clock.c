#include "disk/posix_clock.h"

#include <time.h>

static int64_t posix_wall_ms(struct clock *clock)
{
    (void)clock;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t posix_mono_ns(struct clock *clock)
{
    (void)clock;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct clock clock_posix(void)
{
    return (struct clock){.wall_ms = posix_wall_ms, .mono_ns = posix_mono_ns};
}
