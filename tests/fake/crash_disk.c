#include "crash_disk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* --- the model --- */

struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* An unsynced change of a file: a write (data) or a change of size. */
struct change {
    bool is_truncate;
    size_t pos;
    size_t len;
    uint8_t *data;
};

struct inode {
    int refs; /* names in both images, journal entries, handles */
    bool is_dir;
    bool gone; /* a sync failed: what was written before is not written again */
    int64_t mtime_ms;
    struct bytes seen;
    struct bytes durable;
    struct change *changes;
    size_t change_count;
    size_t change_cap;
};

struct name {
    char *path;
    struct inode *inode;
};

struct names {
    struct name *items;
    size_t count;
    size_t cap;
};

enum journal_kind { JOURNAL_LINK, JOURNAL_UNLINK, JOURNAL_RENAME };

struct journal_entry {
    enum journal_kind kind;
    char *path;
    char *to;
    struct inode *inode;
};

struct crash_disk {
    struct disk port;
    struct names seen;
    struct names durable;
    struct journal_entry *journal;
    size_t journal_count;
    size_t journal_cap;
    struct crash_disk_counts counts;
    int64_t fail_at;
    int64_t die_at;
    bool fired;
    bool dead;
    bool cold;
    bool calm;
    bool deaf;
    int64_t now_ms;
};

struct crash_file {
    struct disk_file base;
    struct inode *inode;
    int refs;
};

static struct crash_disk *disk_of(struct disk *disk)
{
    return (struct crash_disk *)(void *)disk;
}

static struct crash_disk *file_disk(struct disk_file *file)
{
    return disk_of(file->disk);
}

static struct inode *file_inode(struct disk_file *file)
{
    return ((struct crash_file *)(void *)file)->inode;
}

/* --- bytes --- */

static void bytes_resize(struct bytes *b, size_t len)
{
    if (len > b->cap) {
        b->cap = len * 2;
        b->data = mem_resize(b->data, b->cap);
    }
    if (len > b->len)
        memset(b->data + b->len, 0, len - b->len);
    b->len = len;
}

static void bytes_write(struct bytes *b, size_t pos, const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    if (pos + len > b->len)
        bytes_resize(b, pos + len);
    memcpy(b->data + pos, data, len);
}

static void bytes_copy(struct bytes *to, const struct bytes *from)
{
    bytes_resize(to, 0);
    bytes_write(to, 0, from->data, from->len);
}

/* --- inodes --- */

static void forget_changes(struct inode *inode)
{
    for (size_t i = 0; i < inode->change_count; i++)
        free(inode->changes[i].data);
    inode->change_count = 0;
}

static void inode_unref(struct inode *inode)
{
    if (--inode->refs > 0)
        return;
    forget_changes(inode);
    free(inode->changes);
    free(inode->seen.data);
    free(inode->durable.data);
    free(inode);
}

static struct inode *inode_new(bool is_dir, int64_t now_ms)
{
    struct inode *inode = MEM_NEW(struct inode);
    inode->is_dir = is_dir;
    inode->mtime_ms = now_ms;
    return inode;
}

static void add_change(struct inode *inode, bool is_truncate, size_t pos, const uint8_t *data, size_t len)
{
    if (inode->change_count == inode->change_cap) {
        inode->change_cap = inode->change_cap ? 2 * inode->change_cap : 8;
        inode->changes = mem_resize(inode->changes, inode->change_cap * sizeof *inode->changes);
    }
    inode->changes[inode->change_count++] =
        (struct change){is_truncate, pos, len, data ? mem_dup(data, len) : NULL};
}

static void inode_sync(struct inode *inode)
{
    if (inode->gone)
        return;
    bytes_copy(&inode->durable, &inode->seen);
    forget_changes(inode);
}

/* --- names --- */

static size_t find_name(const struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].path, path) == 0)
            return i;
    return SIZE_MAX;
}

static struct inode *lookup(const struct names *names, const char *path)
{
    size_t i = find_name(names, path);
    return i == SIZE_MAX ? NULL : names->items[i].inode;
}

static void names_remove(struct names *names, const char *path)
{
    size_t i = find_name(names, path);
    if (i == SIZE_MAX)
        return;
    free(names->items[i].path);
    inode_unref(names->items[i].inode);
    names->items[i] = names->items[--names->count];
}

static void names_put(struct names *names, const char *path, struct inode *inode)
{
    inode->refs++;
    names_remove(names, path);
    if (names->count == names->cap) {
        names->cap = names->cap ? 2 * names->cap : 16;
        names->items = mem_resize(names->items, names->cap * sizeof *names->items);
    }
    names->items[names->count++] = (struct name){mem_strdup(path), inode};
}

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static void names_rename(struct names *names, const char *from, const char *to)
{
    if (find_name(names, from) == SIZE_MAX)
        return;
    names_remove(names, to);
    for (size_t i = 0; i < names->count; i++) {
        char *path = names->items[i].path;
        if (strcmp(path, from) != 0 && !is_below(path, from))
            continue;
        names->items[i].path = mem_printf("%s%s", to, path + strlen(from));
        free(path);
    }
}

static void names_clear(struct names *names)
{
    while (names->count > 0)
        names_remove(names, names->items[0].path);
}

static void names_copy(struct names *to, const struct names *from)
{
    names_clear(to);
    for (size_t i = 0; i < from->count; i++)
        names_put(to, from->items[i].path, from->items[i].inode);
}

/* --- the journal of names --- */

static void journal_add(struct crash_disk *disk, enum journal_kind kind, const char *path, const char *to,
                        struct inode *inode)
{
    if (disk->journal_count == disk->journal_cap) {
        disk->journal_cap = disk->journal_cap ? 2 * disk->journal_cap : 16;
        disk->journal = mem_resize(disk->journal, disk->journal_cap * sizeof *disk->journal);
    }
    if (inode)
        inode->refs++;
    disk->journal[disk->journal_count++] =
        (struct journal_entry){kind, mem_strdup(path), to ? mem_strdup(to) : NULL, inode};
}

static void journal_apply(struct crash_disk *disk, const struct journal_entry *entry)
{
    switch (entry->kind) {
    case JOURNAL_LINK:
        names_put(&disk->durable, entry->path, entry->inode);
        break;
    case JOURNAL_UNLINK:
        names_remove(&disk->durable, entry->path);
        break;
    case JOURNAL_RENAME:
        names_rename(&disk->durable, entry->path, entry->to);
        break;
    }
}

static void journal_entry_close(struct journal_entry *entry)
{
    free(entry->path);
    free(entry->to);
    if (entry->inode)
        inode_unref(entry->inode);
}

static bool is_in(const char *path, const char *dir)
{
    return path && is_below(path, strcmp(dir, "/") == 0 ? "" : dir) && !strchr(path + strlen(dir) + 1, '/');
}

/* What is renamed is durable under its new name though its old one never was. Of the first `count` entries.
 */
static size_t commit_source(struct crash_disk *disk, const struct journal_entry *rename, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct journal_entry *entry = &disk->journal[i];
        if (entry->kind != JOURNAL_LINK || strcmp(entry->path, rename->path) != 0) {
            disk->journal[n++] = *entry;
            continue;
        }
        journal_apply(disk, entry);
        journal_entry_close(entry);
    }
    return n;
}

/* Applies the entries of one directory (NULL: all), in order, and takes them out. */
static void journal_commit(struct crash_disk *disk, const char *dir)
{
    size_t n = 0;
    for (size_t i = 0; i < disk->journal_count; i++) {
        struct journal_entry *entry = &disk->journal[i];
        if (dir && !is_in(entry->path, dir) && !is_in(entry->to, dir)) {
            disk->journal[n++] = *entry;
            continue;
        }
        if (entry->kind == JOURNAL_RENAME)
            n = commit_source(disk, entry, n);
        journal_apply(disk, entry);
        journal_entry_close(entry);
    }
    disk->journal_count = n;
}

/* --- faults --- */

static bool fault(struct crash_disk *disk, struct errmsg *why)
{
    if (disk->calm)
        return false;
    disk->counts.calls++;
    if (disk->dead || disk->die_at == 0) {
        disk->dead = true;
        disk->counts.dead_calls++;
        errmsg_set(why, "the disk is dead");
        return true;
    }
    if (disk->die_at > 0)
        disk->die_at--;
    if (disk->fail_at < 0)
        return false;
    if (disk->fail_at-- > 0)
        return false;
    disk->fired = true;
    errmsg_set(why, "injected fault");
    return true;
}

/* --- the port: handles --- */

static struct disk_file *new_handle(struct crash_disk *disk, struct inode *inode)
{
    struct crash_file *file = MEM_NEW(struct crash_file);
    file->base.disk = &disk->port;
    file->inode = inode;
    file->refs = 1;
    inode->refs++;
    disk->counts.handles++;
    return &file->base;
}

static enum err op_open(struct disk *port, const char *path, enum disk_open_mode mode, struct disk_file **out,
                        struct errmsg *why)
{
    struct crash_disk *disk = disk_of(port);
    disk->counts.opens++;
    if (fault(disk, why))
        return ERR_IO;
    struct inode *inode = lookup(&disk->seen, path);
    if (!inode && (mode == DISK_OPEN_READ || mode == DISK_OPEN_WRITE)) {
        errmsg_set(why, "%s: no such file", path);
        return ERR_NOT_FOUND;
    }
    if (!inode) {
        char *parent = mem_strdup(path);
        *strrchr(parent, '/') = '\0';
        bool has_parent = *parent == '\0' || lookup(&disk->seen, parent);
        free(parent);
        if (!has_parent) {
            errmsg_set(why, "%s: no such directory", path);
            return ERR_NOT_FOUND;
        }
        inode = inode_new(false, disk->now_ms);
        names_put(&disk->seen, path, inode);
        journal_add(disk, JOURNAL_LINK, path, NULL, inode);
    } else if (mode == DISK_OPEN_TRUNCATE) {
        bytes_resize(&inode->seen, 0);
        add_change(inode, true, 0, NULL, 0);
    }
    *out = new_handle(disk, inode);
    return ERR_NONE;
}

static void op_share(struct disk_file *file)
{
    ((struct crash_file *)(void *)file)->refs++;
}

static void op_release(struct disk_file *file)
{
    struct crash_file *f = (struct crash_file *)(void *)file;
    if (--f->refs > 0)
        return;
    file_disk(file)->counts.handles--;
    inode_unref(f->inode);
    free(f);
}

static enum err op_pread(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                         struct errmsg *why)
{
    *got = 0;
    file_disk(file)->counts.preads++;
    if (fault(file_disk(file), why))
        return ERR_IO;
    const struct bytes *b = &file_inode(file)->seen;
    if ((size_t)pos < b->len)
        *got = b->len - (size_t)pos < len ? b->len - (size_t)pos : len;
    if (*got)
        memcpy(out, b->data + pos, *got);
    return ERR_NONE;
}

static enum err op_pread_nowait(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                                struct errmsg *why)
{
    if (file_disk(file)->cold)
        return ERR_WOULD_BLOCK;
    return op_pread(file, out, len, pos, got, why);
}

static bool op_is_cached(struct disk_file *file, int64_t pos, int64_t len)
{
    (void)pos;
    (void)len;
    return !file_disk(file)->cold;
}

static enum err op_pwritev(struct disk_file *file, const struct iovec *iov, int iov_count, int64_t pos,
                           struct errmsg *why)
{
    struct crash_disk *disk = file_disk(file);
    struct inode *inode = file_inode(file);
    disk->counts.pwritevs++;
    bool bad = fault(disk, why);
    if (disk->counts.dead_calls > 1 && bad)
        return ERR_IO;
    size_t at = (size_t)pos;
    for (int i = 0; i < iov_count; i++) {
        size_t len = bad ? iov[i].iov_len / 2 : iov[i].iov_len;
        bytes_write(&inode->seen, at, iov[i].iov_base, len);
        if (len)
            add_change(inode, false, at, iov[i].iov_base, len);
        at += len;
        if (bad)
            break;
    }
    inode->mtime_ms = disk->now_ms;
    return bad ? ERR_IO : ERR_NONE;
}

static enum err op_truncate(struct disk_file *file, int64_t size_bytes, struct errmsg *why)
{
    if (fault(file_disk(file), why))
        return ERR_IO;
    bytes_resize(&file_inode(file)->seen, (size_t)size_bytes);
    add_change(file_inode(file), true, (size_t)size_bytes, NULL, 0);
    return ERR_NONE;
}

/* Syncs may come from several threads (storage/sync_set.h), other calls beside them do not. */
static pthread_mutex_t syncing = PTHREAD_MUTEX_INITIALIZER;

static enum err sync_file(struct disk_file *file, struct errmsg *why)
{
    file_disk(file)->counts.syncs++;
    if (fault(file_disk(file), why)) {
        file_inode(file)->gone |= !file_disk(file)->dead;
        return ERR_IO;
    }
    if (!file_disk(file)->deaf)
        inode_sync(file_inode(file));
    return ERR_NONE;
}

static enum err op_sync(struct disk_file *file, struct errmsg *why)
{
    pthread_mutex_lock(&syncing);
    enum err err = sync_file(file, why);
    pthread_mutex_unlock(&syncing);
    return err;
}

static void op_start_writeback(struct disk_file *file, int64_t pos, int64_t len)
{
    (void)file;
    (void)pos;
    (void)len;
}

static struct disk_stat stat_of(const struct inode *inode)
{
    return (struct disk_stat){.size_bytes = (int64_t)inode->seen.len,
                              .mtime_ms = inode->mtime_ms,
                              .kind = inode->is_dir ? DISK_ENTRY_DIR : DISK_ENTRY_FILE};
}

static enum err op_stat_file(struct disk_file *file, struct disk_stat *out, struct errmsg *why)
{
    if (fault(file_disk(file), why))
        return ERR_IO;
    *out = stat_of(file_inode(file));
    return ERR_NONE;
}

static void op_set_mtime(struct disk_file *file, int64_t mtime_ms)
{
    file_inode(file)->mtime_ms = mtime_ms;
}

static int op_pin_fd(struct disk_file *file)
{
    (void)file;
    return -1;
}

static void op_unpin_fd(struct disk_file *file)
{
    (void)file;
}

static void op_set_path(struct disk_file *file, const char *path)
{
    (void)file;
    (void)path;
}

/* --- the port: names --- */

static enum err op_stat(struct disk *port, const char *path, struct disk_stat *out, struct errmsg *why)
{
    if (fault(disk_of(port), why))
        return ERR_IO;
    const struct inode *inode = lookup(&disk_of(port)->seen, path);
    if (!inode) {
        errmsg_set(why, "%s: no such file", path);
        return ERR_NOT_FOUND;
    }
    *out = stat_of(inode);
    return ERR_NONE;
}

static enum err op_rename(struct disk *port, const char *from, const char *to, struct errmsg *why)
{
    struct crash_disk *disk = disk_of(port);
    if (fault(disk, why))
        return ERR_IO;
    if (!lookup(&disk->seen, from)) {
        errmsg_set(why, "%s: no such file", from);
        return ERR_NOT_FOUND;
    }
    names_rename(&disk->seen, from, to);
    journal_add(disk, JOURNAL_RENAME, from, to, NULL);
    return ERR_NONE;
}

static enum err op_unlink(struct disk *port, const char *path, struct errmsg *why)
{
    struct crash_disk *disk = disk_of(port);
    if (fault(disk, why))
        return ERR_IO;
    if (!lookup(&disk->seen, path))
        return ERR_NONE;
    names_remove(&disk->seen, path);
    journal_add(disk, JOURNAL_UNLINK, path, NULL, NULL);
    return ERR_NONE;
}

static enum err op_mkdir(struct disk *port, const char *path, struct errmsg *why)
{
    struct crash_disk *disk = disk_of(port);
    if (fault(disk, why))
        return ERR_IO;
    if (lookup(&disk->seen, path)) {
        errmsg_set(why, "%s: exists", path);
        return ERR_EXISTS;
    }
    struct inode *inode = inode_new(true, disk->now_ms);
    names_put(&disk->seen, path, inode);
    journal_add(disk, JOURNAL_LINK, path, NULL, inode);
    return ERR_NONE;
}

static enum err op_rmdir(struct disk *port, const char *path, struct errmsg *why)
{
    struct crash_disk *disk = disk_of(port);
    if (fault(disk, why))
        return ERR_IO;
    for (size_t i = 0; i < disk->seen.count; i++)
        if (is_below(disk->seen.items[i].path, path)) {
            errmsg_set(why, "%s: not empty", path);
            return ERR_IO;
        }
    names_remove(&disk->seen, path);
    journal_add(disk, JOURNAL_UNLINK, path, NULL, NULL);
    return ERR_NONE;
}

static enum err op_list(struct disk *port, const char *path, disk_list_fn fn, void *arg, struct errmsg *why)
{
    struct crash_disk *disk = disk_of(port);
    if (fault(disk, why))
        return ERR_IO;
    if (!lookup(&disk->seen, path)) {
        errmsg_set(why, "%s: no such directory", path);
        return ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < disk->seen.count; i++) {
        const struct name *name = &disk->seen.items[i];
        if (is_in(name->path, path) &&
            !fn(arg, strrchr(name->path, '/') + 1, name->inode->is_dir ? DISK_ENTRY_DIR : DISK_ENTRY_FILE))
            break;
    }
    return ERR_NONE;
}

static enum err op_sync_dir(struct disk *port, const char *path, struct errmsg *why)
{
    disk_of(port)->counts.syncs++;
    if (fault(disk_of(port), why))
        return ERR_IO;
    if (!lookup(&disk_of(port)->seen, path)) {
        errmsg_set(why, "%s: no such directory", path);
        return ERR_NOT_FOUND;
    }
    journal_commit(disk_of(port), path);
    return ERR_NONE;
}

static enum err op_sync_fs(struct disk *port, const char *path, struct errmsg *why)
{
    (void)path;
    struct crash_disk *disk = disk_of(port);
    disk->counts.syncs++;
    if (fault(disk, why))
        return ERR_IO;
    journal_commit(disk, NULL);
    for (size_t i = 0; i < disk->seen.count; i++)
        inode_sync(disk->seen.items[i].inode);
    return ERR_NONE;
}

static enum err op_lock(struct disk *port, const char *path, struct disk_file **out, struct errmsg *why)
{
    return op_open(port, path, DISK_OPEN_CREATE, out, why);
}

static void op_unlock(struct disk_file *lock, bool remove)
{
    (void)remove;
    op_release(lock);
}

static enum err op_space(struct disk *port, const char *path, int64_t *free_bytes, int64_t *total_bytes,
                         struct errmsg *why)
{
    (void)path;
    if (fault(disk_of(port), why))
        return ERR_IO;
    *free_bytes = *total_bytes = INT64_C(1) << 40;
    return ERR_NONE;
}

static const struct disk_ops crash_ops = {
    .open = op_open,
    .share = op_share,
    .release = op_release,
    .pread = op_pread,
    .pread_nowait = op_pread_nowait,
    .is_cached = op_is_cached,
    .pwritev = op_pwritev,
    .truncate = op_truncate,
    .sync = op_sync,
    .start_writeback = op_start_writeback,
    .stat_file = op_stat_file,
    .set_mtime = op_set_mtime,
    .pin_fd = op_pin_fd,
    .unpin_fd = op_unpin_fd,
    .set_path = op_set_path,
    .stat = op_stat,
    .rename = op_rename,
    .unlink = op_unlink,
    .mkdir = op_mkdir,
    .rmdir = op_rmdir,
    .list = op_list,
    .sync_dir = op_sync_dir,
    .sync_fs = op_sync_fs,
    .lock = op_lock,
    .unlock = op_unlock,
    .space = op_space,
};

/* --- the test's side --- */

struct crash_disk *crash_disk_new(void)
{
    struct crash_disk *disk = MEM_NEW(struct crash_disk);
    disk->port.ops = &crash_ops;
    disk->fail_at = disk->die_at = -1;
    struct inode *root = inode_new(true, 0);
    names_put(&disk->seen, "/", root);
    names_put(&disk->durable, "/", root);
    return disk;
}

void crash_disk_free(struct crash_disk *disk)
{
    if (!disk)
        return;
    ASSERT(disk->counts.handles == 0);
    for (size_t i = 0; i < disk->journal_count; i++)
        journal_entry_close(&disk->journal[i]);
    free(disk->journal);
    names_clear(&disk->seen);
    names_clear(&disk->durable);
    free(disk->seen.items);
    free(disk->durable.items);
    free(disk);
}

struct disk *crash_disk_port(struct crash_disk *disk)
{
    return &disk->port;
}

const struct crash_disk_counts *crash_disk_counts(const struct crash_disk *disk)
{
    return &disk->counts;
}

void crash_disk_fail_at(struct crash_disk *disk, int64_t k)
{
    disk->fail_at = k;
    disk->fired = false;
}

bool crash_disk_fault_fired(const struct crash_disk *disk)
{
    return disk->fired;
}

void crash_disk_die_at(struct crash_disk *disk, int64_t k)
{
    disk->die_at = k;
    disk->dead = false;
    disk->counts.dead_calls = 0;
}

bool crash_disk_is_dead(const struct crash_disk *disk)
{
    return disk->dead;
}

static void settle_inode(struct inode *inode, enum crash_kind kind, struct prng *prng)
{
    for (size_t i = 0; i < inode->change_count && kind == CRASH_KEEP_SEEDED; i++) {
        const struct change *change = &inode->changes[i];
        uint64_t dice = prng_below(prng, 4);
        if (dice == 0)
            continue;
        size_t len = dice == 1 && change->len > 0 ? (size_t)prng_below(prng, change->len) : change->len;
        if (change->is_truncate)
            bytes_resize(&inode->durable, change->pos);
        else
            bytes_write(&inode->durable, change->pos, change->data, len);
    }
    if (kind == CRASH_KEEP_ALL)
        bytes_copy(&inode->durable, &inode->seen);
    bytes_copy(&inode->seen, &inode->durable);
    forget_changes(inode);
    inode->gone = false;
}

void crash_disk_power_cut(struct crash_disk *disk, enum crash_kind kind, uint64_t seed)
{
    ASSERT(disk->counts.handles == 0);
    struct prng prng;
    prng_seed(&prng, seed);
    size_t keep = 0;
    if (kind == CRASH_KEEP_ALL)
        keep = disk->journal_count;
    else if (kind == CRASH_KEEP_SEEDED)
        keep = (size_t)prng_below(&prng, disk->journal_count + 1);
    for (size_t i = 0; i < disk->journal_count; i++) {
        if (i < keep)
            journal_apply(disk, &disk->journal[i]);
        journal_entry_close(&disk->journal[i]);
    }
    disk->journal_count = 0;
    names_copy(&disk->seen, &disk->durable);
    for (size_t i = 0; i < disk->seen.count; i++)
        settle_inode(disk->seen.items[i].inode, kind, &prng);
    disk->dead = false;
    disk->die_at = disk->fail_at = -1;
    disk->counts.dead_calls = 0;
}

void crash_disk_forgive(struct crash_disk *disk)
{
    for (size_t i = 0; i < disk->seen.count; i++)
        disk->seen.items[i].inode->gone = false;
}

void crash_disk_set_deaf(struct disk *port, bool deaf)
{
    disk_of(port)->deaf = deaf;
}

void crash_disk_set_calm(struct crash_disk *disk, bool calm)
{
    disk->calm = calm;
}

void crash_disk_set_cold(struct crash_disk *disk, bool cold)
{
    disk->cold = cold;
}

void crash_disk_set_now_ms(struct crash_disk *disk, int64_t now_ms)
{
    disk->now_ms = now_ms;
}

const uint8_t *crash_disk_content(struct crash_disk *disk, const char *path, size_t *len)
{
    const struct inode *inode = lookup(&disk->seen, path);
    *len = inode ? inode->seen.len : 0;
    if (!inode)
        return NULL;
    return inode->seen.data ? inode->seen.data : (const uint8_t *)"";
}

void crash_disk_put(struct crash_disk *disk, const char *path, const void *bytes, size_t len)
{
    struct inode *inode = lookup(&disk->seen, path);
    if (!inode)
        inode = inode_new(false, disk->now_ms);
    inode->refs++;
    names_put(&disk->seen, path, inode);
    names_put(&disk->durable, path, inode);
    inode_unref(inode);
    bytes_resize(&inode->seen, 0);
    bytes_write(&inode->seen, 0, bytes, len);
    inode_sync(inode);
}

struct crash_disk *crash_disk_clone(const struct crash_disk *disk)
{
    struct crash_disk *copy = crash_disk_new();
    copy->now_ms = disk->now_ms;
    for (size_t i = 0; i < disk->seen.count; i++) {
        const struct name *name = &disk->seen.items[i];
        struct inode *inode = inode_new(name->inode->is_dir, name->inode->mtime_ms);
        bytes_copy(&inode->seen, &name->inode->seen);
        inode_sync(inode);
        names_put(&copy->seen, name->path, inode);
        names_put(&copy->durable, name->path, inode);
    }
    return copy;
}

bool crash_disk_equal(const struct crash_disk *a, const struct crash_disk *b, struct errmsg *why)
{
    for (int round = 0; round < 2; round++) {
        const struct names *one = round ? &b->seen : &a->seen, *other = round ? &a->seen : &b->seen;
        for (size_t i = 0; i < one->count; i++) {
            const struct inode *mine = one->items[i].inode, *theirs = lookup(other, one->items[i].path);
            if (theirs && mine->seen.len == theirs->seen.len &&
                (mine->seen.len == 0 || memcmp(mine->seen.data, theirs->seen.data, mine->seen.len) == 0))
                continue;
            errmsg_set(why, "%s differs (%zu bytes, %zu bytes)", one->items[i].path, mine->seen.len,
                       theirs ? theirs->seen.len : SIZE_MAX);
            return false;
        }
    }
    return true;
}
