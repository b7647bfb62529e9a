#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/varint.h"
#include "records_suites.h"
#include "records_support.h"
#include "wire/compress.h"
#include "wire/record_validate.h"

static void roundtrip(struct codec_ctx *ctx, enum codec codec, int level, int8_t magic, struct view in)
{
    struct buf packed = {0}, out = {0};
    compress_all(ctx, codec, level, magic, in, &packed);
    ck_assert_int_eq(decompress_all(ctx, codec, magic, buf_view(&packed), in.len, &out), ERR_NONE);
    ck_assert(view_equal(buf_view(&out), in));
    buf_clear(&out);
    if (in.len > 0)
        ck_assert_int_eq(decompress_all(ctx, codec, magic, buf_view(&packed), in.len - 1, &out),
                         ERR_MESSAGE_TOO_LARGE);
    buf_close(&packed);
    buf_close(&out);
}

START_TEST(every_codec_gives_back_what_it_took_at_sizes_around_its_chunks)
{
    static const size_t sizes[] = {0,     1,     2,     7,     512,   16383,  16384,  16385,  32767,
                                   32768, 32769, 65535, 65536, 65537, 131071, 131072, 131073, 300001};
    struct codec_ctx *ctx = codec_ctx_new();
    struct buf in = {0};
    put_text(&in, 300001, 7);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        if (_i == CODEC_SNAPPY && sizes[i] == 0)
            continue;
        roundtrip(ctx, (enum codec)_i, CODEC_LEVEL_DEFAULT, 2, view_of(in.data, sizes[i]));
    }
    codec_ctx_free(ctx);
    buf_close(&in);
}
END_TEST

START_TEST(every_level_of_a_codec_works_and_wild_ones_are_brought_into_range)
{
    static const int levels[] = {INT_MIN, -1000000, -5, -1, 0, 1, 3, 6, 9, 12, 17, 19, 1000000};
    struct codec_ctx *ctx = codec_ctx_new();
    struct buf in = {0};
    put_text(&in, 200000, 8);
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        roundtrip(ctx, (enum codec)_i, levels[i], 2, buf_view(&in));
    codec_ctx_free(ctx);
    buf_close(&in);
}
END_TEST

START_TEST(writing_in_pieces_gives_the_bytes_of_writing_at_once)
{
    struct codec_ctx *ctx = codec_ctx_new();
    struct buf in = {0}, once = {0}, pieces = {0};
    put_text(&in, 300001, 9);
    compress_all(ctx, (enum codec)_i, CODEC_LEVEL_DEFAULT, 2, buf_view(&in), &once);
    compress_begin(ctx, (enum codec)_i, CODEC_LEVEL_DEFAULT, 2, &pieces);
    for (size_t at = 0, n = 1; at < in.len; at += n, n = n % 5000 + 1) {
        if (n > in.len - at)
            n = in.len - at;
        compress_write(ctx, view_of(in.data + at, n));
    }
    compress_end(ctx);
    ck_assert(view_equal(buf_view(&once), buf_view(&pieces)));
    codec_ctx_free(ctx);
    buf_close(&in);
    buf_close(&once);
    buf_close(&pieces);
}
END_TEST

/* Decompresses hex to text; "" with an error otherwise. */
static void check_reads(enum codec codec, int8_t magic, const char *hex, enum err expected, const char *text)
{
    struct codec_ctx *ctx = codec_ctx_new();
    struct buf in = {0}, out = {0};
    put_hex(&in, hex);
    enum err err = decompress_all(ctx, codec, magic, buf_view(&in), 1000, &out);
    ck_assert_msg(err == expected, "%s: %s", hex, err_name(err));
    if (!err)
        ck_assert(view_equal_str(buf_view(&out), text));
    codec_ctx_free(ctx);
    buf_close(&in);
    buf_close(&out);
}

#define XERIAL_ABC "82534e41505059000000000100000001000000050308616263"

START_TEST(snappy_is_read_framed_raw_and_concatenated)
{
    check_reads(CODEC_SNAPPY, 2, XERIAL_ABC, ERR_NONE, "abc");
    check_reads(CODEC_SNAPPY, 2, "0308616263", ERR_NONE, "abc");
    check_reads(CODEC_SNAPPY, 2, XERIAL_ABC XERIAL_ABC, ERR_NONE, "abcabc");
    check_reads(CODEC_SNAPPY, 2, XERIAL_ABC "000000050308616263", ERR_NONE, "abcabc");
    check_reads(CODEC_SNAPPY, 2, XERIAL_ABC "0000", ERR_NONE, "abc");
    check_reads(CODEC_SNAPPY, 2, XERIAL_ABC "82534e41", ERR_MALFORMED, "");
    check_reads(CODEC_SNAPPY, 2, XERIAL_ABC "ffffffff", ERR_MALFORMED, "");
    check_reads(CODEC_SNAPPY, 2, XERIAL_ABC "0000000603086162", ERR_MALFORMED, "");
    check_reads(CODEC_SNAPPY, 2, "ffffffff0f08616263", ERR_MALFORMED, ""); /* promises 4 GiB */
    check_reads(CODEC_SNAPPY, 2, "", ERR_MALFORMED, "");
}
END_TEST

START_TEST(lz4_header_checksum_of_magic_0_is_the_wrong_one)
{
    static const char *const right = "04224d186040820300008061626300000000";
    static const char *const wrong = "04224d1860401a0300008061626300000000";
    struct codec_ctx *ctx = codec_ctx_new();
    for (int8_t magic = 0; magic < 3; magic++) {
        struct buf out = {0};
        compress_all(ctx, CODEC_LZ4, CODEC_LEVEL_DEFAULT, magic, VIEW_LIT("abc"), &out);
        check_hex(buf_view(&out), magic == 0 ? wrong : right);
        buf_close(&out);
        check_reads(CODEC_LZ4, magic, right, ERR_NONE, "abc");
        check_reads(CODEC_LZ4, magic, wrong, magic == 0 ? ERR_NONE : ERR_MALFORMED, "abc");
    }
    codec_ctx_free(ctx);
}
END_TEST

START_TEST(lz4_frames_of_other_writers_are_read)
{
    /* Content size, content checksum, block checksums: what the lz4 tool reads too. */
    check_reads(CODEC_LZ4, 2, "04224d1868400300000000000000870300008061626300000000", ERR_NONE, "abc");
    check_reads(CODEC_LZ4, 2, "04224d186440a70300008061626300000000ff53d132", ERR_NONE, "abc");
    check_reads(CODEC_LZ4, 2, "04224d187040ad03000080616263ff53d13200000000", ERR_NONE, "abc");
    check_reads(CODEC_LZ4, 2, "04224d187040ad03000080616263ff53d13300000000", ERR_MALFORMED, "");
    /* Dependent blocks, a dictionary, another version, too short, no end mark. */
    check_reads(CODEC_LZ4, 2, "04224d184040c00300008061626300000000", ERR_MALFORMED, "");
    check_reads(CODEC_LZ4, 0, "04224d186140820300008061626300000000", ERR_MALFORMED, "");
    check_reads(CODEC_LZ4, 0, "04224d18a040820300008061626300000000", ERR_MALFORMED, "");
    check_reads(CODEC_LZ4, 2, "04224d186040", ERR_MALFORMED, "");
    check_reads(CODEC_LZ4, 2, "04224d1860408203000080616263", ERR_MALFORMED, "");
}
END_TEST

START_TEST(streams_of_several_parts_are_read)
{
    static const enum codec codecs[] = {CODEC_GZIP, CODEC_ZSTD};
    struct codec_ctx *ctx = codec_ctx_new();
    for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
        struct buf in = {0}, out = {0};
        compress_all(ctx, codecs[i], CODEC_LEVEL_DEFAULT, 2, VIEW_LIT("abc"), &in);
        compress_all(ctx, codecs[i], CODEC_LEVEL_DEFAULT, 2, VIEW_LIT("def"), &in);
        ck_assert_int_eq(decompress_all(ctx, codecs[i], 2, buf_view(&in), 100, &out), ERR_NONE);
        ck_assert(view_equal_str(buf_view(&out), "abcdef"));
        buf_close(&in);
        buf_close(&out);
    }
    codec_ctx_free(ctx);
}
END_TEST

START_TEST(stream_cut_anywhere_never_gives_all_of_it)
{
    struct codec_ctx *ctx = codec_ctx_new();
    struct buf in = {0}, packed = {0};
    put_text(&in, 700, 11);
    compress_all(ctx, (enum codec)_i, CODEC_LEVEL_DEFAULT, 2, buf_view(&in), &packed);
    for (size_t len = 0; len < packed.len; len++) {
        uint8_t *copy = mem_dup(packed.data, len ? len : 1);
        struct buf out = {0};
        enum err err = decompress_all(ctx, (enum codec)_i, 2, view_of(copy, len), in.len, &out);
        ck_assert(err || out.len < in.len);
        free(copy);
        buf_close(&out);
    }
    codec_ctx_free(ctx);
    buf_close(&in);
    buf_close(&packed);
}
END_TEST

START_TEST(thread_keeps_its_ctx_and_makes_another_while_it_is_on_loan)
{
    struct codec_ctx *first = codec_ctx_borrow();
    struct codec_ctx *second = codec_ctx_borrow();
    ck_assert_ptr_ne(first, second);
    codec_ctx_return(first);
    codec_ctx_return(second); /* one is enough */
    ck_assert_ptr_eq(codec_ctx_borrow(), first);
    codec_ctx_return(first);
    codec_ctx_return(NULL);
}
END_TEST

START_TEST(batches_are_checked_built_and_converted_with_the_ctx_of_the_thread)
{
    struct codec_ctx *mine = codec_ctx_borrow();
    size_t empty = codec_ctx_bytes(mine);
    codec_ctx_return(mine);
    struct buf batch = {0};
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct record_builder builder;
    static const uint8_t same[1000];
    spec.codec = (enum codec)_i;
    record_builder_open(&builder, &spec, NULL, &batch);
    record_builder_put(&builder, T0, VIEW_NULL, view_of(same, sizeof same));
    ck_assert_int_eq(record_builder_finish(&builder, NULL), ERR_NONE);
    size_t built = codec_ctx_bytes(mine);
    ck_assert_uint_gt(built, empty);
    struct append_rules rules = APPEND_RULES_DEFAULT;
    struct records_summary summary;
    size_t prepared = 0;
    for (int time = 0; time < 3; time++) {
        struct append_plan plan;
        ck_assert_int_eq(records_analyze(buf_view(&batch), &rules, &summary, NULL), ERR_NONE);
        ck_assert_int_eq(records_prepare(&plan, batch.data, &summary, &rules, T0, NULL, NULL), ERR_NONE);
        append_plan_close(&plan);
        size_t now = codec_ctx_bytes(mine);
        ck_assert_uint_gt(now, built);
        ck_assert(time == 0 || now == prepared);
        prepared = now;
    }
    ck_assert_ptr_eq(codec_ctx_borrow(), mine);
    codec_ctx_return(mine);
    buf_close(&batch);
}
END_TEST

/* Zeros whose frame demands a window of 64 MiB of its reader. */
static void put_wide_frame(struct buf *out)
{
    static uint8_t zeros[1 << 20];
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, 26);
    for (int i = 0; i <= 128; i++) {
        ZSTD_inBuffer in = {zeros, sizeof zeros, 0};
        ZSTD_outBuffer room = {buf_reserve(out, 1 << 20), 1 << 20, 0};
        size_t left = ZSTD_compressStream2(zstd, &room, &in, i < 128 ? ZSTD_e_continue : ZSTD_e_end);
        ck_assert(!ZSTD_isError(left) && in.pos == in.size);
        out->len += room.pos;
    }
    ZSTD_freeCCtx(zstd);
}

START_TEST(thread_does_not_keep_what_a_rare_input_made_large)
{
    struct buf wide = {0}, out = {0};
    put_wide_frame(&wide);
    struct codec_ctx *ctx = codec_ctx_borrow();
    struct view piece;
    ck_assert_int_eq(decompress_begin(ctx, CODEC_ZSTD, 2, buf_view(&wide)), ERR_NONE);
    ck_assert_int_eq(decompress_next(ctx, &piece), ERR_NONE);
    ck_assert_uint_gt(codec_ctx_bytes(ctx), (size_t)64 << 20);
    decompress_end(ctx);
    ck_assert_uint_lt(codec_ctx_bytes(ctx), CODEC_THREAD_BYTES);
    codec_ctx_return(ctx);
    ck_assert_ptr_eq(codec_ctx_borrow(), ctx);
    /* Each kind of memory within its limit, all together too much. */
    buf_reserve(codec_ctx_scratch(ctx), CODEC_THREAD_BYTES);
    codec_ctx_return(ctx);
    ctx = codec_ctx_borrow();
    ck_assert_uint_lt(codec_ctx_bytes(ctx), CODEC_THREAD_BYTES);
    codec_ctx_return(ctx);
    buf_close(&wide);
    buf_close(&out);
}
END_TEST

static void *use_and_end(void *arg)
{
    (void)arg;
    struct buf in = {0};
    put_text(&in, 1000, 5);
    struct codec_ctx *ctx = codec_ctx_borrow();
    for (int codec = 0; codec < CODEC_COUNT; codec++)
        roundtrip(ctx, (enum codec)codec, CODEC_LEVEL_DEFAULT, 2, buf_view(&in));
    codec_ctx_return(ctx);
    buf_close(&in);
    return NULL;
}

/* A leak would be told by the sanitizers. */
START_TEST(ctx_of_a_thread_goes_with_it)
{
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, use_and_end, NULL), 0);
        pthread_join(thread, NULL);
    }
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define RSS_LIMIT_KIB (512L * 1024)
#else
#define RSS_LIMIT_KIB (100L * 1024)
#endif

#define BOMB_BYTES ((size_t)256 << 20)

/* A v2 batch with one record whose value is 256 MiB of zeros, or with millions of records. */
static void build_bomb(struct buf *out, enum codec codec, bool many)
{
    static uint8_t zeros[1 << 20];
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct record_builder b;
    struct codec_ctx *ctx = codec_ctx_new();
    spec.codec = codec;
    spec.level = 1;
    record_builder_open(&b, &spec, ctx, out);
    record_builder_put(&b, T0, VIEW_NULL, VIEW_NULL);
    if (many) {
        for (size_t i = 0; i < BOMB_BYTES / 1024; i++)
            record_builder_put(&b, T0, VIEW_NULL, view_of(zeros, 1024));
    } else {
        uint8_t head[32];
        int32_t body = (int32_t)BOMB_BYTES + 4 + 5 + 1;
        size_t n = varint_write_i32(head, body);
        memcpy(head + n, "\0\0\2\1", 4); /* attributes, deltas, null key */
        n += 4;
        n += varint_write_i32(head + n, (int32_t)BOMB_BYTES);
        compress_write(ctx, view_of(head, n));
        for (size_t i = 0; i < BOMB_BYTES; i += sizeof zeros)
            compress_write(ctx, view_of(zeros, sizeof zeros));
        compress_write(ctx, view_of(zeros, 1)); /* no headers */
        b.count = 2;
        b.last_offset = 1;
    }
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    codec_ctx_free(ctx);
}

static enum err append_bomb(struct buf *bomb, int target_codec)
{
    struct append_rules rules = APPEND_RULES_DEFAULT;
    struct records_summary summary;
    struct append_plan plan;
    rules.max_message_bytes = INT32_MAX / 64; /* gzip and snappy do not make bombs of a megabyte */
    rules.target_codec = target_codec;
    ck_assert_int_eq(records_analyze(buf_view(bomb), &rules, &summary, NULL), ERR_NONE);
    rules.max_message_bytes = 1048588;
    enum err err = records_prepare(&plan, bomb->data, &summary, &rules, T0, NULL, NULL);
    append_plan_close(&plan);
    return err;
}

START_TEST(bombs_are_checked_in_little_memory)
{
    enum codec codec = (enum codec)(_i / 2);
    bool many = _i % 2;
    struct buf bomb = {0};
    build_bomb(&bomb, codec, many);
    /* Kept as it is: legal, however large. Rebuilt without compression: too large. */
    ck_assert_int_eq(append_bomb(&bomb, CODEC_PRODUCER), ERR_NONE);
    ck_assert_int_eq(append_bomb(&bomb, CODEC_NONE), many ? ERR_MESSAGE_TOO_LARGE : ERR_INVALID_RECORD);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    ck_assert_int_lt(usage.ru_maxrss, RSS_LIMIT_KIB);
    buf_close(&bomb);
}
END_TEST

Suite *compress_suite(void)
{
    Suite *suite = suite_create("compress");
    TCase *tcase = tcase_create("codecs");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_codec_gives_back_what_it_took_at_sizes_around_its_chunks, 0,
                        CODEC_COUNT);
    tcase_add_loop_test(tcase, every_level_of_a_codec_works_and_wild_ones_are_brought_into_range, 0,
                        CODEC_COUNT);
    tcase_add_loop_test(tcase, writing_in_pieces_gives_the_bytes_of_writing_at_once, 0, CODEC_COUNT);
    tcase_add_test(tcase, snappy_is_read_framed_raw_and_concatenated);
    tcase_add_test(tcase, lz4_header_checksum_of_magic_0_is_the_wrong_one);
    tcase_add_test(tcase, lz4_frames_of_other_writers_are_read);
    tcase_add_test(tcase, streams_of_several_parts_are_read);
    tcase_add_loop_test(tcase, stream_cut_anywhere_never_gives_all_of_it, 0, CODEC_COUNT);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("the ctx of a thread");
    tcase_add_test(tcase, thread_keeps_its_ctx_and_makes_another_while_it_is_on_loan);
    tcase_add_loop_test(tcase, batches_are_checked_built_and_converted_with_the_ctx_of_the_thread, CODEC_GZIP,
                        CODEC_COUNT);
    tcase_add_test(tcase, thread_does_not_keep_what_a_rare_input_made_large);
    tcase_add_test(tcase, ctx_of_a_thread_goes_with_it);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("bombs");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, bombs_are_checked_in_little_memory, 2 * CODEC_GZIP, 2 * CODEC_COUNT);
    suite_add_tcase(suite, tcase);
    return suite;
}
