/*
 * A clock that stands still until a test moves it.
 * Runs on: any thread may move or read it.
 */
#ifndef BARNABAS_TESTS_FAKE_CLOCK_H
#define BARNABAS_TESTS_FAKE_CLOCK_H

#include <stdatomic.h>

#include "port/clock.h"

struct fake_clock {
    struct clock clock;
    _Atomic int64_t now_ns;        /* monotonic */
    _Atomic int64_t wall_ahead_ms; /* wall = monotonic + this */
};

void fake_clock_init(struct fake_clock *fake, int64_t now_ms);
void fake_clock_advance_ms(struct fake_clock *fake, int64_t ms);

#endif
