/*
 * The table of requests: keys, versions, header versions, who may send them.
 *
 * It comes from the schema; the ApiVersions answer comes from it.
 * Runs on: any.
 */
#ifndef BARNABAS_WIRE_API_H
#define BARNABAS_WIRE_API_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "wire/generated/wire_messages.h"
#include "wire/table.h"

struct wire_api {
    const char *name;
    const struct wire_message *request;
    const struct wire_message *response;
    int16_t key;
    int16_t min_version;
    int16_t max_version;
    int16_t first_flexible;   /* WIRE_NEVER = none */
    int16_t deprecated_max;   /* versions up to here are deprecated but served; -1 = none */
    uint16_t throttle_offset; /* of throttle_time_ms in the response, */
    int16_t throttle_version; /* which has it from this version on; WIRE_NEVER = never */
    bool inter_broker;        /* clients never send it */
    bool cluster_action;      /* its answers are exempt from request quotas */
    bool controller_only;     /* other brokers answer NOT_CONTROLLER */
    bool forwardable;
    bool served; /* a ZooKeeper-mode broker advertises and serves it */
};

/* Every request of the schema by ascending key, served or not. */
extern const struct wire_api wire_apis[];
extern const uint32_t wire_api_count;

/* The request that a broker serves under this key, or NULL. */
const struct wire_api *wire_api_find(int16_t key);

/* As above, also those that only other brokers serve. */
const struct wire_api *wire_api_find_any(int16_t key);

/* By name ("Fetch"), served or not; NULL when there is none. */
const struct wire_api *wire_api_find_name(struct view name);

static inline bool wire_api_has_version(const struct wire_api *api, int16_t version)
{
    return version >= api->min_version && version <= api->max_version;
}

/*
 * Versions of the headers around a request of this version. Flexible: 2 and 1, else 1 and 0; an
 * ApiVersions response always has 0, a ControlledShutdown request of version 0 has 0. A version of
 * ApiVersions that is too new counts as flexible, a negative one does not (KIP-511).
 */
int16_t wire_request_header_version(const struct wire_api *api, int16_t version);
int16_t wire_response_header_version(const struct wire_api *api, int16_t version);

/*
 * Reads the header at the front of a request's frame. `*api` is what a broker serves under the key,
 * `*used` the length of the header. ERR_INVALID_REQUEST for a key that is not served,
 * ERR_UNSUPPORTED_VERSION for a version that is not, ERR_MALFORMED for bad bytes. For ApiVersions of
 * any other version the header is complete and the error is ERR_UNSUPPORTED_VERSION: answer it with
 * version 0. `out` borrows from the frame; a null client id is kept null.
 */
MUST_USE enum err wire_decode_request_header(struct view frame, struct wire_request_header *out,
                                             const struct wire_api **api, size_t *used, struct errmsg *why);

/* Reads the header at the front of a response's frame. `version` is that of the request. */
MUST_USE enum err wire_decode_response_header(const struct wire_api *api, int16_t version, struct view frame,
                                              int32_t *correlation_id, size_t *used, struct errmsg *why);

/* Appends the header of a request; a client id over 32767 bytes is cut. */
void wire_encode_request_header(const struct wire_api *api, int16_t version, int32_t correlation_id,
                                struct view client_id, struct buf *out);

/* Appends the header of the response to a request of this version. */
void wire_encode_response_header(const struct wire_api *api, int16_t version, int32_t correlation_id,
                                 struct buf *out);

/*
 * The answer to ApiVersions: defaults, and every served request by ascending key. The array is the
 * arena's.
 */
void wire_api_versions_fill(struct wire_api_versions_response *out, struct arena *arena);

/* Sets throttle_time_ms in a response of any kind; nothing if it has none. */
void wire_response_set_throttle(const struct wire_api *api, void *response, int32_t throttle_ms);

#endif
