#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct task {
    struct heap_node node;
    int owner;
    const char *label;
    sim_fn run;
    sim_fn drop;
    void *arg;
};

/* --- chance ------------------------------------------------------------------------------------------- */

uint64_t sim_below(struct sim *sim, enum sim_rng rng, uint64_t bound)
{
    return prng_below(&sim->rng[rng], bound);
}

int64_t sim_between(struct sim *sim, enum sim_rng rng, int64_t low, int64_t high)
{
    return high <= low ? low : low + (int64_t)sim_below(sim, rng, (uint64_t)(high - low) + 1);
}

bool sim_chance(struct sim *sim, enum sim_rng rng, int per_mille)
{
    return sim_below(sim, rng, 1000) < (uint64_t)per_mille;
}

/* --- time --------------------------------------------------------------------------------------------- */

/* Low bits of a task's key: what is due at the same time comes in an order of chance. */
#define TIE_BITS 20

int64_t sim_now_ms(const struct sim *sim)
{
    return 1000000 + sim->now_us / SIM_MS;
}

static void push(struct sim *sim, struct task *task, int64_t at_us)
{
    int64_t tie = (int64_t)sim_below(sim, SIM_RNG_TIE, 1u << TIE_BITS);
    heap_push(&sim->tasks, &task->node, at_us << TIE_BITS | tie);
}

void sim_after(struct sim *sim, int64_t delay_us, int owner, const char *label, sim_fn run, sim_fn drop,
               void *arg)
{
    struct task *task = MEM_NEW(struct task);
    *task = (struct task){.owner = owner, .label = label, .run = run, .drop = drop, .arg = arg};
    push(sim, task, sim->now_us + (delay_us > 0 ? delay_us : 0));
}

static void hash_add(struct sim *sim, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++)
        sim->hash = (sim->hash ^ at[i]) * UINT64_C(0x100000001b3);
}

static void hash_number(struct sim *sim, int64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)value >> (8 * i));
    hash_add(sim, bytes, sizeof bytes);
}

static void end_task(struct sim *sim, struct task *task)
{
    if (task->drop)
        task->drop(sim, task->arg);
    free(task);
}

bool sim_step(struct sim *sim)
{
    struct heap_node *node = sim->failed ? NULL : heap_pop(&sim->tasks);
    if (!node)
        return false;
    struct task *task = CONTAINER_OF(node, struct task, node);
    int64_t at_us = node->key >> TIE_BITS;
    sim->now_us = at_us > sim->now_us ? at_us : sim->now_us;
    int owner = task->owner;
    if (owner >= 0 && sim_is_paused(sim, owner)) {
        push(sim, task, sim->paused_until_us[owner] + sim_between(sim, SIM_RNG_TIE, 0, 2 * SIM_MS));
        return true;
    }
    sim->step++;
    hash_number(sim, sim->now_us);
    hash_number(sim, owner);
    hash_add(sim, task->label, strlen(task->label));
    task->run(sim, task->arg);
    free(task);
    return true;
}

/* --- processes ---------------------------------------------------------------------------------------- */

/* What the process had before it goes with it, at once: it may hold files open. */
static void drop_tasks(struct sim *sim, int owner)
{
    size_t i = 0;
    while (i < sim->tasks.count) {
        struct task *task = CONTAINER_OF(sim->tasks.nodes[i], struct task, node);
        if (task->owner != owner) {
            i++;
            continue;
        }
        heap_remove(&sim->tasks, &task->node);
        end_task(sim, task);
        i = 0;
    }
}

void sim_set_up(struct sim *sim, int endpoint, bool up)
{
    sim->up[endpoint] = up;
    sim->life[endpoint]++;
    sim->paused_until_us[endpoint] = 0;
    drop_tasks(sim, endpoint);
}

bool sim_is_paused(const struct sim *sim, int endpoint)
{
    return sim->paused_until_us[endpoint] > sim->now_us;
}

/* --- what happened ------------------------------------------------------------------------------------ */

void sim_trace(struct sim *sim, const char *fmt, ...)
{
    char text[600];
    int head = snprintf(text, sizeof text, "%lld.%06lld ", (long long)(sim->now_us / 1000000),
                        (long long)(sim->now_us % 1000000));
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + head, sizeof text - (size_t)head, fmt, args);
    va_end(args);
    hash_add(sim, text, strlen(text));
    char **line = &sim->lines[sim->lines_count++ % SIM_LINES];
    free(*line);
    *line = mem_strdup(text);
    if (sim->options.trace)
        printf("%s\n", text);
}

void sim_fail(struct sim *sim, const char *invariant, const char *fmt, ...)
{
    if (sim->failed)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(sim->why, sizeof sim->why, fmt, args);
    va_end(args);
    sim->failed = invariant;
    sim_trace(sim, "FAILED %s: %s", invariant, sim->why);
}

int sim_part_find(const struct sim *sim, const char *topic, size_t topic_len, int32_t index)
{
    for (int i = 0; i < sim->shape.parts; i++)
        if (sim->parts[i].index == index && strlen(sim->parts[i].topic) == topic_len &&
            memcmp(sim->parts[i].topic, topic, topic_len) == 0)
            return i;
    return -1;
}

/* --- life --------------------------------------------------------------------------------------------- */

static void draw_shape(struct sim *sim)
{
    static const int BROKERS[] = {3, 3, 3, 3, 2, 4, 5, 1};
    struct sim_shape *shape = &sim->shape;
    enum sim_rng rng = SIM_RNG_SHAPE;
    shape->brokers = sim->options.brokers ? sim->options.brokers : BROKERS[sim_below(sim, rng, 8)];
    shape->rf = shape->brokers < 3 ? shape->brokers : 3;
    shape->min_isr = shape->rf >= 2 ? 2 : 1;
    shape->parts = (int)sim_between(sim, rng, 1, SIM_PARTS_MAX);
    shape->topics = (int)sim_between(sim, rng, 1, shape->parts < 2 ? shape->parts : 2);
    shape->clients = (int)sim_between(sim, rng, 1, 3);
    shape->session_ms = (int32_t)sim_between(sim, rng, 2000, 9000);
    shape->lag_ms = (int32_t)sim_between(sim, rng, 1000, 6000);
    shape->segment_bytes = (int32_t)sim_between(sim, rng, 1000, 8000);
    shape->suspect = sim_chance(sim, rng, 600);
    shape->flush_each = sim_chance(sim, rng, 150);
    shape->zk_flaky = sim_chance(sim, rng, 500);
    shape->run_us = sim_between(sim, rng, 20, 40) * 1000 * SIM_MS;
    shape->compacts = sim_chance(sim, rng, 400);
    for (int i = 0; i < shape->parts; i++) {
        snprintf(sim->parts[i].topic, sizeof sim->parts[i].topic, "%c", 'a' + i % shape->topics);
        sim->parts[i].topic_number = i % shape->topics;
        sim->parts[i].index = i / shape->topics;
        sim->parts[i].compacted = shape->compacts && i % shape->topics == 0;
    }
}

/* Of chance of its own, so that whether there is a group changes nothing else. It has the last partition. */
static void draw_group(struct sim *sim)
{
    struct sim_shape *shape = &sim->shape;
    shape->offsets = -1;
    if (!sim_chance(sim, SIM_RNG_GROUP, 500))
        return;
    if (shape->parts < SIM_PARTS_MAX)
        shape->parts++;
    shape->offsets = shape->parts - 1;
    shape->members =
        sim_chance(sim, SIM_RNG_GROUP, 150) ? 1 : (int)sim_between(sim, SIM_RNG_GROUP, 2, SIM_MEMBERS_MAX);
    struct sim_part_name *part = &sim->parts[shape->offsets];
    *part = (struct sim_part_name){.topic = "__consumer_offsets", .topic_number = shape->topics++};
    part->compacted = sim_chance(sim, SIM_RNG_GROUP, 700);
    shape->compacts |= part->compacted;
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = MEM_NEW(struct sim);
    sim->options = *options;
    sim->hash = UINT64_C(0xcbf29ce484222325);
    list_init(&sim->calls);
    for (int i = 0; i < SIM_RNGS; i++)
        prng_seed(&sim->rng[i], options->seed * 64 + (uint64_t)i + 1);
    draw_shape(sim);
    draw_group(sim);
    return sim;
}

void sim_free(struct sim *sim)
{
    struct heap_node *node;
    while ((node = heap_pop(&sim->tasks)))
        end_task(sim, CONTAINER_OF(node, struct task, node));
    heap_close(&sim->tasks);
    map_close(&sim->calls_by_id);
    for (int i = 0; i < SIM_LINES; i++)
        free(sim->lines[i]);
    free(sim);
}
