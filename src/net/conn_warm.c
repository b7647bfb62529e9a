#include <stdlib.h>

#include "base/mem.h"
#include "net/internal.h"

/*
 * No loop waits for the disk of a range that it sends. Who makes an answer has found its ranges in the page
 * cache, but a slow reader takes them over minutes, and pages may be dropped meanwhile. So what is to be sent
 * some time later is asked for again, window by window; what is cold is read by a worker first, while the
 * connection waits and the loop goes on with others.
 *
 * What a worker brought in is sent without a further question: were it dropped again at once, a sender that
 * asks would never get on.
 */

/* A page that was there is there for so long: it takes a reader no longer to take what fits its socket. */
#define CACHED_MS 10
/* Asked for, and read, at a time: about what a socket takes. */
#define WINDOW_BYTES ((int64_t)1024 * 1024)

struct conn_warming {
    struct work work;
    struct conn *conn;         /* NULL once it is closed; its loop's */
    struct reply_range *range; /* valid as long as the connection */
    struct disk_file *file;    /* a share */
    int64_t pos;
    int64_t len;
};

static void note_cached(struct reply_range *range, int64_t len, int64_t now_ms)
{
    range->cached_len = len;
    range->cached_ms = now_ms;
}

static void warm_run(struct work *work)
{
    struct conn_warming *warming = CONTAINER_OF(work, struct conn_warming, work);
    disk_file_warm(warming->file, warming->pos, warming->len);
}

static void warm_done(struct work *work, bool discard)
{
    struct conn_warming *warming = CONTAINER_OF(work, struct conn_warming, work);
    struct conn *conn = warming->conn;
    if (conn) {
        conn->warming = NULL;
        note_cached(warming->range, warming->pos + warming->len - warming->range->pos,
                    loop_now_ms(conn->nl->loop));
        if (!discard)
            conn_touch_up(conn);
    }
    disk_file_release(warming->file);
    free(warming);
}

static void warm(struct conn *conn, struct reply_range *range, int64_t done, int64_t len)
{
    struct conn_warming *warming = MEM_NEW(struct conn_warming);
    *warming = (struct conn_warming){.conn = conn,
                                     .range = range,
                                     .file = disk_file_share(range->file),
                                     .pos = range->pos + done,
                                     .len = len};
    warming->work = (struct work){.home = conn->nl->loop,
                                  .lane = WORKERS_LANE_SENDING,
                                  .run = warm_run,
                                  .done = warm_done,
                                  .label = "conn_warm"};
    conn->warming = warming;
    workers_submit(conn->nl->server->workers, &warming->work);
}

int64_t conn_sendable(struct conn *conn, struct reply_range *range, int64_t done)
{
    const int64_t now_ms = loop_now_ms(conn->nl->loop);
    if (!conn->nl->server->workers)
        return range->len - done;
    if (done < range->cached_len && now_ms - range->cached_ms <= CACHED_MS)
        return range->cached_len - done;
    int64_t len = range->len - done < WINDOW_BYTES ? range->len - done : WINDOW_BYTES;
    if (!DISK_FILE(range->file, is_cached, range->pos + done, len)) {
        warm(conn, range, done, len);
        return 0;
    }
    note_cached(range, done + len, now_ms);
    return len;
}

void conn_forget_warming(struct conn *conn)
{
    if (conn->warming)
        conn->warming->conn = NULL;
    conn->warming = NULL;
}
