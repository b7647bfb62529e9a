/* Every message in every version: random values go through bytes and come back. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec_suites.h"
#include "random_message.h"
#include "wire/codec.h"

#define ROUNDS 40

struct fixture {
    struct prng prng;
    struct arena arena;
    struct buf bytes;
    struct buf again;
    struct errmsg why;
};

static void fixture_close(struct fixture *f)
{
    arena_close(&f->arena);
    buf_close(&f->bytes);
    buf_close(&f->again);
}

/* Fills `f->bytes` with a random message. */
static void *random_bytes(struct fixture *f, const struct wire_message *desc, int16_t version)
{
    void *message = arena_zalloc(&f->arena, desc->size);
    random_message(desc, version, &f->prng, &f->arena, message);
    buf_clear(&f->bytes);
    enum err err = wire_encode(desc, version, message, &f->bytes, &f->why);
    ck_assert_msg(!err, "%s", f->why.text);
    ck_assert_uint_eq(f->bytes.len, wire_encoded_size(desc, version, message));
    return message;
}

static void check_roundtrip(struct fixture *f, const struct wire_message *desc, int16_t version)
{
    void *in = random_bytes(f, desc, version);
    size_t len = f->bytes.len, used = 0;
    buf_put_str(&f->bytes, "trailing");
    void *out = arena_zalloc(&f->arena, desc->size);
    enum err err = wire_decode(desc, version, buf_view(&f->bytes), &used, &f->arena, out, &f->why);
    ck_assert_msg(!err, "%s", f->why.text);
    ck_assert_uint_eq(used, len);
    ck_assert_msg(wire_equal(desc, in, out), "%s v%d differs", desc->name, version);
    buf_clear(&f->again);
    ck_assert_int_eq(wire_encode(desc, version, out, &f->again, NULL), ERR_NONE);
    ck_assert_msg(view_equal(buf_view(&f->again), view_of(f->bytes.data, len)), "%s v%d: other bytes",
                  desc->name, version);
}

/* Every prefix gives an error, or a message that ends earlier. */
static void check_truncation(struct fixture *f, const struct wire_message *desc, int16_t version)
{
    random_bytes(f, desc, version);
    void *out = arena_zalloc(&f->arena, desc->size);
    struct arena arena = {0};
    for (size_t len = 0; len < f->bytes.len; len++) {
        uint8_t *exact = mem_dup(f->bytes.data, len + !len); /* so that the sanitizer sees the end */
        size_t used = 0;
        enum err err = wire_decode(desc, version, view_of(exact, len), &used, &arena, out, &f->why);
        ck_assert_msg(err == ERR_MALFORMED || (!err && used <= len), "%s v%d cut to %zu: %d", desc->name,
                      version, len, err);
        arena_reset(&arena);
        free(exact);
    }
    arena_close(&arena);
}

static void each_version(void (*check)(struct fixture *, const struct wire_message *, int16_t), int rounds)
{
    struct fixture f = {0};
    prng_seed(&f.prng, 20260101);
    for (uint32_t i = 0; i < wire_message_count; i++)
        for (int16_t v = wire_messages[i]->min_version; v <= wire_messages[i]->max_version; v++)
            for (int round = 0; round < rounds; round++) {
                check(&f, wire_messages[i], v);
                arena_reset(&f.arena);
            }
    fixture_close(&f);
}

START_TEST(random_values_come_back_equal_in_every_version)
{
    each_version(check_roundtrip, ROUNDS);
}
END_TEST

START_TEST(messages_cut_at_every_byte_are_refused)
{
    each_version(check_truncation, 1);
}
END_TEST

Suite *roundtrip_suite(void)
{
    Suite *suite = suite_create("wire_roundtrip");
    TCase *tcase = tcase_create("all messages");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, random_values_come_back_equal_in_every_version);
    tcase_add_test(tcase, messages_cut_at_every_byte_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
