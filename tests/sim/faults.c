#include "sim/faults.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/node.h"

enum fault {
    FAULT_KILL,
    FAULT_STOP,
    FAULT_PAUSE,
    FAULT_POWER,    /* between two steps */
    FAULT_POWER_IN, /* in the middle of what the disk does */
    FAULT_POWER_ALL,
    FAULT_WIPE,
    FAULT_DISK,    /* one call fails */
    FAULT_CUT,     /* one way, between two */
    FAULT_ISOLATE, /* one from all others */
    FAULT_ZK_CUT,
    FAULT_ZK_DROP,
    FAULT_ZK_EXPIRE,
    FAULT_RESET,
    FAULT_SLOW,
    FAULT_REFUSE,    /* a port refuses, though its process lives */
    FAULT_JOIN_TRAP, /* a follower's disk is replaced while it is to join an ISR, and then the leader dies */
    FAULT_FALSE_ALARM, /* the controller's does, and what it writes meanwhile comes late */
    FAULTS
};

static const char *const NAMES[FAULTS] = {
    [FAULT_KILL] = "kill",
    [FAULT_STOP] = "stop",
    [FAULT_PAUSE] = "pause",
    [FAULT_POWER] = "power",
    [FAULT_POWER_IN] = "power-in-a-call",
    [FAULT_POWER_ALL] = "power-of-all",
    [FAULT_WIPE] = "wipe",
    [FAULT_DISK] = "disk",
    [FAULT_CUT] = "cut",
    [FAULT_ISOLATE] = "isolate",
    [FAULT_ZK_CUT] = "zk-cut",
    [FAULT_ZK_DROP] = "zk-drop",
    [FAULT_ZK_EXPIRE] = "zk-expire",
    [FAULT_RESET] = "reset",
    [FAULT_SLOW] = "slow",
    [FAULT_REFUSE] = "refuse",
    [FAULT_JOIN_TRAP] = "join-trap",
    [FAULT_FALSE_ALARM] = "false-alarm",
};

const char *faults_name(int fault)
{
    return fault < FAULTS ? NAMES[fault] : NULL;
}

struct faults {
    bool enabled[FAULTS];
    int trapped_part; /* -1 = none */
    int trapped_leader;
    int trapped_follower;
    int64_t pause_us;               /* between two of them, on average */
    bool down[SIM_BROKERS_MAX + 1]; /* starts again by itself */
};

bool faults_has(const struct sim *sim, int fault)
{
    return sim->faults->enabled[fault];
}

static int any_broker(struct sim *sim)
{
    return (int)sim_between(sim, SIM_RNG_FAULT, 1, sim->shape.brokers);
}

static int64_t moment_us(struct sim *sim)
{
    if (sim_chance(sim, SIM_RNG_FAULT, 300))
        return sim_between(sim, SIM_RNG_FAULT, 0, 50 * SIM_MS);
    return sim_between(sim, SIM_RNG_FAULT, 50 * SIM_MS, 9000 * SIM_MS);
}

/* --- processes and machines --------------------------------------------------------------------------- */

static void start(struct sim *sim, void *arg)
{
    struct broker_node *node = arg;
    if (!node->proc)
        node_start(node);
    sim->faults->down[node->id] = false;
}

static void start_later(struct sim *sim, struct broker_node *node, int64_t delay_us)
{
    if (sim->faults->down[node->id])
        return;
    sim->faults->down[node->id] = true;
    sim_after(sim, delay_us, SIM_WORLD, "start_again", start, NULL, node);
}

/* Whoever is down without anybody having said so starts again. */
static void look_for_the_dead(struct sim *sim)
{
    for (int id = 1; id <= sim->shape.brokers; id++)
        if (!sim->nodes[id]->proc)
            start_later(sim, sim->nodes[id], sim->healed ? 0 : moment_us(sim));
}

static void end(struct sim *sim, int id, enum node_end how)
{
    node_end(sim->nodes[id], how);
    look_for_the_dead(sim);
}

void faults_step(struct sim *sim)
{
    for (int id = 1; id <= sim->shape.brokers; id++)
        if (crash_disk_is_dead(sim->nodes[id]->disk))
            end(sim, id, NODE_END_POWER);
    look_for_the_dead(sim);
}

static void lose_power(struct sim *sim, void *arg)
{
    const struct broker_node *node = arg;
    if (!sim->healed)
        end(sim, node->id, NODE_END_POWER);
}

/* Of all but one, which is down by then, more often than not, and out of the ISR: it may have what they lose.
 */
static void lose_other_power(struct sim *sim, void *arg)
{
    const struct broker_node *spared = arg;
    for (int id = 1; id <= sim->shape.brokers && !sim->healed; id++)
        if (id != spared->id)
            end(sim, id, NODE_END_POWER);
}

static void lose_all_power(struct sim *sim, struct broker_node *spared)
{
    if (sim_chance(sim, SIM_RNG_FAULT, 500)) {
        int64_t delay_us = sim_between(sim, SIM_RNG_FAULT, 0, 2 * sim->shape.lag_ms * SIM_MS);
        start_later(sim, spared, delay_us + moment_us(sim));
        end(sim, spared->id, NODE_END_KILLED);
        sim_after(sim, delay_us, SIM_WORLD, "power_of_others", lose_other_power, NULL, spared);
        return;
    }
    for (int id = 1; id <= sim->shape.brokers; id++)
        end(sim, id, NODE_END_POWER);
}

/* One call fails, and now and then the machine soon after. */
static void fail_disk(struct sim *sim, struct broker_node *node)
{
    if (!node->proc)
        return;
    crash_disk_fail_at(node->disk, sim_between(sim, SIM_RNG_FAULT, 0, 60));
    if (sim->faults->enabled[FAULT_POWER] && sim_chance(sim, SIM_RNG_FAULT, 800))
        sim_after(sim, sim_between(sim, SIM_RNG_FAULT, 0, 4000 * SIM_MS), SIM_WORLD, "power", lose_power,
                  NULL, node);
}

/* --- links -------------------------------------------------------------------------------------------- */

struct cutting {
    bool *what;
};

static void mend(struct sim *sim, void *arg)
{
    struct cutting cutting = *(struct cutting *)arg;
    free(arg);
    (void)sim;
    *cutting.what = false;
}

static void free_cutting(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

static void set_for(struct sim *sim, bool *what, int64_t for_us)
{
    if (*what)
        return;
    *what = true;
    struct cutting *cutting = MEM_NEW(struct cutting);
    cutting->what = what;
    sim_after(sim, for_us, SIM_WORLD, "mend", mend, free_cutting, cutting);
}

static void cut(struct sim *sim, int from, int to, int64_t for_us)
{
    if (from != to)
        set_for(sim, &sim->cut[from][to], for_us);
}

static void isolate(struct sim *sim, int id)
{
    int64_t for_us = moment_us(sim);
    bool both = sim_chance(sim, SIM_RNG_FAULT, 700);
    for (int other = 1; other <= sim->shape.brokers; other++) {
        cut(sim, id, other, for_us + sim_between(sim, SIM_RNG_FAULT, 0, 500 * SIM_MS));
        if (both)
            cut(sim, other, id, for_us + sim_between(sim, SIM_RNG_FAULT, 0, 500 * SIM_MS));
    }
}

static void reset(struct sim *sim, int id)
{
    struct proc *proc = sim->nodes[id]->proc;
    int to = any_broker(sim);
    if (proc && proc->links[to])
        net_conn_break(proc->links[to]->conn);
    else if (proc && proc->to_controller[to])
        net_conn_break(proc->to_controller[to]);
    else if (proc && proc->channels[to])
        net_conn_break(proc->channels[to]);
}

static void false_alarm(struct sim *sim)
{
    int64_t for_us = sim->shape.session_ms * SIM_MS / 2;
    for (int id = 1; id <= sim->shape.brokers; id++) {
        struct proc *proc = sim->nodes[id]->proc;
        if (!proc || !controller_is_active(proc->core))
            continue;
        cut(sim, id, SIM_ZK, for_us);
        for (int other = 1; other <= sim->shape.brokers; other++)
            if (other != id && sim_chance(sim, SIM_RNG_FAULT, 500))
                set_for(sim, &sim->refused[other][id], for_us);
    }
}

/* --- the trap (KIP-903) ------------------------------------------------------------------------------- */

static void spring(struct sim *sim, void *arg)
{
    (void)arg;
    const struct faults *faults = sim->faults;
    struct broker_node *follower = sim->nodes[faults->trapped_follower];
    int controller = 0;
    for (int id = 1; id <= sim->shape.brokers; id++)
        if (sim->nodes[id]->proc && controller_is_active(sim->nodes[id]->proc->core))
            controller = id;
    if (sim->healed || !controller || controller == faults->trapped_leader || !follower->proc) {
        sim->faults->trapped_part = -1;
        return;
    }
    cut(sim, faults->trapped_leader, controller, 700 * SIM_MS);
    node_end(follower, NODE_END_WIPED);
    node_start(follower);
}

void faults_join_proposed(struct sim *sim, int number, int leader, int follower)
{
    struct faults *faults = sim->faults;
    if (sim->healed || !faults->enabled[FAULT_JOIN_TRAP] || faults->trapped_part >= 0 ||
        !sim_chance(sim, SIM_RNG_FAULT, 800))
        return;
    faults->trapped_part = number;
    faults->trapped_leader = leader;
    faults->trapped_follower = follower;
    sim_trace(sim, "a trap for %d, which is to join partition %d", follower, number);
    sim_after(sim, 0, SIM_WORLD, "trap", spring, NULL, NULL);
}

static void close_trap(struct sim *sim, void *arg)
{
    (void)arg;
    int leader = sim->faults->trapped_leader;
    sim->faults->trapped_part = -1;
    if (!sim->healed)
        end(sim, leader, NODE_END_KILLED);
}

void faults_isr_written(struct sim *sim, int number, const struct znode_ids *isr)
{
    struct faults *faults = sim->faults;
    if (!faults || faults->trapped_part != number)
        return;
    const struct proc *follower = sim->nodes[faults->trapped_follower]->proc;
    if (!follower || !follower->ready) {
        faults->trapped_part = -1; /* too early: it is not back yet */
        return;
    }
    for (int32_t i = 0; i < isr->count; i++)
        if (isr->ids[i] == faults->trapped_follower)
            sim_after(sim, 0, SIM_WORLD, "trap_closes", close_trap, NULL, NULL);
}

/* --- one of them -------------------------------------------------------------------------------------- */

static void strike(struct sim *sim, enum fault fault)
{
    int id = any_broker(sim);
    struct broker_node *node = sim->nodes[id];
    struct proc *proc = node->proc;
    sim_trace(sim, "fault %s at %d", NAMES[fault], id);
    switch (fault) {
    case FAULT_KILL:
        end(sim, id, NODE_END_KILLED);
        return;
    case FAULT_STOP:
        node_stop(node);
        return;
    case FAULT_PAUSE:
        if (proc)
            sim->paused_until_us[id] = sim->now_us + moment_us(sim);
        return;
    case FAULT_POWER:
        end(sim, id, NODE_END_POWER);
        return;
    case FAULT_POWER_IN:
        if (proc)
            crash_disk_die_at(node->disk, sim_between(sim, SIM_RNG_FAULT, 0, 60));
        return;
    case FAULT_POWER_ALL:
        lose_all_power(sim, node);
        return;
    case FAULT_WIPE:
        end(sim, id, NODE_END_WIPED);
        return;
    case FAULT_DISK:
        fail_disk(sim, node);
        return;
    case FAULT_CUT:
        cut(sim, id, any_broker(sim), moment_us(sim));
        return;
    case FAULT_ISOLATE:
        isolate(sim, id);
        return;
    case FAULT_ZK_CUT:
        cut(sim, id, SIM_ZK, moment_us(sim));
        if (sim_chance(sim, SIM_RNG_FAULT, 500))
            cut(sim, SIM_ZK, id, moment_us(sim));
        return;
    case FAULT_ZK_DROP:
        if (proc && proc->zk)
            zk_client_drop(proc->zk);
        return;
    case FAULT_ZK_EXPIRE:
        if (proc && proc->session_id)
            zk_ensemble_end_session(sim->zk, proc->session_id);
        return;
    case FAULT_RESET:
        reset(sim, id);
        return;
    case FAULT_SLOW:
        sim->slowness = (int)sim_between(sim, SIM_RNG_FAULT, 0, 3);
        return;
    case FAULT_REFUSE:
        set_for(sim, &sim->refused[id][any_broker(sim)], moment_us(sim));
        return;
    case FAULT_FALSE_ALARM:
        false_alarm(sim);
        return;
    case FAULT_JOIN_TRAP: /* by itself */
    case FAULTS:
        return;
    }
}

static void next(struct sim *sim, void *arg)
{
    (void)arg;
    struct faults *faults = sim->faults;
    if (sim->healed)
        return;
    enum fault fault = (enum fault)sim_below(sim, SIM_RNG_FAULT, FAULTS);
    if (faults->enabled[fault])
        strike(sim, fault);
    sim_after(sim, sim_between(sim, SIM_RNG_FAULT, 0, 2 * faults->pause_us), SIM_WORLD, "fault", next, NULL,
              NULL);
}

/* --- life --------------------------------------------------------------------------------------------- */

void faults_new(struct sim *sim)
{
    struct faults *faults = MEM_NEW(struct faults);
    sim->faults = faults;
    faults->trapped_part = -1;
    faults->pause_us = sim_between(sim, SIM_RNG_SHAPE, 60, 700) * SIM_MS;
    for (int i = 0; i < FAULTS; i++)
        faults->enabled[i] = sim_chance(sim, SIM_RNG_SHAPE, 450);
    bool alone = sim->shape.rf < 2;
    faults->enabled[FAULT_WIPE] &= !alone && sim_chance(sim, SIM_RNG_SHAPE, 500);
    faults->enabled[FAULT_JOIN_TRAP] &= !alone;
    faults->enabled[FAULT_POWER_ALL] &= sim_chance(sim, SIM_RNG_SHAPE, 500);
    if (alone && !sim->shape.flush_each)
        faults->enabled[FAULT_POWER] = faults->enabled[FAULT_POWER_IN] = faults->enabled[FAULT_POWER_ALL] =
            false;
    for (int i = 0; i < FAULTS; i++)
        faults->enabled[i] &= !(sim->options.without & 1u << i);
    sim_after(sim, 3000 * SIM_MS, SIM_WORLD, "fault", next, NULL, NULL);
}

void faults_free(struct sim *sim)
{
    free(sim->faults);
}

void faults_heal(struct sim *sim)
{
    sim->healed = true;
    sim->slowness = 0;
    for (int from = 0; from < SIM_ENDPOINTS; from++) {
        sim->paused_until_us[from] = 0;
        for (int to = 0; to < SIM_ENDPOINTS; to++)
            sim->cut[from][to] = sim->refused[from][to] = false;
    }
    for (int id = 1; id <= sim->shape.brokers; id++) {
        crash_disk_die_at(sim->nodes[id]->disk, -1);
        crash_disk_fail_at(sim->nodes[id]->disk, -1);
        if (!sim->nodes[id]->proc)
            node_start(sim->nodes[id]);
    }
}
