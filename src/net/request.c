#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/internal.h"

/*
 * A request's states: waiting -> reply | silent | close -> (its turn) -> pool.
 *
 * Ending a request only marks it. What follows (writing, starting the next) is done
 * when the connection's turn_end runs, after every callback of the turn: so a
 * handler that answers at once does not recurse, no request is freed under the feet
 * of whoever ended it, and the answers of one turn leave together.
 */

/* Requests, and answer memory of each, that a loop keeps. */
#define FREE_SLOTS_MAX    512
#define REPLY_KEEP_BYTES  ((size_t)64 * 1024)
#define RANGES_KEEP_COUNT 64

/* Hands the memory of the one to the other, which has none. */
static void arena_move(struct arena *to, struct arena *from)
{
    *to = *from;
    *from = (struct arena){0};
}

struct request_slot *slot_new(struct conn *conn, struct chunk *chunk, uint8_t *frame, size_t len)
{
    struct net_loop *nl = conn->nl;
    struct list *node = list_pop_front(&nl->free_slots);
    struct request_slot *slot;
    if (node) {
        nl->free_slots_count--;
        slot = CONTAINER_OF(node, struct request_slot, node);
    } else {
        slot = MEM_NEW(struct request_slot);
        list_node_init(&slot->node);
        slot->nl = nl;
        slot->req.loop = nl->loop;
    }
    nl->slots_live++;
    slot->chunk = chunk;
    slot->frame_bytes = len + 4;
    slot->state = SLOT_WAITING;
    slot->pipelined = slot->told_abandoned = false;
    slot->out_at = 0;
    slot->range_index = 0;
    slot->range_done = 0;

    struct request *req = &slot->req;
    if (!req->arena.blocks)
        arena_move(&req->arena, &nl->warm_arena);
    req->conn = conn;
    req->frame = frame;
    req->frame_len = len;
    req->listener = conn->listener->index;
    req->conn_number = conn->number;
    req->state = NULL;
    req->abandoned = NULL;
    req->handled_ns = req->ended_ns = req->written_ns = 0;
    req->api_key = -1; /* until the handler knows it */
    req->api_version = 0;
    req->of_follower = false;
    req->correlation_id = 0;
    req->client_id = VIEW_NULL;
    reply_begin(&req->reply);

    list_push_back(&conn->slots, &slot->node);
    conn->slots_count++;
    conn->blocking++;
    return slot;
}

/* Leaves no range of a file shared, and no more memory than a pool should hold. */
static void empty_reply(struct reply *reply)
{
    if (reply->bytes.cap > REPLY_KEEP_BYTES || reply->ranges_cap > RANGES_KEEP_COUNT)
        reply_close(reply);
    else
        reply_begin(reply);
}

static void net_loop_free_if_last(struct net_loop *nl)
{
    if (nl->server_gone && nl->slots_live == 0)
        net_loop_free_pools(nl);
}

void slot_drop_input(struct request_slot *slot)
{
    struct net_loop *nl = slot->nl;
    if (!slot->chunk)
        return;
    arena_reset(&slot->req.arena);
    if (!nl->warm_arena.blocks)
        arena_move(&nl->warm_arena, &slot->req.arena);
    chunk_unref(&nl->chunks, slot->chunk);
    slot->chunk = NULL;
    counter_add(&nl->counters.frame_bytes, -(int64_t)slot->frame_bytes);
    if (!list_is_empty(&nl->starved))
        loop_defer(nl->loop, &nl->feed);
}

void slot_free(struct request_slot *slot)
{
    struct net_loop *nl = slot->nl;
    if (!nl->server_gone && nl->server->handler.over)
        nl->server->handler.over(nl->server->handler.arg, &slot->req);
    list_remove(&slot->node);
    slot_drop_input(slot);
    empty_reply(&slot->req.reply);
    slot->req.conn = NULL;
    nl->slots_live--;
    if (nl->free_slots_count < FREE_SLOTS_MAX) {
        list_push_front(&nl->free_slots, &slot->node);
        nl->free_slots_count++;
    } else {
        arena_close(&slot->req.arena);
        reply_close(&slot->req.reply);
        free(slot);
    }
    net_loop_free_if_last(nl);
}

void slots_free_over(struct net_loop *nl)
{
    struct list *node;
    while ((node = list_pop_front(&nl->over)))
        slot_free(CONTAINER_OF(node, struct request_slot, node));
}

void net_loop_free_pools(struct net_loop *nl)
{
    struct list *node;
    while ((node = list_pop_front(&nl->free_slots))) {
        struct request_slot *slot = CONTAINER_OF(node, struct request_slot, node);
        arena_close(&slot->req.arena);
        reply_close(&slot->req.reply);
        free(slot);
    }
    arena_close(&nl->warm_arena);
    chunk_pool_close(&nl->chunks);
    free(nl->file_block);
    free(nl);
}

void slot_tell_abandoned(struct request_slot *slot)
{
    if (slot->state != SLOT_WAITING || slot->told_abandoned)
        return;
    slot->told_abandoned = true;
    if (slot->req.abandoned)
        slot->req.abandoned(&slot->req);
}

/* --- what handlers call ---------------------------------------------------------------------------- */

/* Nobody is to be answered; but whoever ended it may still look at it in this turn. */
static void end_orphan(struct request_slot *slot)
{
    struct net_loop *nl = slot->nl;
    if (nl->server_gone) {
        slot_free(slot);
        return;
    }
    list_push_back(&nl->over, &slot->node);
    loop_defer(nl->loop, &nl->bury);
}

static void end(struct request_slot *slot, enum slot_state state)
{
    ASSERT(slot->state == SLOT_WAITING);
    ASSERT_ON_LOOP(slot->req.loop);
    slot->state = state;
    slot->req.ended_ns = slot->req.written_ns = net_now_ns(slot->nl);
    struct conn *conn = slot->req.conn;
    if (!conn) {
        end_orphan(slot);
        return;
    }
    if (!slot->pipelined)
        conn->blocking--;
    if (state == SLOT_REPLY)
        conn->out_bytes += (int64_t)slot->req.reply.bytes.len + slot->req.reply.ranges_bytes;
    conn_touch_up(conn);
}

void request_reply(struct request *req)
{
    end(slot_of(req), SLOT_REPLY);
}

void request_reply_throttled(struct request *req, int64_t ms)
{
    struct conn *conn = req->conn;
    if (conn && ms > 0)
        loop_timer_arm(req->loop, &conn->throttle, loop_now_ms(req->loop) + ms);
    end(slot_of(req), SLOT_REPLY);
}

void request_end(struct request *req)
{
    end(slot_of(req), SLOT_SILENT);
}

void request_close(struct request *req, const char *reason)
{
    struct request_slot *slot = slot_of(req);
    struct log_pace *pace = &slot->nl->refusals;
    if (log_pace_allows(pace, loop_now_ms(req->loop)))
        log_info("net", "request_refused", "peer=%s reason=\"%s\" held_back=%lld", request_peer(req), reason,
                 log_pace_held(pace));
    /* What the peer sent after this is not looked at. */
    if (req->conn)
        req->conn->closing = true;
    end(slot, SLOT_CLOSE);
}

void request_pipeline(struct request *req)
{
    struct request_slot *slot = slot_of(req);
    ASSERT(slot->state == SLOT_WAITING);
    if (slot->pipelined)
        return;
    slot->pipelined = true;
    if (req->conn) {
        req->conn->blocking--;
        conn_touch_up(req->conn);
    }
}

const char *request_peer(const struct request *req)
{
    struct conn *conn = req->conn;
    if (!conn)
        return "gone";
    if (conn->peer[0] == '\0')
        net_addr_text(&conn->addr, conn->peer, sizeof conn->peer);
    return conn->peer;
}

const struct sockaddr *request_peer_addr(const struct request *req)
{
    return req->conn ? &req->conn->addr.any : NULL;
}
