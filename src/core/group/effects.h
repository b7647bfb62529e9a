/*
 * What a group coordinator wants done, in this order.
 *
 * Ownership: the coordinator appends; what an effect points at is valid until group_effects_reset.
 * Zero-initialised is empty and valid.
 * Runs on: whoever owns the coordinator.
 */
#ifndef BARNABAS_CORE_GROUP_EFFECTS_H
#define BARNABAS_CORE_GROUP_EFFECTS_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/codec.h"

enum group_effect_kind {
    /* Append to the coordinator's partition, in the order of the effects. With a ticket: call group_appended
     * with what became of it. */
    GROUP_EFFECT_APPEND,
    GROUP_EFFECT_JOINED,   /* the answer to a JoinGroup */
    GROUP_EFFECT_SYNCED,   /* to a SyncGroup */
    GROUP_EFFECT_COMMITTED /* to an OffsetCommit or TxnOffsetCommit */
};

struct group_append_wish {
    uint64_t
        ticket; /* 0 = acks=0 as leader, nobody waits and a failure is nobody's; else acks of the settings */
    struct view batch; /* one v2 batch, base offset 0; null: it is too large for any log */
    int32_t record_count;
    int64_t producer_id; /* -1 = not of a transaction */
    int16_t producer_epoch;
};

struct group_effect {
    enum group_effect_kind kind;
    uint64_t token; /* of the request that is answered */
    union {
        struct group_append_wish append;
        struct wire_join_group_response *joined;
        struct wire_sync_group_response *synced;
        struct {
            const enum err *errs; /* in the order of the request's offsets */
            int32_t count;
        } committed;
    };
};

struct group_effects {
    struct group_effect *items; /* heap; grows */
    int32_t count;
    int32_t capacity;
    struct arena arena; /* everything the items point at */
};

/* Appends a zeroed effect; the pointer is valid until the next append. */
struct group_effect *group_effects_add(struct group_effects *effects, enum group_effect_kind kind);
void group_effects_reset(struct group_effects *effects);
void group_effects_close(struct group_effects *effects);

#endif
