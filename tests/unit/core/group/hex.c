#include "hex.h"

#include <check.h>
#include <stdio.h>

void hex_put(struct buf *out, const char *digits)
{
    ck_assert_uint_eq(strlen(digits) % 2, 0);
    for (; *digits; digits += 2) {
        unsigned byte;
        ck_assert_int_eq(sscanf(digits, "%2x", &byte), 1);
        buf_put_i8(out, (int8_t)byte);
    }
}

void hex_check(struct view bytes, const char *digits)
{
    struct buf text = {0};
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(&text, "%02x", bytes.ptr[i]);
    ck_assert_str_eq(buf_cstr(&text), digits);
    buf_close(&text);
}
