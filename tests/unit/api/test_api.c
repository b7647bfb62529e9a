/*
 * Requests as a client sends them, by a socket, to a broker without ZooKeeper (tests/unit/service/rig.h).
 */
#include <arpa/inet.h>
#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"
#include "base/be.h"
#include "net/server.h"
#include "rig.h"
#include "service/controller/topic_creation.h"

#define KEY_METADATA 3

static struct rig rig;
static struct net_server *server;
static int client;
static struct arena arena;
static struct buf frame;

static void connect_client(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)net_server_port(server, 0)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
}

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
    rig_members(&rig, 1, RIG_ME, 9092);
    rig.broker.topic_creation = topic_creation_new();
    struct net_listener_config listener = {
        .name = "PLAINTEXT", .host = "127.0.0.1", .max_connections = INT_MAX};
    struct net_config config = {.listeners = &listener,
                                .listeners_count = 1,
                                .request_max_bytes = INT_MAX,
                                .connections_max_idle_ms = -1,
                                .max_connections = INT_MAX,
                                .max_connections_per_ip = INT_MAX,
                                .send_buffer_bytes = -1,
                                .receive_buffer_bytes = -1,
                                .listen_backlog = 50};
    struct net_handler handler = {.arg = &rig.broker, .request = api_dispatch};
    struct errmsg why;
    server = net_server_new(&config, rig.loops, 1, &handler, &why);
    ck_assert_msg(server != NULL, "%s", why.text);
    net_server_open(server);
    connect_client();
}

static void teardown(void)
{
    close(client);
    net_server_free(server);
    rig_close(&rig);
    topic_creation_free(rig.broker.topic_creation);
    arena_close(&arena);
    buf_close(&frame);
}

static void receive(void *bytes, size_t len)
{
    ck_assert_int_eq(recv(client, bytes, len, MSG_WAITALL), (ssize_t)len);
}

/* Sends the request and gives the answer, which is in `arena` and `frame`. */
static void *ask(int16_t key, int16_t version, const void *request)
{
    const struct wire_api *api = wire_api_find(key);
    struct errmsg why;
    buf_clear(&frame);
    buf_put_i32(&frame, 0);
    wire_encode_request_header(api, version, 7, VIEW_LIT("test"), &frame);
    ck_assert_int_eq(wire_encode(api->request, version, request, &frame, &why), ERR_NONE);
    be_put_i32(frame.data, (int32_t)(frame.len - 4));
    ck_assert_int_eq(send(client, frame.data, frame.len, MSG_NOSIGNAL), (ssize_t)frame.len);
    uint8_t size[4];
    receive(size, sizeof size);
    size_t len = (size_t)be_get_i32(size);
    buf_clear(&frame);
    receive(buf_extend(&frame, len), len);
    int32_t correlation_id;
    size_t used;
    struct view answer = buf_view(&frame);
    ck_assert_int_eq(wire_decode_response_header(api, version, answer, &correlation_id, &used, &why),
                     ERR_NONE);
    ck_assert_int_eq(correlation_id, 7);
    void *out = arena_alloc(&arena, api->response->size);
    answer = view_of(answer.ptr + used, answer.len - used);
    ck_assert_int_eq(wire_decode(api->response, version, answer, NULL, &arena, out, &why), ERR_NONE);
    return out;
}

/* --- Metadata --------------------------------------------------------------------------------------------
 */

typedef struct wire_metadata_request_metadata_request_topic metadata_topic_asked;

START_TEST(metadata_tells_of_a_topic_once_however_often_it_is_named)
{
    metadata_topic_asked topics[] = {
        {.name = VIEW_LIT("a")}, {.name = VIEW_LIT("b")}, {.name = VIEW_LIT("a")}, {.name = VIEW_LIT("a")}};
    struct wire_metadata_request request = {.topics = topics, .topics_count = 4};
    const struct wire_metadata_response *answer = ask(KEY_METADATA, 9, &request);
    ck_assert_int_eq(answer->topics_count, 2);
    ck_assert(view_equal_str(answer->topics[0].name, "a"));
    ck_assert(view_equal_str(answer->topics[1].name, "b"));
    ck_assert_int_eq(answer->topics[1].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}
END_TEST

/* An id of zero asks for nothing once there are others. */
START_TEST(metadata_tells_of_an_id_once_however_often_it_is_named)
{
    metadata_topic_asked topics[] = {
        {.topic_id = {{1}}}, {.topic_id = {{0}}}, {.topic_id = {{2}}}, {.topic_id = {{1}}}};
    struct wire_metadata_request request = {.topics = topics, .topics_count = 4};
    const struct wire_metadata_response *answer = ask(KEY_METADATA, 12, &request);
    ck_assert_int_eq(answer->topics_count, 2);
    ck_assert_int_eq(answer->topics[0].topic_id.bytes[0], 1);
    ck_assert_int_eq(answer->topics[1].topic_id.bytes[0], 2);
    ck_assert_int_eq(answer->topics[1].error_code, ERR_UNKNOWN_TOPIC_ID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api");
    TCase *tcase = tcase_create("metadata");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, metadata_tells_of_a_topic_once_however_often_it_is_named);
    tcase_add_test(tcase, metadata_tells_of_an_id_once_however_often_it_is_named);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
