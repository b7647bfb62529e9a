/*
 * `barnabas dump-log` over a partition's directory with any bytes in its files: it ends, with status 0 or 1,
 * whatever it is asked to print.
 *
 * Input: one byte of options, then for each file a 16-bit length and its bytes: .log, .index, .timeindex,
 * .txnindex, .snapshot, leader-epoch-checkpoint. The files lie in memory as far as the kernel lets them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/hash.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "storage/producer_snapshot.h"
#include "wire/record_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

static const char *const names[] = {
    "00000000000000000000.log",      "00000000000000000000.index",    "00000000000000000000.timeindex",
    "00000000000000000000.txnindex", "00000000000000000003.snapshot", "leader-epoch-checkpoint",
};
#define FILES           ARRAY_LEN(names)
#define SNAPSHOT        4
#define SNAPSHOT_CRC_AT 2
#define SNAPSHOT_HEAD   6

static char folder[64];

static void remove_folder(void)
{
    for (size_t i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/%s", folder, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(folder);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "%s/barnabas-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ASSERT(mkdtemp(folder));
    atexit(remove_folder);
}

/* A snapshot is given its CRC, so that what follows is looked at. */
static void fill(const uint8_t *data, size_t size, bool mend_snapshot)
{
    for (size_t i = 0; i < FILES; i++) {
        size_t len = size >= 2 ? (size_t)data[0] << 8 | data[1] : 0;
        data += size >= 2 ? 2 : 0;
        size -= size >= 2 ? 2 : 0;
        if (len > size)
            len = size;
        uint8_t *bytes = mem_alloc(len + 1);
        memcpy(bytes, data, len);
        if (i == SNAPSHOT && len >= SNAPSHOT_HEAD && mend_snapshot)
            be_put_i32(bytes + SNAPSHOT_CRC_AT,
                       (int32_t)hash_crc32c(0, bytes + SNAPSHOT_HEAD, len - SNAPSHOT_HEAD));
        char *path = mem_printf("%s/%s", folder, names[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ASSERT(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
        close(fd);
        free(path);
        free(bytes);
        data += len;
        size -= len;
    }
}

/* Runs the command with its output thrown away. */
static int run(int argc, char **argv)
{
    fflush(NULL);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), nothing = open("/dev/null", O_WRONLY);
    ASSERT(out >= 0 && err >= 0 && nothing >= 0);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    int status = dump_log_command(argc, argv);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(nothing);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const decoders[] = {"StringDecoder", "LongDecoder", "IntegerDecoder", "StringDecoder"};
    if (folder[0] == '\0')
        set_up();
    if (size < 1)
        return 0;
    uint8_t choices = data[0];
    fill(data + 1, size - 1, choices & 1);
    for (size_t i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/%s", folder, names[i]);
        char *argv[12] = {"--files", path};
        int argc = 2;
        if (choices & 1)
            argv[argc++] = "--print-data-log";
        if (choices & 2)
            argv[argc++] = "--deep-iteration";
        if (choices & 4)
            argv[argc++] = "--skip-record-metadata";
        if (choices & 8)
            argv[argc++] = "--verify-index-only";
        if (choices & 16)
            argv[argc++] = "--index-sanity-check";
        if (choices & 32) {
            argv[argc++] = "--value-decoder-class";
            argv[argc++] = (char *)(uintptr_t)decoders[choices >> 6];
        }
        int status = run(argc, argv);
        ASSERT(status == 0 || status == 1);
        free(path);
    }
    return 0;
}

/* --- seeds -----------------------------------------------------------------------------------------------
 */

static void put_file(struct buf *seed, const struct buf *bytes)
{
    buf_put_i16(seed, (int16_t)bytes->len);
    buf_put_view(seed, buf_view(bytes));
}

static void put_batch(struct buf *log, int64_t base_offset, int8_t magic)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = magic;
    spec.base_offset = base_offset;
    struct record_builder builder;
    record_builder_open(&builder, &spec, NULL, log);
    for (int i = 0; i < 2; i++)
        record_builder_put(&builder, 1700000000000 + base_offset, VIEW_LIT("some key"), VIEW_LIT("12345678"));
    ASSERT(record_builder_finish(&builder, NULL) == ERR_NONE);
}

static void put_snapshot(struct buf *file)
{
    struct producer_state state;
    producer_state_init(&state, 0);
    for (int64_t id = 0; id < 3; id++)
        producer_state_load_entry(&state, &(struct producer_entry){.producer_id = id,
                                                                   .txn_first_offset = id ? id : -1,
                                                                   .last = {.last_offset = 9, .last_seq = 4},
                                                                   .batch_count = 1});
    producer_snapshot_encode(&state, file);
    producer_state_close(&state);
}

static void add_seeds(void (*add)(void *seeds, struct view seed), void *seeds, const struct buf *files)
{
    struct buf seed = {0};
    for (int choices = 0; choices < 256; choices += 5) {
        buf_clear(&seed);
        buf_put_i8(&seed, (int8_t)choices);
        for (size_t i = 0; i < FILES; i++)
            put_file(&seed, &files[i]);
        add(seeds, buf_view(&seed));
    }
    buf_close(&seed);
}

/* Whole files, as a log writes them. */
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct buf files[FILES] = {0};
    put_batch(&files[0], 0, 2);
    size_t second = files[0].len;
    put_batch(&files[0], 2, 2);
    struct control_batch marker = {
        .type = CONTROL_ABORT, .base_offset = 4, .producer_id = 7, .timestamp_ms = 1700000000005};
    control_batch_build(&marker, &files[0]);
    buf_put_i32(&files[1], 3);
    buf_put_i32(&files[1], (int32_t)second);
    buf_put_i64(&files[2], 1700000000002);
    buf_put_i32(&files[2], 3);
    buf_put_i16(&files[3], 0); /* version, producer, first, last and last stable offset */
    for (int i = 0; i < 4; i++)
        buf_put_i64(&files[3], 7);
    put_snapshot(&files[SNAPSHOT]);
    buf_put_str(&files[5], "0\n1\n0 0\n");
    add_seeds(add, seeds, files);
    for (int8_t magic = 0; magic < 2; magic++) {
        buf_clear(&files[0]);
        put_batch(&files[0], 0, magic);
        add_seeds(add, seeds, files);
    }
    for (size_t i = 0; i < FILES; i++)
        buf_close(&files[i]);
}
