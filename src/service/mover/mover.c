#include "service/mover/mover.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "core/metadata/metadata.h"
#include "service/metadata_cache.h"
#include "service/mover/move.h"
#include "service/partition/partition_call.h"
#include "service/replica/dir_checkpoints.h"

#define NAP_MS 50

/* --- one move ----------------------------------------------------------------------------------------- */

struct move *move_new(struct mover *mover, struct partition *part, struct log_dir_state *source,
                      struct log_dir_state *target)
{
    struct move *move = MEM_NEW(struct move);
    move->mover = mover;
    move->part = partition_share(part);
    move->source = source;
    move->target = target;
    move->id = mover_random_id(mover);
    move->cut_to = INT64_MAX;
    list_node_init(&move->node);
    return move;
}

static void attach(struct partition *part, void *arg)
{
    struct move *move = arg;
    if (part->log && !part->deleted && !part->move && part->dir == move->source)
        part->move = move;
}

static void detach(struct partition *part, void *arg)
{
    if (part->move == arg)
        part->move = NULL;
}

void move_begin(struct move *move)
{
    struct mover *mover = move->mover;
    atomic_fetch_add(&move->target->partitions, 1);
    atomic_store(&move->end_offset, log_end(move->log).offset);
    atomic_store(&move->size_bytes, log_size_bytes(move->log));
    pthread_mutex_lock(&mover->lock);
    list_push_back(&mover->moves, &move->node);
    pthread_mutex_unlock(&mover->lock);
    partition_call(move->part, attach, move);
    log_info("mover", "move_begun", "partition=%s from=%s to=%s offset=%lld", move->part->name,
             move->source->dir.path, move->target->dir.path, (long long)log_end(move->log).offset);
    move_submit(move);
}

void move_submit(struct move *move)
{
    move->work = (struct work){.run = move_step, .label = "move_replica"};
    workers_submit(move->mover->pool, &move->work);
}

void move_end(struct move *move)
{
    partition_call(move->part, detach, move);
    move_free(move);
}

void move_free(struct move *move)
{
    struct mover *mover = move->mover;
    if (move->log) /* else it is the partition's now */
        atomic_fetch_sub(&move->target->partitions, 1);
    pthread_mutex_lock(&mover->lock);
    list_remove(&move->node);
    pthread_mutex_unlock(&mover->lock);
    log_free(move->log);
    buf_close(&move->bytes);
    partition_release(move->part);
    free(move);
}

void move_disown(struct move *move)
{
    pthread_mutex_lock(&move->target->checkpoints_lock);
    if (!atomic_exchange(&move->cancelled, true))
        dir_checkpoints_forget_locked(move->target, view_str(move->part->topic), move->part->index);
    pthread_mutex_unlock(&move->target->checkpoints_lock);
}

/* --- the mover ---------------------------------------------------------------------------------------- */

struct mover *mover_new(struct replica_manager *manager)
{
    struct mover *mover = MEM_NEW(struct mover);
    pthread_condattr_t monotonic;
    mover->manager = manager;
    list_init(&mover->moves);
    list_init(&mover->found);
    pthread_mutex_init(&mover->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&mover->stop_asked, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return mover;
}

static void found_free(struct move_found *found)
{
    free(found->name);
    free(found->topic);
    free(found);
}

void mover_free(struct mover *mover)
{
    struct list *node;
    if (!mover)
        return;
    while ((node = list_pop_front(&mover->found)))
        found_free(CONTAINER_OF(node, struct move_found, node));
    workers_free(mover->pool);
    map_close(&mover->wishes);
    pthread_cond_destroy(&mover->stop_asked);
    pthread_mutex_destroy(&mover->lock);
    free(mover);
}

bool mover_is_stopping(struct mover *mover)
{
    pthread_mutex_lock(&mover->lock);
    bool stopping = mover->stopping;
    pthread_mutex_unlock(&mover->lock);
    return stopping;
}

void mover_nap(struct mover *mover)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += NAP_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&mover->lock);
    while (!mover->stopping && pthread_cond_timedwait(&mover->stop_asked, &mover->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&mover->lock);
}

struct uuid mover_random_id(struct mover *mover)
{
    struct uuid id;
    uint8_t bytes[16];
    do
        random_fill(mover->manager->broker->random, bytes, sizeof bytes);
    while (!uuid_from_random(bytes, &id));
    return id;
}

void mover_stop(struct mover *mover)
{
    pthread_mutex_lock(&mover->lock);
    mover->stopping = true;
    pthread_cond_broadcast(&mover->stop_asked);
    pthread_mutex_unlock(&mover->lock);
    if (mover->pool)
        workers_stop(mover->pool);
}

void mover_close(struct mover *mover)
{
    struct list *node;
    while (!list_is_empty(&mover->moves)) {
        node = mover->moves.next;
        struct move *move = CONTAINER_OF(node, struct move, node);
        if (atomic_load(&move->cancelled))
            move_drop(move);
        else
            move_leave(move);
        move_end(move);
    }
}

/* --- requests ------------------------------------------------------------------------------------------ */

static struct view key_of(uint8_t key[PARTITION_KEY_MAX], const struct partition *part)
{
    return partition_key(key, view_str(part->topic), part->index);
}

struct log_dir_state *mover_take_wish(struct mover *mover, const struct partition *part)
{
    uint8_t key[PARTITION_KEY_MAX];
    struct log_dir_state *dir = map_remove(&mover->wishes, key_of(key, part));
    return dir && !log_dir_is_offline(&dir->dir) ? dir : NULL;
}

struct place {
    bool there;
    struct log_dir_state *dir;
    struct log_dir_state *target; /* of a move */
};

static void see_place(struct partition *part, void *arg)
{
    struct place *place = arg;
    place->there = part->log && !part->deleted;
    place->dir = part->dir;
    place->target = part->move ? part->move->target : NULL;
}

/* The topic's name leaves no room for what a future directory is called. */
static bool name_is_too_long(struct mover *mover, struct view topic, int32_t index)
{
    char *name = partition_dir_format(topic, index, PARTITION_DIR_FUTURE, mover_random_id(mover));
    bool too_long = name == NULL;
    free(name);
    return too_long;
}

/* There is no such replica: it is made there if it ever is. */
static enum err wish(struct mover *mover, struct view topic, int32_t index, struct log_dir_state *target)
{
    uint8_t key[PARTITION_KEY_MAX];
    map_put(&mover->wishes, partition_key(key, topic, index), target);
    bool elsewhere =
        metadata_partition(metadata_cache_get(mover->manager->broker->metadata), topic, index) != NULL;
    return elsewhere ? ERR_REPLICA_NOT_AVAILABLE : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

/* True when a move is to begin. */
static bool judge(struct mover *mover, struct partition *part, struct log_dir_state *target, enum err *err)
{
    struct place place = {0};
    partition_call(part, see_place, &place);
    *err = place.there ? ERR_NONE : ERR_KAFKA_STORAGE_ERROR;
    if (!place.there)
        return false;
    if (place.target && place.target != target)
        mover_cancel(mover, part);
    if (place.dir == target || place.target == target)
        return false;
    /* The partition may be on the offline one, too: a second future directory must not come of it. */
    if (log_dirs_any_offline(&mover->manager->dirs) || !mover->pool)
        *err = ERR_KAFKA_STORAGE_ERROR;
    return *err == ERR_NONE;
}

/* A disk that fails or hangs: nothing is asked of it here, jobs wait for this one. */
static bool is_out_of_order(struct log_dir_state *dir)
{
    return log_dir_is_offline(&dir->dir) || log_dir_state_hangs(dir);
}

/* True when a move is to begin: `birth` is filled in, its partition shared. */
static bool take_request(struct mover *mover, struct mover_request *request, struct move_birth *birth)
{
    struct log_dir_state *target = log_dirs_find(&mover->manager->dirs, request->path);
    if (name_is_too_long(mover, request->topic, request->index))
        request->err = ERR_INVALID_TOPIC_EXCEPTION;
    else if (!target)
        request->err = ERR_LOG_DIR_NOT_FOUND;
    else
        request->err = is_out_of_order(target) ? ERR_KAFKA_STORAGE_ERROR : ERR_NONE;
    if (request->err != ERR_NONE)
        return false;
    struct partition *part = replica_manager_find_shared(mover->manager, request->topic, request->index);
    if (!part) {
        request->err = wish(mover, request->topic, request->index, target);
        return false;
    }
    if (is_out_of_order(part->dir)) {
        request->err = ERR_KAFKA_STORAGE_ERROR;
    } else if (judge(mover, part, target, &request->err)) {
        *birth = (struct move_birth){.part = part, .target = target};
        return true;
    }
    partition_release(part);
    return false;
}

void mover_request(struct mover *mover, struct mover_request *requests, int32_t count)
{
    struct move_birth *births = mem_zalloc(sizeof *births * ((size_t)count + 1));
    int32_t *of = mem_zalloc(sizeof *of * ((size_t)count + 1));
    int births_count = 0;
    for (int32_t i = 0; i < count; i++)
        if (take_request(mover, &requests[i], &births[births_count]))
            of[births_count++] = i;
    move_create(mover, births, births_count);
    for (int i = 0; i < births_count; i++) {
        requests[of[i]].err = births[i].err;
        partition_release(births[i].part);
    }
    free(of);
    free(births);
}

static void give_up(struct partition *part, void *arg)
{
    struct move **out = arg;
    *out = part->move;
    part->move = NULL;
    /* From here on it may end, and be freed, at any time. */
    if (*out) {
        log_info("mover", "move_cancelled", "partition=%s to=%s", part->name, (*out)->target->dir.path);
        move_disown(*out);
    }
}

void mover_cancel(struct mover *mover, struct partition *part)
{
    struct move *move = NULL;
    (void)mover;
    partition_call(part, give_up, &move);
}

struct mover_progress mover_progress(const struct partition *part)
{
    const struct move *move = part->move;
    if (!move)
        return (struct mover_progress){0};
    return (struct mover_progress){move->target, atomic_load(&move->size_bytes),
                                   atomic_load(&move->end_offset)};
}

int64_t mover_max_lag(struct mover *mover)
{
    int64_t max = 0;
    pthread_mutex_lock(&mover->lock);
    LIST_EACH (node, &mover->moves) {
        int64_t lag = atomic_load(&CONTAINER_OF(node, struct move, node)->lag);
        max = lag > max ? lag : max;
    }
    pthread_mutex_unlock(&mover->lock);
    return max;
}
