#include <stdlib.h>

#include "base/be.h"
#include "records_suites.h"
#include "records_support.h"
#include "wire/record_batch.h"

static struct view hex_view(struct buf *buf, const char *hex)
{
    buf_clear(buf);
    put_hex(buf, hex);
    return buf_view(buf);
}

START_TEST(peek_reads_the_head_of_a_v2_batch)
{
    struct buf buf = {0};
    struct batch_info info;
    ck_assert_int_eq(batch_peek(hex_view(&buf, HEX_BATCH_V2), &info), ERR_NONE);
    ck_assert_int_eq(info.magic, 2);
    ck_assert_int_eq(info.base_offset, 0);
    ck_assert_int_eq(info.last_offset, 1);
    ck_assert_int_eq(info.size_bytes, 82);
    ck_assert_int_eq(info.codec, 0);
    ck_assert(!info.log_append_time && !info.transactional && !info.control && !info.has_delete_horizon);
    ck_assert_int_eq(info.base_timestamp, T0);
    ck_assert_int_eq(info.max_timestamp, T0 + 5);
    ck_assert_int_eq(info.producer_id, -1);
    ck_assert_int_eq(info.producer_epoch, -1);
    ck_assert_int_eq(info.base_sequence, -1);
    ck_assert_int_eq(info.last_sequence, -1);
    ck_assert_int_eq(info.record_count, 2);
    ck_assert_int_eq(info.leader_epoch, -1);
    ck_assert_uint_eq(info.crc, 0x7a79b076);
    buf_close(&buf);
}
END_TEST

START_TEST(peek_reads_an_empty_batch_left_by_compaction)
{
    struct buf buf = {0};
    struct batch_info info;
    ck_assert_int_eq(batch_peek(hex_view(&buf, HEX_EMPTY_BATCH), &info), ERR_NONE);
    ck_assert_int_eq(info.base_offset, 10);
    ck_assert_int_eq(info.last_offset, 14);
    ck_assert_int_eq(info.record_count, 0);
    ck_assert_int_eq(info.producer_id, 1000);
    ck_assert_int_eq(info.base_sequence, 20);
    ck_assert_int_eq(info.last_sequence, 24);
    ck_assert_int_eq(info.leader_epoch, 7);
    ck_assert_int_eq(info.base_timestamp, -1);
    buf_close(&buf);
}
END_TEST

START_TEST(peek_reads_legacy_messages_alike)
{
    struct buf buf = {0};
    struct batch_info info;
    ck_assert_int_eq(batch_peek(hex_view(&buf, HEX_MESSAGE_V1), &info), ERR_NONE);
    ck_assert_int_eq(info.magic, 1);
    ck_assert_int_eq(info.max_timestamp, T0);
    ck_assert_int_eq(info.record_count, 1);
    ck_assert_int_eq(info.size_bytes, 36);
    ck_assert_int_eq(batch_peek(hex_view(&buf, HEX_MESSAGE_V0), &info), ERR_NONE);
    ck_assert_int_eq(info.magic, 0);
    ck_assert_int_eq(info.max_timestamp, -1);
    ck_assert_int_eq(info.producer_id, -1);
    buf_close(&buf);
}
END_TEST

static const char *const known[] = {HEX_BATCH_V2, HEX_COMMIT_MARKER, HEX_EMPTY_BATCH, HEX_MESSAGE_V1,
                                    HEX_MESSAGE_V0};

START_TEST(crc_of_known_entries_is_right_and_any_bit_flip_breaks_it)
{
    struct buf buf = {0};
    struct view entry = hex_view(&buf, known[_i]);
    ck_assert_int_eq(batch_check_crc(entry), ERR_NONE);
    bool v2 = entry.ptr[16] == 2;
    for (size_t i = v2 ? 17 : 12; i < entry.len; i++) {
        if (!v2 && i == 16)
            continue; /* another magic has its CRC elsewhere */
        for (int bit = 0; bit < 8; bit++) {
            buf.data[i] ^= (uint8_t)(1 << bit);
            ck_assert_int_eq(batch_check_crc(entry), ERR_CORRUPT_MESSAGE);
            buf.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    buf_close(&buf);
}
END_TEST

START_TEST(next_walks_a_set_and_stops_at_a_partial_tail)
{
    struct buf buf = {0};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        put_hex(&buf, known[i]);
    struct batch_info info;
    struct view entry;
    for (size_t len = 0; len <= buf.len; len++) {
        /* Memory of exactly this size, so that a sanitizer sees a read beyond it. */
        uint8_t *copy = malloc(len ? len : 1);
        memcpy(copy, buf.data, len);
        struct view rest = view_of(copy, len);
        size_t used = 0;
        enum err err;
        while (!(err = batch_next(&rest, &info, &entry)))
            used += entry.len;
        ck_assert_int_eq(err, ERR_WOULD_BLOCK);
        ck_assert_uint_eq(used + rest.len, len);
        free(copy);
    }
    buf_close(&buf);
}
END_TEST

START_TEST(impossible_sizes_and_magics_are_corrupt)
{
    struct buf buf = {0};
    struct batch_info info;
    struct view entry = hex_view(&buf, HEX_BATCH_V2);
    static const int32_t sizes[] = {-1, 0, 13, 48, INT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        be_put_i32(buf.data + 8, sizes[i]);
        ck_assert_int_eq(batch_peek(entry, &info), ERR_CORRUPT_MESSAGE);
    }
    entry = hex_view(&buf, HEX_BATCH_V2);
    for (int magic = 3; magic < 256; magic++) {
        buf.data[16] = (uint8_t)magic;
        ck_assert_int_eq(batch_peek(entry, &info), ERR_CORRUPT_MESSAGE);
    }
    buf_close(&buf);
}
END_TEST

START_TEST(stamping_offset_and_epoch_keeps_the_crc)
{
    struct buf buf = {0};
    struct view entry = hex_view(&buf, HEX_BATCH_V2);
    struct batch_info info;
    batch_set_base_offset(buf.data, 1234567890123);
    batch_set_leader_epoch(buf.data, 9);
    ck_assert_int_eq(batch_check_crc(entry), ERR_NONE);
    ck_assert_int_eq(batch_peek(entry, &info), ERR_NONE);
    ck_assert_int_eq(info.base_offset, 1234567890123);
    ck_assert_int_eq(info.last_offset, 1234567890124);
    ck_assert_int_eq(info.leader_epoch, 9);
    batch_set_last_offset(buf.data, 7);
    ck_assert_int_eq(be_get_i64(buf.data), 6);
    buf_close(&buf);
}
END_TEST

START_TEST(stamping_timestamps_renews_the_crc_only_when_they_change)
{
    static const char *const hex[] = {HEX_BATCH_V2, HEX_MESSAGE_V1};
    for (int i = 0; i < 2; i++) {
        struct buf buf = {0};
        struct view entry = hex_view(&buf, hex[i]);
        struct batch_info info;
        ck_assert_int_eq(batch_peek(entry, &info), ERR_NONE);
        ck_assert(!batch_set_timestamps(buf.data, false, info.max_timestamp));
        check_hex(entry, hex[i]);
        ck_assert(batch_set_timestamps(buf.data, true, T0 + 99));
        ck_assert_int_eq(batch_check_crc(entry), ERR_NONE);
        ck_assert_int_eq(batch_peek(entry, &info), ERR_NONE);
        ck_assert(info.log_append_time);
        ck_assert_int_eq(info.max_timestamp, T0 + 99);
        buf_close(&buf);
    }
}
END_TEST

START_TEST(commit_marker_is_built_to_the_byte_and_read_back)
{
    struct control_batch spec = {CONTROL_COMMIT, 42, 7, T0, 1000, 2, 3};
    struct control_marker marker;
    struct buf buf = {0};
    control_batch_build(&spec, &buf);
    check_hex(buf_view(&buf), HEX_COMMIT_MARKER);
    ck_assert_int_eq(control_batch_parse(buf_view(&buf), &marker), ERR_NONE);
    ck_assert_int_eq(marker.type, CONTROL_COMMIT);
    ck_assert_int_eq(marker.coordinator_epoch, 3);
    buf_close(&buf);
}
END_TEST

static enum err parse_marker(struct view key, struct view value, struct control_marker *out)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.control = spec.transactional = true;
    struct record_builder b;
    struct buf buf = {0};
    record_builder_open(&b, &spec, NULL, &buf);
    record_builder_put(&b, T0, key, value);
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    enum err err = control_batch_parse(buf_view(&buf), out);
    buf_close(&buf);
    return err;
}

START_TEST(markers_of_the_future_are_read_and_broken_ones_are_not)
{
    struct control_marker m;
    ck_assert_int_eq(parse_marker(VIEW_LIT("\0\1\0\0more"), VIEW_LIT("\0\2\0\0\0\5more"), &m), ERR_NONE);
    ck_assert_int_eq(m.type, CONTROL_ABORT);
    ck_assert_int_eq(m.coordinator_epoch, 5);
    ck_assert_int_eq(parse_marker(VIEW_LIT("\0\0\0\3"), VIEW_NULL, &m), ERR_NONE);
    ck_assert_int_eq(m.type, CONTROL_OTHER);
    ck_assert_int_eq(m.raw_type, 3);
    ck_assert_int_eq(parse_marker(VIEW_LIT("\0\0\0"), VIEW_NULL, &m), ERR_INVALID_RECORD);
    ck_assert_int_eq(parse_marker(VIEW_NULL, VIEW_NULL, &m), ERR_INVALID_RECORD);
    ck_assert_int_eq(parse_marker(VIEW_LIT("\377\377\0\0"), VIEW_NULL, &m), ERR_INVALID_RECORD);
    ck_assert_int_eq(parse_marker(VIEW_LIT("\0\0\0\1"), VIEW_LIT("\0\0\0\0\0"), &m), ERR_INVALID_RECORD);
    ck_assert_int_eq(parse_marker(VIEW_LIT("\0\0\0\1"), VIEW_LIT("\377\377\0\0\0\1"), &m),
                     ERR_INVALID_RECORD);
}
END_TEST

START_TEST(sequences_wrap_to_zero)
{
    ck_assert_int_eq(sequence_increment(0, 1), 1);
    ck_assert_int_eq(sequence_increment(INT32_MAX, 1), 0);
    ck_assert_int_eq(sequence_increment(INT32_MAX - 1, 3), 1);
    ck_assert_int_eq(sequence_decrement(0, 1), INT32_MAX);
    ck_assert_int_eq(sequence_decrement(1, 3), INT32_MAX - 1);
    ck_assert_int_eq(sequence_decrement(sequence_increment(INT32_MAX - 5, 1000), 1000), INT32_MAX - 5);
}
END_TEST

Suite *record_batch_suite(void)
{
    Suite *suite = suite_create("record_batch");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, peek_reads_the_head_of_a_v2_batch);
    tcase_add_test(tcase, peek_reads_an_empty_batch_left_by_compaction);
    tcase_add_test(tcase, peek_reads_legacy_messages_alike);
    tcase_add_loop_test(tcase, crc_of_known_entries_is_right_and_any_bit_flip_breaks_it, 0, 5);
    tcase_add_test(tcase, next_walks_a_set_and_stops_at_a_partial_tail);
    tcase_add_test(tcase, impossible_sizes_and_magics_are_corrupt);
    tcase_add_test(tcase, stamping_offset_and_epoch_keeps_the_crc);
    tcase_add_test(tcase, stamping_timestamps_renews_the_crc_only_when_they_change);
    tcase_add_test(tcase, commit_marker_is_built_to_the_byte_and_read_back);
    tcase_add_test(tcase, markers_of_the_future_are_read_and_broken_ones_are_not);
    tcase_add_test(tcase, sequences_wrap_to_zero);
    suite_add_tcase(suite, tcase);
    return suite;
}
