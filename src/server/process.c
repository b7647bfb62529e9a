#include "server/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void read_memory(struct process_numbers *out)
{
    FILE *file = fopen("/proc/self/statm", "re");
    int64_t pages, resident;
    if (file && fscanf(file, "%" SCNd64 " %" SCNd64, &pages, &resident) == 2) {
        out->virtual_bytes = pages * sysconf(_SC_PAGESIZE);
        out->resident_bytes = resident * sysconf(_SC_PAGESIZE);
    }
    if (file)
        fclose(file);
}

static void read_io(struct process_numbers *out)
{
    FILE *file = fopen("/proc/self/io", "re");
    char name[32];
    int64_t value;
    while (file && fscanf(file, "%31[^:]: %" SCNd64 "\n", name, &value) == 2) {
        if (strcmp(name, "read_bytes") == 0)
            out->disk_read_bytes = value;
        else if (strcmp(name, "write_bytes") == 0)
            out->disk_write_bytes = value;
    }
    if (file)
        fclose(file);
}

static void count_fds(struct process_numbers *out)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        out->max_fds = (int64_t)limit.rlim_cur;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return;
    out->open_fds = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        out->open_fds += entry->d_name[0] != '.';
    out->open_fds--; /* the one that reads this directory */
    closedir(dir);
}

/* Field 22 of stat is the start in ticks since boot; the command before it may hold anything but ')'. */
static void read_start(struct process_numbers *out)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = '\0';
    const char *at = strrchr(text, ')');
    int64_t ticks;
    if (!at || sscanf(at + 1,
                      " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNd64,
                      &ticks) != 1)
        return;
    struct timespec wall, boot;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    double now = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
    double up = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9;
    out->started_s = now - up + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void process_read_numbers(struct process_numbers *out)
{
    *out = (struct process_numbers){-1, -1, -1, -1, -1, -1, -1, -1};
    struct timespec cpu;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        out->cpu_us = (int64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000;
    read_memory(out);
    read_io(out);
    count_fds(out);
    read_start(out);
}
