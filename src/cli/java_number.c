#include "cli/java_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS_MAX 17
/* Between these two a number is printed without an exponent. */
#define PLAIN_MIN 1e-3
#define PLAIN_MAX 1e7

/* "d.ddde±xx" in the fewest digits that read back as the same number. */
static void shortest(double value, bool single, char text[40])
{
    for (int digits = 0; digits < DIGITS_MAX; digits++) {
        snprintf(text, 40, "%.*e", digits, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            return;
    }
}

static void put_plain(const char *digits, size_t count, int exponent, struct buf *out)
{
    if (exponent < 0) {
        buf_put_str(out, "0.");
        for (int i = -1; i > exponent; i--)
            buf_put_i8(out, '0');
        buf_put(out, digits, count);
        return;
    }
    for (size_t i = 0; i < count || i <= (size_t)exponent + 1; i++) {
        if (i == (size_t)exponent + 1)
            buf_put_i8(out, '.');
        if (i < count)
            buf_put_i8(out, digits[i]);
        else
            buf_put_i8(out, '0');
    }
}

static void put(double value, bool single, struct buf *out)
{
    if (isnan(value)) {
        buf_put_str(out, "NaN");
        return;
    }
    if (signbit(value))
        buf_put_i8(out, '-');
    value = fabs(value);
    if (isinf(value) || value == 0) {
        buf_put_str(out, isinf(value) ? "Infinity" : "0.0");
        return;
    }
    char text[40];
    char digits[DIGITS_MAX + 1];
    size_t count = 0;
    shortest(value, single, text);
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p != '.' && count < DIGITS_MAX)
            digits[count++] = *p;
    int exponent = (int)strtol(p + 1, NULL, 10);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    if (value >= PLAIN_MIN && value < PLAIN_MAX) {
        put_plain(digits, count, exponent, out);
        return;
    }
    put_plain(digits, count, 0, out);
    buf_printf(out, "E%d", exponent);
}

void java_put_float(int32_t bits, struct buf *out)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    put((double)value, true, out);
}

void java_put_double(int64_t bits, struct buf *out)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    put(value, false, out);
}
