/*
 * Registration, as service/identity has it: which data this is, then /brokers/ids/N and the incarnation in
 * one transaction; what stands in the way is looked at and, where it may be, removed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/identity/incarnation.h"
#include "sim/node.h"
#include "storage/atomic_file.h"

#define INCARNATION_PATH NODE_DIR "/" INCARNATION_FILE_NAME
#define RETRY_MS         250

static void try_to_register(struct proc *proc);

static char *path_of(const struct proc *proc, const char *fmt, char *out, size_t size)
{
    snprintf(out, size, fmt, proc->id);
    return out;
}

/* --- whose data it is --------------------------------------------------------------------------------- */

static struct uuid new_id(struct proc *proc)
{
    struct uuid id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)(1 + sim_below(proc->sim, SIM_RNG_NODE + (unsigned)proc->id, 255));
    return id;
}

static void boot_id_of(const struct proc *proc, char out[64])
{
    snprintf(out, 64, "boot-%d", proc->node->boot);
}

static enum err write_file(struct proc *proc, struct uuid directory, const struct znode_incarnation *known,
                           struct errmsg *why)
{
    char boot_id[64];
    boot_id_of(proc, boot_id);
    struct incarnation_file file = incarnation_file_of(&proc->incarnation, known, boot_id);
    file.directory = directory;
    file.directories = &directory;
    file.directories_count = 1;
    struct buf text = {0};
    incarnation_file_format(&file, &text);
    enum err err = atomic_file_write(proc->dir.disk, INCARNATION_PATH, buf_view(&text), why);
    buf_close(&text);
    return err;
}

static void decide(struct proc *proc, const struct incarnation_dir *dir,
                   const struct znode_incarnation *known, const struct znode_incarnation *trusted)
{
    char boot_id[64];
    boot_id_of(proc, boot_id);
    struct incarnation_verdict verdict = incarnation_judge(dir, 1, 0, known, boot_id);
    proc->incarnation = incarnation_next(&verdict, dir, 1, known, trusted);
    if (!verdict.keep)
        proc->incarnation.id = new_id(proc);
    sim_trace(proc->sim, "%d starts with its data %s, loss=%d", proc->id, verdict.reason,
              (int)proc->incarnation.loss);
}

static void made(void *arg, const struct controller_op_result *results, int32_t count)
{
    (void)count;
    struct proc *proc = arg;
    if (!results)
        return;
    proc->settled = results[0].err == ERR_NONE || results[0].err == ERR_EXISTS;
    try_to_register(proc);
}

static void settle(void *arg, const struct controller_op_result *results, int32_t count)
{
    (void)count;
    struct proc *proc = arg;
    if (!results || proc->failing)
        return;
    bool has[2];
    for (int i = 0; i < 2; i++) {
        has[i] = results[i].err == ERR_NONE;
        if (!has[i] && results[i].err != ERR_NOT_FOUND) {
            try_to_register(proc);
            return;
        }
    }
    struct buf text = {0};
    struct errmsg why;
    struct incarnation_dir dir = {.clean = proc->was_clean, .power_lost = proc->power_lost};
    enum err err = atomic_file_read(proc->dir.disk, INCARNATION_PATH, &text, &why);
    if (err == ERR_NONE)
        dir.has_file = incarnation_file_parse(buf_view(&text), &dir.file);
    buf_close(&text);
    decide(proc, &dir, has[0] ? &results[0].value.incarnation : NULL,
           has[1] ? &results[1].value.incarnation : NULL);
    struct uuid directory = dir.has_file ? dir.file.directory : new_id(proc);
    if (err == ERR_NONE || err == ERR_NOT_FOUND)
        err = write_file(proc, directory, has[0] ? &results[0].value.incarnation : NULL, &why);
    incarnation_file_close(&dir.file);
    if (err != ERR_NONE) {
        proc_fail_storage(proc, &why);
        return;
    }
    char path[40];
    struct controller_op op = {
        .kind = CONTROLLER_OP_CREATE,
        .path = path_of(proc, "/barnabas/brokers/%d", path, sizeof path),
        .value = {.kind = CONTROLLER_VALUE_INCARNATION, .incarnation = proc->incarnation}};
    if (has[0]) {
        proc->settled = true;
        try_to_register(proc);
    } else {
        zk_client_submit(proc->zk, &op, 1, 0, made, proc);
    }
}

static void find_out(struct proc *proc)
{
    char known[40], trusted[40];
    struct controller_op ops[2] = {{.kind = CONTROLLER_OP_GET,
                                    .path = path_of(proc, "/barnabas/brokers/%d", known, sizeof known),
                                    .value.kind = CONTROLLER_VALUE_INCARNATION},
                                   {.kind = CONTROLLER_OP_GET,
                                    .path = path_of(proc, "/barnabas/trusted/%d", trusted, sizeof trusted),
                                    .value.kind = CONTROLLER_VALUE_INCARNATION}};
    zk_client_submit(proc->zk, ops, 2, 0, settle, proc);
}

/* --- registering -------------------------------------------------------------------------------------- */

static void again(struct sim *sim, void *arg)
{
    (void)sim;
    try_to_register(arg);
}

static bool is_own_session(const struct proc *proc, int64_t session_id)
{
    for (int i = 0; i < proc->own_sessions_count && i < (int)ARRAY_LEN(proc->own_sessions); i++)
        if (proc->own_sessions[i] == session_id)
            return true;
    return false;
}

static void registered(struct proc *proc, int64_t epoch)
{
    struct broker_node *node = proc->node;
    proc->registering = false;
    proc->ready = true;
    atomic_store(&proc->broker.epoch, epoch);
    node->last_session = proc->session_id;
    node->last_session_boot = node->boot;
    sim_trace(proc->sim, "%d registered, epoch=%lld", proc->id, (long long)epoch);
    conductor_opened(proc);
}

static void deleted(void *arg, const struct controller_op_result *results, int32_t count)
{
    (void)count;
    if (results)
        try_to_register(arg);
}

static void owner_found(void *arg, const struct controller_op_result *results, int32_t count)
{
    (void)count;
    struct proc *proc = arg;
    if (!results)
        return;
    const struct broker_node *node = proc->node;
    int64_t owner = results[0].ephemeral_owner;
    char path[40];
    if (results[0].err != ERR_NONE) {
        try_to_register(proc);
    } else if (owner == proc->session_id) {
        registered(proc, results[0].czxid);
    } else if (is_own_session(proc, owner)) {
        struct controller_op op = {.kind = CONTROLLER_OP_DELETE,
                                   .path = path_of(proc, "/brokers/ids/%d", path, sizeof path),
                                   .version = CONTROLLER_ANY_VERSION};
        zk_client_submit(proc->zk, &op, 1, 0, deleted, proc);
    } else {
        if (owner == node->last_session && node->boot == node->last_session_boot)
            zk_ensemble_end_session(proc->sim->zk, owner);
        sim_after(proc->sim, RETRY_MS * SIM_MS, proc->id, "register_again", again, NULL, proc);
    }
}

/* Whatever became of the write: who holds the znode now? */
static void written(void *arg, const struct controller_op_result *results, int32_t count)
{
    (void)count;
    struct proc *proc = arg;
    if (!results)
        return;
    char path[40];
    struct controller_op op = {.kind = CONTROLLER_OP_GET,
                               .path = path_of(proc, "/brokers/ids/%d", path, sizeof path),
                               .value.kind = CONTROLLER_VALUE_BROKER};
    zk_client_submit(proc->zk, &op, 1, 0, owner_found, proc);
}

static void write_registration(struct proc *proc)
{
    char path[40], data_path[40];
    struct znode_endpoint endpoint = {
        .listener = "PLAINTEXT", .protocol = "PLAINTEXT", .host = "h", .port = 9000 + proc->id};
    struct controller_op ops[2] = {
        {.kind = CONTROLLER_OP_CREATE,
         .path = path_of(proc, "/brokers/ids/%d", path, sizeof path),
         .ephemeral = true,
         .value = {.kind = CONTROLLER_VALUE_BROKER,
                   .broker = {.version = 5, .jmx_port = -1, .endpoints = &endpoint, .endpoints_count = 1}}},
        {.kind = CONTROLLER_OP_SET,
         .path = path_of(proc, "/barnabas/brokers/%d", data_path, sizeof data_path),
         .version = CONTROLLER_ANY_VERSION,
         .value = {.kind = CONTROLLER_VALUE_INCARNATION, .incarnation = proc->incarnation}}};
    struct controller_op multi = {.kind = CONTROLLER_OP_MULTI, .ops = ops, .ops_count = 2};
    zk_client_submit(proc->zk, &multi, 1, 0, written, proc);
}

static void try_to_register(struct proc *proc)
{
    if (proc->session_id == 0 || proc->failing)
        proc->registering = false; /* the next session begins anew */
    else if (!proc->settled)
        find_out(proc);
    else
        write_registration(proc);
}

void register_opened(struct proc *proc, int64_t session_id)
{
    proc->own_sessions[proc->own_sessions_count++ % (int)ARRAY_LEN(proc->own_sessions)] = session_id;
    if (proc->registering)
        return; /* what is under way finds the new session */
    proc->registering = true;
    try_to_register(proc);
}
