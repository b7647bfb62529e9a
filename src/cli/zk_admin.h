/*
 * A ZooKeeper session for a command: opened, used by blocking calls, closed.
 * Nothing waits for ever: a server that cannot be reached at the beginning, or
 * is lost for long, ends the command with a message.
 *
 * Runs on: the main thread; it has a loop and a worker of its own.
 */
#ifndef BARNABAS_CLI_ZK_ADMIN_H
#define BARNABAS_CLI_ZK_ADMIN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "port/znodes.h"
#include "zk/sync.h"

struct zk_admin;

/* The version of a znode that does not exist. */
#define ZK_ADMIN_ABSENT (-1)

/* `connect`: h1:2181,h2:2181/chroot. Gives the session (zk_admin_close), NULL with why. */
struct zk_admin *zk_admin_open(const char *connect, struct errmsg *why);
void zk_admin_close(struct zk_admin *admin);

/* For zk_sync_*. */
struct zk_sync *zk_admin_sync(struct zk_admin *admin);

MUST_USE enum err zk_admin_exists(struct zk_admin *admin, const char *path, bool *out, struct errmsg *why);

/* Ids of the brokers that are registered, ascending. */
MUST_USE enum err zk_admin_broker_ids(struct zk_admin *admin, struct arena *arena, struct znode_ids *out,
                                      struct errmsg *why);

/*
 * The settings under /config/<entity> ("topics/orders", "brokers/0"), none when there is no such znode;
 * `version` is its version or ZK_ADMIN_ABSENT.
 */
MUST_USE enum err zk_admin_read_config(struct zk_admin *admin, const char *entity, struct arena *arena,
                                       struct znode_config *out, int32_t *version, struct errmsg *why);
/*
 * Writes them, if nobody did since they were read, and tells the brokers, both or none of it.
 * ERR_BAD_VERSION or ERR_EXISTS: somebody did.
 */
MUST_USE enum err zk_admin_write_config(struct zk_admin *admin, const char *entity,
                                        const struct znode_config *config, int32_t version,
                                        struct errmsg *why);

/* A change of settings: names to set and names to remove. */
struct zk_admin_edits {
    const struct znode_config_entry *set;
    int set_count;
    const char *const *remove;
    int remove_count;
};

/* The settings with the edits made, in the arena. */
void zk_admin_edit_config(const struct znode_config *from, const struct zk_admin_edits *edits,
                          struct arena *arena, struct znode_config *out);

#endif
