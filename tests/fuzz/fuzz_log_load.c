/*
 * A partition directory with any bytes in its files is loaded, read through, appended to and loaded again.
 * Nothing may crash, and what one recovery leaves the next one keeps.
 *
 * Input: one byte of choices, then for each file a 16-bit length and its bytes: .log, .index, .timeindex,
 * .txnindex, .snapshot, leader-epoch-checkpoint, a second .log.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "fake/crash_disk.h"
#include "storage/log_load.h"
#include "storage/log_lookup.h"
#include "wire/record_builder.h"

#define DIR "/t-0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

static const char *const names[] = {
    DIR "/00000000000000000000.log",       DIR "/00000000000000000000.index",
    DIR "/00000000000000000000.timeindex", DIR "/00000000000000000000.txnindex",
    DIR "/00000000000000000003.snapshot",  DIR "/leader-epoch-checkpoint",
    DIR "/00000000000000000003.log",
};

static void fill(struct crash_disk *mem, const uint8_t *data, size_t size)
{
    struct disk *disk = crash_disk_port(mem);
    ASSERT(DISK(disk, mkdir, DIR, NULL) == ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(names) && size >= 2; i++) {
        size_t len = (size_t)data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        if (len > size)
            len = size;
        if (len > 0)
            crash_disk_put(mem, names[i], data, len);
        data += len;
        size -= len;
    }
}

static enum err load(struct crash_disk *mem, uint8_t choices, bool clean, struct log **out)
{
    struct log_settings settings;
    log_settings_init(&settings);
    settings.index_interval_bytes = 64;
    settings.cleanup_compact = choices & 2;
    struct log_load_args args = {
        .disk = crash_disk_port(mem),
        .dir = DIR,
        .settings = &settings,
        .recovery_point = choices & 4 ? 3 : 0,
        .log_start_offset = choices & 8 ? 2 : 0,
        .now_ms = 1,
        .clean = clean,
        .power_lost = choices & 16,
    };
    return log_load(&args, out, NULL, NULL);
}

static void use(struct log *log)
{
    struct log_slice slice = {0};
    for (int64_t o = log_start_offset(log); o <= log_end(log).offset && o < log_start_offset(log) + 50; o++) {
        struct log_read_args args = {.offset = o, .max_bytes = 100, .min_one = true, .want_aborted = true};
        if (log_read(log, &args, &slice, NULL))
            break;
    }
    log_slice_close(&slice);
    struct log_found found;
    enum err err = log_find_by_timestamp(log, 1000, &found, NULL);
    if (!err)
        err = log_find_max_timestamp(log, &found, NULL);

    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.base_offset = log_end(log).offset;
    struct buf set = {0};
    struct record_builder b;
    record_builder_open(&b, &spec, NULL, &set);
    record_builder_put(&b, 5, VIEW_NULL, VIEW_LIT("value"));
    ASSERT(record_builder_finish(&b, NULL) == ERR_NONE);
    struct log_append_result result;
    if (!err)
        err = log_append_as_follower(log, buf_view(&set), -1, 5, &result, NULL);
    ASSERT(err != ERR_UNKNOWN_SERVER_ERROR);
    buf_close(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    log_set_level(LOG_LEVEL_ERROR);
    struct crash_disk *mem = crash_disk_new();
    fill(mem, data + 1, size - 1);
    struct log *log = NULL;
    if (load(mem, data[0], data[0] & 1, &log) == ERR_NONE) {
        const int64_t end = log_end(log).offset;
        log_free(log);
        log = NULL;
        /* An unclean load checks what it keeps, so another one finds nothing to cut. */
        if (!(data[0] & 1)) {
            ASSERT(load(mem, data[0], false, &log) == ERR_NONE);
            ASSERT(log_end(log).offset == end);
        } else {
            ASSERT(load(mem, data[0], true, &log) == ERR_NONE);
        }
        use(log);
        log_free(log);
    }
    crash_disk_free(mem);
    return 0;
}

static void put_file(struct buf *seed, const struct buf *bytes)
{
    buf_put_i16(seed, (int16_t)bytes->len);
    buf_put_view(seed, buf_view(bytes));
}

/* Whole files as a log writes them. */
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct buf log = {0}, none = {0}, seed = {0}, epochs = {0};
    for (int i = 0; i < 3; i++) {
        struct record_builder_spec spec = RECORD_BUILDER_V2;
        spec.base_offset = i;
        spec.producer_id = 7;
        spec.producer_epoch = 0;
        spec.base_sequence = i;
        spec.transactional = true;
        spec.leader_epoch = i;
        struct record_builder b;
        record_builder_open(&b, &spec, NULL, &log);
        record_builder_put(&b, 900 + 100 * i, VIEW_NULL, VIEW_LIT("some value"));
        ASSERT(record_builder_finish(&b, NULL) == ERR_NONE);
    }
    struct control_batch marker = {
        .type = CONTROL_ABORT, .base_offset = 3, .producer_id = 7, .timestamp_ms = 5};
    struct buf second = {0};
    control_batch_build(&marker, &second);
    buf_put_str(&epochs, "0\n1\n0 0\n");
    for (int choices = 0; choices < 32; choices += 3) {
        buf_clear(&seed);
        buf_put_i8(&seed, (int8_t)choices);
        put_file(&seed, &log);
        for (int i = 0; i < 4; i++)
            put_file(&seed, &none);
        put_file(&seed, choices & 1 ? &epochs : &none);
        put_file(&seed, &second);
        add(seeds, buf_view(&seed));
    }
    buf_close(&log);
    buf_close(&second);
    buf_close(&epochs);
    buf_close(&seed);
}
