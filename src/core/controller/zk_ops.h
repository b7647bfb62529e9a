/*
 * ZooKeeper operations as values: what the controller's core asks for and what
 * it is told. The shell turns paths and values into bytes and back.
 *
 * Ownership: an operation and its result live in the arena of the effects, or of the
 * event, that carries them.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_CONTROLLER_ZK_OPS_H
#define BARNABAS_CORE_CONTROLLER_ZK_OPS_H

#include "base/err.h"
#include "base/view.h"
#include "port/znodes.h"

enum controller_value_kind {
    CONTROLLER_VALUE_NULL, /* null data; as the kind of a read: the content does not matter */
    CONTROLLER_VALUE_RAW,  /* bytes as they are: /controller_epoch */
    CONTROLLER_VALUE_BROKER,
    CONTROLLER_VALUE_TOPIC,
    CONTROLLER_VALUE_STATE,
    CONTROLLER_VALUE_CONTROLLER,
    CONTROLLER_VALUE_PRODUCER_IDS,
    CONTROLLER_VALUE_REASSIGNMENT, /* /admin/reassign_partitions: partitions with replicas */
    CONTROLLER_VALUE_PARTITIONS,   /* preferred election, ISR change: partitions */
    CONTROLLER_VALUE_CONFIG,
    CONTROLLER_VALUE_LOG_DIR_EVENT,
    CONTROLLER_VALUE_FEATURE,
    CONTROLLER_VALUE_INCARNATION,
    CONTROLLER_VALUE_STANDING,
    CONTROLLER_VALUE_SUSPECT,
    CONTROLLER_VALUE_SILENCE
};

/* A timestamp_ms of -1 in a value to be written means the time of writing. */
struct controller_value {
    enum controller_value_kind kind;
    union {
        struct view raw;
        struct znode_broker broker;
        struct znode_topic topic;
        struct znode_state state;
        struct znode_controller controller;
        struct znode_producer_id_block producer_ids;
        struct znode_partitions partitions; /* REASSIGNMENT, PARTITIONS */
        struct znode_config config;
        struct znode_log_dir_event log_dir_event;
        struct znode_feature feature;
        struct znode_incarnation incarnation;
        struct znode_standing standing;
        struct znode_suspect suspect;
        struct znode_silence silence;
    };
};

enum controller_op_kind {
    CONTROLLER_OP_CREATE,   /* path, value, ephemeral */
    CONTROLLER_OP_SET,      /* path, value, version */
    CONTROLLER_OP_DELETE,   /* path, version */
    CONTROLLER_OP_CHECK,    /* path, version; only inside a multi */
    CONTROLLER_OP_GET,      /* path, watch; value.kind says what to decode */
    CONTROLLER_OP_EXISTS,   /* path, watch */
    CONTROLLER_OP_CHILDREN, /* path, watch */
    CONTROLLER_OP_MULTI     /* ops: CREATE, SET, DELETE, CHECK */
};

#define CONTROLLER_ANY_VERSION (-1)

struct controller_op {
    enum controller_op_kind kind;
    const char *path;
    struct controller_value value;
    int32_t version;
    bool ephemeral;
    bool watch;
    struct controller_op *ops; /* of a multi */
    int32_t ops_count;
};

struct controller_op_result {
    /*
     * ERR_NONE, ERR_NOT_FOUND, ERR_EXISTS, ERR_BAD_VERSION, ERR_NOT_EMPTY, ERR_NO_AUTH,
     * ERR_CONNECTION_LOSS (of a write: the outcome is unknown), ERR_SESSION_EXPIRED, ERR_CLOSED;
     * ERR_MALFORMED: a GET whose data is not what value.kind asks for (the stat is set);
     * ERR_IO: anything else, and the operations of a failed multi that did not fail themselves.
     */
    enum err err;
    int32_t version;         /* GET, EXISTS, SET: version of the znode's data */
    int64_t czxid;           /* GET, EXISTS */
    int64_t mzxid;           /* GET, EXISTS */
    int64_t ephemeral_owner; /* GET, EXISTS: session id, 0 = persistent */
    /*
     * GET. Null data gives the kind NULL for a topic, a config or a block of producer ids, which may be
     * empty, and is malformed for the others.
     */
    struct controller_value value;
    const char **children; /* CHILDREN, sorted */
    int32_t children_count;
    struct controller_op_result *results; /* MULTI: one per operation; NULL when none is known */
    int32_t results_count;
};

#endif
