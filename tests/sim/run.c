#include "sim/run.h"

#include <stdio.h>
#include <string.h>

#include "sim/checker.h"
#include "sim/clients.h"
#include "sim/faults.h"
#include "sim/groups_check.h"
#include "sim/members.h"
#include "sim/node.h"

/* After the faults: the clients go on for a while, then rest, then all must be whole. */
#define WRITE_US (10 * 1000 * SIM_MS)
#define REST_US  (30 * 1000 * SIM_MS)

static const struct sim *present;

const struct sim *run_present(void)
{
    return present;
}

static void heal(struct sim *sim, void *arg)
{
    (void)arg;
    sim_trace(sim, "all is healed");
    faults_heal(sim);
}

static void rest(struct sim *sim, void *arg)
{
    (void)arg;
    sim_trace(sim, "the clients rest");
    clients_rest(sim);
    members_rest(sim);
}

static bool offline(const struct sim *sim)
{
    for (int id = 1; id <= sim->shape.brokers; id++)
        if (sim->nodes[id]->proc && controller_kept_offline(sim->nodes[id]->proc->core) > 0)
            return true;
    return false;
}

static void build(struct sim *sim)
{
    checker_new(sim);
    groups_check_new(sim);
    zk_ensemble_new(sim);
    for (int id = 1; id <= sim->shape.brokers; id++) {
        node_init(sim, id);
        node_start(sim->nodes[id]);
    }
    clients_new(sim);
    members_new(sim);
    faults_new(sim);
    sim_after(sim, sim->shape.run_us, SIM_WORLD, "heal", heal, NULL, NULL);
    sim_after(sim, sim->shape.run_us + WRITE_US, SIM_WORLD, "rest", rest, NULL, NULL);
}

static bool go(struct sim *sim)
{
    int64_t end_us = sim->shape.run_us + WRITE_US + REST_US;
    while (!sim->over && sim->now_us < end_us && sim->step < sim->options.steps && sim_step(sim)) {
        checker_step(sim);
        faults_step(sim);
    }
    return sim->over || sim->now_us >= end_us;
}

void run_print_failure(const struct sim *sim)
{
    int64_t from = sim->lines_count > SIM_LINES ? sim->lines_count - SIM_LINES : 0;
    for (int64_t i = from; i < sim->lines_count; i++)
        fprintf(stderr, "  %s\n", sim->lines[i % SIM_LINES]);
    fprintf(stderr, "seed %llu step %lld: %s%s%s%s: %s\n", (unsigned long long)sim->options.seed,
            (long long)sim->step, sim->options.plant ? "plant " : "",
            sim->options.plant ? sim->options.plant : "", sim->options.plant ? ", " : "",
            sim->failed ? sim->failed : "aborted", sim->failed ? sim->why : "see above");
}

struct run_result run_seed(const struct sim_options *options)
{
    struct sim *sim = sim_new(options);
    present = sim;
    build(sim);
    struct run_result result = {.finished = go(sim)};
    if (result.finished && !sim->failed && !sim->over) {
        checker_end(sim);
        if (!offline(sim)) {
            clients_end(sim);
            members_end(sim);
        }
    }
    if (sim->failed) {
        result.failed = true;
        snprintf(result.invariant, sizeof result.invariant, "%s", sim->failed);
        snprintf(result.why, sizeof result.why, "%s", sim->why);
        if (!options->quiet)
            run_print_failure(sim);
    }
    for (int i = 0; faults_name(i); i++)
        result.faults |= faults_has(sim, i) ? 1u << i : 0;
    result.hash = sim->hash;
    result.steps = sim->step;
    result.virtual_ms = sim->now_us / SIM_MS;
    result.acknowledged = clients_acknowledged(sim);
    clients_free(sim);
    members_free(sim);
    for (int id = 1; id <= SIM_BROKERS_MAX; id++)
        node_free(sim->nodes[id]);
    faults_free(sim);
    zk_ensemble_free(sim->zk);
    groups_check_free(sim);
    checker_free(sim);
    sim_free(sim);
    present = NULL;
    return result;
}
