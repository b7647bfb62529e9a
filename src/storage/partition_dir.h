/*
 * Names of partitions' directories: "topic-3", and with a random id
 * "topic-3.<32 hex>-future", "-delete" or "-stray". A topic's name may hold '-',
 * so the last one parts it from the number.
 * Runs on: any.
 */
#ifndef BARNABAS_STORAGE_PARTITION_DIR_H
#define BARNABAS_STORAGE_PARTITION_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "base/view.h"

/* What a file system lets a name be. */
#define PARTITION_DIR_NAME_MAX 255

enum partition_dir_kind {
    PARTITION_DIR_CURRENT,
    PARTITION_DIR_FUTURE, /* being filled, to replace the current one of another log directory */
    PARTITION_DIR_DELETE, /* deleted; its files follow */
    PARTITION_DIR_STRAY   /* should not be here; kept aside, never served */
};

struct partition_dir_name {
    struct view topic;
    int32_t partition;
    enum partition_dir_kind kind;
};

/* False when it is no partition's directory. `out` borrows from `name`. */
bool partition_dir_parse(const char *name, struct partition_dir_name *out);
/*
 * A name as a fresh heap string. `id` is a random one, used unless the kind is current. Of a delete or
 * stray name the topic is cut to fit 255 characters; a future name that is too long gives NULL
 * (INVALID_TOPIC_EXCEPTION for AlterReplicaLogDirs).
 */
char *partition_dir_format(struct view topic, int32_t partition, enum partition_dir_kind kind,
                           struct uuid id);

#endif
