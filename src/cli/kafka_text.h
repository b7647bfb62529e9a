/*
 * What Kafka's clients say about an error that came without a message of its
 * own; scripts know some of these sentences.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_KAFKA_TEXT_H
#define BARNABAS_CLI_KAFKA_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "base/view.h"

const char *kafka_error_text(int16_t code);

/* The broker's message, or the sentence for the code when it is null. */
struct view kafka_error_message(int16_t code, struct view message);

#endif
