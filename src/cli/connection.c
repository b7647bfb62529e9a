#include "cli/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/be.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/codec.h"

#include "config.h"

#define LENGTH_BYTES      4
#define FRAME_MAX_BYTES   (512 << 20)
#define READ_CHUNK_BYTES  (64 << 10)
#define API_VERSIONS_KEY  18
#define API_VERSIONS_LAST 4

struct connection {
    int fd;
    char *name;
    struct connection_config config;
    char *client_id;
    int32_t correlation_id;
    struct api_range *ranges;
    int range_count;
    struct buf out;
    bool answered; /* the other side has once spoken Kafka's protocol */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the descriptor is ready for `events`; ERR_REQUEST_TIMED_OUT at the deadline. */
static enum err wait_ready(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - now_ms();
        if (left <= 0)
            return ERR_REQUEST_TIMED_OUT;
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int rc = poll(&poll_fd, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (rc > 0)
            return ERR_NONE;
        if (rc < 0 && errno != EINTR)
            return ERR_IO;
    }
}

/* --- connecting ----------------------------------------------------------------------------------- */

static int connect_to(const struct addrinfo *info, int64_t deadline_ms, int *errnum)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
    if (fd < 0) {
        *errnum = errno;
        return -1;
    }
    if (connect(fd, info->ai_addr, info->ai_addrlen) != 0) {
        *errnum = errno;
        if (errno == EINPROGRESS) {
            socklen_t len = sizeof *errnum;
            *errnum = ETIMEDOUT;
            if (wait_ready(fd, POLLOUT, deadline_ms) == ERR_NONE)
                getsockopt(fd, SOL_SOCKET, SO_ERROR, errnum, &len);
        }
        if (*errnum != 0) {
            close(fd);
            return -1;
        }
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void say_not_connected(const char *name, int errnum, struct errmsg *why)
{
    const char *remedy = "";
    if (errnum == ECONNREFUSED)
        remedy = " (nothing listens there: is the server running, and is this its address?)";
    else if (errnum == ETIMEDOUT)
        remedy = " (is the machine up, and does a firewall stand between?)";
    errmsg_set_errno(why, errnum, "Cannot connect to %.100s", name);
    size_t used = strlen(why->text);
    size_t room = sizeof why->text - used - 1;
    if (strlen(remedy) <= room)
        memcpy(why->text + used, remedy, strlen(remedy) + 1);
}

static int dial(const char *name, const char *host, int port, int timeout_ms, struct errmsg *why)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    struct buf service = {0};
    buf_printf(&service, "%d", port);
    int rc = getaddrinfo(host, buf_cstr(&service), &hints, &list);
    buf_close(&service);
    if (rc != 0) {
        errmsg_set(why, "Cannot resolve the host name of %.100s: %s", name, gai_strerror(rc));
        return -1;
    }
    int fd = -1;
    int errnum = EHOSTUNREACH;
    for (const struct addrinfo *info = list; info != NULL && fd < 0; info = info->ai_next)
        fd = connect_to(info, now_ms() + timeout_ms, &errnum);
    freeaddrinfo(list);
    if (fd < 0)
        say_not_connected(name, errnum, why);
    return fd;
}

/* --- frames --------------------------------------------------------------------------------------- */

static enum err fail_io(const struct connection *conn, enum err err, struct errmsg *why)
{
    if (err == ERR_REQUEST_TIMED_OUT) {
        errmsg_set(why, "%.100s does not answer in time%s", conn->name,
                   conn->answered ? "" : " (is it a broker's port? a listener of SSL needs a client of SSL)");
    } else if (err == ERR_CLOSED) {
        errmsg_set(why, "%.100s closed the connection%s", conn->name,
                   conn->answered ? "" : " at once (is it a broker's port, and a listener of PLAINTEXT?)");
    } else {
        errmsg_set_errno(why, errno, "connection to %.100s", conn->name);
    }
    return err;
}

static enum err send_all(struct connection *conn, struct view bytes, int64_t deadline_ms)
{
    while (bytes.len > 0) {
        ssize_t sent = send(conn->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = view_of(bytes.ptr + sent, bytes.len - (size_t)sent);
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return ERR_CLOSED;
        if (errno != EAGAIN && errno != EINTR)
            return ERR_IO;
        enum err err = wait_ready(conn->fd, POLLOUT, deadline_ms);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

static enum err receive(struct connection *conn, uint8_t *to, size_t len, int64_t deadline_ms)
{
    while (len > 0) {
        enum err err = wait_ready(conn->fd, POLLIN, deadline_ms);
        if (err != ERR_NONE)
            return err;
        ssize_t got = recv(conn->fd, to, len, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return ERR_CLOSED;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return ERR_IO;
        if (got > 0) {
            to += got;
            len -= (size_t)got;
        }
    }
    return ERR_NONE;
}

/* Whose answer begins like this; as sizes these bytes would be hundreds of megabytes. */
static const char *guess_speaker(const uint8_t head[LENGTH_BYTES])
{
    if (memcmp(head, "HTTP", 4) == 0)
        return ": a web server listens there";
    if (head[0] == 0x15 && head[1] == 0x03)
        return ": a listener of SSL is there, this client speaks PLAINTEXT only";
    if (memcmp(head, "SSH-", 4) == 0)
        return ": an SSH server listens there";
    return NULL;
}

static enum err refuse_frame(const struct connection *conn, const uint8_t head[LENGTH_BYTES],
                             struct errmsg *why)
{
    const char *guess = guess_speaker(head);
    errmsg_set(why, "%.100s does not speak Kafka's protocol (its answer begins with %02x %02x %02x %02x)%s",
               conn->name, head[0], head[1], head[2], head[3], guess ? guess : "");
    return ERR_MALFORMED;
}

/* Reads one frame into `out`, growing as bytes arrive. */
static enum err receive_frame(struct connection *conn, struct buf *out, int64_t deadline_ms,
                              struct errmsg *why)
{
    uint8_t head[LENGTH_BYTES];
    enum err err = receive(conn, head, sizeof head, deadline_ms);
    if (err != ERR_NONE)
        return fail_io(conn, err, why);
    int32_t size = be_get_i32(head);
    if (size < LENGTH_BYTES || size > FRAME_MAX_BYTES || guess_speaker(head) != NULL)
        return refuse_frame(conn, head, why);
    while (out->len < (size_t)size) {
        size_t left = (size_t)size - out->len;
        size_t step = left < READ_CHUNK_BYTES ? left : READ_CHUNK_BYTES;
        buf_reserve(out, step);
        err = receive(conn, out->data + out->len, step, deadline_ms);
        if (err != ERR_NONE)
            return fail_io(conn, err, why);
        out->len += step;
    }
    return ERR_NONE;
}

/* --- calls ---------------------------------------------------------------------------------------- */

static enum err send_request(struct connection *conn, const struct wire_api *api, int16_t version,
                             const void *request, int64_t deadline_ms, struct errmsg *why)
{
    buf_clear(&conn->out);
    buf_put_i32(&conn->out, 0);
    wire_encode_request_header(api, version, ++conn->correlation_id, view_str(conn->client_id), &conn->out);
    enum err err = wire_encode(api->request, version, request, &conn->out, why);
    if (err != ERR_NONE) {
        errmsg_prefix(why, "%s of %.100s has version %d at most", api->name, conn->name, version);
        return err;
    }
    be_put_i32(conn->out.data, (int32_t)(conn->out.len - LENGTH_BYTES));
    err = send_all(conn, buf_view(&conn->out), deadline_ms);
    return err == ERR_NONE ? err : fail_io(conn, err, why);
}

/* The answer's body; frames of other requests are passed over. */
static enum err receive_answer(struct connection *conn, const struct wire_api *api, int16_t version,
                               int64_t deadline_ms, struct arena *arena, struct view *body,
                               struct errmsg *why)
{
    struct buf frame = {0};
    for (;;) {
        int32_t correlation_id = 0;
        size_t used = 0;
        buf_clear(&frame);
        enum err err = receive_frame(conn, &frame, deadline_ms, why);
        if (err == ERR_NONE) {
            err = wire_decode_response_header(api, version, buf_view(&frame), &correlation_id, &used, why);
            if (err != ERR_NONE)
                errmsg_prefix(why, "answer of %.100s to %s", conn->name, api->name);
        }
        if (err != ERR_NONE) {
            buf_close(&frame);
            return err;
        }
        if (correlation_id == conn->correlation_id) {
            *body = arena_dup_view(arena, view_of(frame.data + used, frame.len - used));
            buf_close(&frame);
            return ERR_NONE;
        }
    }
}

static enum err decode_answer(const struct connection *conn, const struct wire_api *api, int16_t version,
                              struct view body, struct arena *arena, void *response, struct errmsg *why)
{
    enum err err = wire_decode(api->response, version, body, NULL, arena, response, why);
    if (err != ERR_NONE)
        errmsg_prefix(why, "answer of %.100s to %s", conn->name, api->name);
    return err;
}

enum err connection_call(struct connection *conn, const struct wire_api *api, const void *request,
                         int timeout_ms, struct arena *arena, void *response, struct errmsg *why)
{
    int16_t version = connection_version(conn, api);
    if (version < 0) {
        errmsg_set(why, "%.100s does not serve %s in a version that this client knows", conn->name,
                   api->name);
        return ERR_UNSUPPORTED_VERSION;
    }
    int64_t deadline_ms = now_ms() + (timeout_ms > 0 ? timeout_ms : conn->config.request_timeout_ms);
    enum err err = send_request(conn, api, version, request, deadline_ms, why);
    if (err != ERR_NONE)
        return err;
    struct view body;
    err = receive_answer(conn, api, version, deadline_ms, arena, &body, why);
    if (err != ERR_NONE)
        return err;
    return decode_answer(conn, api, version, body, arena, response, why);
}

/* --- versions ------------------------------------------------------------------------------------- */

static void keep_ranges(struct connection *conn, const struct wire_api_versions_response *answer)
{
    int count = answer->api_keys_count < 0 ? 0 : answer->api_keys_count;
    conn->ranges = mem_zalloc((size_t)(count + 1) * sizeof *conn->ranges);
    conn->range_count = count;
    for (int i = 0; i < count; i++)
        conn->ranges[i] = (struct api_range){answer->api_keys[i].api_key, answer->api_keys[i].min_version,
                                             answer->api_keys[i].max_version};
}

/*
 * Asks with the newest version; a broker that does not know it answers with version 0, error
 * UNSUPPORTED_VERSION and, if it is not too old, the range that it knows (KIP-511).
 */
static enum err agree_on_versions(struct connection *conn, struct errmsg *why)
{
    const struct wire_api *api = wire_api_find_any(API_VERSIONS_KEY);
    struct arena arena = {0};
    enum err err = ERR_NONE;
    for (int16_t version = API_VERSIONS_LAST; err == ERR_NONE;) {
        struct wire_api_versions_request request;
        struct wire_api_versions_response answer;
        wire_init(&wire_api_versions_request_desc, &request);
        request.client_software_name = VIEW_LIT("barnabas");
        request.client_software_version = VIEW_LIT(PACKAGE_VERSION);
        int64_t deadline_ms = now_ms() + conn->config.request_timeout_ms;
        err = send_request(conn, api, version, &request, deadline_ms, why);
        struct view body;
        if (err == ERR_NONE)
            err = receive_answer(conn, api, version, deadline_ms, &arena, &body, why);
        if (err != ERR_NONE)
            break;
        bool refused = body.len >= 2 && be_get_i16(body.ptr) == ERR_UNSUPPORTED_VERSION;
        err = decode_answer(conn, api, refused ? 0 : version, body, &arena, &answer, why);
        if (err != ERR_NONE)
            break;
        if (!refused || version == 0) {
            if (answer.error_code != ERR_NONE) {
                err = (enum err)answer.error_code;
                errmsg_set(why, "%.100s refuses ApiVersions: %s", conn->name, err_name(err));
                break;
            }
            keep_ranges(conn, &answer);
            conn->answered = true;
            break;
        }
        int16_t known = 0;
        for (int i = 0; i < answer.api_keys_count; i++)
            if (answer.api_keys[i].api_key == API_VERSIONS_KEY)
                known = answer.api_keys[i].max_version;
        version = known < version ? known : 0;
    }
    arena_close(&arena);
    return err;
}

/* --- life ----------------------------------------------------------------------------------------- */

static char *name_of(const char *host, int port)
{
    return strchr(host, ':') ? mem_printf("[%s]:%d", host, port) : mem_printf("%s:%d", host, port);
}

bool connection_probe(const char *host, int port, int timeout_ms, struct errmsg *why)
{
    char *name = name_of(host, port);
    int fd = dial(name, host, port, timeout_ms, why);
    if (fd >= 0)
        close(fd);
    free(name);
    return fd >= 0;
}

struct connection *connection_open(const char *host, int port, const struct connection_config *config,
                                   struct errmsg *why)
{
    char *name = name_of(host, port);
    int fd = dial(name, host, port, config->connect_timeout_ms, why);
    if (fd < 0) {
        free(name);
        return NULL;
    }
    struct connection *conn = MEM_NEW(struct connection);
    conn->fd = fd;
    conn->name = name;
    conn->config = *config;
    conn->client_id = mem_strdup(config->client_id);
    if (agree_on_versions(conn, why) != ERR_NONE) {
        connection_close(conn);
        return NULL;
    }
    return conn;
}

void connection_close(struct connection *conn)
{
    if (conn == NULL)
        return;
    close(conn->fd);
    buf_close(&conn->out);
    free(conn->ranges);
    free(conn->client_id);
    free(conn->name);
    free(conn);
}

int16_t connection_version(const struct connection *conn, const struct wire_api *api)
{
    for (int i = 0; i < conn->range_count; i++) {
        const struct api_range *range = &conn->ranges[i];
        if (range->key != api->key)
            continue;
        int16_t version = range->max_version < api->max_version ? range->max_version : api->max_version;
        return version >= range->min_version && version >= api->min_version ? version : -1;
    }
    return -1;
}

const struct api_range *connection_ranges(const struct connection *conn, int *count)
{
    *count = conn->range_count;
    return conn->ranges;
}
