/*
 * Writes record sets of every magic, codec, timestamp type and flag, for Kafka's own reader
 * (ReadRecords.java). A line is "name record-count hex"; every record is key "k<i>", value "value <i>"
 * repeated, and in magic 2 header "h" = "<i>".
 *
 *   write_records FILE   without a file the sets are only built, which is all that `make check` wants
 */
#include <stdio.h>

#include "base/assert.h"
#include "wire/record_builder.h"

#define T0 1700000000000

static void print_set(FILE *file, const char *name, const struct buf *set, int count)
{
    if (!file)
        return;
    fprintf(file, "%s %d ", name, count);
    for (size_t i = 0; i < set->len; i++)
        fprintf(file, "%02x", set->data[i]);
    fprintf(file, "\n");
}

static void append(struct record_builder *b, int i, int repeats)
{
    struct buf key = {0}, value = {0}, header = {0}, headers = {0};
    buf_printf(&key, "k%d", i);
    for (int n = 0; n < repeats; n++)
        buf_printf(&value, "value %d", i);
    buf_printf(&header, "%d", i);
    record_headers_put(&headers, VIEW_LIT("h"), buf_view(&header));
    struct record rec = {
        .offset = b->spec.base_offset + i,
        .timestamp = T0 + i,
        .key = buf_view(&key),
        .value = buf_view(&value),
    };
    if (b->spec.magic == 2) {
        rec.headers = buf_view(&headers);
        rec.header_count = 1;
    }
    record_builder_append(b, &rec);
    buf_close(&key);
    buf_close(&value);
    buf_close(&header);
    buf_close(&headers);
}

static void write_set(FILE *file, const struct record_builder_spec *spec, int count, int repeats)
{
    struct record_builder b;
    struct buf set = {0}, name = {0};
    record_builder_open(&b, spec, NULL, &set);
    for (int i = 0; i < count; i++)
        append(&b, i, repeats);
    ASSERT(!record_builder_finish(&b, NULL));
    buf_printf(&name, "v%d-%s-%s%s-%dx%d", spec->magic, codec_name((int)spec->codec),
               spec->log_append_time ? "append" : "create", spec->transactional ? "-txn" : "", count,
               repeats);
    print_set(file, buf_cstr(&name), &set, count);
    buf_close(&set);
    buf_close(&name);
}

static void write_kind(FILE *file, int8_t magic, enum codec codec, bool log_append_time)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = magic;
    spec.codec = codec;
    spec.base_offset = 4000000000;
    spec.log_append_time = log_append_time;
    spec.log_append_ms = T0 + 5000;
    write_set(file, &spec, 1, 1);
    write_set(file, &spec, 300, 1);
    write_set(file, &spec, 3, 20000); /* several chunks of every codec */
    if (magic == 2) {
        spec.leader_epoch = 6;
        spec.producer_id = 1234567890123;
        spec.producer_epoch = 3;
        spec.base_sequence = INT32_MAX - 2;
        spec.transactional = true;
        write_set(file, &spec, 10, 1);
    }
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (argc > 1 && !file) {
        perror(argv[1]);
        return 1;
    }
    for (int8_t magic = 0; magic <= 2; magic++) {
        for (int codec = 0; codec < (magic < 2 ? CODEC_ZSTD : CODEC_COUNT); codec++) {
            write_kind(file, magic, (enum codec)codec, false);
            if (magic > 0)
                write_kind(file, magic, (enum codec)codec, true);
        }
    }
    struct control_batch spec = {CONTROL_COMMIT, 42, 7, T0, 1000, 2, 3};
    struct buf set = {0};
    control_batch_build(&spec, &set);
    print_set(file, "commit", &set, 0);
    spec.type = CONTROL_ABORT;
    buf_clear(&set);
    control_batch_build(&spec, &set);
    print_set(file, "abort", &set, 0);
    buf_close(&set);
    return file && fclose(file) ? 1 : 0;
}
