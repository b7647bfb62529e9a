#include "core/replica/replica.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void replica_init(struct replica *replica)
{
    *replica = (struct replica){.leader_id = -1, .leader_epoch = -1, .controller_epoch = -1};
}

void replica_ids_close(struct replica_ids *ids)
{
    free(ids->ids);
    *ids = (struct replica_ids){0};
}

void replica_ids_copy(struct replica_ids *to, const struct replica_ids *from)
{
    int32_t *ids = from->count ? mem_dup(from->ids, (size_t)from->count * sizeof *ids) : NULL;
    free(to->ids);
    *to = (struct replica_ids){ids, from->count};
}

void replica_close(struct replica *replica)
{
    replica_ids_close(&replica->assigned);
    replica_ids_close(&replica->adding);
    replica_ids_close(&replica->removing);
    replica_ids_close(&replica->isr);
    replica_ids_close(&replica->pending);
    free(replica->remotes);
    replica->remotes = NULL;
}

bool replica_ids_contain(const struct replica_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

/*
 * What was told last is not in force: its leader was not known, or the replica was stopped since. A word of
 * an older state was on its way too long.
 */
static bool is_told_again(const struct replica *replica, const struct replica_command *command)
{
    bool in_force = !replica->leader_unknown && replica->role != REPLICA_ROLE_NONE;
    return replica->leader_epoch >= 0 && !in_force && command->leader_epoch == replica->leader_epoch &&
           command->partition_epoch >= replica->partition_epoch;
}

enum err replica_judge(const struct replica *replica, const struct replica_command *command, int32_t my_id)
{
    if (command->leader_epoch <= replica->leader_epoch && !is_told_again(replica, command))
        return ERR_STALE_CONTROLLER_EPOCH;
    if (!replica_ids_contain(&command->assigned, my_id))
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return ERR_NONE;
}

static const struct replica_remote *find_remote(const struct replica_remote *remotes, int32_t count,
                                                int32_t id)
{
    for (int32_t i = 0; i < count; i++)
        if (remotes[i].broker_id == id)
            return &remotes[i];
    return NULL;
}

/* What a new epoch knows of another replica: `old` is what this broker knew as the leader before, or NULL. */
static struct replica_remote remote_in_epoch(const struct replica_remote *old, int32_t id, bool in_isr,
                                             int64_t log_end, int64_t now_ms)
{
    struct replica_remote remote = {.broker_id = id,
                                    .end_offset = -1,
                                    .start_offset = -1,
                                    .last_fetch_leader_end = -1,
                                    .broker_epoch = -1};
    remote.last_fetch_ms = REPLICA_NEVER_MS;
    remote.steady_from_ms = REPLICA_NEVER_MS;
    if (old) {
        remote = *old;
        remote.last_fetch_leader_end = log_end;
        remote.last_fetch_ms = in_isr ? now_ms : REPLICA_NEVER_MS;
    }
    remote.fetch_before_ms = REPLICA_NEVER_MS;
    remote.last_caught_up_ms = in_isr ? now_ms : REPLICA_NEVER_MS;
    return remote;
}

static void renew_remotes(struct replica *replica, int32_t my_id, bool keeps_ends, int64_t log_end,
                          int64_t now_ms)
{
    struct replica_remote *old = replica->remotes;
    int32_t old_count = keeps_ends ? replica->remotes_count : 0;
    replica->remotes = mem_zalloc(sizeof *replica->remotes * (size_t)(replica->assigned.count + 1));
    replica->remotes_count = 0;
    for (int32_t i = 0; i < replica->assigned.count; i++) {
        int32_t id = replica->assigned.ids[i];
        if (id == my_id)
            continue;
        bool in_isr = replica_ids_contain(&replica->isr, id);
        replica->remotes[replica->remotes_count++] =
            remote_in_epoch(find_remote(old, old_count, id), id, in_isr, log_end, now_ms);
    }
    free(old);
}

/*
 * A controller tells only how things stand when it gets to it. Another may have led in an epoch that was
 * never told here, and followers have cut to its log what they had fetched from this one.
 */
static bool may_miss_a_leader(const struct replica *replica, const struct replica_command *command)
{
    return command->leader_epoch - replica->leader_epoch > 1;
}

void replica_apply(struct replica *replica, const struct replica_command *command, int32_t my_id,
                   int64_t log_end, int64_t now_ms)
{
    bool leads = command->leader_id == my_id;
    bool led_before = replica->role == REPLICA_ROLE_LEADER && !may_miss_a_leader(replica, command);
    replica->role = leads ? REPLICA_ROLE_LEADER : REPLICA_ROLE_FOLLOWER;
    replica->leader_id = command->leader_id;
    replica->controller_epoch = command->controller_epoch;
    replica->leader_epoch = command->leader_epoch;
    replica->leader_unknown = command->leader_unknown;
    replica->partition_epoch = command->partition_epoch;
    replica_ids_copy(&replica->assigned, &command->assigned);
    replica_ids_copy(&replica->adding, &command->adding);
    replica_ids_copy(&replica->removing, &command->removing);
    replica_ids_close(&replica->pending);
    replica->isr_state = REPLICA_ISR_COMMITTED;
    if (leads) {
        replica_ids_copy(&replica->isr, &command->isr);
        replica->epoch_start_offset = log_end;
        renew_remotes(replica, my_id, led_before, log_end, now_ms);
    } else {
        replica_ids_close(&replica->isr);
        free(replica->remotes);
        replica->remotes = NULL;
        replica->remotes_count = 0;
    }
}

void replica_stop(struct replica *replica, int32_t leader_epoch)
{
    replica->role = REPLICA_ROLE_NONE;
    if (leader_epoch > replica->leader_epoch)
        replica->leader_epoch = leader_epoch;
}

int32_t replica_effective_min_isr(const struct replica *replica, int32_t min_insync_replicas)
{
    int32_t replicas = replica->remotes_count + 1;
    return min_insync_replicas < replicas ? min_insync_replicas : replicas;
}

bool replica_has_min_isr(const struct replica *replica, int32_t min_insync_replicas)
{
    return replica->isr.count >= replica_effective_min_isr(replica, min_insync_replicas);
}

enum err replica_check_epoch(const struct replica *replica, int32_t epoch)
{
    if (epoch < 0 || epoch == replica->leader_epoch)
        return ERR_NONE;
    return epoch < replica->leader_epoch ? ERR_FENCED_LEADER_EPOCH : ERR_UNKNOWN_LEADER_EPOCH;
}
