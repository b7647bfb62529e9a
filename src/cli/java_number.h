/*
 * Floating point numbers as Java's toString prints them: "1.0", "0.001",
 * "1.0E10", "NaN"; the fewest digits that tell the number from its neighbours.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_JAVA_NUMBER_H
#define BARNABAS_CLI_JAVA_NUMBER_H

#include <stdint.h>

#include "base/buf.h"

/* Both take the bits of an IEEE 754 number. */
void java_put_float(int32_t bits, struct buf *out);
void java_put_double(int64_t bits, struct buf *out);

#endif
