/*
 * The controller's requests: LeaderAndIsr (4), StopReplica (5), UpdateMetadata (6).
 *
 * They are carried out one after the other, in the order in which they came, whatever
 * connection they came by: each is a job of the replica manager. The fence looks at each
 * when its turn has come (zookeeper-and-controller 4.1).
 */
#include "api/api.h"

#include "base/log.h"
#include "base/mem.h"
#include "service/group/groups.h"
#include "service/metadata_cache.h"
#include "service/replica/control_fence.h"
#include "service/replica/replica_manager.h"

struct control_call {
    struct control_job job;
    struct api_call *call;
    const void *request;
    void *answer;
    int16_t *answer_code; /* of the answer as a whole */
    struct control_sender sender;
    enum err fenced;
};

static struct control_call *control_call_of(struct control_job *job)
{
    return CONTAINER_OF(job, struct control_call, job);
}

static void answer_control(struct control_job *job)
{
    struct control_call *control = control_call_of(job);
    if (control->fenced == ERR_CONNECTION_REPLACED) {
        call_close(control->call, "the controller has a later connection");
        return;
    }
    if (control->fenced != ERR_NONE)
        *control->answer_code = call_error(control->call, control->fenced);
    call_answer(control->call, control->answer);
}

/* Decodes and queues; `run` and `apply` as in struct control_job. */
static struct control_call *control_call_new(struct api_call *call)
{
    const void *request = call_decode(call);
    if (!request)
        return NULL;
    struct control_call *control = CALL_ALLOC(call, struct control_call);
    control->call = call;
    control->request = request;
    control->answer = call_new_answer(call);
    control->sender.connection = call->req->conn_number;
    return control;
}

static void submit(struct control_call *control, void (*run)(struct control_job *),
                   void (*apply)(struct control_job *))
{
    control->job = (struct control_job){.home = control->call->req->loop,
                                        .run = run,
                                        .apply = apply,
                                        .done = answer_control,
                                        .label = control->call->api->name};
    replica_manager_submit(control->call->broker->replicas, &control->job);
}

/* Is it from a controller that was replaced, from long ago, or meant for an earlier life of this broker? */
static enum err fence(struct control_call *control)
{
    struct broker *broker = control->call->broker;
    control->fenced = control_fence_check(broker->fence, broker, &control->sender);
    if (control->fenced != ERR_NONE)
        log_warn("api", "controller_request_refused", "api=%s error=%s controller_epoch=%d broker_epoch=%lld",
                 control->call->api->name, err_name(control->fenced), control->sender.controller_epoch,
                 (long long)control->sender.broker_epoch);
    return control->fenced;
}

/* --- LeaderAndIsr --------------------------------------------------------------------------------------- */

static void leader_and_isr_run(struct control_job *job)
{
    struct control_call *control = control_call_of(job);
    if (fence(control) == ERR_NONE)
        replica_manager_leader_and_isr(control->call->broker->replicas, control->call->version,
                                       control->request, &control->call->req->arena, control->answer);
}

void api_leader_and_isr(struct api_call *call)
{
    struct control_call *control = control_call_new(call);
    if (!control)
        return;
    const struct wire_leader_and_isr_request *request = control->request;
    control->sender.controller_epoch = request->controller_epoch;
    control->sender.broker_epoch = request->broker_epoch;
    control->answer_code = &((struct wire_leader_and_isr_response *)control->answer)->error_code;
    submit(control, leader_and_isr_run, NULL);
}

/* --- StopReplica ---------------------------------------------------------------------------------------- */

static void stop_replica_run(struct control_job *job)
{
    struct control_call *control = control_call_of(job);
    if (fence(control) == ERR_NONE)
        replica_manager_stop_replica(control->call->broker->replicas, control->call->version,
                                     control->request, &control->call->req->arena, control->answer);
}

void api_stop_replica(struct api_call *call)
{
    struct control_call *control = control_call_new(call);
    if (!control)
        return;
    const struct wire_stop_replica_request *request = control->request;
    control->sender.controller_epoch = request->controller_epoch;
    control->sender.broker_epoch = request->broker_epoch;
    control->answer_code = &((struct wire_stop_replica_response *)control->answer)->error_code;
    submit(control, stop_replica_run, NULL);
}

/* --- UpdateMetadata ------------------------------------------------------------------------------------- */

static void update_metadata_run(struct control_job *job)
{
    fence(control_call_of(job));
}

/* On the control loop, which alone replaces the metadata. */
static void update_metadata_apply(struct control_job *job)
{
    struct control_call *control = control_call_of(job);
    struct broker *broker = control->call->broker;
    if (control->fenced != ERR_NONE)
        return;
    metadata_cache_update(broker->metadata, control->request);
    groups_metadata_changed(broker->groups, control->request);
}

void api_update_metadata(struct api_call *call)
{
    struct control_call *control = control_call_new(call);
    if (!control)
        return;
    const struct wire_update_metadata_request *request = control->request;
    control->sender.controller_epoch = request->controller_epoch;
    control->sender.broker_epoch = request->broker_epoch;
    control->answer_code = &((struct wire_update_metadata_response *)control->answer)->error_code;
    submit(control, update_metadata_run, update_metadata_apply);
}
