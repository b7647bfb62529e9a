/*
 * What the files of the POSIX disk share.
 */
#ifndef BARNABAS_DISK_POSIX_INTERNAL_H
#define BARNABAS_DISK_POSIX_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/list.h"
#include "disk/posix.h"

struct posix_disk {
    struct disk disk;
    int max_open_fds;
    atomic_bool no_nowait;    /* the file system refused RWF_NOWAIT once */
    atomic_bool no_cachestat; /* the system refused cachestat once, or it does not see what reads see */

    pthread_mutex_t lock; /* guards what follows, and the change of a file to "closed" */
    struct list open_files;
    int open_count;
    struct list locks;
};

struct posix_file {
    struct disk_file file;
    atomic_int shares;
    /* Users of the descriptor; -1 = there is none. From -1 under open_lock, to -1 under the disk's lock. */
    atomic_int users;
    atomic_bool used_lately; /* second chance of the clock that chooses what to close */
    atomic_int fd;
    struct list open_node;
    pthread_mutex_t open_lock; /* guards path; held while opening */
    char *path;
    int open_flags;
};

struct posix_disk *posix_disk_of(struct disk *disk);
enum err posix_error(int errnum, struct errmsg *why, const char *doing, const char *path);
struct stat;
void posix_stat_convert(const struct stat *st, struct disk_stat *out);
/* open(2) that closes quiet files when descriptors are short. -1 with errno. */
int posix_open_fd(struct posix_disk *pd, const char *path, int flags);

/* posix_file.c */
enum err posix_file_open(struct disk *disk, const char *path, enum disk_open_mode mode,
                         struct disk_file **out, struct errmsg *why);
void posix_file_share(struct disk_file *file);
void posix_file_release(struct disk_file *file);
/* A use of the descriptor, to be ended by posix_file_end; opens it if needed. -1 with errno. */
int posix_file_begin(struct posix_file *pf);
void posix_file_end(struct posix_file *pf);
void posix_file_set_path(struct disk_file *file, const char *path);
/* Closes up to `count` quiet files; returns how many. */
int posix_close_quiet(struct posix_disk *pd, int count);

/* posix_io.c */
enum err posix_pread(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                     struct errmsg *why);
enum err posix_pread_nowait(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                            struct errmsg *why);
enum err posix_pwritev(struct disk_file *file, const struct iovec *iov, int iov_count, int64_t pos,
                       struct errmsg *why);
enum err posix_truncate(struct disk_file *file, int64_t size_bytes, struct errmsg *why);
enum err posix_sync(struct disk_file *file, struct errmsg *why);
void posix_start_writeback(struct disk_file *file, int64_t pos, int64_t len);
void posix_set_mtime(struct disk_file *file, int64_t mtime_ms);
enum err posix_stat_file(struct disk_file *file, struct disk_stat *out, struct errmsg *why);
int posix_pin_fd(struct disk_file *file);
void posix_unpin_fd(struct disk_file *file);

/* posix_cached.c */
bool posix_is_cached(struct disk_file *file, int64_t pos, int64_t len);

/* posix_lock.c */
enum err posix_lock(struct disk *disk, const char *path, struct disk_file **out, struct errmsg *why);
void posix_unlock(struct disk_file *lock, bool remove);

#endif
