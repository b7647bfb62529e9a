/* Small files beside the log: aborted transactions, producers, leader epochs. */
#include <inttypes.h>
#include <stdio.h>

#include "base/be.h"
#include "cli/dump.h"
#include "storage/checkpoint_file.h"
#include "storage/producer_snapshot.h"
#include "wire/record_batch.h"

#define TXN_ENTRY_BYTES 34

bool dump_txn_index(struct dump *dump, const char *path, struct errmsg *why)
{
    struct buf bytes = {0};
    bool fine = dump_read_file(path, &bytes, why);
    for (size_t at = 0; fine && bytes.len - at >= TXN_ENTRY_BYTES; at += TXN_ENTRY_BYTES) {
        const uint8_t *p = bytes.data + at;
        int16_t version = be_get_i16(p);
        if (version > 0) {
            errmsg_set(why,
                       "Unexpected aborted transaction version %d in transaction index %.100s, current "
                       "version is 0",
                       version, path);
            fine = false;
            break;
        }
        buf_printf(&dump->line, "version: %d producerId: %" PRId64 " firstOffset: %" PRId64, version,
                   be_get_i64(p + 2), be_get_i64(p + 10));
        buf_printf(&dump->line, " lastOffset: %" PRId64 " lastStableOffset: %" PRId64, be_get_i64(p + 18),
                   be_get_i64(p + 26));
        dump_print(dump);
    }
    buf_close(&bytes);
    return fine;
}

static void print_producer(struct dump *dump, const struct producer_entry *entry)
{
    struct buf *out = &dump->line;
    buf_printf(out, "producerId: %" PRId64 " producerEpoch: %d coordinatorEpoch: %" PRId32,
               entry->producer_id, entry->epoch, entry->coordinator_epoch);
    buf_printf(out, " currentTxnFirstOffset: ");
    if (entry->txn_first_offset < 0)
        buf_put_str(out, "OptionalLong.empty");
    else
        buf_printf(out, "OptionalLong[%" PRId64 "]", entry->txn_first_offset);
    buf_printf(out, " lastTimestamp: %" PRId64 " ", entry->last_timestamp_ms);
    const struct producer_batch_memo *batch = &entry->last;
    if (entry->batch_count > 0) {
        buf_printf(out, "firstSequence: %" PRId32 " lastSequence: %" PRId32,
                   sequence_decrement(batch->last_seq, batch->offset_delta), batch->last_seq);
        buf_printf(out, " lastOffset: %" PRId64 " offsetDelta: %" PRId32 " timestamp: %" PRId64,
                   batch->last_offset, batch->offset_delta, batch->timestamp_ms);
    }
    dump_print(dump);
}

/* A snapshot that is torn is told on standard error, and the next file follows. */
bool dump_snapshot(struct dump *dump, const char *path, struct errmsg *why)
{
    struct buf bytes = {0};
    struct errmsg torn = {0};
    size_t count = 0;
    bool fine = dump_read_file(path, &bytes, why);
    if (fine && producer_snapshot_decode(buf_view(&bytes), &count, &torn) != ERR_NONE)
        fprintf(stderr, "%s\n", torn.text);
    for (size_t i = 0; i < count; i++) {
        struct producer_entry entry;
        producer_snapshot_entry(buf_view(&bytes), i, &entry);
        print_producer(dump, &entry);
    }
    buf_close(&bytes);
    return fine;
}

static bool print_epoch(void *arg, const struct view *fields, size_t field_count)
{
    struct dump *dump = arg;
    int32_t epoch;
    int64_t start_offset;
    if (!checkpoint_read_epoch_row(fields, field_count, &epoch, &start_offset))
        return false;
    buf_printf(&dump->line, "epoch: %" PRId32 " startOffset: %" PRId64, epoch, start_offset);
    dump_print(dump);
    return true;
}

bool dump_leader_epochs(struct dump *dump, const char *path, struct errmsg *why)
{
    struct buf bytes = {0};
    bool fine = dump_read_file(path, &bytes, why) &&
                checkpoint_parse(buf_view(&bytes), path, print_epoch, dump, why) == ERR_NONE;
    buf_close(&bytes);
    return fine;
}
