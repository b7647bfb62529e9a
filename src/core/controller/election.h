/*
 * The ways to choose a partition's leader, as pure functions, and how an
 * ISR changes when replicas go.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_CONTROLLER_ELECTION_H
#define BARNABAS_CORE_CONTROLLER_ELECTION_H

#include "base/arena.h"
#include "port/znodes.h"

enum ctl_strategy {
    CTL_STRATEGY_OFFLINE,             /* the leader is gone: first in the ISR that is online */
    CTL_STRATEGY_REASSIGN,            /* first of the target that is online and in the ISR */
    CTL_STRATEGY_PREFERRED,           /* the first replica or nobody */
    CTL_STRATEGY_CONTROLLED_SHUTDOWN, /* first in the ISR that stays; those that leave also leave the ISR */
    CTL_STRATEGY_SUSPICION,           /* first in the ISR that is not suspected; suspects leave the ISR */
    CTL_STRATEGY_SAME /* leader and ISR stay: the new epoch alone is wanted, and that everybody is told */
};

/* Where a replica's log ends, as its broker said. */
struct ctl_log_end {
    enum { CTL_LOG_END_UNKNOWN, CTL_LOG_END_KNOWN, CTL_LOG_END_NONE /* it has no such log to show */ } state;
    int32_t epoch; /* of the last records; -1 = none */
    int64_t offset;
};

/* One replica, in assignment order. */
struct ctl_candidate {
    int32_t id;
    bool reachable; /* registered and its directory in order */
    bool shutting_down;
    bool target;          /* REASSIGN: in the list that replicas move to */
    bool suspected;       /* leads only where nobody else could */
    enum znode_loss loss; /* what it may miss of what it acknowledged as one of the ISR */
    bool eligible;        /* not of the ISR, but it has all that was acknowledged */
    bool was_eligible;    /* so it was when it left the ISR, and lost nothing but its tail since */
    bool overdue;         /* it has been waited for long enough, if it need not be there */
    struct ctl_log_end end;
};

struct ctl_choice {
    int32_t leader;
    struct znode_ids isr;
    int32_t leader_recovery_state;
    bool unclean;
    bool eligible;               /* not of the ISR, and nothing is lost */
    bool recovered;              /* all of the ISR has lost its tail, and this log is the longest there is */
    struct znode_ids awaited;    /* with false: it would be so but for these, whose logs are not known */
    struct znode_ids recipients; /* of the LeaderAndIsr */
};

/*
 * False when nobody may lead. Nobody leads on its old standing who has lost data since, and where somebody
 * leads nobody stays in the ISR who has. When all of the ISR have, an eligible one may lead; when they lost
 * their tails only, and everybody is there who could have more or is overdue, the longest log does; else only
 * an unclean election helps, which takes whoever should miss the least. Arrays of the choice live in the
 * arena.
 */
bool ctl_choose(enum ctl_strategy strategy, const struct ctl_candidate *replicas, int32_t count,
                const struct znode_state *now, bool allow_unclean, struct arena *arena,
                struct ctl_choice *out);

/*
 * The state when the replicas marked in `gone` cannot serve: leader -1 if it is one of them, ISR without
 * them; unless no member would stay that is online, for then the whole ISR is kept: which of several that
 * died together was the most complete, only they know. A suspect does not count as online here, nor one that
 * has lost data. False when nothing changes.
 */
bool ctl_shrink(const struct ctl_candidate *replicas, int32_t count, const struct znode_ids *gone,
                const struct znode_state *now, struct arena *arena, struct znode_state *out);

#endif
