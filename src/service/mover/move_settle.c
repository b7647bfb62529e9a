#include "service/mover/move_settle.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/replica/replica_manager.h"
#include "storage/move_mark.h"

/* A current directory with its mark. */
struct marked {
    struct log_dir_state *dir;
    struct log_dir_found *found;
    struct move_mark mark;
};

struct all_marked {
    struct marked *items;
    size_t count;
    size_t with_mark;
};

static struct log_dir_state *find_by_path(const struct log_dirs *dirs, const char *path)
{
    for (int i = 0; i < dirs->count; i++)
        if (strcmp(dirs->items[i]->dir.path, path) == 0)
            return dirs->items[i];
    return NULL;
}

static enum move_dir_state state_of(const void *arg, const char *path)
{
    const struct log_dir_state *dir = find_by_path(arg, path);
    if (!dir)
        return MOVE_DIR_UNKNOWN;
    return log_dir_is_offline(&dir->dir) ? MOVE_DIR_OFFLINE : MOVE_DIR_LIVE;
}

static void read_mark(struct marked *item)
{
    struct errmsg why;
    char *path = log_dir_join(&item->dir->dir, item->found->name);
    if (move_mark_read(item->dir->dir.disk, path, &item->mark, &why) != ERR_NONE)
        log_dir_state_fail(item->dir, ERR_KAFKA_STORAGE_ERROR, &why);
    free(path);
}

static struct all_marked read_all(const struct move_listing *listings, int count)
{
    struct all_marked all = {0};
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += listings[i].count;
    all.items = mem_zalloc(sizeof *all.items * (total + 1));
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < listings[i].count; k++) {
            if (listings[i].found[k].parsed.kind != PARTITION_DIR_CURRENT)
                continue;
            struct marked *item = &all.items[all.count++];
            item->dir = listings[i].state;
            item->found = &listings[i].found[k];
            read_mark(item);
            all.with_mark += item->mark.state != MOVE_MARK_NONE;
        }
    return all;
}

static bool is_same_partition(const struct marked *a, const struct marked *b)
{
    return strcmp(a->found->name, b->found->name) == 0;
}

static void add_over(struct move_settlement *out, const struct log_dirs *dirs, const struct marked *item)
{
    struct log_dir_state *other = find_by_path(dirs, item->mark.other);
    if (!other || log_dir_is_offline(&other->dir))
        return; /* it may come back */
    out->over = mem_resize(out->over, sizeof *out->over * (out->over_count + 1));
    out->over[out->over_count].dir = item->dir;
    out->over[out->over_count].other = other;
    out->over[out->over_count++].path = log_dir_join(&item->dir->dir, item->found->name);
}

static void carry_out(struct move_settlement *out, const struct log_dirs *dirs, struct marked *item,
                      enum move_verdict verdict)
{
    uint8_t key[PARTITION_KEY_MAX];
    const struct partition_dir_name *name = &item->found->parsed;
    switch (verdict) {
    case MOVE_SERVE:
        if (item->mark.state != MOVE_MARK_NONE)
            add_over(out, dirs, item);
        break;
    case MOVE_STALE:
        log_info("mover", "swap_finished",
                 "dir=%s/%s effect=\"deleted: the replica is in the other directory\"", item->dir->dir.path,
                 item->found->name);
        item->found->parsed.kind = PARTITION_DIR_DELETE;
        break;
    case MOVE_UNSURE:
        log_error(
            "mover", "replica_not_trusted",
            "dir=%s/%s other=%s reason=\"a crash interrupted its move, and the directory it came from is "
            "offline: that one may have records that this one lacks\" effect=\"offline until the other "
            "directory is back, or is taken out of log.dirs\"",
            item->dir->dir.path, item->found->name, item->mark.other);
        map_put(&out->unsure, partition_key(key, name->topic, name->partition), out);
        break;
    }
}

/* Judges the places of the partition of `first`, if none of them was judged before. */
static void settle_partition(struct move_settlement *out, const struct log_dirs *dirs, struct all_marked *all,
                             size_t first)
{
    struct move_place *places = mem_zalloc(sizeof *places * all->count);
    struct marked **items = mem_zalloc(sizeof *items * all->count);
    size_t count = 0;
    bool judged = false;
    for (size_t i = 0; i < all->count; i++) {
        if (!is_same_partition(&all->items[i], &all->items[first]))
            continue;
        judged |= i < first && all->items[i].mark.state != MOVE_MARK_NONE;
        items[count] = &all->items[i];
        places[count++] =
            (struct move_place){.log_dir = all->items[i].dir->dir.path, .mark = all->items[i].mark};
    }
    if (!judged)
        move_marks_judge(places, count, state_of, dirs);
    for (size_t i = 0; i < count && !judged; i++)
        carry_out(out, dirs, items[i], places[i].verdict);
    free(places);
    free(items);
}

void move_settle(struct log_dirs *dirs, const struct move_listing *listings, int count,
                 struct move_settlement *out)
{
    struct all_marked all = read_all(listings, count);
    *out = (struct move_settlement){0};
    for (size_t i = 0; i < all.count && all.with_mark > 0; i++)
        if (all.items[i].mark.state != MOVE_MARK_NONE)
            settle_partition(out, dirs, &all, i);
    for (size_t i = 0; i < all.count; i++)
        move_mark_close(&all.items[i].mark);
    free(all.items);
}

void move_settle_finish(struct move_settlement *settlement)
{
    struct errmsg why;
    for (size_t i = 0; i < settlement->over_count; i++) {
        struct log_dir_state *dir = settlement->over[i].dir, *other = settlement->over[i].other;
        bool live = !log_dir_is_offline(&dir->dir) && !log_dir_is_offline(&other->dir);
        if (live && move_mark_remove(dir->dir.disk, settlement->over[i].path, &why) != ERR_NONE)
            log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
        free(settlement->over[i].path);
    }
    free(settlement->over);
    map_close(&settlement->unsure);
    *settlement = (struct move_settlement){0};
}
