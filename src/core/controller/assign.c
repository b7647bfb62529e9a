#include "core/controller/assign.h"

#include <string.h>

struct plan {
    const struct assign_broker *brokers; /* in the order that replicas walk */
    int32_t n;
    int32_t racks;
    int32_t *rack_of; /* number of the rack of each place; all -1 without racks */
};

static int32_t rack_count(const struct assign_broker *brokers, int32_t n, bool *all)
{
    int32_t with = 0;
    for (int32_t i = 0; i < n; i++)
        with += brokers[i].rack != NULL;
    *all = with == n;
    return with;
}

/* Names of the racks, sorted, each once. */
static int32_t sort_racks(const struct assign_request *request, const char **names)
{
    int32_t count = 0;
    for (int32_t i = 0; i < request->brokers_count; i++) {
        const char *rack = request->brokers[i].rack;
        int32_t at = 0;
        while (at < count && strcmp(names[at], rack) < 0)
            at++;
        if (at < count && strcmp(names[at], rack) == 0)
            continue;
        memmove(names + at + 1, names + at, (size_t)(count - at) * sizeof *names);
        names[at] = rack;
        count++;
    }
    return count;
}

/* Brokers so ordered that racks alternate: one of each rack in turn, a rack's own by id. */
static void alternate(const struct assign_request *request, struct arena *arena, struct plan *plan)
{
    int32_t n = request->brokers_count;
    const char **names = arena_alloc(arena, (size_t)n * sizeof *names);
    int32_t *next = arena_zalloc(arena, (size_t)n * sizeof *next); /* of each rack: broker to look at */
    struct assign_broker *order = arena_alloc(arena, (size_t)n * sizeof *order);
    plan->racks = sort_racks(request, names);
    int32_t taken = 0;
    for (int32_t rack = 0; taken < n; rack = (rack + 1) % plan->racks) {
        while (next[rack] < n && strcmp(request->brokers[next[rack]].rack, names[rack]) != 0)
            next[rack]++;
        if (next[rack] == n)
            continue;
        plan->rack_of[taken] = rack;
        order[taken++] = request->brokers[next[rack]++];
    }
    plan->brokers = order;
}

struct walk {
    bool *broker_used;
    bool *rack_used;
    int32_t racks_used;
    int32_t brokers_used;
};

static void take(const struct plan *plan, struct walk *walk, int32_t place, struct znode_ids *out)
{
    out->ids[out->count++] = plan->brokers[place].id;
    walk->broker_used[place] = true;
    walk->brokers_used++;
    int32_t rack = plan->rack_of[place];
    if (rack >= 0 && !walk->rack_used[rack]) {
        walk->rack_used[rack] = true;
        walk->racks_used++;
    }
}

static bool may_take(const struct plan *plan, const struct walk *walk, int32_t place)
{
    if (plan->racks == 0)
        return true;
    return (!walk->rack_used[plan->rack_of[place]] || walk->racks_used == plan->racks) &&
           (!walk->broker_used[place] || walk->brokers_used == plan->n);
}

/* `stride`: how far one more shift moves the others; the number of racks, or 1. */
static void assign_one(const struct plan *plan, struct walk *walk, int32_t leader, int64_t shift,
                       int32_t replication_factor, struct znode_ids *out)
{
    memset(walk->broker_used, 0, (size_t)plan->n * sizeof(bool));
    memset(walk->rack_used, 0, (size_t)plan->n * sizeof(bool));
    walk->brokers_used = walk->racks_used = 0;
    int32_t stride = plan->racks ? plan->racks : 1;
    take(plan, walk, leader, out);
    int64_t k = 0;
    while (out->count < replication_factor) {
        int32_t behind = (int32_t)((shift * stride + k++) % (plan->n - 1));
        int32_t place = (leader + 1 + behind) % plan->n;
        if (may_take(plan, walk, place))
            take(plan, walk, place, out);
    }
}

enum err assign_replicas(const struct assign_request *request, struct arena *arena, struct znode_ids **out,
                         struct errmsg *why)
{
    int32_t n = request->brokers_count;
    int32_t rf = request->replication_factor;
    if (request->partitions_count <= 0) {
        errmsg_set(why, "Number of partitions must be larger than 0.");
        return ERR_INVALID_PARTITIONS;
    }
    if ((int64_t)request->first_partition + request->partitions_count > ASSIGN_PARTITIONS_MAX) {
        errmsg_set(why, "A topic of more than %d partitions has no place in ZooKeeper.",
                   ASSIGN_PARTITIONS_MAX);
        return ERR_INVALID_PARTITIONS;
    }
    if (rf <= 0) {
        errmsg_set(why, "Replication factor must be larger than 0.");
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    if (rf > n) {
        errmsg_set(why, "Replication factor: %d larger than available brokers: %d.", rf, n);
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    bool all;
    int32_t with_rack = rack_count(request->brokers, n, &all);
    if (with_rack && !all) {
        errmsg_set(why, "Not all brokers have rack information for replica rack aware assignment.");
        return ERR_INVALID_ARGUMENT;
    }
    struct plan plan = {.brokers = request->brokers, .n = n};
    plan.rack_of = arena_alloc(arena, (size_t)n * sizeof *plan.rack_of);
    for (int32_t i = 0; i < n; i++)
        plan.rack_of[i] = -1;
    if (with_rack)
        alternate(request, arena, &plan);
    struct walk walk = {.broker_used = arena_alloc(arena, (size_t)n * sizeof(bool)),
                        .rack_used = arena_alloc(arena, (size_t)n * sizeof(bool))};
    struct znode_ids *lists = arena_zalloc(arena, (size_t)request->partitions_count * sizeof *lists);
    int64_t shift = request->shift;
    for (int32_t i = 0; i < request->partitions_count; i++) {
        int64_t p = (int64_t)request->first_partition + i;
        if (p > 0 && p % n == 0)
            shift++;
        lists[i].ids = arena_alloc(arena, (size_t)rf * sizeof(int32_t));
        assign_one(&plan, &walk, (int32_t)((p + request->start) % n), shift, rf, &lists[i]);
    }
    *out = lists;
    return ERR_NONE;
}
