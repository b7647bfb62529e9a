#include "cli/reassign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/kafka_text.h"

#define AGAIN_MS 100

/* --- which ------------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    const struct reassign_dir *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    if (order == 0)
        order = (x->partition > y->partition) - (x->partition < y->partition);
    return order ? order : (x->broker > y->broker) - (x->broker < y->broker);
}

struct reassign_dirs reassign_dirs_of(struct arena *arena, const struct reassign_list *moves)
{
    struct reassign_dirs dirs = {0};
    size_t room = 1;
    for (int i = 0; i < moves->count; i++)
        room += (size_t)moves->items[i].replicas.count;
    dirs.items = arena_zalloc(arena, room * sizeof *dirs.items);
    for (int i = 0; i < moves->count; i++) {
        const struct reassign_part *part = &moves->items[i];
        for (int32_t k = 0; part->dirs && k < part->replicas.count; k++)
            if (part->dirs[k])
                dirs.items[dirs.count++] = (struct reassign_dir){.topic = part->topic,
                                                                 .partition = part->partition,
                                                                 .broker = part->replicas.ids[k],
                                                                 .target = part->dirs[k]};
    }
    if (dirs.count)
        qsort(dirs.items, (size_t)dirs.count, sizeof *dirs.items, compare);
    return dirs;
}

bool reassign_dirs_check(const struct reassign_cluster *cluster, const struct reassign_dirs *dirs,
                         struct errmsg *why)
{
    if (dirs->count == 0 || cluster->alter_dirs)
        return true;
    errmsg_set(why,
               "The file names the log directory %.100s for %.100s-%" PRId32
               ": brokers have to be asked for that, use --bootstrap-server",
               dirs->items[0].target, dirs->items[0].topic, dirs->items[0].partition);
    return false;
}

static enum err find(const struct reassign_cluster *cluster, struct arena *arena, struct reassign_dirs *dirs,
                     struct errmsg *why)
{
    if (dirs->count == 0)
        return ERR_NONE;
    if (!reassign_dirs_check(cluster, dirs, why))
        return ERR_INVALID_ARGUMENT;
    return cluster->find_dirs(cluster->session, arena, dirs, why);
}

/* --- begin ------------------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int count_left(const struct reassign_dirs *dirs)
{
    int left = 0;
    for (int i = 0; i < dirs->count; i++)
        left += !dirs->items[i].begun;
    return left;
}

/* False with why for what waiting does not help. */
static bool take_answers(struct reassign_dirs *dirs, struct errmsg *why)
{
    for (int i = 0; i < dirs->count; i++) {
        struct reassign_dir *dir = &dirs->items[i];
        if (dir->begun || dir->error == ERR_REPLICA_NOT_AVAILABLE)
            continue;
        if (dir->error != ERR_NONE) {
            errmsg_set(why, "Failed to alter dir for %.150s-%" PRId32 "-%" PRId32 ": %s", dir->topic,
                       dir->partition, dir->broker, kafka_error_text(dir->error));
            return false;
        }
        dir->begun = true;
        printf("Successfully started moving log directory to %s for replica %s-%" PRId32
               " with broker %" PRId32 " \n",
               dir->target, dir->topic, dir->partition, dir->broker);
    }
    return true;
}

static enum err time_is_over(struct arena *arena, const struct reassign_dirs *dirs, struct errmsg *why)
{
    const char *names = "";
    for (int i = 0; i < dirs->count; i++)
        if (!dirs->items[i].begun)
            names = arena_printf(arena, "%s%s%s-%" PRId32 "-%" PRId32, names, *names ? "," : "",
                                 dirs->items[i].topic, dirs->items[i].partition, dirs->items[i].broker);
    errmsg_set(why, "Timed out before log directory move%s could be started for: %.200s",
               count_left(dirs) == 1 ? "" : "s", names);
    return ERR_REQUEST_TIMED_OUT;
}

enum err reassign_dirs_begin(const struct reassign_cluster *cluster, struct arena *arena,
                             struct reassign_dirs *dirs, int64_t timeout_ms, struct errmsg *why)
{
    int64_t begun_ms = now_ms();
    enum err err = ERR_NONE;
    while (err == ERR_NONE && count_left(dirs) > 0) {
        err = cluster->alter_dirs(cluster->session, arena, dirs, why);
        if (err == ERR_NONE && !take_answers(dirs, why))
            return ERR_INVALID_REQUEST;
        if (err != ERR_NONE || count_left(dirs) == 0)
            break;
        if (now_ms() - begun_ms >= timeout_ms)
            return time_is_over(arena, dirs, why);
        fflush(stdout);
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
    }
    return err;
}

/* --- verify, cancel --------------------------------------------------------------------------------- */

static void print_state(const struct reassign_dir *dir)
{
    if (!dir->current && !dir->future)
        printf("Partition %s-%" PRId32 " is not found in any live log dir on broker %" PRId32
               ". There is likely an offline log directory on the broker.\n",
               dir->topic, dir->partition, dir->broker);
    else if (!dir->current)
        printf("Partition %s-%" PRId32 " cannot be found in any live log directory on broker %" PRId32 ".\n",
               dir->topic, dir->partition, dir->broker);
    else if (dir->future && strcmp(dir->future, dir->target) == 0)
        printf("Reassignment of replica %s-%" PRId32 "-%" PRId32 " is still in progress.\n", dir->topic,
               dir->partition, dir->broker);
    else if (dir->future)
        printf("Partition %s-%" PRId32 " on broker %" PRId32 " is being moved to log dir %s instead of %s.\n",
               dir->topic, dir->partition, dir->broker, dir->future, dir->target);
    else if (strcmp(dir->current, dir->target) == 0)
        printf("Reassignment of replica %s-%" PRId32 "-%" PRId32 " completed successfully.\n", dir->topic,
               dir->partition, dir->broker);
    else
        printf("Partition %s-%" PRId32 " on broker %" PRId32 " is not being moved from log dir %s to %s.\n",
               dir->topic, dir->partition, dir->broker, dir->current, dir->target);
}

enum err reassign_dirs_verify(const struct reassign_cluster *cluster, struct arena *arena,
                              struct reassign_dirs *dirs, bool *moving, struct errmsg *why)
{
    *moving = false;
    enum err err = find(cluster, arena, dirs, why);
    if (err != ERR_NONE)
        return err;
    if (dirs->count == 0)
        putchar('\n');
    for (int i = 0; i < dirs->count; i++) {
        print_state(&dirs->items[i]);
        *moving |= !dirs->items[i].current || dirs->items[i].future;
    }
    return ERR_NONE;
}

enum err reassign_dirs_cancel(const struct reassign_cluster *cluster, struct arena *arena,
                              struct reassign_dirs *dirs, int64_t timeout_ms, struct errmsg *why)
{
    struct reassign_dirs back = {.items = dirs->items};
    enum err err = find(cluster, arena, dirs, why);
    for (int i = 0; err == ERR_NONE && i < dirs->count; i++) {
        struct reassign_dir dir = dirs->items[i];
        if (!dir.current || !dir.future)
            continue;
        dir.target = dir.current;
        back.items[back.count++] = dir;
    }
    if (err == ERR_NONE && back.count == 0)
        fputs("None of the specified partition moves are active.",
              stdout); /* without an end of line, as there */
    return err == ERR_NONE ? reassign_dirs_begin(cluster, arena, &back, timeout_ms, why) : err;
}
