#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/log.h"
#include "net/internal.h"

/*
 * From bytes to requests.
 *
 * A connection without unfinished bytes reads into the chunk that its loop shares.
 * Complete frames in it are handed out in place. What is left:
 *   nothing               the connection holds no memory
 *   a part of a frame     moves into a chunk of its own, sized by what has arrived;
 *                         further reads go straight there
 *   frames that may not
 *   start yet (muted)     stay where they are and keep the chunk alive
 *
 * A connection whose last frame was large expects another: it reads into a chunk of
 * that size from the start, if the pool has one idle, so that a producer's megabyte
 * is not copied. A promise of the peer alone never makes us allocate: a fresh chunk
 * is at most GROWTH times what has arrived.
 */

#define GROWTH 4
/* Frames larger than this get a chunk of their own from the first byte on. */
#define LARGE_FRAME_BYTES ((size_t)32 * 1024)
/* Reading that far ahead on a guess. */
#define EXPECT_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* Up to here a frame is copied, so that a request that waits long does not hold a shared chunk. */
#define COPY_BYTES_MAX         ((size_t)1024)
#define COPY_BYTES_MAX_PRESSED ((size_t)64 * 1024)
/* Reads for one readiness; more would let a fast sender hold the loop. */
#define READS_MAX 4

static size_t buffered(const struct conn *conn)
{
    return conn->in_end - conn->in_pos;
}

/* Size field of the frame at in_pos; negative or absurd values are the caller's to refuse. */
static int64_t frame_size(const struct conn *conn)
{
    return be_get_i32(conn->in->data + conn->in_pos);
}

bool conn_has_frame(const struct conn *conn)
{
    if (!conn->in || buffered(conn) < 4)
        return false;
    int64_t size = frame_size(conn);
    /* A size that will be refused counts as there, so that it is looked at. */
    return size < 0 || size > conn->nl->server->request_max_bytes || buffered(conn) - 4 >= (size_t)size;
}

bool conn_may_start(const struct conn *conn)
{
    return conn->blocking == 0 && conn->slots_count < CONN_SLOTS_MAX &&
           conn->out_bytes < CONN_OUT_BYTES_MAX && !conn->closing && !loop_timer_is_armed(&conn->throttle);
}

static void release_in(struct conn *conn)
{
    if (conn->in)
        chunk_unref(&conn->nl->chunks, conn->in);
    conn->in = NULL;
    conn->in_shared = false;
    conn->in_pos = conn->in_end = 0;
}

void conn_drop_input(struct conn *conn)
{
    counter_add(&conn->nl->counters.frame_bytes, -(int64_t)(buffered(conn) + conn->promised));
    conn->promised = 0;
    release_in(conn);
}

/*
 * A frame that has begun is charged whole, though its memory comes with its bytes: else every connection
 * could begin one while there is room, and all would be read to their ends, for those alone free anything
 * again.
 */
static void charge_rest(struct conn *conn)
{
    struct net_loop *nl = conn->nl;
    if (nl->server->queued_max_bytes <= 0)
        return;
    size_t rest = 0;
    if (conn->in && buffered(conn) >= 4 && !conn_has_frame(conn))
        rest = (size_t)frame_size(conn) + 4 - buffered(conn);
    if (rest != conn->promised)
        counter_add(&nl->counters.frame_bytes, (int64_t)rest - (int64_t)conn->promised);
    conn->promised = rest;
}

/* No more input; the answers before are still written. */
static void refuse(struct conn *conn, const char *reason, int64_t size)
{
    struct net_loop *nl = conn->nl;
    if (log_pace_allows(&nl->refusals, loop_now_ms(nl->loop))) {
        char peer[64];
        net_addr_text(&conn->addr, peer, sizeof peer);
        log_warn("net", "conn_refused", "peer=%s reason=\"%s\" size=%lld held_back=%lld", peer, reason,
                 (long long)size, log_pace_held(&nl->refusals));
    }
    conn->closing = true;
    conn->listening = false;
    conn_drop_input(conn);
    conn_touch_up(conn);
}

/* --- handing out ------------------------------------------------------------------------------------- */

/* The chunk that the request at in_pos is to hold, and where its frame begins there. NULL: no memory. */
static struct chunk *place_frame(struct conn *conn, size_t len, uint8_t **frame)
{
    struct chunk_pool *pool = &conn->nl->chunks;
    uint8_t *bytes = conn->in->data + conn->in_pos + 4;
    bool copy = len <= COPY_BYTES_MAX ||
                (conn->in_shared && len <= COPY_BYTES_MAX_PRESSED && chunk_pool_is_pressed(pool));
    if (!copy) {
        *frame = bytes;
        return chunk_ref(conn->in);
    }
    struct chunk *own = chunk_get(pool, len);
    if (own) {
        memcpy(own->data, bytes, len);
        *frame = own->data;
    }
    return own;
}

/* Starts the complete frame at in_pos. *now_ns is moved on to when the handler has done with it. */
static void start_one(struct conn *conn, int64_t *now_ns)
{
    int64_t size = frame_size(conn);
    if (size < 0 || size > conn->nl->server->request_max_bytes) {
        refuse(conn, size < 0 ? "negative frame size" : "frame larger than socket.request.max.bytes", size);
        return;
    }
    size_t len = (size_t)size;
    uint8_t *frame;
    struct chunk *chunk = place_frame(conn, len, &frame);
    if (!chunk) {
        refuse(conn, "no memory for the frame", size);
        return;
    }
    conn->in_pos += 4 + len;
    conn->expect_bytes = len >= LARGE_FRAME_BYTES && len <= EXPECT_BYTES_MAX ? len + 4 : 0;
    struct request_slot *slot = slot_new(conn, chunk, frame, len);
    struct net_loop *nl = conn->nl;
    slot->req.received_ns = *now_ns;
    nl->server->handler.request(nl->server->handler.arg, &slot->req);
    if (slot->state == SLOT_WAITING) {
        *now_ns = slot->req.handled_ns = net_now_ns(nl);
    } else {
        *now_ns = slot->req.ended_ns;
        slot_drop_input(slot);
    }
    if (conn->eof)
        slot_tell_abandoned(slot);
}

/* After handing out: keep nothing that is not needed. */
static void settle(struct conn *conn)
{
    if (!conn->in)
        return;
    struct chunk_pool *pool = &conn->nl->chunks;
    size_t have = buffered(conn);
    if (have == 0) {
        release_in(conn);
        return;
    }
    if (!conn->in_shared || (conn_has_frame(conn) && !chunk_pool_is_pressed(pool)))
        return;
    struct chunk *own = chunk_get(pool, have);
    if (!own) {
        refuse(conn, "no memory for the frame", 0);
        return;
    }
    memcpy(own->data, conn->in->data + conn->in_pos, have);
    release_in(conn);
    conn->in = own;
    conn->in_end = have;
}

void conn_start_requests(struct conn *conn)
{
    if (conn_may_start(conn) && conn_has_frame(conn)) {
        int64_t now_ns = net_now_ns(conn->nl);
        do
            start_one(conn, &now_ns);
        while (conn_may_start(conn) && conn_has_frame(conn));
    }
    settle(conn);
}

/* --- reading ----------------------------------------------------------------------------------------- */

/* Makes room behind the part of a frame that is there. False: no memory. */
static bool make_room(struct conn *conn)
{
    size_t have = buffered(conn);
    size_t need = have < 4 ? 4 : (size_t)frame_size(conn) + 4;
    if (conn->in->cap - conn->in_pos >= need && conn->in_end < conn->in->cap)
        return true;
    struct chunk_pool *pool = &conn->nl->chunks;
    struct chunk *own = chunk_get_idle(pool, need);
    if (!own) {
        size_t size = have * GROWTH > 4096 ? have * GROWTH : 4096;
        own = chunk_get(pool, size < need ? size : need);
    }
    if (!own)
        return false;
    memcpy(own->data, conn->in->data + conn->in_pos, have);
    release_in(conn);
    conn->in = own;
    conn->in_end = have;
    return true;
}

static bool prepare_input(struct conn *conn)
{
    struct chunk_pool *pool = &conn->nl->chunks;
    if (conn->in)
        return make_room(conn);
    if (conn->expect_bytes && (conn->in = chunk_get_idle(pool, conn->expect_bytes)))
        return true;
    conn->in = chunk_get_shared(pool);
    if (!conn->in)
        return false;
    conn->in_shared = true;
    conn->in_pos = conn->in_end = conn->in->used;
    return true;
}

static void on_eof(struct conn *conn)
{
    conn->eof = true;
    conn->listening = false;
    LIST_EACH_SAFE (node, &conn->slots) {
        slot_tell_abandoned(CONTAINER_OF(node, struct request_slot, node));
    }
    conn_touch_up(conn);
}

/* Bytes (or the end) came while it may not read: find out which, and ask no further. */
static void look_only(struct conn *conn)
{
    char byte;
    ssize_t n = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) {
        conn->listening = false;
        conn_apply_interest(conn);
    } else if (n == 0) {
        on_eof(conn);
        conn_apply_interest(conn);
    } else if (errno != EAGAIN && errno != EINTR) {
        conn_close(conn, "connection reset");
    }
}

static void starve(struct conn *conn)
{
    struct net_loop *nl = conn->nl;
    list_push_back(&nl->starved, &conn->starved_node);
    conn->listening = false;
    conn_apply_interest(conn);
    if (!loop_timer_is_armed(&nl->starved_timer))
        loop_timer_arm(nl->loop, &nl->starved_timer, loop_now_ms(nl->loop) + 20);
}

/* One read(2). True if it filled the room there was, so that more may wait. */
static bool read_once(struct conn *conn)
{
    struct net_loop *nl = conn->nl;
    if (!prepare_input(conn)) {
        refuse(conn, "no memory for the frame", 0);
        return false;
    }
    size_t room = conn->in->cap - conn->in_end;
    ssize_t n;
    do
        n = read(conn->fd, conn->in->data + conn->in_end, room);
    while (n < 0 && errno == EINTR);
    counter_add(&nl->counters.reads, 1);
    if (n <= 0) {
        if (buffered(conn) == 0)
            release_in(conn);
        if (n == 0)
            on_eof(conn);
        else if (errno != EAGAIN)
            conn_close(conn, "connection reset");
        return false;
    }
    conn->in_end += (size_t)n;
    if (conn->in_shared)
        conn->in->used = conn->in_end;
    counter_add(&nl->counters.bytes_in, n);
    counter_add(&nl->counters.frame_bytes, n);
    return (size_t)n == room;
}

void conn_read(struct conn *conn)
{
    if (conn->closed || !conn->listening)
        return;
    if (!conn_may_start(conn) || conn_has_frame(conn)) {
        look_only(conn);
        return;
    }
    for (int i = 0; i < READS_MAX; i++) {
        bool has_begun = conn->in && buffered(conn) >= 4;
        if (!has_begun && server_is_over_budget(conn->nl->server)) {
            starve(conn);
            return;
        }
        bool more = read_once(conn);
        if (conn->closed)
            return;
        conn_note_activity(conn);
        conn_start_requests(conn);
        charge_rest(conn);
        if (!more || conn->eof || !conn_may_start(conn) || conn_has_frame(conn))
            return;
    }
}
