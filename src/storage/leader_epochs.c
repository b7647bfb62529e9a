#include "storage/leader_epochs.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/atomic_file.h"
#include "storage/checkpoint_file.h"

void leader_epochs_close(struct leader_epochs *epochs)
{
    free(epochs->items);
    *epochs = (struct leader_epochs){0};
}

/* --- queries --- */

const struct leader_epoch *leader_epochs_latest(const struct leader_epochs *epochs)
{
    return epochs->count ? &epochs->items[epochs->count - 1] : NULL;
}

const struct leader_epoch *leader_epochs_earliest(const struct leader_epochs *epochs)
{
    return epochs->count ? &epochs->items[0] : NULL;
}

int32_t leader_epochs_latest_epoch(const struct leader_epochs *epochs)
{
    const struct leader_epoch *latest = leader_epochs_latest(epochs);
    return latest ? latest->epoch : LEADER_EPOCH_UNDEFINED;
}

/* Number of entries with an epoch below `epoch`. */
static size_t count_below(const struct leader_epochs *epochs, int32_t epoch)
{
    size_t low = 0;
    size_t high = epochs->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (epochs->items[mid].epoch < epoch)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Number of entries that start at or below `offset`. */
static size_t count_started(const struct leader_epochs *epochs, int64_t offset)
{
    size_t low = 0;
    size_t high = epochs->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (epochs->items[mid].start_offset <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct leader_epoch *leader_epochs_find(const struct leader_epochs *epochs, int32_t epoch)
{
    size_t i = count_below(epochs, epoch);
    return i < epochs->count && epochs->items[i].epoch == epoch ? &epochs->items[i] : NULL;
}

const struct leader_epoch *leader_epochs_previous(const struct leader_epochs *epochs, int32_t epoch)
{
    size_t i = count_below(epochs, epoch);
    return i ? &epochs->items[i - 1] : NULL;
}

struct leader_epoch leader_epochs_end_offset_for(const struct leader_epochs *epochs, int32_t requested,
                                                 int64_t log_end_offset)
{
    const struct leader_epoch undefined = {LEADER_EPOCH_UNDEFINED, LEADER_EPOCH_UNDEFINED};
    if (requested == LEADER_EPOCH_UNDEFINED)
        return undefined;
    if (requested == leader_epochs_latest_epoch(epochs))
        return (struct leader_epoch){requested, log_end_offset};
    size_t i = count_below(epochs, requested);
    bool exact = i < epochs->count && epochs->items[i].epoch == requested;
    size_t higher = i + exact;
    if (higher == epochs->count)
        return undefined;
    /* Older than all that is known: its data has gone, a follower begins where ours does. */
    int32_t floor = exact ? requested : i ? epochs->items[i - 1].epoch : requested;
    return (struct leader_epoch){floor, epochs->items[higher].start_offset};
}

int32_t leader_epochs_epoch_for_offset(const struct leader_epochs *epochs, int64_t offset)
{
    size_t started = count_started(epochs, offset);
    return started ? epochs->items[started - 1].epoch : LEADER_EPOCH_UNDEFINED;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct truncation_point leader_epochs_truncation_point(const struct leader_epochs *epochs,
                                                       int32_t leader_epoch, int64_t leader_end,
                                                       int64_t log_end_offset, int64_t fallback)
{
    if (leader_end < 0)
        return (struct truncation_point){smaller(fallback, log_end_offset), true};
    if (leader_epoch < 0) /* a leader that does not know epochs says only where it ends */
        return (struct truncation_point){smaller(leader_end, log_end_offset), true};
    struct leader_epoch own = leader_epochs_end_offset_for(epochs, leader_epoch, log_end_offset);
    if (own.epoch == LEADER_EPOCH_UNDEFINED || own.start_offset == LEADER_EPOCH_UNDEFINED)
        return (struct truncation_point){smaller(leader_end, log_end_offset), true};
    if (own.epoch == leader_epoch)
        return (struct truncation_point){smaller(smaller(leader_end, own.start_offset), log_end_offset),
                                         true};
    /* We never saw that epoch: whatever follows our last one before it is not the leader's. */
    return (struct truncation_point){smaller(own.start_offset, log_end_offset), false};
}

/* --- commands --- */

static void reserve(struct leader_epochs *epochs, size_t count)
{
    if (count <= epochs->cap)
        return;
    epochs->cap = count > epochs->cap * 2 ? count : epochs->cap * 2;
    epochs->items = mem_resize(epochs->items, epochs->cap * sizeof *epochs->items);
}

bool leader_epochs_assign(struct leader_epochs *epochs, int32_t epoch, int64_t start_offset)
{
    ASSERT(epoch >= 0 && start_offset >= 0);
    const struct leader_epoch *latest = leader_epochs_latest(epochs);
    if (latest && latest->epoch == epoch && latest->start_offset <= start_offset)
        return false;
    while (epochs->count && (epochs->items[epochs->count - 1].epoch >= epoch ||
                             epochs->items[epochs->count - 1].start_offset >= start_offset))
        epochs->count--;
    reserve(epochs, epochs->count + 1);
    epochs->items[epochs->count++] = (struct leader_epoch){epoch, start_offset};
    return epochs->dirty = true;
}

/* Puts `entry`, or nothing if NULL, in the place of the entries [from, to). */
static bool replace(struct leader_epochs *epochs, size_t from, size_t to, const struct leader_epoch *entry)
{
    const size_t put = entry != NULL;
    const size_t behind = epochs->count - to;
    if (to - from == put && (!put || (epochs->items[from].epoch == entry->epoch &&
                                      epochs->items[from].start_offset == entry->start_offset)))
        return false;
    reserve(epochs, from + put + behind);
    memmove(epochs->items + from + put, epochs->items + to, behind * sizeof *epochs->items);
    if (put)
        epochs->items[from] = *entry;
    epochs->count = from + put + behind;
    return epochs->dirty = true;
}

bool leader_epochs_reconcile(struct leader_epochs *epochs, int32_t epoch, int64_t base_offset,
                             int64_t last_offset)
{
    ASSERT(epoch >= LEADER_EPOCH_UNDEFINED && base_offset >= 0 && last_offset >= base_offset);
    const size_t below = count_below(epochs, epoch);
    const bool known = below < epochs->count && epochs->items[below].epoch == epoch;
    const bool earlier = known && epochs->items[below].start_offset < base_offset;
    const struct leader_epoch entry = {epoch, earlier ? epochs->items[below].start_offset : base_offset};
    /* What stays: older epochs that begin below the batch, newer ones that begin behind it. */
    const size_t begun = count_started(epochs, base_offset - 1);
    const size_t ended = count_started(epochs, last_offset);
    const size_t from = begun < below ? begun : below;
    const size_t to = ended > below + known ? ended : below + known;
    return replace(epochs, from, to, epoch == LEADER_EPOCH_UNDEFINED ? NULL : &entry);
}

bool leader_epochs_truncate_from_end(struct leader_epochs *epochs, int64_t end_offset)
{
    size_t before = epochs->count;
    while (end_offset >= 0 && epochs->count && epochs->items[epochs->count - 1].start_offset >= end_offset)
        epochs->count--;
    if (epochs->count == before)
        return false;
    return epochs->dirty = true;
}

bool leader_epochs_truncate_from_start(struct leader_epochs *epochs, int64_t start_offset)
{
    size_t started = count_started(epochs, start_offset);
    if (started == 0 || (started == 1 && epochs->items[0].start_offset == start_offset))
        return false;
    size_t drop = started - 1;
    memmove(epochs->items, epochs->items + drop, (epochs->count - drop) * sizeof *epochs->items);
    epochs->count -= drop;
    epochs->items[0].start_offset = start_offset;
    return epochs->dirty = true;
}

bool leader_epochs_clear(struct leader_epochs *epochs)
{
    if (epochs->count == 0)
        return false;
    epochs->count = 0;
    return epochs->dirty = true;
}

bool leader_epochs_copy(struct leader_epochs *epochs, const struct leader_epochs *from)
{
    bool same = epochs->count == from->count;
    for (size_t i = 0; same && i < from->count; i++)
        same = epochs->items[i].epoch == from->items[i].epoch &&
               epochs->items[i].start_offset == from->items[i].start_offset;
    if (same)
        return false;
    reserve(epochs, from->count);
    for (size_t i = 0; i < from->count; i++)
        epochs->items[i] = from->items[i];
    epochs->count = from->count;
    return epochs->dirty = true;
}

/* --- the file --- */

void leader_epochs_format(const struct leader_epochs *epochs, struct buf *out)
{
    checkpoint_put_head(out, epochs->count);
    for (size_t i = 0; i < epochs->count; i++)
        checkpoint_put_epoch_row(out, epochs->items[i].epoch, epochs->items[i].start_offset);
}

static bool take_row(void *arg, const struct view *fields, size_t field_count)
{
    int32_t epoch;
    int64_t start_offset;
    if (!checkpoint_read_epoch_row(fields, field_count, &epoch, &start_offset) || epoch < 0 ||
        start_offset < 0)
        return false;
    leader_epochs_assign(arg, epoch, start_offset);
    return true;
}

enum err leader_epochs_parse(struct leader_epochs *epochs, struct view text, const char *location,
                             struct errmsg *why)
{
    epochs->count = 0;
    enum err err = checkpoint_parse(text, location, take_row, epochs, why);
    if (err)
        epochs->count = 0;
    epochs->dirty = false;
    return err;
}

enum err leader_epochs_load(struct leader_epochs *epochs, struct disk *disk, const char *dir,
                            struct errmsg *why)
{
    epochs->count = 0;
    epochs->dirty = false;
    char *path = atomic_file_join(dir, LEADER_EPOCH_FILE_NAME);
    struct buf text = {0};
    enum err err = atomic_file_read(disk, path, &text, why);
    if (!err)
        err = leader_epochs_parse(epochs, buf_view(&text), path, why);
    buf_close(&text);
    free(path);
    return err;
}

enum err leader_epochs_save(struct leader_epochs *epochs, struct disk *disk, const char *dir,
                            struct errmsg *why)
{
    char *path = atomic_file_join(dir, LEADER_EPOCH_FILE_NAME);
    struct buf text = {0};
    leader_epochs_format(epochs, &text);
    enum err err = atomic_file_write(disk, path, buf_view(&text), why);
    if (!err)
        epochs->dirty = false;
    buf_close(&text);
    free(path);
    return err;
}

enum err leader_epochs_assign_durably(struct leader_epochs *epochs, struct disk *disk, const char *dir,
                                      int32_t epoch, int64_t start_offset, struct errmsg *why)
{
    if (!leader_epochs_assign(epochs, epoch, start_offset))
        return ERR_NONE;
    return leader_epochs_save(epochs, disk, dir, why);
}
