/*
 * The plan of a reset as `--export` writes and `--from-file` reads it: lines of
 * `topic,partition,offset`, or of `group,topic,partition,offset`. A name that is
 * long or holds anything unusual stands in double quotes.
 *
 * Ownership: what is read lives in the arena given.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_GROUPS_CSV_H
#define BARNABAS_CLI_GROUPS_CSV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/errmsg.h"

struct groups_csv_row {
    struct view group;
    struct view topic;
    int32_t partition;
    int64_t offset;
};

/*
 * Reads all lines. `group`: whose lines they are when the first has only three columns; null = each names
 * its own. Gives `out` and `count`; false with why, which names the line.
 */
bool groups_csv_read(struct view text, struct view group, struct arena *arena, struct groups_csv_row **out,
                     int32_t *count, struct errmsg *why);
/* Appends one line, with or without the group. */
void groups_csv_write(const struct groups_csv_row *row, bool with_group, struct buf *out);

#endif
