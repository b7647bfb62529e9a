#include "core/group/records.h"

#include "base/assert.h"
#include "base/be.h"

/* What 3.9 writes: the highest versions whose encoding is not flexible. */
#define OFFSET_KEY_VERSION           1
#define GROUP_KEY_VERSION            2
#define OFFSET_VALUE_EXPIRES_VERSION 1

/* Takes the version off the front. */
static enum err take_version(struct view *bytes, int16_t *version, struct errmsg *why)
{
    if (bytes->len < 2) {
        errmsg_set(why, "%zu bytes hold no version", bytes->len);
        return ERR_MALFORMED;
    }
    *version = be_get_i16(bytes->ptr);
    *bytes = view_of(bytes->ptr + 2, bytes->len - 2);
    return ERR_NONE;
}

enum err group_key_parse(struct view key, struct group_key *out, struct errmsg *why)
{
    *out = (struct group_key){.kind = GROUP_KEY_UNKNOWN};
    enum err err = take_version(&key, &out->version, why);
    if (err)
        return err;
    if (wire_has_version(&wire_offset_commit_key_desc, out->version)) {
        struct wire_offset_commit_key fields;
        err = wire_decode(&wire_offset_commit_key_desc, out->version, key, NULL, NULL, &fields, why);
        out->kind = GROUP_KEY_OFFSET;
        out->group = fields.group;
        out->topic = fields.topic;
        out->partition = fields.partition;
    } else if (wire_has_version(&wire_group_metadata_key_desc, out->version)) {
        struct wire_group_metadata_key fields;
        err = wire_decode(&wire_group_metadata_key_desc, out->version, key, NULL, NULL, &fields, why);
        out->kind = GROUP_KEY_GROUP;
        out->group = fields.group;
    }
    return err;
}

/* Strings come from requests and records, which hold none that is too long. */
static void put_versioned(struct buf *out, const struct wire_message *desc, int16_t version,
                          const void *fields)
{
    buf_put_i16(out, version);
    enum err err = wire_encode(desc, version, fields, out, NULL);
    ASSERT(err == ERR_NONE);
}

void group_key_put_offset(struct buf *out, struct view group, struct view topic, int32_t partition)
{
    struct wire_offset_commit_key fields = {.group = group, .topic = topic, .partition = partition};
    put_versioned(out, &wire_offset_commit_key_desc, OFFSET_KEY_VERSION, &fields);
}

void group_key_put_group(struct buf *out, struct view group)
{
    struct wire_group_metadata_key fields = {.group = group};
    put_versioned(out, &wire_group_metadata_key_desc, GROUP_KEY_VERSION, &fields);
}

enum err offset_value_parse(struct view value, struct offset_value *out, struct errmsg *why)
{
    int16_t version;
    enum err err = take_version(&value, &version, why);
    if (err)
        return err;
    struct wire_offset_commit_value fields;
    err = wire_decode(&wire_offset_commit_value_desc, version, value, NULL, NULL, &fields, why);
    if (err)
        return err;
    *out = (struct offset_value){.offset = fields.offset,
                                 .leader_epoch = fields.leader_epoch,
                                 .commit_ms = fields.commit_timestamp,
                                 .expire_ms = fields.expire_timestamp,
                                 .metadata = fields.metadata};
    return ERR_NONE;
}

void offset_value_put(struct buf *out, const struct offset_value *value, int16_t version)
{
    struct wire_offset_commit_value fields = {.offset = value->offset,
                                              .leader_epoch = value->leader_epoch,
                                              .metadata = value->metadata,
                                              .commit_timestamp = value->commit_ms,
                                              .expire_timestamp = value->expire_ms};
    put_versioned(out, &wire_offset_commit_value_desc,
                  value->expire_ms == -1 ? version : OFFSET_VALUE_EXPIRES_VERSION, &fields);
}

enum err group_value_parse(struct view value, struct arena *arena, struct wire_group_metadata_value *out,
                           struct errmsg *why)
{
    int16_t version;
    enum err err = take_version(&value, &version, why);
    if (err)
        return err;
    err = wire_decode(&wire_group_metadata_value_desc, version, value, NULL, arena, out, why);
    if (!err && version == 0)
        for (int32_t i = 0; i < out->members_count; i++)
            out->members[i].rebalance_timeout = out->members[i].session_timeout;
    return err;
}

void group_value_put(struct buf *out, const struct wire_group_metadata_value *value, int16_t version)
{
    put_versioned(out, &wire_group_metadata_value_desc, version, value);
}
