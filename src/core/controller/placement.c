#include "core/controller/placement.h"

#include "core/controller/assign.h"

static struct assign_broker *live_brokers(struct controller *c, int32_t *count)
{
    struct assign_broker *brokers = arena_alloc(&c->arena, c->ctx.brokers_by_id.count * sizeof *brokers + 1);
    *count = 0;
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        brokers[(*count)++] = (struct assign_broker){.id = broker->id, .rack = broker->rack};
    }
    return brokers;
}

static enum err check_lists(const struct controller_new_topic *wanted, struct errmsg *why)
{
    int32_t n = wanted->placements_count;
    for (int32_t i = 0; i < n; i++) {
        const struct controller_placement *one = &wanted->placements[i];
        if (one->replicas.count != wanted->placements[0].replicas.count || one->replicas.count == 0) {
            errmsg_set(why, "All partitions should have the same number of replicas");
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
        if (!ctl_ids_are_valid(&one->replicas)) {
            errmsg_set(why, "Duplicate replica assignment found: partition %d", one->partition);
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
    }
    return ERR_NONE;
}

/* Each of 0 to n - 1 once. */
static enum err order_lists(struct controller *c, const struct controller_new_topic *wanted,
                            struct znode_ids **lists, struct errmsg *why)
{
    int32_t n = wanted->placements_count;
    *lists = arena_zalloc(&c->arena, (size_t)n * sizeof **lists + 1);
    for (int32_t i = 0; i < n; i++) {
        int32_t number = wanted->placements[i].partition;
        if (number < 0 || number >= n || (*lists)[number].count) {
            errmsg_set(why, "partitions should be a consecutive 0-based integer sequence");
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
        (*lists)[number] = wanted->placements[i].replicas;
    }
    return ERR_NONE;
}

enum err placement_of_topic(struct controller *c, const struct controller_new_topic *wanted,
                            struct znode_ids **lists, int32_t *count, struct errmsg *why)
{
    if (wanted->placements) {
        *count = wanted->placements_count;
        if (*count == 0) {
            errmsg_set(why, "All partitions should have the same number of replicas");
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
        enum err err = check_lists(wanted, why);
        return err ? err : order_lists(c, wanted, lists, why);
    }
    struct assign_request request = {.partitions_count = wanted->partitions_count,
                                     .replication_factor = wanted->replication_factor};
    request.brokers = live_brokers(c, &request.brokers_count);
    if (request.brokers_count) {
        request.start = (int32_t)prng_below(&c->prng, (uint64_t)request.brokers_count);
        request.shift = (int32_t)prng_below(&c->prng, (uint64_t)request.brokers_count);
    }
    *count = wanted->partitions_count;
    return assign_replicas(&request, &c->arena, lists, why);
}

/* ---- more partitions */

static const struct znode_assignment *partition_zero(const struct znode_topic *now)
{
    for (int32_t i = 0; i < now->partitions_count; i++) {
        if (now->partitions[i].partition == 0 && now->partitions[i].replicas.count > 0)
            return &now->partitions[i];
    }
    return NULL;
}

/* "1, 2, 1" */
static const char *ids_text(struct controller *c, const struct znode_ids *ids)
{
    const char *text = "";
    for (int32_t i = 0; i < ids->count && i < 20; i++)
        text = arena_printf(&c->arena, "%s%s%d", text, i > 0 ? ", " : "", ids->ids[i]);
    return text;
}

static enum err check_more(struct controller *c, const struct controller_more_partitions *wanted,
                           int32_t added, int32_t first, int32_t replication_factor, struct errmsg *why)
{
    for (int32_t i = 0; i < wanted->placements_count; i++) {
        const struct znode_ids *replicas = &wanted->placements[i].replicas;
        for (int32_t r = 0; r < replicas->count; r++) {
            if (!ctl_broker_find(&c->ctx, replicas->ids[r])) {
                errmsg_set(why, "Unknown broker(s) in replica assignment: %d.", replicas->ids[r]);
                return ERR_INVALID_REPLICA_ASSIGNMENT;
            }
        }
    }
    if (wanted->placements_count != added) {
        errmsg_set(why, "Increasing the number of partitions by %d but %d assignments provided.", added,
                   wanted->placements_count);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    for (int32_t i = 0; i < added; i++) {
        const struct znode_ids *replicas = &wanted->placements[i].replicas;
        if (replicas->count == 0)
            errmsg_set(why, "Cannot have replication factor of 0 for partition id %d.", first + i);
        else if (!ctl_ids_are_valid(replicas))
            errmsg_set(why, "Duplicate brokers not allowed in replica assignment: %s for partition id %d.",
                       ids_text(c, replicas), first + i);
        else if (replicas->count != replication_factor)
            errmsg_set(why,
                       "Inconsistent replication factor between partitions, partition 0 has %d while "
                       "partitions [%d] have replication factors [%d], respectively.",
                       replication_factor, first + i, replicas->count);
        else
            continue;
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    return ERR_NONE;
}

enum err placement_of_more(struct controller *c, const struct controller_more_partitions *wanted,
                           const struct znode_topic *now, struct znode_ids **lists, int32_t *count,
                           struct errmsg *why)
{
    int32_t have = now->partitions_count;
    if (wanted->count < have) {
        errmsg_set(why, "Topic currently has %d partitions, which is higher than the requested %d.", have,
                   wanted->count);
        return ERR_INVALID_PARTITIONS;
    }
    if (wanted->count == have) {
        errmsg_set(why, "Topic already has %d partitions.", have);
        return ERR_INVALID_PARTITIONS;
    }
    *count = wanted->count - have;
    const struct znode_assignment *zero = partition_zero(now);
    if (!zero) {
        errmsg_set(why, "Unexpected existing replica assignment for topic '%s', partition id 0 is missing.",
                   wanted->topic);
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    if (wanted->placements) {
        enum err err = check_more(c, wanted, *count, have, zero->replicas.count, why);
        if (err)
            return err;
        *lists = arena_zalloc(&c->arena, (size_t)*count * sizeof **lists);
        for (int32_t i = 0; i < *count; i++)
            (*lists)[i] = wanted->placements[i].replicas;
        return ERR_NONE;
    }
    struct assign_request request = {
        .partitions_count = *count, .replication_factor = zero->replicas.count, .first_partition = have};
    request.brokers = live_brokers(c, &request.brokers_count);
    for (int32_t i = 0; i < request.brokers_count; i++) {
        if (request.brokers[i].id >= zero->replicas.ids[0]) {
            request.start = request.shift = i;
            break;
        }
    }
    return assign_replicas(&request, &c->arena, lists, why);
}

/* ---- answers */

void ctl_answer_topics(struct controller *c, const struct controller_topic_answer *topics, int32_t count)
{
    struct arena *arena = &c->out->arena;
    struct controller_topic_answer *copy = arena_alloc(arena, (size_t)count * sizeof *copy + 1);
    for (int32_t i = 0; i < count; i++) {
        copy[i] = topics[i];
        copy[i].name = topics[i].name ? arena_strdup(arena, topics[i].name) : NULL;
        copy[i].message = topics[i].message ? arena_strdup(arena, topics[i].message) : NULL;
    }
    ctl_answer(c, &(struct controller_answer){.topics = copy, .topics_count = count});
}
