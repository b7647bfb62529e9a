/*
 * What the kernel says of this process.
 * Runs on: any; reads /proc, which does not wait for a disk.
 */
#ifndef BARNABAS_SERVER_PROCESS_H
#define BARNABAS_SERVER_PROCESS_H

#include <stdint.h>

struct process_numbers {
    int64_t cpu_us;
    int64_t resident_bytes;
    int64_t virtual_bytes;
    int64_t open_fds;
    int64_t max_fds;
    double started_s; /* since 1970 */
    int64_t disk_read_bytes;
    int64_t disk_write_bytes;
};

/* What cannot be had is -1. */
void process_read_numbers(struct process_numbers *out);

#endif
