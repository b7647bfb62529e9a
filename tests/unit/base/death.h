/*
 * Runs a function in a child process that is expected to die, and reads what
 * it wrote to standard error.
 */
#ifndef BARNABAS_TESTS_BASE_DEATH_H
#define BARNABAS_TESTS_BASE_DEATH_H

#include <stddef.h>

/* The signal that killed the child, or 0 if it exited. `text` gets its standard error, NUL-terminated. */
int death_signal(void (*deed)(void), char *text, size_t size);

#endif
