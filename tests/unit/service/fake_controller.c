#include "fake_controller.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "wire/codec.h"

/* Reads `len` bytes; false when the peer is gone or the test is over. */
static bool read_fully(const struct fake_controller *fake, int fd, uint8_t *out, size_t len)
{
    while (len > 0) {
        struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = fake->wake[0], .events = POLLIN}};
        ck_assert_int_gt(poll(ready, 2, -1), 0);
        ssize_t got = ready[1].revents ? 0 : read(fd, out, len);
        if (got <= 0)
            return false;
        out += got;
        len -= (size_t)got;
    }
    return true;
}

static void send_answer(int fd, const struct wire_api *api, const struct wire_request_header *header,
                        const void *answer)
{
    struct buf frame = {0};
    buf_put_i32(&frame, 0);
    wire_encode_response_header(api, header->request_api_version, header->correlation_id, &frame);
    ck_assert_int_eq(wire_encode(api->response, header->request_api_version, answer, &frame, NULL), ERR_NONE);
    be_put_i32(frame.data, (int32_t)(frame.len - 4));
    ck_assert_int_eq(write(fd, frame.data, frame.len), (ssize_t)frame.len);
    buf_close(&frame);
}

static void handle(struct fake_controller *fake, int fd, struct view frame)
{
    struct wire_request_header header;
    const struct wire_api *api;
    size_t used;
    struct arena arena = {0};
    ck_assert_int_eq(wire_decode_request_header(frame, &header, &api, &used, NULL), ERR_NONE);
    void *request = arena_alloc(&arena, api->request->size);
    ck_assert_int_eq(wire_decode(api->request, header.request_api_version,
                                 view_of(frame.ptr + used, frame.len - used), NULL, &arena, request, NULL),
                     ERR_NONE);
    void *answer = wire_new(api->response, &arena, 1);
    pthread_mutex_lock(&fake->lock);
    int number = fake->asked++;
    pthread_cond_broadcast(&fake->cond);
    pthread_mutex_unlock(&fake->lock);
    if (fake->answer(fake, number, header.request_api_version, request, answer, &arena))
        send_answer(fd, api, &header, answer);
    arena_close(&arena);
}

static void serve(struct fake_controller *fake, int fd)
{
    uint8_t size[4];
    while (read_fully(fake, fd, size, sizeof size)) {
        size_t len = (size_t)be_get_i32(size);
        uint8_t *frame = mem_alloc(len);
        bool complete = read_fully(fake, fd, frame, len);
        if (complete)
            handle(fake, fd, view_of(frame, len));
        free(frame);
        if (!complete)
            return;
    }
}

static void *run(void *arg)
{
    struct fake_controller *fake = arg;
    for (;;) {
        struct pollfd ready[] = {{.fd = fake->listener, .events = POLLIN},
                                 {.fd = fake->wake[0], .events = POLLIN}};
        ck_assert_int_gt(poll(ready, 2, -1), 0);
        if (ready[1].revents)
            return NULL;
        int fd = accept(fake->listener, NULL, NULL);
        ck_assert_int_ge(fd, 0);
        serve(fake, fd);
        close(fd);
    }
}

void fake_controller_open(struct fake_controller *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    fake->asked = 0;
    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fake->listener, 0);
    ck_assert_int_eq(bind(fake->listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fake->listener, 8), 0);
    ck_assert_int_eq(getsockname(fake->listener, (struct sockaddr *)&address, &len), 0);
    fake->port = ntohs(address.sin_port);
    ck_assert_int_eq(pipe(fake->wake), 0);
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->cond, NULL);
    ck_assert_int_eq(pthread_create(&fake->thread, NULL, run, fake), 0);
}

void fake_controller_close(struct fake_controller *fake)
{
    ck_assert_int_eq(write(fake->wake[1], "", 1), 1);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    close(fake->wake[0]);
    close(fake->wake[1]);
    pthread_mutex_destroy(&fake->lock);
    pthread_cond_destroy(&fake->cond);
}

void fake_controller_await(struct fake_controller *fake, int requests)
{
    pthread_mutex_lock(&fake->lock);
    while (fake->asked < requests)
        pthread_cond_wait(&fake->cond, &fake->lock);
    pthread_mutex_unlock(&fake->lock);
}
