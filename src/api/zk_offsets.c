#include "api/zk_offsets.h"

#include <errno.h>
#include <stdlib.h>

#include "api/request_text.h"
#include "base/log.h"
#include "zk/sync.h"

/* NULL when the names make no path. */
static const char *path_of(struct view group_id, struct view topic, int32_t partition, struct arena *arena)
{
    if (group_id.len == 0 || !request_text_is_storable(group_id))
        return NULL;
    return arena_printf(arena, "/consumers/%.*s/offsets/%.*s/%d", VIEW_FMT(group_id), VIEW_FMT(topic),
                        partition);
}

static enum err failed(const char *what, struct view group_id, enum err err, const struct errmsg *why)
{
    log_warn("group", what, "group=\"%.*s\" error=%s why=\"%s\"", VIEW_FMT(group_id), err_name(err),
             why->text);
    return ERR_UNKNOWN_SERVER_ERROR;
}

/* Writing the same again does no harm. */
static enum err set_or_create(struct zk_sync *sync, const char *path, struct view data, struct errmsg *why)
{
    enum err err;
    do {
        struct zk_result result;
        struct zk_op op = {.kind = ZK_OP_SET, .path = path, .data = data, .version = ZK_ANY_VERSION};
        err = zk_sync_call(sync, &op, NULL, &result, why);
        if (err == ERR_NOT_FOUND)
            err = zk_sync_create_path(sync, path, data, why);
    } while (err == ERR_EXISTS || zk_sync_is_unclear(err));
    return err;
}

enum err zk_offsets_put(struct broker *broker, struct view group_id, struct view topic, int32_t partition,
                        int64_t offset, struct arena *arena)
{
    struct zk_sync sync = {broker->zk, broker->zk_loop};
    struct errmsg why = {.text = "the group's id makes no path"};
    const char *path = path_of(group_id, topic, partition, arena);
    const char *text = arena_printf(arena, "%lld", (long long)offset);
    enum err err = path ? set_or_create(&sync, path, view_str(text), &why) : ERR_INVALID_ARGUMENT;
    return err == ERR_NONE ? ERR_NONE : failed("zookeeper_commit_failed", group_id, err, &why);
}

enum err zk_offsets_get(struct broker *broker, struct view group_id, struct view topic, int32_t partition,
                        struct arena *arena, int64_t *offset)
{
    struct zk_sync sync = {broker->zk, broker->zk_loop};
    struct errmsg why = {.text = "the group's id makes no path"};
    const char *path = path_of(group_id, topic, partition, arena);
    struct view data = VIEW_NULL;
    enum err err = path ? zk_sync_get(&sync, path, false, arena, &data, NULL, &why) : ERR_INVALID_ARGUMENT;
    if (err == ERR_NOT_FOUND)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (err != ERR_NONE)
        return failed("zookeeper_fetch_failed", group_id, err, &why);
    const char *text = arena_cstr(arena, data);
    char *end = NULL;
    errno = 0;
    *offset = text ? strtoll(text, &end, 10) : 0;
    if (text && errno == 0 && end != text && *end == '\0')
        return ERR_NONE;
    errmsg_set(&why, "%s holds no offset", path);
    return failed("zookeeper_fetch_failed", group_id, ERR_MALFORMED, &why);
}
