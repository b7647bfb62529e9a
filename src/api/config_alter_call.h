/*
 * What AlterConfigs and IncrementalAlterConfigs have in common: resources that passed the checks
 * here are worked off on a worker, then the answer goes out.
 *
 * Ownership: everything lives in the request's arena.
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_CONFIG_ALTER_CALL_H
#define BARNABAS_API_CONFIG_ALTER_CALL_H

#include "api/api.h"
#include "service/config_alter.h"

/* One resource of the request, in its order. */
struct alter_resource {
    int8_t type;
    struct view name;
    struct config_edit *edits; /* alter_call_text for their texts */
    size_t edits_count;
    /* Set by the checks, or by the work. */
    struct config_alter alter;
    bool is_settled; /* nothing is left to do: alter.err and alter.message are the answer */
};

struct alter_call {
    struct api_call *call;
    struct alter_resource *resources;
    int32_t count;
    bool validate_only;
    bool incremental;
    /* Writes the answer. Ends the call. */
    void (*answer)(struct alter_call *alter);
    struct work work; /* private */
};

/* Checks, works off, answers. */
void alter_call_run(struct alter_call *alter);

/*
 * Text of a name or value as a C string in the request's arena; NULL stays NULL. What a znode cannot hold
 * (bytes that are no UTF-8, zero bytes) settles the resource with ERR_INVALID_REQUEST.
 */
const char *alter_call_text(struct alter_call *alter, struct alter_resource *resource, struct view text);

#endif
