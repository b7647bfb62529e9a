/*
 * The disk port on POSIX files.
 *
 * Handles are many (every segment of every replica), descriptors are few: a
 * handle's descriptor is opened on demand and closed again, least recently used
 * first, when more than max_open_fds are open. One that is in use (a read, a write,
 * a pin) is never closed.
 *
 * Errors beyond the port's: ERR_WOULD_BLOCK when the process or the system is out
 * of descriptors even after all quiet ones were closed; nothing is wrong with the
 * disk then. ERR_NOT_EMPTY from rmdir.
 *
 * A handle whose file is renamed keeps its old path until set_path; pin it across
 * the two if other threads may read it meanwhile.
 *
 * Runs on: any thread.
 */
#ifndef BARNABAS_DISK_POSIX_H
#define BARNABAS_DISK_POSIX_H

#include "port/disk.h"

/*
 * Gives the disk (disk_posix_free, when every handle and lock was released).
 * max_open_fds <= 0: half of the process's limit, so that the other half is left to sockets.
 */
struct disk *disk_posix_new(int max_open_fds);
void disk_posix_free(struct disk *disk);
/* Descriptors of files open now. */
int disk_posix_open_fds(const struct disk *disk);

#endif
