/*
 * Mistakes that are made on purpose, one at a time, to see that they are found. See plants.c.
 */
#ifndef BARNABAS_TESTS_SIM_PLANTS_H
#define BARNABAS_TESTS_SIM_PLANTS_H

#include <stdbool.h>

/* False when there is none of that name. */
bool plant_choose(const char *name);
/* The i-th name; NULL = there are no more. */
const char *plant_name(int i);

#endif
