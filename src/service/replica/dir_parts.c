#include "service/replica/dir_parts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "service/replica/log_dirs.h"

/* How often whoever waits looks whether a directory hangs. */
#define LOOK_MS 100

struct dir_part {
    struct work work;
    struct dir_parts *parts;
    struct log_dir_state *dir;
    bool wanted;
    bool ended;    /* under the lock */
    bool given_up; /* under the lock */
};

struct dir_parts {
    struct log_dirs *dirs;
    void *subject;
    void (*run)(struct dir_parts *parts, struct log_dir_state *dir);
    void (*free_subject)(void *subject);
    _Atomic int users; /* whoever ordered it, and parts on their way */
    pthread_mutex_t lock;
    pthread_cond_t one_ended;
    struct dir_part items[];
};

struct dir_parts *dir_parts_new(struct log_dirs *dirs, void *subject,
                                void (*run)(struct dir_parts *parts, struct log_dir_state *dir),
                                void (*free_subject)(void *subject))
{
    struct dir_parts *parts = mem_zalloc(sizeof *parts + sizeof parts->items[0] * (size_t)dirs->count);
    parts->dirs = dirs;
    parts->subject = subject;
    parts->run = run;
    parts->free_subject = free_subject;
    atomic_init(&parts->users, 1);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&parts->lock, NULL);
    pthread_cond_init(&parts->one_ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (int i = 0; i < dirs->count; i++) {
        parts->items[i].parts = parts;
        parts->items[i].dir = dirs->items[i];
    }
    return parts;
}

void *dir_parts_subject(struct dir_parts *parts)
{
    return parts->subject;
}

void dir_parts_release(struct dir_parts *parts)
{
    if (atomic_fetch_sub(&parts->users, 1) != 1)
        return;
    parts->free_subject(parts->subject);
    pthread_cond_destroy(&parts->one_ended);
    pthread_mutex_destroy(&parts->lock);
    free(parts);
}

static struct dir_part *part_of(struct dir_parts *parts, const struct log_dir_state *dir)
{
    for (int i = 0; i < parts->dirs->count; i++)
        if (parts->items[i].dir == dir)
            return &parts->items[i];
    UNREACHABLE();
}

void dir_parts_want(struct dir_parts *parts, struct log_dir_state *dir)
{
    part_of(parts, dir)->wanted = true;
}

static bool read_flag(struct dir_parts *parts, const bool *flag)
{
    pthread_mutex_lock(&parts->lock);
    bool value = *flag;
    pthread_mutex_unlock(&parts->lock);
    return value;
}

bool dir_parts_has_ended(struct dir_parts *parts, const struct log_dir_state *dir)
{
    return read_flag(parts, &part_of(parts, dir)->ended);
}

bool dir_parts_is_given_up(struct dir_parts *parts, const struct log_dir_state *dir)
{
    return read_flag(parts, &part_of(parts, dir)->given_up);
}

bool dir_parts_any(const struct log_dir_state *dir)
{
    return atomic_load(&dir->parts) > 0;
}

/* --- running ----------------------------------------------------------------------------------------- */

static void part_run(struct work *work)
{
    struct dir_part *part = CONTAINER_OF(work, struct dir_part, work);
    part->parts->run(part->parts, part->dir);
}

static void part_done(struct work *work, bool discard)
{
    struct dir_part *part = CONTAINER_OF(work, struct dir_part, work);
    struct dir_parts *parts = part->parts;
    if (discard) /* the threads are stopping: whoever ordered it may wait for the disk */
        part_run(work);
    pthread_mutex_lock(&parts->lock);
    part->ended = true;
    pthread_cond_signal(&parts->one_ended);
    atomic_fetch_sub(&part->dir->parts, 1);
    pthread_mutex_unlock(&parts->lock);
    dir_parts_release(parts);
}

static void begin(struct dir_part *part)
{
    if (log_dir_state_hangs(part->dir)) {
        part->given_up = true;
        return;
    }
    atomic_fetch_add(&part->parts->users, 1);
    atomic_fetch_add(&part->dir->parts, 1);
    part->work = (struct work){.run = part_run, .done = part_done, .label = "dir_part"};
    if (part->dir->control) {
        workers_submit(part->dir->control, &part->work);
    } else {
        part_run(&part->work);
        part_done(&part->work, false);
    }
}

/* Under the lock, which is let go meanwhile. */
static void wait_a_moment(struct dir_parts *parts)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&parts->one_ended, &parts->lock, &until);
}

static void await(struct dir_part *part)
{
    struct dir_parts *parts = part->parts;
    pthread_mutex_lock(&parts->lock);
    while (!part->ended && !part->given_up) {
        wait_a_moment(parts);
        part->given_up = !part->ended && log_dir_state_hangs(part->dir);
    }
    pthread_mutex_unlock(&parts->lock);
}

void dir_parts_run(struct dir_parts *parts)
{
    for (int i = 0; i < parts->dirs->count; i++)
        if (parts->items[i].wanted)
            begin(&parts->items[i]);
    for (int i = 0; i < parts->dirs->count; i++)
        if (parts->items[i].wanted)
            await(&parts->items[i]);
}
