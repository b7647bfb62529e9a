/* The straight-line codecs of Produce and Fetch against the interpreter of the tables. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec_suites.h"
#include "random_message.h"
#include "vectors.h"
#include "wire/fetch_codec.h"
#include "wire/produce_codec.h"

#define ROUNDS 300

struct fixture {
    struct prng prng;
    struct arena arena;
    struct buf bytes;
    struct buf expected;
    struct buf got;
    struct errmsg why;
};

static void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    prng_seed(&f->prng, 77);
}

static void fixture_close(struct fixture *f)
{
    arena_close(&f->arena);
    buf_close(&f->bytes);
    buf_close(&f->expected);
    buf_close(&f->got);
}

static enum err decode_fast(const struct wire_message *desc, int16_t version, struct view bytes, size_t *used,
                            struct arena *arena, void *out, struct errmsg *why)
{
    if (desc == &wire_produce_request_desc)
        return produce_codec_decode_request(version, bytes, used, arena, out, why);
    return fetch_codec_decode_request(version, bytes, used, arena, out, why);
}

/* Same verdict, same length, same message. */
static void check_decode(struct fixture *f, const struct wire_message *desc, int16_t version,
                         struct view given)
{
    uint8_t *exact = mem_dup(given.ptr, given.len + !given.len);
    struct view bytes = view_of(exact, given.len);
    void *expected = arena_alloc(&f->arena, desc->size);
    void *got = arena_alloc(&f->arena, desc->size);
    size_t expected_used = 0, used = 0;
    enum err expected_err = wire_decode(desc, version, bytes, &expected_used, &f->arena, expected, NULL);
    enum err err = decode_fast(desc, version, bytes, &used, &f->arena, got, &f->why);
    ck_assert_msg(err == expected_err, "%s v%d: %d instead of %d", desc->name, version, err, expected_err);
    if (!err) {
        ck_assert_uint_eq(used, expected_used);
        ck_assert_msg(wire_equal(desc, expected, got), "%s v%d differs", desc->name, version);
    }
    free(exact);
}

/* The bytes as they are, cut at every place, and bent at some. */
static void check_decode_around(struct fixture *f, const struct wire_message *desc, int16_t version)
{
    check_decode(f, desc, version, buf_view(&f->bytes));
    for (size_t len = 0; len < f->bytes.len; len++)
        check_decode(f, desc, version, view_of(f->bytes.data, len));
    for (int i = 0; i < 50 && f->bytes.len > 0; i++) {
        size_t at = prng_below(&f->prng, f->bytes.len);
        uint8_t saved = f->bytes.data[at];
        f->bytes.data[at] = (uint8_t)prng_next(&f->prng);
        check_decode(f, desc, version, buf_view(&f->bytes));
        f->bytes.data[at] = saved;
    }
    arena_reset(&f->arena);
}

static void check_request(const struct wire_message *desc)
{
    struct fixture f;
    fixture_init(&f);
    void *message = mem_zalloc(desc->size);
    for (int16_t v = desc->min_version; v <= desc->max_version; v++)
        for (int round = 0; round < ROUNDS / 10; round++) {
            random_message(desc, v, &f.prng, &f.arena, message);
            buf_clear(&f.bytes);
            ck_assert_int_eq(wire_encode(desc, v, message, &f.bytes, NULL), ERR_NONE);
            check_decode_around(&f, desc, v);
        }
    check_decode(&f, desc, (int16_t)(desc->max_version + 1), VIEW_LIT("12345678"));
    check_decode(&f, desc, -1, VIEW_LIT("12345678"));
    free(message);
    fixture_close(&f);
}

START_TEST(produce_requests_decode_as_by_the_tables)
{
    check_request(&wire_produce_request_desc);
}
END_TEST

START_TEST(fetch_requests_decode_as_by_the_tables)
{
    check_request(&wire_fetch_request_desc);
}
END_TEST

START_TEST(kafkas_produce_and_fetch_requests_decode_as_by_the_tables)
{
    struct fixture f;
    struct vectors vectors;
    struct vector vector = {0};
    fixture_init(&f);
    vectors_open(&vectors);
    while (vectors_next(&vectors, &vector))
        if (vector.desc == &wire_produce_request_desc || vector.desc == &wire_fetch_request_desc) {
            buf_clear(&f.bytes);
            buf_put_view(&f.bytes, buf_view(&vector.bytes));
            check_decode_around(&f, vector.desc, vector.version);
        }
    vectors_close(&vectors);
    buf_close(&vector.bytes);
    fixture_close(&f);
}
END_TEST

/* A follower's request has its state and directory in tags, which must not leave the straight line. */
START_TEST(fetch_request_of_a_follower_decodes_with_its_tags)
{
    struct fixture f;
    fixture_init(&f);
    struct wire_fetch_request in, out;
    struct wire_fetch_request_fetch_topic topic;
    struct wire_fetch_request_fetch_partition part;
    wire_init(&wire_fetch_request_desc, &in);
    wire_init(&wire_fetch_request_fetch_topic_desc, &topic);
    wire_init(&wire_fetch_request_fetch_partition_desc, &part);
    in.replica_state.replica_id = 3;
    in.replica_state.replica_epoch = 77;
    in.topics = &topic;
    in.topics_count = 1;
    topic.topic_id.bytes[0] = 1;
    topic.partitions = &part;
    topic.partitions_count = 1;
    part.replica_directory_id.bytes[15] = 9;
    ck_assert_int_eq(wire_encode(&wire_fetch_request_desc, 17, &in, &f.bytes, &f.why), ERR_NONE);
    ck_assert_int_eq(fetch_codec_decode_request(17, buf_view(&f.bytes), NULL, &f.arena, &out, &f.why),
                     ERR_NONE);
    ck_assert(wire_equal(&wire_fetch_request_desc, &in, &out));
    ck_assert_int_eq(out.replica_state.replica_id, 3);
    ck_assert_uint_eq(out.topics[0].partitions[0].replica_directory_id.bytes[15], 9);
    fixture_close(&f);
}
END_TEST

/* Same verdict and same bytes; the message may hold what the version lacks. */
static void check_produce_response(struct fixture *f, int16_t version, const struct wire_produce_response *in)
{
    buf_clear(&f->expected);
    buf_clear(&f->got);
    enum err expected = wire_encode(&wire_produce_response_desc, version, in, &f->expected, NULL);
    ck_assert_int_eq(produce_codec_encode_response(version, in, &f->got, &f->why), expected);
    ck_assert_msg(view_equal(buf_view(&f->got), buf_view(&f->expected)), "v%d: other bytes", version);
}

static void make_plain(struct wire_produce_response *response)
{
    response->node_endpoints_count = 0;
    for (int32_t t = 0; t < response->responses_count; t++)
        for (int32_t p = 0; p < response->responses[t].partition_responses_count; p++) {
            struct wire_produce_response_partition_produce_response *part =
                &response->responses[t].partition_responses[p];
            part->record_errors_count = 0;
            part->error_message = VIEW_NULL;
            part->current_leader.leader_id = part->current_leader.leader_epoch = -1;
        }
}

START_TEST(produce_responses_encode_as_by_the_tables)
{
    struct fixture f;
    fixture_init(&f);
    const struct wire_message *desc = &wire_produce_response_desc;
    for (int16_t v = desc->min_version; v <= desc->max_version; v++)
        for (int round = 0; round < ROUNDS; round++) {
            struct wire_produce_response response;
            int16_t made_for = round % 3 ? v : desc->max_version;
            random_message(desc, made_for, &f.prng, &f.arena, &response);
            check_produce_response(&f, v, &response);
            make_plain(&response);
            check_produce_response(&f, v, &response);
            arena_reset(&f.arena);
        }
    struct wire_produce_response empty;
    wire_init(desc, &empty);
    check_produce_response(&f, (int16_t)(desc->max_version + 1), &empty);
    fixture_close(&f);
}
END_TEST

/* What goes out in the end: the encoder's bytes with the records put into the holes. */
static void fill_holes(struct fixture *f, const struct wire_fetch_response *in,
                       const struct fetch_holes *holes, struct buf *out)
{
    size_t at = 0, bytes = 0;
    for (size_t i = 0; i < holes->count; i++) {
        const struct fetch_hole *hole = &holes->items[i];
        struct view records = in->responses[hole->topic].partitions[hole->partition].records;
        ck_assert_uint_eq(records.len, hole->len);
        ck_assert(hole->pos >= at && hole->pos <= f->got.len);
        buf_put(out, f->got.data + at, hole->pos - at);
        buf_put_view(out, records);
        at = hole->pos;
        bytes += hole->len;
    }
    buf_put(out, f->got.data + at, f->got.len - at);
    ck_assert_uint_eq(bytes, holes->bytes);
}

static void check_fetch_response(struct fixture *f, int16_t version, const struct wire_fetch_response *in)
{
    struct fetch_holes holes;
    struct buf whole = {0};
    buf_clear(&f->expected);
    buf_clear(&f->got);
    enum err expected = wire_encode(&wire_fetch_response_desc, version, in, &f->expected, NULL);
    enum err err = fetch_codec_encode_response(version, in, &f->got, &f->arena, &holes, &f->why);
    ck_assert_msg(err == expected, "v%d: %d instead of %d", version, err, expected);
    if (!err)
        fill_holes(f, in, &holes, &whole);
    ck_assert_msg(view_equal(buf_view(&whole), buf_view(&f->expected)), "v%d: other bytes", version);
    ck_assert(!err || f->got.len == 0);
    buf_close(&whole);
}

START_TEST(fetch_responses_with_filled_holes_are_those_of_the_tables)
{
    struct fixture f;
    fixture_init(&f);
    const struct wire_message *desc = &wire_fetch_response_desc;
    for (int16_t v = desc->min_version; v <= desc->max_version; v++)
        for (int round = 0; round < ROUNDS; round++) {
            struct wire_fetch_response response;
            int16_t made_for = round % 3 ? v : desc->max_version;
            random_message(desc, made_for, &f.prng, &f.arena, &response);
            check_fetch_response(&f, v, &response);
            arena_reset(&f.arena);
        }
    struct wire_fetch_response empty;
    wire_init(desc, &empty);
    check_fetch_response(&f, (int16_t)(desc->max_version + 1), &empty);
    fixture_close(&f);
}
END_TEST

Suite *hot_codecs_suite(void)
{
    Suite *suite = suite_create("wire_hot_codecs");
    TCase *tcase = tcase_create("Produce and Fetch");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, produce_requests_decode_as_by_the_tables);
    tcase_add_test(tcase, fetch_requests_decode_as_by_the_tables);
    tcase_add_test(tcase, kafkas_produce_and_fetch_requests_decode_as_by_the_tables);
    tcase_add_test(tcase, fetch_request_of_a_follower_decodes_with_its_tags);
    tcase_add_test(tcase, produce_responses_encode_as_by_the_tables);
    tcase_add_test(tcase, fetch_responses_with_filled_holes_are_those_of_the_tables);
    suite_add_tcase(suite, tcase);
    return suite;
}
