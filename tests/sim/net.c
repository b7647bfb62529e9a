#include "sim/net.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sim/pipe.h"

struct net_conn {
    struct sim *sim;
    int from;
    int to;
    int64_t life;   /* of the process it is connected to; 0 = it connects with the next request */
    int64_t number; /* as it was connected last */
    struct pipe *out;
    struct pipe *in;
    struct list calls;
    bool down;
};

struct net_call {
    struct pipe_message request;
    struct pipe_message answer;
    struct list node;   /* of the connection */
    struct list of_all; /* oldest first */
    uint64_t id;
    struct net_conn *conn;
    enum net_api api;
    struct buf body;
    struct buf reply;
    bool delivered;
    bool answered;
    net_done_fn done;
    void *arg;
};

static struct net_call *find(struct sim *sim, uint64_t id)
{
    return map_get_int(&sim->calls_by_id, (int64_t)id);
}

/* --- requests that nobody waits for ------------------------------------------------------------------- */

struct orphan {
    int to;
    struct net_request request; /* its body is `body` */
    struct buf body;
};

static void orphan_free(struct sim *sim, void *arg)
{
    (void)sim;
    struct orphan *orphan = arg;
    buf_close(&orphan->body);
    free(orphan);
}

static void orphan_arrives(struct sim *sim, void *arg)
{
    struct orphan *orphan = arg;
    const struct net_request *request = &orphan->request;
    if (sim->up[orphan->to] && !sim->cut[request->from][orphan->to]) {
        sim_trace(sim, "late %d->%d api=%d", request->from, orphan->to, (int)request->api);
        broker_serve(sim, orphan->to, request);
    }
    orphan_free(sim, orphan);
}

static struct net_request request_of(const struct net_call *call, uint64_t id)
{
    return (struct net_request){.from = call->conn->from,
                                .id = id,
                                .connection = call->conn->number,
                                .api = call->api,
                                .body = buf_view(&call->body)};
}

/* It is in the receiver's socket, or still under way. */
static void leave_behind(struct sim *sim, struct net_call *call)
{
    int to = call->conn->to;
    if (to < 1 || to > SIM_BROKERS_MAX || !sim_chance(sim, SIM_RNG_NET, 500))
        return;
    struct orphan *orphan = MEM_NEW(struct orphan);
    *orphan = (struct orphan){.to = to, .request = request_of(call, 0), .body = call->body};
    call->body = (struct buf){0};
    sim_after(sim, sim_between(sim, SIM_RNG_NET, 0, 3000 * SIM_MS), to, "late_request", orphan_arrives,
              orphan_free, orphan);
}

/* --- the end of a call -------------------------------------------------------------------------------- */

static void finish(struct sim *sim, struct net_call *call, enum err err)
{
    map_remove_int(&sim->calls_by_id, (int64_t)call->id);
    list_remove(&call->of_all);
    list_remove(&call->node);
    list_remove(&call->request.node);
    list_remove(&call->answer.node);
    call->done(sim, call->arg, err, err == ERR_NONE ? buf_view(&call->reply) : VIEW_NULL);
    buf_close(&call->body);
    buf_close(&call->reply);
    free(call);
}

static void drop_pipes(struct net_conn *conn)
{
    pipe_free(conn->out);
    pipe_free(conn->in);
    conn->out = conn->in = NULL;
    conn->life = 0;
}

/* Everything that is out ends so; what was not delivered may arrive all the same, as far as it is the first.
 */
static void end_calls(struct net_conn *conn, enum err err, bool linger)
{
    struct sim *sim = conn->sim;
    struct list ending;
    list_init(&ending);
    struct list *node;
    while ((node = list_pop_front(&conn->calls)))
        list_push_back(&ending, node);
    drop_pipes(conn);
    while ((node = list_pop_front(&ending))) {
        struct net_call *call = CONTAINER_OF(node, struct net_call, node);
        if (linger && !call->delivered)
            leave_behind(sim, call);
        linger &= call->delivered;
        finish(sim, call, err);
    }
}

void net_conn_break(struct net_conn *conn)
{
    conn->down = true;
    end_calls(conn, ERR_CONNECTION_LOSS, true);
}

static void breaks(struct sim *sim, void *arg)
{
    uint64_t *id = arg;
    struct net_call *call = find(sim, *id);
    free(id);
    if (call)
        net_conn_break(call->conn);
}

static void free_arg(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

static void break_soon(struct sim *sim, const struct net_call *call)
{
    sim_after(sim, pipe_latency_us(sim), call->conn->from, "break", breaks, free_arg,
              mem_dup(&call->id, sizeof call->id));
}

static void times_out(struct sim *sim, void *arg)
{
    uint64_t *id = arg;
    struct net_call *call = find(sim, *id);
    free(id);
    if (!call)
        return;
    struct net_conn *conn = call->conn;
    conn->down = true;
    end_calls(conn, ERR_REQUEST_TIMED_OUT, true);
}

/* --- there and back ----------------------------------------------------------------------------------- */

static void request_arrives(struct sim *sim, struct pipe_message *message)
{
    struct net_call *call = CONTAINER_OF(message, struct net_call, request);
    struct net_conn *conn = call->conn;
    if (!sim->up[conn->to] || sim->refused[conn->from][conn->to] ||
        (conn->life && conn->life != sim->life[conn->to])) {
        break_soon(sim, call);
        return;
    }
    conn->life = sim->life[conn->to];
    call->delivered = true;
    struct net_request request = request_of(call, call->id);
    broker_serve(sim, conn->to, &request);
}

static void answer_arrives(struct sim *sim, struct pipe_message *message)
{
    struct net_call *call = CONTAINER_OF(message, struct net_call, answer);
    call->conn->down = false;
    finish(sim, call, ERR_NONE);
}

void net_answer(struct sim *sim, uint64_t id, struct view answer)
{
    struct net_call *call = find(sim, id);
    if (!call || call->answered)
        return;
    call->answered = true;
    buf_put_view(&call->reply, answer);
    pipe_send(call->conn->in, &call->answer);
}

void net_call(struct net_conn *conn, enum net_api api, struct view body, int64_t timeout_us, net_done_fn done,
              void *arg)
{
    struct sim *sim = conn->sim;
    struct net_call *call = MEM_NEW(struct net_call);
    call->id = ++sim->last_call;
    call->conn = conn;
    call->api = api;
    call->done = done;
    call->arg = arg;
    call->request.arrive = request_arrives;
    call->answer.arrive = answer_arrives;
    list_node_init(&call->answer.node);
    buf_put_view(&call->body, body);
    map_put_int(&sim->calls_by_id, (int64_t)call->id, call);
    list_push_back(&sim->calls, &call->of_all);
    list_push_back(&conn->calls, &call->node);
    if (!conn->out) {
        conn->out = pipe_new(sim, conn->from, conn->to);
        conn->in = pipe_new(sim, conn->to, conn->from);
        conn->number = ++sim->last_connection;
    }
    pipe_send(conn->out, &call->request);
    sim_after(sim, timeout_us, conn->from, "timeout", times_out, free_arg,
              mem_dup(&call->id, sizeof call->id));
}

/* --- connections -------------------------------------------------------------------------------------- */

struct net_conn *net_conn_new(struct sim *sim, int from, int to)
{
    struct net_conn *conn = MEM_NEW(struct net_conn);
    conn->sim = sim;
    conn->from = from;
    conn->to = to;
    list_init(&conn->calls);
    return conn;
}

void net_conn_free(struct net_conn *conn)
{
    if (!conn)
        return;
    end_calls(conn, ERR_CLOSED, true);
    free(conn);
}

bool net_conn_is_down(const struct net_conn *conn)
{
    return conn->down;
}

void net_process_gone(struct sim *sim, int endpoint)
{
    LIST_EACH (node, &sim->calls) {
        struct net_call *call = CONTAINER_OF(node, struct net_call, of_all);
        if (call->conn->to == endpoint && call->delivered)
            break_soon(sim, call);
    }
}
