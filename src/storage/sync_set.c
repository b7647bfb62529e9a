#include "storage/sync_set.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void sync_set_close(struct sync_set *set)
{
    for (int i = 0; i < set->files_count; i++)
        disk_file_release(set->files[i]);
    for (int i = 0; i < set->dirs_count; i++)
        free(set->dirs[i]);
    free(set->files);
    free(set->dirs);
    *set = (struct sync_set){0};
}

/* Room for one more item of an array. */
static void *grow(void *items, int count, int *cap, size_t item_bytes)
{
    if (count < *cap)
        return items;
    *cap = *cap ? 2 * *cap : 8;
    return mem_resize(items, (size_t)*cap * item_bytes);
}

void sync_set_file(struct sync_set *set, struct disk_file *file)
{
    set->files = grow(set->files, set->files_count, &set->files_cap, sizeof(struct disk_file *));
    set->files[set->files_count++] = file;
}

void sync_set_dir(struct sync_set *set, const char *path)
{
    if (set->dirs_count > 0 && strcmp(set->dirs[set->dirs_count - 1], path) == 0)
        return;
    set->dirs = grow(set->dirs, set->dirs_count, &set->dirs_cap, sizeof(char *));
    set->dirs[set->dirs_count++] = mem_strdup(path);
}

/* --- the run ----------------------------------------------------------------------------------------- */

struct run {
    const struct sync_set *set;
    struct disk *disk;
    atomic_int next; /* item to be taken: first the files, then the directories */
    atomic_bool failed;
    pthread_mutex_t lock;
    enum err err; /* the first one; under the lock, as is why */
    struct errmsg why;
};

static enum err sync_item(const struct run *run, int i, struct errmsg *why)
{
    const struct sync_set *set = run->set;
    if (i < set->files_count)
        return DISK_FILE(set->files[i], sync, why);
    return DISK(run->disk, sync_dir, set->dirs[i - set->files_count], why);
}

static void note_failure(struct run *run, enum err err, const struct errmsg *why)
{
    pthread_mutex_lock(&run->lock);
    if (run->err == ERR_NONE) {
        run->err = err;
        run->why = *why;
    }
    pthread_mutex_unlock(&run->lock);
    atomic_store(&run->failed, true);
}

static void *sync_items(void *arg)
{
    struct run *run = arg;
    const int count = run->set->files_count + run->set->dirs_count;
    int i;
    while (!atomic_load(&run->failed) && (i = atomic_fetch_add(&run->next, 1)) < count) {
        struct errmsg why;
        enum err err = sync_item(run, i, &why);
        if (err != ERR_NONE)
            note_failure(run, err, &why);
    }
    return NULL;
}

static int threads_for(int count)
{
    int threads = count / SYNC_SET_EACH;
    return threads > SYNC_SET_THREADS ? SYNC_SET_THREADS : threads;
}

enum err sync_set_run(struct sync_set *set, struct disk *disk, struct errmsg *why)
{
    struct run run = {.set = set, .disk = disk, .err = ERR_NONE};
    pthread_mutex_init(&run.lock, NULL);
    /* All are on their way to the disk before the first is waited for. */
    for (int i = 0; i < set->files_count; i++)
        DISK_FILE(set->files[i], start_writeback, 0, INT64_MAX);
    pthread_t helpers[SYNC_SET_THREADS];
    int helpers_count = 0;
    /* This thread is one of them. Where no other can be had it does all of it. */
    const int wanted = threads_for(set->files_count + set->dirs_count) - 1;
    while (helpers_count < wanted && pthread_create(&helpers[helpers_count], NULL, sync_items, &run) == 0)
        helpers_count++;
    sync_items(&run);
    for (int i = 0; i < helpers_count; i++)
        pthread_join(helpers[i], NULL);
    pthread_mutex_destroy(&run.lock);
    sync_set_close(set);
    if (run.err != ERR_NONE && why)
        *why = run.why;
    return run.err;
}
