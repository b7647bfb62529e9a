/*
 * Reading UTF-8 as Java does, for what depends on Java's strings.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_UTF8_H
#define BARNABAS_BASE_UTF8_H

#include <stdint.h>

#include "base/view.h"

/*
 * The code point at *pos (< utf8.len), which moves past it. Malformed bytes become U+FFFD exactly where
 * Java's decoder puts one: one for each longest start of a legal sequence, and a single one for a
 * surrogate written in three bytes.
 */
uint32_t utf8_next(struct view utf8, size_t *pos);

#endif
