/*
 * ApiVersions (18): what this broker serves. The list is the schema's, less what has no
 * handler; it is the first thing a client asks and needs no rights.
 */
#include "api/api.h"

/* KIP-511: letters, digits, '-' and '.', beginning and ending with a letter or digit. */
static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_software_text(struct view text)
{
    if (text.len == 0 || !is_alnum(text.ptr[0]) || !is_alnum(text.ptr[text.len - 1]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.ptr[i]) && text.ptr[i] != '-' && text.ptr[i] != '.')
            return false;
    return true;
}

void api_api_versions(struct api_call *call)
{
    const struct wire_api_versions_request *request = call_decode(call);
    if (!request)
        return;
    struct wire_api_versions_response *answer = call_new_answer(call);
    bool valid = call->version < 3 || (is_software_text(request->client_software_name) &&
                                       is_software_text(request->client_software_version));
    if (!valid) {
        answer->error_code = call_error(call, ERR_INVALID_REQUEST);
        call_answer(call, answer);
        return;
    }
    wire_api_versions_fill(answer, &call->req->arena);
    int32_t kept = 0;
    for (int32_t i = 0; i < answer->api_keys_count; i++)
        if (api_is_served(answer->api_keys[i].api_key))
            answer->api_keys[kept++] = answer->api_keys[i];
    answer->api_keys_count = kept;
    answer->finalized_features_epoch = 0; /* version of /feature, which no broker in this mode ever changes */
    call_answer(call, answer);
}
