/*
 * Calling a partition from a thread that may wait (a worker, the starting thread): the
 * function runs as the partition's holder, here or on whoever holds it, and the call
 * returns when it has run.
 *
 * Never on a loop.
 */
#ifndef BARNABAS_SERVICE_PARTITION_PARTITION_CALL_H
#define BARNABAS_SERVICE_PARTITION_PARTITION_CALL_H

#include <stdbool.h>

struct partition;

typedef void (*partition_call_fn)(struct partition *part, void *arg);

void partition_call(struct partition *part, partition_call_fn fn, void *arg);

/*
 * The same, but false when the partition's directory hangs and the function has not begun: then it will not.
 * For functions that do not wait for a disk themselves.
 */
bool partition_try_call(struct partition *part, partition_call_fn fn, void *arg);

#endif
