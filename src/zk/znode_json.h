/*
 * The JSON of Kafka's znodes, to and from the values of port/znodes.h. One pair per znode.
 *
 * Reading is as tolerant as Kafka's: unknown keys are passed over, what may be absent has a
 * default, what must be there and is not gives ERR_MALFORMED with a message that names it.
 * Nothing a znode holds can crash or bloat the broker: sizes are those of the data.
 * Facts: zookeeper-and-controller 1.3.
 *
 * Ownership: what is decoded lives in the arena.
 * Runs on: any.
 */
#ifndef BARNABAS_ZK_ZNODE_JSON_H
#define BARNABAS_ZK_ZNODE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "port/znodes.h"

/* Every decoder: `out` is filled on ERR_NONE only. Every encoder appends to `out`. */

void znode_encode_broker(const struct znode_broker *value, struct buf *out);
MUST_USE enum err znode_decode_broker(struct view json, struct arena *arena, struct znode_broker *out,
                                      struct errmsg *why);

/* Any data gives a topic: what is no JSON has no partitions, as in Kafka. */
void znode_encode_topic(const struct znode_topic *value, struct buf *out);
MUST_USE enum err znode_decode_topic(struct view json, struct arena *arena, struct znode_topic *out,
                                     struct errmsg *why);

void znode_encode_state(const struct znode_state *value, struct buf *out);
MUST_USE enum err znode_decode_state(struct view json, struct arena *arena, struct znode_state *out,
                                     struct errmsg *why);

void znode_encode_controller(const struct znode_controller *value, struct buf *out);
MUST_USE enum err znode_decode_controller(struct view json, struct arena *arena, struct znode_controller *out,
                                          struct errmsg *why);

/* /controller_epoch: decimal text, no JSON. */
void znode_encode_controller_epoch(int32_t epoch, struct buf *out);
MUST_USE enum err znode_decode_controller_epoch(struct view text, int32_t *out, struct errmsg *why);

/* Null or empty data is ERR_NOT_FOUND: nothing was allocated yet. */
void znode_encode_producer_id_block(const struct znode_producer_id_block *value, struct buf *out);
MUST_USE enum err znode_decode_producer_id_block(struct view json, struct arena *arena,
                                                 struct znode_producer_id_block *out, struct errmsg *why);

/* /admin/reassign_partitions, with replicas. */
void znode_encode_reassignment(const struct znode_partitions *value, struct buf *out);
MUST_USE enum err znode_decode_reassignment(struct view json, struct arena *arena,
                                            struct znode_partitions *out, struct errmsg *why);
/* /admin/preferred_replica_election and /isr_change_notification/N: topics and partitions. */
void znode_encode_partitions(const struct znode_partitions *value, struct buf *out);
MUST_USE enum err znode_decode_partitions(struct view json, struct arena *arena, struct znode_partitions *out,
                                          struct errmsg *why);

/* Any data gives a config: what is no JSON, or has no "config", sets nothing. */
void znode_encode_config(const struct znode_config *value, struct buf *out);
MUST_USE enum err znode_decode_config(struct view json, struct arena *arena, struct znode_config *out,
                                      struct errmsg *why);

/* /config/changes/config_change_N: "topics/orders". Version 1 and 2 are read. */
void znode_encode_config_change(const char *entity_path, struct buf *out);
MUST_USE enum err znode_decode_config_change(struct view json, struct arena *arena, const char **entity_path,
                                             struct errmsg *why);

void znode_encode_log_dir_event(const struct znode_log_dir_event *value, struct buf *out);
MUST_USE enum err znode_decode_log_dir_event(struct view json, struct arena *arena,
                                             struct znode_log_dir_event *out, struct errmsg *why);

void znode_encode_suspect(const struct znode_suspect *value, struct buf *out);
MUST_USE enum err znode_decode_suspect(struct view json, struct arena *arena, struct znode_suspect *out,
                                       struct errmsg *why);

void znode_encode_silence(const struct znode_silence *value, struct buf *out);
MUST_USE enum err znode_decode_silence(struct view json, struct arena *arena, struct znode_silence *out,
                                       struct errmsg *why);

void znode_encode_feature(const struct znode_feature *value, struct buf *out);
MUST_USE enum err znode_decode_feature(struct view json, struct arena *arena, struct znode_feature *out,
                                       struct errmsg *why);

/* /barnabas/brokers/N, /barnabas/trusted/N. */
void znode_encode_incarnation(const struct znode_incarnation *value, struct buf *out);
MUST_USE enum err znode_decode_incarnation(struct view json, struct arena *arena,
                                           struct znode_incarnation *out, struct errmsg *why);

/* /barnabas/standing/T-P. */
void znode_encode_standing(const struct znode_standing *value, struct buf *out);
MUST_USE enum err znode_decode_standing(struct view json, struct arena *arena, struct znode_standing *out,
                                        struct errmsg *why);

/* /cluster/id. */
void znode_encode_cluster_id(const char *id, struct buf *out);
MUST_USE enum err znode_decode_cluster_id(struct view json, struct arena *arena, const char **id,
                                          struct errmsg *why);

#endif
