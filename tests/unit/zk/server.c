#include "server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define JAR        "/usr/share/java/zookeeper.jar"
#define START_MS   30000
#define LOOK_EVERY 20

bool zk_server_can_run(void)
{
    return access(JAR, R_OK) == 0 && system("java -version >/dev/null 2>&1") == 0;
}

static int connect_to(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool answers(int port)
{
    int fd = connect_to(port);
    if (fd < 0)
        return false;
    char text[2048] = "";
    size_t len = 0;
    if (write(fd, "srvr", 4) == 4) {
        ssize_t got;
        while (len < sizeof text - 1 && (got = read(fd, text + len, sizeof text - 1 - len)) > 0)
            len += (size_t)got;
    }
    close(fd);
    return strstr(text, "Mode:") != NULL;
}

/* Below the ports that connections are given: one of those might connect to itself. */
static int free_port(void)
{
    for (int i = 0; i < 100; i++) {
        int port = 11000 + (int)((getpid() * 37 + i * 101) % 20000);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        bool free_now = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (free_now)
            return port;
    }
    return -1;
}

static bool write_config(const struct zk_server *server)
{
    char path[128];
    snprintf(path, sizeof path, "%s/zoo.cfg", server->folder);
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fprintf(
        file,
        "tickTime=200\ndataDir=%s/data\nclientPort=%d\nclientPortAddress=127.0.0.1\nminSessionTimeout=400\n"
        "maxSessionTimeout=60000\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n",
        server->folder, server->port);
    return fclose(file) == 0;
}

static void run(const struct zk_server *server)
{
    char config[128], log[128];
    snprintf(config, sizeof config, "%s/zoo.cfg", server->folder);
    snprintf(log, sizeof log, "%s/log", server->folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    execlp("java", "java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
           "-Dzookeeper.forceSync=no", "-cp", JAR, "org.apache.zookeeper.server.quorum.QuorumPeerMain",
           config, (char *)NULL);
    _exit(127);
}

bool zk_server_start(struct zk_server *server)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            run(server);
        _exit(127);
    }
    server->pid = pid;
    for (int waited_ms = 0; waited_ms < START_MS; waited_ms += LOOK_EVERY) {
        if (answers(server->port))
            return true;
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            server->pid = 0;
            return false;
        }
        usleep(LOOK_EVERY * 1000);
    }
    return false;
}

bool zk_server_open(struct zk_server *server)
{
    *server = (struct zk_server){.port = free_port()};
    snprintf(server->folder, sizeof server->folder, "/tmp/barnabas-zk-XXXXXX");
    return server->port > 0 && mkdtemp(server->folder) && write_config(server) && zk_server_start(server);
}

void zk_server_kill(struct zk_server *server)
{
    if (server->pid <= 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

static bool thread_has_stopped(const struct zk_server *server, const char *thread)
{
    char path[300], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%s/stat", (int)server->pid, thread);
    FILE *file = fopen(path, "r");
    if (!file)
        return true; /* it has ended */
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *state = strrchr(text, ')');
    return state && state[1] == ' ' && (state[2] == 'T' || state[2] == 't');
}

static bool has_stopped(const struct zk_server *server)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)server->pid);
    DIR *threads = opendir(path);
    bool all = true;
    const struct dirent *entry;
    while (threads && all && (entry = readdir(threads)))
        all = entry->d_name[0] == '.' || thread_has_stopped(server, entry->d_name);
    if (threads)
        closedir(threads);
    return all;
}

void zk_server_pause(const struct zk_server *server)
{
    kill(server->pid, SIGSTOP);
    while (!has_stopped(server))
        usleep(1000);
}

void zk_server_resume(const struct zk_server *server)
{
    kill(server->pid, SIGCONT);
}

static int remove_entry(const char *path, const struct stat *stat_of_it, int kind, struct FTW *ftw)
{
    (void)stat_of_it;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void zk_server_close(struct zk_server *server)
{
    zk_server_kill(server);
    if (server->folder[0])
        nftw(server->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
