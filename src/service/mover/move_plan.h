/*
 * What is to be done next so that a copy of a log becomes the same log: pure.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_SERVICE_MOVER_MOVE_PLAN_H
#define BARNABAS_SERVICE_MOVER_MOVE_PLAN_H

#include <stdint.h>

/* Offsets of the log and of its copy, the future one. */
struct move_sides {
    int64_t start;
    int64_t end;
    int64_t future_start;
    int64_t future_end;
    int64_t cut_to;   /* the log was cut so far since the copy was last adjusted; INT64_MAX: it was not */
    int64_t parts_at; /* by their leader epochs the two are the same up to here */
};

enum move_next {
    MOVE_START_AT,    /* nothing of the copy counts: begin anew at `offset` */
    MOVE_CUT,         /* cut the copy to `offset` */
    MOVE_RAISE_START, /* raise its start to `offset` */
    MOVE_COPY,        /* append what begins at `offset` */
    MOVE_CAUGHT_UP    /* they are the same */
};

struct move_plan {
    enum move_next next;
    int64_t offset;
};

struct move_plan move_plan(const struct move_sides *sides);

#endif
