#include "service/replica/dir_checkpoints.h"

bool dir_checkpoints_get(struct log_dir_state *dir, enum log_dir_checkpoint kind, struct view topic,
                         int32_t index, int64_t *offset)
{
    pthread_mutex_lock(&dir->checkpoints_lock);
    bool there = offset_map_get(&dir->dir.checkpoints[kind], topic, index, offset);
    pthread_mutex_unlock(&dir->checkpoints_lock);
    return there;
}

void dir_checkpoints_put(struct log_dir_state *dir, enum log_dir_checkpoint kind, struct view topic,
                         int32_t index, int64_t offset)
{
    pthread_mutex_lock(&dir->checkpoints_lock);
    offset_map_put(&dir->dir.checkpoints[kind], topic, index, offset);
    pthread_mutex_unlock(&dir->checkpoints_lock);
}

unsigned dir_checkpoints_forget_locked(struct log_dir_state *dir, struct view topic, int32_t index)
{
    unsigned had = 0;
    for (unsigned kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++)
        if (offset_map_remove(&dir->dir.checkpoints[kind], topic, index))
            had |= 1u << kind;
    dir->forgotten |= had;
    return had;
}

unsigned dir_checkpoints_forget(struct log_dir_state *dir, struct view topic, int32_t index)
{
    pthread_mutex_lock(&dir->checkpoints_lock);
    unsigned had = dir_checkpoints_forget_locked(dir, topic, index);
    pthread_mutex_unlock(&dir->checkpoints_lock);
    return had;
}

/* Under the lock. */
static enum err save(struct log_dir_state *dir, unsigned kinds, struct errmsg *why)
{
    enum err err = kinds ? log_dir_save_checkpoints(&dir->dir, kinds, why) : ERR_NONE;
    if (err == ERR_NONE)
        dir->forgotten &= ~kinds;
    return err;
}

enum err dir_checkpoints_save_forgotten(struct log_dir_state *dir, struct errmsg *why)
{
    pthread_mutex_lock(&dir->checkpoints_lock);
    enum err err = save(dir, dir->forgotten, why);
    pthread_mutex_unlock(&dir->checkpoints_lock);
    return err;
}

enum err dir_checkpoints_lower(struct log_dir_state *dir, struct view topic, int32_t index, int64_t offset,
                               struct errmsg *why)
{
    unsigned lowered = 0;
    pthread_mutex_lock(&dir->checkpoints_lock);
    for (unsigned kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++) {
        struct offset_map *map = &dir->dir.checkpoints[kind];
        int64_t value;
        if (!offset_map_get(map, topic, index, &value) || value <= offset)
            continue;
        offset_map_put(map, topic, index, offset);
        lowered |= 1u << kind;
    }
    enum err err = save(dir, lowered, why);
    pthread_mutex_unlock(&dir->checkpoints_lock);
    return err;
}

enum err dir_checkpoints_save(struct log_dir_state *dir, unsigned kinds, struct errmsg *why)
{
    pthread_mutex_lock(&dir->checkpoints_lock);
    enum err err = save(dir, kinds, why);
    pthread_mutex_unlock(&dir->checkpoints_lock);
    return err;
}

void dir_checkpoints_save_or_fail(struct log_dir_state *dir, unsigned kinds)
{
    struct errmsg why;
    if (!log_dir_is_offline(&dir->dir) && dir_checkpoints_save(dir, kinds, &why) != ERR_NONE)
        log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
}
