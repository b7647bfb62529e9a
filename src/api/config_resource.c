#include "api/config_resource.h"

/* As Java's parseInt: a sign and digits, nothing else. */
static bool parse_id(struct view text, int64_t *out)
{
    size_t i = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    if (i == text.len)
        return false;
    int64_t number = 0;
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (text.ptr[i] - '0');
        if (number > (int64_t)INT32_MAX + 1)
            return false;
    }
    *out = text.ptr[0] == '-' ? -number : number;
    return *out <= INT32_MAX;
}

enum err config_resource_check_id(const struct api_call *call, struct view name, const char *noun,
                                  const char *or_else, struct errmsg *why)
{
    int64_t id;
    if (!parse_id(name, &id)) {
        errmsg_set(why, "%s must be an integer, but it is: %.*s", noun, VIEW_FMT(name));
        return ERR_INVALID_REQUEST;
    }
    if (id == call->broker->id)
        return ERR_NONE;
    errmsg_set(why, "Unexpected broker id, expected %d%s but received %.*s", call->broker->id, or_else,
               VIEW_FMT(name));
    return ERR_INVALID_REQUEST;
}
