#include "server/identity.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/identity/cluster_setup.h"
#include "storage/meta_properties.h"

static enum err choose_id(struct broker *broker, const struct config *config, struct zk_sync *sync,
                          const struct meta_dirs *metas, struct errmsg *why)
{
    int32_t configured = config_broker_id(config);
    if (configured >= 0) {
        broker->id = configured;
        return ERR_NONE;
    }
    if (meta_dirs_broker_id(metas, &broker->id))
        return ERR_NONE;
    if (!config_bool(config, CONFIG_BROKER_ID_GENERATION_ENABLE)) {
        errmsg_set(why, "broker.id is not set and broker.id.generation.enable is false; set broker.id");
        return ERR_INVALID_ARGUMENT;
    }
    return cluster_setup_broker_id(sync, config_int(config, CONFIG_RESERVED_BROKER_MAX_ID), &broker->id, why);
}

/* A directory whose file cannot be read or written is offline; the broker goes on with the others. */
static void fail_unreadable(struct log_dirs *dirs, const struct meta_dirs *metas,
                            struct log_dir_state **states)
{
    (void)dirs;
    for (size_t i = 0; i < metas->count; i++)
        if (metas->items[i].kind == META_DIR_UNREADABLE)
            log_dir_state_fail(states[i], ERR_KAFKA_STORAGE_ERROR, &metas->items[i].why);
}

enum err identity_find(struct broker *broker, const struct config *config, struct zk_sync *sync,
                       struct log_dirs *dirs, struct errmsg *why)
{
    const char **paths = mem_zalloc(sizeof *paths * (size_t)dirs->count);
    struct log_dir_state **states = mem_zalloc(sizeof(*states) * (size_t)dirs->count);
    size_t live = 0;
    for (int i = 0; i < dirs->count; i++) {
        if (log_dir_is_offline(&dirs->items[i]->dir))
            continue;
        states[live] = dirs->items[i];
        paths[live++] = dirs->items[i]->dir.path;
    }
    struct meta_dirs metas;
    meta_dirs_load(&metas, broker->disk, paths, live);
    fail_unreadable(dirs, &metas, states);
    enum err err = meta_dirs_verify(&metas, broker->cluster_id, config_broker_id(config), why);
    if (err == ERR_NONE)
        err = choose_id(broker, config, sync, &metas, why);
    if (err == ERR_NONE) {
        meta_dirs_write(&metas, broker->disk, broker->cluster_id, broker->id, clock_wall_ms(broker->clock));
        fail_unreadable(dirs, &metas, states);
    }
    meta_dirs_close(&metas);
    free(states);
    free(paths);
    return err;
}
