/*
 * Looks through a coordinator's insides and fails the test when something does not fit.
 */
#ifndef BARNABAS_TESTS_UNIT_CORE_GROUP_AUDIT_H
#define BARNABAS_TESTS_UNIT_CORE_GROUP_AUDIT_H

#include "core/group/coordinator.h"

void audit(const struct group_coordinator *c);

#endif
