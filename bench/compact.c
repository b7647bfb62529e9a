/*
 * Compaction of one log, measured: makes a log of records with random keys in DIR/c-0 and compacts it once.
 *
 *   compact DIR [--bytes N] [--record N] [--batch N] [--superseded PERCENT] [--codec NAME]
 *           [--segment N] [--map N] [--io N] [--keep] [--only-build] [--only-compact]
 *
 * Prints a line for the map and one for the write with the swaps: wall and processor time, bytes; then the
 * peak of memory (without what making the log took). --only-build leaves the log for another broker to
 * compact, --only-compact takes one that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/prng.h"
#include "disk/posix.h"
#include "storage/compact/compact.h"
#include "storage/log_dir.h"
#include "storage/log_flush.h"
#include "storage/log_load.h"
#include "wire/record_builder.h"
#include "wire/record_validate.h"

struct options {
    const char *dir;
    int64_t bytes;
    int64_t record_bytes;
    int64_t batch_bytes;
    int64_t superseded_pct;
    int64_t segment_bytes;
    int64_t map_bytes;
    int64_t io_bytes;
    enum codec codec;
    bool keep;
    bool only_build;
    bool only_compact;
};

static struct errmsg why;

static void must(enum err err, const char *what)
{
    if (!err)
        return;
    fprintf(stderr, "compact: %s: %s: %s\n", what, err_name(err), why.text);
    exit(EXIT_FAILURE);
}

/* --- options ------------------------------------------------------------------------------------------ */

static enum codec codec_of(const char *name)
{
    for (int i = 0; i < CODEC_COUNT; i++)
        if (strcmp(codec_name(i), name) == 0)
            return (enum codec)i;
    fprintf(stderr, "compact: no codec %s\n", name);
    exit(EXIT_FAILURE);
}

static struct options parse(int argc, char **argv)
{
    struct options o = {.bytes = 1000000000,
                        .record_bytes = 1024,
                        .batch_bytes = 16384,
                        .superseded_pct = 90,
                        .segment_bytes = 104857600,
                        .map_bytes = 134217728,
                        .io_bytes = 524288};
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"--bytes", &o.bytes},
                   {"--record", &o.record_bytes},
                   {"--batch", &o.batch_bytes},
                   {"--superseded", &o.superseded_pct},
                   {"--segment", &o.segment_bytes},
                   {"--map", &o.map_bytes},
                   {"--io", &o.io_bytes}};
    for (int i = 1; i < argc; i++) {
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(numbers) && i + 1 < argc; k++) {
            if (strcmp(argv[i], numbers[k].name) != 0)
                continue;
            *numbers[k].to = strtoll(argv[++i], NULL, 10);
            known = true;
            break;
        }
        if (known)
            continue;
        if (strcmp(argv[i], "--codec") == 0 && i + 1 < argc)
            o.codec = codec_of(argv[++i]);
        else if (strcmp(argv[i], "--keep") == 0)
            o.keep = true;
        else if (strcmp(argv[i], "--only-build") == 0)
            o.only_build = true;
        else if (strcmp(argv[i], "--only-compact") == 0)
            o.only_compact = true;
        else
            o.dir = argv[i];
    }
    if (!o.dir) {
        fprintf(stderr, "usage: compact DIR [options]\n");
        exit(EXIT_FAILURE);
    }
    return o;
}

/* --- the log ------------------------------------------------------------------------------------------ */

static void append_batch(struct log *log, const struct options *o, struct prng *prng, int64_t keys,
                         struct buf *bytes, char *value)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = o->codec;
    spec.base_offset = log_end(log).offset;
    spec.leader_epoch = 0;
    struct record_builder builder;
    buf_clear(bytes);
    record_builder_open(&builder, &spec, NULL, bytes);
    const size_t value_bytes = (size_t)(o->record_bytes > 40 ? o->record_bytes - 30 : 10);
    for (int64_t n = 0; n < o->batch_bytes; n += o->record_bytes) {
        char key[32];
        const int len = snprintf(key, sizeof key, "key-%012" PRIu64, prng_below(prng, (uint64_t)keys));
        /* Half of it repeats itself: what codecs find in real records. */
        for (size_t i = 0; i + 8 <= value_bytes; i += 16) {
            const uint64_t bits = prng_next(prng);
            memcpy(value + i, &bits, 8);
        }
        record_builder_put(&builder, 1700000000000 + spec.base_offset, view_of(key, (size_t)len),
                           view_of(value, value_bytes));
    }
    must(record_builder_finish(&builder, NULL), "build");
    struct log_append_result out;
    must(log_append_as_follower(log, buf_view(bytes), -1, 1700000000000, &out, &why), "append");
}

static void flush(struct log *log)
{
    struct log_flush flush = {0};
    struct log_flush_ticket ticket;
    bool needed;
    must(log_flush_begin(log, INT64_MAX, &flush, &ticket, &needed, &why), "flush");
    must(log_flush_run(&flush, &why), "flush");
    log_flush_end(log, &ticket, ERR_NONE, NULL);
    log_flush_close(&flush);
}

static void build(struct log *log, const struct options *o)
{
    struct prng prng;
    prng_seed(&prng, 1);
    const int64_t records = o->bytes / o->record_bytes;
    int64_t keys = records * (100 - o->superseded_pct) / 100;
    struct buf bytes = {0};
    char *value = mem_zalloc((size_t)o->record_bytes + 16);
    while (log_end(log).offset < records)
        append_batch(log, o, &prng, keys > 0 ? keys : 1, &bytes, value);
    must(log_roll(log, 1700000000000, &why), "roll");
    flush(log);
    (void)log_set_high_watermark(log, log_end(log));
    free(value);
    buf_close(&bytes);
}

static struct log *load(struct disk *disk, const struct options *o, bool clean)
{
    struct log_settings settings;
    log_settings_init(&settings);
    settings.segment_bytes = (int32_t)o->segment_bytes;
    settings.cleanup_compact = true;
    settings.cleanup_delete = false;
    char *dir = mem_printf("%s/c-0", o->dir);
    const struct log_load_args args = {
        .disk = disk, .dir = dir, .settings = &settings, .now_ms = 1700000000000, .seed = 1, .clean = clean};
    struct log *log;
    must(log_load(&args, &log, NULL, &why), "load");
    free(dir);
    (void)log_set_high_watermark(log, log_end(log));
    return log;
}

/* --- measuring ---------------------------------------------------------------------------------------- */

struct moment {
    double wall;
    double user;
    double system;
};

static double seconds(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static struct moment now(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (struct moment){seconds(CLOCK_MONOTONIC),
                           (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6,
                           (double)used.ru_stime.tv_sec + (double)used.ru_stime.tv_usec / 1e6};
}

static void report(const char *what, struct moment from, int64_t bytes)
{
    const struct moment to = now();
    const double wall = to.wall - from.wall;
    printf("%-6s %7.3f s wall  %7.3f s user  %7.3f s system  %8.1f MB/s read\n", what, wall,
           to.user - from.user, to.system - from.system, (double)bytes / 1e6 / wall);
}

/* The peak of memory counts from here. */
static void reset_peak(void)
{
    const int fd = open("/proc/self/clear_refs", O_WRONLY);
    if (fd >= 0 && write(fd, "5", 1) == 1)
        (void)close(fd);
}

static long status_kb(const char *field)
{
    char line[256];
    long kb = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            kb = strtol(line + strlen(field), NULL, 10);
    if (file)
        (void)fclose(file);
    return kb;
}

static void compact(struct log *log, struct disk *disk, const struct options *o)
{
    struct log_dirt dirt;
    const struct log_dirt_args dirt_args = {.checkpoint = -1, .now_ms = 1700000000000};
    must(log_dirt(log, &dirt_args, &dirt, &why), "dirt");
    reset_peak();
    const long before_kb = status_kb("VmRSS:");
    struct compact_memory *memory = compact_memory_new(o->map_bytes, 0.9, o->io_bytes);
    const struct log_compact_args args = {.first_dirty = dirt.first_dirty,
                                          .first_uncleanable = dirt.first_uncleanable,
                                          .now_ms = 1700000000000,
                                          .delete_retention_ms = 86400000};
    struct log_compact *compaction;
    const int64_t size_before = log_size_bytes(log);
    struct moment at = now();
    const struct moment begin = at;
    must(log_compact_begin(log, &args, memory, &compaction, &why), "begin");
    must(log_compact_map(compaction, &why), "map");
    report("map", at, log_compact_stats(compaction)->map_bytes_read);
    at = now();
    struct log_doomed doomed = {0};
    for (bool more = true; more;) {
        must(log_compact_write(compaction, &more, &why), "write");
        if (more)
            must(log_compact_swap(compaction, log, &doomed, &why), "swap");
    }
    const struct log_compact_stats *stats = log_compact_stats(compaction);
    report("write", at, stats->bytes_read);
    report("all", begin, stats->bytes_read);
    printf("keys %" PRId64 "  records %" PRId64 " -> %" PRId64 "  bytes %" PRId64 " -> %" PRId64
           "  segments %d -> %d  "
           "next dirty %" PRId64 "\n",
           stats->map_records, stats->records_read, stats->records_written, size_before, log_size_bytes(log),
           stats->segments_before, stats->segments_after, log_compact_next_dirty(compaction));
    printf("memory: peak %ld KB, of which %ld KB were there before\n", status_kb("VmHWM:"), before_kb);
    log_compact_free(compaction);
    compact_memory_free(memory);
    must(log_doomed_unlink(&doomed, disk, &why), "unlink");
}

int main(int argc, char **argv)
{
    const struct options o = parse(argc, argv);
    struct disk *disk = disk_posix_new(0);
    struct log *log = load(disk, &o, true);
    if (!o.only_compact)
        build(log, &o);
    if (!o.only_build)
        compact(log, disk, &o);
    struct log_flush closing = {0};
    must(log_close(log, &closing, &why), "close");
    must(log_flush_run(&closing, &why), "close");
    log_flush_close(&closing);
    log_free(log);
    if (!o.keep && !o.only_build) {
        char *dir = mem_printf("%s/c-0", o.dir);
        must(log_dir_delete_tree(disk, dir, &why), "delete");
        free(dir);
    }
    disk_posix_free(disk);
    return EXIT_SUCCESS;
}
