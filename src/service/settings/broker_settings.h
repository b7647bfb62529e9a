/*
 * The broker's settings in force: the file, and what /config/brokers says over it.
 *
 * Runs on: threads that may wait (start, workers); one at a time.
 */
#ifndef BARNABAS_SERVICE_SETTINGS_BROKER_SETTINGS_H
#define BARNABAS_SERVICE_SETTINGS_BROKER_SETTINGS_H

#include "base/arena.h"
#include "port/znodes.h"
#include "service/broker.h"

struct config;

/* Reads /config/brokers/<default> and /config/brokers/N and puts what follows in force. */
void broker_settings_reload(struct broker *broker);

/* The settings in force, shared (config_release): for threads that are not loops. */
struct config *broker_settings_share(struct broker *broker);

#endif
