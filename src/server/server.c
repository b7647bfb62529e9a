/*
 * Start, each step undone by server_stop in the reverse order:
 *
 *   settings   threads   log directories (locked)   ZooKeeper session   cluster id, identity
 *   dynamic settings   logs (loaded)   listeners (bound)   registration   controller
 *   requests (accepted)   configuration changes
 *
 * ZooKeeper may be away, and the session expire, at any time after the first connection: the start waits and
 * goes on under the next session with what is there then. Nothing but a signal ends that wait
 * (server_give_up).
 *
 * Logs are loaded before the broker is visible, and it is visible before it accepts: others
 * find its connections waiting in the backlog (zookeeper-and-controller 2.6).
 */
#include "server/server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/count.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/inter_broker.h"
#include "core/fetch/fetch_sessions.h"
#include "disk/posix.h"
#include "disk/posix_clock.h"
#include "disk/posix_random.h"
#include "metrics/metrics.h"
#include "net/server.h"
#include "server/identity.h"
#include "server/monitor.h"
#include "server/session.h"
#include "service/broker.h"
#include "service/controller/controlled_shutdown.h"
#include "service/controller/controller_channel.h"
#include "service/controller/controller_loop.h"
#include "service/controller/producer_ids.h"
#include "service/controller/topic_creation.h"
#include "service/fetcher/fetchers.h"
#include "service/fetcher/replication_quotas.h"
#include "service/group/groups.h"
#include "service/identity/cluster_setup.h"
#include "service/identity/incarnation.h"
#include "service/identity/registration.h"
#include "service/metadata_cache.h"
#include "service/replica/control_fence.h"
#include "service/replica/isr_changes.h"
#include "service/replica/replica_manager.h"
#include "service/replica/strays.h"
#include "service/settings/broker_settings.h"
#include "service/settings/config_changes.h"
#include "service/settings/topic_configs.h"
#include "zk/session.h"

struct server {
    struct broker broker;
    struct clock clock;
    struct random random;
    struct session *session;
    struct config_changes *changes;
    struct monitor *monitor; /* NULL = not wanted */
    struct control_fence fence;
    struct net_handler handler;
    struct loop **fetcher_loops;
    int fetcher_loops_count;
    struct loop **all_loops;
    int all_loops_count;
    bool loops_running;
    bool logs_loaded;
    bool settled; /* what the last run cost is written down */

    pthread_mutex_t start_lock;
    bool started;
    bool given_up;
};

static const struct config *settings(const struct server *server)
{
    return atomic_load(&server->broker.config.value);
}

/* --- threads -------------------------------------------------------------------------------------------- */

static int network_loops(const struct config *config)
{
    int wanted = config_int(config, CONFIG_BARNABAS_NETWORK_LOOPS);
    if (wanted > 0)
        return wanted;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 1;
}

static struct loop *add_loop(struct server *server, const char *name, struct errmsg *why)
{
    struct loop *loop = loop_new(name, &server->clock, why);
    if (!loop)
        return NULL;
    loop_set_index(loop, server->all_loops_count);
    server->all_loops[server->all_loops_count++] = loop;
    return loop;
}

static enum err start_monitor(struct server *server, struct errmsg *why)
{
    const char *listener = config_str(settings(server), CONFIG_BARNABAS_METRICS_LISTENER);
    if (!listener || !*listener)
        return ERR_NONE;
    struct loop *loop = add_loop(server, "monitor", why);
    if (!loop)
        return ERR_IO;
    struct monitor_config config = {.listener = listener,
                                    .loop = loop,
                                    .loops = server->all_loops,
                                    .loops_count = server->all_loops_count};
    server->monitor = monitor_new(&server->broker, &config, why);
    return server->monitor ? ERR_NONE : ERR_IO;
}

static enum err add_fetcher_loops(struct server *server, int count, struct errmsg *why)
{
    server->fetcher_loops = mem_zalloc(sizeof *server->fetcher_loops * (size_t)count);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "fetcher-%d", i);
        server->fetcher_loops[i] = add_loop(server, name, why);
        if (!server->fetcher_loops[i])
            return ERR_IO;
        server->fetcher_loops_count++;
    }
    return ERR_NONE;
}

static enum err start_threads(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    int count = network_loops(settings(server));
    int fetchers = config_int(settings(server), CONFIG_NUM_REPLICA_FETCHERS);
    fetchers = fetchers > 0 ? fetchers : 1;
    server->all_loops = mem_zalloc(sizeof *server->all_loops * (size_t)(count + fetchers + 4));
    broker->metrics =
        metrics_new(count + 3 + fetchers); /* network loops, control, controller, groups, fetchers */
    broker->net_loops = mem_zalloc(sizeof *broker->net_loops * (size_t)count);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "net-%d", i);
        broker->net_loops[i] = add_loop(server, name, why);
        if (!broker->net_loops[i])
            return ERR_IO;
        broker->net_loops_count++;
    }
    broker->control_loop = add_loop(server, "control", why);
    broker->zk_loop = broker->control_loop ? add_loop(server, "controller", why) : NULL;
    broker->groups_loop = broker->zk_loop ? add_loop(server, "groups", why) : NULL;
    if (!broker->groups_loop || add_fetcher_loops(server, fetchers, why) != ERR_NONE)
        return ERR_IO;
    if (start_monitor(server, why) != ERR_NONE)
        return ERR_IO;
    broker->domain = snapshot_domain_new(server->all_loops, server->all_loops_count);
    /* Three at least: one may hang on a directory, one may wait for the other. */
    int workers = config_int(settings(server), CONFIG_BACKGROUND_THREADS);
    broker->workers = workers_new(workers > 3 ? workers : 3);
    for (int i = 0; i < server->all_loops_count; i++)
        loop_start(server->all_loops[i]);
    server->loops_running = true;
    return ERR_NONE;
}

/* --- ZooKeeper and identity ------------------------------------------------------------------------------
 */

static enum err open_session(struct server *server, struct errmsg *why)
{
    const struct config *config = settings(server);
    const char *connect = config_str(config, CONFIG_ZOOKEEPER_CONNECT);
    int timeout_ms = config_int(config, CONFIG_ZOOKEEPER_SESSION_TIMEOUT_MS);
    int connect_ms = config_int_or(config, CONFIG_ZOOKEEPER_CONNECTION_TIMEOUT_MS, timeout_ms);
    if (!connect) {
        errmsg_set(why, "zookeeper.connect is not set");
        return ERR_INVALID_ARGUMENT;
    }
    /* A session does not need its chroot: it is opened while another one makes sure of that. */
    struct session *session = session_new(&server->broker, connect, timeout_ms);
    server->broker.zk_client = session_client(session);
    server->broker.zk = zk_client_port(session_client(session));
    pthread_mutex_lock(&server->start_lock);
    server->session = session;
    if (server->given_up)
        session_refuse(session);
    pthread_mutex_unlock(&server->start_lock);
    return zk_session_ensure_chroot(connect, connect_ms, why);
}

static enum err find_identity(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    struct zk_sync sync = {broker->zk, broker->zk_loop};
    enum err err = cluster_setup(&sync, broker->random, broker->cluster_id, why);
    if (err == ERR_NONE)
        err = identity_find(broker, settings(server), &sync, replica_manager_dirs(broker->replicas), why);
    if (err == ERR_NONE)
        log_info("server", "identity", "broker=%d cluster=%s", broker->id, broker->cluster_id);
    return err;
}

/* --- listeners -------------------------------------------------------------------------------------------
 */

/*
 * Kafka's default of 100 KB stops the kernel from sizing the buffer by what the sender manages: a batch of a
 * megabyte then comes in a dozen pieces, each with an acknowledgement and a wake-up, at half more CPU. What
 * nobody asked for is left to the kernel.
 */
static int receive_buffer_bytes(const struct config *config)
{
    if (config_source(config, CONFIG_SOCKET_RECEIVE_BUFFER_BYTES) == CONFIG_SOURCE_DEFAULT)
        return -1;
    return config_int(config, CONFIG_SOCKET_RECEIVE_BUFFER_BYTES);
}

static enum err bind_listeners(struct server *server, struct errmsg *why)
{
    const struct config *config = settings(server);
    const struct config_listeners *listeners = config_listeners(config);
    struct net_listener_config *items = mem_zalloc(sizeof *items * listeners->count);
    for (size_t i = 0; i < listeners->count; i++)
        items[i] = (struct net_listener_config){
            .name = listeners->items[i].name,
            .host = listeners->items[i].host,
            .port = listeners->items[i].port,
            .protected = i == listeners->inter_broker,
            .max_connections = config_listener_int(config, listeners->items[i].name, CONFIG_MAX_CONNECTIONS)};
    struct net_config net = {
        .listeners = items,
        .listeners_count = (int)listeners->count,
        .request_max_bytes = config_int(config, CONFIG_SOCKET_REQUEST_MAX_BYTES),
        .queued_max_bytes = config_long(config, CONFIG_QUEUED_MAX_REQUEST_BYTES),
        .connections_max_idle_ms = config_long(config, CONFIG_CONNECTIONS_MAX_IDLE_MS),
        .max_connections = config_int(config, CONFIG_MAX_CONNECTIONS),
        .max_connections_per_ip = config_int(config, CONFIG_MAX_CONNECTIONS_PER_IP),
        .max_connections_per_ip_overrides = config_str(config, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES),
        .max_connection_creation_rate = config_int(config, CONFIG_MAX_CONNECTION_CREATION_RATE),
        .send_buffer_bytes = config_int(config, CONFIG_SOCKET_SEND_BUFFER_BYTES),
        .receive_buffer_bytes = receive_buffer_bytes(config),
        .listen_backlog = config_int(config, CONFIG_SOCKET_LISTEN_BACKLOG_SIZE),
        .workers = server->broker.workers,
    };
    server->handler =
        (struct net_handler){.arg = &server->broker, .request = api_dispatch, .over = count_request_over};
    server->broker.net =
        net_server_new(&net, server->broker.net_loops, server->broker.net_loops_count, &server->handler, why);
    free(items);
    return server->broker.net ? ERR_NONE : ERR_IO;
}

/* --- registration ----------------------------------------------------------------------------------------
 */

/* The endpoints to publish: ports that were 0 are known now, an unset host is this machine's name. */
static void fill_endpoints(struct server *server, struct znode_broker *znode, char hostname[256],
                           struct znode_endpoint *endpoints)
{
    const struct config_listeners *listeners = config_listeners(settings(server));
    if (gethostname(hostname, 256) != 0)
        memcpy(hostname, "localhost", sizeof "localhost");
    hostname[255] = '\0';
    for (size_t i = 0; i < listeners->advertised_count; i++) {
        size_t index = listeners->advertised[i];
        const struct config_listener *listener = &listeners->items[index];
        int port = listener->advertised_port ? listener->advertised_port
                                             : net_server_port(server->broker.net, (int)index);
        endpoints[i] =
            (struct znode_endpoint){.listener = listener->name,
                                    .protocol = security_protocol_name(listener->protocol),
                                    .host = listener->advertised_host ? listener->advertised_host : hostname,
                                    .port = port};
        if (!znode->host && listener->protocol == PROTOCOL_PLAINTEXT) {
            znode->host = endpoints[i].host;
            znode->port = port;
        }
    }
    znode->endpoints = endpoints;
    znode->endpoints_count = (int32_t)listeners->advertised_count;
}

static enum err register_broker(struct server *server, const struct znode_incarnation *incarnation,
                                int64_t *epoch, struct errmsg *why)
{
    const struct config *config = settings(server);
    struct broker *broker = &server->broker;
    struct log_dirs *dirs = replica_manager_dirs(broker->replicas);
    const char **paths = mem_zalloc(sizeof *paths * (size_t)dirs->count);
    int live = 0;
    for (int i = 0; i < dirs->count; i++)
        if (!log_dir_is_offline(&dirs->items[i]->dir))
            paths[live++] = dirs->items[i]->dir.path;
    char hostname[256];
    struct znode_endpoint *endpoints = mem_zalloc(sizeof *endpoints * config_listeners(config)->count);
    struct registration_config registration = {.connect = config_str(config, CONFIG_ZOOKEEPER_CONNECT),
                                               .session_timeout_ms =
                                                   config_int(config, CONFIG_ZOOKEEPER_SESSION_TIMEOUT_MS),
                                               .dirs = paths,
                                               .dirs_count = live,
                                               .znode = {.version = config_inter_broker(config)->broker_znode,
                                                         .port = -1,
                                                         .jmx_port = -1,
                                                         .rack = config_str(config, CONFIG_BROKER_RACK)}};
    fill_endpoints(server, &registration.znode, hostname, endpoints);
    registration.incarnation = *incarnation;
    broker->registration = registration_new(broker, session_client(server->session), &registration);
    free(endpoints);
    free(paths);
    return registration_begin(broker->registration, epoch, why);
}

/* --- controller ------------------------------------------------------------------------------------------
 */

/* Settings may ask for a time that never comes: so far off no sum of it runs over. */
static int64_t rebalance_check_ms(const struct config *config)
{
    int64_t seconds = config_long(config, CONFIG_LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS);
    return (seconds < INT32_MAX ? seconds : INT32_MAX) * 1000;
}

static void make_controller(struct server *server)
{
    const struct config *config = settings(server);
    const struct config_listeners *listeners = config_listeners(config);
    const char *control_plane = config_str(config, CONFIG_CONTROL_PLANE_LISTENER_NAME);
    struct controller_loop_config controller = {
        .core = {.broker_id = server->broker.id,
                 .unclean_election = config_bool(config, CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE),
                 .delete_topic = config_bool(config, CONFIG_DELETE_TOPIC_ENABLE),
                 .auto_rebalance = config_bool(config, CONFIG_AUTO_LEADER_REBALANCE_ENABLE),
                 .rebalance_check_ms = rebalance_check_ms(config),
                 .imbalance_pct = config_int(config, CONFIG_LEADER_IMBALANCE_PER_BROKER_PERCENTAGE),
                 .versions = config_inter_broker(config),
                 .min_isr = config_int(config, CONFIG_MIN_INSYNC_REPLICAS),
                 .suspect = config_bool(config, CONFIG_BARNABAS_BROKER_SUSPECT_ENABLE),
                 .suspect_pause_ms = config_int(config, CONFIG_BARNABAS_BROKER_SUSPECT_INTERVAL_MS),
                 .log_wait_ms = config_int(config, CONFIG_BARNABAS_LONGEST_LOG_WAIT_MS)},
        .listener = control_plane ? control_plane : listeners->items[listeners->inter_broker].name,
        .socket_timeout_ms = config_int(config, CONFIG_CONTROLLER_SOCKET_TIMEOUT_MS),
        .request_timeout_ms = config_int(config, CONFIG_REQUEST_TIMEOUT_MS),
        .max_answer_bytes = config_int(config, CONFIG_SOCKET_REQUEST_MAX_BYTES),
        .refused_ms = config_int(config, CONFIG_BARNABAS_BROKER_SUSPECT_REFUSED_MS),
        .silent_ms = config_int(config, CONFIG_BARNABAS_BROKER_SUSPECT_SILENT_MS)};
    server->broker.controller =
        controller_loop_new(&controller, server->broker.zk_loop, server->broker.zk, server->broker.random);
}

/* --- fetch sessions --------------------------------------------------------------------------------------
 */

static void make_fetch_sessions(struct server *server)
{
    struct broker *broker = &server->broker;
    int slots = config_int(settings(server), CONFIG_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS);
    int each = (slots + broker->net_loops_count - 1) / broker->net_loops_count;
    broker->fetch_sessions = mem_zalloc(sizeof *broker->fetch_sessions * (size_t)broker->net_loops_count);
    for (int i = 0; i < broker->net_loops_count; i++)
        fetch_sessions_init(&broker->fetch_sessions[i], each, random_u64(broker->random));
}

static void free_fetch_sessions(struct server *server)
{
    struct broker *broker = &server->broker;
    for (int i = 0; broker->fetch_sessions && i < broker->net_loops_count; i++)
        fetch_sessions_close(&broker->fetch_sessions[i]);
    free(broker->fetch_sessions);
}

/* --- start and stop --------------------------------------------------------------------------------------
 */

static enum err open_dirs(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    struct config_list dirs = config_log_dirs(settings(server));
    broker->topic_configs = topic_configs_new(broker);
    broker->topic_creation = topic_creation_new();
    broker->metadata = metadata_cache_new(broker);
    broker->replicas = replica_manager_new(broker);
    broker->producer_ids = producer_ids_new(broker);
    broker->controller_channel = controller_channel_new(broker);
    broker->isr_changes = isr_changes_new(broker);
    broker->strays = strays_new(broker);
    broker->groups = groups_new(broker);
    return log_dirs_open(replica_manager_dirs(broker->replicas), broker, dirs.items, (int)dirs.count, why);
}

static enum err start(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    enum err err = start_threads(server, why);
    if (err == ERR_NONE)
        err = open_dirs(server, why);
    if (err == ERR_NONE)
        err = open_session(server, why);
    if (err == ERR_NONE)
        err = find_identity(server, why);
    if (err != ERR_NONE)
        return err;
    server->changes = config_changes_new(broker);
    config_changes_begin(server->changes);
    broker_settings_reload(broker);
    atomic_store(&broker->state, BROKER_RECOVERY);
    err = replica_manager_load(broker->replicas, why);
    if (err == ERR_NONE) {
        server->logs_loaded = true;
        err = bind_listeners(server, why);
    }
    if (err != ERR_NONE)
        return err;
    make_fetch_sessions(server);
    broker->fetchers = fetchers_new(broker, server->fetcher_loops, server->fetcher_loops_count);
    make_controller(server);
    struct znode_incarnation incarnation;
    struct zk_sync sync = {broker->zk, broker->zk_loop};
    err = incarnation_settle(replica_manager_dirs(broker->replicas), &sync, broker->random, broker->id,
                             &incarnation, why);
    server->settled = err == ERR_NONE;
    int64_t epoch;
    if (err == ERR_NONE)
        err = register_broker(server, &incarnation, &epoch, why);
    if (err != ERR_NONE)
        return err;
    replica_manager_start(broker->replicas);
    strays_start(broker->strays);
    session_follow(server->session, server->changes, epoch);
    net_server_open(broker->net);
    atomic_store(&broker->state, BROKER_RUNNING);
    /* Last: what changed since the settings were read reaches only what stands, and frees what was read. */
    config_changes_kick(server->changes);
    return ERR_NONE;
}

/* Never less than two fetches of a follower that waits for records are apart. */
static int64_t sure_to_lead_ms(const struct config *config)
{
    int64_t ms = config_int(config, CONFIG_ZOOKEEPER_SESSION_TIMEOUT_MS) / 2;
    int64_t silent_ms = config_int(config, CONFIG_BARNABAS_BROKER_SUSPECT_SILENT_MS) / 2;
    int64_t fetch_ms = 2 * (int64_t)config_int(config, CONFIG_REPLICA_FETCH_WAIT_MAX_MS);
    if (config_bool(config, CONFIG_BARNABAS_BROKER_SUSPECT_ENABLE) && silent_ms < ms)
        ms = silent_ms;
    return ms > fetch_ms ? ms : fetch_ms;
}

struct server *server_new(struct config *config)
{
    struct server *server = MEM_NEW(struct server);
    struct broker *broker = &server->broker;
    server->clock = clock_posix();
    server->random = random_posix();
    broker->clock = &server->clock;
    broker->random = &server->random;
    broker->disk = disk_posix_new(0);
    broker->id = -1;
    broker->fence = &server->fence;
    atomic_store(&broker->state, BROKER_STARTING);
    atomic_store(&broker->epoch, -1);
    atomic_store(&broker->config.value, config_share(config));
    broker->replica_lag_max_ms = config_long(config, CONFIG_REPLICA_LAG_TIME_MAX_MS);
    broker->sure_to_lead_ms = sure_to_lead_ms(config);
    pthread_mutex_init(&broker->config_lock, NULL);
    broker->quotas = replication_quotas_new(config);
    pthread_mutex_init(&server->start_lock, NULL);
    return server;
}

enum err server_start(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    int64_t begun_ms = clock_mono_ms(broker->clock);
    enum err err = start(server, why);
    pthread_mutex_lock(&server->start_lock);
    server->started = err == ERR_NONE;
    pthread_mutex_unlock(&server->start_lock);
    if (err == ERR_NONE)
        log_info("server", "started", "broker=%d port=%d ms=%lld", broker->id,
                 net_server_port(broker->net, 0), (long long)(clock_mono_ms(broker->clock) - begun_ms));
    return err;
}

void server_give_up(struct server *server)
{
    pthread_mutex_lock(&server->start_lock);
    if (!server->started && !server->given_up && server->session)
        session_refuse(server->session);
    server->given_up = true;
    pthread_mutex_unlock(&server->start_lock);
}

/* What is led here goes to others while this broker still serves. */
static void hand_over(struct broker *broker)
{
    if (atomic_load(&broker->state) != BROKER_RUNNING)
        return;
    atomic_store(&broker->state, BROKER_PENDING_SHUTDOWN);
    controlled_shutdown(broker);
    atomic_store(&broker->state, BROKER_SHUTTING_DOWN);
}

static void stop_serving(struct server *server)
{
    struct broker *broker = &server->broker;
    hand_over(broker);
    session_hurry(server->session); /* what is waited for below may itself wait for ZooKeeper */
    if (broker->strays)
        strays_stop(broker->strays);
    if (server->changes)
        config_changes_stop(server->changes);
    if (broker->net) {
        net_server_stop_accepting(broker->net);
        net_server_stop(broker->net);
    }
    if (broker->groups)
        groups_stop(broker->groups);
    fetchers_stop(broker->fetchers);
    if (broker->controller_channel)
        controller_channel_stop(broker->controller_channel);
    if (server->logs_loaded)
        replica_manager_stop(broker->replicas, server->settled);
    if (broker->controller)
        controller_loop_stop(broker->controller);
    if (server->logs_loaded)
        replica_manager_forget_session(broker->replicas);
    session_close(server->session);
}

static void stop_threads(struct server *server)
{
    if (server->broker.workers)
        workers_stop(server->broker.workers);
    for (int i = 0; i < server->all_loops_count; i++)
        if (server->loops_running)
            loop_stop(server->all_loops[i]);
    for (int i = 0; i < server->all_loops_count; i++)
        if (server->loops_running)
            loop_join(server->all_loops[i]);
}

static void free_services(struct server *server)
{
    struct broker *broker = &server->broker;
    net_server_free(broker->net);
    free_fetch_sessions(server);
    controller_loop_free(broker->controller);
    registration_free(broker->registration);
    config_changes_free(server->changes);
    session_free(server->session);
    isr_changes_free(broker->isr_changes);
    strays_free(broker->strays);
    fetchers_free(broker->fetchers);
    groups_free(broker->groups);
    replica_manager_free(broker->replicas);
    controller_channel_free(broker->controller_channel);
    metadata_cache_free(broker->metadata);
    producer_ids_free(broker->producer_ids);
    topic_configs_free(broker->topic_configs);
    topic_creation_free(broker->topic_creation);
    replication_quotas_free(broker->quotas);
}

void server_stop(struct server *server)
{
    struct broker *broker = &server->broker;
    if (server->loops_running)
        stop_serving(server);
    stop_threads(server);
    monitor_free(server->monitor);
    free_services(server);
    if (broker->domain)
        snapshot_domain_free(broker->domain);
    if (broker->workers)
        workers_free(broker->workers);
    for (int i = 0; i < server->all_loops_count; i++)
        loop_free(server->all_loops[i]);
    metrics_free(broker->metrics);
    free(server->all_loops);
    free(server->fetcher_loops);
    free(broker->net_loops);
    config_release(atomic_load(&broker->config.value));
    pthread_mutex_destroy(&broker->config_lock);
    pthread_mutex_destroy(&server->start_lock);
    disk_posix_free(broker->disk);
    free(server);
}
