#include "service/mover/move_plan.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct move_plan move_plan(const struct move_sides *sides)
{
    const int64_t keep =
        smaller(smaller(sides->future_end, sides->end), smaller(sides->cut_to, sides->parts_at));
    /* A copy that begins behind the log's start lacks what is before: the start went back with a cut. */
    if (keep < sides->start || keep < sides->future_start || sides->future_start > sides->start)
        return (struct move_plan){MOVE_START_AT, sides->start};
    if (keep < sides->future_end)
        return (struct move_plan){MOVE_CUT, keep};
    if (sides->future_start < sides->start)
        return (struct move_plan){MOVE_RAISE_START, sides->start};
    if (sides->future_end < sides->end)
        return (struct move_plan){MOVE_COPY, sides->future_end};
    return (struct move_plan){MOVE_CAUGHT_UP, sides->end};
}
