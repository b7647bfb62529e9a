#include "records_support.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"

void put_hex(struct buf *out, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2) {
        char digits[3] = {hex[0], hex[1], 0};
        buf_put_i8(out, (int8_t)strtoul(digits, NULL, 16));
    }
}

void check_hex(struct view bytes, const char *hex)
{
    struct buf expected = {0}, shown = {0};
    put_hex(&expected, hex);
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(&shown, "%02x", bytes.ptr[i]);
    ck_assert_msg(view_equal(buf_view(&expected), bytes), "expected %s\nbut got  %s", hex, buf_cstr(&shown));
    buf_close(&expected);
    buf_close(&shown);
}

void put_text(struct buf *out, size_t len, uint64_t seed)
{
    static const char *const words[] = {"alpha ", "beta ", "gamma ", "delta ", "epsilon ", "zeta "};
    struct prng prng;
    prng_seed(&prng, seed);
    size_t end = out->len + len;
    while (out->len < end) {
        if (prng_below(&prng, 4) == 0)
            buf_put_i64(out, (int64_t)prng_next(&prng));
        else
            buf_put_str(out, words[prng_below(&prng, 6)]);
    }
    out->len = end;
}

void put_set(struct buf *out, const struct record_builder_spec *spec, int32_t count)
{
    struct record_builder b;
    struct buf headers = {0};
    record_headers_put(&headers, VIEW_LIT("trace"), VIEW_LIT("on"));
    record_builder_open(&b, spec, NULL, out);
    for (int32_t i = 0; i < count; i++) {
        char key[16], value[24];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "value-%d", i);
        struct record rec = {
            .offset = spec->base_offset + i,
            .timestamp = T0 + i,
            .key = view_str(key),
            .value = view_str(value),
        };
        if (i % 3 == 0 && spec->magic == 2) {
            rec.header_count = 1;
            rec.headers = buf_view(&headers);
        }
        record_builder_append(&b, &rec);
    }
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    buf_close(&headers);
}
