#include "api/request_text.h"

#include <string.h>

#include "base/utf8.h"

const char *request_topic_name(const struct api_call *call, struct view name)
{
    char *text = arena_cstr(&call->req->arena, name);
    for (size_t i = 0; i < name.len; i++)
        if (text[i] == '\0')
            text[i] = '?';
    return text;
}

bool request_text_is_storable(struct view text)
{
    if (text.len > 0 && memchr(text.ptr, 0, text.len))
        return false;
    for (size_t pos = 0; pos < text.len;) {
        size_t from = pos;
        if (utf8_next(text, &pos) == 0xfffd && (pos - from != 3 || text.ptr[from] != 0xef))
            return false;
    }
    return true;
}
