/* One suite for each source file of the room config, and what their tests share. */
#ifndef BARNABAS_TESTS_UNIT_CONFIG_SUITES_H
#define BARNABAS_TESTS_UNIT_CONFIG_SUITES_H

#include <check.h>

#include "config/config.h"
#include "config/report.h"

Suite *config_table_suite(void);
Suite *describe_suite(void);
Suite *dynamic_suite(void);
Suite *inter_broker_suite(void);
Suite *listeners_suite(void);
Suite *load_suite(void);
Suite *topic_config_suite(void);
Suite *value_suite(void);

/* The least that a file must say; tests append to it. */
#define MINIMAL "zookeeper.connect=localhost:2181\nbroker.id=1\n"

/* Loads MINIMAL and `more`, which must be right. Gives a snapshot. */
struct config *load_good(const char *more);
/* Loads MINIMAL and `more`; `report` gets what there is to say. Gives a snapshot or NULL. */
struct config *load_reported(const char *more, struct config_report *report);
/* The item of the report about that name, or NULL. */
const struct config_problem *problem_about(const struct config_report *report, const char *name);
/* Loading fails with an error about that name whose text holds `text`. */
void check_refused(const char *more, const char *name, const char *text);

#endif
