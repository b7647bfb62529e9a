/*
 * AlterPartitionReassignments and ListPartitionReassignments. The first is answered when the
 * moves have begun; when they end is to be asked by the second.
 */
#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/controller/reassignment.h"

struct asked {
    const struct controller_move *wanted;
    enum err err;
    const char *message;
    int32_t move; /* place; -1 = none */
};

struct alter {
    struct ctl_frame frame;
    const struct controller_alter_reassignments *request;
    struct asked *items; /* each partition once; the last mention counts */
    int32_t items_count;
    struct ctl_moves moves;
};

enum { ALTER_UNLIST, ALTER_BEGIN, ALTER_ANSWER };

static void refuse(struct asked *item, enum err err, const char *message)
{
    item->err = err;
    item->message = message;
}

/* "1, 2", in the arena. */
static const char *text_of_ids(struct controller *c, const struct znode_ids *ids)
{
    struct buf text = {0};
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(&text, "%s%d", i ? ", " : "", ids->ids[i]);
    const char *copy = arena_strdup(&c->arena, buf_cstr(&text));
    buf_close(&text);
    return copy;
}

static struct znode_ids live_brokers(struct controller *c)
{
    struct znode_ids out = {.ids = arena_alloc(&c->arena, c->ctx.brokers_by_id.count * sizeof(int32_t) + 1)};
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        if (!broker->shutting_down)
            out.ids[out.count++] = broker->id;
    }
    return out;
}

static bool has_negative(const struct znode_ids *ids)
{
    for (int32_t i = 0; i < ids->count; i++) {
        if (ids->ids[i] < 0)
            return true;
    }
    return false;
}

static bool has_twice(const struct znode_ids *ids)
{
    for (int32_t i = 0; i < ids->count; i++) {
        for (int32_t k = 0; k < i; k++) {
            if (ids->ids[i] == ids->ids[k])
                return true;
        }
    }
    return false;
}

/* False, with the item's error set, for a list that nobody could move to. */
static bool check_list(struct controller *c, struct asked *item)
{
    const struct znode_ids *ids = &item->wanted->replicas;
    const char *message = NULL;
    if (ids->count == 0)
        message = "Empty replica list specified in partition reassignment.";
    else if (has_twice(ids))
        message = ctl_path(c, "Duplicate replica ids in partition reassignment replica list: ArrayBuffer(%s)",
                           text_of_ids(c, ids));
    else if (has_negative(ids))
        message = ctl_path(c, "Invalid broker id in replica list: ArrayBuffer(%s)", text_of_ids(c, ids));
    if (message)
        refuse(item, ERR_INVALID_REPLICA_ASSIGNMENT, message);
    return !message;
}

/* Likewise when one of the brokers that are new to it does not live. */
static bool check_live(struct controller *c, struct asked *item, const struct znode_ids *adding)
{
    struct znode_ids live = live_brokers(c);
    for (int32_t i = 0; i < adding->count; i++) {
        if (ctl_ids_contain(&live, adding->ids[i]))
            continue;
        refuse(item, ERR_INVALID_REPLICA_ASSIGNMENT,
               ctl_path(c,
                        "Replica assignment has brokers that are not alive. Replica list: ArrayBuffer(%s), "
                        "live broker list: Set(%s)",
                        text_of_ids(c, adding), text_of_ids(c, &live)));
        return false;
    }
    return true;
}

static const struct ctl_partition nowhere; /* a partition that is not known has no replicas */

static void plan(struct controller *c, struct alter *a, struct asked *item)
{
    const struct controller_move *wanted = item->wanted;
    const struct ctl_topic *topic = ctl_topic_find(&c->ctx, wanted->topic);
    struct ctl_partition *p = topic ? ctl_partition_find(topic, wanted->partition) : NULL;
    const struct ctl_partition *from = p ? p : &nowhere;
    if (!wanted->cancel && !check_list(c, item))
        return;
    if (wanted->cancel && !ctl_partition_is_reassigning(from)) {
        refuse(item, ERR_NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress.");
        return;
    }
    struct znode_ids target =
        wanted->cancel ? ctl_move_origin(&c->arena, from) : ctl_ids_dup(&c->arena, &wanted->replicas);
    struct znode_assignment to = ctl_move_to(&c->arena, from, &target);
    if (!wanted->cancel && !check_live(c, item, &to.adding))
        return;
    if (!p || topic->to_be_deleted) {
        refuse(item, ERR_UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist.");
        return;
    }
    if (!ctl_move_is_safe(p, &to)) {
        refuse(item, ERR_INVALID_REPLICA_ASSIGNMENT,
               "None of the replicas that are in sync would be left; what was written would be lost.");
        return;
    }
    item->move = a->moves.count;
    ctl_moves_add(c, &a->moves, p, &to);
}

static void collect(struct controller *c, struct alter *a)
{
    struct map places = {0};
    a->items = arena_zalloc(&c->arena, (size_t)a->request->moves_count * sizeof *a->items + 1);
    for (int32_t i = 0; i < a->request->moves_count; i++) {
        const struct controller_move *wanted = &a->request->moves[i];
        const char *key = ctl_path(c, "%d/%s", wanted->partition, wanted->topic);
        uintptr_t place = (uintptr_t)map_get_str(&places, key);
        if (!place) {
            place = (uintptr_t)++a->items_count;
            map_put_str(&places, key, (void *)place);
        }
        a->items[place - 1] = (struct asked){.wanted = wanted, .move = -1};
    }
    map_close(&places);
    for (int32_t i = 0; i < a->items_count; i++)
        plan(c, a, &a->items[i]);
}

static void answer(struct controller *c, const struct alter *a)
{
    struct arena *arena = &c->out->arena;
    struct controller_partition_answer *answers =
        arena_zalloc(arena, (size_t)a->items_count * sizeof *answers + 1);
    for (int32_t i = 0; i < a->items_count; i++) {
        struct asked *item = &a->items[i];
        if (item->move >= 0 && a->moves.items[item->move].err != ERR_NONE)
            refuse(item, a->moves.items[item->move].err, "The partition does not exist.");
        answers[i] = (struct controller_partition_answer){
            .topic = arena_strdup(arena, item->wanted->topic),
            .partition = item->wanted->partition,
            .err = item->err,
            .message = item->message ? arena_strdup(arena, item->message) : NULL};
    }
    ctl_answer(c, &(struct controller_answer){.partitions = answers, .partitions_count = a->items_count});
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct alter *a = (struct alter *)frame;
    switch (frame->phase++) {
    case ALTER_UNLIST:
        collect(c, a);
        ctl_call_unlist_moves(c, &a->moves);
        return CTL_AGAIN;
    case ALTER_BEGIN:
        ctl_call_moves(c, &a->moves);
        return CTL_AGAIN;
    case ALTER_ANSWER:
        answer(c, a);
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_alter_reassignments(struct controller *c, const struct controller_alter_reassignments *request)
{
    struct alter *a = ctl_call(c, sizeof *a, run);
    a->request = request;
}

/* ---- ListPartitionReassignments */

struct list_answer {
    struct controller_partition_answer *items;
    int32_t count;
    int32_t cap;
};

static void list_one(struct controller *c, struct list_answer *list, const struct ctl_partition *p)
{
    struct arena *arena = &c->out->arena;
    if (!ctl_partition_is_reassigning(p))
        return;
    list->items = ctl_grow(arena, list->items, list->count, &list->cap, sizeof *list->items);
    list->items[list->count++] = (struct controller_partition_answer){
        .topic = arena_strdup(arena, p->topic->name),
        .topic_id = p->topic->id,
        .partition = p->number,
        .assignment = {.partition = p->number,
                       .replicas = ctl_ids_dup(arena, &p->replicas),
                       .adding = ctl_ids_dup(arena, &p->adding),
                       .removing = ctl_ids_dup(arena, &p->removing)},
    };
}

void ctl_start_list_reassignments(struct controller *c, const struct controller_list_reassignments *request)
{
    struct list_answer list = {0};
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            topic->partitions[i]->mark = 0;
            if (request->all)
                list_one(c, &list, topic->partitions[i]);
        }
    }
    for (int32_t i = 0; !request->all && i < request->partitions.count; i++) {
        const struct znode_partition *wanted = &request->partitions.items[i];
        const struct ctl_topic *topic = ctl_topic_find(&c->ctx, wanted->topic);
        struct ctl_partition *p = topic ? ctl_partition_find(topic, wanted->partition) : NULL;
        if (p && !p->mark)
            list_one(c, &list, p);
        if (p)
            p->mark = 1;
    }
    ctl_answer(c, &(struct controller_answer){.partitions = list.items, .partitions_count = list.count});
}
