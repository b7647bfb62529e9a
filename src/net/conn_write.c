#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/internal.h"

/*
 * From answers to bytes. The answers at the head of the connection's queue that are
 * ready are written as far as the socket takes them: all bytes up to the next range
 * of a file in one gathered write, the range by sendfile, and on.
 */

#define IOV_MOST 64
/* Answers that together are no larger are put side by side first: many small pieces cost more than a copy. */
#define FLAT_BYTES ((size_t)4096)
/* Written in one go; a reader that keeps pace with us must not hold the loop. */
#define TURN_BYTES_MAX ((int64_t)4 * 1024 * 1024)
/* Piece of a file that has no descriptor. */
#define BLOCK_BYTES ((size_t)64 * 1024)

enum progress { PROGRESS_DONE, PROGRESS_BLOCKED, PROGRESS_WARMING, PROGRESS_FAILED };

static struct request_slot *head_of(struct conn *conn)
{
    return list_is_empty(&conn->slots) ? NULL : CONTAINER_OF(conn->slots.next, struct request_slot, node);
}

/* Where the bytes before the slot's next range, or its end, end. */
static size_t bytes_until(const struct request_slot *slot)
{
    const struct reply *reply = &slot->req.reply;
    return slot->range_index < reply->ranges_count ? reply->ranges[slot->range_index].at : reply->bytes.len;
}

static bool is_written(const struct request_slot *slot)
{
    return slot->state == SLOT_SILENT ||
           (slot->state == SLOT_REPLY && slot->out_at == slot->req.reply.bytes.len &&
            slot->range_index == slot->req.reply.ranges_count);
}

static void retire_written(struct conn *conn)
{
    struct request_slot *slot = head_of(conn);
    if (!slot || !is_written(slot))
        return;
    const int64_t now_ns = net_now_ns(conn->nl);
    do {
        slot->req.written_ns = now_ns;
        conn->slots_count--;
        slot_free(slot);
    } while ((slot = head_of(conn)) && is_written(slot));
}

static void note_written(struct conn *conn, int64_t n)
{
    conn->out_bytes -= n;
    counter_add(&conn->nl->counters.bytes_out, n);
    conn_note_activity(conn);
}

/* --- bytes ------------------------------------------------------------------------------------------- */

/* Gathers ready bytes from the head on. *more: something follows that is ready too. */
static int gather(struct conn *conn, struct iovec *iov, size_t *total, bool *more)
{
    int count = 0;
    *total = 0;
    *more = false;
    LIST_EACH (node, &conn->slots) {
        struct request_slot *slot = CONTAINER_OF(node, struct request_slot, node);
        if (slot->state == SLOT_SILENT)
            continue;
        if (slot->state != SLOT_REPLY)
            break;
        size_t until = bytes_until(slot);
        if (until > slot->out_at) {
            if (count == IOV_MOST) {
                *more = true;
                break;
            }
            iov[count].iov_base = slot->req.reply.bytes.data + slot->out_at;
            iov[count].iov_len = until - slot->out_at;
            *total += iov[count++].iov_len;
        }
        if (slot->range_index < slot->req.reply.ranges_count) {
            *more = true;
            break;
        }
    }
    return count;
}

/* Puts the pieces side by side. */
static void flatten(struct iovec *iov, int count, size_t total, uint8_t *flat)
{
    uint8_t *at = flat;
    for (int i = 0; i < count; i++) {
        memcpy(at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    iov[0] = (struct iovec){.iov_base = flat, .iov_len = total};
}

/* Books `n` written bytes to the slots they came from. */
static void advance(struct conn *conn, size_t n)
{
    LIST_EACH (node, &conn->slots) {
        if (n == 0)
            break;
        struct request_slot *slot = CONTAINER_OF(node, struct request_slot, node);
        if (slot->state == SLOT_SILENT)
            continue;
        size_t part = bytes_until(slot) - slot->out_at;
        if (part > n)
            part = n;
        slot->out_at += part;
        n -= part;
    }
    ASSERT(n == 0);
}

static enum progress write_error(struct conn *conn)
{
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
        conn->write_blocked = true;
        return PROGRESS_BLOCKED;
    }
    return PROGRESS_FAILED;
}

static enum progress send_bytes(struct conn *conn, struct iovec *iov, int count, size_t total, bool more)
{
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    ssize_t n;
    do
        n = count == 1 ? send(conn->fd, iov[0].iov_base, total, flags) : sendmsg(conn->fd, &msg, flags);
    while (n < 0 && errno == EINTR);
    counter_add(&conn->nl->counters.writes, 1);
    if (n < 0)
        return write_error(conn);
    advance(conn, (size_t)n);
    note_written(conn, n);
    if ((size_t)n == total)
        return PROGRESS_DONE;
    conn->write_blocked = true;
    return PROGRESS_BLOCKED;
}

/* --- ranges of files --------------------------------------------------------------------------------- */

/* The frame's size is promised already, so an answer whose bytes are missing ends the connection. */
static enum progress fail_range(struct conn *conn, const char *why)
{
    log_warn("net", "file_range_failed", "fd=%d why=\"%s\"", conn->fd, why);
    return PROGRESS_FAILED;
}

static enum progress send_by_copy(struct conn *conn, struct disk_file *file, int64_t pos, int64_t most,
                                  int64_t *sent)
{
    struct net_loop *nl = conn->nl;
    if (!nl->file_block)
        nl->file_block = (uint8_t *)mem_alloc(BLOCK_BYTES);
    size_t want = most < (int64_t)BLOCK_BYTES ? (size_t)most : BLOCK_BYTES;
    size_t got;
    struct errmsg why;
    enum err err = DISK_FILE(file, pread, nl->file_block, want, pos, &got, &why);
    if (err != ERR_NONE)
        return fail_range(conn, why.text);
    if (got == 0)
        return fail_range(conn, "the file is shorter than the answer says");
    struct iovec iov = {.iov_base = nl->file_block, .iov_len = got};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;
    do
        n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | ((int64_t)got < most ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    counter_add(&nl->counters.writes, 1);
    if (n < 0)
        return write_error(conn);
    *sent = n;
    return PROGRESS_DONE;
}

static enum progress send_by_fd(struct conn *conn, int fd, int64_t pos, int64_t most, int64_t *sent)
{
    off_t at = pos;
    size_t want = most < TURN_BYTES_MAX ? (size_t)most : (size_t)TURN_BYTES_MAX;
    ssize_t n;
    do
        n = sendfile(conn->fd, fd, &at, want);
    while (n < 0 && errno == EINTR);
    counter_add(&conn->nl->counters.sendfiles, 1);
    if (n < 0)
        return write_error(conn);
    if (n == 0)
        return fail_range(conn, "the file is shorter than the answer says");
    *sent = n;
    return PROGRESS_DONE;
}

static enum progress send_range(struct conn *conn, struct request_slot *slot, int64_t *turn_bytes)
{
    struct reply_range *range = &slot->req.reply.ranges[slot->range_index];
    struct disk_file *file = range->file;
    int fd = file->disk->ops->pin_fd(file);
    enum progress progress = PROGRESS_DONE;
    while (progress == PROGRESS_DONE && slot->range_done < range->len && *turn_bytes < TURN_BYTES_MAX) {
        int64_t pos = range->pos + slot->range_done;
        int64_t most = conn_sendable(conn, range, slot->range_done);
        int64_t sent = 0;
        if (most == 0)
            progress = PROGRESS_WARMING;
        else
            progress =
                fd >= 0 ? send_by_fd(conn, fd, pos, most, &sent) : send_by_copy(conn, file, pos, most, &sent);
        if (progress == PROGRESS_DONE) {
            slot->range_done += sent;
            *turn_bytes += sent;
            note_written(conn, sent);
        }
    }
    if (fd >= 0)
        file->disk->ops->unpin_fd(file);
    if (progress != PROGRESS_DONE)
        return progress;
    if (slot->range_done == range->len) {
        slot->range_index++;
        slot->range_done = 0;
    }
    return PROGRESS_DONE;
}

/* Many small ranges would each leave as a packet of their own. */
static void cork(struct conn *conn, bool on)
{
    if (conn->corked == on)
        return;
    int value = on;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof value);
    conn->corked = on;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static bool is_at_range(const struct request_slot *slot)
{
    return slot->state == SLOT_REPLY && slot->range_index < slot->req.reply.ranges_count &&
           slot->out_at == slot->req.reply.ranges[slot->range_index].at;
}

static enum progress write_some(struct conn *conn, int64_t *turn_bytes)
{
    struct request_slot *head = head_of(conn);
    if (is_at_range(head)) {
        if (head->req.reply.ranges_count - head->range_index > 1)
            cork(conn, true);
        return send_range(conn, head, turn_bytes);
    }
    struct iovec iov[IOV_MOST];
    uint8_t flat[FLAT_BYTES];
    size_t total;
    bool more;
    int count = gather(conn, iov, &total, &more);
    if (count > 1 && total <= sizeof flat) {
        flatten(iov, count, total, flat);
        count = 1;
    }
    *turn_bytes += (int64_t)total;
    return send_bytes(conn, iov, count, total, more);
}

void conn_write(struct conn *conn)
{
    int64_t turn_bytes = 0;
    enum progress progress = PROGRESS_DONE;
    while (progress == PROGRESS_DONE && !conn->warming) {
        retire_written(conn);
        struct request_slot *head = head_of(conn);
        if (!head || head->state == SLOT_WAITING)
            break;
        if (head->state == SLOT_CLOSE) {
            conn_close(conn, "refused");
            return;
        }
        if (turn_bytes >= TURN_BYTES_MAX) {
            /* Go on when the loop has seen to the others. */
            conn->write_blocked = true;
            break;
        }
        progress = write_some(conn, &turn_bytes);
    }
    if (progress == PROGRESS_FAILED) {
        conn_close(conn, "the answer could not be sent");
        return;
    }
    retire_written(conn);
    cork(conn, false);
}
