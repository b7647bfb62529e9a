/*
 * The incarnation of a broker's data: an id that stays while nothing it acknowledged can be
 * missing, and is another as soon as something may be.
 *
 *   kept     a clean stop; a process that was killed, in the same boot of the machine: what it
 *            wrote is in the page cache. New directories beside all the old ones.
 *   another  an unclean end in another boot (loss: the unsynced tail); a directory that is
 *            missing, empty, twice, of another incarnation, or older than it was (loss: anything)
 *
 * `barnabas.incarnation` in every log directory says the incarnation, who the directory is,
 * which directories belong together, how often the broker was started and in which boot; and, when it
 * was made by the last start, whom it replaced.
 * The starts are in ZooKeeper as well: a volume that was rolled back knows of fewer.
 *
 * The controller compares what a broker registers with to what it trusts
 * (core/controller/trust.c).
 *
 * Runs on: start, one thread that may wait.
 */
#ifndef BARNABAS_SERVICE_IDENTITY_INCARNATION_H
#define BARNABAS_SERVICE_IDENTITY_INCARNATION_H

#include "port/disk.h"
#include "port/random.h"
#include "port/znodes.h"
#include "service/replica/log_dirs.h"
#include "zk/sync.h"

#define INCARNATION_FILE_NAME "barnabas.incarnation"

/* What the file of one directory says. */
struct incarnation_file {
    struct uuid incarnation;
    struct uuid directory;
    struct uuid *directories; /* all of the incarnation, this one included */
    int directories_count;
    int64_t starts;
    char boot_id[64];
    /* What the incarnation replaced, and what that may have cost: a start that made one and was cut before it
     * registered left the one before in ZooKeeper. Zero = it was there before. */
    struct uuid replaced;
    enum znode_loss loss;
};

/* One live log directory at the start. */
struct incarnation_dir {
    bool has_file; /* one that can be read */
    struct incarnation_file file;
    bool clean;      /* it was stopped in order */
    bool power_lost; /* known by other means that the machine went down */
};

struct incarnation_verdict {
    bool keep;
    enum znode_loss loss; /* when not kept */
    const char *reason;   /* static text */
};

void incarnation_file_close(struct incarnation_file *file);
void incarnation_file_format(const struct incarnation_file *file, struct buf *out);
/* False when it is not what a broker writes. Gives `out` (incarnation_file_close). */
bool incarnation_file_parse(struct view text, struct incarnation_file *out);

/*
 * Pure: whether the data is what it was. `offline` directories cannot be read now: as many may be missing.
 * `known` is what was registered last; NULL = nothing yet.
 */
struct incarnation_verdict incarnation_judge(const struct incarnation_dir *dirs, int count, int offline,
                                             const struct znode_incarnation *known, const char *boot_id);

/*
 * Pure: what a broker whose data was judged so registers with. The id is zero when it is another: the caller
 * makes one. `trusted` is what the controller goes by; NULL = nothing yet.
 */
struct znode_incarnation incarnation_next(const struct incarnation_verdict *verdict,
                                          const struct incarnation_dir *dirs, int count,
                                          const struct znode_incarnation *known,
                                          const struct znode_incarnation *trusted);
/* Pure: the file that says so, still without directories. */
struct incarnation_file incarnation_file_of(const struct znode_incarnation *now,
                                            const struct znode_incarnation *known, const char *boot_id);

/*
 * Finds the incarnation of this start and writes it down in every live directory, durably; makes
 * /barnabas/brokers/N if it is missing. After the logs were loaded, before the broker registers, which
 * publishes `out`. A directory that cannot be written goes offline; ERR_IO when none is left.
 */
MUST_USE enum err incarnation_settle(struct log_dirs *dirs, struct zk_sync *sync, struct random *random,
                                     int32_t broker_id, struct znode_incarnation *out, struct errmsg *why);

#endif
