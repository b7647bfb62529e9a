#include "base/uuid.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool uuid_is_zero(struct uuid id)
{
    return uuid_equal(id, (struct uuid){{0}});
}

bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

void uuid_to_text(struct uuid id, char out[UUID_TEXT_SIZE])
{
    uint32_t bits = 0;
    int have = 0;
    char *p = out;
    for (int i = 0; i < 16; i++) {
        bits = bits << 8 | id.bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *p++ = digits[bits >> (have - 6) & 63];
    }
    *p++ = digits[bits << (6 - have) & 63];
    *p = '\0';
}

static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool uuid_from_text(struct view text, struct uuid *out)
{
    /* Java's decoder takes the padding too, and does not mind the four bits that no byte needs. */
    if (text.len == 24 && text.ptr[22] == '=' && text.ptr[23] == '=')
        text.len = 22;
    if (text.len != 22)
        return false;
    struct uuid id;
    uint32_t bits = 0;
    int have = 0;
    size_t at = 0;
    for (size_t i = 0; i < 22; i++) {
        int value = digit_value(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            id.bytes[at++] = (uint8_t)(bits >> have);
        }
    }
    *out = id;
    return true;
}

bool uuid_from_random(const uint8_t random[16], struct uuid *out)
{
    struct uuid id;
    memcpy(id.bytes, random, sizeof id.bytes);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    /* The version bits already rule out zero and one. A leading '-' would look like an option in scripts. */
    if (digits[id.bytes[0] >> 2] == '-')
        return false;
    *out = id;
    return true;
}
