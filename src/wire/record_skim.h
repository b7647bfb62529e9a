/*
 * The everyday batch in a straight line: magic 2, uncompressed, every record
 * well-formed and at the offset that its place says.
 *
 * Inside wire/ only. Runs on: any.
 */
#ifndef BARNABAS_WIRE_RECORD_SKIM_H
#define BARNABAS_WIRE_RECORD_SKIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

struct record_skim {
    int64_t min_timestamp_delta; /* of all records; what both are when there is none is not said */
    int64_t max_timestamp_delta;
    int32_t count;
    bool has_null_key;
};

/*
 * Walks the records of a batch, `body` being what follows its head, and tells what is true of all of them.
 * False for anything that is not in order, without saying what: record_iter does.
 */
bool record_skim(struct view body, int32_t count, struct record_skim *out);

#endif
