/* What the suites of record sets share: known bytes and small batches. */
#ifndef BARNABAS_TESTS_WIRE_RECORDS_SUPPORT_H
#define BARNABAS_TESTS_WIRE_RECORDS_SUPPORT_H

#include "base/buf.h"
#include "wire/record_builder.h"

#define T0 1700000000000

/* Bytes that were computed without this program (and checked with other clients). */
#define HEX_BATCH_V2                                                                                         \
    "000000000000000000000046ffffffff027a79b0760000000000010000018bcfe568000000018bcfe56805ffffffffffffffff" \
    "ffffffffffff0000000218000000026b027602026802780e000a0201027700"
#define HEX_COMMIT_MARKER                                                                                    \
    "000000000000002a000000420000000702ce16e9180030000000000000018bcfe568000000018bcfe5680000000000000003e8" \
    "0002ffffffff000000012000000008000000010c00000000000300"
#define HEX_EMPTY_BATCH                                                                                      \
    "000000000000000a0000003100000007024582488e000000000004ffffffffffffffff0000018bcfe5680000000000000003e8" \
    "00020000001400000000"
#define HEX_MESSAGE_V1 "00000000000000000000001839268c3301000000018bcfe56800000000016b0000000176"
#define HEX_MESSAGE_V0 "0000000000000000000000101fecd70a0000000000016b0000000176"

/* Appends the bytes of a hex string. */
void put_hex(struct buf *out, const char *hex);
/* Fails the test unless `bytes` are those of the hex string. */
void check_hex(struct view bytes, const char *hex);

/* A base64-free alphabet soup that compresses a little: `len` deterministic bytes. */
void put_text(struct buf *out, size_t len, uint64_t seed);

/*
 * Appends a record set of `count` records at T0, T0 + 1, ...: keys "k<i>", values "value-<i>", every
 * third with a header, in v2.
 */
void put_set(struct buf *out, const struct record_builder_spec *spec, int32_t count);

#endif
