/* Bytes as hex digits, for expectations. */
#ifndef BARNABAS_TESTS_UNIT_CORE_GROUP_HEX_H
#define BARNABAS_TESTS_UNIT_CORE_GROUP_HEX_H

#include "base/buf.h"

/* Appends what the digits say. */
void hex_put(struct buf *out, const char *digits);
/* Fails the test unless the bytes are these. */
void hex_check(struct view bytes, const char *digits);

#endif
