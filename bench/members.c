/*
 * Members of consumer groups without consumers behind them: they join and are given something. It says
 * "ready", and at the first line of input all members of a group join again at once with other wishes, so
 * many times. Prints one line of JSON: how long that took, from the first JoinGroup that is sent to the last
 * SyncGroup that is answered.
 *
 * One thread, one epoll. A connection serves its members one after the other, as a broker serves its
 * requests: the members of one group need connections of their own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "wire/api.h"
#include "wire/codec.h"

static const char USAGE[] = "usage: members --port PORT [options]\n"
                            "  --group NAME       bench; group i is NAME-i\n"
                            "  --groups N         1\n"
                            "  --members N        of each group (1)\n"
                            "  --connections N    one for each member unless groups have one member only\n"
                            "  --rounds N         in which all join again, counted (0)\n"
                            "  --warm N           rounds before, not counted (0)\n";

#define JOIN_VERSION   5
#define SYNC_VERSION   3
#define SESSION_MS     300000
#define EVENTS         256
#define RECEIVE_BYTES  65536
#define AGAIN_US       10000
#define AGAIN_MOST     3000 /* times: a coordinator that is not there yet */
#define ROUND_LIMIT_MS 120000
#define ROUNDS_MOST    1000

struct options {
    int port;
    const char *group;
    int groups;
    int members;
    int connections;
    int rounds;
    int warm;
};

struct member {
    char *id; /* as the coordinator gave it; NULL = not yet */
    int32_t generation;
    int group;
};

struct link {
    int fd;
    bool writing; /* epoll asks for EPOLLOUT too */
    int current;  /* member that asks; as many as there are: all are through */
    bool is_syncing;
    struct buf out; /* from `sent` on it has still to go */
    size_t sent;
    struct buf in;
};

static struct options options = {.group = "bench", .groups = 1, .members = 1};
static struct member *members;
static struct link *links;
static int member_count;
static int epoll;
static int through; /* members, in this round */
static int again;
static int32_t wish;
static struct arena arena;

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "members: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- connections --------------------------------------------------------------------------------- */

static void watch(struct link *l, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (l->writing ? EPOLLOUT : 0), .data.ptr = l};
    if (epoll_ctl(epoll, operation, l->fd, &event))
        give_up("epoll_ctl", strerror(errno));
}

static void open_link(struct link *l)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)options.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&to, sizeof to))
        give_up("connect", strerror(errno));
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(l, EPOLL_CTL_ADD);
}

static void send_some(struct link *l)
{
    while (l->sent < l->out.len) {
        ssize_t sent = send(l->fd, l->out.data + l->sent, l->out.len - l->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            give_up("send", strerror(errno));
        l->sent += (size_t)sent;
    }
    if ((l->sent < l->out.len) != l->writing) {
        l->writing = !l->writing;
        watch(l, EPOLL_CTL_MOD);
    }
}

static void send_request(struct link *l, const char *name, int16_t version, const void *message)
{
    const struct wire_api *api = wire_api_find_name(view_str(name));
    struct errmsg why = {{0}};
    buf_clear(&l->out);
    l->sent = 0;
    buf_put_i32(&l->out, 0);
    wire_encode_request_header(api, version, 0, VIEW_LIT("members"), &l->out);
    if (wire_encode(api->request, version, message, &l->out, &why))
        give_up(name, why.text);
    be_put_i32(l->out.data, (int32_t)(l->out.len - 4));
    send_some(l);
}

static void decode_answer(struct link *l, const char *name, int16_t version, void *answer)
{
    const struct wire_api *api = wire_api_find_name(view_str(name));
    struct errmsg why = {{0}};
    struct view body = view_of(l->in.data + 8, (size_t)be_get_i32(l->in.data) - 4);
    if (wire_decode(api->response, version, body, NULL, &arena, answer, &why))
        give_up(name, why.text);
}

/* --- what a member says -------------------------------------------------------------------------- */

static struct view group_name(const struct member *m, char text[64])
{
    return view_of(text, (size_t)snprintf(text, 64, "%.40s-%d", options.group, m->group));
}

/* Version 0: one topic, and what it wished this time as its user data. */
static void put_subscription(struct buf *out)
{
    buf_put_i16(out, 0);
    buf_put_i32(out, 1);
    buf_put_i16(out, 6);
    buf_put_str(out, "orders");
    buf_put_i32(out, 4);
    buf_put_i32(out, wish);
}

static void put_assignment(struct buf *out, int32_t partition)
{
    buf_put_i16(out, 0);
    buf_put_i32(out, 1);
    buf_put_i16(out, 6);
    buf_put_str(out, "orders");
    buf_put_i32(out, 1);
    buf_put_i32(out, partition);
    buf_put_i32(out, -1);
}

static void send_join(struct link *l)
{
    struct member *m = &members[l->current];
    char name[64];
    struct buf subscription = {0};
    put_subscription(&subscription);
    struct wire_join_group_request_join_group_request_protocol protocol = {
        .name = VIEW_LIT("range"), .metadata = buf_view(&subscription)};
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = group_name(m, name);
    request.member_id = m->id ? view_str(m->id) : VIEW_LIT("");
    request.session_timeout_ms = SESSION_MS;
    request.rebalance_timeout_ms = SESSION_MS;
    request.protocol_type = VIEW_LIT("consumer");
    request.protocols = &protocol;
    request.protocols_count = 1;
    l->is_syncing = false;
    send_request(l, "JoinGroup", JOIN_VERSION, &request);
    buf_close(&subscription);
}

/* The leader deals out a partition to each. */
static void send_sync(struct link *l, const struct wire_join_group_response *joined)
{
    struct member *m = &members[l->current];
    char name[64];
    struct buf text = {0};
    int32_t count = joined->members_count > 0 ? joined->members_count : 0;
    struct wire_sync_group_request_sync_group_request_assignment *assignments =
        arena_alloc(&arena, sizeof *assignments * ((size_t)count + 1));
    for (int32_t i = 0; i < count; i++)
        put_assignment(&text, i);
    for (int32_t i = 0; i < count; i++) {
        size_t each = text.len / (size_t)count;
        assignments[i] = (struct wire_sync_group_request_sync_group_request_assignment){
            .member_id = joined->members[i].member_id,
            .assignment = view_of(text.data + each * (size_t)i, each)};
    }
    struct wire_sync_group_request request;
    wire_init(&wire_sync_group_request_desc, &request);
    request.group_id = group_name(m, name);
    request.generation_id = m->generation;
    request.member_id = view_str(m->id);
    request.assignments = assignments;
    request.assignments_count = count;
    l->is_syncing = true;
    send_request(l, "SyncGroup", SYNC_VERSION, &request);
    buf_close(&text);
}

/* --- what it hears ------------------------------------------------------------------------------- */

static void next_member(struct link *l)
{
    through++;
    l->current += options.connections;
    if (l->current < member_count)
        send_join(l);
}

static bool is_passing(int16_t code)
{
    return code == ERR_COORDINATOR_LOAD_IN_PROGRESS || code == ERR_COORDINATOR_NOT_AVAILABLE ||
           code == ERR_NOT_COORDINATOR || code == ERR_REBALANCE_IN_PROGRESS;
}

static void join_again(struct link *l, const char *what, int16_t code)
{
    if (!is_passing(code) || again++ == AGAIN_MOST)
        give_up(what, err_name((enum err)code));
    if (code != ERR_REBALANCE_IN_PROGRESS)
        usleep(AGAIN_US);
    send_join(l);
}

static void on_joined(struct link *l)
{
    struct member *m = &members[l->current];
    struct wire_join_group_response answer;
    decode_answer(l, "JoinGroup", JOIN_VERSION, &answer);
    if (!m->id && answer.member_id.len > 0)
        m->id = view_to_cstr(answer.member_id);
    if (answer.error_code == ERR_MEMBER_ID_REQUIRED) {
        send_join(l);
    } else if (answer.error_code != ERR_NONE) {
        join_again(l, "JoinGroup", answer.error_code);
    } else {
        m->generation = answer.generation_id;
        send_sync(l, &answer);
    }
}

static void on_synced(struct link *l)
{
    struct wire_sync_group_response answer;
    decode_answer(l, "SyncGroup", SYNC_VERSION, &answer);
    if (answer.error_code != ERR_NONE)
        join_again(l, "SyncGroup", answer.error_code);
    else if (answer.assignment.len == 0)
        give_up("SyncGroup", "a member was given nothing");
    else
        next_member(l);
}

/* One request at a time, so one answer. */
static void receive(struct link *l)
{
    for (;;) {
        ssize_t got = recv(l->fd, buf_reserve(&l->in, RECEIVE_BYTES), RECEIVE_BYTES, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            give_up("receive", got ? strerror(errno) : "connection closed by the broker");
        buf_extend(&l->in, (size_t)got);
        if (l->in.len < 4 || l->in.len < 4 + (size_t)be_get_i32(l->in.data))
            continue;
        if (l->is_syncing)
            on_synced(l);
        else
            on_joined(l);
        arena_reset(&arena);
        buf_clear(&l->in);
        return;
    }
}

/* --- rounds -------------------------------------------------------------------------------------- */

/* Everybody joins and is given something; seconds. */
static double run_round(void)
{
    struct epoll_event events[EVENTS];
    double begin = seconds_now();
    through = 0;
    wish++;
    for (int i = 0; i < options.connections; i++) {
        links[i].current = i;
        send_join(&links[i]);
    }
    while (through < member_count) {
        int count = epoll_wait(epoll, events, EVENTS, ROUND_LIMIT_MS);
        if (count == 0)
            give_up("round", "nothing was answered for two minutes");
        for (int i = 0; i < count; i++) {
            struct link *l = events[i].data.ptr;
            if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                receive(l);
            if (events[i].events & EPOLLOUT)
                send_some(l);
        }
    }
    return seconds_now() - begin;
}

static void check_generations(void)
{
    for (int i = 0; i < member_count; i++)
        if (members[i].generation != members[i % options.groups].generation)
            give_up("round", "the members of a group are of several generations");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run_counted_rounds(void)
{
    double took[ROUNDS_MOST] = {0}, sum = 0;
    for (int i = 0; i < options.rounds; i++) {
        took[i] = run_round();
        check_generations();
        sum += took[i];
    }
    qsort(took, (size_t)options.rounds, sizeof *took, by_size);
    int last = options.rounds > 0 ? options.rounds - 1 : 0;
    printf("{\"members\": %d, \"rounds\": %d, \"seconds\": %.6f, \"best_ms\": %.3f, \"median_ms\": %.3f, "
           "\"worst_ms\": %.3f}\n",
           member_count, options.rounds, sum, took[0] * 1e3, took[last / 2] * 1e3, took[last] * 1e3);
}

/* --- options ------------------------------------------------------------------------------------- */

static _Noreturn void usage(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static int number(int most)
{
    char *end;
    long value = strtol(optarg, &end, 10);
    if (*end || end == optarg || value < 0 || value > most)
        usage();
    return (int)value;
}

static void take_options(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"port", required_argument, NULL, 'p'},   {"group", required_argument, NULL, 'g'},
        {"groups", required_argument, NULL, 'n'}, {"members", required_argument, NULL, 'm'},
        {"rounds", required_argument, NULL, 'r'}, {"connections", required_argument, NULL, 'c'},
        {"warm", required_argument, NULL, 'w'},   {NULL, 0, NULL, 0},
    };
    for (int id; (id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (id) {
        case 'p':
            options.port = number(65535);
            break;
        case 'g':
            options.group = optarg;
            break;
        case 'n':
            options.groups = number(1000000);
            break;
        case 'm':
            options.members = number(100000);
            break;
        case 'r':
            options.rounds = number(ROUNDS_MOST);
            break;
        case 'c':
            options.connections = number(100000);
            break;
        case 'w':
            options.warm = number(ROUNDS_MOST);
            break;
        default:
            usage();
        }
    }
    member_count = options.groups * options.members;
    if (options.connections == 0)
        options.connections = member_count;
    if (optind != argc || options.port == 0 || member_count == 0 || options.connections > member_count ||
        (options.members > 1 && options.connections < member_count))
        usage();
}

int main(int argc, char **argv)
{
    take_options(argc, argv);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    members = mem_zalloc(sizeof *members * (size_t)member_count);
    links = mem_zalloc(sizeof *links * (size_t)options.connections);
    for (int i = 0; i < member_count; i++)
        members[i].group = i % options.groups;
    for (int i = 0; i < options.connections; i++)
        open_link(&links[i]);
    run_round();
    for (int i = 0; i < options.warm; i++)
        run_round();
    puts("ready");
    fflush(stdout);
    char line[64];
    if (!fgets(line, sizeof line, stdin) && options.rounds > 0)
        give_up("input", "ended before the rounds");
    run_counted_rounds();
    return EXIT_SUCCESS;
}
