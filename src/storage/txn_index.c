#include "storage/txn_index.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"

#define TXN_INDEX_VERSION 0
#define READ_ENTRIES      120

void txn_index_init(struct txn_index *index)
{
    *index = (struct txn_index){.count = -1};
}

void txn_index_close(struct txn_index *index)
{
    disk_file_release(index->file);
    txn_index_init(index);
}

void aborted_list_close(struct aborted_list *list)
{
    free(list->items);
    *list = (struct aborted_list){0};
}

static void aborted_list_add(struct aborted_list *list, const struct aborted_txn *txn)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 8;
        list->items = mem_resize(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = *txn;
}

/* Learns whether there is a file and how many entries it has; `create` makes one. */
static enum err load(struct txn_index *index, const struct segment_files *files, bool create, bool nowait,
                     struct errmsg *why)
{
    if (index->count >= 0 && (index->file || !create))
        return ERR_NONE;
    if (nowait)
        return ERR_WOULD_BLOCK;
    char *path = segment_path(files, ".txnindex");
    enum err err =
        DISK(files->disk, open, path, create ? DISK_OPEN_CREATE : DISK_OPEN_WRITE, &index->file, why);
    free(path);
    if (err == ERR_NOT_FOUND && !create) {
        index->file = NULL;
        index->count = 0;
        return ERR_NONE;
    }
    if (err)
        return err;
    struct disk_stat st;
    err = DISK_FILE(index->file, stat_file, &st, why);
    if (err) {
        txn_index_close(index);
        return err;
    }
    index->count = (int32_t)(st.size_bytes / TXN_INDEX_ENTRY_SIZE);
    return ERR_NONE;
}

enum err txn_index_append(struct txn_index *index, const struct segment_files *files,
                          const struct aborted_txn *txn, struct errmsg *why)
{
    enum err err = load(index, files, true, false, why);
    if (err)
        return err;
    uint8_t entry[TXN_INDEX_ENTRY_SIZE];
    be_put_i16(entry, TXN_INDEX_VERSION);
    be_put_i64(entry + 2, txn->producer_id);
    be_put_i64(entry + 10, txn->first_offset);
    be_put_i64(entry + 18, txn->last_offset);
    be_put_i64(entry + 26, txn->last_stable_offset);
    struct iovec iov = {entry, sizeof entry};
    err = DISK_FILE(index->file, pwritev, &iov, 1, (int64_t)index->count * TXN_INDEX_ENTRY_SIZE, why);
    if (!err) {
        index->count++;
        index->dirty = true;
    }
    return err;
}

/* Called with each entry and its number; false ends the walk. */
typedef bool (*entry_fn)(void *arg, int32_t i, int16_t version, const struct aborted_txn *txn);

static enum err walk(struct txn_index *index, bool nowait, entry_fn fn, void *arg, struct errmsg *why)
{
    uint8_t bytes[READ_ENTRIES * TXN_INDEX_ENTRY_SIZE];
    for (int32_t first = 0; first < index->count; first += READ_ENTRIES) {
        int32_t n = index->count - first < READ_ENTRIES ? index->count - first : READ_ENTRIES;
        size_t len = (size_t)n * TXN_INDEX_ENTRY_SIZE, got = 0;
        int64_t pos = (int64_t)first * TXN_INDEX_ENTRY_SIZE;
        enum err err = nowait ? DISK_FILE(index->file, pread_nowait, bytes, len, pos, &got, why)
                              : DISK_FILE(index->file, pread, bytes, len, pos, &got, why);
        if (err)
            return err;
        if (got != len) {
            errmsg_set(why, "transaction index ends before entry %" PRId32, first + n);
            return ERR_CORRUPT_FILE;
        }
        for (int32_t i = 0; i < n; i++) {
            const uint8_t *entry = bytes + (size_t)i * TXN_INDEX_ENTRY_SIZE;
            struct aborted_txn txn = {be_get_i64(entry + 2), be_get_i64(entry + 10), be_get_i64(entry + 18),
                                      be_get_i64(entry + 26)};
            if (!fn(arg, first + i, be_get_i16(entry), &txn))
                return ERR_NONE;
        }
    }
    return ERR_NONE;
}

struct collect {
    int64_t fetch_offset;
    int64_t upper_offset;
    struct aborted_list *list;
    bool complete;
    bool unreadable;
};

static bool collect_entry(void *arg, int32_t i, int16_t version, const struct aborted_txn *txn)
{
    (void)i;
    struct collect *c = arg;
    if (version > TXN_INDEX_VERSION) {
        c->unreadable = true;
        return false;
    }
    if (txn->last_offset >= c->fetch_offset && txn->first_offset < c->upper_offset)
        aborted_list_add(c->list, txn);
    c->complete = txn->last_stable_offset >= c->upper_offset;
    return !c->complete;
}

enum err txn_index_collect(struct txn_index *index, const struct segment_files *files, int64_t fetch_offset,
                           int64_t upper_offset, bool nowait, struct aborted_list *list, bool *complete,
                           struct errmsg *why)
{
    *complete = false;
    enum err err = load(index, files, false, nowait, why);
    if (err || index->count == 0)
        return err;
    struct collect c = {fetch_offset, upper_offset, list, false, false};
    err = walk(index, nowait, collect_entry, &c, why);
    if (!err && c.unreadable) {
        errmsg_set(why, "transaction index of segment %" PRId64 " has an unknown version",
                   files->base_offset);
        err = ERR_CORRUPT_FILE;
    }
    *complete = c.complete;
    return err;
}

struct cut {
    int64_t offset;
    int32_t at;
};

static bool cut_entry(void *arg, int32_t i, int16_t version, const struct aborted_txn *txn)
{
    (void)version;
    struct cut *cut = arg;
    if (txn->last_offset < cut->offset)
        return true;
    cut->at = i;
    return false;
}

enum err txn_index_truncate(struct txn_index *index, const struct segment_files *files, int64_t offset,
                            struct errmsg *why)
{
    enum err err = load(index, files, false, false, why);
    if (err || index->count == 0)
        return err;
    struct cut cut = {offset, index->count};
    err = walk(index, false, cut_entry, &cut, why);
    if (err || cut.at == index->count)
        return err;
    err = DISK_FILE(index->file, truncate, (int64_t)cut.at * TXN_INDEX_ENTRY_SIZE, why);
    if (!err) {
        index->count = cut.at;
        index->dirty = true;
    }
    return err;
}

struct check {
    int64_t base_offset;
    bool ok;
};

static bool check_entry(void *arg, int32_t i, int16_t version, const struct aborted_txn *txn)
{
    (void)i;
    struct check *check = arg;
    check->ok = version <= TXN_INDEX_VERSION && txn->last_offset >= check->base_offset;
    return check->ok;
}

enum err txn_index_check(struct txn_index *index, const struct segment_files *files, bool *ok,
                         struct errmsg *why)
{
    *ok = true;
    enum err err = load(index, files, false, false, why);
    if (err || index->count == 0)
        return err;
    struct disk_stat st;
    err = DISK_FILE(index->file, stat_file, &st, why);
    if (err)
        return err;
    struct check check = {files->base_offset, st.size_bytes % TXN_INDEX_ENTRY_SIZE == 0};
    if (check.ok)
        err = walk(index, false, check_entry, &check, why);
    *ok = check.ok;
    return err;
}
