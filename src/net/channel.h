/*
 * An outgoing connection to a broker: frames out, answers in, in order.
 *
 * Connects when the first frame is sent and again after a failure when asked to
 * send again. Answers come in the order of the frames; the caller matches nothing.
 *
 * Runs on: the loop it was made with.
 */
#ifndef BARNABAS_NET_CHANNEL_H
#define BARNABAS_NET_CHANNEL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "loop/loop.h"

struct channel;

struct channel_config {
    const char *host;
    int port;
    int64_t connect_timeout_ms;
    int64_t request_timeout_ms; /* from the sending of a frame to its answer */
    int64_t max_answer_bytes;
};

/*
 * `answer`: the frame after its size, valid until the callback returns; err says why there is none:
 * ERR_CONNECTION_LOSS, ERR_REQUEST_TIMED_OUT, ERR_CLOSED (channel freed), ERR_MALFORMED (absurd size).
 * After any error the connection is closed and every frame in flight has got its callback.
 */
typedef void (*channel_answer_fn)(void *arg, enum err err, struct view answer);

/* Resolves names without blocking the loop (evdns or a worker). Gives the channel (channel_free). */
struct channel *channel_new(struct loop *loop, const struct channel_config *config);
/* Sends a frame (with its 4 bytes of size). Copies it. Calls `answer` exactly once, never before returning.
 */
void channel_send(struct channel *channel, struct view frame, channel_answer_fn answer, void *arg);
/*
 * Called from an answer: its bytes stay valid, in `kept`, for as long as the caller keeps that buffer as it
 * is. What `kept` held before is given to the channel to read into. Copies nothing but what came behind the
 * answer.
 */
void channel_keep_answer(struct channel *channel, struct buf *kept);
int channel_in_flight(const struct channel *channel);
/* As far as the kernel has told: a peer that closes is noticed though nothing is in flight. */
bool channel_is_connected(const struct channel *channel);
/* Why the last attempt failed, as errno: ECONNREFUSED, ECONNRESET (also: closed by the peer), ETIMEDOUT,
 * EHOSTUNREACH (also: the name does not resolve)...; 0 = it has not, or the last one succeeded. */
int channel_last_errno(const struct channel *channel);
/* Frames in flight get ERR_CLOSED before it returns. May be called from an answer. */
void channel_free(struct channel *channel);

#endif
