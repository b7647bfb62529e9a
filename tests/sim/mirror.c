#include "sim/mirror.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sim/compacted.h"

struct batch batch_of(const struct batch_info *info)
{
    return (struct batch){.base = info->base_offset,
                          .last = info->last_offset,
                          .producer_id = info->producer_id,
                          .sequence = info->base_sequence,
                          .epoch = info->leader_epoch,
                          .crc = info->crc};
}

bool batch_equal(const struct batch *a, const struct batch *b)
{
    return a->base == b->base && a->last == b->last && a->epoch == b->epoch && a->crc == b->crc;
}

void mirror_close(struct mirror *mirror)
{
    free(mirror->items);
    *mirror = (struct mirror){0};
}

int64_t mirror_end(const struct mirror *mirror)
{
    return mirror->count > 0 ? mirror->items[mirror->count - 1].last + 1 : mirror->start;
}

int mirror_find(const struct mirror *mirror, int64_t offset)
{
    int low = 0, high = mirror->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (mirror->items[middle].last < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool mirror_equal(const struct mirror *a, const struct mirror *b)
{
    for (int i = 0; i < a->count && i < b->count; i++)
        if (!batch_equal(&a->items[i], &b->items[i]))
            return false;
    return a->count == b->count;
}

static void add(struct mirror *mirror, const struct batch *batch)
{
    if (mirror->count == mirror->cap) {
        mirror->cap = mirror->cap ? 2 * mirror->cap : 32;
        mirror->items = mem_resize(mirror->items, (size_t)mirror->cap * sizeof *mirror->items);
    }
    mirror->items[mirror->count++] = *batch;
}

/* Up to the offset there is nothing. */
static bool fill(struct mirror *mirror, const struct mirror_past *past, int64_t offset)
{
    while (mirror_end(mirror) < offset) {
        const struct batch *batch = past->missing(past->arg, mirror_end(mirror));
        if (!batch || batch->base != mirror_end(mirror))
            return false;
        struct batch missing = *batch;
        missing.missing = true;
        add(mirror, &missing);
    }
    return true;
}

static bool take_compacted(struct mirror *mirror, const struct mirror_past *past,
                           const struct batch_info *info, struct view entry)
{
    struct batch batch = batch_of(info);
    if (compacted_is_filler(info))
        return fill(mirror, past, batch.last + 1);
    compacted_note_keys(&batch, entry);
    if (!fill(mirror, past, batch.base))
        return false;
    const struct batch *whole = past->whole(past->arg, &batch, entry);
    if (!whole || whole->base != mirror_end(mirror))
        return false;
    add(mirror, whole);
    return true;
}

/* Takes the entries at the front of what was read; false when they do not follow one another. */
static bool take(struct mirror *mirror, struct view bytes, const struct mirror_past *past)
{
    struct batch_info info;
    struct view entry;
    bool any = false;
    while (batch_next(&bytes, &info, &entry) == ERR_NONE) {
        struct batch batch = batch_of(&info);
        if (batch_check_crc(entry) != ERR_NONE)
            return false;
        if (past && !take_compacted(mirror, past, &info, entry))
            return false;
        if (!past && batch.base != mirror_end(mirror))
            return false;
        if (!past)
            add(mirror, &batch);
        any = true;
    }
    return any;
}

bool mirror_extend(struct mirror *mirror, struct log *log, const struct mirror_past *past)
{
    struct log_slice slice = {0};
    struct buf bytes = {0};
    bool good = true;
    while (good && mirror_end(mirror) < log_end(log).offset) {
        struct log_read_args args = {
            .offset = mirror_end(mirror), .max_bytes = 1 << 20, .bound = LOG_BOUND_END, .min_one = true};
        good = log_read(log, &args, &slice, NULL) == ERR_NONE && slice.file;
        if (!good)
            break;
        size_t got = 0;
        buf_clear(&bytes);
        uint8_t *to = buf_extend(&bytes, (size_t)slice.len);
        good = DISK_FILE(slice.file, pread, to, (size_t)slice.len, slice.pos, &got, NULL) == ERR_NONE &&
               got == (size_t)slice.len && take(mirror, buf_view(&bytes), past);
    }
    log_slice_close(&slice);
    buf_close(&bytes);
    return good && mirror_end(mirror) == log_end(log).offset;
}
