/*
 * The text that Prometheus reads (exposition format 0.0.4): metrics are put into it one after
 * the other, all series of one together.
 *
 * Ownership: borrows the buffer.
 * Runs on: whoever owns it, one at a time for the same metrics.
 */
#ifndef BARNABAS_METRICS_EXPOSITION_H
#define BARNABAS_METRICS_EXPOSITION_H

#include "base/buf.h"
#include "base/histogram.h"
#include "metrics/metrics.h"

/* Quantiles are of the last two and a half to five minutes, if someone asks that often. */
#define METRICS_WINDOW_MS (150 * 1000)

struct metrics_text {
    struct buf *out;
    const char *family; /* whose series are being written */
};

/*
 * One series of a metric that is GATHERED. `labels`: values for the metric's labels, in order; NULL when it
 * has none. `value` in the unit it is kept in.
 */
void metrics_put(struct metrics_text *text, enum metric id, const char *const *labels, int64_t value);
/* The same where the number is no whole one. */
void metrics_put_real(struct metrics_text *text, enum metric id, const char *const *labels, double value);
/*
 * A SUMMARY that is GATHERED. `*window` belongs to the series: NULL at first, then kept by the caller until
 * it frees it.
 */
struct metrics_window;
void metrics_put_summary(struct metrics_text *text, enum metric id, const char *const *labels,
                         const struct histogram *histogram, struct metrics_window **window, int64_t now_ms);

/* Everything that is not GATHERED. `now_ms` is monotonic. */
void metrics_put_counted(struct metrics_text *text, struct metrics *metrics, int64_t now_ms);

#endif
