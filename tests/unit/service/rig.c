#include "rig.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/report.h"
#include "disk/posix.h"
#include "disk/posix_clock.h"
#include "disk/posix_random.h"
#include "metrics/metrics.h"
#include "service/controller/controller_channel.h"
#include "service/fetcher/fetchers.h"
#include "service/fetcher/replication_quotas.h"
#include "service/group/groups.h"
#include "service/metadata_cache.h"
#include "service/partition/partition_call.h"
#include "service/replica/control_fence.h"
#include "service/replica/isr_changes.h"
#include "service/settings/topic_configs.h"
#include "wire/codec.h"
#include "wire/generated/wire_messages.h"
#include "wire/record_builder.h"

/* --- ZooKeeper ------------------------------------------------------------------------------------------ */

static void zk_answer(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    struct rig *rig = CONTAINER_OF(zk, struct rig, zk);
    struct zk_result result = {.err = ERR_NOT_FOUND};
    if (op->kind == ZK_OP_GET && rig->topic_config && strncmp(op->path, "/config/topics/", 15) == 0)
        result = (struct zk_result){.err = ERR_NONE, .data = view_str(rig->topic_config)};
    if (done)
        done(arg, &result);
}

static int64_t zk_no_session(struct zk *zk)
{
    (void)zk;
    return 0;
}

static const struct zk_ops ZK_OPS = {.submit = zk_answer, .session_id = zk_no_session};

/* --- start and stop --------------------------------------------------------------------------------------
 */

static void load_config(struct rig *rig)
{
    struct buf text = {0};
    buf_put_str(&text, "zookeeper.connect=nowhere:1\nbroker.id=1\ncontrolled.shutdown.retry.backoff.ms=1\n"
                       "log.dirs=");
    for (int i = 0; i < rig->dirs_count; i++) {
        buf_put_str(&text, i ? "," : "");
        buf_put_str(&text, rig->dirs[i]);
    }
    buf_put_str(&text, "\n");
    buf_put_str(&text, rig->settings);
    buf_put_str(&text, "\nreplica.fetch.backoff.ms=1\nreplica.socket.timeout.ms=60000\n");
    struct config_report report = {0};
    struct config *config = config_load(buf_view(&text), "rig", NULL, 0, &report);
    ck_assert_ptr_nonnull(config);
    config_report_close(&report);
    buf_close(&text);
    atomic_store(&rig->broker.config.value, config);
}

/* The cluster: brokers 1 to 3. */
static void tell_of_brokers(void *arg)
{
    struct rig *rig = arg;
    struct wire_update_metadata_request_update_metadata_endpoint endpoint = {
        .host = view_str("127.0.0.1"), .port = rig->peer_port, .listener = view_str("PLAINTEXT")};
    struct wire_update_metadata_request_update_metadata_broker brokers[3];
    for (int i = 0; i < 3; i++)
        brokers[i] = (struct wire_update_metadata_request_update_metadata_broker){
            .id = i + 1, .endpoints = &endpoint, .endpoints_count = 1};
    struct wire_update_metadata_request request = {.live_brokers = brokers, .live_brokers_count = 3};
    metadata_cache_update(rig->broker.metadata, &request);
}

void rig_start(struct rig *rig, int loops)
{
    struct errmsg why = {.text = ""};
    struct broker *broker = &rig->broker;
    *broker = (struct broker){.id = RIG_ME, .clock = &rig->clock, .random = &rig->random, .disk = rig->disk};
    atomic_store(&broker->epoch, 1);
    pthread_mutex_init(&broker->config_lock, NULL);
    load_config(rig);
    broker->quotas = replication_quotas_new(atomic_load(&broker->config.value));
    broker->replica_lag_max_ms = 30000;
    struct loop *all[RIG_LOOPS_MAX + 1];
    for (int i = 0; i < loops; i++)
        all[i] = rig->loops[i] = loop_new("net", &rig->clock, &why);
    all[loops] = rig->control = loop_new("control", &rig->clock, &why);
    for (int i = 0; i <= loops; i++)
        loop_set_index(all[i], i);
    broker->metrics = metrics_new(loops + 1);
    broker->net_loops = rig->loops;
    broker->net_loops_count = loops;
    broker->control_loop = rig->control;
    broker->zk_loop = rig->control;
    broker->zk = &rig->zk;
    broker->domain = snapshot_domain_new(all, loops + 1);
    broker->workers = workers_new(3);
    for (int i = 0; i <= loops; i++)
        loop_start(all[i]);
    broker->topic_configs = topic_configs_new(broker);
    broker->metadata = metadata_cache_new(broker);
    broker->controller_channel = controller_channel_new(broker);
    broker->isr_changes = isr_changes_new(broker);
    broker->replicas = replica_manager_new(broker);
    ck_assert_msg(log_dirs_open(replica_manager_dirs(broker->replicas), broker,
                                (const char *const *)rig->dirs, rig->dirs_count, &why) == ERR_NONE,
                  "%s", why.text);
    ck_assert_msg(replica_manager_load(broker->replicas, &why) == ERR_NONE, "%s", why.text);
    rig_on_loop(rig->control, tell_of_brokers, rig);
    replica_manager_start(broker->replicas);
}

void rig_fetch_from(struct rig *rig, int port)
{
    struct broker *broker = &rig->broker;
    rig->peer_port = port;
    rig_on_loop(rig->control, tell_of_brokers, rig);
    broker->fetchers = fetchers_new(broker, &rig->loops[broker->net_loops_count - 1], 1);
}

void rig_coordinate(struct rig *rig)
{
    struct broker *broker = &rig->broker;
    broker->groups_loop = rig->loops[broker->net_loops_count - 1];
    broker->groups = groups_new(broker);
}

void rig_open(struct rig *rig, int loops, int dirs, const char *topic_config)
{
    rig_open_with(rig, loops, dirs, topic_config, "");
}

void rig_open_with(struct rig *rig, int loops, int dirs, const char *topic_config, const char *settings)
{
    *rig = (struct rig){.topic_config = topic_config, .settings = settings, .dirs_count = dirs};
    rig->clock = clock_posix();
    rig->random = random_posix();
    rig->posix = disk_posix_new(0);
    rig->disk = fault_disk_new(rig->posix);
    rig->zk.ops = &ZK_OPS;
    snprintf(rig->root, sizeof rig->root, "%s/barnabas-service-XXXXXX",
             getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 30 ? getenv("TMPDIR") : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(rig->root));
    for (int i = 0; i < dirs; i++) {
        rig->dirs[i] = mem_printf("%s/d%d", rig->root, i);
        ck_assert_int_eq(DISK(rig->posix, mkdir, rig->dirs[i], NULL), ERR_NONE);
    }
    rig_start(rig, loops);
}

void rig_stop(struct rig *rig)
{
    struct broker *broker = &rig->broker;
    if (broker->groups)
        groups_stop(broker->groups);
    fetchers_stop(broker->fetchers);
    controller_channel_stop(broker->controller_channel);
    replica_manager_stop(broker->replicas, !rig->unsettled);
    replica_manager_forget_session(broker->replicas);
    workers_stop(broker->workers);
    for (int i = 0; i < broker->net_loops_count; i++) {
        loop_stop(rig->loops[i]);
        loop_join(rig->loops[i]);
    }
    loop_stop(rig->control);
    loop_join(rig->control);
    isr_changes_free(broker->isr_changes);
    fetchers_free(broker->fetchers);
    groups_free(broker->groups);
    replica_manager_free(broker->replicas);
    controller_channel_free(broker->controller_channel);
    metadata_cache_free(broker->metadata);
    topic_configs_free(broker->topic_configs);
    replication_quotas_free(broker->quotas);
    snapshot_domain_free(broker->domain);
    workers_free(broker->workers);
    for (int i = 0; i < broker->net_loops_count; i++)
        loop_free(rig->loops[i]);
    loop_free(rig->control);
    metrics_free(broker->metrics);
    config_release(atomic_load(&broker->config.value));
    pthread_mutex_destroy(&broker->config_lock);
}

static int remove_entry(const char *path, const struct stat *stat_of_it, int kind, struct FTW *ftw)
{
    (void)stat_of_it;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void rig_close(struct rig *rig)
{
    rig_stop(rig);
    fault_disk_free(rig->disk);
    disk_posix_free(rig->posix);
    for (int i = 0; i < rig->dirs_count; i++)
        free(rig->dirs[i]);
    nftw(rig->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- on a loop --------------------------------------------------------------------------------------------
 */

struct errand {
    struct loop_message message;
    void (*fn)(void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
};

static void errand_run(struct loop_message *msg, bool discard)
{
    struct errand *errand = CONTAINER_OF(msg, struct errand, message);
    ck_assert(!discard);
    errand->fn(errand->arg);
    pthread_mutex_lock(&errand->lock);
    errand->finished = true;
    pthread_cond_signal(&errand->cond);
    pthread_mutex_unlock(&errand->lock);
}

void rig_on_loop(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct errand errand = {.message = {.run = errand_run, .label = "errand"}, .fn = fn, .arg = arg};
    pthread_mutex_init(&errand.lock, NULL);
    pthread_cond_init(&errand.cond, NULL);
    loop_post(loop, &errand.message);
    pthread_mutex_lock(&errand.lock);
    while (!errand.finished)
        pthread_cond_wait(&errand.cond, &errand.lock);
    pthread_mutex_unlock(&errand.lock);
    pthread_mutex_destroy(&errand.lock);
    pthread_cond_destroy(&errand.cond);
}

/* --- the controller's requests ----------------------------------------------------------------------------
 */

struct control {
    struct control_job job;
    struct rig *rig;
    struct wire_leader_and_isr_request lead;
    struct wire_stop_replica_request stop;
    bool stops;
    struct arena arena;
    int16_t codes[2]; /* of the first two partitions */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
};

static void control_run(struct control_job *job)
{
    struct control *control = CONTAINER_OF(job, struct control, job);
    struct replica_manager *manager = control->rig->broker.replicas;
    if (control->stops) {
        struct wire_stop_replica_response out = {0};
        replica_manager_stop_replica(manager, 3, &control->stop, &control->arena, &out);
        ck_assert_int_eq(out.partition_errors_count, 1);
        control->codes[0] = out.partition_errors[0].error_code;
    } else {
        struct wire_leader_and_isr_response out = {0};
        replica_manager_leader_and_isr(manager, 5, &control->lead, &control->arena, &out);
        ck_assert_int_eq(out.topics_count, 1);
        ck_assert_int_eq(out.topics[0].partition_errors_count,
                         control->lead.topic_states[0].partition_states_count);
        for (int32_t i = 0; i < out.topics[0].partition_errors_count; i++)
            control->codes[i] = out.topics[0].partition_errors[i].error_code;
    }
}

static void control_done(struct control_job *job)
{
    struct control *control = CONTAINER_OF(job, struct control, job);
    pthread_mutex_lock(&control->lock);
    control->finished = true;
    pthread_cond_signal(&control->cond);
    pthread_mutex_unlock(&control->lock);
}

static enum err control_submit(struct control *control, struct rig *rig)
{
    control->rig = rig;
    control->job = (struct control_job){
        .home = rig->control, .run = control_run, .done = control_done, .label = "control"};
    pthread_mutex_init(&control->lock, NULL);
    pthread_cond_init(&control->cond, NULL);
    replica_manager_submit(rig->broker.replicas, &control->job);
    pthread_mutex_lock(&control->lock);
    while (!control->finished)
        pthread_cond_wait(&control->cond, &control->lock);
    pthread_mutex_unlock(&control->lock);
    pthread_mutex_destroy(&control->lock);
    pthread_cond_destroy(&control->cond);
    arena_close(&control->arena);
    return (enum err)control->codes[0];
}

typedef struct wire_leader_and_isr_request_leader_and_isr_partition_state partition_state;

static enum err submit_lead(struct control *control, struct rig *rig, const char *topic,
                            partition_state *states, int32_t count)
{
    struct wire_leader_and_isr_request_leader_and_isr_topic_state topic_state = {
        .topic_name = view_str(topic), .partition_states = states, .partition_states_count = count};
    if (!rig->without_ids)
        memset(topic_state.topic_id.bytes, topic[0], sizeof topic_state.topic_id.bytes);
    control->lead =
        (struct wire_leader_and_isr_request){.topic_states = &topic_state, .topic_states_count = 1};
    return control_submit(control, rig);
}

static partition_state state_of(int32_t *ids, int32_t index, int32_t epoch, int32_t leader, int32_t replicas)
{
    return (partition_state){.partition_index = index,
                             .controller_epoch = 1,
                             .leader = leader,
                             .leader_epoch = epoch,
                             .isr = ids,
                             .isr_count = replicas,
                             .partition_epoch = epoch,
                             .replicas = ids,
                             .replicas_count = replicas,
                             .is_new = epoch == 0};
}

enum err rig_lead(struct rig *rig, const char *topic, int32_t index, int32_t epoch, int32_t leader,
                  int32_t replicas)
{
    return rig_lead_isr(rig, topic, index, epoch, leader, replicas, replicas);
}

enum err rig_lead_isr(struct rig *rig, const char *topic, int32_t index, int32_t epoch, int32_t leader,
                      int32_t replicas, int32_t isr)
{
    int32_t ids[] = {1, 2, 3};
    partition_state state = state_of(ids, index, epoch, leader, replicas);
    state.isr_count = isr;
    struct control control = {0};
    return submit_lead(&control, rig, topic, &state, 1);
}

void rig_lead_twice(struct rig *rig, const char *topic, int32_t index, int32_t epoch, enum err answers[2])
{
    int32_t ids[] = {RIG_ME};
    partition_state states[] = {state_of(ids, index, epoch, RIG_ME, 1),
                                state_of(ids, index, epoch, RIG_ME, 1)};
    struct control control = {0};
    answers[0] = submit_lead(&control, rig, topic, states, 2);
    answers[1] = (enum err)control.codes[1];
}

enum err rig_stop_replica(struct rig *rig, const char *topic, int32_t index, int32_t epoch, bool delete_log)
{
    struct wire_stop_replica_request_stop_replica_partition_state state = {
        .partition_index = index, .leader_epoch = epoch, .delete_partition = delete_log};
    struct wire_stop_replica_request_stop_replica_topic_state states = {
        .topic_name = view_str(topic), .partition_states = &state, .partition_states_count = 1};
    struct control control = {.stops = true, .stop = {.topic_states = &states, .topic_states_count = 1}};
    return control_submit(&control, rig);
}

struct telling {
    struct rig *rig;
    int32_t count;
    int32_t controller;
    int port;
};

static void tell_on_loop(void *arg)
{
    const struct telling *telling = arg;
    struct wire_update_metadata_request_update_metadata_endpoint endpoint = {
        .port = telling->port, .host = VIEW_LIT("127.0.0.1"), .listener = VIEW_LIT("PLAINTEXT")};
    struct wire_update_metadata_request_update_metadata_broker brokers[8] = {{0}};
    for (int32_t i = 0; i < telling->count; i++)
        brokers[i] = (struct wire_update_metadata_request_update_metadata_broker){
            .id = i + 1, .endpoints = &endpoint, .endpoints_count = 1};
    struct wire_update_metadata_request request = {
        .controller_id = telling->controller, .live_brokers = brokers, .live_brokers_count = telling->count};
    metadata_cache_update(telling->rig->broker.metadata, &request);
}

void rig_members(struct rig *rig, int32_t count, int32_t controller, int port)
{
    struct telling telling = {rig, count, controller, port};
    rig_on_loop(rig->control, tell_on_loop, &telling);
}

struct finding {
    struct rig *rig;
    const char *topic;
    int32_t index;
    struct partition *part;
};

static void find_on_loop(void *arg)
{
    struct finding *finding = arg;
    finding->part =
        replica_manager_find(finding->rig->broker.replicas, view_str(finding->topic), finding->index);
    if (finding->part)
        partition_share(finding->part);
}

struct partition *rig_find(struct rig *rig, const char *topic, int32_t index)
{
    struct finding finding = {.rig = rig, .topic = topic, .index = index};
    rig_on_loop(rig->loops[0], find_on_loop, &finding);
    return finding.part;
}

static void see_log(struct partition *part, void *arg)
{
    *(bool *)arg = part->log != NULL;
}

void rig_await_offline(struct partition *part)
{
    bool has_log = true;
    while (has_log) {
        partition_call(part, see_log, &has_log);
        if (has_log)
            usleep(1000);
    }
}

/* --- appends
 * ------------------------------------------------------------------------------------------------ */

static void batch_of(struct buf *out, const struct record_builder_spec *spec, int records)
{
    struct record_builder builder;
    record_builder_open(&builder, spec, NULL, out);
    for (int i = 0; i < records; i++)
        record_builder_put(&builder, 1700000000000 + i, VIEW_NULL, VIEW_LIT("value"));
    ck_assert_int_eq(record_builder_finish(&builder, NULL), ERR_NONE);
}

void rig_batch(struct buf *out, int records)
{
    batch_of(out, &RECORD_BUILDER_V2, records);
}

static void append_came_home(struct append_op *op)
{
    struct rig_append *append = op->arg;
    ck_assert_ptr_eq(loop_current(), append->loop);
    pthread_mutex_lock(&append->lock);
    append->done++;
    pthread_cond_signal(&append->cond);
    pthread_mutex_unlock(&append->lock);
}

static void append_on_loop(void *arg)
{
    append_submit(&((struct rig_append *)arg)->op);
}

/* Takes `records`. */
static void submit(struct rig_append *append, struct rig *rig, struct loop *loop, struct partition *part,
                   int16_t acks, struct buf records)
{
    *append = (struct rig_append){.loop = loop, .records = records};
    pthread_mutex_init(&append->lock, NULL);
    pthread_cond_init(&append->cond, NULL);
    append->op = (struct append_op){.broker = &rig->broker,
                                    .part = part,
                                    .records = buf_view(&append->records),
                                    .produce_version = 9,
                                    .acks = acks,
                                    .origin = APPEND_CLIENT,
                                    .done = append_came_home,
                                    .arg = append};
    rig_on_loop(loop, append_on_loop, append);
}

static void begin(struct rig_append *append, struct rig *rig, struct loop *loop, struct partition *part,
                  int16_t acks, const struct record_builder_spec *spec, int records)
{
    struct buf batch = {0};
    batch_of(&batch, spec, records);
    submit(append, rig, loop, part, acks, batch);
}

enum err rig_append_pair(struct rig *rig, struct partition *part, struct view key, struct view value)
{
    struct record_builder builder;
    struct buf batch = {0};
    record_builder_open(&builder, &RECORD_BUILDER_V2, NULL, &batch);
    record_builder_put(&builder, 1700000000000, key, value);
    ck_assert_int_eq(record_builder_finish(&builder, NULL), ERR_NONE);
    struct rig_append append;
    submit(&append, rig, rig->loops[0], part, 1, batch);
    enum err err = rig_append_await(&append);
    rig_append_close(&append);
    return err;
}

void rig_append_begin(struct rig_append *append, struct rig *rig, struct loop *loop, struct partition *part,
                      int16_t acks, int records)
{
    begin(append, rig, loop, part, acks, &RECORD_BUILDER_V2, records);
}

enum err rig_append_numbered(struct rig *rig, struct partition *part, int64_t producer_id, int32_t sequence)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.producer_id = producer_id;
    spec.producer_epoch = 0;
    spec.base_sequence = sequence;
    struct rig_append append;
    begin(&append, rig, rig->loops[0], part, 1, &spec, 1);
    enum err err = rig_append_await(&append);
    rig_append_close(&append);
    return err;
}

bool rig_append_is_done(struct rig_append *append)
{
    pthread_mutex_lock(&append->lock);
    bool done = append->done > 0;
    pthread_mutex_unlock(&append->lock);
    return done;
}

enum err rig_append_await(struct rig_append *append)
{
    pthread_mutex_lock(&append->lock);
    while (!append->done)
        pthread_cond_wait(&append->cond, &append->lock);
    ck_assert_int_eq(append->done, 1);
    pthread_mutex_unlock(&append->lock);
    return append->op.err;
}

static void time_out_on_loop(void *arg)
{
    append_time_out(&((struct rig_append *)arg)->op);
}

void rig_append_time_out(struct rig_append *append)
{
    rig_on_loop(append->loop, time_out_on_loop, append);
}

void rig_append_close(struct rig_append *append)
{
    ck_assert_int_eq(append->done, 1);
    append_op_close(&append->op);
    buf_close(&append->records);
    pthread_mutex_destroy(&append->lock);
    pthread_cond_destroy(&append->cond);
}

enum err rig_append(struct rig *rig, struct partition *part, int16_t acks, int records)
{
    struct rig_append append;
    rig_append_begin(&append, rig, rig->loops[0], part, acks, records);
    enum err err = rig_append_await(&append);
    rig_append_close(&append);
    return err;
}

/* --- the gate
 * ------------------------------------------------------------------------------------------------
 */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool shut;
    int waiting;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void at_the_gate(void *arg, enum fault_op op, const char *path)
{
    (void)arg;
    if (op != FAULT_SYNC || !strstr(path, ".log"))
        return;
    pthread_mutex_lock(&gate.lock);
    gate.waiting++;
    pthread_cond_broadcast(&gate.cond);
    while (gate.shut)
        pthread_cond_wait(&gate.cond, &gate.lock);
    gate.waiting--;
    pthread_mutex_unlock(&gate.lock);
}

void rig_gate_open(struct rig *rig)
{
    rig_gate_set(false);
    fault_disk_on_call(rig->disk, at_the_gate, NULL);
}

void rig_gate_set(bool shut)
{
    pthread_mutex_lock(&gate.lock);
    gate.shut = shut;
    pthread_cond_broadcast(&gate.cond);
    pthread_mutex_unlock(&gate.lock);
}

void rig_gate_await_somebody(void)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.waiting == 0)
        pthread_cond_wait(&gate.cond, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}
