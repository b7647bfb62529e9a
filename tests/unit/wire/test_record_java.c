/*
 * Record sets made by Kafka's own classes (tests/wire/records/RecordVectors.java says how and in what
 * notation): read record by record, written again to the byte, validated and down-converted as Kafka's
 * own broker code did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"
#include "records_suites.h"
#include "records_support.h"
#include "wire/record_convert.h"
#include "wire/record_iter.h"
#include "wire/record_validate.h"

#define LINE_MAX_BYTES ((size_t)4 << 20)

struct java {
    gzFile file;
    char *line;
    char *rest; /* of the line */
    char name[64];
    struct buf set;
    struct codec_ctx *ctx;
    struct record_iter it; /* of the set, one R line after another */
    struct view left;      /* entries of the set not yet iterated */
    bool iterating;
    int counts[128]; /* lines by letter */
    int differences;
};

static struct java java_open(void)
{
    struct java j = {0};
    const char *top = getenv("top_srcdir");
    char *path = mem_printf("%s/tests/wire/records/vectors.txt.gz", top ? top : "..");
    j.file = gzopen(path, "rb");
    ck_assert_msg(j.file, "cannot open %s", path);
    free(path);
    j.line = mem_alloc(LINE_MAX_BYTES);
    j.ctx = codec_ctx_new();
    return j;
}

static void java_close(struct java *j)
{
    gzclose(j->file);
    free(j->line);
    buf_close(&j->set);
    codec_ctx_free(j->ctx);
}

/* The letter of the next line; 0 at the end. */
static char java_next(struct java *j)
{
    if (!gzgets(j->file, j->line, (int)LINE_MAX_BYTES))
        return 0;
    j->line[strcspn(j->line, "\n")] = '\0';
    j->rest = j->line + 2;
    j->counts[j->line[0] & 127]++;
    return j->line[0];
}

static const char *java_word(struct java *j)
{
    return strsep(&j->rest, " ");
}

static int64_t java_int(struct java *j)
{
    return strtoll(java_word(j), NULL, 10);
}

/* Bytes in the generator's notation; appended to `out`, seen as a view (null for "-"). */
static struct view java_bytes(const char *word, struct buf *out)
{
    size_t start = out->len;
    if (word[0] == '-')
        return VIEW_NULL;
    if (word[0] == '*') {
        size_t n = strtoul(strchr(word + 1, '*') + 1, NULL, 10);
        memset(buf_extend(out, n), (int)strtoul(word + 1, NULL, 16), n);
    } else if (word[0] == '~') {
        uint32_t x = (uint32_t)strtoul(word + 1, NULL, 10);
        size_t n = strtoul(strchr(word, '*') + 1, NULL, 10);
        uint8_t *p = buf_extend(out, n);
        for (size_t i = 0; i < n; i++) {
            x = x * 1103515245u + 12345u;
            p[i] = (uint8_t)(x >> 16);
        }
    } else if (word[0] != '.') {
        put_hex(out, word);
    }
    buf_reserve(out, 1);
    return view_of(out->data + start, out->len - start);
}

static void check_field(struct java *j, struct view actual, const char *word)
{
    struct buf bytes = {0};
    struct view expected = java_bytes(word, &bytes);
    ck_assert_msg(view_equal(actual, expected), "%s: field %.40s", j->name, word);
    buf_close(&bytes);
}

static void start_set(struct java *j)
{
    buf_clear(&j->set);
    java_bytes(java_word(j), &j->set);
    j->left = buf_view(&j->set);
    j->iterating = false;
}

/* One R line against the next record of the set. */
static void check_next_record(struct java *j)
{
    struct record rec;
    while (!j->iterating || !record_iter_next(&j->it, &rec)) {
        struct batch_info info;
        struct view entry;
        if (j->iterating)
            ck_assert_int_eq(record_iter_close(&j->it), ERR_NONE);
        ck_assert_msg(!batch_next(&j->left, &info, &entry), "%s: too few records", j->name);
        ck_assert_int_eq(batch_check_crc(entry), ERR_NONE);
        record_iter_open(&j->it, entry, RECORD_VIEW, NULL, j->ctx);
        j->it.check_crc = true;
        j->iterating = true;
    }
    ck_assert_msg(rec.offset == java_int(j), "%s: offset %lld", j->name, (long long)rec.offset);
    ck_assert_msg(rec.timestamp == java_int(j), "%s: timestamp %lld", j->name, (long long)rec.timestamp);
    ck_assert_int_eq(rec.sequence, java_int(j));
    check_field(j, rec.key, java_word(j));
    check_field(j, rec.value, java_word(j));
    struct record_header header;
    int32_t headers = 0;
    while (j->rest) {
        ck_assert(record_header_next(&rec.headers, &header));
        check_field(j, header.key, java_word(j));
        check_field(j, header.value, java_word(j));
        headers++;
    }
    ck_assert_int_eq(headers, rec.header_count);
}

static void end_set(struct java *j)
{
    struct record rec;
    if (!j->iterating)
        return;
    ck_assert(!record_iter_next(&j->it, &rec));
    ck_assert_int_eq(record_iter_close(&j->it), ERR_NONE);
    ck_assert_uint_eq(j->left.len, 0);
    j->iterating = false;
}

/* Skimming must see the same structure as reading. */
static void check_skimming(struct java *j)
{
    struct view rest = buf_view(&j->set), entry;
    struct batch_info info;
    while (!batch_next(&rest, &info, &entry)) {
        struct codec_ctx *other = codec_ctx_new();
        struct record_iter skim, view;
        struct record a, b;
        record_iter_open(&skim, entry, RECORD_SKIM, NULL, other);
        record_iter_open(&view, entry, RECORD_VIEW, NULL, j->ctx);
        while (record_iter_next(&view, &a)) {
            ck_assert(record_iter_next(&skim, &b));
            ck_assert(a.offset == b.offset && a.timestamp == b.timestamp && a.sequence == b.sequence);
            ck_assert(a.key_size == b.key_size && a.value_size == b.value_size);
            ck_assert(a.header_count == b.header_count && a.size_bytes == b.size_bytes);
        }
        ck_assert(!record_iter_next(&skim, &b));
        ck_assert_int_eq(record_iter_close(&view), ERR_NONE);
        ck_assert_int_eq(record_iter_close(&skim), ERR_NONE);
        codec_ctx_free(other);
    }
}

/* Writes the records of a set again as `spec` says, else with what the first entry has. */
static void rewrite(struct java *j, enum codec codec, struct buf *out)
{
    struct view rest = buf_view(&j->set), entry;
    struct batch_info info;
    struct record_builder b;
    bool open = false;
    while (!batch_next(&rest, &info, &entry)) {
        struct record_iter it;
        struct record rec;
        record_iter_open(&it, entry, RECORD_VIEW, NULL, j->ctx);
        while (record_iter_next(&it, &rec)) {
            if (!open) {
                struct record_builder_spec spec = RECORD_BUILDER_V2;
                spec.magic = info.magic;
                spec.codec = codec;
                spec.base_offset = rec.offset;
                spec.log_append_time = info.log_append_time;
                spec.log_append_ms = info.max_timestamp;
                spec.producer_id = info.producer_id;
                spec.producer_epoch = info.producer_epoch;
                spec.base_sequence = info.base_sequence;
                spec.transactional = info.transactional;
                spec.control = info.control;
                spec.leader_epoch = info.leader_epoch;
                record_builder_open(&b, &spec, NULL, out);
            }
            /* A LogAppendTime batch hides its records' own timestamps; take them from the deltas. */
            open = true;
            record_builder_append(&b, &rec);
        }
        ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
    }
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
}

static void check_rewriting(struct java *j, struct view plain)
{
    struct batch_info info;
    ck_assert_int_eq(batch_peek(buf_view(&j->set), &info), ERR_NONE);
    if (info.magic == 2 && info.log_append_time)
        return;
    struct buf out = {0};
    rewrite(j, CODEC_NONE, &out);
    ck_assert_msg(view_equal(buf_view(&out), plain), "%s: written anew without compression", j->name);
    buf_close(&out);
}

START_TEST(sets_of_kafka_are_read_and_written_again_to_the_byte)
{
    struct java j = java_open();
    struct buf plain = {0};
    char letter;
    while ((letter = java_next(&j))) {
        struct batch_info info;
        switch (letter) {
        case 'V':
            end_set(&j);
            snprintf(j.name, sizeof j.name, "%s", j.rest);
            break;
        case 'S':
            start_set(&j);
            check_skimming(&j);
            ck_assert_int_eq(batch_peek(buf_view(&j.set), &info), ERR_NONE);
            if (info.codec == CODEC_NONE)
                check_rewriting(&j, buf_view(&j.set));
            break;
        case 'P':
            buf_clear(&plain);
            check_rewriting(&j, java_bytes(java_word(&j), &plain));
            break;
        case 'R':
            check_next_record(&j);
            break;
        }
    }
    end_set(&j);
    ck_assert_int_gt(j.counts['S'], 100);
    ck_assert_int_gt(j.counts['R'], 2000);
    buf_close(&plain);
    java_close(&j);
}
END_TEST

static void check_append(struct java *j)
{
    struct append_rules rules = APPEND_RULES_DEFAULT;
    struct records_summary summary;
    struct append_plan plan = {0};
    struct buf in = {0}, expected = {0};
    rules.target_codec = (int)java_int(j);
    rules.log_append_time = java_int(j);
    rules.compacted = java_int(j);
    int64_t now_ms = java_int(j), offset = java_int(j);
    int32_t epoch = (int32_t)java_int(j);
    int16_t code = (int16_t)java_int(j);
    int64_t max_timestamp = java_int(j);
    java_bytes(java_word(j), &expected);

    buf_put_view(&in, buf_view(&j->set));
    enum err err = records_analyze(buf_view(&in), &rules, &summary, NULL);
    if (!err)
        err = records_prepare(&plan, in.data, &summary, &rules, now_ms, j->ctx, NULL);
    ck_assert_msg(err_wire_code(err) == code, "%s: %s instead of %d", j->name, err_name(err), code);
    if (!err) {
        records_assign(&plan, offset, epoch);
        ck_assert_int_eq(plan.info.max_timestamp, max_timestamp);
        if (!plan.rebuilt || plan.info.target_codec == CODEC_NONE)
            ck_assert_msg(view_equal(plan.info.bytes, buf_view(&expected)), "%s: appended to %d", j->name,
                          rules.target_codec);
    }
    append_plan_close(&plan);
    buf_close(&in);
    buf_close(&expected);
}

START_TEST(appending_gives_the_bytes_that_kafka_writes)
{
    struct java j = java_open();
    char letter;
    while ((letter = java_next(&j))) {
        if (letter == 'V')
            snprintf(j.name, sizeof j.name, "%s", j.rest);
        else if (letter == 'S')
            start_set(&j);
        else if (letter == 'A')
            check_append(&j);
    }
    ck_assert_int_gt(j.counts['A'], 200);
    java_close(&j);
}
END_TEST

/* Both sets hold the same records. */
static void check_same_records(struct java *j, struct view a, struct view b)
{
    struct batch_info ia, ib;
    struct view ea, eb;
    struct codec_ctx *other = codec_ctx_new();
    while (a.len > 0) {
        ck_assert_int_eq(batch_next(&a, &ia, &ea), ERR_NONE);
        ck_assert_int_eq(batch_next(&b, &ib, &eb), ERR_NONE);
        ck_assert(ia.magic == ib.magic && ia.codec == ib.codec && ia.last_offset == ib.last_offset);
        ck_assert(ia.max_timestamp == ib.max_timestamp && ia.log_append_time == ib.log_append_time);
        ck_assert_int_eq(batch_check_crc(ea), ERR_NONE);
        struct record_iter ta, tb;
        struct record ra, rb;
        record_iter_open(&ta, ea, RECORD_VIEW, NULL, j->ctx);
        record_iter_open(&tb, eb, RECORD_VIEW, NULL, other);
        while (record_iter_next(&ta, &ra)) {
            ck_assert(record_iter_next(&tb, &rb));
            ck_assert(ra.offset == rb.offset && ra.timestamp == rb.timestamp);
            ck_assert(view_equal(ra.key, rb.key) && view_equal(ra.value, rb.value));
        }
        ck_assert(!record_iter_next(&tb, &rb));
        ck_assert_int_eq(record_iter_close(&ta), ERR_NONE);
        ck_assert_int_eq(record_iter_close(&tb), ERR_NONE);
    }
    ck_assert_uint_eq(b.len, 0);
    codec_ctx_free(other);
}

static void check_down(struct java *j)
{
    struct buf expected = {0}, out = {0};
    int8_t magic = (int8_t)java_int(j);
    int64_t first_offset = java_int(j);
    struct view bytes = java_bytes(java_word(j), &expected);
    enum err err =
        records_down_convert(buf_view(&j->set), magic, first_offset, SIZE_MAX, j->ctx, &out, NULL, NULL);
    ck_assert_msg(!err, "%s: %s", j->name, err_name(err));
    if (bytes.len == 0)
        ck_assert_uint_eq(out.len, 12); /* the incomplete entry */
    else
        check_same_records(j, buf_view(&out), bytes);
    struct batch_info info;
    if (bytes.len > 0 && !batch_peek(bytes, &info) && info.codec == CODEC_NONE)
        ck_assert_msg(view_equal(buf_view(&out), bytes), "%s: converted to magic %d", j->name, magic);
    buf_close(&out);
    buf_close(&expected);
}

START_TEST(down_conversion_gives_the_records_that_kafka_sends)
{
    struct java j = java_open();
    char letter;
    while ((letter = java_next(&j))) {
        if (letter == 'V')
            snprintf(j.name, sizeof j.name, "%s", j.rest);
        else if (letter == 'S')
            start_set(&j);
        else if (letter == 'D')
            check_down(&j);
    }
    ck_assert_int_gt(j.counts['D'], 100);
    java_close(&j);
}
END_TEST

static enum err append_client(struct view set, int16_t version, struct codec_ctx *ctx)
{
    struct append_rules rules = APPEND_RULES_DEFAULT;
    struct records_summary summary;
    struct append_plan plan = {0};
    /* Memory of exactly this size, so that a sanitizer sees a read beyond it. */
    uint8_t *copy = mem_alloc(set.len ? set.len : 1);
    memcpy(copy, set.ptr, set.len);
    rules.produce_version = version;
    enum err err = records_analyze(view_of(copy, set.len), &rules, &summary, NULL);
    if (!err && summary.entry_count > 0)
        err = records_prepare(&plan, copy, &summary, &rules, T0 + 1000000, ctx, NULL);
    append_plan_close(&plan);
    free(copy);
    return err;
}

/*
 * Where we differ from Kafka on purpose. In each case no client sends such bytes, and the answer makes
 * a client give up on the batch, as Kafka's does.
 */
static bool is_known_difference(struct view set, int16_t kafka, enum err here)
{
    bool v2 = set.len > 16 && set.ptr[16] == 2;
    /* Kafka runs into an exception that it did not foresee: lengths of legacy fields, gaps in offsets. */
    if (kafka == -1 && (here == ERR_INVALID_RECORD || (here == ERR_CORRUPT_MESSAGE && !v2)))
        return true;
    /*
     * Kafka stores what its consumers cannot read: it does not look whether records of a compressed
     * batch have the length that they say, nor at the offsets in an uncompressed one.
     */
    if (kafka == 0 && here == ERR_INVALID_RECORD)
        return true;
    /* Of two errors in one set another is found first. */
    return kafka == ERR_INVALID_RECORD && here == ERR_CORRUPT_MESSAGE && !v2;
}

START_TEST(mutated_sets_get_the_error_code_that_kafka_gives)
{
    struct java j = java_open();
    struct buf set = {0};
    char letter;
    while ((letter = java_next(&j))) {
        if (letter != 'E')
            continue;
        int16_t version = (int16_t)java_int(&j), code = (int16_t)java_int(&j);
        const char *hex = java_word(&j);
        buf_clear(&set);
        struct view bytes = java_bytes(hex, &set);
        enum err err = append_client(bytes, version, j.ctx);
        if (err_wire_code(err) != code && !is_known_difference(bytes, code, err)) {
            j.differences++;
            printf("kafka %d, here %s: %s\n", code, err_name(err), hex);
        }
    }
    ck_assert_int_gt(j.counts['E'], 1000);
    ck_assert_int_eq(j.differences, 0);
    buf_close(&set);
    java_close(&j);
}
END_TEST

Suite *record_java_suite(void)
{
    Suite *suite = suite_create("record_java");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, sets_of_kafka_are_read_and_written_again_to_the_byte);
    tcase_add_test(tcase, appending_gives_the_bytes_that_kafka_writes);
    tcase_add_test(tcase, down_conversion_gives_the_records_that_kafka_sends);
    tcase_add_test(tcase, mutated_sets_get_the_error_code_that_kafka_gives);
    suite_add_tcase(suite, tcase);
    return suite;
}
