#include "sim/recovery.h"

#include <stdlib.h>

#include "storage/log_load.h"

static int64_t checkpointed(const struct log_dir *dir, enum log_dir_checkpoint kind,
                            const struct partition_dir_name *name)
{
    int64_t offset = 0;
    offset_map_get(&dir->checkpoints[kind], name->topic, name->partition, &offset);
    return offset;
}

static enum err load(const struct sim *sim, struct log_dir *dir, const struct log_dir_found *found,
                     struct errmsg *why)
{
    char *path = log_dir_join(dir, found->name);
    struct log_settings settings =
        node_log_settings(sim, sim_part_find(sim, (const char *)found->parsed.topic.ptr,
                                             found->parsed.topic.len, found->parsed.partition));
    struct log_load_args args = {.disk = dir->disk,
                                 .dir = path,
                                 .settings = &settings,
                                 .recovery_point = checkpointed(dir, LOG_DIR_RECOVERY_POINT, &found->parsed),
                                 .log_start_offset = checkpointed(dir, LOG_DIR_LOG_START, &found->parsed),
                                 .now_ms = sim_now_ms(sim),
                                 .seed = 1,
                                 .power_lost = true};
    struct log *log = NULL;
    enum err err = log_load(&args, &log, NULL, why);
    log_free(log);
    free(path);
    return err;
}

static enum err recover(const struct sim *sim, struct crash_disk *disk, struct errmsg *why)
{
    struct log_dir dir;
    struct log_dir_found *found = NULL;
    size_t count = 0;
    log_dir_init(&dir, crash_disk_port(disk), NODE_DIR);
    enum err err = log_dir_open(&dir, why);
    for (int kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT && err == ERR_NONE; kind++)
        err = log_dir_load_checkpoint(&dir, (enum log_dir_checkpoint)kind, why);
    if (err == ERR_NONE)
        err = log_dir_scan(&dir, &found, &count, why);
    for (size_t i = 0; i < count && err == ERR_NONE; i++)
        if (found[i].parsed.kind == PARTITION_DIR_CURRENT)
            err = load(sim, &dir, &found[i], why);
    log_dir_found_free(found, count);
    log_dir_close(&dir);
    return err;
}

void recovery_check(struct sim *sim, const struct broker_node *node)
{
    struct errmsg why = {""};
    struct crash_disk *once = crash_disk_clone(node->disk);
    enum err err = recover(sim, once, &why);
    struct crash_disk *twice = crash_disk_clone(once);
    if (err == ERR_NONE)
        err = recover(sim, twice, &why);
    if (err != ERR_NONE)
        sim_fail(sim, "I13", "%d cannot recover its logs: %s", node->id, why.text);
    else if (!crash_disk_equal(once, twice, &why))
        sim_fail(sim, "I13", "%d finds something else when it recovers again: %s", node->id, why.text);
    crash_disk_free(once);
    crash_disk_free(twice);
}
