/*
 * The disk port: all that storage asks of a file system. Implemented on POSIX
 * in disk/, on a simulated disk that loses, tears and refuses in the tests.
 *
 * Files are handles that share a count: whoever sends a segment to a socket
 * keeps it alive while it is being deleted. An implementation may close the
 * descriptor of a quiet file and open it again on demand (disk/ keeps them by
 * an LRU under the process's limit), so a handle is not a descriptor.
 *
 * Errors: ERR_NONE, ERR_NOT_FOUND, ERR_EXISTS or ERR_IO with `why` set; reads
 * that would have to wait for the disk give ERR_WOULD_BLOCK where asked not to.
 * EINTR and short transfers are handled below this port: a write is whole or an error.
 * A failed write, fsync or rename is final: the caller takes the log directory offline.
 *
 * Runs on: any thread; calls on one handle are serialised by the caller except
 * pread, fd pins and sharing, which are safe beside each other and beside pwritev.
 */
#ifndef BARNABAS_PORT_DISK_H
#define BARNABAS_PORT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"
#include "base/errmsg.h"

struct disk;
struct disk_file;

enum disk_open_mode {
    DISK_OPEN_READ,    /* must exist */
    DISK_OPEN_WRITE,   /* must exist, read and write */
    DISK_OPEN_CREATE,  /* read and write, created empty if missing */
    DISK_OPEN_TRUNCATE /* read and write, created or emptied */
};

enum disk_entry_kind { DISK_ENTRY_FILE, DISK_ENTRY_DIR, DISK_ENTRY_OTHER };

struct disk_stat {
    int64_t size_bytes;
    int64_t mtime_ms;
    enum disk_entry_kind kind;
    uint64_t device; /* with inode: two paths with equal ones lead to the same file */
    uint64_t inode;  /* 0: not known */
};

/* Called once per directory entry ("." and ".." left out); false ends the listing. */
typedef bool (*disk_list_fn)(void *arg, const char *name, enum disk_entry_kind kind);

struct disk_ops {
    enum err (*open)(struct disk *disk, const char *path, enum disk_open_mode mode, struct disk_file **out,
                     struct errmsg *why);
    void (*share)(struct disk_file *file);
    void (*release)(struct disk_file *file); /* closes with the last share */

    /* Reads exactly `len` bytes at `pos`; fewer at the end of the file (*got says how many). */
    enum err (*pread)(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                      struct errmsg *why);
    /* As pread, but ERR_WOULD_BLOCK when not all of it is in the page cache (preadv2 RWF_NOWAIT). */
    enum err (*pread_nowait)(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                             struct errmsg *why);
    /*
     * Whether sending these bytes would not wait for the disk. True where it cannot be told, and where
     * reading them is an error: whoever sends them meets it.
     */
    bool (*is_cached)(struct disk_file *file, int64_t pos, int64_t len);
    /* Writes all of iov at `pos`. */
    enum err (*pwritev)(struct disk_file *file, const struct iovec *iov, int iov_count, int64_t pos,
                        struct errmsg *why);
    enum err (*truncate)(struct disk_file *file, int64_t size_bytes, struct errmsg *why);
    /* Data and what is needed to find it (fdatasync). */
    enum err (*sync)(struct disk_file *file, struct errmsg *why);
    /* Starts write-back of a range without waiting (sync_file_range); errors do not matter here. */
    void (*start_writeback)(struct disk_file *file, int64_t pos, int64_t len);
    enum err (*stat_file)(struct disk_file *file, struct disk_stat *out, struct errmsg *why);
    /* When it was last written, as stat will tell; errors do not matter here. */
    void (*set_mtime)(struct disk_file *file, int64_t mtime_ms);
    /* A descriptor for sendfile, valid until unpin; -1 where there is none (simulated disk) or on error. */
    int (*pin_fd)(struct disk_file *file);
    void (*unpin_fd)(struct disk_file *file);
    /* The handle follows a rename of its file (rename() does not know the handles). */
    void (*set_path)(struct disk_file *file, const char *path);

    enum err (*stat)(struct disk *disk, const char *path, struct disk_stat *out, struct errmsg *why);
    enum err (*rename)(struct disk *disk, const char *from, const char *to, struct errmsg *why);
    /* Removing what is not there succeeds. */
    enum err (*unlink)(struct disk *disk, const char *path, struct errmsg *why);
    enum err (*mkdir)(struct disk *disk, const char *path, struct errmsg *why); /* existing: ERR_EXISTS */
    enum err (*rmdir)(struct disk *disk, const char *path, struct errmsg *why); /* must be empty */
    enum err (*list)(struct disk *disk, const char *path, disk_list_fn fn, void *arg, struct errmsg *why);
    /* Makes creations, renames and removals in a directory durable. */
    enum err (*sync_dir)(struct disk *disk, const char *path, struct errmsg *why);
    /* Everything on the file system that holds `path` (syncfs): one barrier for many small files. */
    enum err (*sync_fs)(struct disk *disk, const char *path, struct errmsg *why);
    /* Exclusive whole-file lock (fcntl), held until unlock; ERR_LOCKED when another process has it. */
    enum err (*lock)(struct disk *disk, const char *path, struct disk_file **out, struct errmsg *why);
    void (*unlock)(struct disk_file *lock, bool remove);
    /* Bytes free and in all on the file system of `path`. */
    enum err (*space)(struct disk *disk, const char *path, int64_t *free_bytes, int64_t *total_bytes,
                      struct errmsg *why);
};

/* An implementation embeds this as its first member. */
struct disk {
    const struct disk_ops *ops;
};

/* Every handle begins with this, so that calls on a file need no disk argument. */
struct disk_file {
    struct disk *disk;
};

#define DISK(disk, op, ...)      ((disk)->ops->op((disk), __VA_ARGS__))
#define DISK_FILE(file, op, ...) ((file)->disk->ops->op((file), __VA_ARGS__))

static inline struct disk_file *disk_file_share(struct disk_file *file)
{
    file->disk->ops->share(file);
    return file;
}
/* Brings a range into the page cache, as far as it can be read. On a thread that may wait for the disk. */
static inline void disk_file_warm(struct disk_file *file, int64_t pos, int64_t len)
{
    uint8_t piece[64 * 1024];
    size_t got = 1;
    for (int64_t end = pos + len; pos < end && got > 0; pos += (int64_t)got) {
        size_t want = end - pos < (int64_t)sizeof piece ? (size_t)(end - pos) : sizeof piece;
        if (file->disk->ops->pread(file, piece, want, pos, &got, NULL) != ERR_NONE)
            return; /* whoever wants the bytes meets the same error */
    }
}
/* NULL is a no-op. */
static inline void disk_file_release(struct disk_file *file)
{
    if (file)
        file->disk->ops->release(file);
}

#endif
