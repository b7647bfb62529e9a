/* Bytes of Kafka's own message classes: decoded, encoded again, cut and bent. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec_suites.h"
#include "vectors.h"
#include "wire/codec.h"

struct fixture {
    struct vectors vectors;
    struct vector vector;
    struct arena arena;
    struct buf out;
    struct errmsg why;
};

static void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    vectors_open(&f->vectors);
}

static void fixture_close(struct fixture *f)
{
    vectors_close(&f->vectors);
    buf_close(&f->vector.bytes);
    buf_close(&f->out);
    arena_close(&f->arena);
}

/* The next message, decoded; NULL at the end. */
static void *next_message(struct fixture *f)
{
    arena_reset(&f->arena);
    buf_clear(&f->out);
    if (!vectors_next(&f->vectors, &f->vector))
        return NULL;
    const struct vector *v = &f->vector;
    void *message = arena_alloc(&f->arena, v->desc->size);
    size_t used = 0;
    enum err err = wire_decode(v->desc, v->version, buf_view(&v->bytes), &used, &f->arena, message, &f->why);
    ck_assert_msg(!err, "line %d: %s", f->vectors.number, f->why.text);
    ck_assert_msg(used == v->bytes.len, "line %d: %zu of %zu bytes used", f->vectors.number, used,
                  v->bytes.len);
    return message;
}

START_TEST(kafkas_bytes_are_decoded_and_encoded_to_the_same_bytes)
{
    struct fixture f;
    fixture_init(&f);
    void *message;
    while ((message = next_message(&f)) != NULL) {
        enum err err = wire_encode(f.vector.desc, f.vector.version, message, &f.out, &f.why);
        ck_assert_msg(!err, "line %d: %s", f.vectors.number, f.why.text);
        ck_assert_msg(view_equal(buf_view(&f.out), buf_view(&f.vector.bytes)), "line %d: %s v%d: other bytes",
                      f.vectors.number, f.vector.desc->name, f.vector.version);
        ck_assert_uint_eq(f.out.len, wire_encoded_size(f.vector.desc, f.vector.version, message));
    }
    ck_assert_int_gt(f.vectors.number, 4000);
    fixture_close(&f);
}
END_TEST

START_TEST(every_version_of_every_message_has_a_vector)
{
    struct fixture f;
    fixture_init(&f);
    uint32_t *seen = mem_zalloc(wire_message_count * sizeof *seen);
    while (next_message(&f))
        for (uint32_t i = 0; i < wire_message_count; i++)
            if (wire_messages[i] == f.vector.desc)
                seen[i] |= 1u << f.vector.version;
    for (uint32_t i = 0; i < wire_message_count; i++)
        for (int16_t v = wire_messages[i]->min_version; v <= wire_messages[i]->max_version; v++)
            ck_assert_msg(seen[i] & 1u << v, "%s v%d", wire_messages[i]->name, v);
    free(seen);
    fixture_close(&f);
}
END_TEST

START_TEST(two_decodings_are_equal_and_print_alike)
{
    struct fixture f;
    fixture_init(&f);
    struct buf text = {0};
    void *message;
    while ((message = next_message(&f)) != NULL) {
        const struct vector *v = &f.vector;
        void *again = arena_alloc(&f.arena, v->desc->size);
        enum err err = wire_decode(v->desc, v->version, buf_view(&v->bytes), NULL, &f.arena, again, NULL);
        ck_assert_int_eq(err, ERR_NONE);
        ck_assert(wire_equal(v->desc, message, again));
        buf_clear(&text);
        wire_print(v->desc, v->version, message, &f.out);
        wire_print(v->desc, v->version, again, &text);
        ck_assert(view_equal(buf_view(&f.out), buf_view(&text)));
        ck_assert(f.out.data[0] == '{' && f.out.data[f.out.len - 1] == '}');
    }
    buf_close(&text);
    fixture_close(&f);
}
END_TEST

START_TEST(vectors_cut_at_every_byte_are_refused)
{
    struct fixture f;
    fixture_init(&f);
    while (next_message(&f)) {
        const struct vector *v = &f.vector;
        void *message = arena_alloc(&f.arena, v->desc->size);
        for (size_t len = 0; len < v->bytes.len; len++) {
            uint8_t *exact = mem_dup(v->bytes.data, len + !len); /* so that the sanitizer sees the end */
            size_t used = 0;
            enum err err =
                wire_decode(v->desc, v->version, view_of(exact, len), &used, &f.arena, message, &f.why);
            ck_assert_msg(err == ERR_MALFORMED || (!err && used <= len), "line %d cut to %zu",
                          f.vectors.number, len);
            free(exact);
        }
    }
    fixture_close(&f);
}
END_TEST

Suite *vectors_suite(void)
{
    Suite *suite = suite_create("wire_vectors");
    TCase *tcase = tcase_create("Kafka's bytes");
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, kafkas_bytes_are_decoded_and_encoded_to_the_same_bytes);
    tcase_add_test(tcase, every_version_of_every_message_has_a_vector);
    tcase_add_test(tcase, two_decodings_are_equal_and_print_alike);
    tcase_add_test(tcase, vectors_cut_at_every_byte_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
