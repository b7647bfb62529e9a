/*
 * Between the controller core's values and the bytes of ZooKeeper and of the wire.
 *
 * Runs on: any; pure.
 */
#ifndef BARNABAS_SERVICE_CONTROLLER_CONTROLLER_TRANSLATE_H
#define BARNABAS_SERVICE_CONTROLLER_CONTROLLER_TRANSLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/errmsg.h"
#include "config/inter_broker.h"
#include "core/controller/effects.h"
#include "core/controller/events.h"
#include "port/zk.h"

/* --- ZooKeeper --- */

/* The operation with its data as bytes; everything lives in `arena`. `now_ms` is wall clock. */
struct zk_op controller_to_zk_op(const struct controller_op *op, int64_t now_ms, struct arena *arena);

/* The result of `op` with its data decoded; everything lives in `arena`. What cannot be decoded is logged. */
struct controller_op_result controller_from_zk_result(const struct controller_op *op,
                                                      const struct zk_result *result, struct arena *arena);

/* Deep copies, so that an operation outlives the effects it came in. */
struct controller_op controller_copy_op(const struct controller_op *op, struct arena *arena);

/* --- requests to brokers --- */

/*
 * The frame of a LeaderAndIsr, UpdateMetadata or StopReplica, in the version of `versions`, or of a
 * ListOffsets v5, with its size. `listener` is the one by which brokers reach each other.
 */
void controller_encode_request(enum controller_effect_kind kind, const struct controller_send *send,
                               const struct inter_broker *versions, const char *listener,
                               int32_t correlation_id, struct arena *arena, struct buf *out);

/* The frame of an ApiVersions v0, with its size: any broker answers it at once, and needs no disk for that.
 */
void controller_encode_question(struct buf *out);

/* The answer to a request of the controller: fills err, partitions and partitions_count of a reply. */
enum err controller_decode_answer(enum controller_effect_kind kind, const struct inter_broker *versions,
                                  struct view frame, struct arena *arena, enum err *top,
                                  struct controller_reply_partition **partitions, int32_t *count,
                                  struct errmsg *why);

#endif
