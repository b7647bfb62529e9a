#include "sim/checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/mem.h"
#include "sim/compacted.h"
#include "sim/faults.h"
#include "sim/mirror.h"
#include "storage/leader_epochs.h"
#include "storage/producer_state.h"

/* A batch that some replica has, or had: told apart by the epoch and the offset it was written with. */
struct seen {
    struct batch batch;
    struct batch before; /* the one below it in the log; last offset -1 = none */
    unsigned holders;    /* brokers, by bit */
};

struct ghost {
    struct batch *items;
    int32_t *epochs; /* of the leader that committed each */
    int count;
    int cap;
    int64_t end;
    struct newest newest; /* of what is committed */
    struct map seen;      /* epoch and base offset -> struct seen */
    struct map records;   /* producer id and sequence -> struct batch */
    struct map
        overtaken; /* records that were refused where the first that came of their producer was a later one */
    struct map forgotten; /* those that a leader had and did not know to be there */
    struct map leaders;   /* epoch -> 1 + broker */
    int32_t zk_epoch;
    int32_t recovery_epoch; /* of the last leader that was elected though all of the ISR lost its tail; -1 =
                               none */
    unsigned isr;           /* in ZooKeeper, by bit */
};

/* What a replica's log was when its process ended. */
struct legacy {
    bool known;
    enum node_end how;
    int64_t synced;
    char *producers;
};

struct checker {
    struct ghost ghosts[SIM_PARTS_MAX];
    struct mirror mirrors[SIM_BROKERS_MAX + 1][SIM_PARTS_MAX];
    struct legacy legacies[SIM_BROKERS_MAX + 1][SIM_PARTS_MAX];
    int32_t controller_epoch; /* in ZooKeeper */
};

static struct mirror *mirror_of(const struct part *part)
{
    return &part->proc->sim->checker->mirrors[part->proc->id][part->number];
}

static struct ghost *ghost_of(const struct part *part)
{
    return &part->proc->sim->checker->ghosts[part->number];
}

/* --- every batch (I6) --------------------------------------------------------------------------------- */

static struct seen *find_seen(const struct ghost *ghost, const struct batch *batch)
{
    return map_get_int(&ghost->seen, (int64_t)batch->epoch << 40 | batch->base);
}

static void note_batch(struct part *part, const struct batch *batch, const struct batch *before)
{
    struct ghost *ghost = ghost_of(part);
    struct seen *seen = find_seen(ghost, batch);
    struct batch none = {.last = -1};
    if (!before)
        before = &none;
    if (!seen) {
        seen = MEM_NEW(struct seen);
        *seen = (struct seen){.batch = *batch, .before = *before};
        map_put_int(&ghost->seen, (int64_t)batch->epoch << 40 | batch->base, seen);
    }
    if (!batch_equal(&seen->batch, batch) || !batch_equal(&seen->before, before))
        sim_fail(part->proc->sim, "I6", "%d has another batch at %s@%lld in epoch %d than somebody before it",
                 part->proc->id, part->name, (long long)batch->base, batch->epoch);
    seen->holders |= 1u << part->proc->id;
}

/* --- epochs (I7) -------------------------------------------------------------------------------------- */

static void check_epochs(struct part *part)
{
    const struct leader_epochs *epochs = log_leader_epochs(part->log);
    const struct mirror *mirror = mirror_of(part);
    struct sim *sim = part->proc->sim;
    for (size_t i = 1; i < epochs->count; i++)
        if (epochs->items[i].epoch <= epochs->items[i - 1].epoch ||
            epochs->items[i].start_offset <= epochs->items[i - 1].start_offset)
            sim_fail(sim, "I7", "%d's epochs of %s do not rise: %d@%lld, %d@%lld", part->proc->id, part->name,
                     epochs->items[i - 1].epoch, (long long)epochs->items[i - 1].start_offset,
                     epochs->items[i].epoch, (long long)epochs->items[i].start_offset);
    for (int i = mirror->checked; i < mirror->count; i++) {
        const struct batch *batch = &mirror->items[i];
        int32_t epoch = leader_epochs_epoch_for_offset(epochs, batch->base);
        if (epoch != batch->epoch && !batch->missing)
            sim_fail(sim, "I7", "%d's epochs say %d of %s@%lld, the batch says %d", part->proc->id, epoch,
                     part->name, (long long)batch->base, batch->epoch);
    }
}

/* --- what is committed (I2, I4, I5) ------------------------------------------------------------------- */

static const struct batch *ghost_at(const struct ghost *ghost, int64_t offset)
{
    int low = 0, high = ghost->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (ghost->items[middle].last < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ghost->count ? &ghost->items[low] : NULL;
}

static int count_bits(unsigned bits)
{
    int count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

/* Everybody whom the ISR may hold has it. */
static void check_holders(struct part *part, const struct batch *batch, unsigned holders)
{
    struct sim *sim = part->proc->sim;
    char path[80];
    snprintf(path, sizeof path, "/brokers/topics/%s/partitions/%d/state", part->topic, part->index);
    const struct controller_value *value = zk_ensemble_value(sim->zk, path);
    if (count_bits(holders) < sim->shape.min_isr)
        sim_fail(sim, "I4", "%d commits %s@%lld which only %d ever had", part->proc->id, part->name,
                 (long long)batch->base, count_bits(holders));
    if (!value || value->kind != CONTROLLER_VALUE_STATE ||
        value->state.leader_epoch != part->replica.leader_epoch)
        return;
    for (int32_t i = 0; i < value->state.isr.count; i++)
        if (!(holders & 1u << value->state.isr.ids[i]))
            sim_fail(sim, "I5", "%d commits %s@%lld, which %d of the ISR never had", part->proc->id,
                     part->name, (long long)batch->base, value->state.isr.ids[i]);
}

static int64_t record_key(const struct batch *batch)
{
    return (int64_t)((uint64_t)batch->producer_id << 32 | (uint32_t)batch->sequence);
}

static void commit(struct part *part, const struct batch *batch)
{
    struct sim *sim = part->proc->sim;
    struct ghost *ghost = ghost_of(part);
    check_holders(part, batch, find_seen(ghost, batch)->holders);
    if (ghost->count == ghost->cap) {
        ghost->cap = ghost->cap ? 2 * ghost->cap : 32;
        ghost->items = mem_resize(ghost->items, (size_t)ghost->cap * sizeof *ghost->items);
        ghost->epochs = mem_resize(ghost->epochs, (size_t)ghost->cap * sizeof *ghost->epochs);
    }
    ghost->epochs[ghost->count] = part->replica.leader_epoch;
    ghost->items[ghost->count++] = *batch;
    ghost->end = batch->last + 1;
    newest_note(&ghost->newest, batch);
    const struct seen *other = map_get_int(&ghost->records, record_key(batch));
    if (other && batch->producer_id >= 0)
        sim_fail(sim, "I10", "sequence %d of producer %lld is committed twice in %s, at %lld and %lld",
                 batch->sequence, (long long)batch->producer_id, part->name, (long long)other->batch.base,
                 (long long)batch->base);
    map_put_int(&ghost->records, record_key(batch), find_seen(ghost, batch));
}

static void check_committed(struct part *part, int64_t from, int64_t to)
{
    struct sim *sim = part->proc->sim;
    const struct ghost *ghost = ghost_of(part);
    const struct mirror *mirror = mirror_of(part);
    for (int i = mirror_find(mirror, from); i < mirror->count && mirror->items[i].base < to; i++) {
        const struct batch *batch = &mirror->items[i];
        if (batch->base >= ghost->end) {
            if (part->replica.role != REPLICA_ROLE_LEADER)
                sim_fail(sim, "I5", "%d follows and says that %s@%lld is committed, which no leader did",
                         part->proc->id, part->name, (long long)batch->base);
            else if (batch->last < to)
                commit(part, batch);
            continue;
        }
        const struct batch *known = ghost_at(ghost, batch->base);
        if (!known || !batch_equal(known, batch))
            sim_fail(sim, "I2", "%d has at %s@%lld epoch %d, committed is epoch %d", part->proc->id,
                     part->name, (long long)batch->base, batch->epoch, known ? known->epoch : -1);
    }
}

static void check_high_watermark(struct part *part)
{
    struct sim *sim = part->proc->sim;
    struct mirror *mirror = mirror_of(part);
    int64_t high_watermark = log_high_watermark(part->log).offset;
    if (high_watermark < mirror->high_watermark)
        sim_fail(sim, "I5", "%d's high watermark of %s falls from %lld to %lld", part->proc->id, part->name,
                 (long long)mirror->high_watermark, (long long)high_watermark);
    if (high_watermark > log_end(part->log).offset)
        sim_fail(sim, "I5", "%d's high watermark of %s is beyond its end", part->proc->id, part->name);
    if (high_watermark > mirror->high_watermark)
        check_committed(part, mirror->high_watermark, high_watermark);
    mirror->high_watermark = high_watermark;
}

/* --- compaction (I16) --------------------------------------------------------------------------------- */

struct view_of_past {
    struct sim *sim;
    int number;
    const char *who;
};

static const struct batch *missing_at(void *arg, int64_t offset)
{
    const struct view_of_past *view = arg;
    const struct ghost *ghost = &view->sim->checker->ghosts[view->number];
    const struct batch *batch = offset < ghost->end ? ghost_at(ghost, offset) : NULL;
    if (batch && batch->base == offset && compacted_may_miss(&ghost->newest, batch))
        return batch;
    sim_fail(view->sim, "I16", "%s misses partition %d offset %lld, which %s", view->who, view->number,
             (long long)offset, batch ? "is the newest of its key" : "was not committed");
    return NULL;
}

static const struct batch *whole_of(void *arg, const struct batch *batch, struct view entry)
{
    const struct view_of_past *view = arg;
    const struct ghost *ghost = &view->sim->checker->ghosts[view->number];
    const struct seen *seen = find_seen(ghost, batch);
    if (!seen || batch_equal(&seen->batch, batch) || seen->batch.last != batch->last)
        return batch;
    if (compacted_is_rest(&ghost->newest, &seen->batch, entry))
        return &seen->batch;
    sim_fail(view->sim, "I16", "%s has partition %d offset %lld without what is the newest of its key",
             view->who, view->number, (long long)batch->base);
    return NULL;
}

static bool read_mirror(struct part *part, struct mirror *mirror)
{
    struct sim *sim = part->proc->sim;
    char who[16];
    snprintf(who, sizeof who, "%d", part->proc->id);
    struct view_of_past view = {sim, part->number, who};
    struct mirror_past past = {&view, missing_at, whole_of};
    crash_disk_set_calm(part->proc->node->disk, true);
    bool whole = mirror_extend(mirror, part->log, sim->parts[part->number].compacted ? &past : NULL);
    crash_disk_set_calm(part->proc->node->disk, false);
    return whole;
}

/* --- a log that was touched --------------------------------------------------------------------------- */

/*
 * Where compaction took from a leader what an epoch ended with, a follower that ends in that epoch, and so is
 * not in sync, goes back to what is left below and gets the rest.
 */
static void check_cut(struct part *part, int64_t end)
{
    const struct ghost *ghost = ghost_of(part);
    bool may = part->proc->sim->parts[part->number].compacted && !(ghost->isr & 1u << part->proc->id);
    struct mirror *mirror = mirror_of(part);
    while (mirror->count > 0 && mirror->items[mirror->count - 1].base >= end) {
        const struct batch *batch = &mirror->items[--mirror->count];
        const struct batch *known = batch->base < ghost->end ? ghost_at(ghost, batch->base) : NULL;
        if (known && batch_equal(known, batch) && !may)
            sim_fail(part->proc->sim, "I2", "%d cuts %s to %lld, though %lld is committed", part->proc->id,
                     part->name, (long long)end, (long long)batch->base);
    }
    if (may && end < mirror->high_watermark)
        mirror->high_watermark = end;
    if (mirror->checked <= mirror->count)
        return;
    mirror->checked = mirror->count;
    mirror->remembers_from = end;
}

static void look(struct part *part)
{
    struct mirror *mirror = mirror_of(part);
    struct sim *sim = part->proc->sim;
    struct crash_disk *disk = part->proc->node->disk;
    if (!part->log || part->proc->failing || log_failure(part->log, NULL) != ERR_NONE ||
        crash_disk_is_dead(disk))
        return;
    check_cut(part, log_end(part->log).offset);
    if (!read_mirror(part, mirror)) {
        sim_fail(sim, "I13", "%d cannot read %s from %lld on", part->proc->id, part->name,
                 (long long)mirror_end(mirror));
        return;
    }
    for (int i = mirror->checked; i < mirror->count; i++)
        note_batch(part, &mirror->items[i], i > 0 ? &mirror->items[i - 1] : NULL);
    check_epochs(part);
    mirror->checked = mirror->count;
    check_high_watermark(part);
}

void checker_compacted(struct sim *sim, struct part *part)
{
    struct mirror again = {.start = log_start_offset(part->log)};
    look(part);
    if (!read_mirror(part, &again) || !mirror_equal(&again, mirror_of(part)))
        sim_fail(sim, "I16", "%d has another %s after a compaction", part->proc->id, part->name);
    mirror_close(&again);
}

static void check_caps(struct sim *sim, const struct proc *proc)
{
    int waiting = 0;
    for (int i = 0; i < SIM_PARTS_MAX; i++)
        waiting += proc->parts[i] ? proc->parts[i]->waiting_count : 0;
    if (waiting > 200 || proc->fetches_count > 60 || proc->sessions.by_id.count > 20 ||
        sim->tasks.count > 20000)
        sim_fail(sim, "I14", "%d: %d appends wait, %d fetches, %d fetch sessions, %d tasks", proc->id,
                 waiting, proc->fetches_count, (int)proc->sessions.by_id.count, (int)sim->tasks.count);
}

void checker_step(struct sim *sim)
{
    for (int id = 1; id <= sim->shape.brokers; id++) {
        struct proc *proc = sim->nodes[id]->proc;
        if (!proc || !proc->touched)
            continue;
        for (int i = 0; i < SIM_PARTS_MAX; i++)
            if (proc->touched & 1u << i && proc->parts[i])
                look(proc->parts[i]);
        proc->touched = 0;
        check_caps(sim, proc);
    }
}

/* --- leaders (I1, I3) --------------------------------------------------------------------------------- */

/*
 * Whose log is as the checker knows it: not one that power was cut from and that was not seen since. Whether
 * it was of the ISR, is down or cannot be reached does not matter: within a run whoever has more comes back,
 * and is waited for.
 */
static bool somebody_has(const struct sim *sim, int number, int at, const struct batch *batch)
{
    for (int id = 1; id <= sim->shape.brokers; id++) {
        const struct legacy *legacy = &sim->checker->legacies[id][number];
        const struct mirror *mirror = &sim->checker->mirrors[id][number];
        bool cut_off = legacy->known && legacy->how >= NODE_END_POWER;
        if (!cut_off && at < mirror->count && batch_equal(&mirror->items[at], batch))
            return true;
    }
    return false;
}

/*
 * All of the ISR lost what they had not synced, and the longest log that is left leads: what nobody has any
 * more is no mistake, where nothing is synced before it is acknowledged (docs/durability.md).
 */
static bool is_lost_for_good(const struct part *part, int at)
{
    const struct sim *sim = part->proc->sim;
    const struct ghost *ghost = ghost_of(part);
    return part->replica.leader_epoch == ghost->recovery_epoch && !sim->shape.flush_each &&
           !somebody_has(sim, part->number, at, &ghost->items[at]);
}

void checker_leads(struct sim *sim, struct part *part)
{
    struct ghost *ghost = ghost_of(part);
    int32_t epoch = part->replica.leader_epoch;
    intptr_t before = (intptr_t)map_get_int(&ghost->leaders, epoch);
    if (before && before != part->proc->id)
        sim_fail(sim, "I1", "%d leads %s in epoch %d as %d did", part->proc->id, part->name, epoch,
                 (int)before);
    map_put_int(&ghost->leaders, epoch, (void *)(intptr_t)part->proc->id);
    look(part);
    const struct mirror *mirror = mirror_of(part);
    /* What was committed before it was elected: it may hear of that late. */
    for (int i = 0; i < ghost->count && ghost->epochs[i] < epoch; i++) {
        if (i < mirror->count && batch_equal(&ghost->items[i], &mirror->items[i]))
            continue;
        if (is_lost_for_good(part, i)) {
            sim_trace(sim, "over: %s@%lld is lost with the tails of all who had it", part->name,
                      (long long)ghost->items[i].base);
            sim->over = true;
            return;
        }
        sim_fail(sim, "I3", "%d leads %s in epoch %d without %lld, which is committed up to %lld",
                 part->proc->id, part->name, epoch, (long long)ghost->items[i].base, (long long)ghost->end);
        return;
    }
}

void checker_joins(struct sim *sim, struct part *part, int broker, int64_t end)
{
    const struct ghost *ghost = ghost_of(part);
    look(part);
    for (int i = 0; i < ghost->count; i++)
        if (ghost->items[i].last >= end && ghost->epochs[i] <= part->replica.leader_epoch) {
            sim_fail(sim, "I5", "%d proposes %d for the ISR of %s, who has up to %lld, committed is %lld",
                     part->proc->id, broker, part->name, (long long)end, (long long)ghost->end);
            return;
        }
}

/* --- the controller (I1, I8) -------------------------------------------------------------------------- */

void checker_controlled(struct sim *sim, const struct proc *proc, const struct control_sender *sender)
{
    if (sender->broker_epoch >= 0 && sender->broker_epoch < atomic_load(&proc->broker.epoch))
        sim_fail(sim, "I8", "%d obeys a request for its registration %lld, it has %lld", proc->id,
                 (long long)sender->broker_epoch, (long long)atomic_load(&proc->broker.epoch));
    if (sender->controller_epoch < proc->obeyed.controller_epoch)
        sim_fail(sim, "I8", "%d obeys controller epoch %d after %d", proc->id, sender->controller_epoch,
                 proc->obeyed.controller_epoch);
    if (sender->controller_epoch == proc->obeyed.controller_epoch &&
        sender->connection < proc->obeyed.connection)
        sim_fail(sim, "I8", "%d obeys connection %lld of its controller after %lld", proc->id,
                 (long long)sender->connection, (long long)proc->obeyed.connection);
    sim->nodes[proc->id]->proc->obeyed = *sender;
}

static void note_state(struct sim *sim, const struct controller_op *op)
{
    char topic[24];
    int index;
    if (sscanf(op->path, "/brokers/topics/%23[^/]/partitions/%d/state", topic, &index) != 2)
        return;
    int number = sim_part_find(sim, topic, strlen(topic), index);
    if (number < 0 || op->value.kind != CONTROLLER_VALUE_STATE)
        return;
    struct ghost *ghost = &sim->checker->ghosts[number];
    const struct znode_state *state = &op->value.state;
    char isr[64] = "";
    for (int32_t i = 0; i < state->isr.count; i++)
        snprintf(isr + strlen(isr), sizeof isr - strlen(isr), " %d", state->isr.ids[i]);
    sim_trace(sim, "zk %s-%d leader=%d epoch=%d isr=[%s ]", topic, index, state->leader, state->leader_epoch,
              isr);
    if (state->leader_epoch < ghost->zk_epoch)
        sim_fail(sim, "I1", "the leader epoch of %s-%d falls from %d to %d", topic, index, ghost->zk_epoch,
                 state->leader_epoch);
    if (state->leader_recovery_state == 1 && state->leader_epoch > ghost->zk_epoch)
        ghost->recovery_epoch = state->leader_epoch;
    ghost->isr = 0;
    for (int32_t i = 0; i < state->isr.count; i++)
        ghost->isr |= 1u << state->isr.ids[i];
    ghost->zk_epoch = state->leader_epoch;
    faults_isr_written(sim, number, &state->isr);
}

/* Whom it finds silent each broker says for itself. */
static bool is_of_any_broker(const char *path)
{
    return strncmp(path, "/barnabas/silent/", strlen("/barnabas/silent/")) == 0;
}

void checker_zk_written(struct sim *sim, int owner, const struct controller_op *op, int32_t epoch)
{
    struct checker *checker = sim->checker;
    if (op->kind == CONTROLLER_OP_MULTI)
        for (int32_t i = 0; i < op->ops_count; i++)
            checker_zk_written(sim, owner, &op->ops[i], epoch);
    if (op->kind != CONTROLLER_OP_CREATE && op->kind != CONTROLLER_OP_SET)
        return;
    if (strcmp(op->path, "/controller_epoch") == 0) {
        int32_t next = 0;
        for (size_t i = 0; i < op->value.raw.len; i++)
            next = 10 * next + (op->value.raw.ptr[i] - '0');
        if (next <= checker->controller_epoch && next > 1)
            sim_fail(sim, "I8", "the controller epoch goes from %d to %d", checker->controller_epoch, next);
        checker->controller_epoch = next;
    } else if (epoch > 0 && epoch < checker->controller_epoch && !is_of_any_broker(op->path)) {
        sim_fail(sim, "I8", "%d writes %s as controller of epoch %d, there is %d", owner, op->path, epoch,
                 checker->controller_epoch);
    }
    note_state(sim, op);
}

/* --- acknowledgements (I4) ---------------------------------------------------------------------------- */

void checker_acknowledged(struct sim *sim, struct part *part, int64_t base_offset, int64_t last_offset)
{
    look(part);
    const struct ghost *ghost = ghost_of(part);
    const struct batch *batch = base_offset < ghost->end ? ghost_at(ghost, base_offset) : NULL;
    if (!batch || last_offset >= ghost->end)
        sim_fail(sim, "I4", "%d acknowledges %s@%lld, committed is up to %lld", part->proc->id, part->name,
                 (long long)base_offset, (long long)ghost->end);
}

void checker_produced(struct sim *sim, int number, int64_t producer_id, int32_t sequence, int64_t offset)
{
    const struct ghost *ghost = &sim->checker->ghosts[number];
    const struct batch *batch = offset < ghost->end ? ghost_at(ghost, offset) : NULL;
    if (!batch || batch->base != offset || batch->producer_id != producer_id || batch->sequence != sequence)
        sim_fail(sim, "I4",
                 "sequence %d of producer %lld was acknowledged at partition %d offset %lld, there is %s",
                 sequence, (long long)producer_id, number, (long long)offset, batch ? "another" : "nothing");
}

/* Of this producer, in the log of this replica; NULL = none. */
static const struct batch *first_of_producer(const struct mirror *mirror, int64_t producer_id)
{
    for (int i = 0; i < mirror->count; i++)
        if (mirror->items[i].producer_id == producer_id)
            return &mirror->items[i];
    return NULL;
}

void checker_refused(struct part *part, int64_t producer_id, int32_t sequence)
{
    struct ghost *ghost = ghost_of(part);
    const struct batch refused = {.producer_id = producer_id, .sequence = sequence};
    look(part);
    const struct mirror *mirror = mirror_of(part);
    const struct batch *first = first_of_producer(mirror, producer_id);
    if (first && first->sequence > sequence)
        map_put_int(&ghost->overtaken, record_key(&refused), ghost);
    bool deposed = ghost->zk_epoch > part->replica.leader_epoch;
    if (deposed)
        map_put_int(&ghost->forgotten, record_key(&refused), ghost);
    for (int i = 0; i < mirror->count; i++)
        if ((mirror->items[i].base < mirror->remembers_from || mirror->items[i].missing) &&
            mirror->items[i].producer_id == producer_id && mirror->items[i].sequence == sequence)
            map_put_int(&ghost->forgotten, record_key(&refused), ghost);
}

bool checker_gap(struct sim *sim, int number, int64_t producer_id, int32_t sequence)
{
    const struct ghost *ghost = &sim->checker->ghosts[number];
    const struct batch batch = {.producer_id = producer_id, .sequence = sequence};
    if (map_get_int(&ghost->overtaken, record_key(&batch)))
        return true;
    if (!map_get_int(&ghost->forgotten, record_key(&batch)))
        sim_fail(sim, "I10", "producer %lld is told that sequence %d of partition %d leaves a gap",
                 (long long)producer_id, sequence, number);
    return map_get_int(&ghost->records, record_key(&batch)) != NULL;
}

/* --- consumers (I9) ----------------------------------------------------------------------------------- */

/* What lies between is gone by compaction. */
static int64_t skip_missing(struct view_of_past *past, int64_t offset, int64_t to)
{
    const struct batch *batch;
    while (past->sim->parts[past->number].compacted && offset < to && (batch = missing_at(past, offset)))
        offset = batch->last + 1;
    return offset;
}

int64_t checker_consumed(struct sim *sim, int number, int64_t offset, struct view records)
{
    const struct ghost *ghost = &sim->checker->ghosts[number];
    struct view_of_past past = {sim, number, "a consumer"};
    struct batch_info info;
    struct view rest = records, entry;
    while (batch_next(&rest, &info, &entry) == ERR_NONE) {
        struct batch batch = batch_of(&info);
        if (sim->parts[number].compacted && compacted_is_filler(&info)) {
            offset = skip_missing(&past, offset, batch.last + 1);
            continue;
        }
        const struct batch *known = batch.base < ghost->end ? ghost_at(ghost, batch.base) : NULL;
        if (known && sim->parts[number].compacted) {
            const struct batch *whole = whole_of(&past, &batch, entry);
            batch = whole ? *whole : *known;
        }
        if (!known || !batch_equal(known, &batch))
            sim_fail(sim, "I9", "a consumer got partition %d offset %lld epoch %d, %s", number,
                     (long long)batch.base, batch.epoch,
                     known ? "committed is another" : "which is not committed");
        offset = skip_missing(&past, offset, batch.base);
        if (batch.base > offset)
            sim_fail(sim, "I9", "a consumer asked partition %d for %lld and got %lld", number,
                     (long long)offset, (long long)batch.base);
        offset = batch.last + 1;
    }
    return offset;
}

int64_t checker_committed(const struct sim *sim, int number)
{
    return sim->checker->ghosts[number].end;
}

bool checker_is_committed(const struct sim *sim, int number, int32_t epoch, int64_t offset)
{
    const struct ghost *ghost = &sim->checker->ghosts[number];
    const struct batch *batch = offset < ghost->end ? ghost_at(ghost, offset) : NULL;
    return batch && batch->epoch == epoch;
}

bool checker_is_deposed(const struct part *part)
{
    return ghost_of(part)->zk_epoch > part->replica.leader_epoch;
}

/* --- ends and starts (I10, I13) ----------------------------------------------------------------------- */

static int compare_producers(const void *a, const void *b)
{
    const struct producer_entry *const *left = a, *const *right = b;
    return ((*left)->producer_id > (*right)->producer_id) - ((*left)->producer_id < (*right)->producer_id);
}

/* Kafka's snapshots keep the last batch of each producer, so that is what is known after a start. */
static char *print_producers(struct log *log)
{
    const struct producer_state *state = log_producers(log);
    size_t count = producer_state_count(state), n = 0, it = 0;
    const struct producer_entry **entries = mem_zalloc(sizeof *entries * (count + 1));
    const struct producer_entry *entry;
    while ((entry = producer_state_next(state, &it)))
        entries[n++] = entry;
    qsort(entries, n, sizeof *entries, compare_producers);
    struct buf text = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%lld/%d seq=%d at=%lld;", (long long)entries[i]->producer_id, entries[i]->epoch,
                   entries[i]->last.last_seq, (long long)entries[i]->last.last_offset);
    char *copy = mem_strdup(buf_cstr(&text));
    buf_close(&text);
    free(entries);
    return copy;
}

void checker_ended(struct sim *sim, const struct broker_node *node, enum node_end how)
{
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        struct part *part = node->proc->parts[i];
        struct legacy *legacy = &sim->checker->legacies[node->id][i];
        free(legacy->producers);
        *legacy = (struct legacy){.how = how};
        sim->checker->mirrors[node->id][i].high_watermark = 0;
        if (!part || !part->log || node->proc->failing || log_failure(part->log, NULL) != ERR_NONE ||
            crash_disk_is_dead(node->disk))
            continue;
        look(part);
        legacy->known = true;
        legacy->synced = log_recovery_point(part->log);
        legacy->producers = print_producers(part->log);
        sim->checker->mirrors[node->id][i].high_watermark = 0;
    }
}

void checker_power_lost(struct sim *sim, const struct broker_node *node, enum node_end how)
{
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        sim->checker->legacies[node->id][i].how = how;
        sim->checker->legacies[node->id][i].known &= how != NODE_END_WIPED;
    }
}

static void check_legacy(struct part *part, const struct mirror *before, const struct legacy *legacy)
{
    struct sim *sim = part->proc->sim;
    const struct mirror *after = mirror_of(part);
    int id = part->proc->id;
    for (int i = 0; i < after->count; i++)
        if (i >= before->count || !batch_equal(&before->items[i], &after->items[i])) {
            sim_fail(sim, "I13", "%d comes back with %s@%lld, which it did not write", id, part->name,
                     (long long)after->items[i].base);
            return;
        }
    if (mirror_end(after) < legacy->synced)
        sim_fail(sim, "I13", "%d comes back with %s up to %lld, synced was %lld", id, part->name,
                 (long long)mirror_end(after), (long long)legacy->synced);
    if (legacy->how >= NODE_END_POWER)
        return;
    if (after->count != before->count)
        sim_fail(sim, "I13", "%d comes back with %s up to %lld of %lld, though no power was lost", id,
                 part->name, (long long)mirror_end(after), (long long)mirror_end(before));
    char *producers = print_producers(part->log);
    if (strcmp(producers, legacy->producers) != 0)
        sim_fail(sim, "I10", "%d knew producers of %s: %.100s now: %.100s", id, part->name, legacy->producers,
                 producers);
    free(producers);
}

/*
 * The only replica there is goes on in its epoch with what it has; what it lost was not acknowledged, and
 * nobody else can have it.
 */
static void forget_lost(struct ghost *ghost, int64_t end)
{
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&ghost->seen, &it))) {
        struct seen *seen = slot->value;
        if (seen->batch.base < end)
            continue;
        map_remove_int(&ghost->seen, slot->key_int);
        free(seen);
    }
}

void checker_log_opened(struct sim *sim, struct part *part)
{
    struct mirror *mirror = mirror_of(part);
    struct mirror before = *mirror;
    struct legacy *legacy = &sim->checker->legacies[part->proc->id][part->number];
    *mirror =
        (struct mirror){.start = log_start_offset(part->log), .remembers_from = log_end(part->log).offset};
    look(part);
    if (legacy->known && !sim->failed)
        check_legacy(part, &before, legacy);
    if (sim->shape.rf == 1)
        forget_lost(ghost_of(part), log_end(part->log).offset);
    legacy->known = false;
    mirror_close(&before);
}

void checker_loaded(struct sim *sim, struct proc *proc)
{
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        struct legacy *legacy = &sim->checker->legacies[proc->id][i];
        if (legacy->known && legacy->how < NODE_END_POWER)
            sim_fail(sim, "I13", "%d comes back without its log of partition %d", proc->id, i);
        if (legacy->known && legacy->how == NODE_END_POWER && legacy->synced > 0)
            sim_fail(sim, "I13", "%d comes back without its log of partition %d, synced up to %lld", proc->id,
                     i, (long long)legacy->synced);
        legacy->known = false;
    }
}

/* --- the end (I15) ------------------------------------------------------------------------------------ */

static void check_whole(struct sim *sim, int number)
{
    char path[80];
    const struct sim_part_name *name = &sim->parts[number];
    snprintf(path, sizeof path, "/brokers/topics/%s/partitions/%d/state", name->topic, name->index);
    const struct controller_value *value = zk_ensemble_value(sim->zk, path);
    if (!value) {
        sim_fail(sim, "I15", "%s-%d was never made", name->topic, name->index);
        return;
    }
    const struct znode_state *state = &value->state;
    struct proc *leader = state->leader > 0 ? sim->nodes[state->leader]->proc : NULL;
    const struct part *led = leader ? leader->parts[number] : NULL;
    if (!led || !led->is_leader || state->isr.count < sim->shape.rf) {
        sim_fail(sim, "I15", "%s-%d has leader %d%s and an ISR of %d", name->topic, name->index,
                 state->leader, led && led->is_leader ? "" : ", which does not serve,", state->isr.count);
        return;
    }
    for (int32_t i = 0; i < state->isr.count; i++) {
        const struct mirror *mirror = &sim->checker->mirrors[state->isr.ids[i]][number];
        const struct mirror *of_leader = &sim->checker->mirrors[state->leader][number];
        if (!mirror_equal(mirror, of_leader) || sim->checker->ghosts[number].end != mirror_end(of_leader))
            sim_fail(sim, "I15", "%s-%d ends at %lld with %d, at %lld with its leader %d, committed is %lld",
                     name->topic, name->index, (long long)mirror_end(mirror), state->isr.ids[i],
                     (long long)mirror_end(of_leader), state->leader,
                     (long long)sim->checker->ghosts[number].end);
    }
}

static int kept_offline(const struct sim *sim)
{
    int kept = 0;
    for (int id = 1; id <= sim->shape.brokers; id++)
        if (sim->nodes[id]->proc && controller_is_active(sim->nodes[id]->proc->core))
            kept += controller_kept_offline(sim->nodes[id]->proc->core);
    return kept;
}

void checker_end(struct sim *sim)
{
    if (kept_offline(sim) > 0) {
        sim_trace(sim, "kept offline: nobody is left who has everything");
        return;
    }
    for (int i = 0; i < sim->shape.parts; i++)
        check_whole(sim, i);
}

/* --- life --------------------------------------------------------------------------------------------- */

void checker_new(struct sim *sim)
{
    sim->checker = MEM_NEW(struct checker);
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        sim->checker->ghosts[i].recovery_epoch = -1;
        newest_init(&sim->checker->ghosts[i].newest);
    }
}

void checker_free(struct sim *sim)
{
    struct checker *checker = sim->checker;
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        struct ghost *ghost = &checker->ghosts[i];
        size_t it = 0;
        struct map_slot *slot;
        while ((slot = map_next(&ghost->seen, &it)))
            free(slot->value);
        map_close(&ghost->seen);
        map_close(&ghost->records);
        map_close(&ghost->overtaken);
        map_close(&ghost->forgotten);
        map_close(&ghost->leaders);
        free(ghost->items);
        free(ghost->epochs);
        for (int id = 0; id <= SIM_BROKERS_MAX; id++) {
            mirror_close(&checker->mirrors[id][i]);
            free(checker->legacies[id][i].producers);
        }
    }
    free(checker);
}
