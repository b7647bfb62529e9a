#include "cli/reassign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/java_order.h"

#define LEADER_RATE       "leader.replication.throttled.rate"
#define FOLLOWER_RATE     "follower.replication.throttled.rate"
#define DIRS_RATE         "replica.alter.log.dirs.io.max.bytes.per.second"
#define LEADER_REPLICAS   "leader.replication.throttled.replicas"
#define FOLLOWER_REPLICAS "follower.replication.throttled.replicas"

/* Where a partition moves from, and to. */
struct flow {
    struct reassign_part *part;
    struct znode_ids from;
    struct znode_ids to;
};

static struct znode_ids without(struct arena *arena, const struct znode_ids *ids,
                                const struct znode_ids *less)
{
    struct znode_ids out = {.ids = arena_alloc(arena, ((size_t)ids->count + 1) * sizeof *out.ids)};
    for (int32_t i = 0; i < ids->count; i++)
        if (!reassign_ids_contain(less, ids->ids[i]))
            out.ids[out.count++] = ids->ids[i];
    return out;
}

/* What moves already, and what is to move now; a move that replaces one comes from where that one did. */
static struct flow *flows_of(struct arena *arena, const struct reassign_list *active,
                             const struct reassign_list *moves, const struct reassign_list *present,
                             int *count)
{
    struct flow *flows =
        arena_zalloc(arena, ((size_t)active->count + (size_t)moves->count + 1) * sizeof *flows);
    *count = 0;
    for (int i = 0; i < active->count; i++) {
        struct reassign_part *part = &active->items[i];
        if (!reassign_find(moves, part->topic, part->partition))
            flows[(*count)++] = (struct flow){
                .part = part, .from = without(arena, &part->replicas, &part->adding), .to = part->adding};
    }
    for (int i = 0; i < moves->count; i++) {
        struct reassign_part *part = &moves->items[i];
        const struct reassign_part *now = reassign_find(active, part->topic, part->partition);
        const struct reassign_part *still = reassign_find(present, part->topic, part->partition);
        struct flow *flow = &flows[(*count)++];
        flow->part = part;
        flow->from = now ? without(arena, &now->replicas, &now->adding) : still->replicas;
        flow->to = without(arena, &part->replicas, &flow->from);
    }
    return flows;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "0:1,0:2,1:1": partition and broker, sorted as texts. */
static const char *throttled(struct arena *arena, const struct flow *flows, int count, const char *topic,
                             bool sources)
{
    const char **texts = NULL;
    int found = 0;
    struct buf out = {0};
    for (int i = 0; i < count; i++) {
        const struct znode_ids *ids = sources ? &flows[i].from : &flows[i].to;
        if (strcmp(flows[i].part->topic, topic) != 0)
            continue;
        texts = mem_resize(texts, ((size_t)found + (size_t)ids->count + 1) * sizeof *texts);
        for (int32_t k = 0; k < ids->count; k++)
            texts[found++] =
                arena_printf(arena, "%" PRId32 ":%" PRId32, flows[i].part->partition, ids->ids[k]);
    }
    if (found)
        qsort(texts, (size_t)found, sizeof *texts, compare_texts);
    for (int i = 0; i < found; i++)
        buf_printf(&out, "%s%s", i ? "," : "", texts[i]);
    free(texts);
    const char *text = arena_strdup(arena, buf_cstr(&out));
    buf_close(&out);
    return text;
}

static enum err throttle_topics(const struct reassign_cluster *cluster, struct arena *arena,
                                const struct flow *flows, int count, struct errmsg *why)
{
    struct reassign_list parts = {0};
    int topics_count;
    enum err err = ERR_NONE;
    for (int i = 0; i < count; i++)
        reassign_add(arena, &parts, flows[i].part->topic, flows[i].part->partition);
    const char **topics = reassign_topics(arena, &parts, &topics_count);
    for (int i = 0; i < topics_count && err == ERR_NONE; i++) {
        struct reassign_edit edits[] = {
            {LEADER_REPLICAS, throttled(arena, flows, count, topics[i], true)},
            {FOLLOWER_REPLICAS, throttled(arena, flows, count, topics[i], false)},
        };
        err = cluster->edit_topic(cluster->session, arena, topics[i], edits, 2, why);
    }
    return err;
}

static void add_ids(struct znode_ids *to, const struct znode_ids *ids)
{
    for (int32_t i = 0; i < ids->count; i++) {
        if (reassign_ids_contain(to, ids->ids[i]))
            continue;
        to->ids = mem_resize(to->ids, ((size_t)to->count + 1) * sizeof *to->ids);
        to->ids[to->count++] = ids->ids[i];
    }
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

enum err reassign_throttle(const struct reassign_cluster *cluster, struct arena *arena,
                           const struct reassign_list *active, const struct reassign_list *moves,
                           const struct reassign_list *present, int64_t rate, struct errmsg *why)
{
    int count;
    struct flow *flows = flows_of(arena, active, moves, present, &count);
    const char *text = arena_printf(arena, "%" PRId64, rate);
    struct reassign_edit edits[] = {{LEADER_RATE, text}, {FOLLOWER_RATE, text}};
    struct znode_ids brokers = {0};
    enum err err = throttle_topics(cluster, arena, flows, count, why);
    for (int i = 0; i < count; i++) {
        add_ids(&brokers, &flows[i].from);
        add_ids(&brokers, &flows[i].to);
    }
    for (int32_t i = 0; i < brokers.count && err == ERR_NONE; i++)
        err = cluster->edit_broker(cluster->session, arena, brokers.ids[i], edits, 2, why);
    free(brokers.ids);
    if (err == ERR_NONE)
        printf("The inter-broker throttle limit was set to %" PRId64 " B/s\n", rate);
    return err;
}

enum err reassign_throttle_dirs(const struct reassign_cluster *cluster, struct arena *arena,
                                const struct reassign_dirs *dirs, int64_t rate, struct errmsg *why)
{
    struct reassign_edit edit = {DIRS_RATE, arena_printf(arena, "%" PRId64, rate)};
    struct znode_ids brokers = {0};
    enum err err = ERR_NONE;
    for (int i = 0; i < dirs->count; i++)
        add_ids(&brokers, &(struct znode_ids){.ids = &dirs->items[i].broker, .count = 1});
    for (int32_t i = 0; i < brokers.count && err == ERR_NONE; i++)
        err = cluster->edit_broker(cluster->session, arena, brokers.ids[i], &edit, 1, why);
    free(brokers.ids);
    if (err != ERR_NONE)
        return err;
    printf("The replica-alter-dir throttle limit was set to %" PRId64 " B/s\n", rate);
    return ERR_NONE;
}

static void print_ids(const char *what, const struct znode_ids *ids)
{
    printf("%s%s ", what, ids->count == 1 ? "" : "s");
    for (int32_t i = 0; i < ids->count; i++)
        printf("%s%" PRId32, i ? "," : "", ids->ids[i]);
    putchar('\n');
}

/* Names as Kafka's tool prints them, in the order of a hash set. */
static void print_topics(struct arena *arena, const char *const *topics, int count)
{
    struct view *keys = arena_alloc(arena, ((size_t)count + 1) * sizeof *keys);
    size_t *order = arena_alloc(arena, ((size_t)count + 1) * sizeof *order);
    for (int i = 0; i < count; i++)
        keys[i] = view_str(topics[i]);
    java_hash_order(keys, (size_t)count, order);
    printf("Clearing topic-level throttles on topic%s ", count == 1 ? "" : "s");
    for (int i = 0; i < count; i++)
        printf("%s%s", i ? "," : "", topics[order[i]]);
    putchar('\n');
}

enum err reassign_unthrottle(const struct reassign_cluster *cluster, struct arena *arena,
                             const struct reassign_list *moves, struct errmsg *why)
{
    static const struct reassign_edit rates[] = {
        {LEADER_RATE, NULL}, {FOLLOWER_RATE, NULL}, {DIRS_RATE, NULL}};
    static const struct reassign_edit lists[] = {{LEADER_REPLICAS, NULL}, {FOLLOWER_REPLICAS, NULL}};
    struct assign_broker *live;
    int live_count, topics_count;
    struct znode_ids brokers = {0};
    enum err err = cluster->brokers(cluster->session, arena, &live, &live_count, why);
    for (int i = 0; err == ERR_NONE && i < live_count; i++)
        add_ids(&brokers, &(struct znode_ids){.ids = &live[i].id, .count = 1});
    for (int i = 0; err == ERR_NONE && i < moves->count; i++)
        add_ids(&brokers, &moves->items[i].replicas);
    if (brokers.count)
        qsort(brokers.ids, (size_t)brokers.count, sizeof *brokers.ids, compare_ids);
    if (err == ERR_NONE)
        print_ids("Clearing broker-level throttles on broker", &brokers);
    for (int32_t i = 0; i < brokers.count && err == ERR_NONE; i++)
        err = cluster->edit_broker(cluster->session, arena, brokers.ids[i], rates, 3, why);
    free(brokers.ids);
    if (err != ERR_NONE)
        return err;
    const char **topics = reassign_topics(arena, moves, &topics_count);
    print_topics(arena, topics, topics_count);
    for (int i = 0; i < topics_count && err == ERR_NONE; i++)
        err = cluster->edit_topic(cluster->session, arena, topics[i], lists, 2, why);
    return err;
}
