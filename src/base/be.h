/*
 * Numbers in network order at any address.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_BE_H
#define BARNABAS_BASE_BE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline int16_t be_get_i16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return (int16_t)be16toh(v);
}
static inline int32_t be_get_i32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return (int32_t)be32toh(v);
}
static inline int64_t be_get_i64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return (int64_t)be64toh(v);
}
static inline void be_put_i16(void *p, int16_t v)
{
    uint16_t u = htobe16((uint16_t)v);
    memcpy(p, &u, sizeof u);
}
static inline void be_put_i32(void *p, int32_t v)
{
    uint32_t u = htobe32((uint32_t)v);
    memcpy(p, &u, sizeof u);
}
static inline void be_put_i64(void *p, int64_t v)
{
    uint64_t u = htobe64((uint64_t)v);
    memcpy(p, &u, sizeof u);
}

#endif
