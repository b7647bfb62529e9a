/* The first pass: the dirty part is read, and of every key the newest offset is kept. */
#include "storage/compact/internal.h"
#include "storage/producer_snapshot.h"

struct mapping {
    struct log_compact *compact;
    struct filter_scratch *scratch;
    struct key_map *map;
    struct record_refs *refs; /* hashed, not put yet; of several batches */
    bool full;
    int64_t latest; /* the last offset that the map knows of */
};

/* Puts what waits. The first record that finds no place ends the mapping. */
static void put_waiting(struct mapping *m)
{
    for (int i = 0; i < m->refs->count && !m->full; i++) {
        const struct record_ref *ref = &m->refs->items[i];
        if (!ref->has_key)
            newest_mark(&m->compact->newest, ref->offset, ref->offset);
        if (!ref->has_key || ref->offset < m->compact->args.first_dirty)
            continue;
        m->full = !key_map_put(m->map, ref->hash, ref->offset);
        if (m->full)
            m->latest = ref->offset - 1;
    }
    m->refs->count = 0;
}

static enum err map_body(struct mapping *m, const struct batch_info *info, struct view body)
{
    struct record_scan scan;
    record_scan_open(&scan, info, body);
    for (;;) {
        enum err err = record_scan_take(&scan, m->map, m->refs);
        if (err || scan.left == 0 || m->full)
            return err;
        put_waiting(m);
    }
}

static enum err map_stream(struct mapping *m, const struct batch_info *info, struct view entry)
{
    struct record_iter it;
    struct record rec;
    bool too_large;
    filter_stream_open(m->scratch, &it, entry);
    while (!m->full && record_iter_next(&it, &rec)) {
        if (m->refs->count == RECORD_REFS)
            put_waiting(m);
        struct record_ref *ref = &m->refs->items[m->refs->count++];
        ref->offset = rec.offset;
        ref->has_key = rec.key_size >= 0;
        if (ref->has_key)
            ref->hash = key_map_hash(m->map, rec.key);
    }
    enum err err = filter_stream_close(m->scratch, &it, entry, &too_large);
    if (too_large)
        newest_mark(&m->compact->newest, info->base_offset, info->last_offset);
    return err;
}

static enum err map_batch(struct mapping *m, const struct batch_info *info, struct view entry)
{
    enum err err = batch_check_crc(entry);
    if (err)
        return err;
    struct transactions *txns = &m->compact->txns;
    if (info->control) {
        struct aborted_txn indexed;
        bool is_indexed;
        (void)transactions_on_control(txns, info, compact_marker_type(info, entry), info->record_count == 0,
                                      &indexed, &is_indexed);
        return ERR_NONE;
    }
    if (transactions_on_data(txns, info)) {
        newest_mark(&m->compact->newest, info->base_offset, info->last_offset);
        return ERR_NONE;
    }
    if (info->last_offset < m->compact->args.first_dirty)
        return ERR_NONE;
    if (info->magic >= 2 && info->record_count == 0)
        return ERR_NONE;
    struct view body;
    bool in_memory;
    err = filter_body(m->scratch, info, entry, &body, &in_memory);
    if (err)
        return err;
    return in_memory ? map_body(m, info, body) : map_stream(m, info, entry);
}

static enum err map_source(struct mapping *m, const struct source *source, int32_t pos, struct errmsg *why)
{
    struct source_reader reader;
    source_reader_open(&reader, source, pos, &m->compact->memory->read);
    enum err err = ERR_NONE;
    while (!err && !m->full && source_reader_left(&reader) > 0) {
        int64_t bytes;
        err = source_reader_fill(&reader, &bytes, why);
        if (!err)
            err = compact_go_on(m->compact, bytes, why);
        if (err)
            return err;
        m->compact->stats.map_bytes_read += bytes;
        struct batch_info info;
        struct view entry;
        while (!m->full && !(err = source_reader_next(&reader, &info, &entry, why))) {
            err = map_batch(m, &info, entry);
            if (err) {
                errmsg_set(why, "the batch that ends at offset %lld is damaged", (long long)info.last_offset);
                return err;
            }
        }
        err = err == ERR_WOULD_BLOCK ? ERR_NONE : err;
    }
    if (!err)
        put_waiting(m);
    if (!err && !m->full)
        m->latest = source->next_base - 1;
    return err;
}

static enum err map_all(struct mapping *m, struct errmsg *why)
{
    struct log_compact *compact = m->compact;
    const size_t first = compact->first_dirty_source, n = compact->source_count;
    const int64_t end = first < n ? compact->sources[n - 1].next_base : compact->args.first_dirty;
    key_map_begin(m->map, compact->seed, compact->args.first_dirty, end - compact->args.first_dirty);
    newest_begin(&compact->newest, compact->args.first_dirty, end);
    m->refs->count = 0;
    if (first == n)
        return ERR_NONE;
    enum err err = compact_begin_transactions(compact, compact->sources[first].base_offset, end, why);
    for (size_t i = first; i < n && !m->full && !err; i++)
        err = map_source(m, &compact->sources[i], i == first ? compact->first_dirty_pos : 0, why);
    return err;
}

/* One that is damaged is none: recovery passes over it as well. */
static enum err take_producers_below(struct log_compact *compact, int64_t end, struct errmsg *why)
{
    if (compact->last.count == 0)
        return ERR_NONE;
    struct buf bytes = {0};
    size_t count;
    enum err err = producer_snapshot_read(compact->disk, compact->dir, end, &bytes, &count, why);
    if (!err)
        last_batches_take_below(&compact->last, buf_view(&bytes), count);
    buf_close(&bytes);
    return err == ERR_NOT_FOUND || err == ERR_CORRUPT_FILE ? ERR_NONE : err;
}

enum err log_compact_map(struct log_compact *compact, struct errmsg *why)
{
    struct compact_memory *memory = compact->memory;
    struct mapping m = {.compact = compact,
                        .scratch = &memory->scratch,
                        .map = memory->map,
                        .refs = &memory->scratch.refs,
                        .latest = compact->args.first_dirty - 1};
    enum err err = map_all(&m, why);
    io_buffer_shrink(&memory->read);
    if (err)
        return compact_worker_error(compact, err, why);
    compact->next_dirty = m.latest + 1;
    newest_end(&compact->newest, m.map, compact->next_dirty);
    compact->stats.map_load = key_map_load(m.map);
    compact->stats.map_records = key_map_count(m.map);
    /* What lies above was not mapped, and is left alone; all of it where nothing is dirty. */
    size_t n = 0;
    while (compact->next_dirty > compact->args.first_dirty && n < compact->source_count &&
           compact->sources[n].base_offset < compact->next_dirty)
        n++;
    while (compact->source_count > n)
        disk_file_release(compact->sources[--compact->source_count].file);
    compact->stats.segments_before = (int)n;
    if (n > 0)
        err = take_producers_below(compact, compact->sources[n - 1].next_base, why);
    if (!err)
        err = compact_begin_transactions(compact, 0, INT64_MAX, why);
    return err ? compact_worker_error(compact, err, why) : ERR_NONE;
}
