#include "cli/groups_zookeeper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups_csv.h"
#include "cli/progress.h"
#include "cli/zk_admin.h"
#include "core/controller/topic_name.h"

#define ROOT      "/consumers"
#define PARTS_MAX 5

/* "/consumers/g/offsets/t/0" as {"g", "offsets", "t", "0"}. */
struct place {
    struct view parts[PARTS_MAX];
    int depth; /* PARTS_MAX: as deep or deeper */
};

/* What else is there of a group. */
struct remains {
    struct view group; /* null: none yet */
    int consumers;
    int owned;
};

struct collector {
    const struct view *ids;
    int32_t count;
    struct arena *arena;
    struct remains remains;
    struct groups_old *out;
};

static struct place place_of(const char *path)
{
    struct place place = {0};
    const char *at = path + strlen(ROOT);
    while (*at == '/' && place.depth < PARTS_MAX) {
        size_t len = strcspn(++at, "/");
        place.parts[place.depth++] = view_of(at, len);
        at += len;
    }
    return place;
}

/* --- znodes ------------------------------------------------------------------------------------------ */

static void skip(struct collector *collector, const char *path, const char *what)
{
    buf_printf(&collector->out->notes, "%s: %s; skipped\n", path, what);
    collector->out->problems++;
}

/* All of the text a decimal number from 0 to max; blanks at its end are forgiven, as an echo leaves them. */
static bool read_number(struct view text, int64_t max, int64_t *out)
{
    char copy[24];
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == ' '))
        text.len--;
    if (text.len == 0 || text.len >= sizeof copy || text.ptr[0] < '0' || text.ptr[0] > '9')
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    errno = 0;
    long long number = strtoll(copy, &end, 10);
    *out = (int64_t)number;
    return errno == 0 && *end == '\0' && number <= max;
}

static void take_offset(struct collector *collector, const struct place *place, const struct zk_node *node)
{
    struct groups_csv_row row = {.group = place->parts[0], .topic = place->parts[2]};
    int64_t partition;
    struct errmsg why;
    if (!topic_name_is_valid(arena_cstr(collector->arena, row.topic), &why))
        skip(collector, node->path, "this is no name of a topic");
    else if (!read_number(place->parts[3], INT32_MAX, &partition))
        skip(collector, node->path, "this is no number of a partition");
    else if (node->err != ERR_NONE)
        skip(collector, node->path, err_meaning(node->err));
    else if (!read_number(node->data, INT64_MAX, &row.offset))
        skip(collector, node->path,
             arena_printf(collector->arena, "'%.*s' is no offset",
                          node->data.len < 60 ? (int)node->data.len : 60,
                          node->data.len ? (const char *)node->data.ptr : ""));
    else {
        row.partition = (int32_t)partition;
        groups_csv_write(&row, collector->count != 1, &collector->out->csv);
    }
}

static void take_node(struct collector *collector, const struct place *place, const struct zk_node *node)
{
    struct view kind = place->parts[1];
    if (place->depth < 2)
        return;
    if (view_equal_str(kind, "offsets")) {
        if (place->depth == 4)
            take_offset(collector, place, node);
        else if (place->depth > 4)
            skip(collector, node->path, "nothing is expected below a partition");
    } else if (view_equal_str(kind, "ids")) {
        collector->remains.consumers += place->depth == 3;
    } else if (view_equal_str(kind, "owners")) {
        collector->remains.owned += place->depth == 4;
    } else if (place->depth == 2) {
        skip(collector, node->path, "a group has offsets, owners and ids, and nothing else");
    }
}

/* --- groups ------------------------------------------------------------------------------------------ */

/* The last group is over: what of it is no offset is told, and what that means. */
static void end_group(struct collector *collector)
{
    const struct remains *r = &collector->remains;
    if (r->consumers > 0 || r->owned > 0)
        buf_printf(&collector->out->notes,
                   "Group %.*s: %d consumers registered, %d partitions owned; passed over%s\n",
                   VIEW_FMT(r->group), r->consumers, r->owned,
                   r->consumers > 0 ? ". They may still move its offsets: stop them, then export again" : "");
}

static bool is_meant(const struct collector *collector, struct view group)
{
    for (int32_t i = 0; i < collector->count; i++)
        if (view_equal(collector->ids[i], group))
            return true;
    return collector->count == 0;
}

static void report_missing(struct collector *collector, const struct zk_tree *tree)
{
    for (int32_t i = 0; i < collector->count; i++) {
        const char *path = arena_printf(collector->arena, ROOT "/%.*s", VIEW_FMT(collector->ids[i]));
        if (zk_tree_find(tree, path))
            continue;
        buf_printf(&collector->out->notes, "Group %.*s: there is no %s\n", VIEW_FMT(collector->ids[i]), path);
        collector->out->problems++;
    }
}

void groups_old_collect(const struct zk_tree *tree, const struct view *ids, int32_t count,
                        struct arena *arena, struct groups_old *out)
{
    *out = (struct groups_old){0};
    struct collector collector = {.ids = ids, .count = count, .arena = arena, .out = out};
    int first, end = zk_tree_below(tree, ROOT, &first);
    for (int i = first; i < end; i++) {
        struct place place = place_of(tree->nodes[i].path);
        if (place.depth == 0 || !is_meant(&collector, place.parts[0]))
            continue;
        if (!view_equal(place.parts[0], collector.remains.group)) {
            end_group(&collector);
            collector.remains = (struct remains){.group = place.parts[0]};
        }
        take_node(&collector, &place, &tree->nodes[i]);
    }
    end_group(&collector);
    report_missing(&collector, tree);
}

void groups_old_close(struct groups_old *old)
{
    buf_close(&old->csv);
    buf_close(&old->notes);
}

/* --- the command ------------------------------------------------------------------------------------- */

static bool descends(const char *path)
{
    size_t len = strlen(ROOT);
    return strcmp(path, "/") == 0 ||
           (strncmp(path, ROOT, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

static bool read_tree(const char *connect, struct arena *arena, struct zk_tree *out, struct errmsg *why)
{
    struct zk_admin *admin = zk_admin_open(connect, why);
    if (!admin)
        return false;
    struct progress progress;
    progress_start(&progress, "Reading " ROOT, NULL, 0);
    enum err err = zk_tree_read(zk_admin_sync(admin), descends, arena, out, why);
    progress_stop(&progress);
    zk_admin_close(admin);
    if (err == ERR_NONE && !zk_tree_find(out, ROOT)) {
        errmsg_set(why,
                   "There is no " ROOT " at %.150s: no broker was ever started there (is the chroot right?)",
                   connect);
        return false;
    }
    return err == ERR_NONE;
}

int groups_export_zookeeper(const char *connect, const struct view *ids, int32_t count)
{
    struct arena arena = {0};
    struct zk_tree tree;
    struct errmsg why = {0};
    int status = 1;
    if (read_tree(connect, &arena, &tree, &why)) {
        struct groups_old old;
        groups_old_collect(&tree, ids, count, &arena, &old);
        fputs(buf_cstr(&old.csv), stdout);
        fflush(stdout);
        fputs(buf_cstr(&old.notes), stderr);
        status = old.problems > 0;
        groups_old_close(&old);
    } else {
        fprintf(stderr, "Error: %s\n", why.text);
    }
    arena_close(&arena);
    return status;
}
