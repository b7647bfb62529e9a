/*
 * Makes requests to brokers from the present state.
 * Runs on: controller loop.
 */
#ifndef BARNABAS_CORE_CONTROLLER_OUTBOX_BUILD_H
#define BARNABAS_CORE_CONTROLLER_OUTBOX_BUILD_H

#include "core/controller/outbox.h"

/* Appends the effect. Notes in each entry of a LeaderAndIsr the leader epoch that it was sent with. */
void ctl_build_request(struct controller *c, struct ctl_broker *broker, enum ctl_out_kind kind,
                       struct ctl_out_set *set, uint64_t ticket);

#endif
