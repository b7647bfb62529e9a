/*
 * What a crash in a swap left, settled before the logs are loaded: of two directories of a partition the one
 * that does not count is deleted, one that cannot be trusted is not served (storage/move_mark.h).
 *
 * Runs on: the starting thread.
 */
#ifndef BARNABAS_SERVICE_MOVER_MOVE_SETTLE_H
#define BARNABAS_SERVICE_MOVER_MOVE_SETTLE_H

#include "base/map.h"
#include "service/replica/log_dirs.h"

/* What was found in a log directory. */
struct move_listing {
    struct log_dir_state *state;
    struct log_dir_found *found;
    size_t count;
};

struct move_settlement {
    struct map unsure; /* partition_key of those that are not to be served */
    struct {
        struct log_dir_state *dir;
        struct log_dir_state *other;
        char *path;
    } * over; /* marks that are not needed any more */
    size_t over_count;
};

/* Reads the marks; what does not count becomes PARTITION_DIR_DELETE in its listing. A directory whose mark
 * cannot be read fails. */
void move_settle(struct log_dirs *dirs, const struct move_listing *listings, int count,
                 struct move_settlement *out);
/* What was to be deleted is: removes the marks that are over. Frees the settlement. */
void move_settle_finish(struct move_settlement *settlement);

#endif
