/*
 * What Kafka's clients say about an error that came without a message of its
 * own; scripts know some of these sentences.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_KAFKA_TEXT_H
#define BARNABAS_CLI_KAFKA_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

const char *kafka_error_text(int16_t code);
/* The exception that Kafka's clients make of it: "TimeoutException". */
const char *kafka_error_class(int16_t code);
/* Both, as Java prints an exception; in the arena. */
const char *kafka_exception(int16_t code, struct arena *arena);

/* The broker's message, or the sentence for the code when it is null. */
struct view kafka_error_message(int16_t code, struct view message);

#endif
