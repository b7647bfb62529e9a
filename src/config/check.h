/*
 * What must hold between several settings, as Kafka demands it at start.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_CHECK_H
#define BARNABAS_CONFIG_CHECK_H

struct config;
struct config_report;

/* Adds an error for every rule that is broken. */
void config_check(const struct config *config, struct config_report *report);

#endif
