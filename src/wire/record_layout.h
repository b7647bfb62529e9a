/*
 * Where the fields of an entry stand, for the files of this room that read and
 * write records.
 * Runs on: any.
 */
#ifndef BARNABAS_WIRE_RECORD_LAYOUT_H
#define BARNABAS_WIRE_RECORD_LAYOUT_H

/* Common to all magics. */
#define ENTRY_OFFSET 0
#define ENTRY_SIZE   8
#define ENTRY_MAGIC  16

/* v2 batch. */
#define BATCH_LEADER_EPOCH      12
#define BATCH_CRC               17
#define BATCH_ATTRIBUTES        21
#define BATCH_LAST_OFFSET_DELTA 23
#define BATCH_BASE_TIMESTAMP    27
#define BATCH_MAX_TIMESTAMP     35
#define BATCH_PRODUCER_ID       43
#define BATCH_PRODUCER_EPOCH    51
#define BATCH_BASE_SEQUENCE     53
#define BATCH_RECORD_COUNT      57

/* Legacy message. Key length follows the attributes in magic 0, the timestamp in magic 1. */
#define LEGACY_CRC         12
#define LEGACY_ATTRIBUTES  17
#define LEGACY_TIMESTAMP   18
#define LEGACY_V0_KEY      18
#define LEGACY_V1_KEY      26
#define LEGACY_V0_OVERHEAD 14 /* size field of a message with null key and value */
#define LEGACY_V1_OVERHEAD 22

/* Attribute bits. */
#define ATTR_CODEC_MASK      0x07
#define ATTR_LOG_APPEND_TIME 0x08
#define ATTR_TRANSACTIONAL   0x10
#define ATTR_CONTROL         0x20
#define ATTR_DELETE_HORIZON  0x40

#endif
