#include "sim/members.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sim/member.h"

#define TIMEOUT_US (1500 * SIM_MS)

static struct member *member_new(struct sim *sim, int number, int endpoint)
{
    struct member *member = MEM_NEW(struct member);
    sim->members[number] = member;
    member->sim = sim;
    member->endpoint = endpoint;
    member->coordinator = member->coordinator_epoch = -1;
    sim_set_up(sim, endpoint, true);
    return member;
}

/* --- the observer ------------------------------------------------------------------------------------- */

/* What it is told was checked where it was said. */
static void told(struct sim *sim, void *arg, enum err err, struct view answer)
{
    (void)sim;
    (void)arg;
    (void)err;
    (void)answer;
}

static void observe(struct sim *sim, void *arg)
{
    struct member *observer = arg;
    int broker = (int)sim_between(sim, SIM_RNG_GROUP, 1, sim->shape.brokers);
    net_call(member_conn(observer, broker), NET_OFFSET_FETCH, VIEW_LIT(""), TIMEOUT_US, told, observer);
    sim_after(sim, sim_between(sim, SIM_RNG_GROUP, 50, 400) * SIM_MS, observer->endpoint, "observe", observe,
              NULL, observer);
}

/* --- life --------------------------------------------------------------------------------------------- */

void members_new(struct sim *sim)
{
    if (sim->shape.offsets < 0)
        return;
    for (int i = 0; i < sim->shape.members; i++)
        member_begin(member_new(sim, i, SIM_MEMBER + i));
    observe(sim, member_new(sim, SIM_MEMBERS_MAX, SIM_OBSERVER));
}

void members_free(struct sim *sim)
{
    for (int i = 0; i <= SIM_MEMBERS_MAX; i++) {
        struct member *member = sim->members[i];
        if (!member)
            continue;
        sim_set_up(sim, member->endpoint, false);
        for (int broker = 1; broker <= SIM_BROKERS_MAX; broker++)
            net_conn_free(member->conns[broker]);
        free(member);
    }
}

void members_rest(struct sim *sim)
{
    for (int i = 0; i < sim->shape.members; i++)
        sim->members[i]->rests = true;
}

void members_end(struct sim *sim)
{
    unsigned shares = 0;
    for (int i = 0; i < sim->shape.members; i++) {
        const struct member *member = sim->members[i];
        if (member->state != MEMBER_IN || member->generation != sim->members[0]->generation)
            sim_fail(sim, "I12", "member %d is %s generation %d, member 0 in %d", i,
                     member->state == MEMBER_IN ? "in" : "not in", member->generation,
                     sim->members[0]->generation);
        else if (member->committed_since_healed == 0)
            sim_fail(sim, "I12", "no commit of member %d, %s, went through", i, member->id);
        shares |= member->shares;
    }
    if (sim->shape.members > 0 && shares != (1u << SIM_SHARES) - 1)
        sim_fail(sim, "I12", "the members have the shares %x in the end", shares);
}
