/*
 * Appends of clients and their wait for the high watermark, as service/partition/append.c has them.
 *
 * A request's body: partition i32, records. Its answer: error i16, base offset i64.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_PRODUCE_H
#define BARNABAS_TESTS_SIM_PRODUCE_H

#include "sim/node.h"
#include "wire/record_validate.h"

#define PRODUCE_TIMEOUT_MS 1500

/* An append as leader, of whoever. */
struct produce_op {
    enum append_origin origin;
    bool waits; /* acks=all */
    int64_t timeout_ms;
    /* What became of it, once; maybe before produce_append returns. Not when the process ends before. */
    void (*done)(struct proc *proc, uint64_t id, enum err err, int64_t base_offset);
    uint64_t id;
};

/* The records may be patched. */
void produce_append(struct part *part, struct buf *records, const struct produce_op *op);

/* Answers those that are below the high watermark. */
void produce_complete(struct part *part);
/* Answers all: the leader is gone, or the log. */
void produce_complete_all(struct part *part);
/* Forgets all without an answer: the process is gone. */
void produce_drop_waiting(struct part *part);

#endif
