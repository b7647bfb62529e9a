/*
 * Variable-length numbers: unsigned (KIP-482) and zig-zag (record batches).
 *
 * Readers take a cursor and its end, advance the cursor on success only, and
 * return false when the bytes end too early or the number is too long.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_VARINT_H
#define BARNABAS_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX_BYTES  5
#define VARLONG_MAX_BYTES 10

bool varint_read_u32(const uint8_t **cursor, const uint8_t *end, uint32_t *out);
bool varint_read_i32(const uint8_t **cursor, const uint8_t *end, int32_t *out);
bool varint_read_i64(const uint8_t **cursor, const uint8_t *end, int64_t *out);

/* Writers return the number of bytes written (at most 5, 5 and 10). */
size_t varint_write_u32(uint8_t *out, uint32_t v);
size_t varint_write_i32(uint8_t *out, int32_t v);
size_t varint_write_i64(uint8_t *out, int64_t v);

size_t varint_size_u32(uint32_t v);
size_t varint_size_i32(int32_t v);
size_t varint_size_i64(int64_t v);

#endif
