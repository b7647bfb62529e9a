/*
 * The records of __consumer_offsets: keys and values in every version that may lie on a disk, written as
 * Kafka 3.9 writes them (storage-replication-coordinators 5.2), or older ones where those are beside us.
 *
 * Ownership: what is parsed borrows from the bytes given, members of a group from the arena too.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_GROUP_RECORDS_H
#define BARNABAS_CORE_GROUP_RECORDS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "base/view.h"
#include "wire/codec.h"

/* The highest versions whose encoding is not flexible: what is written when all brokers read it. */
#define OFFSET_VALUE_VERSION 3
#define GROUP_VALUE_VERSION  3
/* The first that has a place for a member's instance. */
#define GROUP_VALUE_INSTANCES 3

enum group_key_kind {
    GROUP_KEY_OFFSET, /* versions 0 and 1 */
    GROUP_KEY_GROUP,  /* version 2 */
    GROUP_KEY_UNKNOWN /* of the new group protocols, or of times to come: passed over */
};

struct group_key {
    enum group_key_kind kind;
    int16_t version;
    struct view group;
    struct view topic; /* GROUP_KEY_OFFSET */
    int32_t partition;
};

/* ERR_MALFORMED: no version, or not the fields of a version that is known. */
MUST_USE enum err group_key_parse(struct view key, struct group_key *out, struct errmsg *why);
void group_key_put_offset(struct buf *out, struct view group, struct view topic, int32_t partition);
void group_key_put_group(struct buf *out, struct view group);

/* A committed offset. */
struct offset_value {
    int64_t offset;
    int32_t leader_epoch; /* -1 = none */
    int64_t commit_ms;    /* wall clock */
    int64_t expire_ms;    /* wall clock, as the client wished; -1 = by the broker's retention */
    struct view metadata; /* never null */
};

/* ERR_MALFORMED; ERR_UNSUPPORTED_VERSION for a version above those that Kafka 3.9 reads. */
MUST_USE enum err offset_value_parse(struct view value, struct offset_value *out, struct errmsg *why);
/* In version 1 where the client said when the offset expires. */
void offset_value_put(struct buf *out, const struct offset_value *value, int16_t version);

/* As offset_value_parse. In version 0 a member's rebalance timeout is its session timeout. */
MUST_USE enum err group_value_parse(struct view value, struct arena *arena,
                                    struct wire_group_metadata_value *out, struct errmsg *why);
/* What the version has no place for is left out. */
void group_value_put(struct buf *out, const struct wire_group_metadata_value *value, int16_t version);

#endif
