#include "service/identity/session_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/properties.h"

/* Longer than any record that was ever written. */
#define FILE_MAX_BYTES 4096

/* Reads a small file whole; false when it is missing or longer. */
static bool read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, out, size - 1);
    close(fd);
    if (got < 0)
        return false;
    out[got] = '\0';
    return true;
}

static void read_boot_id(char out[64])
{
    out[0] = '\0';
    if (read_small("/proc/sys/kernel/random/boot_id", out, 64))
        out[strcspn(out, "\n")] = '\0';
}

/* Field 22 of /proc/PID/stat, counted behind the ')' of the name; -1 when there is no such process. */
static int64_t process_start(pid_t pid)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_small(path, text, sizeof text))
        return -1;
    char *field = strrchr(text, ')');
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoll(field + 1, NULL, 10) : -1;
}

void session_record_of_self(struct session_record *out)
{
    if (gethostname(out->host, sizeof out->host) != 0)
        out->host[0] = '\0';
    out->host[sizeof out->host - 1] = '\0';
    read_boot_id(out->boot_id);
    out->pid = getpid();
    out->pid_start = process_start(out->pid);
}

static char *record_path(const char *dir, const char *suffix)
{
    return mem_printf("%s/%s%s", dir, SESSION_RECORD_NAME, suffix);
}

static void format(const struct session_record *record, struct buf *out)
{
    char number[32];
    char hex[2 * sizeof record->password + 1];
    buf_put_str(out,
                "# ZooKeeper session of the broker that uses this directory: its next process ends it.\n");
    snprintf(number, sizeof number, "%" PRId64, record->session_id);
    properties_put(out, "session.id", number);
    for (size_t i = 0; i < sizeof record->password; i++)
        snprintf(hex + 2 * i, 3, "%02x", record->password[i]);
    properties_put(out, "session.password", hex);
    properties_put(out, "host", record->host);
    properties_put(out, "boot.id", record->boot_id);
    snprintf(number, sizeof number, "%d", (int)record->pid);
    properties_put(out, "process.id", number);
    snprintf(number, sizeof number, "%" PRId64, record->pid_start);
    properties_put(out, "process.start", number);
    snprintf(number, sizeof number, "%d", record->broker_id);
    properties_put(out, "broker.id", number);
}

static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

bool session_record_write(const char *dir, const struct session_record *record, struct errmsg *why)
{
    struct buf text = {0};
    format(record, &text);
    char *tmp = record_path(dir, ".tmp");
    char *path = record_path(dir, "");
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text.data, text.len) == (ssize_t)text.len &&
                fsync(fd) == 0;
    if (fd >= 0)
        good &= close(fd) == 0;
    good = good && rename(tmp, path) == 0 && sync_dir(dir);
    if (!good)
        errmsg_set_errno(why, errno, "write %s", path);
    free(tmp);
    free(path);
    buf_close(&text);
    return good;
}

static bool parse_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = text ? strtoll(text, &end, 10) : 0;
    return text && *text && *end == '\0' && errno == 0;
}

static bool parse_password(const char *hex, uint8_t out[16])
{
    if (!hex || strlen(hex) != 32)
        return false;
    for (int i = 0; i < 16; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

static bool copy_text(const char *text, char *out, size_t size)
{
    if (!text || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

bool session_record_read(const char *dir, struct session_record *out)
{
    char text[FILE_MAX_BYTES];
    char *path = record_path(dir, "");
    struct stat stat_of_file;
    /* A password that others could have written is nothing to act on. */
    bool good = stat(path, &stat_of_file) == 0 && (stat_of_file.st_mode & 077) == 0 &&
                read_small(path, text, sizeof text);
    free(path);
    if (!good)
        return false;
    struct properties props;
    properties_parse(view_str(text), &props);
    int64_t pid = 0, broker_id = 0;
    good = parse_number(properties_get(&props, "session.id"), &out->session_id) &&
           parse_password(properties_get(&props, "session.password"), out->password) &&
           copy_text(properties_get(&props, "host"), out->host, sizeof out->host) &&
           copy_text(properties_get(&props, "boot.id"), out->boot_id, sizeof out->boot_id) &&
           parse_number(properties_get(&props, "process.id"), &pid) &&
           parse_number(properties_get(&props, "process.start"), &out->pid_start) &&
           parse_number(properties_get(&props, "broker.id"), &broker_id);
    out->pid = (pid_t)pid;
    out->broker_id = (int32_t)broker_id;
    properties_close(&props);
    return good;
}

void session_record_remove(const char *dir)
{
    char *path = record_path(dir, "");
    unlink(path);
    free(path);
}

bool session_record_is_orphaned(const struct session_record *record)
{
    struct session_record self = {0};
    session_record_of_self(&self);
    bool here =
        self.boot_id[0] && strcmp(self.boot_id, record->boot_id) == 0 && strcmp(self.host, record->host) == 0;
    return here && process_start(record->pid) != record->pid_start;
}
