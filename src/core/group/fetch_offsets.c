/*
 * OffsetFetch (storage-replication-coordinators 5.9).
 */
#include "core/group/internal.h"

static void fetch_one(const struct offset_entry *entry, bool require_stable, struct arena *arena,
                      struct group_fetched_offset *out)
{
    *out = (struct group_fetched_offset){
        .partition = out->partition, .offset = -1, .leader_epoch = -1, .metadata = VIEW_LIT("")};
    if (!entry)
        return;
    if (require_stable && (entry->appends || entry->txns)) {
        out->err = ERR_UNSTABLE_OFFSET_COMMIT;
    } else if (entry->is_set) {
        out->offset = entry->offset;
        out->leader_epoch = entry->leader_epoch;
        if (entry->metadata)
            out->metadata = arena_dup_view(arena, offset_metadata_view(entry->metadata));
    }
}

/* False: there is no room. A request may name a partition again and again, and its metadata is long. */
static bool fetch_listed(struct grp_group *g, const struct group_topic_partitions *topic, bool require_stable,
                         struct arena *arena, size_t arena_max, struct group_fetched_topic *out)
{
    const struct offset_topic *of = g ? offset_table_topic(&g->offsets, topic->name) : NULL;
    out->name = topic->name;
    out->offsets_count = topic->partitions_count;
    out->offsets = arena_alloc(arena, (size_t)topic->partitions_count * sizeof *out->offsets);
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        if (arena->total > arena_max)
            return false;
        out->offsets[i].partition = topic->partitions[i];
        fetch_one(of ? offset_topic_entry(of, topic->partitions[i]) : NULL, require_stable, arena,
                  &out->offsets[i]);
    }
    return true;
}

/* Those that are committed; false when it has none. */
static bool fetch_topic(const struct offset_topic *topic, bool require_stable, struct arena *arena,
                        struct group_fetched_topic *out)
{
    *out = (struct group_fetched_topic){.name = arena_dup_view(arena, topic->name)};
    out->offsets = arena_alloc(arena, topic->count * sizeof *out->offsets);
    OFFSET_EACH_ENTRY (entry, topic) {
        if (!entry->is_set)
            continue;
        struct group_fetched_offset *offset = &out->offsets[out->offsets_count++];
        offset->partition = entry->partition;
        fetch_one(entry, require_stable, arena, offset);
    }
    return out->offsets_count > 0;
}

static void fetch_all(struct grp_group *g, bool require_stable, struct arena *arena,
                      struct group_fetched_topic **fetched, int32_t *fetched_count)
{
    *fetched = arena_alloc(arena, g->offsets.topics.count * sizeof **fetched);
    OFFSET_EACH_TOPIC (topic, &g->offsets) {
        *fetched_count += fetch_topic(topic, require_stable, arena, &(*fetched)[*fetched_count]);
    }
}

enum err group_fetch_offsets(struct group_coordinator *c, struct view group_id,
                             const struct group_topic_partitions *topics, int32_t topics_count,
                             bool require_stable, struct arena *arena, size_t arena_max,
                             struct group_fetched_topic **fetched, int32_t *fetched_count)
{
    *fetched = NULL;
    *fetched_count = 0;
    enum err err = grp_check(c, group_id, true);
    if (err)
        return err;
    struct grp_group *g = grp_find(&c->tables, group_id);
    if (topics_count < 0) {
        if (g)
            fetch_all(g, require_stable, arena, fetched, fetched_count);
        return ERR_NONE;
    }
    *fetched = arena_alloc(arena, (size_t)topics_count * sizeof **fetched);
    *fetched_count = topics_count;
    for (int32_t i = 0; i < topics_count; i++)
        if (!fetch_listed(g, &topics[i], require_stable, arena, arena_max, &(*fetched)[i]))
            return ERR_INVALID_REQUEST;
    return ERR_NONE;
}
