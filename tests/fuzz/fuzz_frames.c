/*
 * What a client sends over one connection, and how it arrives: through the socket, net's frames and api's
 * dispatch into handlers of a broker that leads one partition, t-0, and knows no cluster.
 *
 * Input: four 16-bit lengths of pieces, then the bytes of the connection. They are sent twice, at once and in
 * these pieces (the rest is a fifth): the answers must be to the same requests in the same order, and none
 * may be but to a request.
 *
 * The loop is turned by hand on a clock that stands; workers and the log's disk are real.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"
#include "base/assert.h"
#include "base/be.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/report.h"
#include "core/fetch/fetch_sessions.h"
#include "disk/posix.h"
#include "disk/posix_random.h"
#include "fake/fake_clock.h"
#include "metrics/metrics.h"
#include "net/server.h"
#include "port/zk.h"
#include "service/controller/controller_channel.h"
#include "service/controller/controller_loop.h"
#include "service/controller/producer_ids.h"
#include "service/controller/topic_creation.h"
#include "service/fetcher/replication_quotas.h"
#include "service/group/groups.h"
#include "service/metadata_cache.h"
#include "service/replica/control_fence.h"
#include "service/replica/isr_changes.h"
#include "service/replica/replica_manager.h"
#include "service/settings/topic_configs.h"
#include "wire/record_builder.h"

#include "../unit/wire/random_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

#define PIECES             4
#define FRAME_MAX          (256 * 1024)
#define SILENT_TURNS       40
#define WORKER_PATIENCE_MS 20
#define LONG_POLL_MS       1000
#define TOPIC              "t"

static struct broker broker;
static struct fake_clock clock_of_all;
static struct random entropy;
static struct control_fence fence;
static struct loop *loop;
static struct net_server *server;
static char folder[64];

/* --- a broker without a cluster --------------------------------------------------------------------------
 */

static void zk_knows_nothing(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    (void)zk;
    (void)op;
    struct zk_result result = {.err = ERR_NOT_FOUND};
    if (done)
        done(arg, &result);
}

static int64_t zk_no_session(struct zk *zk)
{
    (void)zk;
    return 0;
}

static const struct zk_ops ZK_OPS = {.submit = zk_knows_nothing, .session_id = zk_no_session};
static struct zk nowhere = {.ops = &ZK_OPS};

static int remove_entry(const char *path, const struct stat *stat_of_it, int kind, struct FTW *ftw)
{
    (void)stat_of_it;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void load_config(void)
{
    char text[512];
    snprintf(text, sizeof text,
             "zookeeper.connect=nowhere:1\nbroker.id=1\nlog.dirs=%s\nlog.segment.bytes=65536\n"
             "log.retention.bytes=262144\n"
             "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector\n",
             folder);
    struct config_report report = {0};
    struct config *config = config_load(view_str(text), "fuzz", NULL, 0, &report);
    ASSERT(config);
    config_report_close(&report);
    atomic_store(&broker.config.value, config);
}

static void make_services(void)
{
    struct errmsg why;
    const char *dirs[] = {folder};
    static struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 100, 1);
    broker.fetch_sessions = &sessions;
    broker.topic_configs = topic_configs_new(&broker);
    broker.topic_creation = topic_creation_new();
    broker.metadata = metadata_cache_new(&broker);
    broker.producer_ids = producer_ids_new(&broker);
    broker.controller_channel = controller_channel_new(&broker);
    broker.isr_changes = isr_changes_new(&broker);
    broker.groups = groups_new(&broker);
    broker.replicas = replica_manager_new(&broker);
    struct controller_loop_config controller = {.core = {.broker_id = 1}, .listener = "PLAINTEXT"};
    broker.controller = controller_loop_new(&controller, loop, &nowhere, &entropy);
    ASSERT(log_dirs_open(replica_manager_dirs(broker.replicas), &broker, dirs, 1, &why) == ERR_NONE);
    ASSERT(replica_manager_load(broker.replicas, &why) == ERR_NONE);
    replica_manager_start(broker.replicas);
}

static void open_server(void)
{
    struct net_listener_config listener = {
        .name = "PLAINTEXT", .host = "127.0.0.1", .max_connections = INT_MAX};
    struct net_config config = {.listeners = &listener,
                                .listeners_count = 1,
                                .request_max_bytes = FRAME_MAX,
                                .connections_max_idle_ms = -1,
                                .max_connections = INT_MAX,
                                .max_connections_per_ip = INT_MAX,
                                .max_connection_creation_rate = INT_MAX,
                                .send_buffer_bytes = -1,
                                .receive_buffer_bytes = -1,
                                .listen_backlog = 50};
    struct net_handler handler = {.arg = &broker, .request = api_dispatch};
    server = net_server_new(&config, &loop, 1, &handler, NULL);
    ASSERT(server);
    net_server_open(server);
}

/* --- a client --------------------------------------------------------------------------------------------
 */

struct client {
    int fd;
    bool over;  /* the server closed */
    bool ended; /* we sent all that there is */
    struct buf in;
};

static void client_open(struct client *client)
{
    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)net_server_port(server, 0)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ASSERT(connect(client->fd, (struct sockaddr *)&addr, sizeof addr) == 0 || errno == EINPROGRESS);
}

static void client_read(struct client *client)
{
    for (;;) {
        ssize_t n = recv(client->fd, buf_reserve(&client->in, 65536), 65536, 0);
        if (n <= 0) {
            client->over = n == 0 || errno != EAGAIN;
            return;
        }
        client->in.len += (size_t)n;
    }
}

static void turn(struct client *client)
{
    loop_turn(loop, false);
    client_read(client);
}

static void client_send(struct client *client, const uint8_t *bytes, size_t len)
{
    while (len > 0 && !client->over) {
        ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);
        turn(client);
        if (n < 0)
            ASSERT(errno == EAGAIN || client->over);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    turn(client);
}

/*
 * Turns until the server has answered all and closed. Who waits for a worker gets real time, who waits for
 * the clock gets LONG_POLL_MS; longer polls are left behind.
 */
static void client_finish(struct client *client)
{
    int64_t given_ms = 0;
    shutdown(client->fd, SHUT_WR);
    for (int turns = 0; !client->over && turns < SILENT_TURNS; turns++)
        turn(client);
    for (int ms = 0; !client->over && given_ms < LONG_POLL_MS; ms++) {
        poll(NULL, 0, 1);
        turn(client);
        if (ms < WORKER_PATIENCE_MS)
            continue;
        fake_clock_advance_ms(&clock_of_all, 100);
        given_ms += 100;
    }
    close(client->fd);
    for (int turns = 0; turns < 4; turns++)
        loop_turn(loop, false);
}

/* Ids of the requests that were answered, in order. */
static void answered(const struct client *client, struct buf *out)
{
    size_t at = 0;
    while (client->in.len - at >= 4) {
        int32_t len = be_get_i32(client->in.data + at);
        ASSERT(len >= 4);
        if (client->in.len - at - 4 < (size_t)len)
            break;
        buf_put(out, client->in.data + at + 4, 4);
        at += 4 + (size_t)len;
    }
    ASSERT(!client->over || at == client->in.len);
}

/* --- requests --------------------------------------------------------------------------------------------
 */

static void put_request(struct buf *out, const struct wire_api *api, int16_t version, const void *request,
                        int32_t correlation_id)
{
    size_t begin = out->len;
    buf_put_i32(out, 0);
    wire_encode_request_header(api, version, correlation_id, VIEW_LIT("fuzz"), out);
    ASSERT(wire_encode(api->request, version, request, out, NULL) == ERR_NONE);
    be_put_i32(out->data + begin, (int32_t)(out->len - begin - 4));
}

static void ask(const char *api_name, int16_t version, const void *request)
{
    struct buf frame = {0};
    struct client client;
    int16_t key = 0;
    while (!wire_api_find(key) || !view_equal_str(view_str(wire_api_find(key)->name), api_name))
        key++;
    put_request(&frame, wire_api_find(key), version, request, 1);
    client_open(&client);
    client_send(&client, frame.data, frame.len);
    while (client.in.len < 4 + 4) {
        poll(NULL, 0, 1);
        turn(&client);
        ASSERT(!client.over);
    }
    client_finish(&client);
    buf_close(&frame);
    buf_close(&client.in);
}

/* As a controller would; afterwards nobody is heard as one. */
static void lead_the_partition(void)
{
    int32_t me[] = {1};
    struct wire_leader_and_isr_request_leader_and_isr_partition_state role = {
        .leader = 1, .isr = me, .isr_count = 1, .replicas = me, .replicas_count = 1, .is_new = true};
    struct wire_leader_and_isr_request_leader_and_isr_topic_state topic = {
        .topic_name = VIEW_LIT(TOPIC), .partition_states = &role, .partition_states_count = 1};
    struct wire_leader_and_isr_request lead = {
        .controller_id = 1, .broker_epoch = -1, .topic_states = &topic, .topic_states_count = 1};
    struct wire_update_metadata_request_update_metadata_partition_state state = {
        .leader = 1, .isr = me, .isr_count = 1, .replicas = me, .replicas_count = 1};
    struct wire_update_metadata_request_update_metadata_topic_state known = {
        .topic_name = VIEW_LIT(TOPIC), .partition_states = &state, .partition_states_count = 1};
    struct wire_update_metadata_request update = {
        .controller_id = 1, .broker_epoch = -1, .topic_states = &known, .topic_states_count = 1};
    ask("LeaderAndIsr", 4, &lead);
    ask("UpdateMetadata", 6, &update);
    fence.controller_epoch = INT32_MAX;
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(folder, sizeof folder, "/tmp/barnabas-fuzz-XXXXXX");
    ASSERT(mkdtemp(folder));
    atexit(remove_folder);
    fake_clock_init(&clock_of_all, 1000000);
    entropy = random_posix();
    broker = (struct broker){.id = 1,
                             .cluster_id = "fuzz",
                             .clock = &clock_of_all.clock,
                             .random = &entropy,
                             .disk = disk_posix_new(0),
                             .zk = &nowhere,
                             .fence = &fence};
    atomic_store(&broker.epoch, 1);
    atomic_store(&broker.state, BROKER_RUNNING);
    pthread_mutex_init(&broker.config_lock, NULL);
    load_config();
    loop = loop_new("fuzz", &clock_of_all.clock, NULL);
    broker.metrics = metrics_new(1);
    broker.net_loops = &loop;
    broker.net_loops_count = 1;
    broker.control_loop = broker.zk_loop = broker.groups_loop = loop;
    broker.domain = snapshot_domain_new(&loop, 1);
    broker.workers = workers_new(2);
    broker.quotas = replication_quotas_new(atomic_load(&broker.config.value));
    make_services();
    open_server();
    lead_the_partition();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!loop)
        set_up();
    if (size < 2 * PIECES)
        return 0;
    const uint8_t *bytes = data + 2 * PIECES;
    size_t len = size - 2 * PIECES;
    struct client whole, cut;
    client_open(&whole);
    client_send(&whole, bytes, len);
    client_finish(&whole);

    client_open(&cut);
    size_t at = 0;
    for (int i = 0; i < PIECES; i++) {
        size_t piece = (size_t)data[2 * i] << 8 | data[2 * i + 1];
        piece = piece < len - at ? piece : len - at;
        client_send(&cut, bytes + at, piece);
        at += piece;
    }
    client_send(&cut, bytes + at, len - at);
    client_finish(&cut);

    struct buf first = {0}, second = {0};
    answered(&whole, &first);
    answered(&cut, &second);
    if (whole.over && cut.over)
        ASSERT(view_equal(buf_view(&first), buf_view(&second)));
    buf_close(&first);
    buf_close(&second);
    buf_close(&whole.in);
    buf_close(&cut.in);
    log_set_level(LOG_LEVEL_ERROR); /* IncrementalAlterConfigs may have changed it */
    return 0;
}

/* --- seeds -----------------------------------------------------------------------------------------------
 */

static void add_stream(void (*add)(void *seeds, struct view seed), void *seeds, const struct buf *stream,
                       struct prng *prng)
{
    struct buf seed = {0};
    for (int i = 0; i < PIECES; i++)
        buf_put_i16(&seed, (int16_t)prng_below(prng, stream->len / 2 + 2));
    buf_put_view(&seed, buf_view(stream));
    add(seeds, buf_view(&seed));
    buf_close(&seed);
}

static void put_produce(struct buf *stream, int32_t id)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct buf records = {0};
    struct record_builder builder;
    record_builder_open(&builder, &spec, NULL, &records);
    record_builder_put(&builder, 1700000000000, VIEW_LIT("k"), VIEW_LIT("value"));
    ASSERT(record_builder_finish(&builder, NULL) == ERR_NONE);
    struct wire_produce_request_partition_produce_data part = {.records = buf_view(&records)};
    struct wire_produce_request_topic_produce_data topic = {
        .name = VIEW_LIT(TOPIC), .partition_data = &part, .partition_data_count = 1};
    struct wire_produce_request request = {
        .acks = (int16_t)(id % 3 - 1), .timeout_ms = 1000, .topic_data = &topic, .topic_data_count = 1};
    put_request(stream, wire_api_find(0), 7, &request, id);
    buf_close(&records);
}

static void put_fetch(struct buf *stream, int32_t id)
{
    struct wire_fetch_request_fetch_partition part = {
        .current_leader_epoch = -1, .last_fetched_epoch = -1, .partition_max_bytes = 1000};
    struct wire_fetch_request_fetch_topic topic = {
        .topic = VIEW_LIT(TOPIC), .partitions = &part, .partitions_count = 1};
    struct wire_fetch_request request;
    wire_init(&wire_fetch_request_desc, &request);
    request.max_bytes = 5000;
    request.topics = &topic;
    request.topics_count = 1;
    put_request(stream, wire_api_find(1), 11, &request, id);
}

/* Every request in every version with any values, alone; what is sent most, in one stream. */
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct prng prng;
    struct buf stream = {0};
    prng_seed(&prng, 1);
    for (int16_t key = 0; key < 128; key++) {
        const struct wire_api *api = api_is_served(key) ? wire_api_find(key) : NULL;
        for (int16_t version = api ? api->min_version : 1; api && version <= api->max_version; version++) {
            struct arena arena = {0};
            void *request = arena_alloc(&arena, api->request->size);
            random_message(api->request, version, &prng, &arena, request);
            buf_clear(&stream);
            put_request(&stream, api, version, request, 1000 + version);
            add_stream(add, seeds, &stream, &prng);
            arena_close(&arena);
        }
    }
    buf_clear(&stream);
    for (int32_t id = 1; id < 12; id++) {
        put_produce(&stream, id);
        put_fetch(&stream, 100 + id);
        add_stream(add, seeds, &stream, &prng);
    }
    buf_close(&stream);
}
