#include "storage/clean_shutdown.h"

#include <stdlib.h>

#include "base/buf.h"
#include "storage/atomic_file.h"

enum err clean_shutdown_take(struct disk *disk, const char *dir, bool *was_clean, struct errmsg *why)
{
    char *path = atomic_file_join(dir, CLEAN_SHUTDOWN_FILE_NAME);
    struct disk_stat stat;
    *was_clean = false;
    enum err err = DISK(disk, stat, path, &stat, why);
    bool found = !err;
    if (err == ERR_NOT_FOUND)
        err = ERR_NONE;
    if (found)
        err = DISK(disk, unlink, path, why);
    if (found && !err)
        err = DISK(disk, sync_dir, dir, why);
    *was_clean = found && !err;
    if (err)
        errmsg_prefix(why, "take %s", path);
    free(path);
    return err;
}

enum err clean_shutdown_write(struct disk *disk, const char *dir, int64_t broker_epoch, struct errmsg *why)
{
    char *path = atomic_file_join(dir, CLEAN_SHUTDOWN_FILE_NAME);
    struct buf text = {0};
    buf_printf(&text, "{\"version\":0,\"brokerEpoch\":%lld}", (long long)broker_epoch);
    enum err err = atomic_file_write(disk, path, buf_view(&text), why);
    buf_close(&text);
    free(path);
    return err;
}
