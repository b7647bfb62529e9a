#include "base/hash.h"

#include <isa-l/crc.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/utf8.h"

/* ISA-L counts bytes in an int. */
#define CRC_CHUNK_BYTES (1 << 30)

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t len)
{
    /* ISA-L neither inverts the initial value nor the result; it does not write through the pointer. */
    uint8_t *at = (uint8_t *)(uintptr_t)data;
    uint32_t state = ~crc;
    while (len > 0) {
        size_t n = len < CRC_CHUNK_BYTES ? len : CRC_CHUNK_BYTES;
        state = crc32_iscsi(at, (int)n, state);
        at += n;
        len -= n;
    }
    return ~state;
}

static uint32_t get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t hash_murmur2(struct view key)
{
    const uint32_t m = 0x5bd1e995;
    const uint32_t seed = 0x9747b28c;
    const uint8_t *p = key.ptr;
    size_t len = key.len;

    uint32_t h = seed ^ (uint32_t)len;
    for (; len >= 4; p += 4, len -= 4) {
        uint32_t k = get_le32(p) * m;
        k ^= k >> 24;
        h = h * m ^ k * m;
    }
    if (len > 0) {
        for (size_t i = 0; i < len; i++)
            h ^= (uint32_t)p[i] << (8 * i);
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t hash_java_string(struct view utf8)
{
    uint32_t h = 0;
    for (size_t pos = 0; pos < utf8.len;) {
        uint32_t code = utf8_next(utf8, &pos);
        if (code >= 0x10000) {
            h = 31 * h + (0xd7c0 + (code >> 10));
            h = 31 * h + (0xdc00 | (code & 0x3ff));
        } else {
            h = 31 * h + code;
        }
    }
    return (int32_t)h;
}

__extension__ typedef unsigned __int128 wide;

/* Both halves of the product, folded: every bit of both factors reaches every bit of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#define MULT_A UINT64_C(0x9e3779b97f4a7c15)
#define MULT_B UINT64_C(0xd6e8feb86659fd93)
#define MULT_C UINT64_C(0xa0761d6478bd642f)

/* The last 1 to 16 bytes are read as two words that may overlap, so that no byte loop is needed. */
uint64_t hash_bytes(struct view bytes)
{
    const uint8_t *p = bytes.ptr;
    size_t len = bytes.len;
    uint64_t h = MULT_C ^ len;
    while (len > 16) {
        h = mix(load64(p) ^ MULT_A ^ h, load64(p + 8) ^ MULT_B);
        p += 16;
        len -= 16;
    }
    uint64_t a = 0, b = 0;
    if (len >= 8) {
        a = load64(p);
        b = load64(p + len - 8);
    } else if (len >= 4) {
        a = load32(p);
        b = load32(p + len - 4);
    } else if (len > 0) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
    }
    return mix(mix(a ^ MULT_A ^ h, b ^ MULT_B) ^ MULT_C, MULT_A);
}

uint64_t hash_u64(uint64_t v)
{
    v ^= v >> 32;
    v *= MULT_B;
    v ^= v >> 32;
    v *= MULT_B;
    return v ^ v >> 32;
}

struct hash_wide hash_wide(struct view key, uint64_t seed)
{
    const XXH128_hash_t h = XXH3_128bits_withSeed(key.ptr, key.len, seed);
    return (struct hash_wide){h.low64, h.high64};
}
