/*
 * What a broker writes down of its ZooKeeper session, so that its next process can end it:
 * `barnabas.session` in every log directory, mode 0600.
 *
 * Runs on: threads that may wait.
 */
#ifndef BARNABAS_SERVICE_IDENTITY_SESSION_RECORD_H
#define BARNABAS_SERVICE_IDENTITY_SESSION_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errmsg.h"

#define SESSION_RECORD_NAME "barnabas.session"

struct session_record {
    int64_t session_id;
    uint8_t password[16];
    char host[256];   /* gethostname */
    char boot_id[64]; /* of the kernel's present boot */
    pid_t pid;
    int64_t pid_start; /* when the process began, in clock ticks since boot */
    int32_t broker_id;
};

/* Fills in host, boot and process of the caller. */
void session_record_of_self(struct session_record *out);
/*
 * Replaces the file of `dir`, durably: after a power cut its boot id says that unsynced tails of logs may be
 * missing. A failure is only worth a warning (false, with why).
 */
bool session_record_write(const char *dir, const struct session_record *record, struct errmsg *why);
/* False when there is none, or none that can be trusted. */
bool session_record_read(const char *dir, struct session_record *out);
void session_record_remove(const char *dir);

/* True when the record was made on this host, in this boot, by a process that is gone. */
bool session_record_is_orphaned(const struct session_record *record);

#endif
