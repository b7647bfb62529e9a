/*
 * Any bytes as any message: two bytes choose message and version, the rest is
 * decoded. What decodes must encode, decode again to the same values, and
 * encode to the same bytes. The straight-line codecs must agree.
 */
#include "base/assert.h"
#include "wire/codec.h"
#include "wire/fetch_codec.h"
#include "wire/produce_codec.h"

#include "../unit/wire/vectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

static void check_fast(const struct wire_message *desc, int16_t version, struct view bytes,
                       enum err expected_err, const void *expected, struct arena *arena)
{
    void *got = arena_alloc(arena, desc->size);
    enum err err;
    if (desc == &wire_produce_request_desc)
        err = produce_codec_decode_request(version, bytes, NULL, arena, got, NULL);
    else if (desc == &wire_fetch_request_desc)
        err = fetch_codec_decode_request(version, bytes, NULL, arena, got, NULL);
    else
        return;
    ASSERT(err == expected_err);
    ASSERT(err || wire_equal(desc, got, expected));
}

static void check_encodings(const struct wire_message *desc, int16_t version, const void *message,
                            struct arena *arena)
{
    struct buf first = {0}, second = {0};
    ASSERT(!wire_encode(desc, version, message, &first, NULL));
    ASSERT(first.len == wire_encoded_size(desc, version, message));
    void *again = arena_alloc(arena, desc->size);
    size_t used = 0;
    ASSERT(!wire_decode(desc, version, buf_view(&first), &used, arena, again, NULL));
    ASSERT(used == first.len);
    ASSERT(wire_equal(desc, message, again));
    ASSERT(!wire_encode(desc, version, again, &second, NULL));
    ASSERT(view_equal(buf_view(&first), buf_view(&second)));
    if (desc == &wire_produce_response_desc) {
        buf_clear(&second);
        ASSERT(!produce_codec_encode_response(version, message, &second, NULL));
        ASSERT(view_equal(buf_view(&first), buf_view(&second)));
    }
    buf_clear(&second);
    wire_print(desc, version, message, &second);
    buf_close(&first);
    buf_close(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct wire_message *desc = wire_messages[data[0] % wire_message_count];
    int16_t version = (int16_t)(desc->min_version + data[1] % (desc->max_version - desc->min_version + 1));
    struct view bytes = view_of(data + 2, size - 2);
    struct arena arena = {.limit = 64 * 1024 * 1024};
    struct errmsg why;
    void *message = arena_alloc(&arena, desc->size);
    size_t used = 0;
    enum err err = wire_decode(desc, version, bytes, &used, &arena, message, &why);
    ASSERT(err == ERR_NONE || err == ERR_MALFORMED || err == ERR_NO_MEMORY);
    if (err != ERR_NO_MEMORY)
        check_fast(desc, version, bytes, err, message, &arena);
    if (!err) {
        ASSERT(used <= bytes.len);
        check_encodings(desc, version, message, &arena);
    }
    arena_close(&arena);
    return 0;
}

/* Kafka's own bytes of every message. */
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct vectors vectors;
    struct vector vector = {0};
    struct buf seed = {0};
    vectors_open(&vectors);
    while (vectors_next(&vectors, &vector)) {
        uint32_t place = 0;
        while (wire_messages[place] != vector.desc)
            place++;
        buf_clear(&seed);
        buf_put_i8(&seed, (int8_t)place);
        buf_put_i8(&seed, (int8_t)(vector.version - vector.desc->min_version));
        buf_put_view(&seed, buf_view(&vector.bytes));
        add(seeds, buf_view(&seed));
    }
    vectors_close(&vectors);
    buf_close(&vector.bytes);
    buf_close(&seed);
}
