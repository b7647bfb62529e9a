#include "sim/groups_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/group/records.h"
#include "sim/checker.h"
#include "sim/member.h"
#include "wire/record_iter.h"

/* Where something was appended, and by whom. */
struct place {
    int32_t epoch;
    int64_t offset;
    int broker;
    int64_t life; /* of the broker */
    uint64_t term;
};

/* To whom the shares of one generation were given. */
struct owners {
    uint64_t of[SIM_SHARES]; /* hash of the member's id; 0 = nobody */
};

struct groups_check {
    int64_t last_value;
    struct map values;      /* value -> struct place */
    struct map generations; /* generation -> struct place, the newest */
    struct map owners;      /* generation -> struct owners */
    int64_t
        acknowledged[SIM_SHARES]; /* offset of the newest record whose commit was acknowledged; -1 = none */
    int32_t generation;
};

/* --- what there is ------------------------------------------------------------------------------------ */

int64_t groups_check_value(struct sim *sim, int share)
{
    return ++sim->groups_check->last_value * SIM_SHARES + share;
}

int32_t groups_check_generation(const struct sim *sim)
{
    return sim->groups_check->generation;
}

static void note_place(struct map *map, int64_t key, const struct place *at)
{
    struct place *place = map_get_int(map, key);
    if (!place) {
        place = MEM_NEW(struct place);
        map_put_int(map, key, place);
    }
    *place = *at;
}

static void note_record(struct groups_check *check, const struct record *record, const struct place *at)
{
    struct group_key key;
    struct offset_value committed;
    struct wire_group_metadata_value group;
    struct arena arena = {0};
    ASSERT(group_key_parse(record->key, &key, NULL) == ERR_NONE);
    if (key.kind == GROUP_KEY_OFFSET) {
        ASSERT(offset_value_parse(record->value, &committed, NULL) == ERR_NONE);
        note_place(&check->values, committed.offset, at);
    } else {
        ASSERT(group_value_parse(record->value, &arena, &group, NULL) == ERR_NONE);
        note_place(&check->generations, group.generation, at);
    }
    arena_close(&arena);
}

void groups_check_appended(const struct groups *groups, struct view batch, int64_t base_offset)
{
    struct sim *sim = groups->proc->sim;
    int id = groups->proc->id;
    struct record_iter it;
    struct record record;
    record_iter_open(&it, batch, RECORD_VIEW, NULL, NULL);
    while (record_iter_next(&it, &record)) {
        struct place at = {.epoch = groups->part->replica.leader_epoch,
                           .offset = base_offset + record.offset,
                           .broker = id,
                           .life = sim->life[id],
                           .term = groups->term};
        note_record(sim->groups_check, &record, &at);
    }
    ASSERT(record_iter_close(&it) == ERR_NONE);
}

static bool is_of_this_term(const struct groups *groups, const struct place *place)
{
    int id = groups->proc->id;
    return place->broker == id && place->life == groups->proc->sim->life[id] && place->term == groups->term;
}

static bool is_committed(const struct sim *sim, const struct place *place)
{
    return place && checker_is_committed(sim, sim->shape.offsets, place->epoch, place->offset);
}

/* --- members ------------------------------------------------------------------------------------------ */

void groups_check_joined(const struct groups *groups, const struct groups_ask *ask,
                         const struct wire_join_group_response *answer)
{
    struct sim *sim = groups->proc->sim;
    if (answer->error_code != ERR_NONE)
        return;
    sim_trace(sim, "%d lets %s join generation %d", groups->proc->id, ask->member, answer->generation_id);
    if (answer->generation_id < ask->promised && !groups_may_be_late(groups))
        sim_fail(sim, "I12", "%d lets a member join generation %d, there was %d", groups->proc->id,
                 answer->generation_id, ask->promised);
}

static void take_shares(struct sim *sim, const struct groups_ask *ask, struct view assignment)
{
    struct groups_check *check = sim->groups_check;
    struct owners *owners = map_get_int(&check->owners, ask->generation);
    uint64_t who = hash_bytes(view_str(ask->member)) | 1;
    if (!owners) {
        owners = MEM_NEW(struct owners);
        map_put_int(&check->owners, ask->generation, owners);
    }
    for (int i = 0; i < SIM_SHARES; i++) {
        if (!member_has_share(assignment, i))
            continue;
        if (owners->of[i] && owners->of[i] != who)
            sim_fail(sim, "I12", "share %d of generation %d is given to %s, and was to another", i,
                     ask->generation, ask->member);
        owners->of[i] = who;
    }
}

void groups_check_synced(const struct groups *groups, const struct groups_ask *ask,
                         const struct wire_sync_group_response *answer)
{
    struct sim *sim = groups->proc->sim;
    struct groups_check *check = sim->groups_check;
    if (answer->error_code != ERR_NONE)
        return;
    sim_trace(sim, "%d gives %s its share of generation %d", groups->proc->id, ask->member, ask->generation);
    const struct place *place = map_get_int(&check->generations, ask->generation);
    if (!is_committed(sim, place)) {
        if (!place || is_of_this_term(groups, place)) /* another's was loaded */
            sim_fail(sim, "I12", "%d gives out generation %d, which is not committed: at %lld of epoch %d",
                     groups->proc->id, ask->generation, place ? (long long)place->offset : -1,
                     place ? place->epoch : -1);
        return;
    }
    if (ask->generation < ask->promised && !groups_may_be_late(groups))
        sim_fail(sim, "I12", "%d gives out generation %d, there was %d", groups->proc->id, ask->generation,
                 ask->promised);
    take_shares(sim, ask, answer->assignment);
    if (ask->generation > check->generation)
        check->generation = ask->generation;
}

/* --- offsets ------------------------------------------------------------------------------------------ */

static void note_acknowledged(const struct groups *groups, const struct groups_ask *ask, int share)
{
    struct sim *sim = groups->proc->sim;
    struct groups_check *check = sim->groups_check;
    const struct place *place = map_get_int(&check->values, ask->values[share]);
    if (!is_committed(sim, place)) {
        sim_fail(sim, "I12", "%d acknowledges a commit of share %d, at %lld, committed is up to %lld",
                 groups->proc->id, share, place ? (long long)place->offset : -1,
                 (long long)checker_committed(sim, sim->shape.offsets));
        return;
    }
    if (place->offset > check->acknowledged[share])
        check->acknowledged[share] = place->offset;
}

void groups_check_committed(const struct groups *groups, const struct groups_ask *ask, enum err err)
{
    struct sim *sim = groups->proc->sim;
    if (err != ERR_NONE)
        return;
    if (strcmp(ask->member, MEMBER_NOBODY) == 0)
        sim_fail(sim, "I12", "%d acknowledges a commit of nobody", groups->proc->id);
    if (ask->generation < ask->promised)
        sim_fail(sim, "I12", "%d acknowledges a commit of generation %d by %s, there was %d",
                 groups->proc->id, ask->generation, ask->member, ask->promised);
    for (int i = 0; i < SIM_SHARES; i++)
        if (ask->values[i] >= 0)
            note_acknowledged(groups, ask, i);
}

void groups_check_fetched(const struct groups *groups, int share, int64_t value)
{
    struct sim *sim = groups->proc->sim;
    const struct groups_check *check = sim->groups_check;
    const struct place *place = value < 0 ? NULL : map_get_int(&check->values, value);
    if (value >= 0 && (!place || value % SIM_SHARES != share))
        sim_fail(sim, "I12", "%d says that share %d is at %lld, which nobody committed", groups->proc->id,
                 share, (long long)value);
    int64_t offset = place ? place->offset : -1;
    if (offset < check->acknowledged[share] && !groups_may_be_late(groups))
        sim_fail(sim, "I12", "%d answers the commit of share %d at %lld, acknowledged was the one at %lld",
                 groups->proc->id, share, (long long)offset, (long long)check->acknowledged[share]);
}

/* --- life --------------------------------------------------------------------------------------------- */

void groups_check_new(struct sim *sim)
{
    if (sim->shape.offsets < 0)
        return;
    sim->groups_check = MEM_NEW(struct groups_check);
    for (int i = 0; i < SIM_SHARES; i++)
        sim->groups_check->acknowledged[i] = -1;
}

static void close_map(struct map *map)
{
    size_t it = 0;
    for (struct map_slot *slot; (slot = map_next(map, &it));)
        free(slot->value);
    map_close(map);
}

void groups_check_free(struct sim *sim)
{
    struct groups_check *check = sim->groups_check;
    if (!check)
        return;
    close_map(&check->values);
    close_map(&check->generations);
    close_map(&check->owners);
    free(check);
}
