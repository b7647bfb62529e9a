#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "cli/dump.h"

const char *dump_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool dump_base_offset(const char *path, int64_t *out, struct errmsg *why)
{
    const char *name = dump_file_name(path);
    char *end;
    errno = 0;
    long long offset = strtoll(name, &end, 10);
    if (errno != 0 || end == name || *end != '.') {
        errmsg_set(why, "%.150s: the name of a file of a segment begins with an offset", path);
        return false;
    }
    *out = (int64_t)offset;
    return true;
}

char *dump_sibling(const char *path, const char *suffix)
{
    const char *dot = strchr(dump_file_name(path), '.');
    return mem_printf("%.*s%s", (int)(dot ? dot - path : (ptrdiff_t)strlen(path)), path, suffix);
}

static int open_file(const char *path, int64_t *size, struct errmsg *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        errmsg_set_errno(why, errno, "%.200s", path);
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        errmsg_set(why, "%.200s is no regular file", path);
        close(fd);
        return -1;
    }
    *size = (int64_t)st.st_size;
    return fd;
}

/* Reads exactly `len` bytes; the file may have become shorter. */
static bool read_at(int fd, const char *path, uint8_t *to, size_t len, int64_t pos, struct errmsg *why)
{
    while (len > 0) {
        ssize_t got = pread(fd, to, len, (off_t)pos);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got < 0)
                errmsg_set_errno(why, errno, "read %.150s", path);
            else
                errmsg_set(why, "%.150s became shorter while it was read", path);
            return false;
        }
        to += got;
        pos += got;
        len -= (size_t)got;
    }
    return true;
}

bool dump_read_file(const char *path, struct buf *out, struct errmsg *why)
{
    int64_t size;
    int fd = open_file(path, &size, why);
    if (fd < 0)
        return false;
    bool fine = size <= INT32_MAX;
    if (fine)
        fine = read_at(fd, path, buf_extend(out, (size_t)size), (size_t)size, 0, why);
    else
        errmsg_set(why, "%.150s is too large", path);
    close(fd);
    return fine;
}

bool dump_log_open(struct dump_log *log, const char *path, struct errmsg *why)
{
    *log = (struct dump_log){.path = path};
    log->fd = open_file(path, &log->size, why);
    return log->fd >= 0;
}

void dump_log_close(struct dump_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    buf_close(&log->bytes);
}

/* The head may be shorter than BATCH_HEAD_MAX where a small message ends the file. */
static bool read_head(struct dump_log *log, int64_t pos, int32_t size_bytes, struct errmsg *why)
{
    size_t len = size_bytes < BATCH_HEAD_MAX ? (size_t)size_bytes : BATCH_HEAD_MAX;
    return read_at(log->fd, log->path, buf_reserve(&log->bytes, len), len, pos, why) &&
           (log->bytes.len = len, true);
}

enum dump_step dump_log_read(struct dump_log *log, int64_t pos, int64_t end, bool body,
                             struct batch_info *info, struct view *entry, struct errmsg *why)
{
    uint8_t head[BATCH_PEEK_SIZE];
    if (pos >= end - BATCH_PEEK_SIZE)
        return DUMP_END;
    if (!read_at(log->fd, log->path, head, sizeof head, pos, why))
        return DUMP_BROKEN;
    int32_t size = be_get_i32(head + sizeof(int64_t));
    if (size < BATCH_SIZE_FIELD_MIN) {
        errmsg_set(why, "Found record size %d smaller than minimum record overhead (%d) in file %.120s.",
                   size, BATCH_SIZE_FIELD_MIN, log->path);
        return DUMP_BROKEN;
    }
    if (pos > end - BATCH_OVERHEAD - size)
        return DUMP_END;
    buf_clear(&log->bytes);
    size_t wanted = (size_t)size + BATCH_OVERHEAD;
    if (body) {
        if (!read_at(log->fd, log->path, buf_extend(&log->bytes, wanted), wanted, pos, why))
            return DUMP_BROKEN;
    } else if (!read_head(log, pos, size + BATCH_OVERHEAD, why)) {
        return DUMP_BROKEN;
    }
    enum err err = batch_peek(buf_view(&log->bytes), info);
    if (err != ERR_NONE) {
        errmsg_set(why, "%.120s: what stands at position %lld is no batch (magic %d, size %d)", log->path,
                   (long long)pos, (int8_t)head[BATCH_PEEK_SIZE - 1], size);
        return DUMP_BROKEN;
    }
    *entry = buf_view(&log->bytes);
    return DUMP_ENTRY;
}
