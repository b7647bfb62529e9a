/*
 * Fetchers against a leader that is a thread with a socket: it answers as the test has laid down.
 */
#include "service/fetcher/fetchers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "rig.h"
#include "service/partition/partition_call.h"
#include "suites.h"
#include "wire/api.h"
#include "wire/codec.h"

#define LEADER     2
#define SESSION    77
#define STEPS_MAX  8
#define SEEN_BYTES 100

enum step {
    STEP_END, /* no answer, until the test lets go */
    STEP_RECORDS,
    STEP_NOTHING,
    STEP_GARBAGE,
    STEP_CORRELATION, /* of another request */
    STEP_CLOSE
};

static struct rig rig;

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int listener, port;
    enum step steps[STEPS_MAX];
    char seen[STEPS_MAX][SEEN_BYTES]; /* the requests, as text */
    int count;
    int closed; /* connections that the follower has closed */
    bool let_go;
} leader;

/* --- the leader ---------------------------------------------------------------------------------------- */

static bool read_all(int fd, void *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = recv(fd, (uint8_t *)to + at, len - at, 0);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* Once the leader has let go the follower asks on and on: what no test looks at is not kept. */
static void note(const struct wire_fetch_request *fetch, const char *client)
{
    pthread_mutex_lock(&leader.lock);
    if (leader.count == STEPS_MAX) {
        pthread_mutex_unlock(&leader.lock);
        return;
    }
    char *text = leader.seen[leader.count++];
    const struct wire_fetch_request_fetch_partition *part =
        fetch->topics_count > 0 ? &fetch->topics[0].partitions[0] : NULL;
    snprintf(text, SEEN_BYTES, "%s replica=%d session=%d/%d", client, fetch->replica_state.replica_id,
             fetch->session_id, fetch->session_epoch);
    if (part)
        snprintf(text + strlen(text), SEEN_BYTES - strlen(text), " at=%d epoch=%d", (int)part->fetch_offset,
                 part->current_leader_epoch);
    pthread_cond_broadcast(&leader.cond);
    pthread_mutex_unlock(&leader.lock);
}

/* Five records behind what was asked for, or none. */
static void answer(int fd, const struct wire_api *api, const struct wire_request_header *header,
                   const struct wire_fetch_request *fetch, enum step step)
{
    struct buf records = {0}, out = {0};
    rig_batch(&records, 5);
    struct wire_fetch_response_partition_data part = {0};
    wire_init(&wire_fetch_response_partition_data_desc, &part);
    if (fetch->topics_count > 0)
        be_put_i64(records.data, fetch->topics[0].partitions[0].fetch_offset);
    be_put_i32(records.data + 12, 1);
    part.high_watermark = 5;
    part.log_start_offset = 0;
    part.records = step == STEP_RECORDS ? buf_view(&records) : VIEW_LIT("");
    struct wire_fetch_response_fetchable_topic_response topic = {.partitions = &part, .partitions_count = 1};
    memset(topic.topic_id.bytes, 'a', sizeof topic.topic_id.bytes);
    struct wire_fetch_response response = {
        .session_id = SESSION, .responses = &topic, .responses_count = step == STEP_RECORDS};
    buf_put_i32(&out, 0);
    wire_encode_response_header(api, header->request_api_version,
                                header->correlation_id + (step == STEP_CORRELATION), &out);
    if (step == STEP_GARBAGE)
        buf_put_str(&out, "this is no answer");
    else
        ck_assert_int_eq(wire_encode(api->response, header->request_api_version, &response, &out, NULL),
                         ERR_NONE);
    be_put_i32(out.data, (int32_t)(out.len - 4));
    ck_assert_int_eq(send(fd, out.data, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
    buf_close(&records);
    buf_close(&out);
}

static void hold(void)
{
    pthread_mutex_lock(&leader.lock);
    while (!leader.let_go)
        pthread_cond_wait(&leader.cond, &leader.lock);
    pthread_mutex_unlock(&leader.lock);
}

/* Gives false when the connection is over. */
static bool serve_one(int fd)
{
    uint8_t size[4], frame[4096];
    if (!read_all(fd, size, 4))
        return false;
    size_t len = (size_t)be_get_i32(size);
    ck_assert_uint_le(len, sizeof frame);
    if (!read_all(fd, frame, len))
        return false;
    struct wire_request_header header;
    const struct wire_api *api;
    size_t used;
    struct errmsg why;
    ck_assert_int_eq(wire_decode_request_header(view_of(frame, len), &header, &api, &used, &why), ERR_NONE);
    struct arena arena = {0};
    struct wire_fetch_request fetch;
    ck_assert_int_eq(wire_decode(api->request, header.request_api_version, view_of(frame + used, len - used),
                                 NULL, &arena, &fetch, &why),
                     ERR_NONE);
    char client[40];
    snprintf(client, sizeof client, "%.*s", (int)header.client_id.len, header.client_id.ptr);
    enum step step = leader.count < STEPS_MAX ? leader.steps[leader.count] : STEP_END;
    note(&fetch, client);
    if (step == STEP_END)
        hold();
    if (step != STEP_CLOSE)
        answer(fd, api, &header, &fetch, step == STEP_END ? STEP_NOTHING : step);
    arena_close(&arena);
    return step != STEP_CLOSE;
}

static void *lead(void *arg)
{
    (void)arg;
    int fd;
    while ((fd = accept(leader.listener, NULL, NULL)) >= 0) {
        while (serve_one(fd))
            ;
        close(fd);
        pthread_mutex_lock(&leader.lock);
        leader.closed++;
        pthread_cond_broadcast(&leader.cond);
        pthread_mutex_unlock(&leader.lock);
    }
    return NULL;
}

static void let_go(void)
{
    pthread_mutex_lock(&leader.lock);
    leader.let_go = true;
    pthread_cond_broadcast(&leader.cond);
    pthread_mutex_unlock(&leader.lock);
}

static void await_requests(int count)
{
    pthread_mutex_lock(&leader.lock);
    while (leader.count < count)
        pthread_cond_wait(&leader.cond, &leader.lock);
    pthread_mutex_unlock(&leader.lock);
}

static void await_closed(int count)
{
    pthread_mutex_lock(&leader.lock);
    while (leader.closed < count)
        pthread_cond_wait(&leader.cond, &leader.lock);
    pthread_mutex_unlock(&leader.lock);
}

/* --- the follower -------------------------------------------------------------------------------------- */

static void setup(void)
{
    memset(&leader, 0, sizeof leader);
    pthread_mutex_init(&leader.lock, NULL);
    pthread_cond_init(&leader.cond, NULL);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    leader.listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(leader.listener, (struct sockaddr *)&addr, sizeof addr), 0);
    ck_assert_int_eq(listen(leader.listener, 5), 0);
    getsockname(leader.listener, (struct sockaddr *)&addr, &len);
    leader.port = ntohs(addr.sin_port);
    rig_open(&rig, 2, 1, NULL);
    rig_fetch_from(&rig, leader.port);
}

static void teardown(void)
{
    let_go();
    rig_close(&rig);
    shutdown(leader.listener, SHUT_RDWR);
    pthread_join(leader.thread, NULL);
    close(leader.listener);
}

static void follow(const enum step *steps, size_t count)
{
    memcpy(leader.steps, steps, count * sizeof *steps);
    pthread_create(&leader.thread, NULL, lead, NULL);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 1, LEADER, 2), ERR_NONE);
}

#define FOLLOW(...)                                                                                          \
    follow((const enum step[]){__VA_ARGS__}, sizeof((const enum step[]){__VA_ARGS__}) / sizeof(enum step))

static void see_end(struct partition *part, void *arg)
{
    *(int64_t *)arg = log_end(part->log).offset;
}

static int64_t end_of_log(void)
{
    struct partition *part = rig_find(&rig, "a", 0);
    int64_t end;
    partition_call(part, see_end, &end);
    partition_release(part);
    return end;
}

START_TEST(what_the_leader_sends_is_appended_before_the_next_fetch_leaves)
{
    FOLLOW(STEP_RECORDS, STEP_RECORDS, STEP_NOTHING);
    await_requests(4);
    ck_assert_str_eq(leader.seen[0], "broker-1-fetcher-0 replica=1 session=0/0 at=0 epoch=1");
    ck_assert_str_eq(leader.seen[1], "broker-1-fetcher-0 replica=1 session=77/1 at=5 epoch=1");
    ck_assert_str_eq(leader.seen[2], "broker-1-fetcher-0 replica=1 session=77/2 at=10 epoch=1");
    ck_assert_str_eq(leader.seen[3], "broker-1-fetcher-0 replica=1 session=77/3");
    ck_assert_int_eq(end_of_log(), 10);
    struct fetchers_numbers numbers;
    fetchers_numbers(rig.broker.fetchers, &numbers);
    ck_assert_int_eq(numbers.failed, 0);
}
END_TEST

START_TEST(an_answer_that_makes_no_sense_ends_the_connection_and_the_session)
{
    FOLLOW(STEP_RECORDS, STEP_GARBAGE, STEP_RECORDS, STEP_CORRELATION, STEP_RECORDS);
    await_requests(6);
    ck_assert_str_eq(leader.seen[2], "broker-1-fetcher-0 replica=1 session=77/0 at=5 epoch=1");
    ck_assert_str_eq(leader.seen[4], "broker-1-fetcher-0 replica=1 session=77/0 at=10 epoch=1");
    ck_assert_int_eq(leader.closed, 2);
    ck_assert_int_eq(end_of_log(), 15);
}
END_TEST

START_TEST(a_leader_that_closes_is_connected_to_again)
{
    FOLLOW(STEP_CLOSE, STEP_CLOSE, STEP_RECORDS);
    await_requests(4);
    ck_assert_str_eq(leader.seen[2], "broker-1-fetcher-0 replica=1 session=0/0 at=0 epoch=1");
    ck_assert_int_eq(end_of_log(), 5);
}
END_TEST

START_TEST(a_new_epoch_is_fetched_in_and_the_answer_to_the_old_one_dropped)
{
    FOLLOW(STEP_RECORDS);
    await_requests(2);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 2, LEADER, 2), ERR_NONE);
    let_go();
    await_requests(3);
    ck_assert_str_eq(leader.seen[2], "broker-1-fetcher-0 replica=1 session=77/2 at=5 epoch=2");
}
END_TEST

START_TEST(a_leader_of_whom_nothing_is_followed_any_more_is_left)
{
    FOLLOW(STEP_RECORDS);
    await_requests(2);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 2, RIG_ME, 1), ERR_NONE);
    let_go();
    await_closed(1);
    ck_assert_int_eq(leader.count, 2);
}
END_TEST

START_TEST(a_deleted_partition_is_not_fetched_any_more)
{
    FOLLOW(STEP_RECORDS);
    await_requests(2);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, -2, true), ERR_NONE);
    let_go();
    await_closed(1);
    ck_assert_int_eq(leader.count, 2);
}
END_TEST

/* a-0 belongs to the second of two. */
START_TEST(a_partition_goes_to_the_fetcher_that_the_number_says)
{
    FOLLOW(STEP_RECORDS);
    await_requests(2);
    struct partition *part = rig_find(&rig, "a", 0);
    ck_assert_int_eq(fetchers_resize(rig.broker.fetchers, 2, &part, 1), 1);
    ck_assert_int_eq(fetchers_number(rig.broker.fetchers), 2);
    let_go();
    await_requests(3);
    ck_assert_str_eq(leader.seen[2], "broker-1-fetcher-1 replica=1 session=0/0 at=5 epoch=1");
    partition_release(part);
}
END_TEST

START_TEST(a_stop_waits_for_no_answer)
{
    FOLLOW(STEP_RECORDS);
    await_requests(2);
    rig_stop(&rig); /* the leader holds its answer */
    rig_start(&rig, 2);
    ck_assert_int_eq(end_of_log(), 5);
}
END_TEST

Suite *fetchers_suite(void)
{
    Suite *suite = suite_create("service/fetchers");
    TCase *tc = tcase_create("fetchers");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_the_leader_sends_is_appended_before_the_next_fetch_leaves);
    tcase_add_test(tc, an_answer_that_makes_no_sense_ends_the_connection_and_the_session);
    tcase_add_test(tc, a_leader_that_closes_is_connected_to_again);
    tcase_add_test(tc, a_new_epoch_is_fetched_in_and_the_answer_to_the_old_one_dropped);
    tcase_add_test(tc, a_leader_of_whom_nothing_is_followed_any_more_is_left);
    tcase_add_test(tc, a_deleted_partition_is_not_fetched_any_more);
    tcase_add_test(tc, a_partition_goes_to_the_fetcher_that_the_number_says);
    tcase_add_test(tc, a_stop_waits_for_no_answer);
    suite_add_tcase(suite, tc);
    return suite;
}
