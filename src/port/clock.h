/*
 * The clock port. Everything that needs the time is given one of these or,
 * better, a `now_ms` argument read once per loop turn.
 * Runs on: any.
 */
#ifndef BARNABAS_PORT_CLOCK_H
#define BARNABAS_PORT_CLOCK_H

#include <stdint.h>

struct clock {
    /* Wall clock, ms since 1970: record timestamps, retention, znode timestamps. May jump. */
    int64_t (*wall_ms)(struct clock *clock);
    /* Monotonic, ns: every timeout and deadline. Never goes back. */
    int64_t (*mono_ns)(struct clock *clock);
};

static inline int64_t clock_wall_ms(struct clock *clock)
{
    return clock->wall_ms(clock);
}
static inline int64_t clock_mono_ms(struct clock *clock)
{
    return clock->mono_ns(clock) / 1000000;
}

#endif
