/*
 * Kafka's Uuid: 16 bytes, printed as 22 characters of URL-safe base64 without
 * padding. All zero means none.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_UUID_H
#define BARNABAS_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

struct uuid {
    uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 23

bool uuid_is_zero(struct uuid id);
bool uuid_equal(struct uuid a, struct uuid b);
/* Writes 22 characters and a NUL. */
void uuid_to_text(struct uuid id, char out[UUID_TEXT_SIZE]);
bool uuid_from_text(struct view text, struct uuid *out);
/*
 * Makes a version-4 UUID of 16 random bytes. False if Kafka would refuse it (zero, one, or a text
 * that begins with '-'): try again with other bytes.
 */
bool uuid_from_random(const uint8_t random[16], struct uuid *out);

#endif
