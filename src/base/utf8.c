#include "base/utf8.h"

#define REPLACEMENT 0xfffdu

/* Legal range of the byte after the lead byte: rules out overlong forms and numbers over U+10FFFF. */
static bool second_byte_fits(uint8_t lead, uint8_t second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return (second & 0xc0) == 0x80;
    }
}

uint32_t utf8_next(struct view utf8, size_t *pos)
{
    uint8_t lead = utf8.ptr[(*pos)++];
    if (lead < 0x80)
        return lead;
    if (lead < 0xc2 || lead > 0xf4)
        return REPLACEMENT;
    int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t code = lead & (0x3fu >> more);
    for (int i = 0; i < more; i++) {
        if (*pos >= utf8.len)
            return REPLACEMENT;
        uint8_t byte = utf8.ptr[*pos];
        if (i == 0 ? !second_byte_fits(lead, byte) : (byte & 0xc0) != 0x80)
            return REPLACEMENT;
        code = code << 6 | (byte & 0x3fu);
        (*pos)++;
    }
    return code >= 0xd800 && code <= 0xdfff ? REPLACEMENT : code;
}
