/* The two sparse indexes, held against the log they index. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/be.h"
#include "base/mem.h"
#include "cli/dump.h"
#include "wire/record_iter.h"

#define OFFSET_ENTRY_BYTES 8
#define TIME_ENTRY_BYTES   12
/* The entries at the end that Kafka looks at first: 8192 bytes of them. */
#define WARM_BYTES 8192

struct index_file {
    struct buf bytes;
    size_t entry_bytes;
    size_t entries;
    int64_t base_offset;
};

static bool open_index(struct index_file *index, const char *path, size_t entry_bytes, struct errmsg *why)
{
    *index = (struct index_file){.entry_bytes = entry_bytes};
    if (!dump_base_offset(path, &index->base_offset, why) || !dump_read_file(path, &index->bytes, why))
        return false;
    index->entries = index->bytes.len / entry_bytes;
    return true;
}

static int64_t offset_of(const struct index_file *index, size_t i)
{
    return index->base_offset + be_get_i32(index->bytes.data + i * OFFSET_ENTRY_BYTES);
}

static int32_t position_of(const struct index_file *index, size_t i)
{
    return be_get_i32(index->bytes.data + i * OFFSET_ENTRY_BYTES + sizeof(int32_t));
}

static int64_t timestamp_of(const struct index_file *index, size_t i)
{
    return be_get_i64(index->bytes.data + i * TIME_ENTRY_BYTES);
}

static int64_t time_offset_of(const struct index_file *index, size_t i)
{
    return index->base_offset + be_get_i32(index->bytes.data + i * TIME_ENTRY_BYTES + sizeof(int64_t));
}

static bool check_length(const struct index_file *index, const char *what, const char *path,
                         struct errmsg *why)
{
    if (index->bytes.len % index->entry_bytes == 0)
        return true;
    errmsg_set(why, "%s %.120s is corrupt, found %zu bytes which is neither positive nor a multiple of %zu",
               what, path, index->bytes.len, index->entry_bytes);
    return false;
}

static void print_sane(struct dump *dump, const char *path)
{
    buf_printf(&dump->line, "%s passed sanity check.", path);
    dump_print(dump);
}

/* --- .index ---------------------------------------------------------------------------------------- */

static bool check_offset_index(const struct index_file *index, const char *path, struct errmsg *why)
{
    int64_t last = offset_of(index, index->entries - 1);
    if (last >= index->base_offset)
        return check_length(index, "Index file", path, why);
    errmsg_set(why,
               "Corrupt index found, index file %.100s has non-zero size but the last offset is %" PRId64
               " which is less than the base offset %" PRId64,
               path, last, index->base_offset);
    return false;
}

/* One entry: the batch that it points at must end at its offset. */
static bool dump_offset_entry(struct dump *dump, const struct index_file *index, size_t i,
                              struct dump_log *log, struct errmsg *why)
{
    int64_t offset = offset_of(index, i);
    int64_t position = position_of(index, i);
    int64_t end = position + dump->options.max_message_size;
    struct batch_info info;
    struct view entry;
    enum dump_step step = DUMP_END;
    if (position >= 0 && position <= log->size)
        step = dump_log_read(log, position, end < log->size ? end : log->size, false, &info, &entry, why);
    if (step == DUMP_BROKEN)
        return false;
    if (step == DUMP_END) {
        errmsg_set(why,
                   "No batch stands at position %" PRId64 " of %.120s, where the index has offset %" PRId64,
                   position, log->path, offset);
        return false;
    }
    if (info.last_offset != offset)
        dump_report(dump, DUMP_INDEX_MISMATCH, offset, info.last_offset);
    if (!dump->options.verify_only) {
        buf_printf(&dump->line, "offset: %" PRId64 " position: %" PRId64, offset, position);
        dump_print(dump);
    }
    return true;
}

static bool dump_offset_entries(struct dump *dump, const char *path, const struct index_file *index,
                                struct dump_log *log, struct errmsg *why)
{
    if (index->entries == 0) {
        buf_printf(&dump->line, "%s is empty.", path);
        dump_print(dump);
        return true;
    }
    if (dump->options.sanity_only) {
        bool sane = check_offset_index(index, path, why);
        if (sane)
            print_sane(dump, path);
        return sane;
    }
    for (size_t i = 0; i < index->entries; i++) {
        /* The rest of a file that was made at full size, in a crash not cut, is zeros. */
        if (offset_of(index, i) == index->base_offset && i > 0)
            return true;
        if (!dump_offset_entry(dump, index, i, log, why))
            return false;
    }
    return true;
}

bool dump_offset_index(struct dump *dump, const char *path, struct errmsg *why)
{
    struct index_file index;
    struct dump_log log;
    char *log_path = dump_sibling(path, ".log");
    bool fine = dump_log_open(&log, log_path, why);
    fine = fine && open_index(&index, path, OFFSET_ENTRY_BYTES, why);
    if (fine) {
        fine = dump_offset_entries(dump, path, &index, &log, why);
        progress_step(&dump->progress, (int64_t)index.bytes.len);
        buf_close(&index.bytes);
    }
    dump_log_close(&log);
    free(log_path);
    return fine;
}

/* --- .timeindex ------------------------------------------------------------------------------------ */

static bool check_time_index(const struct index_file *index, const char *path, struct errmsg *why)
{
    if (index->entries > 0) {
        size_t last = index->entries - 1;
        if (timestamp_of(index, last) < timestamp_of(index, 0)) {
            errmsg_set(why,
                       "Corrupt time index found, time index file (%.100s) has non-zero size but the last "
                       "timestamp is %" PRId64 " which is less than the first timestamp %" PRId64,
                       path, timestamp_of(index, last), timestamp_of(index, 0));
            return false;
        }
        if (time_offset_of(index, last) < index->base_offset) {
            errmsg_set(why,
                       "Corrupt time index found, time index file (%.100s) has non-zero size but the last "
                       "offset is %" PRId64 " which is less than the first offset %" PRId64,
                       path, time_offset_of(index, last), index->base_offset);
            return false;
        }
    }
    return check_length(index, "Time index file", path, why);
}

/* Last entry of [low, high] whose offset is not above `offset`, given that the one at `low` is not. */
static size_t search(const struct index_file *index, int64_t offset, size_t low, size_t high)
{
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        int64_t found = offset_of(index, middle);
        if (found == offset)
            return middle;
        if (found > offset)
            high = middle - 1;
        else
            low = middle;
    }
    return low;
}

/*
 * Position to look for `offset` from. The steps are Kafka's, warm end first: in an index that ends in zeros
 * they decide what is found.
 */
static int64_t look_up(const struct index_file *index, int64_t offset)
{
    if (index->entries == 0)
        return 0;
    size_t warm = WARM_BYTES / OFFSET_ENTRY_BYTES;
    size_t first_warm = index->entries - 1 > warm ? index->entries - 1 - warm : 0;
    if (offset_of(index, first_warm) < offset)
        return position_of(index, search(index, offset, first_warm, index->entries - 1));
    if (offset_of(index, 0) > offset)
        return 0;
    return position_of(index, search(index, offset, 0, first_warm));
}

static bool max_timestamp_of(struct dump *dump, struct view entry, int64_t *out, struct errmsg *why)
{
    struct record_iter it;
    struct record record;
    *out = NO_TIMESTAMP;
    record_iter_open(&it, entry, RECORD_SKIM, NULL, dump->codec);
    while (record_iter_next(&it, &record))
        if (record.timestamp > *out)
            *out = record.timestamp;
    enum err err = record_iter_close(&it);
    if (err != ERR_NONE)
        errmsg_set(why, "records of a batch are broken: %s", err_meaning(err));
    return err == ERR_NONE;
}

/* The first batch from the indexed position on that reaches the entry's offset must end there. */
static bool check_time_entry(struct dump *dump, const struct index_file *index, int64_t offset,
                             int64_t timestamp, int64_t previous, struct dump_log *log, struct errmsg *why)
{
    struct batch_info info = {.last_offset = -1};
    struct view entry;
    enum dump_step step;
    for (int64_t pos = look_up(index, offset);; pos += info.size_bytes) {
        step = dump_log_read(log, pos, log->size, false, &info, &entry, why);
        if (step == DUMP_BROKEN)
            return false;
        if (step == DUMP_END || info.last_offset >= offset) {
            if (step == DUMP_ENTRY && info.last_offset == offset)
                step = dump_log_read(log, pos, log->size, true, &info, &entry, why);
            break;
        }
    }
    if (step == DUMP_BROKEN)
        return false;
    if (step == DUMP_END || info.last_offset != offset) {
        dump_report(dump, DUMP_OFFSET_NOT_FOUND, offset, step == DUMP_END ? -1 : info.last_offset);
        return true;
    }
    int64_t max_timestamp;
    if (!max_timestamp_of(dump, entry, &max_timestamp, why))
        return false;
    if (max_timestamp != timestamp)
        dump_report(dump, DUMP_TIMESTAMP_MISMATCH, timestamp, max_timestamp);
    if (previous >= timestamp)
        dump_report(dump, DUMP_OUT_OF_ORDER_TIMESTAMP, timestamp, previous);
    return true;
}

static bool dump_time_entries(struct dump *dump, const char *path, const struct index_file *times,
                              const struct index_file *offsets, struct dump_log *log, struct errmsg *why)
{
    if (dump->options.sanity_only) {
        bool sane = check_time_index(times, path, why);
        if (sane)
            print_sane(dump, path);
        return sane;
    }
    int64_t previous = NO_TIMESTAMP;
    for (size_t i = 0; i < times->entries; i++) {
        int64_t timestamp = timestamp_of(times, i);
        int64_t offset = time_offset_of(times, i);
        if (offset == times->base_offset && i > 0)
            return true;
        if (!check_time_entry(dump, offsets, offset, timestamp, previous, log, why))
            return false;
        if (!dump->options.verify_only) {
            buf_printf(&dump->line, "timestamp: %" PRId64 " offset: %" PRId64, timestamp, offset);
            dump_print(dump);
        }
        previous = timestamp;
    }
    return true;
}

bool dump_time_index(struct dump *dump, const char *path, struct errmsg *why)
{
    struct index_file times = {0}, offsets = {0};
    struct dump_log log;
    char *log_path = dump_sibling(path, ".log");
    char *index_path = dump_sibling(path, ".index");
    bool fine = dump_log_open(&log, log_path, why);
    fine = fine && open_index(&offsets, index_path, OFFSET_ENTRY_BYTES, why) &&
           open_index(&times, path, TIME_ENTRY_BYTES, why) &&
           dump_time_entries(dump, path, &times, &offsets, &log, why);
    progress_step(&dump->progress, (int64_t)times.bytes.len);
    buf_close(&times.bytes);
    buf_close(&offsets.bytes);
    dump_log_close(&log);
    free(log_path);
    free(index_path);
    return fine;
}
