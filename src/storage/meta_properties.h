/*
 * `meta.properties` of the log directories: which cluster and which broker they
 * belong to, so that a volume mounted in the wrong place is refused.
 *
 * Start: load all, verify, find the broker id if none is configured, then write
 * what is missing or changed. Version 0 is ZooKeeper mode; version 1 (KRaft) is
 * refused. Keys that we do not know are kept.
 *
 * Ownership: the set owns its copies; it borrows the disk.
 * Runs on: start.
 */
#ifndef BARNABAS_STORAGE_META_PROPERTIES_H
#define BARNABAS_STORAGE_META_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "base/properties.h"
#include "base/uuid.h"
#include "port/disk.h"

#define META_PROPERTIES_FILE_NAME "meta.properties"

struct meta_properties {
    int32_t version;
    char *cluster_id; /* NULL: not given */
    bool has_broker_id;
    int32_t broker_id; /* broker.id of version 0, node.id of version 1 */
    bool has_directory_id;
    struct uuid directory_id;
    struct properties all; /* as read, unknown keys included */
};

void meta_properties_close(struct meta_properties *meta);
/* ERR_CORRUPT_FILE: an unknown version, a number or an id that is none. `location` names the file. */
enum err meta_properties_parse(struct view text, const char *location, struct meta_properties *out,
                               struct errmsg *why) MUST_USE;
/* Java's text: two comment lines (the second the date of `now_ms`, UTC), then the keys. */
void meta_properties_format(const struct meta_properties *meta, int64_t now_ms, struct buf *out);

enum meta_dir_kind {
    META_DIR_MISSING, /* no file: a new directory */
    META_DIR_READ,
    META_DIR_UNREADABLE /* the directory is to be offline; `why` says more */
};

struct meta_dir {
    char *path;
    enum meta_dir_kind kind;
    struct meta_properties meta; /* META_DIR_READ */
    struct errmsg why;
};

struct meta_dirs {
    struct meta_dir *items;
    size_t count;
};

/* Reads the file of each directory; never fails as a whole. Gives `out` (meta_dirs_close). */
void meta_dirs_load(struct meta_dirs *out, struct disk *disk, const char *const *paths, size_t path_count);
void meta_dirs_close(struct meta_dirs *dirs);

/*
 * Do all that could be read belong to this cluster and this broker? `cluster_id` NULL and `broker_id` < 0
 * mean that any will do, as long as they agree. ERR_INVALID_ARGUMENT with a message that names the file and
 * what to do; the start must end.
 */
enum err meta_dirs_verify(const struct meta_dirs *dirs, const char *cluster_id, int32_t broker_id,
                          struct errmsg *why) MUST_USE;
/* The first broker id found; false if none. */
bool meta_dirs_broker_id(const struct meta_dirs *dirs, int32_t *out);
/* The first cluster id found, borrowed, or NULL. */
const char *meta_dirs_cluster_id(const struct meta_dirs *dirs);
/*
 * Writes the file where it is missing or says something else. A directory where that fails becomes
 * META_DIR_UNREADABLE.
 */
void meta_dirs_write(struct meta_dirs *dirs, struct disk *disk, const char *cluster_id, int32_t broker_id,
                     int64_t now_ms);

#endif
