#include "core/quota/quota.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

void quota_init(struct quota *quota, int32_t count, int64_t window_ms)
{
    ASSERT(count >= 1 && window_ms >= 1);
    *quota = (struct quota){.limit = QUOTA_UNLIMITED, .window_ms = window_ms, .count = count};
    quota->samples = mem_zalloc(sizeof *quota->samples * ((size_t)count + 1));
}

void quota_close(struct quota *quota)
{
    free(quota->samples);
    quota->samples = NULL;
}

static struct quota_sample *begin_sample(struct quota *quota, int32_t at, int64_t now_ms)
{
    quota->samples[at] = (struct quota_sample){.start_ms = now_ms, .last_ms = now_ms};
    return &quota->samples[at];
}

/* The sample of now; the oldest one gives its place when all are taken. */
static struct quota_sample *current_sample(struct quota *quota, int64_t now_ms)
{
    if (quota->used == 0) {
        quota->used = 1;
        quota->current = 0;
        return begin_sample(quota, 0, now_ms);
    }
    struct quota_sample *sample = &quota->samples[quota->current];
    if (now_ms - sample->start_ms < quota->window_ms)
        return sample;
    quota->current = (quota->current + 1) % (quota->count + 1);
    if (quota->current >= quota->used)
        quota->used = quota->current + 1;
    return begin_sample(quota, quota->current, now_ms);
}

void quota_record(struct quota *quota, int64_t amount, int64_t now_ms)
{
    struct quota_sample *sample = current_sample(quota, now_ms);
    sample->amount += amount;
    sample->last_ms = now_ms;
}

/* A sample whose last event is so long ago counts as one that begins now. */
static void drop_old_samples(struct quota *quota, int64_t now_ms)
{
    for (int32_t i = 0; i < quota->used; i++)
        if (now_ms - quota->samples[i].last_ms >= quota->count * quota->window_ms)
            begin_sample(quota, i, now_ms);
}

double quota_rate(struct quota *quota, int64_t now_ms)
{
    drop_old_samples(quota, now_ms);
    int64_t sum = 0;
    int64_t oldest_ms = now_ms;
    for (int32_t i = 0; i < quota->used; i++) {
        sum += quota->samples[i].amount;
        if (quota->samples[i].start_ms < oldest_ms)
            oldest_ms = quota->samples[i].start_ms;
    }
    int64_t elapsed_ms = now_ms - oldest_ms;
    if (elapsed_ms < quota->window_ms)
        elapsed_ms = quota->window_ms;
    return (double)sum * 1000 / (double)elapsed_ms;
}

bool quota_is_exceeded(struct quota *quota, int64_t now_ms)
{
    return quota->limit != QUOTA_UNLIMITED && quota_rate(quota, now_ms) > (double)quota->limit;
}
