#include "fake/fake_clock.h"

#include "base/mem.h"

static int64_t fake_mono_ns(struct clock *clock)
{
    return atomic_load(&CONTAINER_OF(clock, struct fake_clock, clock)->now_ns);
}

static int64_t fake_wall_ms(struct clock *clock)
{
    struct fake_clock *fake = CONTAINER_OF(clock, struct fake_clock, clock);
    return atomic_load(&fake->now_ns) / 1000000 + atomic_load(&fake->wall_ahead_ms);
}

void fake_clock_init(struct fake_clock *fake, int64_t now_ms)
{
    fake->clock = (struct clock){.wall_ms = fake_wall_ms, .mono_ns = fake_mono_ns};
    atomic_init(&fake->now_ns, now_ms * 1000000);
    atomic_init(&fake->wall_ahead_ms, 1700000000000);
}

void fake_clock_advance_ms(struct fake_clock *fake, int64_t ms)
{
    atomic_fetch_add(&fake->now_ns, ms * 1000000);
}
