#include "core/cleaner/cleaner_rate.h"

static void pay(struct cleaner_rate *rate, int64_t now_ms)
{
    if (now_ms > rate->at_ms) {
        double paid = rate->bytes_per_s * ((double)(now_ms - rate->at_ms) / 1000);
        rate->debt_bytes = rate->debt_bytes > paid ? rate->debt_bytes - paid : 0;
    }
    rate->at_ms = now_ms;
}

void cleaner_rate_record(struct cleaner_rate *rate, int64_t bytes, int64_t now_ms)
{
    pay(rate, now_ms);
    rate->debt_bytes += (double)bytes;
}

bool cleaner_rate_is_exceeded(struct cleaner_rate *rate, int64_t now_ms)
{
    pay(rate, now_ms);
    return rate->debt_bytes > rate->bytes_per_s * ((double)CLEANER_RATE_SLACK_MS / 1000);
}
