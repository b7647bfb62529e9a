/*
 * Before this broker stops it asks the controller to move away what it leads
 * (controlled.shutdown.enable; zookeeper-and-controller 2.8).
 *
 * Runs on: the stopping thread; blocks.
 */
#ifndef BARNABAS_SERVICE_CONTROLLER_CONTROLLED_SHUTDOWN_H
#define BARNABAS_SERVICE_CONTROLLER_CONTROLLED_SHUTDOWN_H

#include <stdbool.h>

struct broker;

/*
 * Asks up to controlled.shutdown.max.retries times, controlled.shutdown.retry.backoff.ms apart. True when
 * nothing is led here any more that another could lead; false when it was not tried or did not succeed, which
 * is logged. Not tried when no other broker is alive: there is nobody to lead instead.
 */
bool controlled_shutdown(struct broker *broker);

#endif
