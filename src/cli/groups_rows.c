/*
 * The rows of `--describe --offsets`: what each member was assigned, then what is committed and nobody's.
 */
#include <stdlib.h>

#include "cli/groups.h"
#include "cli/java_order.h"

typedef struct wire_describe_groups_response_described_group_member described_member;

static int32_t count_assigned(const struct wire_consumer_protocol_assignment *assignment)
{
    int32_t count = 0;
    for (int32_t t = 0; t < assignment->assigned_partitions_count; t++)
        count += assignment->assigned_partitions[t].partitions_count;
    return count;
}

struct ranked {
    int32_t member;
    int32_t partitions;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->partitions != y->partitions)
        return x->partitions > y->partitions ? -1 : 1;
    return (x->member > y->member) - (x->member < y->member);
}

/* Members by how much they read, most first. */
static struct ranked *rank(struct groups_session *session, const struct groups_found *group)
{
    int32_t count = group->described.members_count;
    struct ranked *ranked = arena_alloc(&session->arena, sizeof *ranked * (size_t)(count + 1));
    for (int32_t m = 0; m < count; m++)
        ranked[m] = (struct ranked){m, count_assigned(&group->assignments[m])};
    qsort(ranked, (size_t)(count > 0 ? count : 0), sizeof *ranked, compare_ranked);
    return ranked;
}

struct placed {
    struct groups_offset of;
    int32_t place;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->of.partition != y->of.partition)
        return x->of.partition < y->of.partition ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* By number; what has the same number keeps its order. */
static void sort_by_number(struct groups_session *session, struct groups_offsets *list)
{
    struct placed *placed = arena_alloc(&session->arena, sizeof *placed * (size_t)(list->count + 1));
    for (int32_t i = 0; i < list->count; i++)
        placed[i] = (struct placed){list->items[i], i};
    qsort(placed, (size_t)list->count, sizeof *placed, compare_placed);
    for (int32_t i = 0; i < list->count; i++)
        list->items[i] = placed[i].of;
}

static struct groups_offsets assigned_to(struct groups_session *session,
                                         const struct wire_consumer_protocol_assignment *assignment)
{
    struct groups_offsets list = groups_offsets_new(session, count_assigned(assignment));
    for (int32_t t = 0; t < assignment->assigned_partitions_count; t++)
        for (int32_t p = 0; p < assignment->assigned_partitions[t].partitions_count; p++)
            groups_offsets_add(&list, assignment->assigned_partitions[t].topic,
                               assignment->assigned_partitions[t].partitions[p], GROUPS_NO_OFFSET);
    groups_offsets_hash_order(&list, java_set_capacity((size_t)list.count));
    return list;
}

/* A block of rows, in the order in which Java's tool prints it. A log that does not answer has no end. */
static bool add_block(struct groups_session *session, struct groups_found *group, struct groups_offsets *list,
                      const struct groups_offsets *committed, const described_member *member,
                      struct errmsg *why)
{
    sort_by_number(session, list);
    groups_offsets_hash_order(list, 0);
    if (!groups_log_offsets(session, list, GROUPS_LATEST, false, why))
        return false;
    for (int32_t i = 0; i < list->count; i++) {
        const struct groups_offset *of = &list->items[i];
        const struct groups_offset *known = groups_offsets_find(committed, of->topic, of->partition);
        group->rows[group->rows_count++] =
            (struct groups_row){.topic = of->topic,
                                .partition = of->partition,
                                .offset = known ? known->offset : GROUPS_NO_OFFSET,
                                .end = of->error == ERR_NONE ? of->offset : GROUPS_NO_OFFSET,
                                .member = member};
    }
    return true;
}

static bool has_row(const struct groups_found *group, const struct groups_offset *of)
{
    for (int32_t i = 0; i < group->rows_count; i++)
        if (group->rows[i].partition == of->partition && view_equal(group->rows[i].topic, of->topic))
            return true;
    return false;
}

bool groups_fetch_rows(struct groups_session *session, struct groups_found *group, struct errmsg *why)
{
    struct groups_offsets committed;
    if (!groups_committed(session, group->id, &committed, why)) {
        errmsg_prefix(why, GROUPS_EXECUTION);
        return false;
    }
    struct ranked *ranked = rank(session, group);
    size_t room = (size_t)committed.count + 1;
    for (int32_t m = 0; m < group->described.members_count; m++)
        room += (size_t)ranked[m].partitions;
    group->rows = arena_alloc(&session->arena, sizeof *group->rows * room);
    for (int32_t i = 0; i < group->described.members_count && ranked[i].partitions > 0; i++) {
        struct groups_offsets list = assigned_to(session, &group->assignments[ranked[i].member]);
        if (!add_block(session, group, &list, &committed, &group->described.members[ranked[i].member], why))
            return false;
    }
    struct groups_offsets rest = groups_offsets_new(session, committed.count);
    for (int32_t i = 0; i < committed.count; i++)
        if (!has_row(group, &committed.items[i]))
            rest.items[rest.count++] = committed.items[i];
    groups_offsets_hash_order(&rest, 0);
    return add_block(session, group, &rest, &committed, NULL, why);
}
