#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FIRST_AFTER_MS 2000
#define AGAIN_AFTER_MS 500
#define NS_PER_MS      1000000L
#define MS_PER_S       1000L

/* Back to the first column and wipe the line. */
#define WIPE "\r\033[K"

static void print_line(struct progress *progress, int64_t elapsed_ms)
{
    int64_t done = atomic_load_explicit(&progress->done, memory_order_relaxed);
    fprintf(stderr, WIPE "%s: %" PRId64 " s", progress->label, elapsed_ms / MS_PER_S);
    if (progress->unit != NULL && progress->total > 0)
        fprintf(stderr, ", %" PRId64 " of %" PRId64 " %s (%" PRId64 " %%)", done, progress->total,
                progress->unit, done * 100 / progress->total);
    else if (progress->unit != NULL)
        fprintf(stderr, ", %" PRId64 " %s", done, progress->unit);
    fflush(stderr);
}

static void deadline_after(struct timespec *at, int64_t ms)
{
    at->tv_sec += ms / MS_PER_S;
    at->tv_nsec += (ms % MS_PER_S) * NS_PER_MS;
    if (at->tv_nsec >= MS_PER_S * NS_PER_MS) {
        at->tv_nsec -= MS_PER_S * NS_PER_MS;
        at->tv_sec++;
    }
}

static void *run(void *arg)
{
    struct progress *progress = arg;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t elapsed_ms = 0;
    int64_t wait_ms = FIRST_AFTER_MS;
    pthread_mutex_lock(&progress->lock);
    while (!progress->stop) {
        deadline_after(&at, wait_ms);
        elapsed_ms += wait_ms;
        wait_ms = AGAIN_AFTER_MS;
        int rc = 0;
        while (!progress->stop && rc == 0)
            rc = pthread_cond_timedwait(&progress->wake, &progress->lock, &at);
        if (!progress->stop)
            print_line(progress, elapsed_ms);
    }
    pthread_mutex_unlock(&progress->lock);
    if (elapsed_ms > FIRST_AFTER_MS)
        fputs(WIPE, stderr);
    return NULL;
}

void progress_start(struct progress *progress, const char *label, const char *unit, int64_t total)
{
    *progress = (struct progress){.label = label, .unit = unit, .total = total};
    if (!isatty(STDERR_FILENO))
        return;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&progress->lock, NULL);
    pthread_cond_init(&progress->wake, &attr);
    pthread_condattr_destroy(&attr);
    progress->running = pthread_create(&progress->thread, NULL, run, progress) == 0;
}

void progress_stop(struct progress *progress)
{
    if (!progress->running)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->stop = true;
    pthread_cond_signal(&progress->wake);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);
    pthread_mutex_destroy(&progress->lock);
    pthread_cond_destroy(&progress->wake);
    progress->running = false;
}
