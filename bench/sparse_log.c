/*
 * A partition's log of many segments of a GB that takes hardly any disk.
 *
 * Every MB a real batch of one record; between them holes. The indexes are as
 * long as those of a full log: an entry every 4 KB, of which the ones that
 * point into holes are never what a lookup of a real batch's offset or
 * timestamp comes to. Batch number n covers the offsets from 1000 n to
 * 1000 n + 999, its record has the last of them and the timestamp
 * FROM + 1000 n.
 *
 * Written into a partition's directory while its broker, stopped cleanly, is
 * down: the broker then opens it without a recovery. Prints the number of
 * batches.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/be.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "wire/record_builder.h"

#define BATCH_EVERY_BYTES (1 << 20)
#define INDEX_EVERY_BYTES 4096
#define BATCHES           1023 /* per segment, so that it stays below 1 GB */
#define OFFSETS           1000 /* per batch; as many milliseconds between batches */

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "sparse_log: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int create(const char *folder, int64_t base_offset, const char *extension)
{
    char *path = mem_printf("%s/%020" PRId64 "%s", folder, base_offset, extension);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        give_up(path);
    free(path);
    return fd;
}

static void write_all(int fd, const struct buf *bytes, int64_t pos)
{
    if (pwrite(fd, bytes->data, bytes->len, pos) != (ssize_t)bytes->len)
        give_up("pwrite");
}

static void make_batch(int64_t base_offset, int64_t timestamp_ms, struct buf *out)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.base_offset = base_offset;
    spec.leader_epoch = 0;
    struct record record = {.offset = base_offset + OFFSETS - 1, .timestamp = timestamp_ms};
    record.value = VIEW_LIT("found");
    struct record_builder b;
    buf_clear(out);
    record_builder_open(&b, &spec, NULL, out);
    record_builder_append(&b, &record);
    if (record_builder_finish(&b, NULL))
        give_up("batch");
}

/* Index entries for a batch and for the holes up to the next one. */
static void index_batch(int batch, int64_t timestamp_ms, struct buf *offsets, struct buf *times)
{
    int holes = batch + 1 < BATCHES ? BATCH_EVERY_BYTES / INDEX_EVERY_BYTES : 1;
    for (int k = 0; k < holes; k++) {
        int32_t relative = batch * OFFSETS + OFFSETS - 1 + k * 3;
        buf_put_i32(offsets, relative);
        buf_put_i32(offsets, batch * BATCH_EVERY_BYTES + k * INDEX_EVERY_BYTES);
        buf_put_i64(times, timestamp_ms + k * 3);
        buf_put_i32(times, relative);
    }
}

static void make_segment(const char *folder, int64_t number, int64_t from_ms)
{
    int64_t base_offset = number * BATCHES * OFFSETS;
    struct buf batch = {0}, offsets = {0}, times = {0};
    int log = create(folder, base_offset, ".log");
    for (int i = 0; i < BATCHES; i++) {
        int64_t relative = (int64_t)i * OFFSETS;
        int64_t timestamp_ms = from_ms + base_offset + relative;
        make_batch(base_offset + relative, timestamp_ms, &batch);
        write_all(log, &batch, (int64_t)i * BATCH_EVERY_BYTES);
        index_batch(i, timestamp_ms, &offsets, &times);
    }
    int index = create(folder, base_offset, ".index");
    int time_index = create(folder, base_offset, ".timeindex");
    write_all(index, &offsets, 0);
    write_all(time_index, &times, 0);
    close(log);
    close(index);
    close(time_index);
    buf_close(&batch);
    buf_close(&offsets);
    buf_close(&times);
}

/* Of no producers, at the end of the log: nothing is left to replay. */
static void make_snapshot(const char *folder, int64_t offset)
{
    struct buf bytes = {0};
    uint8_t count[4] = {0};
    buf_put_i16(&bytes, 1);
    buf_put_i32(&bytes, (int32_t)hash_crc32c(0, count, sizeof count));
    buf_put(&bytes, count, sizeof count);
    int fd = create(folder, offset, ".snapshot");
    write_all(fd, &bytes, 0);
    close(fd);
    buf_close(&bytes);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: sparse_log PARTITION_DIRECTORY SEGMENTS FROM_MS\n");
        return 2;
    }
    int64_t segments = strtoll(argv[2], NULL, 10);
    int64_t from_ms = strtoll(argv[3], NULL, 10);
    for (int64_t i = 0; i < segments; i++)
        make_segment(argv[1], i, from_ms);
    make_snapshot(argv[1], segments * BATCHES * OFFSETS);
    printf("%" PRId64 "\n", segments * BATCHES);
    return EXIT_SUCCESS;
}
