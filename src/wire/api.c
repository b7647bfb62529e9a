#include "wire/api.h"

#include "base/be.h"
#include "wire/codec.h"
#include "wire/cursor.h"

#define KEY_API_VERSIONS        18
#define KEY_CONTROLLED_SHUTDOWN 7

const struct wire_api *wire_api_find_any(int16_t key)
{
    uint32_t low = 0, high = wire_api_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (wire_apis[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low < wire_api_count && wire_apis[low].key == key ? &wire_apis[low] : NULL;
}

const struct wire_api *wire_api_find(int16_t key)
{
    const struct wire_api *api = wire_api_find_any(key);
    return api && api->served ? api : NULL;
}

const struct wire_api *wire_api_find_name(struct view name)
{
    for (uint32_t i = 0; i < wire_api_count; i++)
        if (view_equal_str(name, wire_apis[i].name))
            return &wire_apis[i];
    return NULL;
}

int16_t wire_request_header_version(const struct wire_api *api, int16_t version)
{
    if (api->key == KEY_CONTROLLED_SHUTDOWN && version == 0)
        return 0;
    return version >= api->first_flexible ? 2 : 1;
}

int16_t wire_response_header_version(const struct wire_api *api, int16_t version)
{
    if (api->key == KEY_API_VERSIONS)
        return 0;
    return version >= api->first_flexible ? 1 : 0;
}

/* The everyday header. False when it is another: the interpreter reads it, or says what is wrong. */
static bool read_request_header(struct view frame, int16_t header_version, struct wire_request_header *out,
                                size_t *used)
{
    struct cursor c;
    cursor_init(&c, frame);
    out->request_api_key = cursor_i16(&c);
    out->request_api_version = cursor_i16(&c);
    out->correlation_id = cursor_i32(&c);
    out->client_id = header_version >= 1 ? cursor_string(&c, false, true) : VIEW_LIT("");
    if (header_version >= 2)
        cursor_no_tags(&c);
    *used = frame.len - cursor_left(&c);
    return !c.failed;
}

enum err wire_decode_request_header(struct view frame, struct wire_request_header *out,
                                    const struct wire_api **api, size_t *used, struct errmsg *why)
{
    if (frame.len < 8) {
        errmsg_set(why, "request of %zu bytes has no header", frame.len);
        return ERR_MALFORMED;
    }
    int16_t key = be_get_i16(frame.ptr), version = be_get_i16(frame.ptr + 2);
    *api = wire_api_find(key);
    if (!*api) {
        errmsg_set(why, "request key %d is not served", key);
        return ERR_INVALID_REQUEST;
    }
    bool known = wire_api_has_version(*api, version);
    if (!known && key != KEY_API_VERSIONS) {
        errmsg_set(why, "%s has no version %d", (*api)->name, version);
        return ERR_UNSUPPORTED_VERSION;
    }
    int16_t header_version = wire_request_header_version(*api, version);
    if (!read_request_header(frame, header_version, out, used)) {
        /* A header has no arrays, so nothing is taken from the arena. */
        struct arena arena = {0};
        enum err err = wire_decode(&wire_request_header_desc, header_version, frame, used, &arena, out, why);
        if (err)
            return err;
    }
    if (known)
        return ERR_NONE;
    errmsg_set(why, "ApiVersions has no version %d", version);
    return ERR_UNSUPPORTED_VERSION;
}

enum err wire_decode_response_header(const struct wire_api *api, int16_t version, struct view frame,
                                     int32_t *correlation_id, size_t *used, struct errmsg *why)
{
    struct arena arena = {0};
    struct wire_response_header header;
    enum err err = wire_decode(&wire_response_header_desc, wire_response_header_version(api, version), frame,
                               used, &arena, &header, why);
    if (!err)
        *correlation_id = header.correlation_id;
    return err;
}

void wire_encode_request_header(const struct wire_api *api, int16_t version, int32_t correlation_id,
                                struct view client_id, struct buf *out)
{
    int16_t header_version = wire_request_header_version(api, version);
    buf_put_i16(out, api->key);
    buf_put_i16(out, version);
    buf_put_i32(out, correlation_id);
    if (header_version >= 1) {
        if (client_id.len > INT16_MAX)
            client_id.len = INT16_MAX;
        buf_put_i16(out, view_is_null(client_id) ? -1 : (int16_t)client_id.len);
        buf_put_view(out, client_id);
    }
    if (header_version >= 2)
        buf_put_uvarint(out, 0);
}

void wire_encode_response_header(const struct wire_api *api, int16_t version, int32_t correlation_id,
                                 struct buf *out)
{
    buf_put_i32(out, correlation_id);
    if (wire_response_header_version(api, version) >= 1)
        buf_put_uvarint(out, 0);
}

void wire_api_versions_fill(struct wire_api_versions_response *out, struct arena *arena)
{
    wire_init(&wire_api_versions_response_desc, out);
    struct wire_api_versions_response_api_version *rows =
        wire_new(&wire_api_versions_response_api_version_desc, arena, wire_api_count);
    int32_t count = 0;
    for (uint32_t i = 0; i < wire_api_count; i++) {
        const struct wire_api *api = &wire_apis[i];
        if (!api->served)
            continue;
        rows[count].api_key = api->key;
        rows[count].min_version = api->min_version;
        rows[count].max_version = api->max_version;
        count++;
    }
    out->api_keys = rows;
    out->api_keys_count = count;
}

void wire_response_set_throttle(const struct wire_api *api, void *response, int32_t throttle_ms)
{
    if (api->throttle_version != WIRE_NEVER)
        memcpy((uint8_t *)response + api->throttle_offset, &throttle_ms, sizeof throttle_ms);
}
