/* What is superseded is found by the map alone and passed over without being read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "compact_rig.h"
#include "storage/compact/newest.h"
#include "storage/compact/source.h"
#include "wire/record_builder.h"

/* --- where the newest are ----------------------------------------------------------------------------- */

static void put(struct key_map *map, const char *key, int64_t offset)
{
    ck_assert(key_map_put(map, key_map_hash(map, view_str(key)), offset));
}

START_TEST(offsets_of_the_map_and_marked_ones_are_found_and_others_are_none)
{
    struct key_map *map = key_map_new(1 << 20, 0.9);
    struct newest newest = {0};
    ck_assert(!newest_is_none(&newest, 0, 0));
    key_map_begin(map, 1, 100, 1000);
    newest_begin(&newest, 100, 1100);
    put(map, "a", 110);
    put(map, "b", 164);
    put(map, "a", 500);
    newest_mark(&newest, 700, 850);
    newest_mark(&newest, 0, 100);
    newest_end(&newest, map, 1000);
    for (int64_t from = 95; from < 1010; from++)
        for (int64_t len = 1; len < 140; len += 3) {
            const int64_t to = from + len - 1;
            const bool any = from <= 100 || (from <= 164 && to >= 164) || (from <= 500 && to >= 500) ||
                             (from <= 850 && to >= 700) || to >= 1000;
            ck_assert_int_eq(newest_is_none(&newest, from, to), !any);
        }
    newest_close(&newest);
    key_map_free(map);
}
END_TEST

START_TEST(a_bit_is_for_many_offsets_where_there_are_many)
{
    const int64_t base = 7, end = base + NEWEST_BITS * 1000;
    struct key_map *map = key_map_new(1 << 20, 0.9);
    struct newest newest = {0};
    key_map_begin(map, 1, base, end - base);
    newest_begin(&newest, base, end);
    put(map, "a", end - 1);
    put(map, "b", base + 5000);
    newest_end(&newest, map, end);
    ck_assert_int_eq(newest.shift, 10);
    ck_assert(!newest_is_none(&newest, base + 5000, base + 5000));
    ck_assert(!newest_is_none(&newest, base + 4000, base + 6000));
    ck_assert(newest_is_none(&newest, base, base + 4000));
    ck_assert(newest_is_none(&newest, base + 6200, end - 2000));
    ck_assert(!newest_is_none(&newest, end - 1, end - 1));
    newest_close(&newest);
    key_map_free(map);
}
END_TEST

/* --- passing over ------------------------------------------------------------------------------------- */

#define BATCHES     8
#define VALUE_BYTES 20000

static void put_batch(struct buf *bytes, int64_t offset)
{
    static char value[VALUE_BYTES];
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct record_builder builder;
    spec.base_offset = offset;
    record_builder_open(&builder, &spec, NULL, bytes);
    record_builder_put(&builder, 1, view_str("key"), view_of(value, sizeof value));
    ck_assert_int_eq(record_builder_finish(&builder, NULL), ERR_NONE);
}

/* The offsets that are asked for, in `wanted` a bit each; bytes that were read. */
static int64_t read_some(struct disk_file *file, int32_t size, unsigned wanted)
{
    const struct source source = {file, 0, BATCHES, size};
    struct io_buffer buffer = {.usual = 65536};
    struct source_reader reader;
    struct errmsg why;
    int64_t all = 0;
    unsigned seen = 0, met = 0;
    source_reader_open(&reader, &source, 0, &buffer);
    while (source_reader_left(&reader) > 0) {
        int64_t bytes;
        ck_assert_int_eq(source_reader_fill(&reader, &bytes, &why), ERR_NONE);
        all += bytes;
        for (;;) {
            struct batch_info info;
            struct view entry;
            enum err err = source_reader_head(&reader, &info, &why);
            if (!err && !(wanted & 1U << info.base_offset)) {
                met |= 1U << info.base_offset;
                ck_assert_int_eq(source_reader_pass(&reader, &info, &why), ERR_NONE);
                continue;
            }
            if (!err)
                err = source_reader_body(&reader, &info, &entry);
            if (err == ERR_WOULD_BLOCK)
                break;
            ck_assert_int_eq(err, ERR_NONE);
            ck_assert_int_eq(batch_check_crc(entry), ERR_NONE);
            seen |= 1U << info.base_offset;
        }
    }
    ck_assert_uint_eq(seen, wanted);
    ck_assert_uint_eq(seen | met, (1U << BATCHES) - 1);
    io_buffer_close(&buffer);
    return all;
}

START_TEST(of_batches_that_are_passed_over_little_more_than_the_heads_is_read)
{
    struct crash_disk *mem = crash_disk_new();
    struct disk *disk = crash_disk_port(mem);
    struct disk_file *file;
    struct errmsg why;
    struct buf bytes = {0};
    for (int64_t i = 0; i < BATCHES; i++)
        put_batch(&bytes, i);
    ck_assert_int_eq(DISK(disk, open, "/s", DISK_OPEN_CREATE, &file, &why), ERR_NONE);
    const struct iovec iov = {bytes.data, bytes.len};
    ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, 0, &why), ERR_NONE);
    const int32_t size = (int32_t)bytes.len;
    for (unsigned wanted = 0; wanted < 1U << BATCHES; wanted++) {
        crash_disk_set_cold(mem, false);
        const int64_t warm = read_some(file, size, wanted);
        ck_assert_int_le(warm, size);
        if (wanted == 0)
            ck_assert_int_lt(warm, 65536 + BATCHES * 600);
        /* What is to be waited for is read in large pieces. */
        crash_disk_set_cold(mem, true);
        ck_assert_int_ge(read_some(file, size, wanted), warm);
    }
    buf_close(&bytes);
    disk_file_release(file);
    crash_disk_free(mem);
}
END_TEST

START_TEST(a_segment_that_ends_inside_a_batch_that_is_passed_over_is_damaged)
{
    struct crash_disk *mem = crash_disk_new();
    struct disk *disk = crash_disk_port(mem);
    struct disk_file *file;
    struct errmsg why;
    struct buf bytes = {0};
    put_batch(&bytes, 0);
    ck_assert_int_eq(DISK(disk, open, "/s", DISK_OPEN_CREATE, &file, &why), ERR_NONE);
    const struct iovec iov = {bytes.data, bytes.len - 1};
    ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, 0, &why), ERR_NONE);
    const struct source source = {file, 0, 1, (int32_t)bytes.len - 1};
    struct io_buffer buffer = {.usual = 4096};
    struct source_reader reader;
    struct batch_info info;
    int64_t got;
    source_reader_open(&reader, &source, 0, &buffer);
    ck_assert_int_eq(source_reader_fill(&reader, &got, &why), ERR_NONE);
    ck_assert_int_eq(source_reader_head(&reader, &info, &why), ERR_NONE);
    ck_assert_int_eq(source_reader_pass(&reader, &info, &why), ERR_CORRUPT_MESSAGE);
    io_buffer_close(&buffer);
    buf_close(&bytes);
    disk_file_release(file);
    crash_disk_free(mem);
}
END_TEST

/* --- whole compactions -------------------------------------------------------------------------------- */

static struct compact_rig rig;
static const struct rig_set plain;

static void setup(void)
{
    compact_rig_init(&rig);
    rig.rig.settings.segment_bytes = 200000;
    log_update_config(rig.rig.log, &rig.rig.settings);
}

static void teardown(void)
{
    compact_rig_close(&rig);
}

static int64_t append_large(const struct rig_set *set, const char *key, size_t bytes)
{
    char *value = mem_alloc(bytes + 1);
    memset(value, 'x', bytes);
    value[bytes] = '\0';
    char *text = mem_printf("%s=%s", key, value);
    const int64_t offset = compact_rig_append(&rig, set, text);
    free(text);
    free(value);
    return offset;
}

START_TEST(large_batches_that_are_superseded_go_and_what_lies_between_stays)
{
    const struct rig_set producer = {.producer_id = 5};
    for (int i = 0; i < 20; i++) {
        char small[40];
        const struct rig_set idempotent = {.producer_id = 6, .base_sequence = i};
        append_large(&idempotent, "big", 20000);
        append_large(&plain, "other", 30000);
        snprintf(small, sizeof small, "k%d=%d", i, i);
        if (i % 6 == 0)
            compact_rig_append(&rig, &plain, small);
    }
    append_large(&producer, "big", 20000);
    compact_rig_append(&rig, &plain, "=nobody other=2");
    compact_rig_append(&rig, &plain, "big=2");
    compact_rig_settle(&rig, true);
    compact_rig_append(&rig, &plain, "z=1");
    compact_rig_settle(&rig, false);
    crash_disk_set_cold(rig.rig.mem, _i);
    compact_rig_run(&rig);
    char *text = compact_rig_text(&rig, false);
    ck_assert_str_eq(text, "2:k0=0 15:k6=6 28:k12=12 41:k18=18 46:other=2 47:big=2 48:z=1");
    free(text);
    ck_assert_int_eq(rig.stats.records_read, 48);
    ck_assert_int_eq(rig.stats.records_written, 6);
    ck_assert_int_eq(rig.stats.invalid_records, 1);
    ck_assert_int_eq(rig.stats.bytes_read, rig.stats.map_bytes_read);
    ck_assert_int_lt(rig.stats.bytes_written, 1000);
}
END_TEST

START_TEST(a_record_that_is_too_large_to_be_mapped_stays)
{
    const struct rig_set lz4 = {.codec = CODEC_LZ4};
    const size_t too_large = (size_t)33 * 1024 * 1024;
    const int64_t large = append_large(&lz4, "a", too_large);
    compact_rig_append(&rig, &plain, "a=1");
    compact_rig_append(&rig, &plain, "a=2");
    compact_rig_settle(&rig, true);
    compact_rig_append(&rig, &plain, "z=1");
    compact_rig_settle(&rig, false);
    compact_rig_run(&rig);
    struct seen seen = {0};
    compact_rig_read(&rig, false, &seen);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert_int_eq(seen.items[0].offset, large);
    ck_assert_uint_eq(strlen(seen.items[0].value), too_large);
    ck_assert_int_eq(seen.items[1].offset, large + 2);
    seen_close(&seen);
}
END_TEST

/* More groups than are swapped together. */
START_TEST(rounds_follow_each_other)
{
    rig.rig.settings.segment_bytes = 100;
    log_update_config(rig.rig.log, &rig.rig.settings);
    for (int i = 0; i < 80; i++) {
        compact_rig_append(&rig, &plain, i % 20 == 0 ? "a=1 once=1" : "a=1 b=1");
        compact_rig_settle(&rig, true);
    }
    compact_rig_append(&rig, &plain, "a=2 z=1");
    compact_rig_settle(&rig, true);
    compact_rig_append(&rig, &plain, "y=1");
    compact_rig_settle(&rig, false);
    compact_rig_run(&rig);
    ck_assert_int_eq(rig.stats.groups, rig.stats.segments_after);
    ck_assert_int_gt(rig.stats.groups, 64);
    char *text = compact_rig_text(&rig, false);
    ck_assert_str_eq(text, "121:once=1 159:b=1 160:a=2 161:z=1 162:y=1");
    free(text);
}
END_TEST

Suite *compact_superseded_suite(void)
{
    Suite *suite = suite_create("superseded");
    TCase *parts = tcase_create("parts");
    tcase_add_test(parts, offsets_of_the_map_and_marked_ones_are_found_and_others_are_none);
    tcase_add_test(parts, a_bit_is_for_many_offsets_where_there_are_many);
    tcase_add_test(parts, of_batches_that_are_passed_over_little_more_than_the_heads_is_read);
    tcase_add_test(parts, a_segment_that_ends_inside_a_batch_that_is_passed_over_is_damaged);
    suite_add_tcase(suite, parts);
    TCase *whole = tcase_create("whole");
    tcase_add_checked_fixture(whole, setup, teardown);
    tcase_set_timeout(whole, 60);
    tcase_add_loop_test(whole, large_batches_that_are_superseded_go_and_what_lies_between_stays, 0, 2);
    tcase_add_test(whole, a_record_that_is_too_large_to_be_mapped_stays);
    tcase_add_test(whole, rounds_follow_each_other);
    suite_add_tcase(suite, whole);
    return suite;
}
