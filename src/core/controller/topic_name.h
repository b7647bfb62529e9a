/*
 * Which names a topic may have.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_CONTROLLER_TOPIC_NAME_H
#define BARNABAS_CORE_CONTROLLER_TOPIC_NAME_H

#include <stdbool.h>

#include "base/errmsg.h"

/* 1 to 249 of [a-zA-Z0-9._-], neither "." nor "..". */
bool topic_name_is_valid(const char *name, struct errmsg *why);
/* Names with '.' or '_' share metric names when they differ in nothing else. */
bool topic_name_may_collide(const char *name);
bool topic_names_collide(const char *a, const char *b);

#endif
