/*
 * What went wrong, as a value. Zero is success.
 *
 * One table (base/err.def) holds Kafka's 129 error codes and our internal ones;
 * this header and every printer, retry rule and conversion come from it.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_ERR_H
#define BARNABAS_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

enum err {
#define ERR(name, code, retriable, meaning) ERR_##name = (code),
#include "base/err.def"
#undef ERR
};

#define MUST_USE __attribute__((warn_unused_result))

/* "NOT_LEADER_OR_FOLLOWER"; "UNKNOWN" for a code that is not in the table. */
const char *err_name(enum err err);
const char *err_meaning(enum err err);
bool err_is_retriable(enum err err);
/* The code that goes over the wire: internal errors become UNKNOWN_SERVER_ERROR (-1). */
int16_t err_wire_code(enum err err);

#endif
