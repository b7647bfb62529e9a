/*
 * A ZooKeeper server of the distribution's package as a child process, in a directory of its own.
 */
#ifndef BARNABAS_TESTS_UNIT_ZK_SERVER_H
#define BARNABAS_TESTS_UNIT_ZK_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct zk_server {
    pid_t pid; /* 0 = not running */
    int port;
    char folder[64];
};

/* Is there a server to run here? */
bool zk_server_can_run(void);
/* Chooses a port and a directory, starts it, and waits until it answers. False when it does not. */
bool zk_server_open(struct zk_server *server);
bool zk_server_start(struct zk_server *server);
void zk_server_kill(struct zk_server *server);
/* Returns when every thread of it has stopped, which takes its time on a busy machine. */
void zk_server_pause(const struct zk_server *server);
void zk_server_resume(const struct zk_server *server);
void zk_server_close(struct zk_server *server);

#endif
