/*
 * Moves by /admin/reassign_partitions, as tools before KIP-455 ask for them.
 *
 *   created or changed -> read; each entry that is not in force is begun -> entries that are
 *   done or cannot be done are taken out; the last one takes the znode with it
 *
 * What is done does not depend on what happened since, only on the entries and on what is in
 * force: so a move that completes, and a new controller, simply look again. Kafka looks when
 * the znode is created and never at what is added to it.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/reassignment.h"

static const char path[] = "/admin/reassign_partitions";

struct listed {
    struct ctl_frame frame;
    struct znode_partitions entries; /* as read */
    int32_t version;
    struct ctl_moves moves;
    struct ctl_writes writes;
};

enum { LISTED_READ, LISTED_BEGIN, LISTED_TRIM, LISTED_TRIMMED };

static struct znode_partitions keep_entries(struct arena *arena, const struct znode_partitions *from)
{
    struct znode_partitions copy = {.items = arena_alloc(arena, (size_t)from->count * sizeof *copy.items + 1),
                                    .count = from->count};
    for (int32_t i = 0; i < from->count; i++)
        copy.items[i] = (struct znode_partition){.topic = arena_strdup(arena, from->items[i].topic),
                                                 .partition = from->items[i].partition,
                                                 .replicas = ctl_ids_dup(arena, &from->items[i].replicas)};
    return copy;
}

static struct ctl_partition *partition_of(const struct controller *c, const struct znode_partition *entry)
{
    const struct ctl_topic *topic = ctl_topic_find(&c->ctx, entry->topic);
    return topic && !topic->to_be_deleted ? ctl_partition_find(topic, entry->partition) : NULL;
}

/* Under way to exactly that list. */
static bool is_in_force(struct controller *c, const struct znode_partition *entry)
{
    const struct ctl_partition *p = partition_of(c, entry);
    if (!p || !ctl_partition_is_reassigning(p))
        return false;
    struct znode_ids target = ctl_move_target(&c->arena, p);
    return ctl_ids_equal(&target, &entry->replicas);
}

static void refuse(const struct znode_partition *entry, const char *why)
{
    log_error("controller", "reassignment_refused", "topic=%s partition=%d; %s; taken out of %s",
              entry->topic, entry->partition, why, path);
}

/* Of entries for one partition the last counts. */
static void add_move(struct controller *c, struct listed *l, struct ctl_partition *p,
                     const struct znode_assignment *to)
{
    for (int32_t i = 0; p->mark && i < l->moves.count; i++) {
        if (l->moves.items[i].p == p) {
            l->moves.items[i].to = *to;
            return;
        }
    }
    p->mark = 1;
    ctl_moves_add(c, &l->moves, p, to);
}

static void consider(struct controller *c, struct listed *l, const struct znode_partition *entry)
{
    struct ctl_partition *p = partition_of(c, entry);
    if (!p) {
        refuse(entry, "there is no such partition, or it is being deleted");
        return;
    }
    if (!ctl_ids_are_valid(&entry->replicas)) {
        refuse(entry, "its list of replicas is empty, has an id twice or a negative one");
        return;
    }
    if (is_in_force(c, entry))
        return;
    struct znode_assignment to = ctl_move_to(&c->arena, p, &entry->replicas);
    if (!ctl_move_is_safe(p, &to))
        refuse(entry, "no replica that is in sync would be left");
    else if (ctl_partition_is_reassigning(p) || !ctl_move_is_same(p, &to))
        add_move(c, l, p, &to);
}

static void take_entries(struct controller *c, struct listed *l, const struct controller_op_result *found)
{
    l->version = found->version;
    if (found->err == ERR_MALFORMED) {
        log_error("controller", "reassignments_unreadable", "%s is removed", path);
        return;
    }
    l->entries = keep_entries(&c->arena, &found->value.partitions);
    for (int32_t i = 0; i < l->entries.count; i++) {
        struct ctl_partition *p = partition_of(c, &l->entries.items[i]);
        if (p)
            p->mark = 0;
    }
    for (int32_t i = 0; i < l->entries.count; i++)
        consider(c, l, &l->entries.items[i]);
    ctl_call_moves(c, &l->moves);
}

/* The znode with these entries, or without it when there are none. */
static void add_trim(struct controller *c, struct ctl_writes *writes, const struct znode_partitions *kept,
                     int32_t version)
{
    struct ctl_write *write =
        ctl_writes_add(c, writes, kept->count ? CONTROLLER_OP_SET : CONTROLLER_OP_DELETE, path);
    write->version = version;
    write->large = kept->count > 100;
    write->value.kind = CONTROLLER_VALUE_REASSIGNMENT;
    write->value.partitions = *kept;
}

static void trim(struct controller *c, struct listed *l)
{
    struct znode_partitions kept = {
        .items = arena_alloc(&c->arena, (size_t)l->entries.count * sizeof *kept.items + 1)};
    for (int32_t i = 0; i < l->entries.count; i++) {
        if (is_in_force(c, &l->entries.items[i]))
            kept.items[kept.count++] = l->entries.items[i];
    }
    c->ctx.moves_listed = kept.count > 0;
    if (kept.count == 0 || kept.count < l->entries.count)
        add_trim(c, &l->writes, &kept, l->version);
    ctl_call_writes(c, &l->writes);
}

static enum ctl_next run_listed(struct controller *c, struct ctl_frame *frame)
{
    struct listed *l = (struct listed *)frame;
    switch (frame->phase++) {
    case LISTED_READ:
        ctl_watch(c, path);
        ctl_get(c, CONTROLLER_VALUE_REASSIGNMENT, false, path);
        return ctl_submit(c);
    case LISTED_BEGIN:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        if (c->results[1].err == ERR_NOT_FOUND) {
            c->ctx.moves_listed = false;
            return CTL_DONE;
        }
        take_entries(c, l, &c->results[1]);
        return CTL_AGAIN;
    case LISTED_TRIM:
        trim(c, l);
        return CTL_AGAIN;
    case LISTED_TRIMMED: /* the watch says so if it was written, by us or by somebody who was quicker */
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_call_listed_moves(struct controller *c)
{
    ctl_call(c, sizeof(struct listed), run_listed);
}

/* ---- partitions that somebody else decided about */

struct unlist {
    struct ctl_frame frame;
    const struct ctl_moves *moves;
    struct ctl_writes writes;
};

enum { UNLIST_READ, UNLIST_WRITE, UNLIST_WRITTEN };

static void take_out(struct controller *c, struct unlist *u, const struct controller_op_result *found)
{
    const struct znode_partitions *read = &found->value.partitions;
    struct znode_partitions kept = {.items =
                                        arena_alloc(&c->arena, (size_t)read->count * sizeof *kept.items + 1)};
    for (int32_t i = 0; i < read->count; i++) {
        struct ctl_partition *p = partition_of(c, &read->items[i]);
        if (p)
            p->mark = 0;
    }
    for (int32_t i = 0; i < u->moves->count; i++)
        u->moves->items[i].p->mark = 1;
    struct znode_partitions copy = keep_entries(&c->arena, read);
    for (int32_t i = 0; i < copy.count; i++) {
        const struct ctl_partition *p = partition_of(c, &copy.items[i]);
        if (!p || !p->mark)
            kept.items[kept.count++] = copy.items[i];
    }
    if (kept.count < copy.count)
        add_trim(c, &u->writes, &kept, found->version);
}

static enum ctl_next run_unlist(struct controller *c, struct ctl_frame *frame)
{
    struct unlist *u = (struct unlist *)frame;
    switch (frame->phase) {
    case UNLIST_READ:
        ctl_get(c, CONTROLLER_VALUE_REASSIGNMENT, false, path);
        frame->phase = UNLIST_WRITE;
        return ctl_submit(c);
    case UNLIST_WRITE:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        if (c->results[0].err == ERR_NONE)
            take_out(c, u, &c->results[0]);
        ctl_call_writes(c, &u->writes);
        frame->phase = UNLIST_WRITTEN;
        return CTL_AGAIN;
    case UNLIST_WRITTEN:
        if (u->writes.count == 0 || u->writes.items[0].err != ERR_BAD_VERSION)
            return CTL_DONE;
        u->writes = (struct ctl_writes){0};
        frame->phase = UNLIST_READ;
        return CTL_AGAIN;
    default:
        UNREACHABLE();
    }
}

void ctl_call_unlist_moves(struct controller *c, const struct ctl_moves *moves)
{
    if (!c->ctx.moves_listed || moves->count == 0)
        return;
    struct unlist *u = ctl_call(c, sizeof *u, run_unlist);
    u->moves = moves;
}
