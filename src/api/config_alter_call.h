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
#include "service/settings/config_alter.h"

/* One resource of the request, in its order. */
struct alter_resource {
    int8_t type;
    struct view name;
    struct config_edit *edits;
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

/* For `count` resources; a negative count, which stands for a null list, is none. */
struct alter_call *alter_call_new(struct api_call *call, int32_t count, bool validate_only,
                                  void (*answer)(struct alter_call *alter));
/* The resource in place `i`, with room for so many edits (negative: none). */
struct alter_resource *alter_call_resource(struct alter_call *alter, int32_t i, int8_t type, struct view name,
                                           int32_t edits_count);
/*
 * The edit in place `e`. Where a name or value holds what a znode cannot (bytes that are no UTF-8, zero
 * bytes), the resource is settled with ERR_INVALID_REQUEST.
 */
void alter_call_edit(struct alter_call *alter, struct alter_resource *resource, size_t e,
                     enum config_edit_op op, struct view name, struct view value);
/* Checks, works off, answers. */
void alter_call_run(struct alter_call *alter);
/* For `answer`: what became of the resource in place `i`; gives the code for the wire, which is counted. */
int16_t alter_call_outcome(struct alter_call *alter, int32_t i, int8_t *type, struct view *name,
                           struct view *message);

#endif
