#include "storage/meta_properties.h"

#include <stdlib.h>
#include <time.h>

#include "base/be.h"
#include "base/mem.h"
#include "storage/atomic_file.h"
#include "storage/checkpoint_file.h"

#define KEY_VERSION      "version"
#define KEY_CLUSTER_ID   "cluster.id"
#define KEY_BROKER_ID    "broker.id"
#define KEY_NODE_ID      "node.id"
#define KEY_DIRECTORY_ID "directory.id"

/* Directory ids below this one have a meaning of their own in Kafka. */
#define RESERVED_DIRECTORY_IDS 100

/* --- one file --- */

void meta_properties_close(struct meta_properties *meta)
{
    free(meta->cluster_id);
    properties_close(&meta->all);
    *meta = (struct meta_properties){0};
}

static struct view trimmed(struct view text)
{
    while (text.len && text.ptr[text.len - 1] <= ' ')
        text.len--;
    while (text.len && text.ptr[0] <= ' ')
        text = view_of(text.ptr + 1, text.len - 1);
    return text;
}

static enum err flaw(const char *location, const char *key, const char *value, struct errmsg *why)
{
    errmsg_set(why, "%s: %s%s%s is not a valid %s", location, value ? "'" : "", value ? value : "(missing)",
               value ? "'" : "", key);
    return ERR_CORRUPT_FILE;
}

static enum err read_fields(struct meta_properties *meta, const char *location, struct errmsg *why)
{
    const struct properties *all = &meta->all;
    const char *text = properties_get(all, KEY_VERSION);
    if (text && (!checkpoint_parse_i32(trimmed(view_str(text)), &meta->version) || meta->version < 0 ||
                 meta->version > 1))
        return flaw(location, KEY_VERSION, text, why);
    const char *id_key = meta->version == 0 ? KEY_BROKER_ID : KEY_NODE_ID;
    text = properties_get(all, id_key);
    meta->has_broker_id = text != NULL;
    if (text ? !checkpoint_parse_i32(view_str(text), &meta->broker_id) : meta->version > 0)
        return flaw(location, id_key, text, why);
    text = properties_get(all, KEY_CLUSTER_ID);
    if (!text && meta->version > 0)
        return flaw(location, KEY_CLUSTER_ID, text, why);
    meta->cluster_id = text ? mem_strdup(text) : NULL;
    text = properties_get(all, KEY_DIRECTORY_ID);
    meta->has_directory_id = text != NULL;
    if (text && !uuid_from_text(view_str(text), &meta->directory_id))
        return flaw(location, KEY_DIRECTORY_ID, text, why);
    return ERR_NONE;
}

enum err meta_properties_parse(struct view text, const char *location, struct meta_properties *out,
                               struct errmsg *why)
{
    *out = (struct meta_properties){0};
    properties_parse(text, &out->all);
    enum err err = read_fields(out, location, why);
    if (err)
        meta_properties_close(out);
    return err;
}

static bool is_known(const char *key)
{
    static const char *const known[] = {KEY_VERSION, KEY_CLUSTER_ID, KEY_BROKER_ID, KEY_NODE_ID,
                                        KEY_DIRECTORY_ID};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(key, known[i]) == 0)
            return true;
    return false;
}

static void put_int(struct buf *out, const char *key, int32_t value)
{
    char *text = mem_printf("%d", value);
    properties_put(out, key, text);
    free(text);
}

void meta_properties_format(const struct meta_properties *meta, int64_t now_ms, struct buf *out)
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm tm;
    char date[64];
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a %b %d %H:%M:%S UTC %Y", &tm);
    buf_printf(out, "#\n#%s\n", date);
    /* The order in which Java's hash table gives these keys. */
    if (meta->has_broker_id)
        put_int(out, meta->version == 0 ? KEY_BROKER_ID : KEY_NODE_ID, meta->broker_id);
    if (meta->has_directory_id) {
        char text[UUID_TEXT_SIZE];
        uuid_to_text(meta->directory_id, text);
        properties_put(out, KEY_DIRECTORY_ID, text);
    }
    put_int(out, KEY_VERSION, meta->version);
    if (meta->cluster_id)
        properties_put(out, KEY_CLUSTER_ID, meta->cluster_id);
    for (size_t i = 0; i < meta->all.count; i++) {
        const struct property *item = &meta->all.items[i];
        if (!is_known(item->key) && properties_get(&meta->all, item->key) == item->value)
            properties_put(out, item->key, item->value);
    }
}

/* --- all directories --- */

static void load_dir(struct meta_dir *dir, struct disk *disk)
{
    char *path = atomic_file_join(dir->path, META_PROPERTIES_FILE_NAME);
    struct buf text = {0};
    enum err err = atomic_file_read(disk, path, &text, &dir->why);
    if (err == ERR_NOT_FOUND) {
        dir->kind = META_DIR_MISSING;
        dir->why.text[0] = '\0';
    } else {
        if (!err)
            err = meta_properties_parse(buf_view(&text), path, &dir->meta, &dir->why);
        dir->kind = err ? META_DIR_UNREADABLE : META_DIR_READ;
    }
    buf_close(&text);
    free(path);
}

void meta_dirs_load(struct meta_dirs *out, struct disk *disk, const char *const *paths, size_t path_count)
{
    *out = (struct meta_dirs){.items = mem_zalloc((path_count ? path_count : 1) * sizeof *out->items),
                              .count = path_count};
    for (size_t i = 0; i < path_count; i++) {
        out->items[i].path = mem_strdup(paths[i]);
        load_dir(&out->items[i], disk);
    }
}

void meta_dirs_close(struct meta_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++) {
        meta_properties_close(&dirs->items[i].meta);
        free(dirs->items[i].path);
    }
    free(dirs->items);
    *dirs = (struct meta_dirs){0};
}

static bool is_reserved(struct uuid id)
{
    return be_get_i64(id.bytes) == 0 && be_get_i64(id.bytes + 8) < RESERVED_DIRECTORY_IDS;
}

static enum err check_directory_id(const struct meta_dirs *dirs, size_t at, struct errmsg *why)
{
    const struct meta_dir *dir = &dirs->items[at];
    char text[UUID_TEXT_SIZE];
    uuid_to_text(dir->meta.directory_id, text);
    if (is_reserved(dir->meta.directory_id)) {
        errmsg_set(why,
                   "Invalid reserved directory ID %s found in %s/" META_PROPERTIES_FILE_NAME
                   ". Remove the line directory.id.",
                   text, dir->path);
        return ERR_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < at; i++) {
        const struct meta_dir *other = &dirs->items[i];
        if (other->kind != META_DIR_READ || !other->meta.has_directory_id ||
            !uuid_equal(other->meta.directory_id, dir->meta.directory_id))
            continue;
        errmsg_set(
            why,
            "Duplicate directory ID %s found. It was the ID of %s, but also of %s. Is one a copy of the "
            "other? Take the copy out of log.dirs.",
            text, other->path, dir->path);
        return ERR_INVALID_ARGUMENT;
    }
    return ERR_NONE;
}

enum err meta_dirs_verify(const struct meta_dirs *dirs, const char *cluster_id, int32_t broker_id,
                          struct errmsg *why)
{
    for (size_t i = 0; i < dirs->count; i++) {
        const struct meta_dir *dir = &dirs->items[i];
        const struct meta_properties *meta = &dir->meta;
        if (dir->kind != META_DIR_READ)
            continue;
        if (meta->version != 0) {
            errmsg_set(
                why,
                "Found unexpected version %d in %s/" META_PROPERTIES_FILE_NAME
                ". A broker under ZooKeeper only supports version 0; this directory belongs to a KRaft "
                "cluster.",
                meta->version, dir->path);
            return ERR_INVALID_ARGUMENT;
        }
        if (meta->cluster_id && cluster_id && strcmp(meta->cluster_id, cluster_id) != 0) {
            errmsg_set(
                why,
                "Invalid cluster.id in: %s/" META_PROPERTIES_FILE_NAME
                ". Expected %s, but read %s. Check zookeeper.connect and log.dirs: this directory belongs "
                "to another cluster.",
                dir->path, cluster_id, meta->cluster_id);
            return ERR_INVALID_ARGUMENT;
        }
        if (meta->has_broker_id && broker_id >= 0 && meta->broker_id != broker_id) {
            errmsg_set(
                why,
                "Stored node id %d doesn't match previous node id %d in %s/" META_PROPERTIES_FILE_NAME
                ". If you moved your data, set broker.id=%d. For a new broker remove all data from log.dirs.",
                meta->broker_id, broker_id, dir->path, meta->broker_id);
            return ERR_INVALID_ARGUMENT;
        }
        if (!cluster_id)
            cluster_id = meta->cluster_id;
        if (broker_id < 0 && meta->has_broker_id)
            broker_id = meta->broker_id;
        enum err err = meta->has_directory_id ? check_directory_id(dirs, i, why) : ERR_NONE;
        if (err)
            return err;
    }
    return ERR_NONE;
}

bool meta_dirs_broker_id(const struct meta_dirs *dirs, int32_t *out)
{
    for (size_t i = 0; i < dirs->count; i++) {
        const struct meta_dir *dir = &dirs->items[i];
        if (dir->kind == META_DIR_READ && dir->meta.has_broker_id) {
            *out = dir->meta.broker_id;
            return true;
        }
    }
    return false;
}

const char *meta_dirs_cluster_id(const struct meta_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        if (dirs->items[i].kind == META_DIR_READ && dirs->items[i].meta.cluster_id)
            return dirs->items[i].meta.cluster_id;
    return NULL;
}

static bool says(const struct meta_dir *dir, const char *cluster_id, int32_t broker_id)
{
    const struct meta_properties *meta = &dir->meta;
    return dir->kind == META_DIR_READ && meta->version == 0 && meta->has_broker_id &&
           meta->broker_id == broker_id && meta->cluster_id && strcmp(meta->cluster_id, cluster_id) == 0;
}

static void write_dir(struct meta_dir *dir, struct disk *disk, int64_t now_ms)
{
    char *path = atomic_file_join(dir->path, META_PROPERTIES_FILE_NAME);
    struct buf text = {0};
    meta_properties_format(&dir->meta, now_ms, &text);
    enum err err = atomic_file_write(disk, path, buf_view(&text), &dir->why);
    dir->kind = err ? META_DIR_UNREADABLE : META_DIR_READ;
    buf_close(&text);
    free(path);
}

void meta_dirs_write(struct meta_dirs *dirs, struct disk *disk, const char *cluster_id, int32_t broker_id,
                     int64_t now_ms)
{
    for (size_t i = 0; i < dirs->count; i++) {
        struct meta_dir *dir = &dirs->items[i];
        if (dir->kind == META_DIR_UNREADABLE || says(dir, cluster_id, broker_id))
            continue;
        char *copy = mem_strdup(cluster_id); /* may be the very one that is replaced */
        free(dir->meta.cluster_id);
        dir->meta.cluster_id = copy;
        dir->meta.version = 0;
        dir->meta.has_broker_id = true;
        dir->meta.broker_id = broker_id;
        write_dir(dir, disk, now_ms);
    }
}
