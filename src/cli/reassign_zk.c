/*
 * The cluster as `barnabas reassign --zookeeper` sees it: znodes alone. The
 * controller does what /admin/reassign_partitions says when there is one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/reassign.h"
#include "cli/zk_admin.h"
#include "zk/znode_json.h"

#define WRITE_ATTEMPTS 10

static const char listed_path[] = "/admin/reassign_partitions";

/* --- reading ---------------------------------------------------------------------------------------- */

/* ERR_NOT_FOUND without a message when there is no such topic. */
static enum err read_topic(struct zk_admin *admin, struct arena *arena, const char *topic,
                           struct znode_topic *out, struct errmsg *why)
{
    struct view data;
    const char *path = arena_printf(arena, "/brokers/topics/%s", topic);
    enum err err = zk_sync_get(zk_admin_sync(admin), path, false, arena, &data, NULL, why);
    return err == ERR_NONE ? znode_decode_topic(data, arena, out, why) : err;
}

static enum err add_listed(struct zk_admin *admin, struct arena *arena, struct reassign_list *out,
                           struct errmsg *why)
{
    struct view data;
    struct znode_partitions listed;
    enum err err = zk_sync_get(zk_admin_sync(admin), listed_path, false, arena, &data, NULL, why);
    if (err == ERR_NOT_FOUND)
        return ERR_NONE;
    if (err == ERR_NONE)
        err = znode_decode_reassignment(data, arena, &listed, why);
    for (int32_t i = 0; err == ERR_NONE && i < listed.count; i++) {
        const struct znode_partition *from = &listed.items[i];
        if (!reassign_find(out, from->topic, from->partition))
            reassign_add(arena, out, from->topic, from->partition)->replicas = from->replicas;
    }
    return err;
}

static enum err active(void *session, struct arena *arena, struct reassign_list *out, struct errmsg *why)
{
    const struct view *names;
    int count;
    enum err err =
        zk_sync_children(zk_admin_sync(session), "/brokers/topics", false, arena, &names, &count, why);
    for (int i = 0; err == ERR_NONE && i < count; i++) {
        struct znode_topic topic = {0};
        const char *name = arena_cstr(arena, names[i]);
        err = read_topic(session, arena, name, &topic, why);
        if (err == ERR_NOT_FOUND)
            err = ERR_NONE; /* it went away between the two questions */
        for (int32_t p = 0; err == ERR_NONE && p < topic.partitions_count; p++) {
            const struct znode_assignment *from = &topic.partitions[p];
            if (from->adding.count + from->removing.count == 0)
                continue;
            struct reassign_part *part = reassign_add(arena, out, name, from->partition);
            part->replicas = from->replicas;
            part->adding = from->adding;
            part->removing = from->removing;
        }
    }
    if (err == ERR_NONE)
        err = add_listed(session, arena, out, why);
    reassign_sort(out);
    return err;
}

static enum err present(void *session, struct arena *arena, const char *const *topics, int count,
                        struct reassign_list *out, struct errmsg *why)
{
    for (int i = 0; i < count; i++) {
        struct znode_topic topic;
        enum err err = read_topic(session, arena, topics[i], &topic, why);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        for (int32_t p = 0; p < topic.partitions_count; p++)
            reassign_add(arena, out, topics[i], topic.partitions[p].partition)->replicas =
                topic.partitions[p].replicas;
    }
    reassign_sort(out);
    return ERR_NONE;
}

static enum err brokers(void *session, struct arena *arena, struct assign_broker **out, int *count,
                        struct errmsg *why)
{
    struct znode_ids ids;
    enum err err = zk_admin_broker_ids(session, arena, &ids, why);
    if (err != ERR_NONE)
        return err;
    *out = arena_zalloc(arena, ((size_t)ids.count + 1) * sizeof **out);
    *count = 0;
    for (int32_t i = 0; i < ids.count; i++) {
        struct view data;
        struct znode_broker broker;
        const char *path = arena_printf(arena, "/brokers/ids/%" PRId32, ids.ids[i]);
        err = zk_sync_get(zk_admin_sync(session), path, false, arena, &data, NULL, why);
        if (err == ERR_NOT_FOUND)
            continue; /* it went away between the two questions */
        if (err == ERR_NONE)
            err = znode_decode_broker(data, arena, &broker, why);
        if (err != ERR_NONE)
            return err;
        (*out)[(*count)++] = (struct assign_broker){.id = ids.ids[i], .rack = broker.rack};
    }
    return ERR_NONE;
}

/* --- moving ----------------------------------------------------------------------------------------- */

static enum err alter(void *session, struct arena *arena, struct reassign_list *moves, struct errmsg *why)
{
    struct znode_partitions listed = {
        .items = arena_alloc(arena, ((size_t)moves->count + 1) * sizeof *listed.items)};
    struct buf json = {0};
    reassign_sort(moves);
    for (int i = 0; i < moves->count; i++)
        listed.items[listed.count++] = (struct znode_partition){.topic = moves->items[i].topic,
                                                                .partition = moves->items[i].partition,
                                                                .replicas = moves->items[i].replicas};
    znode_encode_reassignment(&listed, &json);
    enum err err = zk_sync_create_path(zk_admin_sync(session), listed_path, buf_view(&json), why);
    buf_close(&json);
    if (err == ERR_EXISTS)
        errmsg_set(why, "There is an existing assignment running.");
    return err;
}

/* --- settings --------------------------------------------------------------------------------------- */

static enum err edit(struct zk_admin *admin, struct arena *arena, const char *entity,
                     const struct reassign_edit *list, int count, struct errmsg *why)
{
    struct znode_config_entry *set = arena_alloc(arena, ((size_t)count + 1) * sizeof *set);
    const char **remove = arena_alloc(arena, ((size_t)count + 1) * sizeof *remove);
    struct zk_admin_edits edits = {.set = set, .remove = remove};
    for (int i = 0; i < count; i++) {
        if (list[i].value)
            set[edits.set_count++] = (struct znode_config_entry){list[i].name, list[i].value};
        else
            remove[edits.remove_count++] = list[i].name;
    }
    enum err err = ERR_NONE;
    for (int i = 0; i < WRITE_ATTEMPTS; i++) {
        struct znode_config now, next;
        int32_t version;
        err = zk_admin_read_config(admin, entity, arena, &now, &version, why);
        if (err != ERR_NONE)
            return err;
        zk_admin_edit_config(&now, &edits, arena, &next);
        err = zk_admin_write_config(admin, entity, &next, version, why);
        if (err != ERR_BAD_VERSION && err != ERR_EXISTS)
            return err;
    }
    return err;
}

static enum err edit_broker(void *session, struct arena *arena, int32_t id, const struct reassign_edit *edits,
                            int count, struct errmsg *why)
{
    return edit(session, arena, arena_printf(arena, "brokers/%" PRId32, id), edits, count, why);
}

static enum err edit_topic(void *session, struct arena *arena, const char *topic,
                           const struct reassign_edit *edits, int count, struct errmsg *why)
{
    return edit(session, arena, arena_printf(arena, "topics/%s", topic), edits, count, why);
}

static void close_session(void *session)
{
    zk_admin_close(session);
}

bool reassign_over_zookeeper(const char *connect, struct reassign_cluster *out, struct errmsg *why)
{
    *out = (struct reassign_cluster){.session = zk_admin_open(connect, why),
                                     .active = active,
                                     .present = present,
                                     .brokers = brokers,
                                     .alter = alter,
                                     .edit_broker = edit_broker,
                                     .edit_topic = edit_topic,
                                     .close = close_session};
    return out->session != NULL;
}
